"""Codes of the graph: HW20xx (shape of the graph) and HW22xx (compiling, selecting, packages)."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="graph-cycle",
        number="HW2001",
        title="nodes depend on each other in a circle",
        explain="""\
**What it finds.** Nodes that can never be built because each waits for the next one. Shown is the
shortest such circle, with the file and line of every reference in it.

**Why it matters.** There is no order in which the nodes could run.

**Example.** `orders.sql` has `{{ ref('customers') }}`, `customers.sql` has `{{ ref('orders') }}`.

**Mend it.** Take one reference out of the circle: read the common input in both nodes instead, or
move the shared part into a third model that both read. A model that must read its own previous
rows reads `{{ this }}` in an incremental model, which is no reference.
""",
    ),
    Code(
        name="source-not-found",
        number="HW2003",
        title="a source that no properties file declares",
        explain="""\
**What it finds.** A `source('name', 'table')` for which there is no entry under `sources:`.

**Why it matters.** Without the entry it is not known which table to read.

**Example.** `{{ source('raw', 'order') }}` where the properties file declares `raw.orders`.

**Mend it.** Correct the spelling (the hint names the closest one), or declare the table:

```yaml
sources:
  - name: raw
    tables:
      - name: orders
```
""",
    ),
    Code(
        name="ref-disabled",
        number="HW2004",
        title="a reference to a node that is disabled",
        explain="""\
**What it finds.** A `ref()` or `source()` to something whose config says `enabled: false`.

**Why it matters.** A disabled node is not built, so the reader would find no table or an old one.

**Mend it.** Enable the node, remove the reference, or disable the reader as well.
""",
    ),
    Code(
        name="ref-ambiguous",
        number="HW2005",
        title="a reference that several packages answer",
        explain="""\
**What it finds.** `ref('name')` from a package that has no such node, while several other packages
have one.

**Why it matters.** Which table is read would depend on the order in which packages are listed.

**Mend it.** Name the package: `ref('package', 'name')`.
""",
    ),
    Code(
        name="metric-not-found",
        number="HW2007",
        title="a metric or measure that is not declared",
        explain="""\
**What it finds.** A metric, saved query or exposure that names a metric, or a measure of a semantic
model, for which there is no entry, or only one that is turned off.

**Why it matters.** The metric cannot be computed, and effects of a change do not reach it.

**Mend it.** Correct the spelling, or declare the measure in its semantic model.
""",
    ),
    Code(
        name="ref-not-inferred",
        number="HW2006",
        title="a reference that only shows while compiling",
        explain="""\
**What it finds.** A `ref()` or `source()` that was not called when the project was read, usually
because it is inside `{% if execute %}`.

**Why it matters.** The order of nodes is decided before compiling. Without the reference the node
could be built before its input.

**Mend it.** Name the input in a comment that is always rendered:
`-- depends_on: {{ ref('orders') }}`.
""",
    ),
    Code(
        name="no-lookup",
        number="HW2202",
        title="a macro asks the lake while compiling, and there is none",
        explain="""\
**What it finds.** `run_query`, `statement` or a similar call in a command that compiles without a
lake.

**Why it matters.** The compiled SQL depends on the answer.

**Mend it.** Run a command that opens the workspace (`hw compile`, `hw plan`, `hw build`), or guard
the call with a default for when there is no answer.
""",
    ),
    Code(
        name="unit-test-invalid",
        number="HW2203",
        title="a unit test that cannot be turned into a query",
        explain="""\
**What it finds.** A unit test whose model does not exist, whose `given` names something that the
model does not read, or whose rows cannot be read.

**Why it matters.** It would test something other than what it says.

**Mend it.** `given` lists `input: ref('...')` or `source('...', '...')` of the model itself;
`expect` rows use output columns of the model.
""",
    ),
    Code(
        name="python-model-not-built",
        number="HW2205",
        title="a Python model that cannot be built as asked",
        explain="""\
**What it finds.** A model in a `.py` file that is neither `table` nor `incremental`, that refers to
an ephemeral model, or that has an enforced contract.

**Why it matters.** Its rows and their columns are known only after it has run.

**Mend it.** Build it as a table, and what it reads as a table or view.
""",
    ),
    Code(
        name="macro-warned",
        number="HW2206",
        title="a macro warned while compiling",
        explain="""\
