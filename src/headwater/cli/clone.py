"""``hw clone``: views on what another target has built, so that a few nodes can be built here."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_options
from headwater.cli.output import emit_document, is_quiet, note, output_option
from headwater.cli.plan import show
from headwater.cli.progress import run_with_progress
from headwater.graph.choose import Selection


@click.command("clone")
@project_options
@selection_options
@click.option("-f", "--full-refresh", is_flag=True, help="Clone also over what exists here.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--defer", is_flag=True, expose_value=False, hidden=True)  # it always goes by --state
@output_option("text", "json")
def clone_command(
    project: ProjectFlags, selection: Selection, *, full_refresh: bool, dry_run: bool, output: str
) -> int:
    """Make views on what another target has built, whose artifacts are named by --state.

    A view costs nothing and shows what the other target has now, also after it has changed;
    building the node here replaces it.
    """
    with project.open_workspace() as workspace, workspace.taken("clone") as journal:
        planned = workspace.plan_clone(selection, full_refresh=full_refresh)
        plan = planned.plan
        if not plan.is_compiled or has_errors(plan.diagnostics):
            show(plan, output, workspace)
            return 2
        if dry_run:
            show(plan, output, workspace)
            return 0
        print_diagnostics(plan.diagnostics, workspace.root)
        if output == "text" and not is_quiet():
            show(plan, output, workspace)
        run = run_with_progress(workspace, planned, journal, fail_fast=False)
        if output == "json":
            emit_document(run)
        if not run.results:
            note("nothing to clone: all of it exists here; --full-refresh clones over it")
        return run.exit_code
