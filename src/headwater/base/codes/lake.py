"""Codes of the lake: HW60xx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="ingest-unreadable",
        number="HW6023",
        title="A file to load cannot be read as what it should be",
        explain="""
**What it finds.** A file is not of the format that its name or `--format` says, is in an encoding
that is not known, or changed while it was read.

**Why it matters.** Nothing of it was loaded; other files of the same load were. Guessing on would
put wrong values into the table.

**Example.**

    hw ingest orders export.csv --encoding utf-16

**How to mend it.** Pass `--format` or `--encoding`, or convert the file.
""",
    ),
    Code(
        name="ingest-header",
        number="HW6024",
        title="The columns of a file to load have no names of their own",
        explain="""
**What it finds.** A column of the file has no name, or two have the same: the first line of a CSV
file leaves one out, or a JSON, Parquet or Arrow file has `id` and `ID`.

**Why it matters.** Rows are loaded by the names of their columns, which are compared without case.
Values could not be told apart, and a name that nobody has written would become the table's.

**Example.**

    {"id": 1, "ID": 2}

**How to mend it.** Give every column of the file a name of its own.
""",
    ),
    Code(
        name="ingest-new-column",
        number="HW6025",
        title="A file to load has columns that the table has not",
        explain="""
**What it finds.** A file has a column that the table has not, and `--no-new-columns`, or an
appender's `adds_columns=False`, forbids it.

**Why it matters.** The name may be a typo: the values would go into a column of their own, and the
right one would stay empty.

**Example.**

    hw ingest orders orders.csv --no-new-columns

**How to mend it.** Correct the file's header, or leave the option out: the column is added to the
table then, and is null in older rows.
""",
    ),
    Code(
        name="ingest-target",
        number="HW6026",
        title="Rows cannot be loaded into this",
        explain="""
**What it finds.** The name is none of a table, or it is that of a view or of a source of files.

**Why it matters.** `hw ingest` and appenders add rows to a table of the lake, or make one. A view has
no rows of its own, and the files behind a source belong to whoever writes them.

**Example.**

    hw ingest 'landing."odd.name"' export.csv

**How to mend it.** Name another table: `name`, `schema.name` or `catalog.schema.name`. A part with a
dot or a quote in it is written in quotes, and a quote inside of them twice.
""",
    ),
    Code(
        name="ingest-partitions",
        number="HW6031",
        title="The table is partitioned otherwise",
        explain="""
**What it finds.** `--partition-by`, or an appender's `partition_by`, names other columns than the table
is partitioned by.

**Why it matters.** How rows lie in files was decided when the table was made; a load only adds rows.

**Example.**

    hw ingest orders orders.csv --partition-by day

**How to mend it.** Leave it out: rows go where they belong. Or load into another table.
""",
    ),
    Code(
        name="extra-missing",
        number="HW6032",
        title="A package that this needs is not installed",
        explain="""
**What it finds.** A package that this needs is not installed.

**Why it matters.** What is rarely needed is not installed with Headwater. Files and streams of Arrow
are read by pyarrow, which is large.

**Example.**

    hw ingest orders orders.arrow

**How to mend it.** `pip install 'headwater[arrow]'`, or hand over Parquet.
""",
    ),
    Code(
        name="changes-not-kept",
        number="HW6018",
        title="What changed in a table since a version cannot be told any more",
        explain="""
**What it finds.** What changed in a table since a version cannot be told any more: a vacuum has deleted
files that left the table, another tool the log's entries in between, or the rows have other columns.

**Why it matters.** The rows that a table gained and lost are read from those entries and files. A model
with `refresh: auto` is then built in full by itself, and says why.

**Example.**

    hw sql "select * from table_changes('orders', 3, 5)"

**How to mend it.** Name newer versions, or read the whole table. `hw table vacuum` says beforehand which
models would be built in full.
""",
    ),
    Code(
        name="changes-unreadable",
        number="HW6019",
        title="`table_changes` cannot read this",
        explain="""
**What it finds.** `table_changes` was asked about a view or files of others, about versions that are not
in order, or about a table with a column called like one of its own: `_change_type`, `_commit_version`
or `_commit_timestamp`.

