"""A cache in memory, for tests of what is kept."""


class MemoryCache:
    """Keeps bytes for as long as it lives."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def find_or_none(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def keep(self, key: bytes, value: bytes) -> None:
        self.values[key] = value

    def save(self) -> None:
        pass
