"""How large each table is once this plan has built it, for the steps that read it afterwards.

A rebuilt table is what its step writes. An incremental step leaves what was stored and adds to
it: its reader reads the whole table, not only the increment.
"""

from headwater.base.units import UNKNOWN, ZERO, Estimate
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.inputs import is_view
from headwater.plan.plan import Step
from headwater.plan.scans import Sizes, new_bytes
from headwater.plan.strategy import strategy_of


def size_after(draft: Draft, step: Step, sizes: Sizes) -> Estimate:
    """Return the bytes of a built relation after its step.

    Args:
        draft: The draft with its decisions.
        step: The priced step that builds it.
        sizes: What the steps before it make of its inputs.
    """
    compiled, written = draft.compiled(step.node), step.cost.bytes_written
    if is_view(compiled):
        return ZERO
    table = draft.state.tables.get(str(compiled.node.relation))
    if draft.decisions[step.node].how != "incremental" or table is None:
        return written
    stored = table.size_bytes
    if stored is None:
        return UNKNOWN
    added = _added(draft, compiled, stored, written, sizes)
    return Estimate(
        value=stored + added,
        low=float(stored),
        high=None if written.high is None else stored + written.high,
        grade="modelled",
    )


def _added(
    draft: Draft, compiled: CompiledNode, stored: int, written: Estimate, sizes: Sizes
) -> float:
    """Return by how much an incremental step makes its table larger."""
    most = written.value or 0.0
    if compiled.node.resource_type == "model" and strategy_of(compiled) == "append":
        return most
    growth = _input_growth(draft, compiled, sizes)  # a merge writes old rows anew as well
    return most if growth is None else min(most, stored * growth)


def _input_growth(draft: Draft, compiled: CompiledNode, sizes: Sizes) -> float | None:
    """Return the largest relative growth of an input since the node's last run."""
    deployed = draft.deployed_or_none(compiled.node.unique_id)
    found: list[float] = []
    for relation in draft.index.reads[compiled.node.unique_id]:
        table = draft.state.tables.get(str(relation))
        if table is None or not table.size_bytes or table.kind != "table":
            continue
        planned = sizes[relation].value if relation in sizes else None
        since = deployed.inputs.get(str(relation)) if deployed else None
        new = new_bytes(table, since) if since is not None else None
        if planned is not None:
            found.append(max(0.0, planned / table.size_bytes - 1))
        elif new is not None and new < table.size_bytes:
            found.append(new / (table.size_bytes - new))
    return max(found, default=None)
