"""Which columns an exposure, metric or semantic model uses, as far as it says so.

Semantic models and metrics name columns in their expressions. An exposure names none, unless its
``meta.headwater.columns`` lists them; it is then taken at its word.
"""

import re
from collections.abc import Iterator, Mapping

from headwater.base.codec import Json
from headwater.graph.graph import CompiledNode

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def mentions(compiled: CompiledNode, column: str) -> bool | None:
    """Say whether a declared consumer uses a column; None when it does not say."""
    node = compiled.node
    if node.resource_type == "exposure":
        listed = _listed_columns(node.meta)
        return None if listed is None else column.lower() in listed
    return column.lower() in {word.lower() for word in _words(dict(node.declared))}


def _listed_columns(meta: Mapping[str, Json]) -> set[str] | None:
    headwater = meta.get("headwater")
    columns = headwater.get("columns") if isinstance(headwater, dict) else None
    if not isinstance(columns, list):
        return None
    return {str(name).lower().rpartition(".")[2] for name in columns}


def _words(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield from _WORD.findall(value)
        case list():
            for part in value:
                yield from _words(part)
        case dict():
            for part in value.values():
                yield from _words(part)
        case _:
            pass
