"""A plan after which a run or a month costs more than its budget.

What it finds:
    What regular runs cost once the plan is applied, of the whole project or of the nodes of a tag,
    an owner or a name, is above the budget declared for a run or a month. Nodes whose cost is
    unknown are left out of the sum, so the true figure may be higher still. An error when what this
    plan changes makes them dearer, a warning when nothing it changes does: growing data does not
    stop a nightly build. A budget that no node falls under is an error.

Why it matters:
    A change is cheapest to undo before it is applied.

Example:
    A merge that loses its date filter reads 18 GiB a run instead of 0.6 GiB; at 24 runs a day the
    month goes from $14 to $56, and the budget is $50.

Safer form:
    Restore the filter, run less often, or raise the budget knowingly.

Known gaps:
    Budgets are for CPU time; storage and what a machine is billed beside it are not in them.
    Tests count where their own config has the tag or owner, and always for the whole project.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_money, sum_estimates
from headwater.graph.graph import Graph
from headwater.plan.budgets import Budget
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule
from headwater.plan.state import Prices


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Compare what regular runs cost after the plan with every budget."""
    yield from for_nobody(draft.graph, draft.options.budgets)
    prices = draft.state.prices
    if prices is None:
        if draft.options.budgets:
            yield _unchecked("no price is declared", "declare `prices` in headwater.yml")
        return
    bill = draft.totals.machine
    if bill is not None and bill.billed.value is None:
        yield Diagnostic(
            code="billing-not-planned",
            severity="warning",
            what="money in this plan is of CPU time alone",
            why="`prices.billing: machine` bills idle processors, start-up and a minimum as well, "
            "and a step's CPU time is not known, so that nobody can say how long the machine runs",
            fix="`hw cost --by kind` shows what they came to; set budgets for the work alone",
        )
    if prices.budget_month is not None:
        after, before = draft.totals.month_after, draft.totals.month_before
        spent = _Spent(before=before.value, after=after.value, grade=after.grade)
        yield from _compare(draft, spent, prices.budget_month, "", prices.runs_per_month)
    for budget in draft.options.budgets:
        yield from _check_one(draft, prices, budget)


def for_nobody(graph: Graph, budgets: Iterable[Budget]) -> Iterator[Diagnostic]:
    """Report budgets that no node falls under, prices or not."""
    for budget in budgets:
        if not any(map(budget.covers, graph.nodes.values())):
            yield Diagnostic(
                code="budget-malformed",
                severity="error",
                what=f"the budget of {budget.name} is for no node of the project",
                why="a budget that applies to nothing holds nobody",
                fix="correct the name in `budgets` of headwater.yml",
            )


_SAME = 1 + 1e-9
"""Sums of the same parts in another order differ by less."""


@dataclass(frozen=True, slots=True)
class _Spent:
    """What something costs before the plan and after it; None when unknown."""

    before: float | None
    after: float | None
    grade: str

    def times(self, runs: float) -> "_Spent":
        """Return the same for so many runs."""
        before = None if self.before is None else self.before * runs
        return _Spent(before, None if self.after is None else self.after * runs, self.grade)


def _check_one(draft: Draft, prices: Prices, budget: Budget) -> Iterator[Diagnostic]:
    nodes = [node for node, compiled in draft.graph.nodes.items() if budget.covers(compiled)]
    if not nodes:
        return  # told by ``for_nobody``
    costs = [draft.regular[node] for node in nodes if node in draft.regular]
    before = sum_estimates([each.dollars for each, _ in costs])
    after = sum_estimates([each.dollars for _, each in costs])
    spent = _Spent(before.value, after.value, after.grade)
    if budget.run is not None:
        yield from _compare(draft, spent, budget.run, budget.name, None)
    runs = prices.runs_per_month if budget.runs_per_month is None else budget.runs_per_month
    if budget.month is None:
        return
    if runs is None:
        why = f"nobody says how often {budget.name} runs in a month"
        yield _unchecked(why, "add `runs_per_month` to the budget or to `prices`")
        return
    yield from _compare(draft, spent.times(runs), budget.month, budget.name, runs)


def _unchecked(why: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code="budget-unchecked",
        severity="warning",
        what="a budget in `headwater.yml` cannot be checked",
        why=why,
        fix=fix,
    )


def _compare(
    draft: Draft, spent: _Spent, limit: float, name: str, runs: float | None
) -> Iterator[Diagnostic]:
    """Report what costs more than its budget.

    Args:
        draft: The draft with its prices.
        spent: What it costs.
        limit: Its budget.
        name: What the budget is for; empty for the project.
        runs: Runs of a month; None for one run.
    """
    if spent.after is None or spent.after <= limit:
        return
    prices = draft.state.prices
    money = partial(format_money, currency=prices.currency if prices else "USD")
    of = f" of {name}" if name else ""
    was = "" if spent.before is None else f", {money(spent.before)} before"
    basis = spent.grade if runs is None else f"{spent.grade} at {runs:g} runs a month"
    dearer = spent.before is None or spent.after > spent.before * _SAME
    yield Diagnostic(
        code="over-budget",
        severity="error" if draft.changes and dearer else "warning",
        what=f"a {'run' if runs is None else 'month'}{of} costs {money(spent.after)} after this "
        f"plan; the budget is {money(limit)}",
        why=f"{basis}{was}; price: {prices.name if prices else '?'}",
        fix="make the costly step cheaper, run less often, or raise the budget",
    )


OVER_BUDGET = Rule(code="over-budget", check=check)
