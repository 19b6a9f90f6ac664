"""``hw show``: rows of a model's own query, or of a query that uses Jinja."""

import click

from headwater.base.diagnostics import has_errors
from headwater.base.errors import Invalid
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
        chosen = [each for each in compiled.results if not each.unique_id.startswith("test.")]
        chosen = chosen or list(compiled.results)
        if len(chosen) != 1:
            raise Invalid(
                "show-needs-one",
                f"`hw show` shows one node, and {len(chosen)} are selected",
                fix="select one: hw show -s NAME, or give a query: hw show --inline 'select 1'",
            )
        shown = workspace.sql(chosen[0].compiled_code, rows_max=limit)
        emit_rows(shown.columns, shown.rows, output, more=False)
    return 0
