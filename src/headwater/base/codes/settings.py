"""Codes of settings and of the command line itself: HW19xx."""

from headwater.base.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        name="setting-invalid",
        number="HW1901",
        title="A setting has a value that is not of its kind",
        explain="""A flag, an environment variable or `headwater.yml` gives a setting a value that
cannot be read, such as `threads: many`.

`hw config show` lists every setting, its value and the place that it came from. Correct the
value in that place.""",
    ),
    Code(
        name="setting-unknown",
        number="HW1916",
        title="`headwater.yml` has a name that is no setting",
        explain="""A key of `headwater.yml` is none that anything reads, such as `price:` for `prices:`. It is
refused, because a budget under a misspelt name would hold nobody.

`hw config show` lists every setting. Correct the name, or take the line out.""",
    ),
    Code(
        name="usage-invalid",
        number="HW1902",
        title="The command line cannot be read",
        explain="""A command, an option or an argument is not one that `hw` knows, or one that it
needs is missing. `hw --help` lists the commands and `hw COMMAND --help` the options of one.""",
    ),
    Code(
        name="folder-not-empty",
        number="HW1903",
        title="`hw init` will not write into a folder that has files",
        explain="""`hw init NAME` makes a new folder. It stops when the folder exists and is not
empty, so that nothing of yours is overwritten. Choose another name or empty the folder.""",
    ),
    Code(
        name="code-unknown",
        number="HW1904",
        title="No code has that name or number",
        explain="""`hw explain` takes a code's number (`HW1203`) or its name (`ref-not-found`).
`hw explain --list` shows all of them.""",
    ),
    Code(
        name="schema-unknown",
        number="HW1905",
        title="No document has that name",
        explain="""`hw schema NAME` prints the JSON Schema of a document that a command writes with
`--output json`, such as `plan` or `run`. `hw schema` alone lists the names.""",
    ),
    Code(
        name="plan-not-found",
        number="HW1906",
        title="The plan's file does not exist",
        explain="""`hw apply FILE` runs a plan that `hw plan -o FILE` has kept. Without FILE it plans
first and runs that.""",
    ),
    Code(
        name="plan-unreadable",
        number="HW1907",
        title="The file is not a plan that this version can apply",
        explain="""The file is not JSON, is not a `headwater.plan/1` document, or was cut short.
Plans are not meant to be edited: make a new one with `hw plan -o FILE`.""",
    ),
    Code(
        name="lineage-not-found",
        number="HW1908",
        title="Lineage was asked for a node or column that does not exist",
        explain="""`hw lineage NODE` takes a node's name or unique_id, `hw lineage NODE.COLUMN` one of
its columns. `hw ls` lists the nodes, `hw table describe NODE` the columns.""",
    ),
    Code(
        name="show-needs-one",
        number="HW1909",
        title="`hw show` was given more or less than one node",
        explain="""`hw show` runs one node's query and shows rows of it. `-s NAME` selects a node;
`--inline SQL` gives a query instead, which may use Jinja.""",
    ),
    Code(
        name="selector-not-found",
        number="HW1910",
        title="selectors.yml has no selector of that name",
        explain="""`--selector NAME` takes a selection that `selectors.yml` in the project's folder defines:

```yaml
selectors:
  - name: nightly
    definition: {method: tag, value: nightly}
```""",
    ),
    Code(
        name="project-name-invalid",
        number="HW1911",
        title="The name cannot be a project's name",
        explain="""A project's name becomes part of identifiers: it is made of letters, digits and
underscores and starts with a letter. `hw init my_project`.""",
    ),
    Code(
        name="file-unusable",
        number="HW1912",
        title="A file named on the command line cannot be read or written",
        explain="""The message says which file it is and what the operating system answered: it
does not exist, it is a folder, its permissions do not allow it, or it is not UTF-8 text.""",
    ),
    Code(
        name="folder-not-found",
        number="HW1913",
        title="A folder that was named does not exist",
        explain="""`--project-dir` names the folder of `dbt_project.yml`, `--profiles-dir` the folder
of `profiles.yml` (not the file). The same can come from `DBT_PROJECT_DIR` and `DBT_PROFILES_DIR`;
the message says where the value is from.""",
    ),
    Code(
        name="dbt-option-missing",
        number="HW1914",
        title="dbt has this command or option and `hw` does not have it yet",
        explain="""The option exists in dbt and is known to `hw`, which does not support it yet. It
is refused instead of ignored, so that nothing else happens than was asked for. The message says
what does the same today. Options of dbt that could only change how fast it starts or what it logs
(`--no-partial-parse`, `--no-version-check`, `--no-send-anonymous-usage-stats` and the like) are
accepted and have no effect.""",
    ),
    Code(
        name="dbt-installed",
        number="HW1990",
        title="Headwater cannot be found under the name dbt where dbt itself is installed",
        explain="""`headwater.dbt.shim.install()` lets programs that import `dbt.cli.main` find
Headwater. Where dbt-core is installed in the same Python it refuses: the program would get some
modules of dbt and some of ours, and fail in places that name neither.

```
import headwater.dbt.shim

headwater.dbt.shim.install()  # dbt-installed
```

Use an environment without dbt-core, let the program start the executable instead (a link called
`dbt` to `hw`), or import `headwater.dbt.dbtRunner` by its own name.""",
    ),
    Code(
        name="warn-error-options-invalid",
        number="HW1915",
        title="The rules for warnings cannot be read",
        explain="""
**What it finds.** `--warn-error-options`, or `warn_error_options` among the `flags:` of
dbt_project.yml, has a key other than `error`, `warn` and `silence` (or the older `include` and
`exclude`), gives one of them twice under both names, or names something that is neither an event of
dbt nor a code; or `--warn-error` is given beside it.

**Why it matters.** A rule with a spelling mistake would keep nothing from passing.

**Example.** `--warn-error-options '{error: [JinjaLogWarnings]}'`; the event is `JinjaLogWarning`.

**How to mend it.** Correct the name: dbt's events as in dbt, ours as `hw explain --list` has them.
""",
    ),
    Code(
        name="internal",
        number="HW1999",
        title="Headwater itself failed",
        explain="""This is a fault of Headwater, not of your project. Nothing was published by the
step that failed: a table changes only by its commit. Please file a bug with the lines that
follow the message.""",
    ),
)
