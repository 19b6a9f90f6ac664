"""Last pass: sums over the plan, and the month before and after it."""

from collections import Counter
from dataclasses import replace

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import Estimate, sum_estimates
from headwater.plan.cost import regular_cost_after, regular_cost_before
from headwater.plan.draft import Draft
from headwater.plan.plan import Cost, Plan, Skip, Totals
from headwater.plan.prices import month_of
from headwater.plan.sizes import planned_sizes


def add_up(draft: Draft) -> Draft:
    """Fill ``totals``; the findings are counted by ``count_findings`` when all are known."""
    acting = [step for step in draft.steps if not isinstance(step, Skip)]
    count = Counter(step.action for step in draft.steps)
    before, after = _months(draft)
    totals = Totals(
        add=count["add"],
        rebuild=count["rebuild"],
        incremental=count["incremental"],
        test=count["test"],
        skip=count["skip"],
        not_estimated=sum(step.cost.cpu_seconds.value is None for step in acting),
        cost=sum_costs([step.cost for step in acting]),
        month_before=before,
        month_after=after,
        month_budget=draft.state.prices.budget_month if draft.state.prices else None,
    )
    return replace(draft, totals=totals)


def count_findings(draft: Draft) -> Draft:
    """Fill in how many findings there are."""
    return replace(draft, totals=_counted(draft.totals, draft.diagnostics))


def with_findings(plan: Plan, diagnostics: tuple[Diagnostic, ...]) -> Plan:
    """Return a plan with these findings in place of its own, counted."""
    return replace(plan, diagnostics=diagnostics, totals=_counted(plan.totals, diagnostics))


def _counted(totals: Totals, diagnostics: tuple[Diagnostic, ...]) -> Totals:
    count = Counter(diagnostic.severity for diagnostic in diagnostics)
    return replace(totals, errors=count["error"], warnings=count["warning"])


def sum_costs(costs: list[Cost]) -> Cost:
    """Add costs quantity by quantity."""
    return Cost(
        bytes_read=sum_estimates([cost.bytes_read for cost in costs]),
        bytes_written=sum_estimates([cost.bytes_written for cost in costs]),
        cpu_seconds=sum_estimates([cost.cpu_seconds for cost in costs]),
        dollars=sum_estimates([cost.dollars for cost in costs]),
    )


def _months(draft: Draft) -> tuple[Estimate, Estimate]:
    """Return the dollars of a month of regular runs, as deployed and as planned."""
    before = {node: regular_cost_before(draft, node) for node in draft.state.deployed}
    sizes = planned_sizes(draft)
    after = [
        regular_cost_after(draft, step, before.get(step.node, Cost()), sizes)
        for step in draft.steps
    ]
    prices = draft.state.prices
    return (
        month_of(sum_estimates([cost.dollars for cost in before.values()]), prices),
        month_of(sum_estimates([cost.dollars for cost in after]), prices),
    )
