"""How a process ends: situations, the command that meets them, and the exit code that dbt gave.

dbt-core 1.11.16 was asked once (``python -m tests.peer.situations``, from the repository's root,
prints what it says now); CI compares with the table and needs no dbt. Where ours is another number
on purpose, ``ours`` says it and ``why`` says the reason.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = "name: shop\nversion: '1.0'\nprofile: shop\nflags: {send_anonymous_usage_stats: false}\n"
PROFILES = (
    "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb, threads: 1}\n"
)
FILES = {
    "dbt_project.yml": PROJECT,
    "profiles.yml": PROFILES,
    "models/orders.sql": "{{ config(materialized='table') }} select 1 as id, 5 as price",
    "models/paid.sql": "select * from {{ ref('orders') }}",
    "models/schema.yml": "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]\n",
    "seeds/lands.csv": "code\nde\n",
}
FIRST = "All is compiled and planned before anything runs, so this stops the command."
FAILING = {"tests/fails.sql": "select 1 as id"}
WARNING = {"tests/warns.sql": "{{ config(severity='warn') }} select 1 as id"}
BROKEN = {"models/broken.sql": "select no_such_column from {{ ref('orders') }}"}
RAISING = {"models/raising.sql": "{{ exceptions.raise_compiler_error('no') if execute }}"}
STALE = (
    "sources:\n  - name: main\n    config:\n      loaded_at_field: at_time\n      freshness: {%s}\n"
    "    tables: [{name: events}]\n"
)
EVENTS = {"models/events.sql": "select timestamp '2020-01-01' as at_time"}
UNIT_TEST = (
    "unit_tests:\n  - name: wrong\n    model: paid\n    given:\n"
    "      - {input: ref('orders'), rows: [{id: 1, price: 2}]}\n"
    "    expect: {rows: [{id: 7, price: 2}]}\n"
)
MACROS = {
    "macros/calls.sql": "{% macro fine() %}{% endmacro %}"
    "{% macro bad() %}{{ exceptions.raise_compiler_error('no') }}{% endmacro %}"
    "{% macro asks() %}{% do run_query('select no_such') %}{% endmacro %}"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A project, a command, and how it ends.

    Attributes:
        command: The words after ``dbt``.
        theirs: dbt's exit code.
        files: Files beside those that every situation has; an empty text takes one away.
        before: Commands that are run first.
        environment: Environment variables.
        ours: Our exit code, where it is another.
        why: Why it is another.
    """

    command: tuple[str, ...]
    theirs: int
    files: Mapping[str, str] = field(default_factory=dict)
    before: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ours: int | None = None
    why: str = ""


def _ends(theirs: int, *command: str, **files: str) -> Situation:
    return Situation(command=command, theirs=theirs, files=files)


