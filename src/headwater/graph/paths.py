"""Ways between two columns: each hop with its place in the files, the shortest first."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from headwater.base.ids import NodeId
from headwater.graph.around import columns_of, find_column
from headwater.graph.columns import EVERY, ColumnGraph, ColumnRef
from headwater.graph.graph import Graph
from headwater.sql.lineage import Kind

PATHS_MAX = 20
"""How many ways are shown."""
_Key = tuple[NodeId, str]
STEPS_MAX = 20_000
"""How many beginnings of ways are followed before no more are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathHop:
    """A column on the way.

    Attributes:
        node: unique_id.
        column: Its column; ``*`` for its rows as a whole.
        how: How it comes from the hop before: the subtype of the edge, ``rows`` where rows pass
            on rows, ``untraced`` where the query could not be traced; empty for the first hop.
        file: Where the node is written.
        line: Its line.
    """

    node: NodeId
    column: str
    how: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way.

    Attributes:
        kind: ``direct`` when values flow all the way; ``row`` when some step decides about rows.
        hops: Both ends included.
    """

    kind: Kind
    hops: tuple[PathHop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The ways that were found.

    Attributes:
        paths: The shortest first.
        is_cut: There may be more.
    """

    paths: tuple[Path, ...]
    is_cut: bool = False


def find_paths(graph: Graph, start: str, end: str, *, direct: bool = False) -> Paths:
    """Find the ways from one column to another.

    Args:
        graph: The compiled project.
        start: ``NODE.COLUMN``, or ``NODE`` for any of its columns and its rows.
        end: Likewise.
        direct: Only ways along which values flow.

    Raises:
        NotFound: ``lineage-not-found``.
    """
    return _Search(graph, direct=direct).between(_ends(graph, start), _ends(graph, end, at=direct))


def _ends(graph: Graph, name: str, *, at: bool | None = None) -> frozenset[ColumnRef]:
    """Return the columns that an end means.

    Args:
        graph: The project.
        name: As given.
        at: Of the last end: only the column itself, and not what decides about its rows.
    """
    node, column = find_column(graph, name)
    if column is None:
        return frozenset(ColumnRef(node, each) for each in (*columns_of(graph.nodes[node]), EVERY))
    rows = {ColumnRef(node, EVERY)} if at is False else set()
    return frozenset({ColumnRef(node, column), *rows})


class _Search:
    """Looks for ways in one project."""

    def __init__(self, graph: Graph, *, direct: bool) -> None:
        self._graph = graph
        self._known = ColumnGraph(graph)
        self._direct = direct

    def between(self, starts: frozenset[ColumnRef], ends: frozenset[ColumnRef]) -> Paths:
        """Follow every beginning of a way that can still lead to an end, the shortest first."""
        wanted = {end.folded for end in ends}
        leads_on = self._leading(starts, wanted)
        queue = deque[tuple[ColumnRef, ...]]()
        queue.extend((start,) for start in sorted(starts) if start.folded in leads_on)
        found: list[Path] = []
        for _ in range(STEPS_MAX):
            if not queue:
                return Paths(paths=tuple(found))
            way = queue.popleft()
            if len(way) > 1 and way[-1].folded in wanted:
                found.append(self._path(way))
                if len(found) == PATHS_MAX:
                    return Paths(paths=tuple(found), is_cut=bool(queue))
                continue
            seen = {each.folded for each in way}
            for at in self._next(way[-1]):
                if at.folded in leads_on and at.folded not in seen:
                    queue.append((*way, at))
        return Paths(paths=tuple(found), is_cut=True)

    def _leading(self, starts: Iterable[ColumnRef], wanted: set[_Key]) -> set[_Key]:
        """Return what lies between: reached from a start, and an end is reached from it."""
        comes_from: dict[_Key, set[_Key]] = {start.folded: set() for start in starts}
        queue = deque(starts)
        while queue:
            here = queue.popleft()
            for at in self._next(here):
                if at.folded not in comes_from:
                    comes_from[at.folded] = set()
                    queue.append(at)
                comes_from[at.folded].add(here.folded)
        leading = wanted & comes_from.keys()
        back = deque(leading)
        while back:
            for key in comes_from[back.popleft()] - leading:
                leading.add(key)
                back.append(key)
        return leading

    def _next(self, at: ColumnRef) -> Iterator[ColumnRef]:
        for further, kind in self._known.steps_down(at):
            if kind == "direct" or not self._direct:
                yield further

    def _path(self, way: tuple[ColumnRef, ...]) -> Path:
        steps = tuple(pairwise(way))
        is_direct = all(self._kind(one, at) == "direct" for one, at in steps)
        return Path(
            kind="direct" if is_direct else "row",
            hops=(
                self._hop(way[0], ""),
                *(self._hop(at, self._how(one, at)) for one, at in steps),
            ),
        )

    def _kind(self, one: ColumnRef, at: ColumnRef) -> Kind:
        kinds = [kind for to, kind in self._known.steps_down(one) if to.folded == at.folded]
        return "direct" if "direct" in kinds else "row"

    def _how(self, one: ColumnRef, at: ColumnRef) -> str:
        if one.column == EVERY:
            return "rows"
        ends = (one.folded, at.folded)
        return next(
            (
                edge.subtype
                for edge in self._known.edges_into(at.node)
                if (edge.source.folded, edge.target.folded) == ends
            ),
            "untraced",
        )

    def _hop(self, at: ColumnRef, how: str) -> PathHop:
        node = self._graph.nodes[at.node].node
        return PathHop(
            node=at.node,
            column=at.column,
            how=how,
            file=node.where.file if node.where else node.original_path,
            line=node.where.line if node.where else 1,
        )
