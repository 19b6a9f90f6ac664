"""The dict that macros see of a node, which notes whether the node's text was looked at.

What was found out by rendering a text holds for another of the same outline only if nothing that
was rendered read the text itself.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

_TEXTS = frozenset({"raw_code", "raw_sql", "checksum"})


class OwnText(dict[str, Any]):
    """A node as dbt's dict. Reading the text, or the dict as a whole, is noted.

    The texts come into the dict when the first of them is asked for: that is how it is known.
    """

    __slots__ = ("_note", "_texts")

    def __init__(self, values: Mapping[str, object], note: Callable[[], None]) -> None:
        """Take a node's values.

        Args:
            values: By name.
            note: Called when a text is read, any number of times.
        """
        super().__init__({key: value for key, value in values.items() if key not in _TEXTS})
        self._texts = {key: values[key] for key in _TEXTS if key in values}
        self._note = note

    def _whole(self) -> Self:
        self._note()
        self.update(self._texts)
        return self

    def __missing__(self, key: str) -> object:
        if key not in self._texts:
            raise KeyError(key)
        self._note()
        return self._texts[key]

    def __contains__(self, key: object) -> bool:
        return key in self._texts or super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - dict's
        """Return a value, else the default."""
        if key in self:
            return self[key]
        return default

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self._whole())

    def __reversed__(self) -> Iterator[str]:
        return dict.__reversed__(self._whole())

    def __len__(self) -> int:
        return dict.__len__(self._whole())

    def __repr__(self) -> str:
        return dict.__repr__(self._whole())

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self._whole(), other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as of every dict

    def __or__(self, other: Any) -> Any:  # noqa: ANN401 - dict's
        return dict.__or__(self._whole(), other)

    def __ror__(self, other: Any) -> Any:  # noqa: ANN401 - dict's
        return dict.__ror__(self._whole(), other)

    def __reduce_ex__(self, protocol: object) -> tuple[type[dict[str, Any]], tuple[Any, ...]]:
        return dict, (dict(self.items()),)

    def keys(self) -> Any:  # noqa: ANN401 - the views of a dict have no name
        """Return all names."""
        return dict.keys(self._whole())

    def values(self) -> Any:  # noqa: ANN401 - the views of a dict have no name
        """Return all values."""
        return dict.values(self._whole())

    def items(self) -> Any:  # noqa: ANN401 - the views of a dict have no name
        """Return all names and values."""
        return dict.items(self._whole())

    def copy(self) -> dict[str, Any]:
        """Return a dict of all names and values."""
        return dict(self.items())

    def pop(self, key: str, *default: Any) -> Any:  # noqa: ANN401 - dict's
        """Take a value out."""
        return dict.pop(self._whole(), key, *default)

    def popitem(self) -> tuple[str, Any]:
        """Take the last value out."""
        return dict.popitem(self._whole())

    def setdefault(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - dict's
        """Return a value, which is the default from now on where there is none."""
        return dict.setdefault(self._whole(), key, default)
