"""A change that breaks a consumer in the same project.

What it finds:
    A column that is dropped, renamed or given an incompatible type while a model, test, snapshot,
    exposure or metric still uses it. An error when this plan makes the change; a warning when a
    source has lost the column, since planning cannot undo that and the rest can still be built.

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
from headwater.base.ids import NodeId
from headwater.plan.draft import Draft
from headwater.plan.labels import kind_of, short_label
from headwater.plan.plan import Impact
from headwater.plan.rules.rule import Rule

NAMED_MAX = 4
"""How many consumers one finding names."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Report each breaking change once, with the consumers that it breaks."""
    groups: dict[tuple[str, str], list[Impact]] = {}
    for item in draft.impact:
        if item.effect == "breaks" and item.node in draft.graph.nodes:
            change = item.hops[0].column or item.change
            groups.setdefault((item.path[0], change), []).append(item)
    for (origin, _), items in groups.items():
        yield _finding(draft, draft.graph.nodes[items[0].path[0]].node.name, origin, items)


def _finding(draft: Draft, name: str, origin: str, items: list[Impact]) -> Diagnostic:
    by_node = {item.node: item for item in reversed(items)}
    consumers = list(dict.fromkeys(item.node for item in items))
    shown = [by_node[node] for node in consumers[:NAMED_MAX]]
    named = ", ".join(_named(draft, item) for item in shown)
    more = f" and {len(consumers) - NAMED_MAX} more" if len(consumers) > NAMED_MAX else ""
    first = min(items, key=lambda item: len(item.path))
    models = _names(draft, first.path)
    way = " -> ".join(
        short_label(node, draft.compiled(node).node.name, models) for node in first.path
    )
    changed = draft.compiled(items[0].path[0])
    return Diagnostic(
        code="breaking-change",
        severity="warning" if changed.node.resource_type == "source" else "error",
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


def _named(draft: Draft, item: Impact) -> str:
    name = draft.compiled(item.node).node.name
    label = short_label(item.node, name, _names(draft, item.path))
    return f"{kind_of(item.node)} `{label}`".strip()


def _names(draft: Draft, path: tuple[NodeId, ...]) -> tuple[str, ...]:
    return tuple(draft.compiled(node).node.name for node in reversed(path))


BREAKING_CHANGE = Rule(code="breaking-change", check=check)
