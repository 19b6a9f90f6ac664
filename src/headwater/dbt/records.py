"""A mapping whose keys are attributes: how a JSON document looks like the objects that dbt gives.

Programs written for dbt say ``manifest.nodes[key].config.materialized``; our documents are plain
values with the same names, and are wrapped only where they are looked at.
"""

from collections.abc import Iterator, Mapping
from typing import Any


class Record(Mapping[str, Any]):
    """A read-only document; ``record.name`` is ``record["name"]``, at every depth."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a JSON document has any value
        return _seen(self._fields[key])

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        try:
            return _seen(self._fields[name])
        except KeyError:
            message = f"this document has no {name!r}"
            raise AttributeError(message) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Record({dict(self._fields)!r})"

    def to_dict(self, **_options: object) -> dict[str, Any]:
        """Return the document as plain values; dbt's options for this call are taken and unused."""
        return {key: _plain(value) for key, value in self._fields.items()}


def _seen(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping) and not isinstance(value, Record):
        return Record(value)
    if isinstance(value, list):
        return [_seen(each) for each in value]
    return value


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
