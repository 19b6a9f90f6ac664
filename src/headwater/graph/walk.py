"""Walking a graph's edges in both directions; shared by selection, lineage and artifacts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headwater.base.ids import NodeId
from headwater.graph.graph import Graph

Adjacency = Mapping[NodeId, tuple[NodeId, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The same edges both ways.

    Attributes:
        inputs: What each node reads, sorted.
        readers: What reads each node, in the graph's order.
    """

    inputs: Adjacency
    readers: Adjacency


def edges_of(graph: Graph) -> Edges:
    """Return a graph's edges in both directions; inputs that are not in the graph are left out."""
    inputs = {
        key: tuple(source for source in node.depends_on if source in graph.nodes)
        for key, node in graph.nodes.items()
    }
    readers: dict[NodeId, list[NodeId]] = {key: [] for key in graph.nodes}
    for key, sources in inputs.items():
        for source in sources:
            readers[source].append(key)
    return Edges(inputs=inputs, readers={key: tuple(found) for key, found in readers.items()})


def neighbours(edges: Adjacency, starts: Iterable[NodeId]) -> frozenset[NodeId]:
    """Return every node one edge away from any of ``starts``."""
    return frozenset(target for start in starts for target in edges.get(start, ()))


def descendants(
    edges: Adjacency, starts: Iterable[NodeId], levels: int | None = None
) -> frozenset[NodeId]:
    """Return every node at most ``levels`` edges away from any of ``starts``.

    Args:
        edges: Readers for everything downstream, inputs for everything upstream.
        starts: Where to begin; not part of the result unless reached from another start.
        levels: None for any number.
    """
    found: set[NodeId] = set()
    layer = frozenset(starts)
    while layer and (levels is None or levels > 0):
        layer = frozenset(neighbours(edges, layer) - found)
        found |= layer
        levels = None if levels is None else levels - 1
    return frozenset(found)