**What it finds.** A macro called `exceptions.warn`. The text is the macro's own.

**Mend it.** Ask the macro: it is in the project or in the package that defines it.
""",
    ),
    Code(
        name="selector-invalid",
        number="HW2210",
        title="a selector that cannot be read",
        explain="""\
**What it finds.** A `--select` or `--exclude` that is not in the selection grammar: an unknown
method, a `source:` with four parts, or both `@` and a trailing `+`.

**Mend it.** `[@][N+]method:value[+N]`, unions by space, intersections by comma. Methods: `fqn`,
`tag`, `path`, `file`, `source`, `package`, `config.<key>`, `resource_type`, `test_type`,
`test_name`, `exposure`, `metric`, `semantic_model`, `saved_query`, `unit_test`, `group`, `access`,
`version`.
""",
    ),
    Code(
        name="selector-empty",
        number="HW2211",
        title="a selector that matches nothing",
        explain="""\
**What it finds.** A part of `--select` or `--exclude` to which no node belongs.

**Why it matters.** Usually a spelling mistake: the command would do less than was asked, without a
word.

**Mend it.** `hw ls` shows the names; `hw ls --output path` their files.
""",
    ),
    Code(
        name="selection-ignored",
        number="HW2214",
        title="--select or --exclude beside --selector",
        explain="""\
**What it finds.** A command with `--selector` and with `--select` or `--exclude`. The selector of
`selectors.yml` alone says which nodes are meant, as in dbt.

**Why it matters.** The command is about other nodes than it reads.

**Mend it.** Leave one of them out, or name the selector where selections can be combined:
`--select "selector:nightly,tag:finance"`.
""",
    ),
    Code(
        name="selector-no-past",
        number="HW2213",
        title="a selector compares with artifacts that are not there",
        explain="""\
**What it finds.** `result:` needs the `run_results.json` of an earlier run: of the folder given by
`--state`, else of the target folder. `source_status:` needs two `sources.json`: the earlier one in
the folder of `--state`, and the one that `hw source freshness` has just written.

**Why it matters.** A selection that means "what failed" must not quietly mean "nothing".

**Example.** `hw build -s source_status:fresher+ --state previous`, when `hw source freshness` has not
been run since.

**Mend it.** Run what writes the missing file, or give `--state` the folder that has it.
""",
    ),
    Code(
        name="git-failed",
        number="HW2232",
        title="git could not fetch a package",
        explain="""\
**What it finds.** The `git` command is missing, the repository cannot be reached, or the revision
is not in it. Git's own last line is shown as the reason.

**Mend it.** Try the shown command by hand. Private repositories need credentials that git finds by
itself; none are ever asked for.
""",
    ),
    Code(
        name="package-offline",
        number="HW2233",
        title="the package hub could not be reached",
        explain="""\
**What it finds.** A hub package is needed, and the hub did not answer.

**Mend it.** Try again, or use a mirror folder: `hw deps --mirror DIR`.
""",
    ),
    Code(
        name="package-damaged",
        number="HW2234",
        title="a package archive that must not be unpacked",
        explain="""\
**What it finds.** An archive whose checksum differs from the announced one, that is not a gzipped
tar file, or that holds paths with `..`, absolute paths, links or devices.

**Why it matters.** Unpacking it could write outside the package folder.

**Mend it.** Fetch it again; if it stays so, tell the package's author.
""",
    ),
    Code(
        name="package-write-failed",
        number="HW2235",
        title="a package folder could not be written",
        explain="""\
**What it finds.** The packages folder is read-only, full, or in use. What was installed before is
still there, unchanged.

**Mend it.** Free space or correct the permissions, then run `hw deps` again.
""",
    ),
    Code(
        name="contract-mismatch",
        number="HW2237",
        title="a query does not keep its model's contract",
        explain="""\
**What it finds.** A model with `contract: {enforced: true}` whose compiled query gives other
columns, or other types, than its properties file promises. Order is free, names are compared
without case, and types as the engine spells them (`numeric(10, 2)` is `DECIMAL(10,2)`).

**Why it matters.** Readers rely on the contract. It is checked before anything runs, and every
column that differs is listed at once.

