"""``hw table diff``: what differs between two tables, or two versions of one."""

from typing import TYPE_CHECKING

import click

from headwater.base.units import format_count
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headwater.runs.differences import Difference


@click.command("diff")
@click.argument("left")
@click.argument("right")
@project_options
@output_option("text", "json")
def diff_command(project: ProjectFlags, *, left: str, right: str, output: str) -> int:
    """Compare columns and rows of two tables or versions: `orders@v3 orders`.

    Rows are compared as they are, without keys: one that changed is removed and added. Ends with
    1 when anything differs.
    """
    with project.open_workspace() as workspace:
        found = workspace.upkeep.diff(left, right)
    if output == "json":
        emit_document(found)
    else:
        emit_lines(difference_lines(found))
    return 0 if found.is_equal else 1


def difference_lines(found: "Difference") -> "Iterator[str]":
    """Write what differs: columns, counts, and the first rows of each side alone."""
    yield f"{found.left} -> {found.right}"
    if found.is_equal:
        yield f"no difference: {format_count(found.rows_left)} rows"
        return
    yield from (f"- column {name}" for name in found.columns_removed)
    yield from (f"+ column {name}" for name in found.columns_added)
    yield from (f"~ column {text}; values not compared" for text in found.columns_changed)
    rows = f"{format_count(found.rows_left)} -> {format_count(found.rows_right)}"
    if not found.compared:
        yield f"rows {rows}: not compared, because no column has one name and type on both sides"
        return
    removed, added = format_count(found.rows_removed), format_count(found.rows_added)
    changed = f" ~{format_count(found.rows_changed)}" if found.key else ""
    by = f"key {', '.join(found.key)}" if found.key else ", ".join(found.compared)
    yield f"rows {rows}: -{removed} +{added}{changed}, by {by}"
    for sign, rows_shown, count in (
        ("-", found.removed, found.rows_removed),
        ("+", found.added, found.rows_added),
    ):
        yield from (
            f"  {sign} {' | '.join('null' if part is None else part for part in row)}"
            for row in rows_shown
        )
        if count > len(rows_shown):
            yield f"  {sign} and {format_count(count - len(rows_shown))} more"
