"""``hw sql``: query tables, views, older versions and any Delta table by path."""

import sys
from pathlib import Path

import click

from headwater.base.errors import Invalid, UserCodeError
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_error, output_option
from headwater.cli.rows import emit_rows
from headwater.sql.parse import SqlFault


@click.command("sql")
@click.argument("query", required=False)
@project_options
@click.option(
    "-f",
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the query from a file.",
)
@click.option("-n", "--limit", type=int, default=1000, show_default=True, help="Rows at most.")
@output_option("text", "json", "csv")
def sql_command(
    project: ProjectFlags, *, query: str | None, file: Path | None, limit: int, output: str
) -> int:
    """Run QUERY (or what stands on stdin) and show its rows.

    Names are catalog.schema.name, schema.name or a bare name. Older versions: `t@v3`,
    `t VERSION AS OF 3`, `t TIMESTAMP AS OF '2026-11-01'`. Any Delta table: delta.`path`.
    """
    text = file.read_text(encoding="utf-8") if file else query or sys.stdin.read()
    with project.open_workspace() as workspace:
        try:
            result = workspace.sql(text, rows_max=limit)
        except (SqlFault, UserCodeError) as error:
            # The query is this command's argument, so that a fault in it is one of usage.
            where = error.span("<sql>") if isinstance(error, SqlFault) else error.where
            fault = Invalid(error.code, error.what, why=error.why, fix=error.fix, where=where)
            return emit_error(fault, output, sql=text)
        emit_rows(result.columns, result.rows, output, more=result.truncated)
    return 0
