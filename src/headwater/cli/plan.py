"""``hw plan``: what a build would do, what it costs, breaks and risks, before anything runs."""

from pathlib import Path

import click

from headwater.base.codec import encode_pretty
from headwater.base.errors import Invalid
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.files import write_file
from headwater.cli.options import ProjectFlags, input_options, project_options, selection_options
from headwater.cli.output import emit, emit_json, note, output_option
from headwater.cli.screen import print_plan
from headwater.graph.choose import Selection
from headwater.graph.substitutes import InputRequest
from headwater.plan.comment import show_comment
from headwater.plan.plan import Plan
from headwater.plan.show import show_plan
from headwater.planner import Planner
from headwater.runs.answers import PlanRequest

FORMS = ("text", "json", "github", "sarif")
"""How a plan is written."""


@click.command("plan")
@project_options
@selection_options
@click.option("-o", "--out", metavar="FILE", help="Keep the plan for `hw apply FILE`.")
@click.option("-f", "--full-refresh", is_flag=True, help="Rebuild incremental models whole.")
@click.option("--accept", multiple=True, metavar="CODE", help="Let errors of CODE only warn.")
@click.option(
    "--base", metavar="REV", help="Compare with a revision of git instead of what is deployed."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 5 when there is work to do.")
@click.option(
    "--also",
    "also",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the same plan to FILE as well: json=, github=, sarif= or text=.",
)
@input_options
@output_option(*FORMS)
def plan_command(
    project: ProjectFlags,
    selection: Selection,
    *,
    out: str | None,
    base: str | None,
    full_refresh: bool,
    accept: tuple[str, ...],
    detailed_exitcode: bool,
    also: tuple[str, ...],
    output: str,
    inputs: InputRequest,
) -> int:
    """Say what a build would do, what it costs, what it breaks and whether it is safe.

    Exits with 3 when a finding blocks the plan.
    """
    if base is not None and out:
        fix = "leave out one of them; the document of a comparison is --output json"
        raise Invalid("usage-invalid", "a plan with --base is not kept to be applied", fix=fix)
    files = tuple(_file_of(each) for each in also)
    with project.open_planner() as planner:
        request = PlanRequest(
            selection=selection,
            full_refresh=full_refresh,
            accept=accept,
            inputs=inputs,
            base=base,
        )
        plan = planner.plan(request).plan
        if out and plan.is_compiled:
            write_file(Path(out), encode_pretty(plan))
            note(f"saved to {out}; run it with: hw apply {out}")
        for form, path in files:
            write_file(path, text_of(plan, form, planner.root))
        show(plan, output, planner)
    code = exit_code(plan)
    return 5 if detailed_exitcode and code == 0 and not plan.is_empty else code


def show(plan: Plan, output: str, planner: Planner) -> None:
    """Write a plan to stdout in the wanted form."""
    match output:
        case "text" if not plan.is_compiled:
            print_diagnostics(plan.diagnostics, planner.root)
        case "text":
            print_plan(plan)
        case "github":
            emit(text_of(plan, output, planner.root))
        case _:
            emit_json(text_of(plan, output, planner.root))


def text_of(plan: Plan, form: str, root: Path) -> str:
    """Return a plan as a file of one of the formats has it."""
    match form:
        case "json":
            return encode_pretty(plan)
        case "github":
            return show_comment(plan)
        case "sarif":
            from headwater.cli.sarif import sarif_of_plan

            return encode_pretty(sarif_of_plan(plan, root))
        case _:
            return "\n".join(show_plan(plan)) + "\n"


def _file_of(text: str) -> tuple[str, Path]:
    """Read ``FORMAT=FILE``.

    Raises:
        Invalid: ``usage-invalid``.
    """
    form, _, file = text.partition("=")
    if form not in FORMS or not file:
        raise Invalid(
            "usage-invalid",
            f"`--also {text}` is not FORMAT=FILE",
            fix=f"write --also github=comment.md; formats are {', '.join(FORMS)}",
        )
    return form, Path(file)


def exit_code(plan: Plan) -> int:
    """Return 0, 2 when the project has faults, 3 when a finding blocks the plan."""
    if not plan.is_compiled:
        return 2
    return 3 if plan.is_blocked else 0
