"""Codes of cost and policy: HW3xxx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="over-budget",
        number="HW3001",
        title="a run or a month costs more than its budget",
        explain="""\
**What it finds.** What regular runs cost once the plan is applied is above a budget: `prices.budget_month`
for a month of the whole project, or an entry of `budgets` for a run or a month of the project, a tag, an
owner or a node. Nodes whose cost is unknown are left out of the sum, so the true figure may be higher
still. It blocks a plan whose changes make them dearer; where only data has grown it warns.

**Why it matters.** A change is cheapest to undo before it is applied.

**Example.** A merge that loses its date filter reads 18 GiB a run instead of 0.6 GiB; the month
goes from $14 to $56, and the budget is $50.

**How to mend it.** Restore the filter, run less often, or raise the budget knowingly.
""",
    ),
    Code(
        name="breaking-change",
        number="HW3002",
        title="a change breaks a consumer in the same project",
        explain="""\
**What it finds.** A column that is dropped, renamed or given an incompatible type while a model,
test, snapshot, exposure or metric still uses it. It blocks a plan that makes the change; where a
source has lost the column it warns, and what does not read it is built.

**Why it matters.** Models and tests would fail while the plan runs; dashboards would fail
afterwards, in front of their readers.

**Example.** `stg_orders.amount` is renamed to `amount_eur`; `fct_orders` selects `amount`.

**How to mend it.** Keep the old name beside the new one until every consumer has moved, or change
the consumers in the same commit. An exposure that lists the columns it uses in
`meta.headwater.columns` is only touched by those. A deliberate break is allowed with a reason:
`meta: {headwater: {allow: {breaking-change: "agreed with finance"}}}` on the changed node.
""",
    ),
    Code(
        name="input-not-built",
        number="HW3003",
        title="a step reads something that does not exist",
        explain="""\
**What it finds.** Selected nodes read a table, view or file that does not exist and that this plan
does not build. It is reported once, with its readers.

**Why it matters.** The step would fail after other steps have already run.

**Example.** `hw build --select fct_orders` in an empty lake, where `stg_orders` was never built.

**How to mend it.** Select what it reads too (`--select +fct_orders`); for a source, load it or
correct its schema, identifier or `external_location`.
""",
    ),
    Code(
        name="incremental-strategy-unknown",
        number="HW3004",
        title="incremental_strategy is not one that can be carried out",
        explain="""\
**What it finds.** An `incremental_strategy` other than `append`, `merge`, `delete+insert`,
`insert_overwrite`, `microbatch` and `auto`, for which the project has no macro `get_incremental_NAME_sql`.

**Why it matters.** How rows that are already stored are treated must not be guessed.

**Example.** `incremental_strategy: newest` without a macro `get_incremental_newest_sql`.

**How to mend it.** Use one of them, write the macro, or leave it out: the default is `merge` when the model has
a `unique_key` and `append` when it has none.
""",
    ),
    Code(
        name="refresh-unknown",
        number="HW3022",
        title="refresh is none that can be carried out",
        explain="""\
**What it finds.** A `refresh` other than `auto`, `incremental`, `strict` and `full`, or one beside a
config that contradicts it: `full_refresh: false`, `incremental_strategy: microbatch`, a view.

**Why it matters.** `refresh` promises that the table equals its full rebuild at any time. Nothing
about that is guessed.

**Example.** `refresh: always`.

**How to mend it.** `auto` builds from what changed where that is proved to give the same rows, and in
full where it is not or costs more; `incremental` does so whatever it costs, with a warning when it
cannot; `strict` refuses when it cannot; `full` builds in full each time.
""",
    ),
    Code(
        name="refresh-not-provable",
        number="HW3023",
        title="A model cannot be brought up to date from what changed",
        explain="""\
**What it finds.** A model with `refresh: strict` (an error) or `refresh: incremental` (a warning)
whose query does not tell which of its rows a change of its inputs touches, or whose inputs do not
tell any more what changed.

