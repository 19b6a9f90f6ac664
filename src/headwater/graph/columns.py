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
from headwater.graph.walk import edges_of
from headwater.sql.lineage import Influence, Kind, QueryLineage, Subtype, kind_of

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
        kind: ``direct`` when on some way every step passes the value on; ``row`` when on each
            some step only decides about rows, or cannot be traced.
        path: From the start to ``at``, both included; a shortest one of that kind.
    """

    at: ColumnRef
    kind: Literal["direct", "row"]
    path: tuple[ColumnRef, ...]


_Key = tuple[NodeId, str]
_Step = Callable[[ColumnRef], Iterable[tuple[ColumnRef, Kind]]]
_Steps = Mapping[_Key, tuple[tuple[ColumnRef, Kind], ...]]


def column_edges(graph: Graph, nodes: Iterable[NodeId] | None = None) -> tuple[ColumnEdge, ...]:
    """Return the steps of lineage into the given nodes, or into every node, sorted.

    Ephemeral models are nodes like any other here, although no table is between them and their
    readers. Relations that belong to no node are left out.
    """
    owners = _Owners(graph)
    keys = graph.nodes if nodes is None else nodes
    found: set[ColumnEdge] = set()
    for key in keys:
        found.update(_edges_into(graph.nodes[key], owners))
    return tuple(sorted(found))


class _Owners:
    """Which node is stored at a relation, or inlined under its name."""

    def __init__(self, graph: Graph) -> None:
        self._nodes = {
            _place(node.node.relation): key
            for key, node in graph.nodes.items()
            if node.node.relation is not None
        }
        for key, node in graph.nodes.items():
            if node.node.materialized == "ephemeral":
                self._nodes[_place(TableName("", "", CTE_PREFIX + node.node.alias))] = key
        self._known: dict[TableName, NodeId | None] = {}

    def find_or_none(self, table: TableName) -> NodeId | None:
        """Return the node whose rows a query reads under this name."""
        if table not in self._known:
            self._known[table] = self._nodes.get(_place(table.without_version()[0]))
        return self._known[table]


def _place(table: TableName) -> str:
    """Return a table's name as one text: thousands of tuples would be the collector's work."""
    return f"{table.catalog}\0{table.schema}\0{table.name}".lower()


def _edges_into(node: CompiledNode, owners: _Owners) -> Iterable[ColumnEdge]:
    key = node.node.unique_id
    for influence, column in _influences(node):
        source = owners.find_or_none(influence.table)
        if source is not None:
            kind: Kind = "row" if column == EVERY else kind_of(influence.subtype)
            yield ColumnEdge(
                ColumnRef(source, influence.column),
                ColumnRef(key, column),
                kind,
                influence.subtype,
                influence.masking,
            )


def _influences(node: CompiledNode) -> Iterable[tuple[Influence, str]]:
    """Yield what a node reads, with the column that it influences; ``*`` for its rows."""
    lineage = node.own_lineage or node.lineage
    if lineage is None:
        return
    for column, name in zip(lineage.columns, _stored_names(node, lineage), strict=True):
        for influence in column.influences:
            yield influence, name
    for influence in lineage.row_set:
        yield influence, EVERY


def _stored_names(node: CompiledNode, lineage: QueryLineage) -> Iterable[str]:
    """Return the names of a query's columns as the engine stores them.

    An output without a name is called by its text, which the engine writes in its own way.
    """
    stored = node.columns or ()
    is_same = lineage.complete and len(stored) == len(lineage.columns)
    return (column.name for column in (stored if is_same else lineage.columns))


class ColumnGraph:
    """A graph's column lineage, walked both ways for many questions.

    The edges into a node are made when a question first comes to it, so that a question about a
    large project costs what it reaches. Names are compared without case, as the engine does;
    answers spell them as the edges do.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._owners = _Owners(graph)
        both = edges_of(graph)
        self._readers, self._inputs = both.readers, both.inputs
        self._unreferenced = _unreferenced(graph, self._owners)
        self._into: dict[NodeId, tuple[ColumnEdge, ...]] = {}
        self._forward: dict[NodeId, _Steps] = {}
        self._backward: dict[NodeId, _Steps] = {}

    def edges_into(self, node: NodeId) -> tuple[ColumnEdge, ...]:
        """Return the edges into a node, sorted."""
        if node not in self._into:
            edges = set(_edges_into(self._graph.nodes[node], self._owners))
            self._into[node] = tuple(sorted(edges))
        return self._into[node]

    def downstream(
        self, node: NodeId, column: str = EVERY, *, direct: bool = False
    ) -> tuple[Reached, ...]:
        """Return everything that a change of a column reaches, nearest first.

        ``*`` asks for a change of the node's rows, which reaches every reader. A column that
        decides about rows reaches the reader's rows, and so everything after it. Readers that
        could not be traced (and exposures, metrics) are reached as a whole. ``direct`` asks only
        for what its values flow into.
        """
        return _walk(ColumnRef(node, column), self.steps_down, direct=direct)

    def upstream(
        self, node: NodeId, column: str = EVERY, *, direct: bool = False
    ) -> tuple[Reached, ...]:
        """Return every column that a column comes from, nearest first.

        Columns that decide about the rows of the node, or of any node on the way, are part of the
        answer with kind ``row``. ``*`` asks only for what decides about rows, ``direct`` only for
        those whose values flow into the column.
        """
        return _walk(ColumnRef(node, column), self._next_up, direct=direct)

    def steps_down(self, at: ColumnRef) -> Iterable[tuple[ColumnRef, Kind]]:
        """Yield what a column reaches in one step, and how."""
        for reader in self._readers_of(at.node):
            if at.column == EVERY or self._is_untraced(reader):
                yield ColumnRef(reader, EVERY), "row"
            if at.column != EVERY:
                if reader not in self._forward:
                    edges = self.edges_into(reader)
                    self._forward[reader] = _index((e.source, e.target, e.kind) for e in edges)
                yield from self._forward[reader].get(at.folded, ())

    def _next_up(self, at: ColumnRef) -> Iterable[tuple[ColumnRef, Kind]]:
        if at.node not in self._backward:
            edges = self.edges_into(at.node)
            self._backward[at.node] = _index((e.target, e.source, e.kind) for e in edges)
        yield from self._backward[at.node].get(at.folded, ())
        if at.column != EVERY:
            yield from self._backward[at.node].get((at.node, EVERY), ())
        if self._is_untraced(at.node):
            for source in self._sources_of(at.node):
                yield ColumnRef(source, EVERY), "row"

    def _readers_of(self, node: NodeId) -> Iterable[NodeId]:
        yield from self._readers.get(node, ())
        yield from self._unreferenced.get(node, ())

    def _sources_of(self, node: NodeId) -> Iterable[NodeId]:
        yield from self._inputs.get(node, ())
        yield from (source for source, found in self._unreferenced.items() if node in found)

    def _is_untraced(self, key: NodeId) -> bool:
        lineage = self._graph.nodes[key].lineage
        return lineage is None or not lineage.complete


