"""``hw lineage``: which columns flow into which, and which decide what rows there are."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option
from headwater.graph.around import Direction


@click.command("lineage")
@click.argument("node", required=False)
@project_options
@click.option("--direct", is_flag=True, help="Leave out columns that only decide the rows.")
@click.option(
    "--direction",
    type=click.Choice(["both", "up", "down"]),
    default="both",
    show_default=True,
    help="Which way to follow from NODE.",
)
@output_option("text", "json")
def lineage_command(
    project: ProjectFlags, *, node: str | None, direct: bool, direction: Direction, output: str
) -> int:
    """Show the edges around NODE or NODE.COLUMN; without it, every edge of the project."""
    with project.open_planner() as planner:
        found = planner.lineage(node, direction=direction, direct=direct)
        if output == "json":
            emit_document(
                {
                    "schema": "headwater.lineage/1",
                    "edges": [edge.document() for edge in found.edges],
                    "diagnostics": found.diagnostics,
                }
            )
        else:
            print_diagnostics(found.diagnostics, planner.root)
            emit_lines(
                f"{edge.source} -> {edge.target}  {edge.kind} {edge.subtype}"
                f"{' masked' if edge.masking else ''}"
                for edge in found.edges
            )
    return 2 if has_errors(found.diagnostics) else 0
