"""``hw schema``: the JSON Schemas of the documents that commands print."""

from importlib.resources import files

import click

from headwater.base.errors import NotFound
from headwater.cli.output import emit, emit_document, emit_lines, output_option


@click.command("schema")
@click.argument("name", required=False)
@output_option("text", "json")
def schema_command(name: str | None, *, output: str) -> int:
    """Print the JSON Schema of document NAME, such as plan; without NAME list them."""
    folder = files("headwater.cli") / "schemas"
    names = sorted(entry.name.removesuffix(".json") for entry in folder.iterdir())
    if name is None:
        if output == "json":
            emit_document({"schema": "headwater.schemas/1", "names": names})
        else:
            emit_lines(names)
        return 0
    wanted = name.removeprefix("headwater.").partition("/")[0]
    if wanted not in names:
        raise NotFound(
            "schema-unknown", f"no document is called `{name}`", fix=f"one of {', '.join(names)}"
        )
    emit((folder / f"{wanted}.json").read_text(encoding="utf-8"))
    return 0
