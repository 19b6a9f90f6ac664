"""``hw ls``: what a selection holds, in dbt's own output forms."""

import json

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_options
from headwater.cli.output import emit_lines, output_option
from headwater.workspace import Selection


@click.command("ls")
@project_options
@selection_options
@click.option("--output-keys", multiple=True, metavar="KEY", help="Keys of the JSON lines.")
@output_option("selector", "name", "path", "json")
def ls_command(
    project: ProjectFlags,
    selection: Selection,
    *,
    output_keys: tuple[str, ...],
    output: str,
) -> int:
    """List nodes, one a line: as selectors, names, paths, or JSON objects as dbt writes them."""
    keys = tuple(key for given in output_keys for key in given.split())
    with project.open_workspace() as workspace:
        listed = workspace.ls(selection)
        print_diagnostics(listed.diagnostics, workspace.root)
        if has_errors(listed.diagnostics):
            return 2
        match output:
            case "json":
                lines = [json.dumps(_keep(row, keys)) for row in listed.rows]
            case "name":
                lines = [str(row["name"]) for row in listed.rows]
            case "path":
                lines = [str(row["original_file_path"]) for row in listed.rows]
            case _:
                lines = [str(row["selector"]) for row in listed.rows]
        if lines:
            emit_lines(lines)
    return 0


def _keep(row: dict[str, object], keys: tuple[str, ...]) -> dict[str, object]:
    default = (
        "alias",
        "config",
        "depends_on",
        "name",
        "original_file_path",
        "package_name",
        "resource_type",
        "source_name",
        "tags",
        "unique_id",
    )
    return {key: row[key] for key in (keys or default) if key in row}
