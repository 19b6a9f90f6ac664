"""Who builds which relation, and what a node reads, views followed down to stored tables.

A view stores nothing: its reader reads what the view reads. Versions, bytes and tests therefore
need the stored tables behind it, not only its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.options import TEST_TYPES


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
    """Say whether a node is kept as text instead of stored rows: a view, or a function."""
    node = compiled.node
    return node.resource_type == "function" or (
        node.resource_type == "model" and node.materialized == "view"
    )


def is_test(compiled: CompiledNode) -> bool:
    """Say whether a node is a query of failing rows."""
    return compiled.node.resource_type in TEST_TYPES


def index_inputs(graph: Graph) -> InputIndex:
    """Index a graph; nodes must be in topological order."""
    stored = [
        (compiled.node.relation, node, compiled.node.resource_type)
        for node, compiled in graph.nodes.items()
        if compiled.node.relation is not None and not is_test(compiled)
    ]
    # A source may declare the table that a seed of the project loads: then the seed builds it.
    stored.sort(key=lambda entry: entry[2] != "source")
    producers = {relation: node for relation, node, _ in stored}
    reads: dict[NodeId, tuple[TableName, ...]] = {}
    for node, compiled in graph.nodes.items():
        found = dict.fromkeys(compiled.reads)
        for relation in compiled.reads:
            producer = producers.get(relation)
            if producer is not None and producer in reads and is_view(graph.nodes[producer]):
                found |= dict.fromkeys(reads[producer])
        reads[node] = tuple(sorted(found))
    return InputIndex(producers, reads)
