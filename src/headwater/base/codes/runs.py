"""Codes of runs and jobs: HW8xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="workspace-busy",
        number="HW8001",
        title="Another build is running in this workspace",
        explain="""
**What it finds.** The lock file `.headwater/lock` is held by another process.

**Why it matters.** Two builds of one project would make the same tables twice and each would find
the other's changes in its way. The lock is the operating system's: it goes when its process does,
so it is never left over.

**Example.** A scheduled `hw build` is still running when you start one by hand. The message names
the run, its process and since when.

**How to mend it.** Wait for the other build or stop it, then run the command again. Reading
(`hw plan`, `hw sql`, `hw ls`) needs no lock.
""",
    ),
    Code(
        name="workspace-read-only",
        number="HW8002",
        title="The workspace folder cannot be written",
        explain="""
**What it finds.** The folder `.headwater` cannot be made, or its lock cannot be created.

**Why it matters.** Without the lock two builds could run at once; without records the next plan
would not know what was built.

**Example.** The project is mounted read-only, or `.headwater` belongs to another user.

**How to mend it.** Give this user write permission on the project's `.headwater` folder.
""",
    ),
    Code(
        name="run-crashed",
        number="HW8003",
        title="An earlier run died before it ended",
        explain="""
**What it finds.** Records say that a run is going on, but its lock is free: its process was
killed, or the machine stopped.

**Why it matters.** It may have left data files that no table names. They were removed. Tables
change only by one commit, so each is at the version before or after; what had been committed but
not recorded is read back from the table's log.

**Example.** The kernel killed a build that used too much memory.

**How to mend it.** Nothing to do: the next build goes on where the last one stopped.
""",
    ),
    Code(
        name="plan-stale",
        number="HW8004",
        title="The plan no longer holds",
        explain="""
**What it finds.** A file of the project, an input or a target is not what it was when the plan
was made.

**Why it matters.** A plan is applied exactly as it was shown, or not at all. Its costs, impact and
choice of incremental or full builds are only true for what it was made from.

**Example.** `hw plan -o plan.json`, then another job appends to a source, then
`hw apply plan.json`.

**How to mend it.** `hw plan` again, look at it, and apply the new one.
""",
    ),
    Code(
        name="plan-blocked",
        number="HW8005",
        title="The plan has findings that forbid applying it",
        explain="""
**What it finds.** The plan carries diagnostics of severity error.

**Why it matters.** They say that the result would be wrong or that the build would fail.

**How to mend it.** Mend what they name, then plan again. `hw explain CODE` tells about each.
""",
    ),
    Code(
        name="tests-failed",
        number="HW8101",
        title="A node was not published because its tests failed",
        explain="""
**What it finds.** The node's data files were written, and a test of severity error found failing
rows in exactly those files.

**Why it matters.** Nothing was committed: readers still see the version before, and nodes that
read this one were skipped.

**Example.** `unique` on `order_id` finds two rows with the same id.

**How to mend it.** Look at the failing rows (the test's SQL is under `target/compiled`, or set
`store_failures: true`), mend the model or the data. `severity: warn` publishes all the same.
""",
    ),
    Code(
        name="input-missing",
        number="HW8102",
        title="A relation that a node reads does not exist",
        explain="""
**What it finds.** Neither the lake, nor the metastore, nor the project's sources have the name.

**Why it matters.** The node cannot run; nothing was changed.

**How to mend it.** Build or load it first, or correct the source's schema and identifier.
""",
    ),
    Code(
        name="incremental-columns-changed",
        number="HW8103",
        title="An incremental model's columns are not those of its table",
        explain="""
**What it finds.** The query's columns differ from the stored table's and the model says
`on_schema_change: fail`.

**Why it matters.** Nothing was written.

**How to mend it.** `hw build --full-refresh --select MODEL`, or choose `append_new_columns`,
`sync_all_columns` or `ignore`.
""",
    ),
    Code(
        name="incremental-column-missing",
        number="HW8104",
        title="An incremental model no longer gives a stored column",
        explain="""
**What it finds.** The stored table has a column that the query does not give, and the model says
`on_schema_change: ignore` (the default).

**Why it matters.** Nothing says what to store in it for the new rows, so nothing was written.

**How to mend it.** `hw build --full-refresh --select MODEL`, or set `on_schema_change` to
`append_new_columns` (new rows get null) or `sync_all_columns` (the column is dropped).
""",
    ),
    Code(
        name="snapshot-column-missing",
        number="HW8105",
        title="A snapshot names a column that its query does not give",
        explain="""
**What it finds.** `unique_key`, `updated_at` or `check_cols` name a column that is not in the
snapshot's query, or `unique_key` is not set.

**Why it matters.** Versions of a row cannot be told apart; nothing was written.

**How to mend it.** Name columns of the query.
""",
    ),
    Code(
        name="node-crashed",
        number="HW8901",
        title="Headwater itself failed while it ran a node",
        explain="""
**What it finds.** An error in Headwater's own code, which the message names.

**Why it matters.** The node published nothing and its table is as it was; other nodes went on.

**How to mend it.** Please report it with the message.
""",
    ),
    Code(
        name="constraint-violated",
        number="HW8106",
        title="Rows break a constraint of the contract",
        explain="""\
**What it finds.** Rows that the model would publish are null in a `not_null` column, or do not meet
a `check`. All constraints are counted in one pass over exactly the files of the commit.

**Why it matters.** Nothing was published; readers see the version before.

**How to mend it.** Filter or mend the rows in the model, or correct the constraint.
""",
    ),
)
