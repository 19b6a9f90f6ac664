"""Codes of projects, profiles and Jinja: HW1xxx."""

from headwater.base.codes.code import Code

_FILES = (
    Code(
        name="project-not-found",
        number="HW1001",
        title="There is no dbt_project.yml in the folder",
        explain="""\
A project is a folder with a file `dbt_project.yml`; none was found, so there is nothing to read.

**Mend it**: run the command inside the project, pass `--project-dir FOLDER`, or make a project with
`hw init`.
""",
    ),
    Code(
        name="project-malformed",
        number="HW1002",
        title="dbt_project.yml cannot be used",
        explain="""\
`dbt_project.yml` is not valid YAML, is not a mapping, or has no `name` of letters, digits and
underscores. Every other file is read
with its settings, so reading stops here.

```yaml
name: shop
version: "1.0"
```

**Mend it**: correct the line that the message shows.
""",
    ),
    Code(
        name="config-path-unused",
        number="HW1017",
        title="A config of dbt_project.yml applies to no node",
        explain="""\
Below `models:`, `seeds:` and the like names without a `+` are folders, the project's name first. No
node lies in this one, so what is set there has no effect. Usually a folder was renamed, the
project's name is missing, or a config lacks its `+`.

```yaml
models:
  shop:
    stagging:            # the folder is called staging
      +materialized: view
```

**Mend it**: correct the folders, or take the lines out.
""",
    ),
    Code(
        name="yaml-malformed",
        number="HW1003",
        title="A YAML file is not valid YAML",
        explain="""\
The file is skipped: what it describes is missing until it is corrected. The usual causes are a tab
where YAML wants spaces, a missing space after a colon, and an unquoted value that starts with `{`
or `%`.

```yaml
description: {{ doc('orders') }}      # wrong: YAML reads a mapping
description: "{{ doc('orders') }}"    # right
```
""",
    ),
    Code(
        name="yaml-key-repeated",
        number="HW1009",
        title="A mapping has one key twice",
        explain="""\
YAML keeps the last of them, so what the first one says is lost without a word.

```yaml
models:
  - name: orders
    config: {materialized: table}
    config: {tags: [nightly]}        # the model is no table any more
```

**Mend it**: put what both say below one key.
""",
    ),
    Code(
        name="file-unreadable",
        number="HW1004",
        title="A file of the project cannot be read",
        explain="""\
The file exists but is not UTF-8 text, is a pipe or a link to nowhere, is larger than 64 MiB, or the
operating system refused to open it. It is skipped.

**Mend it**: save it as UTF-8, correct its permissions, or name it in `.dbtignore`.
""",
    ),
    Code(
        name="properties-shape",
        number="HW1005",
        title="An entry of a YAML file does not have the expected shape",
        explain="""\
An entry is a list where a mapping is wanted, has no `name`, or a value has the wrong type.
The entry is skipped; the others are read.

```yaml
models:
  orders: {}          # wrong: a mapping
models:
  - name: orders      # right: a list of mappings with a name
```
""",
    ),
    Code(
        name="unknown-key",
        number="HW1006",
        title="A key is not one that is known here",
        explain="""\
The key is ignored, so what it was meant to do does not happen. Often it is a spelling mistake
(`materialised`, `test:`), for which a suggestion is shown.

**Mend it**: correct the key, or move your own facts below `meta:`.
""",
    ),
    Code(
        name="config-type",
        number="HW1007",
        title="A config value has the wrong type",
        explain="""\
A config has a value that cannot mean anything: `enabled: maybe`, `tags: 7`. The node would be built
with a setting that nobody chose.

```yaml
+enabled: "yes"     # wrong: text
+enabled: true      # right
```
""",
    ),
    Code(
        name="properties-orphan",
        number="HW1008",
        title="A properties entry describes something that does not exist",
        explain="""\
A YAML file describes a model, seed, snapshot or macro that the package does not have. Its
descriptions and tests apply to nothing.

**Mend it**: correct the name, or delete the entry.
""",
    ),
    Code(
        name="version-not-supported",
        number="HW1010",
        title="The project asks for another dbt version",
        explain="""\
`require-dbt-version` excludes the dbt release whose language is read here (1.12). The project is
read all the same; it may use things that are not known here.
""",
    ),
    Code(
        name="model-language",
        number="HW1011",
        title="A Python file is no model",
        explain="""\
A `.py` file among the models must define one function `model(dbt, session)` and call `dbt.ref`,
`dbt.source` and `dbt.config` with literals: it is read by its syntax tree, and nothing of it runs
before it is built. The file is reported and skipped, and what refers to it cannot be built.
""",
    ),
    Code(
        name="model-versions",
        number="HW1012",
        title="The versions of a model cannot be read",
        explain="""\
`versions:` of a model is a list of mappings, each with a `v` that is a number or text and that no
other version has. `latest_version` is one of them. A version of model `orders` is written in the
file `orders_v2.sql`, or in the one that `defined_in` names, without its ending; the latest version
may also be in `orders.sql`.

```yaml
models:
  - name: orders
    latest_version: 2
    columns: [{name: id}, {name: state}]
    versions:
      - v: 1
      - v: 2
        columns: [{include: all, exclude: [state]}]
```

A version without a file is a warning, as in dbt; everything else here is an error.
""",
    ),
    Code(
        name="osi-not-read",
        number="HW1016",
        title="Documents of the Open Semantic Interchange are not read",
        explain="""\
dbt 1.12 can take semantic models from documents below `osi-paths`. They are not read here: a
project's semantic models and metrics are those of its properties files. Everything else of the
project is as without them.
""",
    ),
    Code(
        name="catalog-not-used",
        number="HW1015",
        title="catalogs.yml names a catalog that is not written to",
        explain="""\
`catalogs.yml` tells a warehouse into which catalog, and in which table format, to write. Headwater
writes Delta tables into the lake of its workspace, whatever `catalog_name` a model asks for. The
project builds all the same, and its tables are at the place that `hw config` shows.
""",
    ),
    Code(
        name="vars-file-malformed",
        number="HW1014",
        title="The variables of vars.yml cannot be read",
        explain="""\
`vars.yml` beside `dbt_project.yml` holds a project's variables below one key `vars:`, so that they
need not stand in `dbt_project.yml`. A project has its variables in one of the two files, never in
both: dbt refuses that, too.

```yaml
vars:
  start_date: 2026-01-01
```
""",
    ),
)

