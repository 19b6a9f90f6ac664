"""Options that several commands share, and the workspace that they describe."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, get_args

import click

from headwater.base.errors import Invalid
from headwater.project.node import ResourceType
from headwater.workspace import Selection, Workspace

P = ParamSpec("P")
R = TypeVar("R")

_PROJECT_OPTIONS = (
    click.option("--project-dir", metavar="DIR", help="Folder of dbt_project.yml."),
    click.option("--profiles-dir", metavar="DIR", help="Folder of profiles.yml."),
    click.option("--profile", metavar="NAME", help="Profile to use instead of the project's."),
    click.option("-t", "--target", metavar="NAME", help="Output of the profile to use."),
    click.option("--target-path", metavar="DIR", help="Folder for artifacts."),
    click.option("--vars", "variables", metavar="YAML", help="Variables: '{name: value}'."),
    click.option("--threads", type=int, metavar="N", help="How many nodes run at once."),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFlags:
    """Flags of one call that say which project, profile and target is meant."""

    flags: Mapping[str, str | float | bool | None]
    variables: str | None
    output: str

    def open_workspace(self) -> Workspace:
        """Open the workspace that the flags, the environment and the files describe."""
        return Workspace.open(
            flags=self.flags,
            environment=dict(os.environ),  # noqa: TID251 - the shell reads the environment
            variables=self.variables,
        )


def project_options(
    command: Callable[Concatenate[ProjectFlags, P], R],
) -> Callable[P, R]:
    """Give a command the options that choose a project; it gets them as its first argument."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        names = ("project_dir", "profiles_dir", "profile", "target", "target_path", "threads")
        given = ProjectFlags(
            flags={name: kwargs.pop(name) for name in names},  # type: ignore[misc]
            variables=kwargs.pop("variables"),  # type: ignore[arg-type]
            output=str(kwargs.get("output", "text")),
        )
        return command(given, *args, **kwargs)

    return _with(_PROJECT_OPTIONS, wrapped)


def selection_options(
    command: Callable[Concatenate[ProjectFlags, Selection, P], R],
) -> Callable[Concatenate[ProjectFlags, P], R]:
    """Give a command the options that select nodes; it gets them as its second argument."""

    @wraps(command)
    def wrapped(project: ProjectFlags, /, *args: P.args, **kwargs: P.kwargs) -> R:
        chosen = Selection(
            include=kwargs.pop("select"),  # type: ignore[arg-type]
            exclude=kwargs.pop("exclude"),  # type: ignore[arg-type]
            selector=kwargs.pop("selector"),  # type: ignore[arg-type]
            indirect=kwargs.pop("indirect_selection"),  # type: ignore[arg-type]
            resource_types=_types(kwargs.pop("resource_type")),
            without_types=_types(kwargs.pop("exclude_resource_type")),
        )
        return command(project, chosen, *args, **kwargs)

    return _with(_SELECTION_OPTIONS, wrapped)


def _types(given: object) -> tuple[str, ...]:
    """Read the kinds of ``--resource-type``, which may stand in one word or several.

    Raises:
        Invalid: ``usage-invalid``.
    """
    texts = given if isinstance(given, tuple) else ()
    names = tuple(name for text in texts for name in str(text).replace(",", " ").split())
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
