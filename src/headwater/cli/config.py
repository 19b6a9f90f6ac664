"""``hw config show``: every setting, its value and where it came from."""

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option

_PROFILE = "profile, or its default"


@click.group("config")
def config_command() -> None:
    """Show settings."""


@config_command.command("show")
@project_options
@output_option("text", "json")
def config_show(project: ProjectFlags, *, output: str) -> int:
    """Show every setting with its value and the place that it came from."""
    with project.open_workspace() as workspace:
        target = workspace.effective_target()
        rows = [
            {
                "name": name,
                "value": target.get(name) if value.value is None else value.value,
                "origin": "profile" if value.value is None and name in target else value.origin,
                "place": _PROFILE if value.value is None and name in target else value.place,
                "help": value.setting.help,
            }
            for name, value in workspace.settings.values.items()
        ]
        rows += [
            {"name": name, "value": value, "origin": "profile", "place": _PROFILE, "help": ""}
            for name, value in target.items()
            if name not in workspace.settings.values
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
