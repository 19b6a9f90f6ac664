"""Options that several commands share, and the workspace that they describe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, get_args

import click

from headwater.base.errors import Invalid
from headwater.cli.environment import read_environment
from headwater.runs.recall import Recall, open_recall

if TYPE_CHECKING:
    from headwater.graph.choose import Selection
    from headwater.graph.substitutes import InputRequest
    from headwater.planner import Planner
    from headwater.reader import Reader
    from headwater.workspace import Workspace

P = ParamSpec("P")
R = TypeVar("R")

_PROJECT_OPTIONS = (
    click.option("--project-dir", metavar="DIR", help="Folder of dbt_project.yml."),
    click.option("--profiles-dir", metavar="DIR", help="Folder of profiles.yml."),
    click.option("--profile", metavar="NAME", help="Profile to use instead of the project's."),
    click.option("-t", "--target", metavar="NAME", help="Output of the profile to use."),
    click.option(
        "--on",
        metavar="ENGINE",
        help="Run another warehouse's project on this engine, translated: duckdb.",
    ),
    click.option("--target-path", metavar="DIR", help="Folder for artifacts."),
    click.option("--vars", "variables", metavar="YAML", help="Variables: '{name: value}'."),
    click.option("--threads", type=int, metavar="N", help="How many nodes run at once."),
    click.option("--warn-error/--no-warn-error", default=None, help="Warnings are errors."),
    click.option(
        "--warn-error-options", metavar="YAML", help="Which: '{error: all, warn: [macro-warned]}'."
    ),
)

_SELECTION_OPTIONS = (
    click.option(
        "-s",
        "--select",
        "-m",
        "--models",
        "--model",
        "select",
        multiple=True,
        metavar="SELECTOR",
        help="What to include: names, paths, tag:x, +up, down+, a,b for both.",
    ),
    click.option("--exclude", multiple=True, metavar="SELECTOR", help="What to leave out."),
    click.option("--selector", metavar="NAME", help="A selector of selectors.yml."),
    click.option(
        "--state",
        metavar="DIR",
        envvar="DBT_STATE",
        help="Artifacts of an earlier run, for state:, result: and --defer.",
    ),
    click.option(
        "--resource-type",
        "--resource-types",
        "resource_type",
        multiple=True,
        metavar="TYPE",
        help="Only nodes of this kind: model, seed, snapshot, test ...",
    ),
    click.option(
        "--exclude-resource-type",
        "--exclude-resource-types",
        "exclude_resource_type",
        multiple=True,
        metavar="TYPE",
        help="No nodes of this kind.",
    ),
    click.option(
        "--indirect-selection",
        type=click.Choice(["eager", "cautious", "buildable", "empty"]),
        default="eager",
        help="Which tests come along with selected nodes.",
    ),
)

_INPUT_OPTIONS = (
    click.option(
        "--defer/--no-defer",
        envvar="DBT_DEFER",
        help="Read what is not built here where the manifest of --state says.",
    ),
    click.option(
        "--favor-state/--no-favor-state",
        envvar="DBT_FAVOR_STATE",
        help="With --defer: read what is not selected there in any case.",
    ),
    click.option(
        "--defer-state",
        metavar="DIR",
        envvar="DBT_DEFER_STATE",
        help="Folder of the manifest for --defer, when it is not that of --state.",
    ),
    click.option("--empty/--no-empty", help="Read no rows: tables with all columns and no rows."),
    click.option(
        "--sample",
        metavar="WINDOW",
        envvar="DBT_SAMPLE",
        help="Read a stretch of time of inputs with an event_time: '3 days'.",
    ),
    click.option(
        "--event-time-start", metavar="TIME", help="Build batches of microbatch models from here."
    ),
    click.option("--event-time-end", metavar="TIME", help="Build batches up to here."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFlags:
    """Flags of one call that say which project, profile and target is meant."""

    flags: Mapping[str, str | float | bool | None]
    variables: str | None
    output: str

    def open_recall(self, verb: str, **given: object) -> Recall:
        """Look for the answer that an earlier command gave to the same question.

        Args:
            verb: The command.
            given: What was given with it besides the options of every project.
        """
        question: dict[str, Any] = {
            "verb": verb,
            "flags": self.flags,
            "vars": self.variables,
            "given": given,
        }
        return open_recall(question, read_environment())

    def open_reader(self) -> "Reader":
        """Open the project for reading alone, which imports neither engine nor lake."""
        from headwater.reader import Reader

        return Reader.open(
            flags=self.flags, environment=read_environment(), variables=self.variables
        )

    def open_planner(self) -> "Planner":
        """Open the project for looking, which does not import what builds."""
        from headwater.planner import Planner

        _free_parsed_queries()
        return Planner.open(
            flags=self.flags, environment=read_environment(), variables=self.variables
        )

    def open_workspace(self) -> "Workspace":
        """Open the workspace that the flags, the environment and the files describe."""
        from headwater.workspace import Workspace

        _free_parsed_queries()
        return Workspace.open(
            flags=self.flags, environment=read_environment(), variables=self.variables
        )


def _free_parsed_queries() -> None:
    """Look for cycles often: parsed queries lead back to themselves.

    Freed at every 100,000 values they take 50 MB less than at the million that suits reading a
    project, and no more time.
    """
    import gc

    gc.set_threshold(100_000, 50, 100)


def take_project(options: dict[str, Any]) -> ProjectFlags:
    """Take the options that choose a project out of a command's."""
    names = (
        *("project_dir", "profiles_dir", "profile", "target", "on", "target_path", "threads"),
        *("warn_error", "warn_error_options"),
    )
    return ProjectFlags(
        flags={name: options.pop(name, None) for name in names},
        variables=options.pop("variables", None),
        output=str(options.get("output", "text")),
    )


