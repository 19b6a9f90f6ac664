"""Who builds which relation, and what a node reads, views followed down to stored tables.

A view stores nothing: its reader reads what the view reads. Versions, bytes and tests therefore
need the stored tables behind it, not only its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode, Graph


@dataclass(frozen=True, slots=True)
class InputIndex:
    """Relations and their nodes.

    Attributes:
        producers: Node that builds or declares each relation.
        reads: Per node every relation that it reads: directly, and through views.
    """

    producers: Mapping[TableName, NodeId]
    reads: Mapping[NodeId, tuple[TableName, ...]]


def is_view(compiled: CompiledNode) -> bool:
    """Say whether a node is kept as SQL instead of stored rows."""
    return compiled.node.resource_type == "model" and compiled.node.materialized == "view"


def index_inputs(graph: Graph) -> InputIndex:
    """Index a graph; nodes must be in topological order."""
    producers = {
        compiled.node.relation: node
        for node, compiled in graph.nodes.items()
        if compiled.node.relation is not None and compiled.node.resource_type != "test"
    }
    reads: dict[NodeId, tuple[TableName, ...]] = {}
    for node, compiled in graph.nodes.items():
        found = dict.fromkeys(compiled.reads)
        for relation in compiled.reads:
            producer = producers.get(relation)
            if producer is not None and producer in reads and is_view(graph.nodes[producer]):
                found |= dict.fromkeys(reads[producer])
        reads[node] = tuple(sorted(found))
    return InputIndex(producers, reads)
