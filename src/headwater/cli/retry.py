"""``hw retry``: ask for the last command again, about what it left undone."""

import json
from dataclasses import replace
from pathlib import Path

import click

from headwater.base.codec import to_builtins
from headwater.cli.build import build
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import note, output_option
from headwater.runs.retry import Earlier


@click.command("retry")
@project_options
@click.option("--state", metavar="DIR", help="Folder of artifacts of the run to retry.")
@click.option("-x", "--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@output_option("text", "json")
def retry_command(
    project: ProjectFlags, *, state: str | None, fail_fast: bool, dry_run: bool, output: str
) -> int:
    """Do again what the last run did not end well, or never began.

    The options of that run hold, its variables and target among them, unless they are given anew.
    Tests of a table that was not published run with it again, also those that had passed.
    """
    with project.open_workspace() as workspace:
        earlier = workspace.earlier(Path(state) if state else None)
    note(describe(earlier))
    before = earlier.invocation.request
    request = replace(before, nodes=earlier.again, as_of=before.as_of or earlier.started_at)
    with as_before(project, earlier).open_workspace() as workspace:
        fast = fail_fast or earlier.fail_fast
        return build(workspace, request, fail_fast=fast, dry_run=dry_run, output=output)


def as_before(project: ProjectFlags, earlier: Earlier) -> ProjectFlags:
    """Return the flags of an earlier run, with those that were given anew instead of theirs."""
    before = earlier.invocation
    flags = dict(project.flags)
    for name, value in (("target", before.target), ("profile", before.profile)):
        flags[name] = flags.get(name) or value or None
    variables = project.variables
    if variables is None and before.variables:
        variables = json.dumps(to_builtins(dict(before.variables)))
    return replace(project, flags=flags, variables=variables)


def describe(earlier: Earlier) -> str:
    """Say in one line which run is retried, and how much of it."""
    which = earlier.run_id or "a run of elsewhere"
    verb = earlier.invocation.request.verb
    at = f" of {earlier.started_at}" if earlier.started_at else ""
    return f"retrying {which} (hw {verb}{at}): {len(earlier.again)} of {earlier.steps} steps"
