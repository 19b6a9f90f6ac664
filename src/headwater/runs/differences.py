"""What differs between two tables, or two versions of one: columns, rows, and their values.

Files that both have, hiding the same rows, are not read: between versions of one table the work
is that of the change. Whether a key tells rows apart is seen in the files that are read.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from headwater.base.errors import Invalid
from headwater.base.relations import TableName
from headwater.lake.snapshot import Snapshot
from headwater.runs.context import Context
from headwater.runs.pairs import ChangedRow, Pair, compare_by_key, repeated_key
from headwater.runs.profiles import ProfilePair, profile_columns
from headwater.runs.query import find_table, table_of

NAMED_MAX = 20
"""How many columns a message names."""

_SIDE = re.compile(r"(?P<name>.+?)(?:@v?(?P<version>\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two tables that are compared.

    Attributes:
        label: Name and version, for people.
        snapshot: The version.
    """

    label: str
    snapshot: Snapshot

    @property
    def types(self) -> dict[str, str]:
        """Types by column."""
        return {column.name: column.type for column in self.snapshot.columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """How tables are compared.

    Attributes:
        key: Columns by which rows are told; empty to compare rows as they are.
        profiles: Look at the values of each column of both sides.
    """

    key: tuple[str, ...] = ()
    profiles: bool = False


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
        rows_removed: Rows of the left that the right has not, or has fewer times; by key, rows
            whose key the right has not.
        rows_added: Rows of the right that the left has not, or has fewer times; likewise.
        removed: The first of those removed, as texts by compared column.
        added: The first of those added.
        key: Columns by which rows were told; empty where they were compared as they are.
        key_note: Why rows were not told by the key that was asked for or found; may be empty.
        rows_changed: By key: rows with other values on the right.
        changed: The first of them, in the order of the key.
        columns_differing: By key: in how many rows each column differs, those that do.
        profiles: What the values of each column look like on both sides, where asked for.
        profiles_left_out: Columns that were not looked at, because there are too many.
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
    key: tuple[str, ...] = ()
    key_note: str = ""
    rows_changed: int = 0
    changed: tuple[ChangedRow, ...] = ()
    columns_differing: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    profiles: tuple[ProfilePair, ...] = ()
    profiles_left_out: int = 0
    schema: Literal["headwater.diff/1"] = "headwater.diff/1"

    @property
    def is_equal(self) -> bool:
        """Say whether nothing differs."""
        columns = (*self.columns_removed, *self.columns_added, *self.columns_changed)
        return not (columns or self.rows_removed or self.rows_added or self.rows_changed)


def find_differences(context: Context, left: str, right: str) -> Difference:
    """Compare two tables or versions as they are: ``orders@v3`` and ``orders``.

    Raises:
        NotFound: ``relation-not-found``, ``version-not-found``.
        Invalid: ``diff-side``, when a side is not a table, with or without a version.
    """
    return compare_sides(context, find_side(context, left), find_side(context, right))


def compare_sides(
    context: Context, left: Side, right: Side, options: DiffOptions | None = None
) -> Difference:
    """Compare two tables.

    Args:
        context: Has the engine.
        left: Where it is seen from.
        right: The other.
        options: How.

    Raises:
        Invalid: ``diff-key``, when the key is not of columns that both sides have.
    """
    options = options or DiffOptions()
    before, after = left.types, right.types
    compared = tuple(name for name, kind in before.items() if after.get(name) == kind)
    key = _key(options.key, compared)
    difference = Difference(
        left=left.label,
        right=right.label,
        columns_removed=tuple(name for name in before if name not in after),
        columns_added=tuple(name for name in after if name not in before),
        columns_changed=tuple(
            f"{name}: {kind} -> {after[name]}"
            for name, kind in before.items()
            if name in after and after[name] != kind
        ),
        compared=compared,
        rows_left=left.snapshot.rows,
        rows_right=right.snapshot.rows,
        rows_removed=0,
        rows_added=0,
        removed=(),
        added=(),
    )
    if not compared:
        return difference
    with _bound(context, *_without_common(left.snapshot, right.snapshot)) as pair:
        note = repeated_key(pair, key) if key else ""
        if key and not note:
            difference = _with_rows_by_key(difference, pair, key)
        else:
            (removed, gone), (added, come) = pair.alone(compared)
            difference = replace(
                difference,
                rows_removed=removed,
                rows_added=added,
                removed=gone,
                added=come,
                key_note=note,
            )
    if not options.profiles:
        return difference
    with _bound(context, left.snapshot, right.snapshot) as pair:
        pairs = profile_columns(pair, tuple((name, before[name]) for name in compared))
    return replace(difference, profiles=pairs, profiles_left_out=max(0, len(compared) - len(pairs)))


def _key(wanted: tuple[str, ...], compared: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key as the columns are written.

    Raises:
        Invalid: ``diff-key``.
    """
    known = {name.lower(): name for name in compared}
    missing = [name for name in wanted if name.lower() not in known]
    if missing:
        raise Invalid(
            "diff-key",
            f"rows cannot be told by `{missing[0]}`",
            why="a key is made of columns that both sides have, with one type",
            fix=f"these are {', '.join(compared[:NAMED_MAX])}" if compared else "compare others",
        )
    return tuple(dict.fromkeys(known[name.lower()] for name in wanted))


def _with_rows_by_key(difference: Difference, pair: Pair, key: tuple[str, ...]) -> Difference:
    found = compare_by_key(pair, key, difference.compared)
    return replace(
        difference,
        key=key,
        rows_removed=found.removed,
        rows_added=found.added,
        removed=found.gone,
        added=found.come,
        rows_changed=found.changed,
        changed=found.shown,
        columns_differing=found.differing,
    )


def find_side(context: Context, text: str, note: str = "") -> Side:
    """Find a table, at a version or as it is.

    Args:
        context: Where to look.
        text: ``orders``, ``orders@v3``, ``marts.orders@3``.
        note: Put after the name, such as the target.

    Raises:
        NotFound: ``relation-not-found``, ``version-not-found``.
        Invalid: ``diff-side``.
    """
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
    return Side(label=f"{name}@v{snapshot.version}{note}", snapshot=snapshot)


def name_of(context: Context, text: str) -> TableName:
    """Return the full name of a side's table.

    Raises:
        NotFound: ``relation-not-found``.
    """
    match = _SIDE.fullmatch(text)
    return find_table(context, match["name"] if match else text)


@contextmanager
def _bound(context: Context, left: Snapshot, right: Snapshot) -> Iterator[Pair]:
    """Bind both sides into one session."""
    names = [TableName(context.catalog, context.schema, f"__headwater_{s}") for s in ("l", "r")]
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    try:
        session.bind(names[0], left)
        session.bind(names[1], right)
        yield Pair(session=session, left=names[0].quoted(), right=names[1].quoted())
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
