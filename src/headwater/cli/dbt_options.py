"""What dbt's command line has and ours does not: accepted without effect, or refused by name.

People come with scripts written for dbt. An option that only tunes how dbt starts or logs may be
dropped, each with its reason; one that changes what is built must never be ignored in silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType

from headwater.base.errors import Invalid

_STARTING = "only tunes how dbt starts; what is read here is always checked against the files"
_CACHE = "there is no cache of relations to fill"
_LOGGING = "lines in dbt's manner are written when --log-format or --log-path asks for them"
_DEFAULT = "it asks for what is done here anyway"
_COLOURS = "there is no log file to colour"
_WITHOUT_EFFECT: Mapping[str, str] = MappingProxyType(
    {
        "--partial-parse": _STARTING,
        "--no-partial-parse": _STARTING,
        "--partial-parse-file-diff": _STARTING,
        "--no-partial-parse-file-diff": _STARTING,
        "--static-parser": _STARTING,
        "--no-static-parser": _STARTING,
        "--use-experimental-parser": _STARTING,
        "--no-use-experimental-parser": _STARTING,
        "--version-check": _STARTING,
        "--no-version-check": _STARTING,
        "--use-fast-test-edges": _STARTING,
        "--no-use-fast-test-edges": _STARTING,
        "--send-anonymous-usage-stats": "nothing is ever sent",
        "--no-send-anonymous-usage-stats": "nothing is ever sent",
        "--no-upload-to-artifacts-ingest-api": "nothing is ever sent",
        "--populate-cache": _CACHE,
        "--no-populate-cache": _CACHE,
        "--cache-selected-only": _CACHE,
        "--no-cache-selected-only": _CACHE,
        "--log-cache-events": _CACHE,
        "--no-log-cache-events": _CACHE,
        "--no-debug": _LOGGING,
        "--macro-debugging": _LOGGING,
        "--no-macro-debugging": _LOGGING,
        "--show-all-deprecations": _LOGGING,
        "--no-show-all-deprecations": _LOGGING,
        "--print": "what macros print is told on stderr, apart from results",
        "--no-print": "what macros print is told on stderr, apart from results",
        "--use-colors-file": _COLOURS,
        "--no-use-colors-file": _COLOURS,
        "--write-json": _DEFAULT,
        "--no-defer": _DEFAULT,
        "--no-empty": _DEFAULT,
        "--no-fail-fast": _DEFAULT,
        "--no-favor-state": _DEFAULT,
        "--no-full-refresh": _DEFAULT,
        "--no-quiet": _DEFAULT,
        "--no-single-threaded": _DEFAULT,
        "--no-export-saved-queries": _DEFAULT,
        "--no-include-saved-query": _DEFAULT,
        "--introspect": _DEFAULT,
        "--clean-project-files-only": _DEFAULT,
        "--show": "`hw show --select NAME` shows rows of a seed",
    }
)
"""Options of dbt's without a value that change nothing here, and why."""

_WITHOUT_EFFECT_VALUED: Mapping[str, str] = MappingProxyType(
    {
        "--printer-width": "the width is the terminal's, or COLUMNS",
        "--partial-parse-file-path": _STARTING,
        "--invocation-id": "a command has an id of its own; dbt-core passes its own to a parser",
    }
)
"""Likewise, with a value, which is dropped with it."""

LOG_OPTIONS = frozenset({
    "--log-format", "--log-format-file", "--log-level", "--log-level-file", "--log-path",
    "--log-file-max-bytes",
})  # fmt: skip
"""Options with a value that say how a command's events are written; `headwater.dbt.lines`."""

_DROPPED = frozenset({*_WITHOUT_EFFECT, *_WITHOUT_EFFECT_VALUED})
_GLOBAL_VALUED = frozenset({
    "--profile", "--profiles-dir", "--project-dir", "--target", "-t", "--target-path", "--threads",
    "--vars", "--indirect-selection", "--warn-error-options", "--state", "--defer-state",
    "--record-timing-info", "-r", *_WITHOUT_EFFECT_VALUED, *LOG_OPTIONS,
})  # fmt: skip
"""Options with a value that may stand before the verb."""
_GROUPS = frozenset({"docs", "source", "table"})

