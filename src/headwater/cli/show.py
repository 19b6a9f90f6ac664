"""``hw show``: rows of a model's own query, or of a query that uses Jinja."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_options
from headwater.cli.output import output_option
from headwater.cli.rows import emit_rows
from headwater.workspace import Selection


@click.command("show")
@project_options
@selection_options
@click.option("--inline", metavar="SQL", help="Show this query, which may use Jinja.")
@click.option("--limit", type=int, default=5, show_default=True, help="Rows at most.")
@output_option("text", "json")
def show_command(
    project: ProjectFlags, selection: Selection, *, inline: str | None, limit: int, output: str
) -> int:
    """Compile one node or query and show rows of it; nothing is written."""
    with project.open_workspace() as workspace:
        compiled = workspace.compile(selection, inline=inline)
        print_diagnostics(compiled.diagnostics, workspace.root)
        if has_errors(compiled.diagnostics):
            return 2
        for result in compiled.results:
            shown = workspace.sql(result.compiled_code, rows_max=limit)
            emit_rows(shown.columns, shown.rows, output, more=False)
    return 0
