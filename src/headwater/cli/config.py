"""``hw config show``: every setting, its value and where it came from."""

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option


@click.group("config")
def config_command() -> None:
    """Show settings."""


@config_command.command("show")
@project_options
@output_option("text", "json")
def config_show(project: ProjectFlags, *, output: str) -> int:
    """Show every setting as it is in force and the place that it came from."""
    with project.open_reader() as reader:
        found = reader.config()
        if output == "json":
            emit_document(
                {
                    "schema": "headwater.config/1",
                    "settings": found.settings,
                    "diagnostics": found.diagnostics,
                }
            )
        else:
            print_diagnostics(found.diagnostics, reader.root)
            width = max(len(_text(row.value)) for row in found.settings)
            emit_lines(
                f"{row.name:<22} {_text(row.value):<{min(width, 56)}}  {row.place}"
                for row in found.settings
            )
    return 2 if has_errors(found.diagnostics) else 0


def _text(value: object) -> str:
    return "-" if value is None else str(value)
