"""The command table: names and one line each; a command's module is imported when it is called.

Starting must stay cheap (`hw --help` under 80 ms of CPU), so nothing here imports the engine,
the lake, the SQL parser or rich.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

from headwater import __version__
from headwater.base.errors import HeadwaterError, Invalid, Unavailable
from headwater.cli.dbt_options import command_fault_or_none, option_fault_or_none, prepare
from headwater.cli.files import fault_of
from headwater.cli.output import Manner, emit_error, make_streams_safe, silence

COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("Start", "init", "Make a new project that builds at once"),
    "deps": ("Start", "deps", "Fetch the packages that the project names"),
    "debug": ("Start", "debug", "Show what was found: files, profile, lake, engine"),
    "check": ("Look before", "check", "Find faults in the project without data or credentials"),
    "plan": ("Look before", "plan", "Say what a build would do, cost, break and risk"),
    "migrate": ("Look before", "migrate", "Say what a change of a table's columns would take"),
    "lineage": ("Look before", "lineage", "Show which columns flow into which"),
    "explain": ("Look before", "explain", "Explain a code such as HW1203"),
    "build": ("Build", "build", "Plan and apply: seeds, models, snapshots, tests"),
    "clone": ("Build", "clone", "Make views on what another target has built"),
    "apply": ("Build", "apply", "Do what a plan says, exactly"),
    "run": ("Build", "build", "Build models only"),
    "seed": ("Build", "build", "Load seeds only"),
    "snapshot": ("Build", "build", "Take snapshots only"),
    "test": ("Build", "build", "Run tests only"),
    "retry": ("Build", "retry", "Do again what the last run left undone"),
    "ingest": ("Build", "ingest", "Load files into a table, each exactly once"),
    "sql": ("Use", "sql", "Query tables, views, older versions and Delta paths"),
    "diff": ("Use", "diff", "Compare two tables, versions or targets, by key"),
    "show": ("Use", "show", "Run a model's query, or a query with Jinja, and show rows"),
    "cost": ("Use", "cost", "Show what runs used and what that costs"),
    "price": ("Use", "price", "List price books, and compare what they ask"),
    "calibrate": ("Use", "calibrate", "Measure how fast this machine is"),
    "source": ("Use", "source", "Measure how old sources are"),
    "table": ("Use", "table", "List tables, show versions, compact, vacuum, restore"),
    "parse": ("Project", "parse", "Read the project and write manifest.json"),
    "compile": ("Project", "compile", "Write the SQL of every node, or of one query"),
    "run-operation": ("Use", "run_operation", "Call a macro by itself"),
    "ls": ("Project", "ls", "List what a selection holds"),
    "docs": ("Project", "docs", "Write catalog.json and manifest.json"),
    "clean": ("Project", "clean", "Remove artifacts, packages and leftovers of killed runs"),
    "config": ("Project", "config", "Show every setting and where its value came from"),
    "schema": ("Project", "schema", "Print the JSON Schema of a document"),
}


_ALIASES: Mapping[str, str] = MappingProxyType({"list": "ls"})
_MODELS = frozenset({"-m", "--model", "--models"})
_SELECTORS = frozenset({
    "-s", "--select", "-m", "--model", "--models", "--exclude", "--resource-type",
    "--resource-types", "--exclude-resource-type", "--exclude-resource-types", "--output-keys",
})  # fmt: skip


class Commands(click.Group):
    """A group that knows its commands' names and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"headwater.cli.{COMMANDS[cmd_name][1]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = _ALIASES.get(args[0], args[0])
        if name not in COMMANDS:
            if (fault := command_fault_or_none(name)) is not None:
                raise fault
            raise click.UsageError(f"no such command: {name}.{_nearest(name)}", ctx)
        found = super().resolve_command(ctx, [name, *args[1:]])
        ctx.default_map = {name: _defaults(found[1], args)}
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands by group, without importing any."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, (group, _, line) in COMMANDS.items():
            groups.setdefault(group, []).append((name, line))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows, col_max=12)


def _defaults(command: click.Command | None, arguments: list[str]) -> dict[str, Any]:
    """Return what the environment and the project say of options that were not given."""
    inner = command.commands if isinstance(command, click.Group) else {}
    names = {each.name for one in (command, *inner.values()) if one for each in one.params}
    if "project_dir" not in names:
        return {}
    from headwater.cli.environment import option_values, read_environment

    values = option_values(read_environment(), _wanted(arguments, "--project-dir"))
    return {**values, **dict.fromkeys(inner, values)}


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f" Did you mean `{near[0]}`?" if near else ""


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 a node or test failed, 2 usage or project fault, "
    "3 blocked by policy, 4 try again later, 130 interrupted; `hw plan --detailed-exitcode`: "
    "5 work to do.",
)
@click.version_option(__version__, "-V", "--version", message="headwater %(version)s")
def hw() -> None:
    """Plan, build and query a lakehouse of Delta tables from a dbt project."""


