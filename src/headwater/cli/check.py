"""``hw check``: faults of the project, found without data, credentials or a lake."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_options
from headwater.cli.output import emit, emit_document, output_option
from headwater.graph.choose import Selection


@click.command("check")
@project_options
@selection_options
@output_option("text", "json", "sarif")
def check_command(project: ProjectFlags, selection: Selection, *, output: str) -> int:
    """Read, compile and examine the project; nothing is written and no data is read.

    With a selection, findings of other nodes are left out; those of the project stay.
    """
    with project.open_planner() as planner:
        checked = planner.check(selection)
        if output == "json":
            emit_document(
                {
                    "schema": "headwater.check/1",
                    "nodes": checked.nodes,
                    "diagnostics": checked.diagnostics,
                }
            )
        elif output == "sarif":
            from headwater.cli.sarif import sarif_of

            emit_document(sarif_of(checked.diagnostics, planner.root, verb="check"))
        else:
            print_diagnostics(checked.diagnostics, planner.root)
            counts = dict.fromkeys(("error", "warning", "info"), 0)
            for diagnostic in checked.diagnostics:
                counts[diagnostic.severity] += 1
            emit(f"{checked.nodes} nodes, {counts['error']} errors, {counts['warning']} warnings")
    return 2 if has_errors(checked.diagnostics) else 0
