"""A join of two large tables by a column in which one value stands out.

What it finds:
    In a new or changed model, a join by one column of two tables of over a million rows, where one
    value has over 20 % of the rows of either.

Why it matters:
    All rows of one value are joined by one worker: the others wait, its memory fills, and a run
    that took minutes spills to disk.

Example:
    40 % of all events belong to the customer ``anonymous``.

Safer form:
    Take the value out and add its rows with ``union all``, join it as null, or aggregate before
    joining.

Known gaps:
    A small table is sent to every worker, so that a skewed column does no harm then, and nothing
    is said. Joins by several columns are not judged.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_count
from headwater.plan.draft import Draft
from headwater.plan.joins import plain_pairs
from headwater.plan.rules.rule import Rule
from headwater.plan.state import KeyShape


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Compare the share of the commonest value with what is allowed."""
    limits = draft.options.limits
    for compiled, _, left, right in plain_pairs(draft):
        shape = max(left, right, key=lambda each: each.top_share)
        if min(_rows(draft, left), _rows(draft, right)) < limits.skew_rows_min:
            continue
        if shape.top_share <= limits.skew_share_max:
            continue
        yield Diagnostic(
            code="join-skewed",
            severity="warning",
            what=f"`{compiled.node.name}` joins by `{shape.table.name}.{shape.column}`, where one "
            f"value has {shape.top_share:.0%} of the rows",
            why=f"`{shape.example}` has {format_count(shape.most)} of {format_count(shape.rows)} "
            f"rows; the other {format_count(max(0, shape.keys - 1))} values share the rest",
            fix="join that value apart and add its rows with union all, or aggregate first",
            where=compiled.node.where,
            node=compiled.node.unique_id,
        )


def _rows(draft: Draft, shape: KeyShape) -> int:
    """Return the rows of a table of which perhaps only a part was counted."""
    table = draft.state.tables.get(str(shape.table))
    return max(shape.rows, (table.rows or 0) if table is not None else 0)


SKEWED_JOIN = Rule(code="join-skewed", check=check)