**Why it matters.** It gives the rows that versions of a table of the lake added and removed. What has no
versions has no changes.

**Example.**

    hw sql "select * from table_changes('orders', 5, 3)"

**How to mend it.** Name a table and its versions in order; `hw table history orders` lists them.
""",
    ),
    Code(
        name="retention-too-short",
        number="HW6021",
        title="A vacuum would delete files that the table promises to keep",
        explain="""
**What it finds.** A vacuum was asked to keep less than the table promises.

**Why it matters.** A table keeps the files of older versions for a time:
`delta.deletedFileRetentionDuration`, seven days where it is not set. Readers of older versions, and
queries that take long, rely on that.

**Example.**

    hw table vacuum orders --retain-hours 0

**How to mend it.** Leave `--retain-hours` out, or pass `--force` when nobody reads an older version.
""",
    ),
    Code(
        name="retention-unreadable",
        number="HW6022",
        title="How long the table keeps removed files cannot be read",
        explain="""
**What it finds.** The table's property `delta.deletedFileRetentionDuration` is not of the form
`interval 7 days`.

**Why it matters.** How long files must be kept is not guessed, so nothing is deleted.

**Example.**

    delta.deletedFileRetentionDuration = a week

**How to mend it.** Set the property with the tool that wrote it, or say the time:
`hw table vacuum t --retain-hours 168`.
""",
    ),
    Code(
        name="cluster-by",
        number="HW6029",
        title="A table cannot be clustered by these columns",
        explain="""
**What it finds.** `hw table optimize --cluster-by` names no column of the table, one twice, more than four,
or one by which the table is partitioned.

**Why it matters.** Clustering puts rows with near values of some columns into the same files, so that a
filter on any of them reads few. Columns by which the table is partitioned divide it already.

**Example.**

    hw table optimize orders --cluster-by customer_id,ordered_at

**How to mend it.** Name one to four columns; `hw table describe orders` shows them.
""",
    ),
    Code(
        name="clone-target",
        number="HW6027",
        title="A clone cannot have this name",
        explain="""
**What it finds.** `INTO` of `hw table clone NAME INTO` is no name of a table, or there is a table or view
of that name already.

**Why it matters.** A clone is a new table, and nothing is written over.

**Example.**

    hw table clone orders orders_before

**How to mend it.** Clone into another name: `orders_before`, `schema.orders_before` or
`catalog.schema.orders_before`.
""",
    ),
    Code(
        name="diff-side",
        number="HW6028",
        title="What is to be compared is not a table",
        explain="""
**What it finds.** A side of `hw table diff LEFT RIGHT` is not a table, with or without a version.

**Why it matters.** Two tables are compared, or two versions of one.

**Example.**

    hw table diff orders@v3 orders

**How to mend it.** Write the table's name, with `@v` and a version for an older one.
""",
    ),
    Code(
        name="table-not-found",
        number="HW6001",
        title="There is no Delta table at this place",
        explain="""\
The folder or object-store prefix has no `_delta_log` with a readable version.

A table that was never built, a path with a typo, and a log whose files were deleted look alike.

    hw sql "select * from delta.`./lake/shop/main/order`"   -- the table is called orders

Check the path with `hw table list`, or build the model that makes the table.
""",
    ),
    Code(
        name="version-not-found",
        number="HW6002",
        title="The table does not have this version",
        explain="""\
Time travel asked for a version (or a time) that the table's log does not hold: it is newer than
the newest, or older than the oldest that can still be put together.

    select * from orders VERSION AS OF 300   -- the newest is 12

`hw table history` lists the versions that exist.
""",
    ),
    Code(
        name="log-damaged",
        number="HW6003",
        title="A file of the Delta log is damaged or missing",
        explain="""\
A log entry is not JSON, is cut short, contradicts an earlier one, or a version in the middle of
the log is missing. Reading on would give wrong rows, so nothing is read.

