"""What a command was asked, as a document that the ledger keeps with the plan.

``hw retry`` asks the same again; dbt's ``run_results.json`` tells it to other tools as ``args``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from headwater.base.artifacts import metadata_of
from headwater.base.codec import Json, from_builtins, to_builtins
from headwater.jinja.context import SECRET_PREFIX
from headwater.project.files import ProjectFiles
from headwater.project.project import ProjectResult
from headwater.runs.answers import PlanRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What a command that builds was asked.

    Attributes:
        request: Verb, selection and the options that shape a plan.
        variables: Of ``--vars``.
        target: ``--target``; empty when the profile's default was taken.
        profile: ``--profile``; likewise.
        place: Absolute folder of its artifacts.
        threads: How many nodes ran at once.
    """

    request: PlanRequest
    variables: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    target: str = ""
    profile: str = ""
    place: str = ""
    threads: int = 0

    def document(self) -> dict[str, Json]:
        """Return it as the plan keeps it."""
        made: dict[str, Json] = to_builtins(self)
        return made


def read_invocation_or_none(document: Mapping[str, Any]) -> Invocation | None:
    """Read what ``Invocation.document`` wrote; None when it is none, or another release's."""
    try:
        return from_builtins(Invocation, document) if document else None
    except ValueError:
        return None


def dbt_args(invocation: Invocation, *, fail_fast: bool) -> dict[str, Json]:
    """Return dbt's ``args`` of a command, by dbt's names of its options."""
    request = invocation.request
    selection = request.selection
    return {
        "which": request.verb,
        "select": list(selection.include),
        "exclude": list(selection.exclude),
        "selector": selection.selector or "",
        "indirect_selection": selection.indirect,
        "resource_types": list(selection.resource_types),
        "exclude_resource_types": list(selection.without_types),
        "vars": {
            name: "*****" if name.startswith(SECRET_PREFIX) else to_builtins(value)
            for name, value in invocation.variables.items()
        },
        "target": invocation.target or None,
        "profile": invocation.profile or None,
        "full_refresh": request.full_refresh,
        "fail_fast": fail_fast,
        "store_failures": request.store_failures,
        "threads": invocation.threads,
        "empty": request.inputs.empty,
        "sample": request.inputs.sample or None,
        "event_time_start": request.inputs.event_time_start or None,
        "event_time_end": request.inputs.event_time_end or None,
        "defer": request.inputs.defer,
    }


_SELECTED = "selected_resources"


def mentions_selected(files: ProjectFiles) -> bool:
    """Say whether any text of a project asks which nodes were selected."""
    return any(
        _SELECTED in file.text
        for package in files.packages
        for file in (package.project_file, *package.files)
        if file is not None
    )


def tell_templates(
    read: ProjectResult,
    invocation: Invocation,
    selected: Iterable[str],
    environment: Mapping[str, str],
) -> ProjectResult:
    """Let templates see, from here on, what the command was asked and what it acts on."""
    if read.project is None:
        return read
    values = replace(
        read.project.context_values,
        arguments=dbt_args(invocation, fail_fast=False),
        selected=tuple(sorted(selected)),
        metadata=metadata_of(environment),
    )
    return replace(read, project=replace(read.project, context_values=values))


def tell_operation(
    read: ProjectResult, macro: str, arguments: Mapping[str, Json], environment: Mapping[str, str]
) -> ProjectResult:
    """Let a macro that is called by itself see what was asked."""
    if read.project is None:
        return read
    asked: dict[str, Json] = {"which": "run-operation", "macro": macro, "args": dict(arguments)}
    values = replace(
        read.project.context_values, arguments=asked, metadata=metadata_of(environment)
    )
    return replace(read, project=replace(read.project, context_values=values))
