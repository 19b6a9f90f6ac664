"""An incremental window that is narrower than rows arrive late.

What it finds:
    An incremental filter of the shape ``event > (select max(event) [- interval] from this)`` or
    ``event > now() - interval``, over an event column whose lateness was measured commit by
    commit, when more than 0.1 % of the rows arrive later than the window is wide. An error when the
    plan brings the window in or narrows it, a warning when it was deployed like that: late data
    then does not stop a nightly build.

Why it matters:
    A row that arrives after the window has passed its event time is never read again: the table
    silently differs from its own full rebuild.

Example:
    1.8 % of container moves arrive more than three days late; the merge reads back three days.

Safer form:
    Widen the window to what the measured lateness needs, filter by arrival time (``loaded_at``)
    instead of event time, or rebuild the touched partitions.

Known gaps:
    Models with ``refresh`` lose none, whatever their filter says: what they read is told by the
    versions of their inputs.
    Only commits that the table's log still describes are measured. Filters of other shapes are
    not judged.
"""

import math
from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.plan.deployed import as_deployed
from headwater.plan.draft import SAME, Draft
from headwater.plan.refresh import is_refreshed
from headwater.plan.rules.rule import Rule
from headwater.plan.state import Lateness
from headwater.plan.watermark import HOURS_PER_DAY, in_words, stored_column, watermarks_of
from headwater.sql.watermark import Watermark


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Compare the window of every incremental filter with the measured lateness of its column."""
    measured = {(late.table, late.column.lower()): late for late in draft.state.lateness}
    if not measured:
        return
    for node, marks in draft.watermarks.items():
        compiled = draft.compiled(node)
        if is_refreshed(compiled):
            continue  # its filter is not what brings it up to date
        for mark in marks if draft.is_asked_for(node) else ():
            table, column = stored_column(draft.graph, draft.index, mark.relation, mark.column)
            late = measured.get((table, column.lower()))
            if late is not None and mark.hours is not None:
                yield from _judge(draft, compiled, mark, late)


def _judge(
    draft: Draft, compiled: CompiledNode, mark: Watermark, late: Lateness
) -> Iterator[Diagnostic]:
    hours = max(0.0, mark.hours or 0.0)
    share = late.share_later_than(hours)
    if share <= 0:
        return
    limit = draft.options.limits.late_share_max
    is_new = introduces(draft, compiled, mark)
    enough = _window_that_holds(late, limit)
    rows = round(share * late.rows)
    yield Diagnostic(
        code="late-rows-lost",
        severity="info" if share <= limit else "error" if is_new else "warning",
        what=f"`{compiled.node.name}` loses late rows: {in_percent(share)} of "
        f"`{late.table.name}` arrive more than {in_words(hours)} late, "
        f"and its window is {in_words(hours)}",
        why=f"{rows:,} of {late.rows:,} measured rows by `{late.column}`; "
        f"the latest came {in_words(late.hours_max)} late",
        fix=f"widen the window to {in_words(enough)} "
        f"({in_percent(late.share_later_than(enough))} later than that), "
        "or filter by arrival time",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


def introduces(draft: Draft, compiled: CompiledNode, mark: Watermark) -> bool:
    """Say whether this plan adds the window, or narrows the one that is deployed."""
    node = compiled.node.unique_id
    deployed = draft.deployed_or_none(node)
    if draft.decisions[node].how == "skip" or draft.differences[node].kind in SAME:
        return False
    if deployed is None or not deployed.incremental_code:
        return True
    before = watermarks_of(as_deployed(compiled, deployed))
    return not any(
        old.hours is not None and old.hours <= (mark.hours or 0.0)
        for old in before
        if (old.relation, old.column.lower()) == (mark.relation, mark.column.lower())
    )


def _window_that_holds(late: Lateness, share_max: float) -> float:
    """Return the narrowest window in whole days, or hours below one day, that loses few rows."""
    for hours, _ in late.buckets:
        if late.share_later_than(hours) <= share_max:
            if hours < HOURS_PER_DAY:
                return float(hours)
            return float(math.ceil(hours / HOURS_PER_DAY) * HOURS_PER_DAY)
    return float(late.hours_max)


def in_percent(share: float) -> str:
    """Write a share as a percentage with two digits: ``1.8 %``, ``0.012 %``."""
    return f"{share * 100:.2g} %"


LATE_ROWS = Rule(code="late-rows-lost", check=check)
