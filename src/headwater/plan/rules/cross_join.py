"""A join that brings every row together with every other.

What it finds:
    In a new or changed model, a join without a condition that holds columns of the two sides to be
    equal, whose product is over a million rows and over ten times its larger side; with a
    comparison such as ``<`` or ``between`` in its place, over a thousand million pairs.

Why it matters:
    Ten times the rows on both sides is a hundred times the work. Most such joins are a forgotten
    condition, and their result looks right in a small environment.

Example:
    ``from orders, customers`` where ``orders.customer_id = customers.id`` was meant.

Safer form:
    Join by a key. Where every pair is meant, reduce both sides first, and allow the finding with
    the reason.

Known gaps:
    A warning needs both row counts to be known; where filters leave fewer rows the product is an
    upper bound, and the finding is information. Only models that the plan adds or changes are
    looked at. What a query does after something that is not understood is not seen.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_count
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule
from headwater.sql.counted import JoinSeen

PAIRS_FACTOR = 1000
"""An engine sorts both sides of a comparison and does not try every pair: so many times as many
pairs as rows are allowed."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at the joins without an equality."""
    for node, found in draft.joins.items():
        for join in found.joins:
            if not join.compares and not join.match.pairs:
                yield from _judge(draft, draft.compiled(node), join)


def _judge(draft: Draft, compiled: CompiledNode, join: JoinSeen) -> Iterator[Diagnostic]:
    left, right = join.left.high, join.right.high
    if left is None or right is None or min(left, right) <= 1:
        return
    is_product = join.match.is_all
    limit = draft.options.limits.join_rows_max * (1 if is_product else PAIRS_FACTOR)
    factor = draft.options.limits.join_factor_max * max(left, right)
    if left * right <= max(limit, factor):
        return
    surely = join.left.low * join.right.low > max(limit, factor)
    pairs = f"{format_count(left)} x {format_count(right)} = {format_count(left * right)}"
    name = f"`{join.name}`" if join.name else "a subquery"
    yield Diagnostic(
        code="cross-join",
        severity="warning" if surely else "info",
        what=f"`{compiled.node.name}` joins {name} without a key: {'' if surely else 'up to '}"
        f"{pairs} {'rows' if is_product else 'pairs to compare'}",
        why="it is written as `cross join`"
        if join.says_cross
        else "no condition holds columns of the two sides to be equal",
        fix="join by a key, or reduce both sides first",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


CROSS_JOIN = Rule(code="cross-join", check=check)
