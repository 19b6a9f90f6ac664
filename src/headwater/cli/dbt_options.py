"""What dbt's command line has and ours does not: accepted without effect, or refused by name.

People come with scripts written for dbt. An option that only tunes how dbt starts or logs may be
dropped; one that changes what is built must never be ignored in silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from headwater.base.errors import Invalid

_WITHOUT_EFFECT = frozenset({
    "--partial-parse", "--no-partial-parse", "--static-parser", "--no-static-parser",
    "--use-experimental-parser", "--no-use-experimental-parser", "--version-check",
    "--no-version-check", "--send-anonymous-usage-stats", "--no-send-anonymous-usage-stats",
    "--populate-cache", "--no-populate-cache", "--cache-selected-only", "--no-cache-selected-only",
    "--use-fast-test-edges", "--no-use-fast-test-edges", "--write-json", "--print",
    "--no-upload-to-artifacts-ingest-api", "--show-all-deprecations",
    "--no-show-all-deprecations", "--no-log-cache-events", "--no-macro-debugging",
    "--no-partial-parse-file-diff", "--partial-parse-file-diff", "--no-debug", "--no-defer",
    "--no-empty", "--no-fail-fast", "--no-favor-state", "--no-quiet", "--no-single-threaded",
    "--no-export-saved-queries", "--no-include-saved-query", "--introspect", "--compile",
    "--use-colors-file", "--no-use-colors-file", "--clean-project-files-only",
})  # fmt: skip

_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "--state": "`hw plan` compares with what was last built here, which needs no state folder",
        "--defer": "build what is missing here too: `hw build --select +NAME`",
        "--defer-state": "build what is missing here too: `hw build --select +NAME`",
        "--favor-state": "build what is missing here too: `hw build --select +NAME`",
        "--empty": "look at the plan instead: `hw plan`, or `hw build --dry-run`",
        "--sample": "limit the rows in the model, by a variable given with --vars",
        "--event-time-start": "give the bounds to the model by --vars",
        "--event-time-end": "give the bounds to the model by --vars",
        "--store-failures": "set `store_failures: true` in the test's config",
        "--no-store-failures": "set `store_failures: false` in the test's config",
        "--warn-error": "`hw plan --output json` lists every finding with its severity",
        "--warn-error-options": "`hw plan --output json` lists every finding with its severity",
        "--export-saved-queries": "saved queries are read and listed, not run",
        "--include-saved-query": "saved queries are read and listed, not run",
        "--inline-direct": "`hw sql 'select ...'` runs a query without Jinja",
        "--introspect": "",
        "--no-introspect": "a macro that asks for data is answered while compiling",
        "--inject-ephemeral-ctes": "",
        "--no-inject-ephemeral-ctes": "ephemeral models are always written out as CTEs",
        "--no-compile": "`hw docs generate` always compiles",
        "--empty-catalog": "`hw parse` writes manifest.json alone",
        "--static": "`hw docs generate` writes the two JSON files, not a page",
        "--show": "`hw show --select NAME` shows rows",
        "--add-package": "write the package into packages.yml and run `hw deps`",
        "--source": "write the package into packages.yml and run `hw deps`",
        "--lock": "`hw deps` writes package-lock.yml as it installs",
        "--connection": "`hw debug` tries everything, one line each",
        "--config-dir": "`hw config show` says where each file was found",
        "--skip-profile-setup": "a project needs no profile here",
        "--sqlparse": "there is no such limit here",
        "--log-format": "`--output json` writes one document to stdout",
        "--log-format-file": "no log file is written; stderr has what is told on the way",
        "--log-level": "--quiet says less; stderr has what is told on the way",
        "--log-level-file": "no log file is written; stderr has what is told on the way",
        "--log-path": "no log file is written: redirect stderr, `hw build 2> build.log`",
        "--log-file-max-bytes": "no log file is written; stderr has what is told on the way",
        "--log-cache-events": "there is no cache of relations to log",
        "--debug": "the SQL that ran is in target/run, `hw debug` tries the set-up",
        "--macro-debugging": "`hw compile --select NAME` shows the SQL that macros made",
        "--no-print": "macros' `print` goes to stderr; redirect it",
        "--no-write-json": "artifacts are always written; --target-path chooses where",
        "--printer-width": "set the width by COLUMNS=120 in the environment",
        "--record-timing-info": "`hw build --output json` has the time of every node",
        "--partial-parse-file-path": "nothing is cached between commands",
        "--upload-to-artifacts-ingest-api": "nothing is ever uploaded",
        "--no-clean-project-files-only": "remove folders outside of the project by hand",
    }
)

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "retry": "`hw build` builds what failed or was skipped, and skips what is up to date",
        "clone": "a build makes every table itself; `hw plan` says what that costs",
        "run-operation": "`hw show --inline '{{ my_macro() }}'` runs a macro that returns SQL",
        "source": "freshness is not measured yet; "
        "`hw sql 'select max(loaded_at) from t'` asks for it",
        "freshness": "freshness is not measured yet; "
        "`hw sql 'select max(loaded_at) from t'` asks for it",
        "serve": "`hw docs generate` writes manifest.json and catalog.json for a site of your own",
        "version": "`hw --version`",
        "help": "`hw --help`, or `hw COMMAND --help`",
        "list": "`hw ls`",
        "query": "`hw sql 'select ...'`",
        "format": "`hw check` finds faults; layout is left to a formatter",
        "lint": "`hw check` finds faults in the project",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A command line without what is the same for every command.

    Attributes:
        arguments: What is left.
        colour: ``--use-colors`` or ``--no-use-colors``; None when neither was given.
        quiet: ``--quiet`` was given: only results and errors are told.
    """

    arguments: tuple[str, ...]
    colour: bool | None
    quiet: bool


def prepare(arguments: Sequence[str]) -> Prepared:
    """Take dbt's global options out, wherever they stand."""
    kept: list[str] = []
    colour, quiet = None, False
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for argument in arguments[:end]:
        match argument:
            case "--use-colors" | "--no-use-colors":
                colour = argument == "--use-colors"
            case "--quiet" | "-q":
                quiet = True
            case "--single-threaded":
                kept += ["--threads", "1"]
            case _:
                kept += [argument] if argument not in _WITHOUT_EFFECT else []
    return Prepared(arguments=(*kept, *arguments[end:]), colour=colour, quiet=quiet)


def option_fault_or_none(option: str, command: str) -> Invalid | None:
    """Say that an option of dbt's is not supported; None when dbt has none of that name."""
    if option not in _REFUSED:
        return None
    return Invalid(
        "dbt-option-missing",
        f"`hw {command}` does not support dbt's option `{option}` yet",
        why="it is refused, because ignoring it would do something else than was asked for",
        fix=_REFUSED[option] or "leave it out",
    )


def command_fault_or_none(name: str) -> Invalid | None:
    """Say what to use instead of a command that people know from dbt; None when there is none."""
    if name not in _COMMANDS:
        return None
    return Invalid("dbt-option-missing", f"there is no command `hw {name}`", fix=_COMMANDS[name])
