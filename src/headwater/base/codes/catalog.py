"""Codes of the catalog: HW7xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="store-damaged",
        number="HW7001",
        title="The workspace store cannot be read",
        explain="""
**What it finds.** `.headwater/workspace.db` is not a SQLite database of Headwater, or SQLite
reports that its pages contradict each other.

**Why it matters.** The store keeps the names of views, run history and lineage. No table is lost
with it: the Delta logs are the truth of data, and every commit carries the run, the node and its
fingerprint. What was recorded only in the store (views, run history, lineage, measurements) is
made again by the next build.

**Example.** A copy of the project was made while a build was running, without `workspace.db-wal`.

**How to mend it.** Move the file aside (`mv .headwater/workspace.db .headwater/workspace.db.bad`)
and run `hw build`: what was built is read back from the logs, views are made again.
""",
    ),
    Code(
        name="store-newer",
        number="HW7002",
        title="The workspace store was written by a newer Headwater",
        explain="""
**What it finds.** The store's schema version is above the newest that this version knows.

**Why it matters.** Writing with old rules into a new layout would damage it, so nothing is read.

**Example.** A colleague ran a newer release on the shared project folder.

**How to mend it.** Upgrade: `pip install --upgrade headwater`. Or set `--project-dir` to a copy
with its own `.headwater` folder.
""",
    ),
    Code(
        name="store-busy",
        number="HW7003",
        title="The workspace store is locked by another process",
        explain="""
**What it finds.** Another process held the store's write lock for longer than the wait.

**Why it matters.** Records are short writes of milliseconds; a lock held for seconds means that
a process is stopped, or that the file is on a network drive whose locks do not work.

**Example.** A database browser has `workspace.db` open in a transaction.

**How to mend it.** Close the other program and run the command again.
""",
    ),
    Code(
        name="store-read-only",
        number="HW7004",
        title="The workspace store cannot be written",
        explain="""
**What it finds.** The file or its folder may not be written by this user.

**Why it matters.** A build records what it did; without that the next plan would not know it.

**Example.** `.headwater` was made by root in a container.

**How to mend it.** Give the user write permission on the `.headwater` folder and its files.
""",
    ),
    Code(
        name="store-full",
        number="HW7005",
        title="No room to write the workspace store",
        explain="""
**What it finds.** The disk that holds `.headwater` is full.

**Why it matters.** The record of a finished node could not be written. Its table is safe: the
next run reads the record back from the table's log.

**How to mend it.** Free some space, then run the command again.
""",
    ),
    Code(
        name="relation-not-found",
        number="HW7101",
        title="No table or view has that name",
        explain="""
**What it finds.** A name in a query or command that neither the current schema nor any other
schema knows.

**Why it matters.** Nothing was run.

**Example.** `hw sql "select * from order"` when the table is called `orders`.

**How to mend it.** `hw table list` shows the names; write `schema.name` or `catalog.schema.name`
for one outside the current schema.
""",
    ),
    Code(
        name="relation-ambiguous",
        number="HW7102",
        title="A name means several tables",
        explain="""
**What it finds.** A name without its schema that is not in the current schema and that several
other schemas have.

**Why it matters.** Guessing could read the wrong data without a sign of it.

**Example.** `hw sql "select * from orders"` with `shop.raw.orders` and `shop.mart.orders`.

**How to mend it.** Write one of the listed names in full.
""",
    ),
)