_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "--export-saved-queries": "saved queries are read and listed, not run",
        "--include-saved-query": "saved queries are read and listed, not run",
        "--introspect": "",
        "--no-introspect": "a macro that asks for data is answered while compiling",
        "--inject-ephemeral-ctes": "",
        "--no-inject-ephemeral-ctes": "`hw compile` has it; a build needs its ephemeral models",
        "--static": "`hw docs generate` writes the two JSON files, not a page",
        "--add-package": "write the package into packages.yml and run `hw deps`",
        "--source": "write the package into packages.yml and run `hw deps`",
        "--lock": "`hw deps` writes package-lock.yml as it installs",
        "--packages-install-path": "set `packages-install-path` in dbt_project.yml",
        "--config-dir": "`hw config show` says where each file was found",
        "--skip-profile-setup": "a project needs no profile here",
        "--sqlparse": "there is no such limit here",
        "--no-write-json": "artifacts are always written; --target-path chooses where",
        "--record-timing-info": "`hw build --output json` has the time of every node",
        "--upload-to-artifacts-ingest-api": "nothing is ever uploaded",
        "--no-clean-project-files-only": "remove folders outside of the project by hand",
    }
)

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "freshness": "`hw source freshness`",
        "serve": "`hw docs serve`",
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
        logging: What dbt's logging options were given, by their names: ``log-format``,
            ``log-path``, ``quiet``, ``debug`` ...
    """

    arguments: tuple[str, ...]
    colour: bool | None
    quiet: bool
    logging: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def prepare(arguments: Sequence[str]) -> Prepared:
    """Take dbt's global options out, wherever they stand, and put the verb first."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept: list[str] = []
    logging: dict[str, str] = {}
    colour = None
    words = iter(_verb_first(arguments[:end]))
    for argument in words:
        name, is_joined, value = argument.partition("=")
        match argument:
            case "--use-colors" | "--no-use-colors":
                colour = argument == "--use-colors"
            case "--quiet" | "-q" | "--debug":
                logging["debug" if argument == "--debug" else "quiet"] = "true"
            case "--single-threaded":
                kept += ["--threads", "1"]
            case _ if name in LOG_OPTIONS:
                logging[name.removeprefix("--")] = value if is_joined else next(words, "")
            case _ if argument in _WITHOUT_EFFECT_VALUED:
                next(words, "")
            case _ if name not in _DROPPED:
                kept.append(argument)
            case _:
                continue
    return Prepared(
        arguments=(*kept, *arguments[end:]),
        colour=colour,
        quiet="quiet" in logging,
        logging=MappingProxyType(logging),
    )


def speaks_dbt(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Say whether a command is to be carried out in dbt's manner, by ``headwater.dbt.shell``.

    So it is when the program is called ``dbt``, or when lines of dbt's log are asked for. The
    format ``otel`` is the one in which dbt-core calls a parser, which may answer in plain text.
    """
    if PurePath(program).stem == "dbt":
        return True
    given = prepare(arguments).logging
    asked = environment.get("DBT_LOG_FORMAT") or environment.get("DBT_ENGINE_LOG_FORMAT")
    if given.get("log-format", asked) == "otel":
        return False
    return bool(asked or any(f"--{name}" in LOG_OPTIONS for name in given))


def _verb_first(arguments: Sequence[str]) -> list[str]:
    """Put what stands before the verb behind it: ``--target prod build`` is ``build -t prod``."""
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        if arguments[position] in {"-h", "--help", "-V", "--version"}:
            return list(arguments)
        position += 2 if arguments[position] in _GLOBAL_VALUED else 1
    before, verb, rest = arguments[:position], arguments[position:][:1], arguments[position + 1 :]
    if verb and verb[0] in _GROUPS:
        verb, rest = [*verb, *rest[:1]], rest[1:]
    return [*verb, *before, *rest]


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
