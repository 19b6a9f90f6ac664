"""Column lineage across nodes: which column flows into which, and what a change reaches.

Each node's own trace names relations; here they become nodes, and single steps become paths.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.ephemeral import CTE_PREFIX
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.walk import Adjacency, edges_of
from headwater.sql.lineage import Influence, Kind, Subtype, kind_of

EVERY = "*"
"""Stands for a node's rows as a whole: which there are, how often and in what order."""


@dataclass(frozen=True, slots=True, order=True)
class ColumnRef:
    """A column of a node; ``*`` for its rows as a whole."""

    node: NodeId
    column: str

    def __str__(self) -> str:
        return f"{self.node}.{self.column}"

    @property
    def folded(self) -> tuple[NodeId, str]:
        """The same for every way of writing the column: names are compared without case."""
        return (self.node, self.column.lower())


@dataclass(frozen=True, slots=True, order=True)
class ColumnEdge:
    """One step of lineage.

    Attributes:
        source: The column read.
        target: The column that it flows into; ``*`` when it decides about rows.
        kind: ``direct`` when the value flows, ``row`` when it decides which rows there are.
        subtype: How it is used.
        masking: The value flows only through what hides it: a hash, a count, ``is null``.
    """

    source: ColumnRef
    target: ColumnRef
    kind: Kind
    subtype: Subtype
    masking: bool = False

    def document(self) -> dict[str, object]:
        """Return the edge as ``hw lineage --output json`` shows it."""
        return {
            "from": {"node": self.source.node, "column": self.source.column},
            "to": {"node": self.target.node, "column": self.target.column},
            "kind": self.kind,
            "subtype": self.subtype,
            "masking": self.masking,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A column that a change reaches, or that a column comes from.

    Attributes:
        at: The column reached.
        kind: ``direct`` while every step on the way passes the value on; ``row`` when some step
            only decides about rows, or cannot be traced.
        path: From the start to ``at``, both included; a shortest one.
    """

    at: ColumnRef
    kind: Literal["direct", "row"]
    path: tuple[ColumnRef, ...]


_Key = tuple[NodeId, str]
_Step = Callable[[ColumnRef], Iterable[tuple[ColumnRef, Kind]]]


def column_edges(graph: Graph, nodes: Iterable[NodeId] | None = None) -> tuple[ColumnEdge, ...]:
    """Return the steps of lineage into the given nodes, or into every node, sorted.

    Ephemeral models are nodes like any other here, although no table is between them and their
    readers. Relations that belong to no node are left out.
    """
    owner = _owners(graph)
    keys = graph.nodes if nodes is None else nodes
    found: set[ColumnEdge] = set()
    for key in keys:
        found.update(_edges_into(graph.nodes[key], owner))
    return tuple(sorted(found))


def _owners(graph: Graph) -> Mapping[str, NodeId]:
    """Map the lower-case text of a relation to the node that is stored or inlined there."""
    owners = {
        str(node.node.relation).lower(): key
        for key, node in graph.nodes.items()
        if node.node.relation is not None
    }
    for key, node in graph.nodes.items():
        if node.node.materialized == "ephemeral":
            owners[str(TableName("", "", CTE_PREFIX + node.node.alias)).lower()] = key
    return owners


def _edges_into(node: CompiledNode, owner: Mapping[str, NodeId]) -> Iterable[ColumnEdge]:
    lineage = node.own_lineage or node.lineage
    if lineage is None:
        return
    key = node.node.unique_id
    for column in lineage.columns:
        target = ColumnRef(key, column.name)
        for influence in column.influences:
            source = _source(influence, owner)
            if source:
                kind = kind_of(influence.subtype)
                yield ColumnEdge(source, target, kind, influence.subtype, influence.masking)
    for influence in lineage.row_set:
        source = _source(influence, owner)
        if source:
            yield ColumnEdge(source, ColumnRef(key, EVERY), "row", influence.subtype)


def _source(influence: Influence, owner: Mapping[str, NodeId]) -> ColumnRef | None:
    key = owner.get(str(influence.table.without_version()[0]).lower())
    return ColumnRef(key, influence.column) if key else None


class ColumnGraph:
    """A graph's column lineage, indexed both ways for many questions.

    Names are compared without case, as the engine does; answers spell them as the edges do.
    """

    def __init__(self, graph: Graph) -> None:
        self.edges = column_edges(graph)
        self._forward = _index((edge.source, edge.target, edge.kind) for edge in self.edges)
        self._backward = _index((edge.target, edge.source, edge.kind) for edge in self.edges)
        both = edges_of(graph)
        self._readers, self._inputs = both.readers, both.inputs
        self._untraced = frozenset(
            key
            for key, node in graph.nodes.items()
            if node.depends_on and (node.lineage is None or not node.lineage.complete)
        )

    def downstream(self, node: NodeId, column: str = EVERY) -> tuple[Reached, ...]:
        """Return everything that a change of a column reaches, nearest first.

        ``*`` asks for a change of the node's rows, which reaches every reader. A column that
        decides about rows reaches the reader's rows, and so everything after it. Readers that
        could not be traced (and exposures, metrics) are reached as a whole.
        """
        return self._walk(ColumnRef(node, column), self._next_down)

    def upstream(self, node: NodeId, column: str = EVERY) -> tuple[Reached, ...]:
        """Return every column that a column comes from, nearest first.

        Columns that decide about the rows of the node, or of any node on the way, are part of the
        answer with kind ``row``. ``*`` asks only for what decides about rows.
        """
        return self._walk(ColumnRef(node, column), self._next_up)

    def _walk(self, start: ColumnRef, step: _Step) -> tuple[Reached, ...]:
        seen = {_folded(start)}
        queue = deque([Reached(at=start, kind="direct", path=(start,))])
        found: list[Reached] = []
        while queue:
            here = queue.popleft()
            for at, kind in step(here.at):
                if _folded(at) in seen:
                    continue
                seen.add(_folded(at))
                kept: Kind = "row" if "row" in {kind, here.kind} else "direct"
                reached = Reached(at=at, kind=kept, path=(*here.path, at))
                found.append(reached)
                queue.append(reached)
        return tuple(found)

    def steps_down(self, at: ColumnRef) -> Iterable[tuple[ColumnRef, Kind]]:
        """Yield what a column reaches in one step, and how."""
        return self._next_down(at)

    def _next_down(self, at: ColumnRef) -> Iterable[tuple[ColumnRef, Kind]]:
        if at.column == EVERY:
            for reader in self._readers.get(at.node, ()):
                yield ColumnRef(reader, EVERY), "row"
            return
        yield from self._forward.get(_folded(at), ())
        yield from self._coarse(at.node, self._readers)

    def _coarse(self, node: NodeId, edges: Adjacency) -> Iterable[tuple[ColumnRef, Kind]]:
        for reader in edges.get(node, ()):
            if reader in self._untraced:
                yield ColumnRef(reader, EVERY), "row"

    def _next_up(self, at: ColumnRef) -> Iterable[tuple[ColumnRef, Kind]]:
        yield from self._backward.get(_folded(at), ())
        if at.column != EVERY:
            yield from self._backward.get((at.node, EVERY), ())
        if at.node in self._untraced:
            for source in self._inputs.get(at.node, ()):
                yield ColumnRef(source, EVERY), "row"


def _folded(at: ColumnRef) -> _Key:
    return (at.node, at.column.lower())


def _index(
    steps: Iterable[tuple[ColumnRef, ColumnRef, Kind]],
) -> Mapping[_Key, tuple[tuple[ColumnRef, Kind], ...]]:
    found: dict[_Key, dict[tuple[ColumnRef, Kind], None]] = {}
    for start, end, kind in steps:
        found.setdefault(_folded(start), {})[end, kind] = None
    return {key: tuple(ends) for key, ends in found.items()}


def downstream(graph: Graph, node: NodeId, column: str = EVERY) -> tuple[Reached, ...]:
    """Return everything that a change of a column reaches; for many, keep a ColumnGraph."""
    return ColumnGraph(graph).downstream(node, column)


def upstream(graph: Graph, node: NodeId, column: str = EVERY) -> tuple[Reached, ...]:
    """Return every column that a column comes from; for many, keep a ColumnGraph."""
    return ColumnGraph(graph).upstream(node, column)
