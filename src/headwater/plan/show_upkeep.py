"""The upkeep of a plan as people read it: one line; `hw table upkeep` has one for each table."""

from collections.abc import Iterator

from headwater.base.units import format_bytes, format_seconds
from headwater.plan.proposed import PlannedUpkeep, Proposal

_EXACT_BELOW = 0.01


def upkeep_lines(upkeep: PlannedUpkeep) -> Iterator[str]:
    """Say which tables would be read faster, what all of it costs, and who does it."""
    found = upkeep.proposals
    if not found:
        return
    who = "done after the nodes" if upkeep.does else "hw table upkeep --do does it"
    if len(found) == 1:
        yield f"upkeep  {proposal_text(found[0])}; {who}"
        return
    cost, saving = sum(each.cost_seconds for each in found), sum(e.saving_seconds for e in found)
    yield (
        f"upkeep  {len(found)} tables: ~{_time(cost)} of CPU saves ~{_time(saving)} a read; {who}"
    )


def proposal_text(proposal: Proposal) -> str:
    """Say of a proposal what it does, costs and saves, in one line."""
    head = f"{proposal.verb} {proposal.table}: {proposal.why}"
    if proposal.pays_after is None:
        return f"{head}; frees {format_bytes(proposal.frees_bytes)}"
    cost, saving = _time(proposal.cost_seconds), _time(proposal.saving_seconds)
    return f"{head}; costs ~{cost} of CPU, saves ~{saving} a read, pays after {proposal.pays_after}"


def _time(seconds: float) -> str:
    """Write a duration that may be far below a millisecond and still be saved a thousand times."""
    return format_seconds(seconds) if seconds >= _EXACT_BELOW else f"{seconds * 1000:.2g} ms"