def _unreferenced(graph: Graph, owners: _Owners) -> Mapping[NodeId, list[NodeId]]:
    """Return readers that name another node's relation in their SQL without a ``ref``."""
    found: dict[NodeId, list[NodeId]] = {}
    for key, node in graph.nodes.items():
        for table in node.lineage.reads if node.lineage is not None else ():
            owner = owners.find_or_none(table)
            if owner is not None and owner != key and owner not in node.depends_on:
                found.setdefault(owner, []).append(key)
    return found


def _walk(start: ColumnRef, step: _Step, *, direct: bool) -> tuple[Reached, ...]:
    """Walk in circles around the start: along values first, then along everything."""
    first = Reached(at=start, kind="direct", path=(start,))
    found = {start.folded: first}
    queue = deque([first])
    while queue:
        here = queue.popleft()
        for at, kind in step(here.at):
            if kind == "direct" and at.folded not in found:
                found[at.folded] = Reached(at=at, kind="direct", path=(*here.path, at))
                queue.append(found[at.folded])
    queue.extend(() if direct else found.values())
    while queue:
        here = queue.popleft()
        for at, _ in step(here.at):
            if at.folded not in found:
                found[at.folded] = Reached(at=at, kind="row", path=(*here.path, at))
                queue.append(found[at.folded])
    reached = [each for each in found.values() if each is not first]
    return tuple(sorted(reached, key=lambda each: len(each.path)))


def _index(steps: Iterable[tuple[ColumnRef, ColumnRef, Kind]]) -> _Steps:
    found: dict[_Key, dict[tuple[ColumnRef, Kind], None]] = {}
    for start, end, kind in steps:
        found.setdefault(start.folded, {})[end, kind] = None
    return {key: tuple(ends) for key, ends in found.items()}


def downstream(graph: Graph, node: NodeId, column: str = EVERY) -> tuple[Reached, ...]:
    """Return everything that a change of a column reaches; for many, keep a ColumnGraph."""
    return ColumnGraph(graph).downstream(node, column)


def upstream(graph: Graph, node: NodeId, column: str = EVERY) -> tuple[Reached, ...]:
    """Return every column that a column comes from; for many, keep a ColumnGraph."""
    return ColumnGraph(graph).upstream(node, column)
