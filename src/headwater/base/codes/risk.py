"""Codes of risk rules: HW4xxx."""

from headwater.base.codes.code import Code


def with_exemption(name: str, explain: str) -> str:
    """Add how a node is exempt from the rule; the same words on every page."""
    return (
        f"{explain}\nA node is exempt when its properties say why: "
        f'`meta: {{headwater: {{allow: {{{name}: "the reason"}}}}}}`; '
        "the finding is then shown as information.\n"
    )


CODES: tuple[Code, ...] = (
    Code(
        name="late-rows-lost",
        number="HW4002",
        title="an incremental window is narrower than rows arrive late",
        explain=with_exemption(
            "late-rows-lost",
            """\
**What it finds.** An incremental filter of the shape `event > (select max(event) [- interval] from
{{ this }})` or `event > now() - interval`, over an event column whose lateness was measured commit
by commit, when more than 0.1 % of the rows arrive later than the window is wide. It blocks a plan
that brings the window in or narrows it; a window that was deployed like that only warns, so that
late data does not stop a nightly build.

**Why it matters.** A row that arrives after the window has passed its event time is never read
again: the table silently differs from its own full rebuild.

**Example.** 1.8 % of container moves arrive more than three days late; the merge reads back three
days.

**How to mend it.** Widen the window to what the finding proposes, filter by arrival time
(`loaded_at`) instead of event time, or rebuild the touched partitions.
""",
        ),
    ),
    Code(
        name="merge-key-untested",
        number="HW4003",
        title="no test proves that a merge's key is a key",
        explain=with_exemption(
            "merge-key-untested",
            """\
**What it finds.** An incremental merge or a snapshot whose `unique_key` has no `unique` test, or
whose key columns have no `not_null` test.

**Why it matters.** A null key matches nothing, so its row is inserted again at every run; a key
that occurs twice makes the merge fail, or update the wrong row.

**Example.** `unique_key: move_id` and no tests on `move_id`.

**How to mend it.** Add `unique` and `not_null`; for a key of several columns a test of the
combination and `not_null` on each.
""",
        ),
    ),
    Code(
        name="select-star-incremental",
        number="HW4004",
        title="select * from a stored table into an incremental model",
        explain=with_exemption(
            "select-star-incremental",
            """\
**What it finds.** An incremental model whose columns are whatever its input has.

**Why it matters.** A column added upstream changes what is inserted into a table that already has
its columns: by `on_schema_change` it is dropped, fails the run, or is null in older rows.

**Example.** `select * from {{ ref('stg_moves') }}` with `materialized='incremental'`.

**How to mend it.** Name the columns.
""",
        ),
    ),
    Code(
        name="type-narrowed",
        number="HW4005",
        title="a column of a deployed table gets a narrower type",
        explain=with_exemption(
            "type-narrowed",
            """\
**What it finds.** A deployed table's column whose new type cannot hold every value of the old one.
The smallest and largest stored value are compared with the new type's range: a proof that all fit
makes the finding information, a proof that some do not makes it an error.

**Why it matters.** A cast fails at the first value that does not fit, or rounds silently.

**Example.** `amount: DOUBLE -> DECIMAL(12,2)` rounds to cents.

**How to mend it.** Keep the wider type, or round and check the values explicitly.
""",
        ),
    ),
    Code(
        name="large-full-refresh",
        number="HW4007",
        title="a large incremental table is rebuilt from nothing",
        explain=with_exemption(
            "large-full-refresh",
            """\
**What it finds.** A plan that rebuilds an incremental model's stored table of more than 10 GiB.

**Why it matters.** It reads the whole history and writes the whole table, and rows whose inputs
are no longer kept are lost.

**Example.** One more column in a merge over two years of events.

**How to mend it.** `on_schema_change: append_new_columns` for added columns, `full_refresh: false`
to keep stored rows as they are, or a backfill by partition.
""",
        ),
    ),
    Code(
        name="schema-rewrite",
        number="HW4013",
        title="a change of columns writes a stored table again",
        explain=with_exemption(
            "schema-rewrite",
            """\
**What it finds.** An incremental model, a snapshot or a model under contract whose columns are
dropped, renamed or retyped, where that writes more than 64 MiB again; a warning above 10 GiB.

**Why it matters.** Every file is read and written anew, and a writer that commits meanwhile makes
it start again.

**Example.** `id` of a table of 88 GiB becomes `BIGINT`; Spark widens it in the log alone.

**How to mend it.** Add the new column beside the old one and drop the old one later. `hw migrate
plan` says what each way takes.
""",
        ),
    ),
    Code(
        name="not-repeatable",
        number="HW4008",
        title="a stored result depends on the clock or on a random value",
        explain=with_exemption(
            "not-repeatable",
            """\
**What it finds.** `now()`, `random()`, `uuid()` and the like; a warning in incremental models and
snapshots, information elsewhere.

**Why it matters.** What is stored depends on when each row was processed: a rebuild gives other
values, a retry may give other keys, and a snapshot sees every row as changed.

**Example.** `select *, now() as loaded_at` in a snapshot with `check_cols: all`.

**How to mend it.** Take the time or the key from the source; derive keys from a hash of the
natural key.
""",
        ),
    ),
)
