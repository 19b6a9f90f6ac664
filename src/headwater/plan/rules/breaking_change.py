"""A change that breaks a consumer in the same project.

What it finds:
    A column that is dropped, renamed or given an incompatible type while a model, test, snapshot,
    exposure or metric still uses it.

Why it matters:
    Models and tests would fail while the plan runs; dashboards would fail afterwards, in front of
    their readers.

Example:
    ``stg_orders.amount`` is renamed to ``amount_eur``; ``fct_orders`` selects ``amount``.

Safer form:
    Keep the old name beside the new one until every consumer has moved, or change the consumers
    in the same commit.

Known gaps:
    An exposure names no columns, so any dropped column of a model it depends on counts, unless
    its ``meta.headwater.columns`` lists the columns that it uses.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.plan.draft import Draft
from headwater.plan.plan import Impact
from headwater.plan.rules.rule import Rule

NAMED_MAX = 4
"""How many consumers one finding names."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Report each breaking change once, with the consumers that it breaks."""
    groups: dict[tuple[str, str], list[Impact]] = {}
    for item in draft.impact:
        if item.effect == "breaks":
            change = item.hops[0].column or item.change
            groups.setdefault((item.path[0], change), []).append(item)
    for (origin, _), items in groups.items():
        yield _finding(draft, draft.graph.nodes[items[0].path[0]].node.name, origin, items)


def _finding(draft: Draft, name: str, origin: str, items: list[Impact]) -> Diagnostic:
    consumers = list(dict.fromkeys(item.node for item in items))
    named = ", ".join(f"`{draft.compiled(node).node.name}`" for node in consumers[:NAMED_MAX])
    more = f" and {len(consumers) - NAMED_MAX} more" if len(consumers) > NAMED_MAX else ""
    first = min(items, key=lambda item: len(item.path))
    way = " -> ".join(draft.compiled(node).node.name for node in first.path)
    changed = draft.compiled(items[0].path[0])
    return Diagnostic(
        code="breaking-change",
        severity="error",
        what=f"`{name}`: {first.change}; that breaks {named}{more}",
        why=f"the shortest way is {way}",
        fix="keep the old column beside the new one, or change its readers in the same commit",
        where=changed.node.where,
        related=tuple(
            (where, "uses it")
            for node in consumers[:NAMED_MAX]
            if (where := draft.compiled(node).node.where) is not None
        ),
        node=origin,
    )


BREAKING_CHANGE = Rule(code="breaking-change", check=check)
