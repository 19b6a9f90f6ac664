"""Codes of risk rules about what is read: HW4014 to HW4016, HW4021."""

from headwater.base.codes.code import Code
from headwater.base.codes.risk import with_exemption

CODES: tuple[Code, ...] = (
    Code(
        name="watermark-goes-back",
        number="HW4014",
        title="an incremental filter goes by a column whose values go back",
        explain=with_exemption(
            "watermark-goes-back",
            """\
**What it finds.** An incremental filter `column > (select max(column) from {{ this }})` without a
window, over a column of which some commit began at or below the largest value of those before it.
It blocks a plan that brings the filter in; one that was deployed like that only warns.

**Why it matters.** A row whose value is not above the largest one stored is never read.

**Example.** Ids from 812 on came after 90,311 had been reached.

**How to mend it.** Filter by a column that the loader sets, read a window back, or set `refresh`.
""",
        ),
    ),
    Code(
        name="filter-hides-column",
        number="HW4015",
        title="a function around a column keeps files from being left out",
        explain=with_exemption(
            "filter-hides-column",
            """\
**What it finds.** A filter such as `year(day) = 2026`, where the same filter of the column itself
would leave out more than half of the bytes and more than 64 MiB.

**Why it matters.** Files are left out by what the log says of a column; of a function of it the log
says nothing, so every file is opened.

**Example.** `strftime(day, '%Y-%m') = '2026-01'` reads 365 files in place of 31.

**How to mend it.** Write the filter that the finding proposes.
""",
        ),
    ),
    Code(
        name="key-untested",
        number="HW4016",
        title="a join relies on a key that no test proves",
        explain=with_exemption(
            "key-untested",
            """\
**What it finds.** A join along a `relationships` test whose parent column has no `unique` test.
Information where the values were counted and each occurs once.

**Why it matters.** On the day on which a value occurs twice rows are multiplied silently.

**Example.** `orders.customer_id` leads to `customers.id`, which has no `unique` test.

**How to mend it.** Add `unique` and `not_null` to the parent's column.
""",
        ),
    ),
    Code(
        name="schedule-faster-than-sources",
        number="HW4021",
        title="a schedule is faster than the sources of an incremental model",
        explain=with_exemption(
            "schedule-faster-than-sources",
            """\
**What it finds.** An incremental model all of whose sources get new versions less than half as
often as `prices.runs_per_month` says that the project runs.

**Why it matters.** Most runs find nothing new, start the machine for nothing, and make the month
look dearer than it is.

**Example.** Runs every quarter of an hour, a source that is loaded every six hours.

**How to mend it.** Run as often as the sources are loaded, or correct `prices.runs_per_month`.
""",
        ),
    ),
)
