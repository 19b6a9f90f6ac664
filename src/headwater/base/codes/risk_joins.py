"""Codes of risk rules about joins: HW4009 to HW4012."""

from headwater.base.codes.code import Code
from headwater.base.codes.risk import with_exemption

CODES: tuple[Code, ...] = (
    Code(
        name="cross-join",
        number="HW4009",
        title="a join brings every row together with every other",
        explain=with_exemption(
            "cross-join",
            """\
**What it finds.** A join without a condition that holds columns of both sides to be equal, whose
product is over a million rows and over ten times its larger side.

**Why it matters.** Ten times the rows on both sides is a hundred times the work; most such joins
are a forgotten condition.

**Example.** `from orders, customers` without `where orders.customer_id = customers.id`.

**How to mend it.** Join by a key, or reduce both sides first.
""",
        ),
    ),
    Code(
        name="join-explodes",
        number="HW4010",
        title="a join by a column that is a key of neither side",
        explain=with_exemption(
            "join-explodes",
            """\
**What it finds.** A join by one column whose values were counted and occur more than once on both
sides, where that makes over a million rows and over ten times the rows of the larger side.

**Why it matters.** Sums over the result count amounts several times, and the work grows with the
square of the data.

**Example.** `orders join events using (customer_id)`.

**How to mend it.** Aggregate one side to a row for each value, or join by the whole key.
""",
        ),
    ),
    Code(
        name="join-skewed",
        number="HW4011",
        title="one value has much of a joined column",
        explain=with_exemption(
            "join-skewed",
            """\
**What it finds.** A join of two tables of over a million rows by a column in which one value has
over 20 % of the rows.

**Why it matters.** All rows of one value are joined by one worker while the others wait.

**Example.** 40 % of all events belong to the customer `anonymous`.

**How to mend it.** Join that value apart and add its rows with `union all`, or aggregate first.
""",
        ),
    ),
    Code(
        name="fan-out",
        number="HW4012",
        title="a join multiplies rows that a test declares unique",
        explain=with_exemption(
            "fan-out",
            """\
**What it finds.** A model with a `unique` test that joins a table in which the joined value occurs
more than once, as counted when the plan was made.

**Why it matters.** The test fails and the build stops; or sums count the multiplied rows again.

**Example.** `fct_orders` is unique by `order_id` and joins `payments`, of which an order may have
three.

**How to mend it.** Aggregate the joined table to a row for each key first, or pick one row of each
with `qualify`.
""",
        ),
    ),
)