_PROFILES = (
    Code(
        name="profile-not-found",
        number="HW1101",
        title="profiles.yml does not have the profile",
        explain="""\
The project or `--profile` names a profile that `profiles.yml` does not have.

**Mend it**: add the profile, correct the name, or delete `profile:` from `dbt_project.yml` to use
the built-in default, which needs no file.
""",
    ),
    Code(
        name="target-not-found",
        number="HW1102",
        title="The profile does not have the target",
        explain="""\
`--target`, or `target:` in the profile, names an output that the profile does not have.

**Mend it**: use one of the outputs that the message lists.
""",
    ),
    Code(
        name="profile-malformed",
        number="HW1103",
        title="profiles.yml cannot be used",
        explain="""\
`profiles.yml` is not valid YAML or does not have the shape `profile: {target, outputs}`.

```yaml
shop:
  target: dev
  outputs:
    dev: {type: headwater, schema: main}
```
""",
    ),
    Code(
        name="profile-type-unknown",
        number="HW1104",
        title="The output has a type that is not known here",
        explain="""\
An output's `type` must be `headwater`, `duckdb` for a profile written for dbt-duckdb, or one of the
warehouses that the message lists: their projects are read, compiled and checked.

**Mend it**: add an output of type `headwater` and choose it with `target:` or `--target`.
""",
    ),
    Code(
        name="env-var-not-found",
        number="HW1106",
        title="An environment variable is not set",
        explain="""\
`env_var('NAME')` was called, `NAME` is not set and the call gives no default.

**Mend it**: set it, or give a default: `env_var('NAME', 'value')`.
""",
    ),
    Code(
        name="env-var-secret",
        number="HW1107",
        title="A secret environment variable is read outside of profiles and package lists",
        explain="""\
Variables whose name starts with `DBT_ENV_SECRET` may only be read in `profiles.yml` and
`packages.yml`: anywhere else they would end in compiled SQL and in logs.
""",
    ),
    Code(
        name="profile-setting",
        number="HW1108",
        title="A setting of an output has the wrong type or is not known",
        explain="""\
An output of a profile has a key that is not known (it is ignored) or a value of the wrong type,
such as `threads: many`.
""",
    ),
)

_NAMES = (
    Code(
        name="duplicate-name",
        number="HW1201",
        title="Two things have the same name",
        explain="""\
Two models, seeds or snapshots of a package have one name, so `ref()` could mean either; or two
macros, sources, docs blocks or tests do. The first one is kept.

**Mend it**: rename one; a model's table can keep its name with `config(alias=...)`.
""",
    ),
    Code(
        name="duplicate-relation",
        number="HW1202",
        title="Two nodes would be built as the same table",
        explain="""\
Two enabled nodes have the same catalog, schema and alias: the one that runs last would replace the
other's table.

**Mend it**: give one of them another `schema` or `alias`.
""",
    ),
    Code(
        name="ref-not-found",
        number="HW1203",
        title="A ref names a node that no package defines",
        explain="""\
`ref('name')` must name a model, seed or snapshot of the project or of one of its packages.

```sql
select * from {{ ref('stg_order') }}   -- the model is called stg_orders
```

**Mend it**: correct the name; if it is in a package, run `hw deps`.
""",
    ),
    Code(
        name="doc-not-found",
        number="HW1204",
        title="A description names a docs block that does not exist",
        explain="""\
`{{ doc('name') }}` must name a `{% docs name %}` block of a Markdown file. The description is
kept as written.
""",
    ),
    Code(
        name="var-not-found",
        number="HW1205",
        title="A variable is not set",
        explain="""\
`var('name')` was called, no file and no `--vars` sets it, and the call gives no default.

```yaml
vars:
  start_date: "2024-01-01"
```
""",
    ),
    Code(
        name="ref-arguments",
        number="HW1206",
        title="ref() or source() has the wrong arguments",
        explain="""\
`ref` takes a name, or a package and a name; `source` takes a source and a table.
""",
    ),
    Code(
        name="test-unknown",
        number="HW1207",
        title="A generic test has no macro",
        explain="""\
A properties file asks for a test whose macro is not there: neither the project nor ours has it,
or the package is not installed.

```yaml
data_tests:
  - uniqe              # did you mean unique?
  - dbt_utils.recency  # needs the package dbt_utils
```
""",
    ),
    Code(
        name="test-malformed",
        number="HW1208",
        title="A generic test is not written in a form that can be read",
        explain="""\
A test is a name, or a mapping from one name to its arguments.

```yaml
data_tests:
  - unique
  - accepted_values:
      arguments: {values: [placed, shipped]}
```
""",
    ),
    Code(
        name="config-required",
        number="HW1209",
        title="A config that a macro requires is not set",
        explain="""\
A macro called `config.require('name')` or `config.meta_require('name')` and the node does not set
it.
""",
    ),
    Code(
        name="macro-not-found",
        number="HW1210",
        title="A text calls a macro that does not exist",
        explain="""\
Nothing visible has the name that is called. A macro of a package is called as `package.macro`.

**Mend it**: correct the name, or install the package with `hw deps`.
""",
    ),
)

