"""Codes of the verbs beside building - freshness, retry, clone: HW82xx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="migration-empty",
        number="HW8261",
        title="No change of a table was asked for",
        explain="""
**What it finds.** `hw migrate plan` without an option that says what shall change.

**Why it matters.** There is nothing to plan.

**Example.** `hw migrate plan fct_orders`

**How to mend it.** Say what: `--add 'note VARCHAR'`, `--drop note`, `--rename note=remark`,
`--retype id=BIGINT`, `--not-null id`, `--partition-by day`, `--cluster-by day`, `--enable
deletionVectors`.
""",
    ),
    Code(
        name="freshness-not-measurable",
        number="HW8201",
        title="The age of a source cannot be measured",
        explain="""
**What it finds.** A source has a `freshness` rule, and what tells its age is no time: a
`loaded_at_field` that is text, a `loaded_at_query` or an overridden `collect_freshness` macro that
does not give one row, or nothing at all for a view or a remote file.

**Why it matters.** A source whose age is unknown is neither fresh nor stale: the command fails
rather than saying one of them.

**Example.** `loaded_at_field: load_date`, where `load_date` holds `'2026-11-21'` as text.

**How to mend it.** Cast it, as in `loaded_at_field: "cast(load_date as timestamp)"`; for a view
name a column or a query.
""",
    ),
    Code(
        name="freshness-filter-unused",
        number="HW8202",
        title="The filter of a freshness rule is not applied",
        explain="""
**What it finds.** A source's `freshness` has a `filter`, and its age is not measured by a
`loaded_at_field`.

**Why it matters.** The filter is a condition on rows. The time of the last commit and a
`loaded_at_query` do not look at rows through it, so the source may look fresher than the rule meant.

**Example.** `freshness: {warn_after: {count: 1, period: day}, filter: "country = 'NL'"}` on a
source without `loaded_at_field`.

**How to mend it.** Give the source a `loaded_at_field`, or write the condition into its
`loaded_at_query`.
""",
    ),
    Code(
        name="clean-refused",
        number="HW8251",
        title="clean-targets names a folder that is not for removing",
        explain="""
**What it finds.** `clean-targets` of dbt_project.yml names a folder outside of the project, the
project itself, or one with its models, seeds or other files.

**Why it matters.** `hw clean` would remove what nobody can write again.

**Example.** `clean-targets: ["..", "models"]`

**How to mend it.** Name only what commands write: `clean-targets: [target, dbt_packages]`.
""",
    ),
    Code(
        name="retry-no-run",
        number="HW8211",
        title="There is no earlier run to retry",
        explain="""
**What it finds.** `hw retry` looks for the last run: in `run_results.json` of the target folder, or
of the folder given by `--state`, and in the workspace's own records. There is none.

**Why it matters.** Guessing what to run could build far more than was meant.

**Example.** `hw retry` in a fresh clone, or with another `--target-path` than the failed run had.

**How to mend it.** Run the command itself, such as `hw build`; it skips what is up to date. Or say
with `--state` where the artifacts of the failed run are.
""",
    ),
    Code(
        name="retry-not-possible",
        number="HW8212",
        title="The earlier command cannot be retried",
        explain="""
**What it finds.** The `run_results.json` that was found is of a command that builds nothing, such as
`compile`.

**Why it matters.** There is nothing that it left half done: it either ran or it did not.

**Example.** dbt's `docs generate` wrote the last `run_results.json`, then `hw retry` is called.

**How to mend it.** Run that command again by its own name.
""",
    ),
    Code(
        name="retry-node-gone",
        number="HW8213",
        title="A node to retry is no longer in the project",
        explain="""
**What it finds.** A node failed or was skipped in the run that is retried, and the project no longer
declares it.

**Why it matters.** dbt stops at the first such node. Here the others are retried, and this one is
named, so that a node renamed by mistake is not lost from sight.

**Example.** `orders_v2.sql` failed, was renamed to `orders.sql` and then `hw retry` was called.

**How to mend it.** Nothing, when that was meant. Otherwise `hw build` builds what has come instead.
""",
    ),
    Code(
        name="docs-not-generated",
        number="HW8221",
        title="There is nothing for the page to show",
        explain="""
**What it finds.** `hw docs serve` shows manifest.json and catalog.json of the target folder, and the
first of them is not there.

**Why it matters.** An empty page would look like an empty project.

**Example.** `hw docs serve` in a fresh clone.

**How to mend it.** Run `hw docs generate` first; with `--target-path`, give both the same.
""",
    ),
    Code(
        name="port-taken",
        number="HW8222",
        title="The page cannot be served at this address",
        explain="""
**What it finds.** Another program listens at the port, or this machine has no such address.

**Why it matters.** The page would be somebody else's.

**Example.** A second `hw docs serve` while the first one runs.

**How to mend it.** End the other program, or give another port with `--port`; 0 takes any.
""",
    ),
    Code(
        name="clone-without-origin",
        number="HW8231",
        title="A node is not cloned, because the other target does not have it",
        explain="""
**What it finds.** `hw clone` makes a view on what the manifest in the folder of `--state` says that
another target has built, and a node is not in that manifest, is no table or view there, or its table
is not in this lake.

**Why it matters.** Whatever reads the node here finds nothing until it is built.

**Example.** A new model, which production has not built yet.

**How to mend it.** Nothing, when the node is new: build it here. Otherwise build it in the other
target, and give `--state` the artifacts of that build.
""",
    ),
)
