"""A change that breaks who uses a table from outside of the project.

What it finds:
    An endpoint, share, experiment run, registered model, dashboard or other consumer that relies
    on a column which is dropped or renamed, or which gets another type than it expects.

Why it matters:
    Nothing in the project fails: the endpoint does, in front of its users, once the table is built.

Example:
    Endpoint ``churn@7`` expects ``amount: DOUBLE``; the features will have ``DECIMAL(12,2)``.

Safer form:
    Keep the column as it was beside the new one, until its owner has moved.

Known gaps:
    Consumers are those listed under ``consumers`` in ``headwater.yml``: who is not listed is not
    known.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.plan.consumers import index_tables, is_named
from headwater.plan.draft import Draft
from headwater.plan.labels import kind_of, short_label
from headwater.plan.plan import Impact
from headwater.plan.rules.rule import Rule
from headwater.plan.state import Consumer


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Report each consumer that breaks, column by column, and those that read what nobody has."""
    consumers = {consumer.node: consumer for consumer in draft.state.consumers}
    for item in draft.impact:
        if item.effect == "breaks" and item.node in consumers:
            yield _finding(draft, consumers[item.node], item)
    known = index_tables(draft.graph) if consumers else {}
    for consumer in consumers.values():
        for read in consumer.reads:
            if read.table.lower() not in known:
                yield from _nowhere(draft, consumer, read.table)


def _finding(draft: Draft, consumer: Consumer, item: Impact) -> Diagnostic:
    names = [draft.compiled(node).node.name for node in item.path[:-1]]
    way = [short_label(node, name, names) for node, name in zip(item.path, names, strict=False)]
    told = [f"owner: {consumer.owner}"] if consumer.owner else []
    told += [f"live: {consumer.live}"] if consumer.live else []
    told.append(f"the way is {' -> '.join((*way, consumer.name))}")
    changed = draft.compiled(item.path[0]).node
    ask = f", or agree with {consumer.owner}" if consumer.owner else ""
    return Diagnostic(
        code="consumer-broken",
        severity="warning" if changed.resource_type == "source" else "error",
        what=f"{kind_of(item.node)} `{consumer.name}` {item.change}",
        why="; ".join(told),
        fix=f"keep the column as it was beside the new one{ask}",
        where=changed.where,
        related=((consumer.where, "expects it"),) if consumer.where else (),
        node=item.path[0],
    )


def _nowhere(draft: Draft, consumer: Consumer, table: str) -> Iterator[Diagnostic]:
    """Report a table that no node builds: because it leaves the project, or never was there."""
    whose = f"{kind_of(consumer.node)} `{consumer.name}` reads `{table}`"
    for left in draft.state.deployed.values():
        if left.relation is not None and is_named(left.relation, table):
            yield Diagnostic(
                code="consumer-broken",
                severity="error",
                what=f"{whose}, which leaves the project",
                why=f"its table {left.relation} is kept as it is and never built again",
                fix=f"keep the node, or tell {consumer.owner or 'whoever uses it'} first",
                where=consumer.where,
            )
            return
    if not any(is_named(state.name, table) for state in draft.state.tables.values()):
        yield Diagnostic(
            code="consumer-reads-nothing",
            severity="warning",
            what=f"{whose}, which is not there",
            why="no node and no table has that name, so no change is ever followed to it",
            fix="correct the name: that of a model, or `schema.table`",
            where=consumer.where,
        )


CONSUMER_BROKEN = Rule(code="consumer-broken", check=check)
