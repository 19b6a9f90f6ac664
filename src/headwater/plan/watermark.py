"""The watermarks of a project's incremental models, and the stored columns they rest on.

What a watermark is, `sql.watermark` says; here it meets the graph: which models have one, and
which table's column decides it once views are followed.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from headwater.base.cache import Cache
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.inputs import InputIndex, index_inputs, is_view
from headwater.sql.watermark import Watermark, find_watermarks

HOURS_PER_DAY = 24

DEPTH_MAX = 20
"""How many views a column is followed through."""


def in_words(hours: float) -> str:
    """Write a duration in hours or days: ``36 hours``, ``3 days``, ``0 hours``."""
    if hours >= HOURS_PER_DAY and hours % HOURS_PER_DAY == 0:
        days = int(hours // HOURS_PER_DAY)
        return f"{days} day{'s' if days != 1 else ''}"
    return f"{hours:g} hour{'s' if hours != 1 else ''}"


def window_in_words(mark: Watermark) -> str:
    """Say how far back a watermark reads."""
    return "unknown" if mark.hours is None else in_words(mark.hours)


def watermarks_of(compiled: CompiledNode, known: Cache | None = None) -> tuple[Watermark, ...]:
    """Return the watermarks of a node's incremental query; none when it has no such query."""
    sql, this = compiled.incremental_code, compiled.node.relation
    if sql is None or this is None:
        return ()
    marks = find_watermarks(sql, this, compiled.dialect, known=known)
    return tuple(_in_catalog(mark, this.catalog) for mark in marks)


def _in_catalog(mark: Watermark, catalog: str) -> Watermark:
    """Complete ``schema.table``, which is in the catalog of the model that reads it."""
    relation = mark.relation
    if relation.catalog or not relation.schema:
        return mark
    return replace(mark, relation=TableName(catalog, relation.schema, relation.name))


def all_watermarks(
    graph: Graph, known: Cache | None = None
) -> Mapping[NodeId, tuple[Watermark, ...]]:
    """Return the watermarks of every incremental node that has some.

    Args:
        graph: The project.
        known: What earlier commands found.
    """
    found = {
        node: watermarks_of(compiled, known)
        for node, compiled in graph.nodes.items()
        if compiled.incremental_code is not None
    }
    return MappingProxyType({node: marks for node, marks in found.items() if marks})


def event_columns(graph: Graph, known: Cache | None = None) -> tuple[tuple[TableName, str], ...]:
    """Return the stored columns by which incremental models leave older rows out, sorted.

    These are the columns whose lateness State should carry. Views are followed to their tables
    while the column is passed on unchanged.
    """
    index = index_inputs(graph)
    found = {
        stored_column(graph, index, mark.relation, mark.column)
        for marks in all_watermarks(graph, known).values()
        for mark in marks
    }
    return tuple(sorted(found))


def stored_column(
    graph: Graph, index: InputIndex, relation: TableName, column: str
) -> tuple[TableName, str]:
    """Follow a column through views to the table that stores it, as far as it is passed on."""
    for _ in range(DEPTH_MAX):
        producer = index.producers.get(relation)
        if producer is None or not is_view(graph.nodes[producer]):
            break
        lineage = graph.nodes[producer].lineage
        outputs = lineage.columns if lineage else ()
        influences = next(
            (output.influences for output in outputs if output.name.lower() == column.lower()), ()
        )
        if len(influences) != 1 or influences[0].subtype not in {"identity", "transformation"}:
            break
        relation, column = influences[0].table, influences[0].column
    return relation, column
