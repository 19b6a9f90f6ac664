"""The joins of new and changed models, with what was measured of the columns that they compare.

The rules about joins share it: each query is read once, and only where its tables have rows to
multiply. A nightly plan in which no model changed reads none.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.draft import SAME, Draft, NodeJoins
from headwater.plan.facts import open_facts
from headwater.plan.inputs import InputIndex, index_inputs, is_view
from headwater.plan.state import DeployedNode, KeyShape
from headwater.sql.count_rows import see_joins
from headwater.sql.counted import Field, JoinSeen
from headwater.sql.dialects import DUCKDB

ROWS_MIN = 2
"""Inputs with fewer rows are not looked at: nothing can be multiplied."""

DEPTH_MAX = 20
"""How many views a column is followed through."""

_KINDS = frozenset({"model", "snapshot"})


def read_joins(draft: Draft) -> Draft:
    """Fill in the joins of the nodes that this plan adds or changes."""
    wanted = [node for node in draft.decisions if _is_wanted(draft, node)]
    if not wanted:
        return draft
    book = open_facts(draft)
    found: dict[NodeId, NodeJoins] = {}
    for node in wanted:
        compiled = draft.compiled(node)
        rows, joins = see_joins(compiled.code, book.facts_for(compiled, "likely"), draft.trees)
        if joins:
            found[node] = NodeJoins(rows=rows, joins=joins)
    return replace(draft, joins=MappingProxyType(found))


def _is_wanted(draft: Draft, node: NodeId) -> bool:
    compiled = draft.compiled(node)
    if compiled.node.resource_type not in _KINDS or compiled.dialect != DUCKDB:
        return False
    if not draft.is_asked_for(node) or draft.differences[node].kind in SAME:
        return False
    tables = [draft.state.tables.get(str(name)) for name in draft.index.reads.get(node, ())]
    rows = [table.rows for table in tables if table is not None and table.rows is not None]
    return len(compiled.reads) > 0 and max(rows, default=0) >= ROWS_MIN and _may_join(compiled)


def _may_join(compiled: CompiledNode) -> bool:
    """Say, without reading the query, whether it may join."""
    return len(compiled.reads) > 1 or "join" in compiled.code.lower()


def join_columns(
    graph: Graph, deployed: Mapping[NodeId, DeployedNode]
) -> tuple[tuple[TableName, str], ...]:
    """Return the stored columns that new and changed models join by, sorted.

    These are the columns whose values State should have counted.

    Args:
        graph: The project.
        deployed: Nodes of the last successful runs.
    """
    index = index_inputs(graph)
    found: set[tuple[TableName, str]] = set()
    for node, compiled in graph.nodes.items():
        known = deployed.get(node)
        is_same = known is not None and known.fingerprint == compiled.fingerprint
        if is_same or compiled.node.resource_type not in _KINDS or compiled.lineage is None:
            continue
        for influence in compiled.lineage.row_set:
            if influence.subtype == "join":
                stored = _stored_or_none(graph, index, influence.table, influence.column)
                found |= {stored} if stored is not None else set()
    return tuple(sorted(found))


def _stored_or_none(
    graph: Graph, index: InputIndex, relation: TableName, column: str
) -> tuple[TableName, str] | None:
    """Follow a column through views that pass it on as it is; None where one does not."""
    for _ in range(DEPTH_MAX):
        producer = index.producers.get(relation)
        if producer is None or not is_view(graph.nodes[producer]):
            return relation, column.lower()
        lineage = graph.nodes[producer].lineage
        uses = [
            use
            for output in (lineage.columns if lineage else ())
            if output.name.lower() == column.lower()
            for use in output.influences
        ]
        if len(uses) != 1 or uses[0].subtype != "identity":
            return None
        relation, column = uses[0].table, uses[0].column
    return None


class Shapes:
    """What was counted of columns, found by the columns of a query that have all their values."""

    def __init__(self, shapes: Iterable[KeyShape]) -> None:
        """Index what was counted."""
        self._found = {(shape.table, shape.column.lower()): shape for shape in shapes}

    def __bool__(self) -> bool:
        """Say whether anything was counted."""
        return bool(self._found)

    def of(self, column: Field) -> KeyShape | None:
        """Return what was counted of a column that is a table's own, no row left out."""
        known = (self._found.get(each) for each in sorted(column.covers))
        return next((shape for shape in known if shape is not None), None)


def plain_pairs(
    draft: Draft,
) -> Iterator[tuple[CompiledNode, JoinSeen, KeyShape, KeyShape]]:
    """Give the joins by one column of which both sides were counted."""
    shapes = Shapes(draft.state.keys)
    for node, found in draft.joins.items() if shapes else ():
        for join in found.joins:
            if not join.match.is_all or len(join.match.pairs) != 1 or join.is_filtered:
                continue
            left, right = (shapes.of(each) for each in join.match.pairs[0])
            if left is not None and right is not None:
                yield draft.compiled(node), join, left, right
