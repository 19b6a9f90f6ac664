"""``hw apply``: run a saved plan exactly as shown, or plan and run in one go."""

from pathlib import Path

import click

from headwater.base.codec import decode
from headwater.base.errors import Invalid, NotFound
from headwater.cli.files import fault_of
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, note, output_option
from headwater.cli.plan import exit_code, show
from headwater.cli.progress import run_with_progress
from headwater.plan.plan import Plan
from headwater.plan.show import show_plan
from headwater.runs.answers import PlanRequest


@click.command("apply")
@click.argument("file", required=False, type=click.Path())
@project_options
@click.option("-x", "--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option("--accept", multiple=True, metavar="CODE", help="Let errors of CODE only warn.")
@output_option("text", "json")
def apply_command(
    project: ProjectFlags,
    *,
    file: str | None,
    fail_fast: bool,
    accept: tuple[str, ...],
    output: str,
) -> int:
    """Do what the plan in FILE says, or refuse because an input has moved since.

    Without FILE the project is planned first, as `hw build` does.
    """
    with project.open_workspace() as workspace, workspace.taken("apply") as journal:
        if file is None:
            planned = workspace.plan(PlanRequest(accept=accept))
        else:
            planned = workspace.check_plan(read_plan(Path(file)), accept=accept)
        code = exit_code(planned.plan)
        if code or output == "text":
            show(planned.plan, output, workspace)
        if code:
            return code
        if output == "json":
            note("\n".join(show_plan(planned.plan)))
        run = run_with_progress(workspace, planned, journal, fail_fast=fail_fast)
        if output == "json":
            emit_document(run)
        return run.exit_code


def read_plan(path: Path) -> Plan:
    """Read a saved plan.

    Raises:
        NotFound: ``plan-not-found``.
        Invalid: ``plan-unreadable``, when the file is not a plan of this version.
    """
    try:
        return decode(Plan, path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(
            "plan-not-found", f"there is no file `{path}`", fix="make one: hw plan -o plan.json"
        ) from error
    except OSError as error:
        raise fault_of(error, path, "read") from error
    except ValueError as error:
        raise Invalid(
            "plan-unreadable",
            f"`{path}` is not a plan that this version can apply",
            why=str(error),
            fix="plan again: hw plan -o plan.json",
        ) from error
