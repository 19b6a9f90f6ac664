"""A join by a column that is a key of neither side.

What it finds:
    In a new or changed model, a join by one column whose values occur more than once on both sides,
    where that makes over a million rows and over ten times the rows of the larger side. The values
    of both columns are counted when the plan is made.

Why it matters:
    Each value makes the product of its rows on both sides. Sums over the result count amounts
    several times, and the work grows with the square of the data.

Example:
    ``orders join events using (customer_id)``: 40 orders and 900 events of a customer make 36,000
    rows.

Safer form:
    Aggregate one side to a row for each value first, add the missing part of the key, or keep one
    row of each with ``qualify row_number() over (partition by customer_id ...) = 1``.

Known gaps:
    Joins by several columns, by expressions, or of rows that were filtered first are not judged.
    Of a table with more than two million rows only the first files are counted.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_count
from headwater.plan.draft import Draft
from headwater.plan.joins import plain_pairs
from headwater.plan.rules.rule import Rule
from headwater.plan.state import KeyShape


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Estimate what joins by no key make."""
    limits = draft.options.limits
    for compiled, join, left, right in plain_pairs(draft):
        made, larger = rows_made(left, right), max(left.rows, right.rows)
        if not join.is_many_to_many or left.is_key or right.is_key:
            continue
        if made <= max(limits.join_rows_max, limits.join_factor_max * larger):
            continue
        yield Diagnostic(
            code="join-explodes",
            severity="warning",
            what=f"`{compiled.node.name}` joins `{left.table.name}` and `{right.table.name}` by "
            f"`{left.column}`, a key of neither: about {format_count(round(made))} rows",
            why=f"{told(left)}; {told(right)}",
            fix=f"aggregate one side to a row for each `{right.column}`, or join by the whole key",
            where=compiled.node.where,
            node=compiled.node.unique_id,
        )


def rows_made(left: KeyShape, right: KeyShape) -> float:
    """Return how many rows a join by two columns makes, each value taken to occur as the others.

    Selinger's rule: every value of the side with fewer is taken to be found on the other. A column
    joined with itself makes the sum of the squares of its values' rows.
    """
    if (left.table, left.column) == (right.table, right.column):
        return float(left.squares)
    rows = (left.rows - left.nulls) * (right.rows - right.nulls)
    return rows / max(left.keys, right.keys, 1)


def told(shape: KeyShape) -> str:
    """Say how often the values of a column occur, with its numbers."""
    return (
        f"`{shape.table.name}.{shape.column}`: {format_count(shape.rows)} rows"
        f"{' counted' if shape.is_sample else ''}, {format_count(shape.keys)} values, "
        f"up to {format_count(shape.most)} rows of one"
    )


EXPLODING_JOIN = Rule(code="join-explodes", check=check)
