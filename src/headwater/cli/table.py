"""``hw table``: the tables and views of the workspace, their versions, make-up and upkeep."""

import click

from headwater.base.units import format_bytes, format_count
from headwater.cli.differences import diff_command
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option
from headwater.cli.proposals import upkeep_command
from headwater.cli.upkeep import (
    checkpoint_command,
    clone_command,
    drop_column_command,
    forget_command,
    fsck_command,
    optimize_command,
    rename_column_command,
    restore_command,
    vacuum_command,
)


@click.group("table")
def table_command() -> None:
    """List tables, show a table's versions or its make-up, keep it in order."""


for _command in (
    optimize_command,
    vacuum_command,
    checkpoint_command,
    restore_command,
    clone_command,
    diff_command,
    upkeep_command,
    fsck_command,
    forget_command,
    rename_column_command,
    drop_column_command,
):
    table_command.add_command(_command)


@table_command.command("list")
@project_options
@output_option("text", "json")
def table_list(project: ProjectFlags, *, output: str) -> int:
    """List every table and view of the workspace."""
    with project.open_workspace() as workspace:
        tables = workspace.tables()
        if output == "json":
            emit_document({"schema": "headwater.tables/1", "tables": tables})
        elif tables:
            emit_lines(
                f"{table.name!s:<48} {table.kind:<6} "
                f"{'' if table.version is None else f'v{table.version}':<6} "
                f"{format_count(table.rows):>14} rows {format_bytes(table.size_bytes):>12}"
                for table in tables
            )
    return 0


@table_command.command("history")
@click.argument("name")
@project_options
@click.option("-n", "--limit", type=int, default=50, show_default=True, help="Versions at most.")
@output_option("text", "json")
def table_history(project: ProjectFlags, *, name: str, limit: int, output: str) -> int:
    """Show the versions of table NAME, newest first, with the run that wrote each."""
    with project.open_workspace() as workspace:
        found = workspace.history(name, limit)
        if output == "json":
            emit_document(
                {"schema": "headwater.history/1", "table": found.name, "versions": found.versions}
            )
        else:
            emit_lines(
                f"v{entry.version:<6} {entry.at}  {entry.operation:<36} "
                f"+{format_count(entry.rows_added)} rows  +{entry.files_added} "
                f"-{entry.files_removed} files  {entry.run_id}"
                for entry in found.versions
            )
    return 0


@table_command.command("describe")
@click.argument("name")
@project_options
@output_option("text", "json")
def table_describe(project: ProjectFlags, *, name: str, output: str) -> int:
    """Show the columns, size, files and origin of table or view NAME."""
    with project.open_workspace() as workspace:
        table = workspace.describe(name)
        if output == "json":
            emit_document({"schema": "headwater.table/1", "table": table})
        else:
            emit_lines(
                [
                    f"{table.name}  {table.kind}",
                    f"location    {table.location or '-'}",
                    f"version     {'-' if table.version is None else table.version}",
                    f"rows        {format_count(table.rows)}",
                    f"size        {format_bytes(table.size_bytes)} in {table.files} files",
                    f"partitions  {', '.join(table.partition_columns) or '-'}",
                    *([f"clustered   {', '.join(table.cluster_by)}"] if table.cluster_by else []),
                    *([f"about       {table.description}"] if table.description else []),
                    "columns",
                    *(
                        f"  {column.name:<32} {column.type:<20} "
                        f"{table.comments.get(column.name, '')}".rstrip()
                        for column in table.columns
                    ),
                    *(["sql", table.sql] if table.sql else []),
                ]
            )
    return 0
