"""Last pass: what is counted over the plan; what it costs in all, ``plan.cost`` has added up."""

from collections import Counter
from dataclasses import replace

from headwater.base.diagnostics import Diagnostic
from headwater.plan.draft import Draft
from headwater.plan.plan import Plan, Skip, Totals


def add_up(draft: Draft) -> Draft:
    """Fill ``totals``; the findings are counted by ``count_findings`` when all are known."""
    acting = [step for step in draft.steps if not isinstance(step, Skip)]
    count = Counter(step.action for step in draft.steps)
    totals = replace(
        draft.totals,
        add=count["add"],
        rebuild=count["rebuild"],
        incremental=count["incremental"],
        test=count["test"],
        skip=count["skip"],
        not_estimated=sum(step.cost.cpu_seconds.value is None for step in acting),
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
