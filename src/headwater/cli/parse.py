"""``hw parse``: read the project and write dbt's manifest.json."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit, emit_document, output_option


@click.command("parse")
@project_options
@output_option("text", "json")
def parse_command(project: ProjectFlags, *, output: str) -> int:
    """Read the project and write manifest.json in dbt's schema."""
    with project.open_reader() as reader:
        parsed = reader.parse()
        if output == "json":
            emit_document(
                {
                    "schema": "headwater.parse/1",
                    "manifest": str(parsed.manifest) if parsed.manifest else None,
                    "nodes": parsed.nodes,
                    "diagnostics": parsed.diagnostics,
                }
            )
        else:
            print_diagnostics(parsed.diagnostics, reader.root)
            if parsed.manifest:
                emit(f"{parsed.nodes} nodes read; wrote {parsed.manifest}")
    return 2 if has_errors(parsed.diagnostics) else 0
