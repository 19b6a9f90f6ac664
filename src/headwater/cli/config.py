"""``hw config show``: every setting, its value and where it came from."""

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option


@click.group("config")
def config_command() -> None:
    """Show settings."""


@config_command.command("show")
@project_options
@output_option("text", "json")
def config_show(project: ProjectFlags, *, output: str) -> int:
    """Show every setting with its value and the place that it came from."""
    with project.open_workspace() as workspace:
        rows = [
            {
                "name": name,
                "value": value.value,
                "origin": value.origin,
                "place": value.place,
                "help": value.setting.help,
            }
            for name, value in workspace.settings.values.items()
        ]
        if output == "json":
            emit_document({"schema": "headwater.config/1", "settings": rows})
        else:
            emit_lines(
                f"{row['name']:<24} {_text(row['value']):<32} {row['place']}" for row in rows
            )
    return 0


def _text(value: object) -> str:
    return "-" if value is None else str(value)
