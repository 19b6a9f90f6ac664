"""A plan whose month costs more than the declared budget.

What it finds:
    The dollars of a month of regular runs, once the plan is applied, are above
    ``budget_month``. Nodes whose cost is unknown are left out of the sum, so the true figure may
    be higher still. An error when what this plan changes makes the month dearer, a warning when
    nothing it changes does: growing data does not stop a nightly build.

Why it matters:
    A change is cheapest to undo before it is applied.

Example:
    A merge that loses its date filter reads 18 GiB a run instead of 0.6 GiB; at 24 runs a day the
    month goes from $14 to $56, and the budget is $50.

Safer form:
    Restore the filter, run less often, or raise the budget knowingly.

Known gaps:
    Only CPU time is priced; storage and idle machines are not.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_dollars
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Compare the month after the plan with the budget."""
    prices, month = draft.state.prices, draft.totals.month_after
    if prices is None or prices.budget_month is None or month.value is None:
        return
    if month.value <= prices.budget_month:
        return
    before = draft.totals.month_before
    was = "" if before.value is None else f", {format_dollars(before.value)} before"
    yield Diagnostic(
        code="over-budget",
        severity="error" if _is_by_change(draft) else "warning",
        what=f"a month costs {format_dollars(month.value)} after this plan; "
        f"the budget is {format_dollars(prices.budget_month)}",
        why=f"{month.grade} at {prices.runs_per_month:g} runs a month{was}; price: {prices.name}",
        fix="make the costly step cheaper, run less often, or raise the budget",
    )


def _is_by_change(draft: Draft) -> bool:
    """Say whether this plan's changes make the month dearer than it is."""
    before, after = draft.totals.month_before.value, draft.totals.month_after.value
    return bool(draft.changes) and (before is None or after is None or after > before)


OVER_BUDGET = Rule(code="over-budget", check=check)