The message names the file. Entries are written once and never changed, so restore that file from
a backup or from a copy of the table; when there is none, rebuild the table with
`hw build --full-refresh --select NODE`.
""",
    ),
    Code(
        name="table-feature-unsupported",
        number="HW6004",
        title="The table uses a Delta feature that this version does not know",
        explain="""\
Delta tables name in their protocol what a reader or writer must understand. A table with a
feature that we do not implement would be misread (or spoilt by a write), so it is refused.

    the table needs reader feature `typeWidening`

Read it with the tool that wrote it, or have that tool drop the feature
(`ALTER TABLE t DROP FEATURE name` in Spark), or write to another table.
""",
    ),
    Code(
        name="commit-conflict",
        number="HW6005",
        title="Somebody else changed the table first",
        explain="""\
The commit was prepared against one version of the table, and another writer has published a newer
one. Nothing of the commit is visible; its data files are orphans that the next clean-up removes.

The message says which version came in between and who wrote it. Plan and run again: the new run
reads the newer version.
""",
    ),
    Code(
        name="already-committed",
        number="HW6006",
        title="This application transaction is in the table already",
        explain="""\
Each commit carries a transaction (application id and version) that may be published once. The
table already has it: an earlier attempt succeeded, perhaps although it was reported as failed.

Nothing was written. Running the plan again finds the table up to date.
""",
    ),
    Code(
        name="lake-read-only",
        number="HW6007",
        title="The lake's folder cannot be written",
        explain="""\
The operating system or object store refused to create or read a file in the lake: no permission,
a read-only file system, or keys that are wrong or have expired.

Give the user write permission, or set another folder as `lake` in profiles.yml. In an object store
the keys must be allowed to list, read, write and delete objects below the lake's prefix.
""",
    ),
    Code(
        name="disk-full",
        number="HW6008",
        title="No space is left for the lake",
        explain="""\
The file system or quota is full. The table is as it was before; files that were already written
are orphans that `hw clean` or the next build removes.

Free some space, or point `lake` in profiles.yml to a larger disk, and run again.
""",
    ),
    Code(
        name="storage-unavailable",
        number="HW6009",
        title="The storage did not answer as expected",
        explain="""\
A network or input/output error that may go away: object store unreachable, throttled, a disk that
reports errors. Whether a commit was made is decided by reading the log again, never by guessing.

Run again; when it stays, look at the error text in the message and at the storage itself.
""",
    ),
    Code(
        name="storage-unsupported",
        number="HW6010",
        title="This storage cannot be used for a lake",
        explain="""\
Publishing a version needs a storage where only one writer can create a file: local file systems
with hard links, and object stores with conditional writes. The message says what is missing, or
that the kind of URL is not known.

Use a local folder, `s3://bucket/prefix`, or (for tests) `memory://name`.
""",
    ),
    Code(
        name="bucket-missing",
        number="HW6017",
        title="The lake's bucket does not exist",
        explain="""\
The object store was reached, but has no bucket of that name (or hides it from these keys). A lake
is a prefix inside a bucket; the prefix needs no preparation, the bucket must exist.

Create it (`aws s3api create-bucket --bucket NAME`), or correct `lake`, or the endpoint and region
under `storage_options` in profiles.yml.
""",
    ),
    Code(
        name="file-not-found",
        number="HW6011",
        title="A file that should be in the lake is missing",
        explain="""\
A data or log file that was named does not exist: deleted by hand, by another tool's vacuum, or
never written.

When it belongs to the newest version, rebuild the table; when only an old version needs it, that
version can no longer be read.
""",
    ),
    Code(
        name="type-not-storable",
        number="HW6012",
        title="A column's type has no form in Delta",
        explain="""\
Delta has booleans, signed integers to 64 bits, floats, decimals to 38 digits, text, bytes, dates,
timestamps with and without zone, lists, maps and structs. Others are stored in their nearest exact
form (unsigned integers wider, HUGEINT as DECIMAL(38,0), UUID, ENUM, TIME, INTERVAL and JSON as
text). TIMESTAMP_NS is rounded to the microseconds that Delta keeps. What is left is refused: UNION,
TUPLE, VARIANT, GEOMETRY.

    select union_value(a := 1) as u     -- refused
    select union_value(a := 1).a as u   -- stored as INTEGER

