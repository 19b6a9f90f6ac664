"""``hw ls``: what a selection holds, in dbt's own output forms."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from headwater.base.diagnostics import has_errors
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_words, take_selection
from headwater.cli.output import emit_lines, output_option

_ABSENT = object()
_OF_TEXTS = frozenset({"raw_code", "checksum"})


@click.command("ls")
@project_options
@selection_words
@click.option("--output-keys", multiple=True, metavar="KEY", help="Keys of the JSON lines.")
@output_option("selector", "name", "path", "json")
def ls_command(
    project: ProjectFlags,
    /,
    *,
    output_keys: tuple[str, ...],
    output: str,
    **given: Any,  # noqa: ANN401 - the options that select, of any type
) -> int:
    """List nodes, one a line: as selectors, names, paths, or JSON objects as dbt writes them."""
    recall = project.open_recall("ls", output=output, keys=output_keys, selection=given)
    recalled = recall.find_or_none()
    kept = None if recalled is None else recalled.value
    lines = [str(line) for line in kept] if isinstance(kept, list) else None
    if lines is None:
        with project.open_reader() as reader:
            listed = reader.ls(take_selection(given))
            print_diagnostics(listed.diagnostics, reader.root)
            if has_errors(listed.diagnostics):
                return 2
            keys = words_of(output_keys)
            lines = list_lines(listed.rows, output, keys)
            if reader.keeps_answers and not listed.diagnostics:
                shows_text = any(key.partition(".")[0] in _OF_TEXTS for key in keys)
                recall.keep([*lines], reader.observer, {} if shows_text else listed.outlines)
    if lines:
        emit_lines(lines)
    return 0


def words_of(given: Iterable[str]) -> tuple[str, ...]:
    """Split what was given in one word or several."""
    return tuple(word for each in given for word in each.split())


def list_lines(
    rows: Iterable[dict[str, object]], output: str, keys: tuple[str, ...] = ()
) -> list[str]:
    """Write listed nodes as dbt does, one a line.

    Args:
        rows: From ``Reader.ls``.
        output: ``selector``, ``name``, ``path`` or ``json``.
        keys: Keys of the JSON objects; dbt's usual ones when empty.
    """
    match output:
        case "json":
            return [json.dumps(_keep(row, keys)) for row in rows]
        case "name":
            return [str(row["name"]) for row in rows]
        case "path":
            return [str(row["original_file_path"]) for row in rows]
        case _:
            return [str(row["selector"]) for row in rows]


def _keep(row: dict[str, object], keys: tuple[str, ...]) -> dict[str, object]:
    default = (
        "alias",
        "config",
        "depends_on",
        "name",
        "original_file_path",
        "package_name",
        "resource_type",
        "source_name",
        "tags",
        "unique_id",
    )
    found = {key: _value_at(row, key) for key in keys or default}
    return {key: value for key, value in found.items() if value is not _ABSENT}


def _value_at(row: Mapping[str, object], key: str) -> object:
    """Return what stands under a key, which may lead into another: ``config.materialized``."""
    value: object = row
    for part in [key] if key in row else key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value
