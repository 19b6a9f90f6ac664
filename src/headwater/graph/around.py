"""Lineage around one thing: the edges before and after a node or one of its columns."""

from difflib import get_close_matches
from typing import Literal, Protocol

from headwater.base.errors import NotFound
from headwater.base.ids import NodeId
from headwater.graph.columns import EVERY, ColumnEdge, ColumnGraph, ColumnRef, Reached
from headwater.graph.graph import CompiledNode, Graph


class _Walk(Protocol):
    def __call__(self, node: NodeId, column: str, *, direct: bool) -> tuple[Reached, ...]: ...


Direction = Literal["both", "up", "down"]


def edges_around(
    graph: Graph, name: str, *, direction: Direction, direct: bool = False
) -> tuple[ColumnEdge, ...]:
    """Return the edges on the ways into and out of a node or column, sorted.

    Args:
        graph: The compiled project.
        name: ``NODE`` or ``NODE.COLUMN``; NODE is a unique_id or a short name.
        direction: ``up`` for where it comes from, ``down`` for what it flows into.
        direct: Follow only edges along which values flow, not those that decide about rows.

    Raises:
        NotFound: ``lineage-not-found``.
    """
    node, column = find_column(graph, name)
    known = ColumnGraph(graph)
    columns = (column,) if column else columns_of(graph.nodes[node])
    if not (column and direct):
        columns = (*columns, EVERY)  # what decides about the node's rows is about each column too
    starts = {ColumnRef(node, each) for each in columns}
    walks: dict[Direction, _Walk] = {"up": known.upstream, "down": known.downstream}
    found: set[ColumnEdge] = set()
    for way, walk in walks.items():
        if direction not in {way, "both"}:
            continue
        side = starts | {
            reached.at
            for start in starts
            for reached in walk(start.node, start.column, direct=direct)
        }
        found |= _edges_among(known, side, direct=direct)
    return tuple(sorted(found))


def _edges_among(known: ColumnGraph, side: set[ColumnRef], *, direct: bool) -> set[ColumnEdge]:
    folded = {at.folded for at in side}
    return {
        edge
        for node in sorted({at.node for at in side})
        for edge in known.edges_into(node)
        if (edge.kind == "direct" or not direct)
        and edge.source.folded in folded
        and edge.target.folded in folded
    }


def find_column(graph: Graph, name: str) -> tuple[NodeId, str | None]:
    """Find the node, and the column if one is named.

    Raises:
        NotFound: ``lineage-not-found``, with the nearest name.
    """
    head, _, tail = name.rpartition(".")
    for node, column in ((name, None), (head, tail)):
        found = _find_node_or_none(graph, node) if node else None
        if found is None:
            continue
        if column is None:
            return found, None
        names = {each.lower(): each for each in columns_of(graph.nodes[found])}
        if not names or column.lower() in names:
            return found, names.get(column.lower(), column)
        raise _not_found(
            f"`{node}` has no column `{column}`",
            column,
            list(names.values()),
            f"it has {', '.join(names.values())}",
        )
    nodes = [each.node.name for each in graph.nodes.values()]
    raise _not_found(f"there is no node `{name}`", head or name, nodes, "`hw ls` lists the nodes")


def _find_node_or_none(graph: Graph, name: str) -> NodeId | None:
    if name in graph.nodes:
        return NodeId(name)
    lowered = name.lower()
    for key, compiled in graph.nodes.items():
        relation = str(compiled.node.relation).lower() if compiled.node.relation else ""
        if compiled.node.name.lower() == lowered or relation == lowered:
            return key
        if relation.partition(".")[2] == lowered:
            return key
    return None


def columns_of(compiled: CompiledNode) -> tuple[str, ...]:
    """Return the names of a node's columns, as far as they are known."""
    if compiled.columns is not None:
        return tuple(column.name for column in compiled.columns)
    return tuple(column.name for column in compiled.lineage.columns) if compiled.lineage else ()


def _not_found(what: str, wanted: str, known: list[str], otherwise: str) -> NotFound:
    near = get_close_matches(wanted, known, n=1)
    fix = f"did you mean `{near[0]}`?" if near else otherwise
    return NotFound("lineage-not-found", what, fix=fix)
