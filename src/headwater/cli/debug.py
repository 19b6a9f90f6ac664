"""``hw debug``: what was found, so that a wrong profile or lake is seen before a build."""

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option


@click.command("debug")
@project_options
@click.option("--connection", is_flag=True, help="Try only what a query needs.")
@output_option("text", "json")
def debug_command(project: ProjectFlags, *, connection: bool, output: str) -> int:
    """Show versions, files, profile, lake and engine, and try each of them."""
    with project.open_workspace() as workspace:
        findings = workspace.debug(connection=connection)
        if output == "json":
            emit_document({"schema": "headwater.debug/1", "checks": findings})
        else:
            emit_lines(
                f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<14} {finding.value}"
                for finding in findings
            )
    return 0 if all(finding.ok for finding in findings) else 2
