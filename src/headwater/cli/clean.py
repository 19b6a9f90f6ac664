"""``hw clean``: remove artifacts and packages, and data files that killed runs left behind."""

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option


@click.command("clean")
@project_options
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@output_option("text", "json")
def clean_command(project: ProjectFlags, *, dry_run: bool, output: str) -> int:
    """Remove the clean-targets of dbt_project.yml and orphan data files of killed runs.

    Tables, their versions and the workspace's records stay.
    """
    with project.open_workspace() as workspace:
        removed = workspace.clean(dry_run=dry_run)
        if output == "json":
            emit_document({"schema": "headwater.clean/1", "dry_run": dry_run, "removed": removed})
        else:
            word = "would remove" if dry_run else "removed"
            emit_lines([f"{word} {path}" for path in removed] or ["nothing to remove"])
    return 0
