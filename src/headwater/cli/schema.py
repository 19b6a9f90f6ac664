"""``hw schema``: the JSON Schemas of the documents that commands print."""

from importlib.resources import files

import click

from headwater.base.errors import NotFound
from headwater.cli.output import emit, emit_lines


@click.command("schema")
@click.argument("name", required=False)
def schema_command(name: str | None) -> int:
    """Print the JSON Schema of document NAME, such as plan; without NAME list them."""
    folder = files("headwater.cli") / "schemas"
    names = sorted(entry.name.removesuffix(".json") for entry in folder.iterdir())
    if name is None:
        emit_lines(names)
        return 0
    wanted = name.removeprefix("headwater.").partition("/")[0]
    if wanted not in names:
        raise NotFound(
            "schema-unknown", f"no document is called `{name}`", fix=f"one of {', '.join(names)}"
        )
    emit((folder / f"{wanted}.json").read_text(encoding="utf-8"))
    return 0
