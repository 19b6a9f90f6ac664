"""What differs between two tables, or two versions of one: columns, and rows as multisets.

Files that both have, hiding the same rows, are not read: between versions of one table the work
is that of the change.
"""

# ruff: noqa: S608 - names are quoted

import re
from dataclasses import dataclass, replace
from typing import Literal

from headwater.base.errors import Invalid
from headwater.base.relations import TableName, quote_identifier
from headwater.engines.engine import Session
from headwater.lake.snapshot import Snapshot
from headwater.runs.context import Context
from headwater.runs.query import find_table, table_of

ROWS_SHOWN_MAX = 10
"""How many rows of each kind a document shows."""

_SIDE = re.compile(r"(?P<name>.+?)(?:@v?(?P<version>\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs, seen from the left.

    Attributes:
        left: Name and version of one side.
        right: Name and version of the other.
        columns_removed: Columns of the left alone.
        columns_added: Columns of the right alone.
        columns_changed: Columns with another type, as ``name: left -> right``.
        compared: Columns whose values were compared: those of one name and type. Without any, no
            rows are compared.
        rows_left: Rows of the left.
        rows_right: Rows of the right.
        rows_removed: Rows of the left that the right has not, or has fewer times.
        rows_added: Rows of the right that the left has not, or has fewer times.
        removed: The first of those removed, as texts by compared column.
        added: The first of those added.
        schema: Name and version of this document.
    """

    left: str
    right: str
    columns_removed: tuple[str, ...]
    columns_added: tuple[str, ...]
    columns_changed: tuple[str, ...]
    compared: tuple[str, ...]
    rows_left: int | None
    rows_right: int | None
    rows_removed: int
    rows_added: int
    removed: tuple[tuple[str | None, ...], ...]
    added: tuple[tuple[str | None, ...], ...]
    schema: Literal["headwater.diff/1"] = "headwater.diff/1"

    @property
    def is_equal(self) -> bool:
        """Say whether nothing differs."""
        columns = (*self.columns_removed, *self.columns_added, *self.columns_changed)
        return not columns and not self.rows_removed and not self.rows_added


def find_differences(context: Context, left: str, right: str) -> Difference:
    """Compare two tables or versions: ``orders@v3`` and ``orders``.

    Raises:
        NotFound: ``relation-not-found``, ``version-not-found``.
        Invalid: ``diff-side``, when a side is not a table, with or without a version.
    """
    sides = (_side(context, left), _side(context, right))
    names = (f"{sides[0][0]}@v{sides[0][1].version}", f"{sides[1][0]}@v{sides[1][1].version}")
    before, after = (_types(snapshot) for _, snapshot in sides)
    compared = tuple(name for name, kind in before.items() if after.get(name) == kind)
    found = _rows(context, sides[0][1], sides[1][1], compared) if compared else (_NONE, _NONE)
    return Difference(
        left=names[0],
        right=names[1],
        columns_removed=tuple(name for name in before if name not in after),
        columns_added=tuple(name for name in after if name not in before),
        columns_changed=tuple(
            f"{name}: {kind} -> {after[name]}"
            for name, kind in before.items()
            if name in after and after[name] != kind
        ),
        compared=compared,
        rows_left=sides[0][1].rows,
        rows_right=sides[1][1].rows,
        rows_removed=found[0][0],
        rows_added=found[1][0],
        removed=found[0][1],
        added=found[1][1],
    )


def _side(context: Context, text: str) -> tuple[TableName, Snapshot]:
    match = _SIDE.fullmatch(text)
    if match is None:
        raise Invalid(
            "diff-side",
            f"`{text}` is not a table with or without a version",
            fix="write orders, or orders@v3",
        )
    name = find_table(context, match["name"])
    version = match["version"]
    snapshot = table_of(context, name).snapshot(None if version is None else int(version))
    return name, snapshot


def _types(snapshot: Snapshot) -> dict[str, str]:
    return {column.name: column.type for column in snapshot.columns}


_Found = tuple[int, tuple[tuple[str | None, ...], ...]]
_NONE: _Found = (0, ())


def _rows(
    context: Context, left: Snapshot, right: Snapshot, compared: tuple[str, ...]
) -> tuple[_Found, _Found]:
    """Return the rows of each side alone: how many, and the first of them."""
    left, right = _without_common(left, right)
    columns = ", ".join(map(quote_identifier, compared))
    names = [TableName(context.catalog, context.schema, f"__headwater_{s}") for s in ("l", "r")]
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    try:
        session.bind(names[0], left)
        session.bind(names[1], right)
        a, b = (f"SELECT {columns} FROM {name.quoted()}" for name in names)
        return _alone(session, f"{a} EXCEPT ALL {b}"), _alone(session, f"{b} EXCEPT ALL {a}")
    finally:
        session.close()


def _without_common(left: Snapshot, right: Snapshot) -> tuple[Snapshot, Snapshot]:
    """Leave out the files that both sides have, with the same hidden rows and columns."""
    is_same_shape = left.columns == right.columns and left.properties == right.properties
    if left.root != right.root or not is_same_shape:
        return left, right
    common = {(file.path, file.deleted_rows) for file in left.files} & {
        (file.path, file.deleted_rows) for file in right.files
    }
    return _only(left, common), _only(right, common)


def _only(snapshot: Snapshot, common: set[tuple[str, tuple[int, ...]]]) -> Snapshot:
    kept = tuple(file for file in snapshot.files if (file.path, file.deleted_rows) not in common)
    return replace(snapshot, files=kept)


def _alone(session: Session, sql: str) -> _Found:
    counted = session.query(f"SELECT count(*) FROM ({sql}) AS alone", rows_max=1)
    count = int(str(counted.rows[0][0]))
    if not count:
        return 0, ()
    shown = session.query(f"SELECT * FROM ({sql}) AS alone ORDER BY ALL", rows_max=ROWS_SHOWN_MAX)
    return count, tuple(
        tuple(None if value is None else str(value) for value in row) for row in shown.rows
    )