SITUATIONS: Mapping[str, Situation] = {
    "a build that succeeds": _ends(0, "build"),
    "a parse that succeeds": _ends(0, "parse"),
    "a listing": _ends(0, "ls"),
    "a compilation": _ends(0, "compile"),
    "a documentation": _ends(0, "docs", "generate"),
    "a cleaning": _ends(0, "clean"),
    "a failing test": Situation(command=("build",), theirs=1, files=FAILING),
    "a failing test alone": Situation(
        command=("test",), theirs=1, files=FAILING, before=(("run",),)
    ),
    "a test that warns": Situation(command=("build",), theirs=0, files=WARNING),
    "a test that warns, as an error": Situation(
        command=("--warn-error", "build"), theirs=1, files=WARNING
    ),
    "a failing unit test": Situation(
        command=("build",), theirs=1, files={"models/unit.yml": UNIT_TEST}
    ),
    "a query that fails": Situation(command=("run",), theirs=1, files=BROKEN),
    "a query that fails, shown": Situation(
        command=("show", "--select", "broken"), theirs=2, files=BROKEN, before=(("run",),)
    ),
    "an inline query that fails": _ends(2, "show", "--inline", "select no_such"),
    "a query that fails, first": Situation(command=("run", "--fail-fast"), theirs=1, files=BROKEN),
    "a macro that refuses while a model runs": Situation(
        command=("run",),
        theirs=1,
        files=RAISING,
        ours=2,
        why=FIRST,
    ),
    "a macro that refuses while compiling": Situation(
        command=("compile",), theirs=2, files=RAISING
    ),
    "nothing selected to run": _ends(0, "run", "--select", "nowhere"),
    "nothing selected to list": _ends(0, "ls", "--select", "nowhere"),
    "nothing selected, as an error": _ends(2, "--warn-error", "run", "--select", "nowhere"),
    "nothing in the project": Situation(
        command=("build",),
        theirs=0,
        files={name: "" for name in FILES if name.startswith(("models", "seeds"))},
    ),
    "an option that there is not": _ends(2, "run", "--no-such-option"),
    "a command that there is not": _ends(2, "fly"),
    "an option without its value": _ends(2, "run", "--select"),
    "an option of another command": _ends(2, "ls", "--full-refresh"),
    "variables that are no YAML": _ends(2, "run", "--vars", "{a: ["),
    "variables that are no dictionary": _ends(2, "run", "--vars", "a"),
    "a method of selection that there is not": _ends(2, "ls", "--select", "nomethod:x"),
    "a selector that there is not": _ends(2, "ls", "--selector", "nowhere"),
    "changes without a state to compare with": _ends(2, "ls", "--select", "state:modified"),
    "deferring without a state": _ends(2, "run", "--defer"),
    "a target that there is not": _ends(2, "run", "--target", "nowhere"),
    "a profile that there is not": _ends(2, "run", "--profile", "nowhere"),
    "no project file": Situation(command=("run",), theirs=2, files={"dbt_project.yml": ""}),
    "no profiles": Situation(
        command=("run",),
        theirs=2,
        files={"profiles.yml": ""},
        ours=0,
        why="A project needs no profile here.",
    ),
    "a folder that there is not": _ends(2, "run", "--project-dir", "nowhere"),
    "a project file that is no YAML": Situation(
        command=("run",), theirs=2, files={"dbt_project.yml": PROJECT + "models: [\n"}
    ),
    "properties that are no YAML": Situation(
        command=("parse",), theirs=2, files={"models/schema.yml": "models: [\n"}
    ),
    "a template that does not parse": Situation(
        command=("parse",), theirs=2, files={"models/odd.sql": "{{ config( }}"}
    ),
    "a macro that does not parse": Situation(
        command=("parse",), theirs=2, files={"macros/odd.sql": "{% macro a( %}{% endmacro %}"}
    ),
    "a ref to nothing": Situation(
        command=("run",), theirs=2, files={"models/odd.sql": "select * from {{ ref('nowhere') }}"}
    ),
    "a source that there is not": Situation(
        command=("run",), theirs=2, files={"models/odd.sql": "select {{ source('a', 'b') }}"}
    ),
    "a macro that there is not": Situation(
        command=("run",),
        theirs=1,
        files={"models/odd.sql": "select {{ nowhere() }}"},
        ours=2,
        why=FIRST,
    ),
    "a variable that there is not": Situation(
        command=("run",),
        theirs=1,
        files={"models/odd.sql": "select {{ var('nowhere') }}"},
        ours=2,
        why=FIRST,
    ),
    "a variable of the environment that there is not": Situation(
        command=("run",), theirs=2, files={"models/odd.sql": "select {{ env_var('NOWHERE') }}"}
    ),
    "a cycle": Situation(
        command=("run",),
        theirs=2,
        files={
            "models/one.sql": "select * from {{ ref('two') }}",
            "models/two.sql": "select * from {{ ref('one') }}",
        },
    ),
    "two models of a name": Situation(
        command=("run",), theirs=2, files={"models/more/orders.sql": "select 1 as id"}
    ),
    "a package that is not installed": Situation(
        command=("run",),
        theirs=2,
        files={"packages.yml": "packages: [{local: ../nowhere}]\n"},
        ours=0,
        why="It is warned of (HW1403); what uses it fails.",
    ),
    "a package that there is not, to install": Situation(
        command=("deps",), theirs=2, files={"packages.yml": "packages: [{local: ../nowhere}]\n"}
    ),
    "a macro called by itself": Situation(
        command=("run-operation", "fine"), theirs=0, files=MACROS
    ),
    "a macro called that there is not": _ends(2, "run-operation", "nowhere"),
    "a macro called that refuses": Situation(
        command=("run-operation", "bad"), theirs=1, files=MACROS
    ),
    "a macro called whose query fails": Situation(
        command=("run-operation", "asks"), theirs=1, files=MACROS
    ),
    "arguments of a macro that are no YAML": Situation(
        command=("run-operation", "fine", "--args", "{a: ["), theirs=2, files=MACROS
    ),
    "a hook at the start that fails": Situation(
        command=("run",),
        theirs=1,
        files={"dbt_project.yml": PROJECT + "on-run-start: ['select no_such']\n"},
    ),
    "a hook at the end that fails": Situation(
        command=("run",),
        theirs=1,
        files={"dbt_project.yml": PROJECT + "on-run-end: ['select no_such']\n"},
    ),
    "a contract that is broken": Situation(
        command=("run",),
        theirs=1,
        files={
            "models/schema.yml": "models:\n  - name: orders\n"
            "    config: {contract: {enforced: true}}\n"
            "    columns: [{name: id, data_type: varchar}, {name: price, data_type: integer}]\n"
        },
        ours=2,
        why=FIRST,
    ),
    "a source that is too old": Situation(
        command=("source", "freshness"),
        theirs=1,
        files={
            **EVENTS,
            "models/sources.yml": STALE % "error_after: {count: 1, period: day}",
        },
        before=(("run",),),
    ),
    "a source that is old enough to warn of": Situation(
        command=("source", "freshness"),
        theirs=0,
        files={
            **EVENTS,
            "models/sources.yml": STALE % "warn_after: {count: 1, period: day}",
        },
        before=(("run",),),
    ),
    "a retry without a run": _ends(2, "retry"),
    "a retry of what succeeded": Situation(command=("retry",), theirs=0, before=(("run",),)),
    "a retry of what fails again": Situation(
        command=("retry",), theirs=1, files=BROKEN, before=(("run",),)
    ),
    "a seed with a line too long": Situation(
        command=("seed",), theirs=1, files={"seeds/lands.csv": "code\nde,1,2\nfr\n"}
    ),
    "a snapshot without a key": Situation(
        command=("snapshot",),
        theirs=2,
        files={
            "snapshots/kept.sql": "{% snapshot kept %}{{ config(strategy='check', "
            "check_cols='all') }} select 1 as id{% endsnapshot %}"
        },
    ),
    "a strategy that there is not": Situation(
        command=("run",),
        theirs=0,
        files={
            "models/odd.sql": "{{ config(materialized='incremental', "
            "incremental_strategy='nowhere') }} select 1 as id"
        },
        ours=2,
        why=FIRST,
    ),
    "a materialization that there is not": Situation(
        command=("run",),
        theirs=1,
        files={"models/odd.sql": "{{ config(materialized='nowhere') }} select 1 as id"},
        ours=2,
        why=FIRST,
    ),
}


def write_situation(situation: Situation, folder: Path) -> Path:
    """Write the project of a situation and return its folder."""
    for name, text in {**FILES, **situation.files}.items():
        if text:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def ask(program: str, situation: Situation, folder: Path) -> int:
    """Meet a situation with a program and return its exit code."""
    home = write_situation(situation, folder)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DBT_")}
    for words in (*situation.before, situation.command):
        ended = subprocess.run(
            [program, *words],
            cwd=home,
            env={**inherited, **situation.environment, "HOME": str(home)},
            capture_output=True,
            check=False,
        )
    return ended.returncode


def main(names: list[str]) -> None:
    """Print what dbt's exit code is in each situation, beside the one that is noted."""
    program = str(Path(os.environ["HEADWATER_TEST_DBT"]).parent / "dbt")
    for name in names or SITUATIONS:
        with TemporaryDirectory() as folder:
            code = ask(program, SITUATIONS[name], Path(folder))
        mark = " " if code == SITUATIONS[name].theirs else "*"
        sys.stdout.write(f"{mark} {code} (noted: {SITUATIONS[name].theirs}) {name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
