"""Codes of projects that are written for another warehouse: read, compiled, translated."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="warehouse-not-run",
        number="HW1120",
        title="The project is written for another warehouse",
        explain="""\
**What it finds.** A command that runs something, on a profile of Snowflake, BigQuery, Databricks,
Redshift, PostgreSQL, Trino or another warehouse. Headwater reads, lists, compiles, checks and
plans such a project without credentials, but connects to no warehouse.

**Example.** `hw build` with `type: snowflake`.

**How to mend it.** `hw build --on duckdb` translates the SQL and runs it on the embedded engine, in
its own lake. Or choose an output of type `headwater` with `--target`.
""",
    ),
    Code(
        name="query-not-asked",
        number="HW2150",
        title="A macro asks a warehouse while compiling, and nothing asked it",
        explain="""\
**What it finds.** `run_query`, `statement` or `dbt_utils.get_column_values` in a project whose
profile is another warehouse's. The macro got an empty result with the query's columns.

**Why it matters.** The compiled SQL may lack what depends on the rows, such as pivoted columns.

**How to mend it.** `--on duckdb` asks the embedded engine's lake instead, once what the query reads
is built there.
""",
    ),
    Code(
        name="sql-not-translated",
        number="HW2151",
        title="A construct that the embedded engine does not have",
        explain="""\
**What it finds.** With `--on duckdb`: a function, clause or option of another warehouse's SQL that
has no equal in the embedded engine's. All such places are reported at once, and nothing runs.

**Example.** `select farm_fingerprint(id) from {{ ref('orders') }}` in a BigQuery project.

**How to mend it.** Write it in words that both know; or put it into a macro with a `duckdb__`
implementation and use a DuckDB profile; or leave the model out with `--exclude`.
""",
    ),
    Code(
        name="translation-unsure",
        number="HW2152",
        title="A construct may mean something else on the embedded engine",
        explain="""\
**What it finds.** With `--on duckdb`: a division of two values whose types are not known. In
PostgreSQL, Redshift, Trino and SQL Server `7 / 2` of integers is 3, on the embedded engine 3.5.

**How to mend it.** Cast one side to a decimal, or both to integers: then it means the same.
""",
    ),
)
