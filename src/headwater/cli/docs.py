"""``hw docs generate``: dbt's catalog.json and manifest.json."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_options
from headwater.cli.output import emit_document, emit_lines, output_option
from headwater.graph.choose import Selection


@click.group("docs")
def docs_command() -> None:
    """Write documents about the project."""


@docs_command.command("generate")
@project_options
@selection_options
@output_option("text", "json")
def docs_generate(project: ProjectFlags, selection: Selection, *, output: str) -> int:
    """Write manifest.json and catalog.json into the target folder.

    With a selection, catalog.json holds the selected nodes only.
    """
    with project.open_workspace() as workspace:
        made = workspace.docs_generate(selection)
        if output == "json":
            emit_document(
                {"schema": "headwater.docs/1", "files": made.files, "diagnostics": made.diagnostics}
            )
        else:
            print_diagnostics(made.diagnostics, workspace.root)
            emit_lines(f"wrote {path}" for path in made.files)
    return 2 if has_errors(made.diagnostics) else 0
