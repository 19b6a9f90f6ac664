"""``hw show``: rows of a model's own query, or of a query that uses Jinja."""

import click

from headwater.base.diagnostics import has_errors
from headwater.base.errors import HeadwaterError, Invalid
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_options
from headwater.cli.output import emit_error, emit_faults, output_option
from headwater.cli.rows import emit_rows
from headwater.cli.sql import SQL_TEXT, fault_of_query
from headwater.graph.choose import Selection


def without_jinja(inline: str | None, direct: str | None) -> str | None:
    """Return the query of a command line: with Jinja, or as it stands."""
    return inline if direct is None else f"{{% raw %}}{direct}{{% endraw %}}"


@click.command("show")
@project_options
@selection_options
@click.option("--inline", metavar="SQL", help="Show this query, which may use Jinja.")
@click.option("--inline-direct", metavar="SQL", help="Show this query, as it stands.")
@click.option("--limit", type=int, default=5, show_default=True, help="Rows at most.")
@click.option("-f", "--full-refresh", is_flag=True, help="As a full refresh would run it.")
@output_option("text", "json")
def show_command(
    project: ProjectFlags,
    selection: Selection,
    *,
    inline: str | None,
    inline_direct: str | None,
    full_refresh: bool,
    limit: int,
    output: str,
) -> int:
    """Compile one node or query and show rows of it; nothing is written."""
    with project.open_workspace() as workspace:
        text = without_jinja(inline, inline_direct)
        compiled = workspace.compile(selection, inline=text, full_refresh=full_refresh)
        print_diagnostics(compiled.diagnostics, workspace.root)
        if has_errors(compiled.diagnostics):
            if output == "json":
                emit_faults(compiled.diagnostics)
            return 2
        chosen = [each for each in compiled.results if not each.unique_id.startswith("test.")]
        chosen = chosen or list(compiled.results)
        if len(chosen) != 1:
            raise Invalid(
                "show-needs-one",
                f"`hw show` shows one node, and {len(chosen)} are selected",
                fix="select one: hw show -s NAME, or give a query: hw show --inline 'select 1'",
            )
        code = chosen[0].compiled_code
        try:
            shown = workspace.sql(code, rows_max=limit)
        except HeadwaterError as error:
            return emit_error(fault_of_query(error), output, texts={SQL_TEXT: code})
        emit_rows(shown.columns, shown.rows, output, more=False)
    return 0
