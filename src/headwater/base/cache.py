"""Caches of derived bytes: found by the hash of all that they derive from, so never out of date.

What lies in one can be lost at any time; it costs time and nothing else.
"""

import hashlib
from collections.abc import Iterable
from typing import Protocol


class Cache(Protocol):
    """Keeps bytes by key."""

    def find_or_none(self, key: bytes) -> bytes | None:
        """Return what was kept under a key."""

    def keep(self, key: bytes, value: bytes) -> None:
        """Keep bytes under a key."""

    def save(self) -> None:
        """Let what was kept outlive this process."""


class NoCache:
    """Keeps nothing."""

    def find_or_none(self, key: bytes) -> None:
        """Find nothing."""

    def keep(self, key: bytes, value: bytes) -> None:
        """Drop it."""

    def save(self) -> None:
        """Have nothing to save."""


def cache_key(kind: str, parts: Iterable[bytes]) -> bytes:
    """Return the key of what derives from some texts: 16 bytes.

    Args:
        kind: What is derived; the same texts give another key for another kind.
        parts: The texts; where one ends and the next begins counts.
    """
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        digest.update(b"\0%d\0" % len(part))
        digest.update(part)
    return digest.digest()[:16]
