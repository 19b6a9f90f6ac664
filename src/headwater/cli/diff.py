"""``hw diff``: schema and data of two versions of a table, two tables, or those of two targets."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from headwater.base.units import format_count
from headwater.cli.differences import difference_lines
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, note, output_option

if TYPE_CHECKING:
    from headwater.runs.differences import Difference, Side
    from headwater.runs.pairs import ChangedRow
    from headwater.runs.profiles import Profile, ProfilePair
    from headwater.workspace import Workspace


@click.command("diff")
@click.argument("left")
@click.argument("right", required=False)
@project_options
@click.option("--key", metavar="COLUMNS", help="Tell rows by these columns: `id` or `id,day`.")
@click.option("--no-key", is_flag=True, help="Compare rows as they are, whatever the project says.")
@click.option("--against", metavar="TARGET", help="Take LEFT from this target of the profile.")
@click.option("--profile-columns/--no-profile-columns", default=True, help="Look at each column.")
@output_option("text", "json")
def diff_command(
    project: ProjectFlags,
    *,
    left: str,
    right: str | None,
    key: str | None,
    no_key: bool,
    against: str | None,
    profile_columns: bool,
    output: str,
) -> int:
    """Compare LEFT with RIGHT: `orders@v3 orders@v5`, `orders@v3`, `orders --against prod`.

    RIGHT is LEFT as it is now when it is not given. Rows are told by --key, else by what the
    project says: a unique key, a primary key, a unique test. Ends with 1 when anything differs.
    """
    from headwater.runs.differences import DiffOptions

    right = right or left.partition("@")[0]
    with project.open_workspace() as workspace:
        columns = _columns(key)
        if not columns and not no_key:
            columns = workspace.key_of(right)
        first = _left_side(project, workspace, left, against)
        options = DiffOptions(key=columns, profiles=profile_columns)
        second = workspace.side(right)
        if key is None:
            options = replace(options, key=_known(columns, first, second))
        found = workspace.diff(first, second, options)
    if output == "json":
        emit_document(found)
    else:
        if found.key_note:
            note(f"{found.key_note}; rows are compared as they are")
        emit_lines(_lines(found))
    return 0 if found.is_equal else 1


def _left_side(
    project: ProjectFlags, workspace: "Workspace", left: str, against: str | None
) -> "Side":
    if against is None:
        return workspace.side(left)
    other = replace(project, flags={**project.flags, "target": against})
    with other.open_workspace() as elsewhere:
        return elsewhere.side(left, f" of {against}")


def _columns(key: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (key or "").split(",") if name.strip())


def _known(columns: tuple[str, ...], *sides: "Side") -> tuple[str, ...]:
    """Return the project's key where both sides have it, which an older version may not."""
    first, *others = ({name.lower(): kind for name, kind in side.types.items()} for side in sides)
    for name in columns:
        kind = first.get(name.lower())
        if kind is None or any(other.get(name.lower()) != kind for other in others):
            return ()
    return columns


def _lines(found: "Difference") -> Iterator[str]:
    yield from difference_lines(found)
    yield from (_changed_line(row, found.key) for row in found.changed)
    if found.rows_changed > len(found.changed):
        yield f"  ~ and {format_count(found.rows_changed - len(found.changed))} more"
    if found.columns_differing:
        yield "columns that differ"
        for name, count in found.columns_differing.items():
            yield f"  {name:<32} in {format_count(count)} row{'' if count == 1 else 's'}"
    shown = [pair for pair in found.profiles if pair.left != pair.right]
    if shown:
        yield "values"
        for pair in shown:
            yield from _profile_lines(pair)
    if found.profiles_left_out:
        yield f"  and {found.profiles_left_out} columns that were not looked at"


def _changed_line(row: "ChangedRow", key: tuple[str, ...]) -> str:
    told = ", ".join(f"{name}={_shown(value)}" for name, value in zip(key, row.key, strict=True))
    values = [f"{each.column}: {_shown(each.left)} -> {_shown(each.right)}" for each in row.values]
    more = [f"and {row.more} more columns"] if row.more else []
    return f"  ~ {told}  {'; '.join((*values, *more))}"


def _profile_lines(pair: "ProfilePair") -> Iterator[str]:
    parts = [
        f"{label}: {_shown(before)} -> {_shown(after)}"
        for label, before, after in _measured(pair.left, pair.right)
        if before != after
    ]
    yield f"  {pair.column:<32} {'; '.join(parts)}"


def _measured(left: "Profile", right: "Profile") -> Iterator[tuple[str, object, object]]:
    yield "nulls", left.nulls, right.nulls
    yield "distinct about", left.distinct, right.distinct
    yield "min", left.minimum, right.minimum
    yield "max", left.maximum, right.maximum
    yield "mean", left.mean, right.mean


def _shown(value: object) -> str:
    match value:
        case None:
            return "null"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
