"""``hw compile``: the SQL of every node as the engine will get it, or of one query."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, input_options, project_options, selection_options
from headwater.cli.output import emit, emit_document, output_option
from headwater.graph.choose import Selection
from headwater.graph.substitutes import InputRequest


@click.command("compile")
@project_options
@selection_options
@click.option("--inline", metavar="SQL", help="Compile this query instead of the project's nodes.")
@click.option("-f", "--full-refresh", is_flag=True, help="Compile as a full refresh would.")
@click.option(
    "--inject-ephemeral-ctes/--no-inject-ephemeral-ctes",
    "injects",
    default=True,
    help="Write ephemeral models that a text reads into it, as CTEs.",
)
@input_options
@output_option("text", "json")
def compile_command(
    project: ProjectFlags,
    selection: Selection,
    *,
    inline: str | None,
    full_refresh: bool,
    injects: bool,
    output: str,
    inputs: InputRequest,
) -> int:
    """Write the compiled SQL of the selected nodes under target/compiled."""
    with project.open_planner() as planner:
        compiled = planner.compile(
            selection, inline=inline, full_refresh=full_refresh, injects=injects, inputs=inputs
        )
        if output == "json":
            emit_document(
                {
                    "schema": "headwater.compile/1",
                    "results": compiled.results,
                    "diagnostics": compiled.diagnostics,
                }
            )
        else:
            print_diagnostics(compiled.diagnostics, planner.root)
            alone = [each for each in compiled.results if not each.unique_id.startswith("test.")]
            if len(alone) == 1:
                emit(alone[0].compiled_code)
            elif compiled.results:
                emit(f"compiled {len(compiled.results)} nodes into {compiled.folder}")
    return 2 if has_errors(compiled.diagnostics) else 0