_JINJA = (
    Code(
        name="jinja-syntax",
        number="HW1301",
        title="A text is not valid Jinja",
        explain="""\
The template cannot be compiled: a block is not closed, a tag is unknown, a bracket is missing.
Other files are read all the same.
""",
    ),
    Code(
        name="jinja-undefined",
        number="HW1302",
        title="A text uses a name that is not defined",
        explain="""\
Jinja met a name that has no value here: a misspelt variable, a macro that is not installed, or a
query's result that is empty.
""",
    ),
    Code(
        name="jinja-raised",
        number="HW1303",
        title="A macro stopped with its own message",
        explain="""\
A macro called `exceptions.raise_compiler_error(...)`. The message is the macro's.
""",
    ),
    Code(
        name="jinja-failed",
        number="HW1304",
        title="Python failed inside a template",
        explain="""\
An expression of a template failed: a number added to text, a missing key, a division by zero. The
message is Python's; `why` lists the macros on the way.
""",
    ),
    Code(
        name="jinja-recursion",
        number="HW1305",
        title="Macros call each other without end",
        explain="""\
A macro calls itself, directly or through others, deeper than templates may. Often a project's macro
overrides one of ours and then calls the same name instead of `dbt.name`.
""",
    ),
    Code(
        name="jinja-unsupported",
        number="HW1306",
        title="A template tries to change the lake itself",
        explain="""\
`adapter.drop_relation` and its sisters change tables while a template is rendered. Only the steps
of a plan change tables here, so that a plan shows everything that will happen.
""",
    ),
    Code(
        name="jinja-over-budget",
        number="HW1307",
        title="A template takes more than its budget",
        explain="""\
A template is a program, and this one would not end, or would fill the memory: a loop over a list
that grows while it is looped over, a text doubled forty times, `10 ** 10 ** 10`, a regular
expression that backtracks for ever. It was stopped at the line that is shown; nothing was built.

Each rendering has four budgets, which no ordinary template comes near. They are settings, for
`headwater.yml` or the environment:

| setting | default | counts |
|---|---|---|
| `jinja.steps` | 10,000,000 | calls, and turns of loops |
| `jinja.seconds` | 60 | CPU seconds, without the queries that it asks |
| `jinja.text_mb` | 64 | million characters of one text |
| `jinja.memory_mb` | 2000 | megabytes by which the process grows |

`range` gives at most 100,000 numbers, as in dbt, whatever the settings are. Make that many rows in
SQL instead: `select * from range(1000000)`.
""",
    ),
)

_PACKAGES = (
    Code(
        name="packages-malformed",
        number="HW1401",
        title="packages.yml or dependencies.yml cannot be used",
        explain="""\
Each entry names where a package comes from: `package` with `version`, `git` with `revision`,
`local`, or `tarball` with `name`.

```yaml
packages:
  - package: dbt-labs/dbt_utils
    version: [">=1.3.0", "<2.0.0"]
```
""",
    ),
    Code(
        name="package-version-conflict",
        number="HW1402",
        title="No version of a package satisfies everybody",
        explain="""\
The project and its packages ask for versions of one package that no release satisfies.

**Mend it**: widen the range in your packages.yml, or take other versions of the packages that ask.
""",
    ),
    Code(
        name="package-not-installed",
        number="HW1403",
        title="A package of packages.yml is not installed",
        explain="""\
`packages.yml` lists a package that is not in the packages folder, so its macros and models are
missing.

**Mend it**: run `hw deps`.
""",
    ),
    Code(
        name="package-not-found",
        number="HW1404",
        title="The index does not have the package",
        explain="""\
The package index has no package of that name. Check the spelling: `owner/name`.
""",
    ),
)

CODES: tuple[Code, ...] = (*_FILES, *_PROFILES, *_NAMES, *_JINJA, *_PACKAGES)