def parse_command(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """Read a command line without running it.

    Returns:
        The verb (``ls``, ``docs generate``) and the values of its options, as click names them.

    Raises:
        HeadwaterError: ``usage-invalid``, ``dbt-option-missing``.
    """
    words = _with_models_only(join_selectors(list(prepare(arguments).arguments)))
    context = click.Context(hw, info_name="hw")
    try:
        name, command, rest = hw.resolve_command(context, words or ["help"])
        if isinstance(command, click.Group):
            inner, command, rest = command.resolve_command(context, rest)
            name = f"{name} {inner}"
        options = command.make_context(name, rest, parent=context).params if command else {}
    except click.UsageError as error:
        raise _usage_fault(error) from error
    return str(name), options


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code (see the epilog above)."""
    output = _wanted(arguments, "--output") or "text"
    root = _wanted(arguments, "--project-dir")
    make_streams_safe()
    prepared = prepare(arguments)
    try:
        code = hw.main(
            _with_models_only(join_selectors(list(prepared.arguments))),
            prog_name="hw",
            standalone_mode=False,
            color=prepared.colour,
            obj=Manner(quiet=prepared.quiet),
        )
    except HeadwaterError as error:
        return emit_error(error, output, root=root)
    except click.UsageError as error:
        return _usage_end(error, output)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        emit_error(
            Unavailable("interrupted", "interrupted", fix="run the same command again"), output
        )
        return 130
    except (BrokenPipeError, SystemExit):  # click makes the second of the first
        return _reader_gone()
    except OSError as error:
        return emit_error(_world_fault(error), output)
    except Exception as error:  # noqa: BLE001 - the last line of defence names the fault as ours
        return _internal(error, output)
    return code if isinstance(code, int) else 0


def _usage_end(error: click.UsageError, output: str) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        if output == "json":
            return emit_error(
                Invalid("usage-invalid", "a command is missing", fix="hw --help"), output
            )
        print(error.format_message(), file=sys.stderr)
        return 2
    return emit_error(_usage_fault(error), output)


def _reader_gone() -> int:
    """End quietly when the reader of our output has gone (`hw --help | head`)."""
    silence(sys.stdout)
    silence(sys.stderr)
    return 0


def _usage_fault(error: click.UsageError) -> HeadwaterError:
    name = error.ctx.command_path.removeprefix("hw").strip() if error.ctx else ""
    if isinstance(error, click.NoSuchOption):
        known = option_fault_or_none(error.option_name, name)
        if known is not None:
            return known
    usage = error.ctx.get_usage() if error.ctx else "hw COMMAND [OPTIONS]"
    help_ = f"hw {name} --help" if name else "hw --help"
    return Invalid("usage-invalid", error.format_message(), fix=f"{usage}  ({help_})")


def _world_fault(error: OSError) -> HeadwaterError:
    return fault_of(error, str(error.filename or "standard output"), "used")


def _with_models_only(arguments: list[str]) -> list[str]:
    """Let ``ls --models`` list models only, as dbt's does: everywhere else it is ``--select``."""
    is_about = any(each in _MODELS for each in arguments)
    if arguments[:1] not in (["ls"], ["list"]) or not is_about or "--resource-type" in arguments:
        return arguments
    return [*arguments, "--resource-type", "model"]


def join_selectors(arguments: list[str]) -> list[str]:
    """Let selection options take several words, as dbt's do: ``-s a b`` is ``-s "a b"``."""
    joined: list[str] = []
    in_selector = False
    for argument in arguments:
        is_option = argument.startswith("-") and argument != "-"
        if in_selector and not is_option and joined[-1] not in _SELECTORS:
            joined[-1] = f"{joined[-1]} {argument}"
            continue
        if is_option:
            in_selector = argument in _SELECTORS
        joined.append(argument)
    return joined


def _internal(error: Exception, output: str) -> int:
    import traceback

    traceback.print_exc(file=sys.stderr)
    fault = HeadwaterError(
        "internal",
        f"Headwater failed: {type(error).__name__}: {error}",
        fix="nothing was published; please file a bug with the lines above",
    )
    return emit_error(fault, output)


def _wanted(arguments: list[str], option: str) -> str:
    for position, argument in enumerate(arguments):
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
        if argument == option and position + 1 < len(arguments):
            return arguments[position + 1]
    return ""