**Why it matters.** Such a table can only be kept equal to its query by building it in full, which
costs what it costs each time.

**Example.** `select count(*) from orders`: any order changes the one row. `limit`, the clock, random
values, a changed table on the outer side of a join, a function that may do anything.

**How to mend it.** Keep a key through the query: group by it, partition windows by it, join by it.
Compute what has none in a small model of its own. `refresh: auto` builds in full when it must.
""",
    ),
    Code(
        name="merge-mode-unknown",
        number="HW3021",
        title="merge_mode is none that can be carried out",
        explain="""\
**What it finds.** A `merge_mode` other than `auto`, `copy_on_write` and `merge_on_read`.

**Why it matters.** A table that is merged on read hides rows by deletion vectors, which every
reader of it must understand. That is not guessed.

**Example.** `merge_mode: mor`.

**How to mend it.** `copy_on_write` writes files with changed rows again: any reader will do.
`merge_on_read` hides those rows instead: twenty times less work where few rows of many files
change. `auto`, the default, hides rows only where that saves writing more than 32 MB, and not in
tables whose property `delta.enableDeletionVectors` is `false`.
""",
    ),
    Code(
        name="materialization-unknown",
        number="HW3007",
        title="materialized is not one that can be built",
        explain="""\
**What it finds.** A model whose `materialized` is none of `table`, `view`, `incremental` and
`ephemeral`, and for which neither the project nor a package has a macro `{% materialization %}`.

**Why it matters.** It would have to be built as something else than was asked for.

**Example.** `{{ config(materialized='external', location='orders.parquet') }}`.

**How to mend it.** Use one of the four, or write the macro. Tables are Delta tables that other tools can read as they
are, which is what most `external` models are for.
""",
    ),
    Code(
        name="contract-not-checked",
        number="HW3008",
        title="an enforced contract cannot be checked yet",
        explain="""\
**What it finds.** A model with `contract: {enforced: true}` whose columns are not known, because
its query reads something that is not there yet.

**Why it matters.** A wrong type would be published.

**Example.** A model that reads a source without a table.

**How to mend it.** Build or load what it reads, then plan again.
""",
    ),
    Code(
        name="config-without-effect",
        number="HW3019",
        title="a config has no effect on Delta tables",
        explain="""\
**What it finds.** A model with `indexes`, `sorted_by` or `catalog_name`, or with a `cluster_by`
that names anything but one to four of its columns.

**Why it matters.** The model is built, but not in the way that these ask for: files hold the rows in
the order of the query, and a reader leaves out files by the smallest and largest value of a column.

**Example.** `indexes: [{columns: [id]}]`

**How to mend it.** Leave the config out; name the columns by which readers filter in `cluster_by`.
""",
    ),
    Code(
        name="function-not-built",
        number="HW3015",
        title="a function of the project cannot be made in the engine",
        explain="""\
**What it finds.** A function (`functions/`, dbt 1.11) that gives rows (`type: table`), an aggregate
in Python, or one in Python that does not say by `entry_point` which function of its file is called.

**Why it matters.** Scalar functions in SQL and Python and aggregates in SQL are made anew in every
session that calls them. The engine has no form for the others, so that what calls them would fail.

**Example.** `config: {type: aggregate}` for `functions/median.py`

**How to mend it.** Write the function in SQL, or as a macro, whose text becomes part of each query
that calls it.
""",
    ),
    Code(
        name="grants-not-applied",
        number="HW3009",
        title="configured grants are not applied yet",
        explain="""\
**What it finds.** A model with `grants:` in its config.

**Why it matters.** Tables are files in the lake, and there are no permissions on them yet: whoever
can read the folder or bucket can read the table, whatever the config says.

**Example.** `grants: {select: [reporting]}`