**Example.** `data_type: varchar` on a column that the query gives as an integer.

**How to mend it.** Cast or rename the columns in the model, or correct the contract.
""",
    ),
    Code(
        name="contract-incomplete",
        number="HW2238",
        title="a contract lacks what it needs to be enforced",
        explain="""\
**What it finds.** An enforced contract without columns, with a column without `data_type`, on a
model that is no table, view or incremental model, or on an incremental model whose
`on_schema_change` is neither `append_new_columns` nor `fail`. dbt refuses the same.

**Why it matters.** Such a contract promises nothing that could be checked.

**Example.** `columns: [{name: order_id}]` below `contract: {enforced: true}`.

**How to mend it.** Give every column its `data_type`; set `on_schema_change: append_new_columns`.
""",
    ),
    Code(
        name="ref-not-allowed",
        number="HW2239",
        title="a reference that the model's access forbids",
        explain="""\
**What it finds.** A `ref` to a model with `access: private` from outside of its group, or to a
protected model of a package that says `restrict-access: true` from another package. dbt refuses
the same. A generic test belongs to the group of the model that it tests.

**Why it matters.** The owners of the model said who may rely on it.

**Example.** `select * from {{ ref('int_payments') }}` in a model without `group: finance`.

**How to mend it.** Put the model into the group, read a public model instead, or ask the owners to
make it `access: protected` or `public`.
""",
    ),
    Code(
        name="fixture-not-found",
        number="HW2240",
        title="a unit test names a fixture that is not there",
        explain="""\
**What it finds.** `fixture: NAME` in a unit test of a package whose `tests/fixtures` has no file
`NAME.csv` (for `format: csv`) or `NAME.sql` (for `format: sql`).

**Why it matters.** The test has no rows to give to the model.

**Example.** `fixture: orders` without `format`, which asks for inline rows of format `dict`.

**How to mend it.** Write the file, name it without its ending, and say its format.
""",
    ),
    Code(
        name="snapshot-strategy-malformed",
        number="HW2241",
        title="A strategy of the project's own does not say when a row has changed",
        explain="""
**What it finds.** A macro `snapshot_<name>_strategy` that does not return a dict with `unique_key`,
`updated_at`, `row_changed` and `scd_id`, none of them empty.

**Why it matters.** Nothing else says which rows get a new version, so no snapshot can be taken.

**Example.** A macro that ends with `{% do strategy %}` instead of `{{ return(strategy) }}`.

**Safer form.** Return all four, written with the names that the macro is given:

```
{{ return({
    'unique_key': config['unique_key'],
    'updated_at': config['updated_at'],
    'row_changed': snapshotted_rel ~ '.state is distinct from ' ~ current_rel ~ '.state',
    'scd_id': snapshot_hash_arguments([config['unique_key'], config['updated_at']]),
}) }}
```
""",
    ),
    Code(
        name="compiled-too-early",
        number="HW2242",
        title="a text was made before a table that it asks for was built",
        explain="""\
**What it finds.** A model or test whose macros ask whether a table of the project is there, by
`load_relation` or `adapter.get_relation`, while that table has never been built.

**Why it matters.** All texts are made before anything runs, so that a plan can be shown. dbt makes
each one just before it runs, when the tables before it are there: the first build of a new lake may
give such a model fewer columns than dbt would.

**Example.** `dbt_utils.get_column_values(ref('kinds'), 'kind', default=[])` gives no column for any
kind when `kinds` is built for the first time in the same command.

**How to mend it.** Build once more: the table is there then, the text is made anew, and what it
changes is built. In a new lake build what is asked for first, such as by `hw seed`.
""",
    ),
    Code(
        name="model-deprecated",
        number="HW2250",
        title="a model is deprecated",
        explain="""\
**What it finds.** A model whose `deprecation_date` has passed, and a model that reads another one
with a `deprecation_date`, passed or to come. A date without a time zone is read as UTC.

**Why it matters.** The owner of the model said until when it may be relied on.

**Example.** `deprecation_date: 2026-01-31` on version 1 of `orders`, and a model with
`{{ ref('orders', v=1) }}`.

**How to mend it.** Read the model, or the version, that replaces it. The owner removes the model, or
moves the date.
""",
    ),
)
