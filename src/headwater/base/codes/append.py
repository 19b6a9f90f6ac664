"""Codes of rows that programs append, and of loads: HW83xx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="append-rows-unreadable",
        number="HW8301",
        title="What was handed over cannot be read as rows",
        explain="""
**What it finds.** `Appender.append` was given something that is no table of rows, or rows of Python
whose values have no common type: a number here and a text there.

**Why it matters.** A column has one type. Guessing it from some of the values would change others.

**Example.**

    appender.append([{"id": 1}, {"id": "two"}])

**How to mend it.** Hand over an Arrow table or record batch, a data frame, or a list of dicts whose
values for one column are of one type; null is of any.
""",
    ),
    Code(
        name="append-rows-unfit",
        number="HW8302",
        title="Rows do not fit the table",
        explain="""
**What it finds.** A value of the rows would not come back out of the table's column as it went in,
or a column that must have a value has none.

**Why it matters.** Nothing is rounded or cut to make it fit. The rows that were handed over since
the last commit are not in the table; those before are.

**Example.** `{"amount": 1.5}` into a table whose `amount` is an integer.

**How to mend it.** Convert the values before, then go on from the appender's `sequence`.
""",
    ),
    Code(
        name="append-sequence",
        number="HW8303",
        title="Sequence numbers of appended rows do not grow",
        explain="""
**What it finds.** `Appender.append` was given a sequence number that is not above the one before,
or a number in one call and none in another.

**Why it matters.** By these numbers a table knows which rows it has. Out of order, some would be
taken for known and be lost.

**Example.** `append(rows, sequence=7)` after `append(rows, sequence=8)`.

**How to mend it.** Hand rows over in their source's order, each call with its offset or batch
number. Rows that the table has already may be sent again at the beginning: they are passed over.
""",
    ),
    Code(
        name="append-overtaken",
        number="HW8304",
        title="Another appender has added rows of the same source",
        explain="""
**What it finds.** The table has come further with a source than this appender knew.

**Why it matters.** Two programs send the same source. Were both to commit, its rows would be in the
table twice. This appender's uncommitted rows were left out.

**Example.** A consumer is started again while its older process still runs.

**How to mend it.** Let one program at a time have a source, or give each its own `source` name. A
new appender goes on from the table's newest `sequence`.
""",
    ),
    Code(
        name="append-closed",
        number="HW8305",
        title="The appender is closed",
        explain="""
**What it finds.** Rows were handed to an appender after its `with` block or `close`.

**Why it matters.** Nobody would commit them.

**Example.** An appender kept in a variable beyond its `with` block.

**How to mend it.** Open another one with `Workspace.appender`.
""",
    ),
    Code(
        name="append-option",
        number="HW8306",
        title="An appender's option is not usable",
        explain="""
**What it finds.** `rows_max`, `bytes_max` or `seconds_max` is no positive number, or `source` is
empty.

**Why it matters.** The bounds say when rows are committed; without one they would wait for ever.

**Example.** `AppendOptions(rows_max=0)`

**How to mend it.** Give a positive number; `seconds_max=0` lets rows wait as long as it takes.
""",
    ),
    Code(
        name="load-table-gone",
        number="HW8307",
        title="The table was removed while rows were loaded into it",
        explain="""
**What it finds.** The version that an appender or `hw ingest` has made or seen last is not in the
table's log any more: its folder was removed or replaced by another program.

**Why it matters.** Rows that were committed before are gone with it. Going on would make a table
that begins in the middle, and nobody would notice.

**Example.** `rm -r lake/shop/main/events` while a program appends to `events`.

**How to mend it.** Put the folder back from a copy; then open the appender again, whose `sequence`
says where to go on. Or remove what is left of the folder, `hw table forget` the name, and load all
rows again.
""",
    ),
    Code(
        name="load-into-model",
        number="HW8308",
        title="Rows are loaded into a table that a model builds",
        explain="""
**What it finds.** `hw ingest` or an appender was given the table of a model, seed or snapshot that
is deployed from this workspace.

**Why it matters.** The next build of that node replaces the rows, or finds that another has written
its table and builds it anew: either way what was loaded is gone, without anybody being told.

**Example.** `hw ingest orders export.csv`, where `models/orders.sql` builds `orders`.

**How to mend it.** Load into a table of its own, such as `landing.orders`, and let the model read
that as a source. `--force`, or `AppendOptions(is_forced=True)`, loads all the same.
""",
    ),
)