def take_selection(options: dict[str, Any]) -> "Selection":
    """Take the options that select nodes out of a command's.

    Raises:
        Invalid: ``usage-invalid``, when there is no such kind of node, or a query is given besides.
    """
    from headwater.graph.choose import Selection

    named = options.get("select") or options.get("selector")
    if named and (options.get("inline") or options.get("inline_direct")):
        what = "nodes are selected, and a query is given besides"
        fix = "pass --inline alone, or --select or --selector without it"
        raise Invalid("usage-invalid", what, fix=fix)
    return Selection(
        include=options.pop("select", ()),
        exclude=options.pop("exclude", ()),
        selector=options.pop("selector", None),
        state=options.pop("state", None),
        indirect=options.pop("indirect_selection", "eager"),
        resource_types=_types(options.pop("resource_type", ())),
        without_types=_types(options.pop("exclude_resource_type", ())),
    )


def take_inputs(options: dict[str, Any]) -> "InputRequest":
    """Take the options that say what is read in place of inputs out of a command's."""
    from headwater.graph.substitutes import InputRequest

    return InputRequest(
        defer=bool(options.pop("defer", False)),
        favor_state=bool(options.pop("favor_state", False)),
        defer_state=options.pop("defer_state", None) or "",
        empty=bool(options.pop("empty", False)),
        sample=options.pop("sample", None) or "",
        event_time_start=options.pop("event_time_start", None) or "",
        event_time_end=options.pop("event_time_end", None) or "",
    )


def input_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options about inputs; it gets them as ``inputs``."""

    @wraps(command)
    def wrapped(*args: object, **kwargs: Any) -> R:  # noqa: ANN401 - any command's
        inputs = take_inputs(kwargs)
        return command(*args, inputs=inputs, **kwargs)

    return _with(_INPUT_OPTIONS, wrapped)


def project_options(
    command: Callable[Concatenate[ProjectFlags, P], R],
) -> Callable[P, R]:
    """Give a command the options that choose a project; it gets them as its first argument."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        return command(take_project(kwargs), *args, **kwargs)

    return _with(_PROJECT_OPTIONS, wrapped)


def selection_options(
    command: Callable[Concatenate[ProjectFlags, "Selection", P], R],
) -> Callable[Concatenate[ProjectFlags, P], R]:
    """Give a command the options that select nodes; it gets them as its second argument."""

    @wraps(command)
    def wrapped(project: ProjectFlags, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return command(project, take_selection(kwargs), *args, **kwargs)

    return _with(_SELECTION_OPTIONS, wrapped)


def selection_words(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the options that select nodes as they are written, for ``take_selection``."""
    return _with(_SELECTION_OPTIONS, command)


def _types(given: object) -> tuple[str, ...]:
    """Read the kinds of ``--resource-type``, which may stand in one word or several.

    Raises:
        Invalid: ``usage-invalid``.
    """
    texts = given if isinstance(given, tuple) else ()
    names = tuple(name for text in texts for name in str(text).replace(",", " ").split())
    from headwater.project.node import ResourceType

    known = get_args(ResourceType)
    for name in names:
        if name not in {"all", "default", *known}:
            fix = f"kinds are {', '.join(known)}"
            raise Invalid("usage-invalid", f"there is no kind of node `{name}`", fix=fix)
    return () if {"all", "default"} & set(names) else names


def _with(options: tuple[Callable[..., object], ...], command: Callable[P, R]) -> Callable[P, R]:
    for option in reversed(options):
        command = option(command)
    return command