Cast the column in the model's SQL.
""",
    ),
    Code(
        name="duplicate-column",
        number="HW6013",
        title="Two columns have the same name",
        explain="""\
Delta compares column names without case, so `ID` and `id` cannot be in one table, nor can a
column have an empty name.

    select a.id, b.id from a join b using (key)   -- name one of them: b.id as b_id
""",
    ),
    Code(
        name="partition-value-not-storable",
        number="HW6014",
        title="A partition column has a value that Delta cannot keep",
        explain="""\
Partition values live in the log as text, where the empty text means NULL. A partition column with
the value `''` would come back as NULL, so it is refused rather than changed; so are infinite dates
and types without a text form (lists, structs, bytes).

Use `nullif(column, '')` in the model, or partition by another column.
""",
    ),
    Code(
        name="commit-invalid",
        number="HW6015",
        title="A commit contradicts itself or the table",
        explain="""\
Before an entry is written it is checked: a file is added twice or both added and removed, a file
to remove is not in the table, partition values do not match the table's partition columns, a data
file is not in storage, or a path leaves the table's folder. Writing it would damage the table.

This is a fault of the program that made the commit. Please report it with the message.
""",
    ),
    Code(
        name="table-path-invalid",
        number="HW6016",
        title="A table's place is not a usable path",
        explain="""\
Catalog, schema and table names become folders. A part that is empty, `.` or `..`, or has a slash,
a backslash, a percent sign or a control character would leave the lake or be read differently by
other Delta readers (which take `%20` in a folder's name for a space).

Rename the schema or alias of the model.
""",
    ),
    Code(
        name="forget-target",
        number="HW6033",
        title="A name is not forgotten while its table is there",
        explain="""
**What it finds.** `hw table forget` was given the name of a table that is still in the lake, or of a
view, which has no files that could be gone.

**Why it matters.** Forgetting is for names whose table is gone: its folder was removed by hand. A
table that is there would go on to take space, and nothing would list it.

**Example.**

    hw table forget orders

**How to mend it.** Remove the table's folder first when it is not needed any more; `hw table describe`
says where it lies.
""",
    ),
    Code(
        name="columns-not-mapped",
        number="HW6034",
        title="A table's columns cannot change their names without writing its files again",
        explain="""
**What it finds.** `hw table rename-column` or `drop-column` was given a table whose files have its
columns under their own names: its property `delta.columnMapping.mode` is not `name` or `id`.

**Why it matters.** A file would still have the column under its old name: it would be null to every
reader after a rename, and after a drop a new column of that name would have the old values.

**Example.**

    hw table rename-column orders amount total

**How to mend it.** Give the column its name in the model's query, and build the model with
`--full-refresh`. Or let the tool that owns the table set the mapping.
""",
    ),
    Code(
        name="alter-column",
        number="HW6035",
        title="A column cannot be changed as asked",
        explain="""
**What it finds.** `hw table rename-column` or `drop-column` names a column that the table has not,
asks for a name that another column has, or would drop a column by which the table is partitioned,
or the last one in its files.

**Why it matters.** Column names are compared without case, and a partition column decides where the
files' rows belong: without it they could not be read.

**Example.**

    hw table drop-column orders ordered_on

**How to mend it.** Name one of the columns that the message lists; to change how a table is
partitioned, build it anew.
""",
    ),
    Code(
        name="upkeep-left-out",
        number="HW6036",
        title="A table was not compacted after a build",
        explain="""
**What it finds.** With `upkeep: auto` a build compacts, after its nodes, the tables where that costs
less than it saves. One of them could not be: another writer changed it meanwhile, or the disk is
full.

**Why it matters.** The build is not affected, and the table is as the build left it; it goes on to be
read more slowly than it could be.

**Example.**

    warning[upkeep-left-out] HW6036: `shop.main.events` was not compacted after the build: ...

**How to mend it.** `hw table optimize events` when nobody else writes to it, or wait for the next
build.
""",
    ),
)
