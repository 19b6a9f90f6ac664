"""``hw sql``: query tables, views, older versions and any Delta table by path."""

import sys
from pathlib import Path

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import output_option
from headwater.cli.rows import emit_rows


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
        result = workspace.sql(text, rows_max=limit)
        emit_rows(result.columns, result.rows, output, more=result.truncated)
    return 0
