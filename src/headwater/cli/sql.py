"""``hw sql``: query tables, views, older versions and any Delta table by path."""

import sys
from pathlib import Path

import click

from headwater.base.errors import HeadwaterError, Invalid, UserCodeError
from headwater.cli.files import read_file
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_error, output_option
from headwater.cli.rows import emit_rows
from headwater.sql.parse import SqlFault

SQL_TEXT = "<sql>"


@click.command("sql")
@click.argument("query", required=False)
@project_options
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
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
    text = _text_of(query, file)
    with project.open_workspace() as workspace:
        try:
            result = workspace.sql(text, rows_max=limit)
        except HeadwaterError as error:
            return emit_error(fault_of_query(error), output, texts={SQL_TEXT: text})
        emit_rows(result.columns, result.rows, output, more=result.truncated)
    return 0


def fault_of_query(error: HeadwaterError) -> HeadwaterError:
    """Make a fault of usage of a fault in a query: the query is the command's argument."""
    if not isinstance(error, SqlFault | UserCodeError):
        return error
    where = error.span(SQL_TEXT) if isinstance(error, SqlFault) else error.where
    return Invalid(error.code, error.what, why=error.why, fix=error.fix, where=where)


def _text_of(query: str | None, file: Path | None) -> str:
    """Return the query: from the file, the argument, or stdin.

    Raises:
        Invalid: ``file-unreadable`` or ``usage-invalid``.
    """
    if file is not None:
        return read_file(file)
    if query is not None:
        # In the C locale Python hands UTF-8 over in pieces that stand for single bytes.
        return query.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if sys.stdin.isatty():
        raise Invalid(
            "usage-invalid",
            "there is no query",
            fix="hw sql 'select * from t', hw sql -f query.sql, or pipe it in",
        )
    return sys.stdin.read()
