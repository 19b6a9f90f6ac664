"""What macros said while a plan was made, of what the plan will run: a build tells of it.

A node is compiled for a full build and for a later one; only one of the two texts is run, and of a
microbatch model only the texts of its batches.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.graph.said import NodeSaid, Said
from headwater.plan.plan import (
    Append,
    Merge,
    OverwritePartitions,
    Plan,
    ReplaceBatches,
    Skip,
    Step,
)


def said_of_plan(
    logged: Mapping[NodeId, NodeSaid],
    batches: Mapping[NodeId, Sequence[Said]],
    plan: Plan,
    wanted: Collection[NodeId],
) -> Mapping[NodeId, tuple[Said, ...]]:
    """Return what is to be told of each node.

    Args:
        logged: What was said while nodes were compiled.
        batches: What was said while batches were.
        plan: What will run.
        wanted: The nodes that were asked for.
    """
    found: dict[NodeId, tuple[Said, ...]] = {}
    for step in plan.steps:
        if step.node in wanted:
            said = logged.get(step.node, NodeSaid())
            found[step.node] = (*_of_text(said, step, batches.get(step.node, ())), *said.hooks)
    return MappingProxyType({node: said for node, said in found.items() if said})


def _of_text(said: NodeSaid, step: Step, batches: Sequence[Said]) -> tuple[Said, ...]:
    match step:
        case ReplaceBatches():
            return tuple(batches)
        case Append() | Merge() | OverwritePartitions() | Skip():
            return said.later
        case _:
            return said.full
