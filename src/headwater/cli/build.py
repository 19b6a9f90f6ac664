"""``hw build``, ``run``, ``seed``, ``snapshot``, ``test``: plan and apply in one step."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import click

from headwater.cli.options import ProjectFlags, input_options, project_options, selection_options
from headwater.cli.output import emit_document, is_quiet, note, output_option
from headwater.cli.plan import exit_code, show
from headwater.cli.progress import run_with_progress
from headwater.graph.choose import Selection
from headwater.graph.substitutes import InputRequest
from headwater.plan.show import show_plan
from headwater.runs.answers import Planned, PlanRequest, Verb
from headwater.runs.journal import Journal
from headwater.workspace import Workspace

F = TypeVar("F", bound=Callable[..., object])


def building_options(command: F) -> F:
    """Give a command the options of everything that builds."""
    options = (
        click.option(
            "-f", "--full-refresh", is_flag=True, help="Rebuild incremental models whole."
        ),
        click.option("-x", "--fail-fast", is_flag=True, help="Stop at the first failure."),
        click.option(
            "--store-failures/--no-store-failures",
            help="Keep the failing rows of tests in tables of their own.",
        ),
        click.option("--force", is_flag=True, help="Rebuild what is selected even if unchanged."),
        click.option(
            "--accept", multiple=True, metavar="CODE", help="Let errors of CODE only warn."
        ),
        click.option("--dry-run", is_flag=True, help="Show the plan and stop."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _make(verb: Verb, line: str) -> click.Command:
    @click.command(verb, help=line)
    @project_options
    @selection_options
    @building_options
    @input_options
    @output_option("text", "json")
    def command(
        project: ProjectFlags,
        selection: Selection,
        *,
        full_refresh: bool,
        fail_fast: bool,
        store_failures: bool,
        force: bool,
        accept: tuple[str, ...],
        dry_run: bool,
        output: str,
        inputs: InputRequest,
    ) -> int:
        request = PlanRequest(
            selection=selection,
            verb=verb,
            full_refresh=full_refresh,
            force=force,
            accept=accept,
            store_failures=store_failures,
            inputs=inputs,
        )
        with project.open_workspace() as workspace:
            return build(workspace, request, fail_fast=fail_fast, dry_run=dry_run, output=output)

    return command


def build(
    workspace: Workspace, request: PlanRequest, *, fail_fast: bool, dry_run: bool, output: str
) -> int:
    """Plan and apply, showing both; return the exit code."""
    with _taken(workspace, request.verb, dry_run=dry_run) as journal:
        planned = workspace.plan(request)
        plan = planned.plan
        code = exit_code(plan)
        if code or dry_run:
            show(plan, output, workspace)
            return code
        if output == "text" and not is_quiet():
            show(plan, output, workspace)
        elif output == "json":
            note("\n".join(show_plan(plan)))
        _tell_said(planned)
        run = run_with_progress(workspace, planned, journal, fail_fast=fail_fast)
        if output == "json":
            emit_document(run)
        if run.status == "failed":
            note("some nodes failed; what they would have replaced is as it was")
        return run.exit_code


def _tell_said(planned: Planned) -> None:
    """Show what macros logged for the terminal."""
    for said in planned.logged.values():
        for each in said:
            if each.is_info:
                note(each.text)


def _taken(
    workspace: Workspace, verb: Verb, *, dry_run: bool
) -> AbstractContextManager[Journal | None]:
    """Take the workspace before planning, so that nothing moves between plan and run."""
    return nullcontext() if dry_run else workspace.taken(verb)


build_command = _make(
    "build", "Plan, show the plan's summary, and apply it: seeds, models, snapshots and tests."
)
run_command = _make("run", "Build models, without running their tests.")
seed_command = _make("seed", "Load seeds.")
snapshot_command = _make("snapshot", "Take snapshots.")
test_command = _make("test", "Run tests on the tables as they are.")
