"""A schedule that is faster than the sources of an incremental model.

What it finds:
    Where ``prices.runs_per_month`` says how often the project runs: an incremental model all of
    whose sources get new versions less than half as often, by the times of their newest commits.

Why it matters:
    Most runs find nothing new. Headwater skips them, but the machine is started, the plan is made,
    and what such a month costs is foreseen too high.

Example:
    The project runs every quarter of an hour, and the source is loaded every six hours: 23 of 24
    runs find nothing.

Safer form:
    Run as often as the sources are loaded, or start the run when one has been.

Known gaps:
    Only sources that are tables of the lake, with at least six commits, have a cadence. The usual
    time between two commits is the median: of sources that come in bursts it is the burst's.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule
from headwater.plan.state import Cadence
from headwater.plan.watermark import in_words

HOURS_PER_MONTH = 730.0

FACTOR_MIN = 2.0
"""A schedule up to twice as fast as its sources only keeps the delay short."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Compare the declared schedule with the commits of sources."""
    prices = draft.state.prices
    if prices is None or not prices.runs_per_month or not draft.state.cadences:
        return
    hours = HOURS_PER_MONTH / prices.runs_per_month
    known = {str(each.table): each for each in draft.state.cadences}
    sources = _sources(draft)
    for node, compiled in draft.graph.nodes.items():
        if compiled.incremental_code is None or not draft.is_asked_for(node):
            continue
        found = [known.get(name) for name in sources[node]]
        cadences = [each for each in found if each is not None]
        if not cadences or len(cadences) < len(found):
            continue
        fastest = min(cadences, key=lambda each: each.hours)
        if fastest.hours > FACTOR_MIN * hours:
            yield _finding(draft, node, fastest, hours)


def _sources(draft: Draft) -> dict[NodeId, set[str]]:
    """Return the relations of the sources behind each node."""
    found: dict[NodeId, set[str]] = {}
    for node, compiled in draft.graph.nodes.items():
        if compiled.node.resource_type == "source":
            found[node] = {str(compiled.node.relation)}
        else:
            found[node] = {name for each in compiled.depends_on for name in found.get(each, ())}
    return found


def _finding(draft: Draft, node: NodeId, cadence: Cadence, hours: float) -> Diagnostic:
    compiled = draft.compiled(node)
    return Diagnostic(
        code="schedule-faster-than-sources",
        severity="warning",
        what=f"`{compiled.node.name}` runs every {in_words(round(hours, 2))}, and its sources "
        f"get new rows every {in_words(round(cadence.hours, 1))}: "
        f"{1 - hours / cadence.hours:.0%} of the runs find nothing",
        why=f"`{cadence.table.name}`, the fastest of them, by {cadence.commits} commits; "
        "`prices.runs_per_month` says how often runs are",
        fix="run as often as the sources are loaded, or correct `prices.runs_per_month`",
        where=compiled.node.where,
        node=node,
    )


SCHEDULE_FASTER = Rule(code="schedule-faster-than-sources", check=check)