**How to mend it.** Protect the lake's folder or bucket by its own means, or leave the grants out.
""",
    ),
    Code(
        name="rule-severity-invalid",
        number="HW3041",
        title="`rules` in headwater.yml names no rule or no severity",
        explain="""\
**What it finds.** An entry of `rules` whose name is no code of a plan's findings, or whose value
is none of `error`, `warning`, `info` and `off`.

**Why it matters.** A rule under a misspelt name would hold nobody.

**Example.** `rules: {croos-join: error}`

**How to mend it.** `hw explain --list` lists the codes; those of plans are HW3xxx and HW4xxx.
""",
    ),
    Code(
        name="overwrite-without-partitions",
        number="HW3005",
        title="insert_overwrite without partition_by would replace the whole table",
        explain="""\
**What it finds.** `incremental_strategy: insert_overwrite` on a model without `partition_by`.

**Why it matters.** Without partitions every run would replace the whole table by its newest rows.

**Example.** `{{ config(materialized='incremental', incremental_strategy='insert_overwrite') }}`

**How to mend it.** Add `partition_by`, the column whose values are rewritten together.
""",
    ),
    Code(
        name="table-changed-by-another-writer",
        number="HW3006",
        title="an incremental table holds rows that another writer changed",
        explain="""\
**What it finds.** An incremental model's or snapshot's table has commits that change rows and that
no recorded build made.

**Why it matters.** An incremental run keeps those changes, so the table is not what its SQL says;
a rebuild drops them.

**Example.** Somebody deleted rows from `fct_orders` with another Delta client.

**How to mend it.** Keep them knowingly, or rebuild: `hw build --full-refresh --select NODE`.
""",
    ),
    Code(
        name="constraint-not-enforced",
        number="HW3011",
        title="a constraint that nothing enforces",
        explain="""\
**What it finds.** A `unique`, `primary_key` or `foreign_key` constraint without a test that proves
it, or a `not_null` or `check` constraint of a view.

**Why it matters.** A lake table has no index, so that rows which break the constraint could be
published. `not_null` and `check` of tables are enforced before every commit, and so is that the
columns of a primary key are not null.

**Example.** `constraints: [{type: primary_key}]` on a column without a `unique` test.

**How to mend it.** Declare the test `unique` or `relationships` of the column, or say
`warn_unenforced: false` on the constraint.
""",
    ),
    Code(
        name="contract-broken",
        number="HW3012",
        title="a change breaks the contract that is deployed",
        explain="""\
**What it finds.** A model was built under an enforced contract, and now lacks one of its columns,
gives one another type, or is no longer under contract.

**Why it matters.** Whoever reads the table relies on what was promised.

**Example.** `amount: DECIMAL(12,2)` was promised and becomes `DOUBLE`.

**How to mend it.** Keep the column beside the new one until its readers have moved.
""",
    ),
    Code(
        name="materialized-view-as-table",
        number="HW3013",
        title="a materialized view is built as a table",
        explain="""\
**What it finds.** A model with `materialized: materialized_view`.

**Why it matters.** The lake has no views that refresh themselves. The model is stored as a table,
and rebuilt by the next build after one of its inputs has changed.

**Example.** `{{ config(materialized='materialized_view') }}`

**How to mend it.** Nothing has to be done; `materialized: table` says the same without a warning.
""",
    ),
    Code(
        name="microbatch-config",
        number="HW3016",
        title="a microbatch model does not say what its batches are",
        explain="""\
**What it finds.** `incremental_strategy: microbatch` in a Python model, or without a sound
`event_time` (a column), `batch_size` (`hour`, `day`, `month` or `year`), `begin` (a time, as in
`2026-01-01`) or `lookback` (a whole number, 1 when left out).

**Why it matters.** Without them there is nothing to tell which rows a batch replaces.

**Example.** `config(materialized='incremental', incremental_strategy='microbatch')` alone.

**How to mend it.** Add `event_time='happened_at', batch_size='day', begin='2026-01-01'`.
""",
    ),
)
