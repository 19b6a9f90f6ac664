"""Codes of the engines: HW65xx.

A full disk, a read-only folder and an unsupported store are told with the lake's codes: they mean
the same there.
"""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="engine-unknown",
        number="HW6501",
        title="The profile names an engine that does not exist",
        explain="""\
An output of `profiles.yml` asks for an engine that this version does not have.

**Why it matters**: nothing can run, and no other engine is taken in its place.

```yaml
my_project:
  target: dev
  outputs:
    dev: {type: headwater, engine: dukdb}
```

**Mend it**: write one of the engines that the message lists, here `engine: duckdb`.
""",
    ),
    Code(
        name="engine-extra-missing",
        number="HW6502",
        title="The engine's own package is not installed",
        explain="""\
The engine exists, but the Python package that drives it cannot be imported.

**Why it matters**: engines that not everybody needs are optional, so that a plain install is small.

**Mend it**: run the `pip install` line that the message shows, in the same environment.
""",
    ),
    Code(
        name="sql-failed",
        number="HW6503",
        title="The engine refused or failed a SQL statement",
        explain="""\
A statement of the project could not be bound, or failed on its data: an unknown column, a cast of
a value that does not fit, an `error()` in the query.

**Why it matters**: the node has no result; nothing was published, the table is as it was.

```sql
select cast(amount as integer) from {{ ref('payments') }} -- amount has the value 'n/a'
```

**Mend it**: the engine's own message is shown with the line of the compiled SQL
(`target/compiled/...`) when the engine knows it. `try_cast` turns values that do not fit into
nulls.
""",
    ),
    Code(
        name="out-of-memory",
        number="HW6504",
        title="A statement needed more memory than the engine may use",
        explain="""\
Sorts, joins and aggregates spill to disk, but some steps cannot: many large aggregates such as
`list` or `string_agg`, very wide rows, or a window over one huge group.

**Why it matters**: the node failed; nothing was published.

**Mend it**: raise `memory_limit` in the profile, or lower `threads` (each session gets the limit
divided by the threads), or split the query into two models.
""",
    ),
    Code(
        name="interrupted",
        number="HW6505",
        title="A statement was cancelled while it ran",
        explain="""\
Ctrl-C, a failing node under `--fail-fast`, or a time limit stopped the statement.

**Why it matters**: the node has no result; files already written are removed, nothing was
published.

**Mend it**: run the same command again; finished nodes are skipped.
""",
    ),
    Code(
        name="merge-duplicate-keys",
        number="HW6506",
        title="The rows to merge have the same key more than once",
        explain="""\
An incremental model merges its rows by `unique_key`, and its query returned several rows with one
key. Which of them should win is not defined, so none does.

**Why it matters**: picking one silently would give a table that changes from run to run.

```sql
-- unique_key = 'order_id'; a late correction arrives beside the original
select order_id, status, updated_at from {{ ref('stg_orders') }}
```

**Mend it**: keep one row a key, for example with
`qualify row_number() over (partition by order_id order by updated_at desc) = 1`, or take
`incremental_strategy: delete+insert`, which allows several rows a key.
""",
    ),
    Code(
        name="merge-column-missing",
        number="HW6507",
        title="A column that a merge names is not there",
        explain="""\
A column of `unique_key` is missing from the query's result or from the table; or
`merge_update_columns` or `merge_exclude_columns` name a column that is in neither.

**Why it matters**: without its key no row can be matched, and every row would be inserted again.

**Mend it**: select the column in the model, correct `unique_key`, or run with `--full-refresh`
when the table is older than the column.
""",
    ),
    Code(
        name="seed-ragged",
        number="HW6508",
        title="A row of a seed does not have the header's number of fields",
        explain="""\
A line of a CSV file has more or fewer fields than its header. Blank lines are allowed.

**Why it matters**: values would slip into the wrong column.

```
id,name,city
1,Anna,Oslo
2,Smith, John,Bergen     <- four fields: the name needs quotes
```

**Mend it**: quote fields that contain the delimiter, or correct the line that the message names.
Set the `delimiter` of the seed when the file does not use a comma.
""",
    ),
    Code(
        name="seed-unreadable",
        number="HW6509",
        title="A seed file cannot be read as CSV",
        explain="""\
The file is missing, empty, not UTF-8, has no header, has an unnamed or repeated column, or a
quote that never closes.

**Why it matters**: the seed's columns are not known, so nothing can be loaded.

**Mend it**: save the file as UTF-8 CSV with one header line of distinct names.
""",
    ),
    Code(
        name="seed-value-misfit",
        number="HW6510",
        title="A value of a seed does not fit the column's type",
        explain="""\
`column_types` declares a type that some value cannot be read as; or a column was inferred as
numbers and one is too large for its type.

**Why it matters**: storing null instead would lose the value in silence.

```yaml
seeds:
  my_project:
    zip_codes: {+column_types: {zip: integer}}   # but one zip is "N-0150"
```

**Mend it**: correct the value, or declare `varchar` (or a wider number) for the column.
""",
    ),
    Code(
        name="catalog-name-reserved",
        number="HW6511",
        title="The engine keeps this catalog name for itself",
        explain="""\
The embedded engine has catalogs of its own called `main`, `system` and `temp`.

**Why it matters**: SQL that says `main.orders` would be read as something else than the catalog.

**Mend it**: set another `catalog` in the profile, or give the project another name.
""",
    ),
    Code(
        name="engine-setting-invalid",
        number="HW6512",
        title="The engine does not take one of the profile's settings",
        explain="""\
A name under `settings` is not one of the engine's, or its value is not allowed.

**Why it matters**: running without it could give other results or use more memory than intended.

**Mend it**: correct the name or value; `select name, description from duckdb_settings()` lists
them (`hw sql`).
""",
    ),
    Code(
        name="file-format-unknown",
        number="HW6513",
        title="The format of a source file is not known",
        explain="""\
A source's location does not end in `.parquet`, `.csv`, `.tsv`, `.json`, `.jsonl` or `.ndjson`
(also compressed with `.gz` or `.zst`), and is no reader call.

**Why it matters**: guessing a format can read wrong values without an error.

**Mend it**: write the reader, as in `read_csv('data/export.dat', delim='|')`.
""",
    ),
    Code(
        name="data-file-mismatch",
        number="HW6514",
        title="Written data files are not what the engine reported",
        explain="""\
After a write, a file is missing, has another size, or the rows do not add up to what was to be
written.

**Why it matters**: publishing such files would lose or repeat rows, so nothing was published.

**Mend it**: look for another program that writes to the table's folder, check the disk, and run
again; report it if it comes back.
""",
    ),
    Code(
        name="engine-internal",
        number="HW6515",
        title="The engine failed in a way that is its own or our fault",
        explain="""\
The engine reported an internal error, or raised something that no code is kept for.

**Why it matters**: the node failed; nothing was published. The session is thrown away.

**Mend it**: run again with a smaller `threads`; when it repeats, report the message with the
compiled SQL.
""",
    ),
    Code(
        name="session-closed",
        number="HW6516",
        title="A closed session was asked to do something",
        explain="""\
A session was used after `close`, or after its engine was closed.

**Why it matters**: it is a mistake in the program that uses the session, not in the project.

**Mend it**: open a new session. If you did not write the program, report it.
""",
    ),
    Code(
        name="statement-unusable",
        number="HW6517",
        title="One query was expected",
        explain="""\
A model, a test or a view must be exactly one statement that returns rows. The text is empty, has
several statements separated by semicolons, or is something else (such as `create table`).

**Why it matters**: only the rows of one query can become a table.

**Mend it**: leave one `select`; put statements that prepare something into `pre_hook`.
""",
    ),
    Code(
        name="partition-column-missing",
        number="HW6518",
        title="The table cannot be partitioned as configured",
        explain="""\
A column of `partition_by` is not in the model's result, or the model has no other columns.

**Why it matters**: the values of partition columns become folder names; without the column there
is nothing to name them by, and without another column there is nothing to keep in the files.

```sql
{{ config(partition_by=['order_date']) }}
select order_id, amount from {{ ref('stg_orders') }} -- order_date is not selected
```

**Mend it**: select the column, or correct `partition_by`.
""",
    ),
    Code(
        name="data-file-unreadable",
        number="HW6519",
        title="A data file of a table is missing or damaged",
        explain="""\
The table's log names a data file that is not there, or that is no whole Parquet file.

**Why it matters**: the log and the files contradict each other, so the table cannot be read at this
version. Another program has deleted or changed files in the table's folder, or a disk lost them.

**Mend it**: restore the file from a copy; read an older version that does not need it (`t@v3`); or
build the table anew with `hw build --full-refresh --select t`, which reads its inputs and not it.
""",
    ),
    Code(
        name="write-unsupported",
        number="HW6520",
        title="A statement asks for what the lake cannot keep",
        explain="""\
A statement of a hook, a macro or a materialization would do something that tables of the lake have
no form for: `on conflict`, a column with a default or computed from others, dropping a whole schema,
a view with a list of columns, writing to a source that lies in files.

**Why it matters**: doing half of it would leave other rows than the statement says.

```yaml
on-run-start: "create table if not exists audit.runs (what varchar, ts timestamp default now())"
```

**Mend it**: say it without that part: give the value in every `insert`, use `merge` in place of
`on conflict`, drop table by table, name a view's columns in its query. A temporary table may have
all of it: `create temp table` is the engine's own and lasts as long as the session.
""",
    ),
    Code(
        name="write-unreadable",
        number="HW6522",
        title="What a statement would write cannot be told",
        explain="""\
The text of a statement that writes cannot be parsed, so which table it writes is not known.

**Why it matters**: a table must be taken out of the lake before a statement can change it, and a
plan must be able to say which.

```sql
insert into audit.runs select * from runs as of yesterday
```

**Mend it**: write it in simpler words: `insert into t select ...`, `update t set ...`,
`delete from t where ...`, `merge into t using ...`, `create table t as ...`.
""",
    ),
    Code(
        name="python-model-failed",
        number="HW6521",
        title="A Python model failed while it ran",
        explain="""\
The function `model(dbt, session)` raised an error, a module that it imports is not installed, or it
returned something that is neither a DuckDB relation, a pandas or Polars frame nor an Arrow table.

**Why it matters**: nothing was published; readers see the version before.

```python
def model(dbt, session):
    return dbt.ref("orders").filter("amount > 0")
```

**Mend it**: correct the line that the message names; install what it imports beside Headwater.
""",
    ),
    Code(
        name="function-failed",
        number="HW6528",
        title="A function in Python cannot be made",
        explain="""\
The file of a Python function (`functions/*.py`) failed when it was run, has no function of the name
that `entry_point` says, or one that takes another number of arguments.

**Why it matters**: every query that calls the function would fail.

```yaml
functions:
  - name: double_it
    config: {entry_point: entry}   # def entry(value): ...
    arguments: [{name: value, data_type: float}]
    returns: {data_type: float}
```

**Mend it**: correct the file, or `entry_point` and `arguments` of its properties.
""",
    ),
)
