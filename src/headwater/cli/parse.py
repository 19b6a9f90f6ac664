"""``hw parse``: read the project and write dbt's manifest.json."""

import click

from headwater.base.artifacts import artifact_facts
from headwater.base.clock import SystemClock
from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit, emit_document, output_option
from headwater.runs.checked import keep_checked, recall_checked_or_none


@click.command("parse")
@project_options
@output_option("text", "json")
def parse_command(project: ProjectFlags, *, output: str) -> int:
    """Read the project and write manifest.json in dbt's schema."""
    recall = project.open_recall("parse")
    parsed = recall_checked_or_none(recall, artifact_facts(recall.environment, SystemClock().now()))
    if parsed is None:
        with project.open_reader() as reader:
            parsed = reader.parse()
            if reader.keeps_answers:
                keep_checked(recall, parsed, reader.observer)
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
        print_diagnostics(parsed.diagnostics, parsed.root)
        if parsed.manifest:
            emit(f"{parsed.nodes} nodes read; wrote {parsed.manifest}")
    return 2 if has_errors(parsed.diagnostics) else 0
