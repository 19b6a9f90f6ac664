"""``hw run-operation``: call a macro by itself and show what it says."""

import click

from headwater.base.diagnostics import has_errors
from headwater.base.errors import Invalid
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option
from headwater.runs.answers import Operation


@click.command("run-operation")
@project_options
@click.argument("macro", default="")
@click.option("--sql", metavar="SQL", help="Run this query, in which Jinja may stand, instead.")
@click.option("--args", "arguments", metavar="YAML", help="Arguments: '{name: value}'.")
@output_option("text", "json")
def run_operation_command(
    project: ProjectFlags, *, macro: str, sql: str | None, arguments: str | None, output: str
) -> int:
    """Call a macro by itself and show what it prints or logs; what it writes is committed.

    With --sql a query is run instead; `hw sql` and `hw show --inline` show rows.
    """
    if bool(macro) == (sql is not None):
        what = "a macro or --sql is wanted, and not both"
        raise Invalid("usage-invalid", what, fix="hw run-operation MACRO, or --sql 'select 1'")
    with project.open_workspace() as workspace:
        done = workspace.run_operation(macro, arguments, sql=sql)
        if output == "json":
            emit_document({"schema": "headwater.operation/1", "macro": macro, **_parts(done)})
        else:
            print_diagnostics(done.diagnostics, workspace.root)
            if done.said:
                emit_lines(done.said)
    return 2 if has_errors(done.diagnostics) else 0


def _parts(done: Operation) -> dict[str, object]:
    return {"said": done.said, "diagnostics": done.diagnostics}
