"""How wide stored columns are that nobody has stored yet: as their sources, or as their types are.

Compressed bytes of a value; what the first build of a table writes, and what its readers read of
it, is predicted by them.
"""

from collections.abc import Collection

from headwater.base.relations import Column
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.watermark import stored_column
from headwater.sql.lineage import Influence

WIDTH_OTHER = 4.0
"""Of a value of any other type."""
COLUMNS_USUAL = 8
"""Columns of a table whose columns are not known."""
_WIDTHS = (
    ("BOOLEAN", 0.2),
    ("DATE", 1.0),
    ("TINYINT", 0.5),
    ("SMALLINT", 1.0),
    ("INTEGER", 2.0),
    ("BIGINT", 2.5),
    ("DECIMAL", 2.5),
    ("DOUBLE", 5.0),
    ("VARCHAR", 4.0),
)


def width_of_row(draft: Draft, compiled: CompiledNode) -> float:
    """Return the bytes of a stored row of a node."""
    if compiled.columns is None:
        return WIDTH_OTHER * COLUMNS_USUAL
    sources: dict[str, Influence] = {}
    for output in compiled.lineage.columns if compiled.lineage is not None else ():
        direct = [each for each in output.influences if each.subtype == "identity"]
        if len(direct) == 1:
            sources[output.name.lower()] = direct[0]
    return sum(
        _stored_width(draft, sources.get(column.name.lower())) or usual_width(column.type)
        for column in compiled.columns
    )


def _stored_width(draft: Draft, source: Influence | None) -> float | None:
    if source is None:
        return None
    relation, name = stored_column(draft.graph, draft.index, source.table, source.column)
    table = draft.state.tables.get(str(relation))
    if table is None or not table.rows:
        return None
    sizes = {column.lower(): size for column, size in table.column_bytes.items()}
    size = sizes.get(name.lower())
    return None if size is None else size / table.rows


def usual_width(type_name: str) -> float:
    """Return the compressed bytes that a value of a type usually takes."""
    return next((width for word, width in _WIDTHS if type_name.startswith(word)), WIDTH_OTHER)


def share_by_types(columns: tuple[Column, ...] | None, wanted: Collection[str]) -> float:
    """Return the share of a row's bytes, 0 to 1, that some lower-case columns are."""
    widths = {column.name.lower(): usual_width(column.type) for column in columns or ()}
    total = sum(widths.values())
    if not total or not set(wanted) <= widths.keys():
        return 1.0
    return sum(widths[name] for name in wanted) / total
