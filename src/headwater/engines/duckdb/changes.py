"""Tables taken out of the lake, for statements of a project to change as they are written.

A statement such as ``update`` or ``merge`` runs unchanged on a copy that the session holds; what it
changed is found afterwards by comparing, file by file, how many rows there are and what they hash
to. So every form of statement that the engine knows works, and files without a change stay.
"""

# ruff: noqa: S608 - names and literals are ours or quoted; users' SQL is a part of its own
from collections.abc import Sequence
from dataclasses import dataclass, replace

from headwater.base.relations import Column, TableName, quote_identifier
from headwater.engines.duckdb.bind import scan_snapshot
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.copy import cast_columns, copy_to_files, stored_columns
from headwater.engines.duckdb.write import make_written, rows_of
from headwater.engines.engine import CopyRows, Destination, Written
from headwater.lake.snapshot import DataFile, Snapshot

GROUPS_MAX = 64
"""Into how many parts a table's files are divided at most; a changed part is written again."""

_ROWS = "SELECT count(*), coalesce(sum(hash({columns})), 0) FROM {table} WHERE {condition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Some files of a table whose rows lie side by side in the copy.

    Attributes:
        files: The files.
        first: Row number of the first row.
        end: Row number after the last.
        rows: How many rows they were.
        checksum: What they hashed to, added up.
    """

    files: tuple[DataFile, ...]
    first: int
    end: int
    rows: int
    checksum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCopy:
    """A table of the lake as a session holds it for statements to change.

    Attributes:
        base: The table as it is in the lake.
        columns: Its columns, their types as the engine spells them.
        identity: The engine's number of the copy, by which one that took its place is known.
        rows: Which rows it holds: none of the base's yet, all, or it starts without them.
        groups: Where the base's rows lie, when it holds them.
    """

    base: Snapshot
    columns: tuple[Column, ...]
    identity: int
    rows: CopyRows
    groups: tuple[_Group, ...] = ()


def make_copy(connection: Connection, name: TableName, base: Snapshot) -> TableCopy:
    """Make an empty table under the name, where a view of the lake's table may be bound."""
    connection.rows(f"DROP VIEW IF EXISTS {name.quoted()}")
    columns = ", ".join(f"{quote_identifier(each.name)} {each.type}" for each in base.columns)
    connection.rows(f"CREATE TABLE {name.quoted()} ({columns})")
    return TableCopy(
        base=base,
        columns=_columns(connection, name),
        identity=_identity(connection, name) or 0,
        rows="later",
    )


def fill_copy(
    connection: Connection, name: TableName, copy: TableCopy, lookup_name: str
) -> TableCopy:
    """Bring the base's rows into a copy that has only new ones so far.

    A table that took the copy's place has none of them.
    """
    if _identity(connection, name) != copy.identity:
        return replace(copy, rows="gone")
    connection.keep_order(in_order=True)
    groups: list[_Group] = []
    columns = _names(copy.base.columns)
    for place, files in enumerate(_divided(tuple(copy.base.files))):
        scan = scan_snapshot(copy.base, files, lookup_name=f"{lookup_name}_{place}")
        first = _end(connection, name)
        connection.rows(f"INSERT INTO {name.quoted()} {connection.make_scan(scan)}")
        end = _end(connection, name)
        rows, checksum = _content(connection, name, columns, _between(first, end))
        groups.append(_Group(files=files, first=first, end=end, rows=rows, checksum=checksum))
    return replace(copy, rows="all", groups=tuple(groups))


def write_changes(
    connection: Connection, name: TableName, copy: TableCopy | None, destination: Destination
) -> Written:
    """Write the rows of a table that the lake does not have yet.

    Args:
        connection: The session's.
        name: The table.
        copy: What was taken out of the lake; None when it is new.
        destination: Where the files go.

    Returns:
        Nothing added and nothing removed when nothing has changed.

    Raises:
        Invalid: ``type-not-storable``.
    """
    columns = _columns(connection, name)
    if copy is not None and columns == copy.columns:
        columns = copy.base.columns
    kept, condition = _kept(connection, name, copy, columns)
    selected = Statement(
        before=f"SELECT {cast_columns(columns)} FROM (SELECT * FROM {name.quoted()}"
        f" WHERE {condition})"
    )
    added = copy_to_files(connection, selected, columns, destination)
    names = {file.path for file in kept}
    base = () if copy is None else copy.base.files
    removed = tuple(file.path for file in base if file.path not in names)
    written = make_written(connection.meter, added, columns, inserted=rows_of(added))
    return replace(written, removed=removed)


def _kept(
    connection: Connection, name: TableName, copy: TableCopy | None, columns: tuple[Column, ...]
) -> tuple[tuple[DataFile, ...], str]:
    """Return the base's files that still hold, and the condition of rows that are not theirs."""
    if copy is None or copy.rows == "gone":
        return (), "true"
    if copy.rows == "later":
        is_replaced = _identity(connection, name) != copy.identity
        return ((), "true") if is_replaced else (tuple(copy.base.files), "true")
    types = {column.name: column.type for column in _columns(connection, name)}
    if any(types.get(each.name) != each.type for each in copy.columns):
        return (), "true"
    names = _names(copy.base.columns)
    before = {column.name for column in copy.base.columns}
    added = [quote_identifier(each.name) for each in columns if each.name not in before]
    files: list[DataFile] = []
    inside: list[str] = []
    for group in copy.groups:
        span = _between(group.first, group.end)
        if _content(connection, name, names, span) != (group.rows, group.checksum):
            continue
        if _has_values(connection, name, added, span):
            continue
        files += group.files
        inside.append(span)
    return tuple(files), f"NOT ({' OR '.join(inside)})" if inside else "true"


def _columns(connection: Connection, name: TableName) -> tuple[Column, ...]:
    return stored_columns(connection.describe(f"FROM {name.quoted()}"))


def _has_values(connection: Connection, name: TableName, columns: list[str], span: str) -> bool:
    if not columns:
        return False
    found = " OR ".join(f"{column} IS NOT NULL" for column in columns)
    sql = f"SELECT count(*) FROM {name.quoted()} WHERE {span} AND ({found})"
    return connection.rows(sql)[0][0] != 0


def _content(
    connection: Connection, name: TableName, columns: str, condition: str
) -> tuple[int, int]:
    sql = _ROWS.format(columns=columns, table=name.quoted(), condition=condition)
    rows, checksum = connection.rows(sql)[0]
    return int(str(rows)), int(str(checksum))


def _identity(connection: Connection, name: TableName) -> int | None:
    found = connection.rows(
        "SELECT table_oid FROM duckdb_tables() WHERE NOT temporary"
        f" AND lower(database_name) = {_text(name.catalog)}"
        f" AND lower(schema_name) = {_text(name.schema)} AND lower(table_name) = {_text(name.name)}"
    )
    return int(str(found[0][0])) if found else None


def _text(name: str) -> str:
    return "'" + name.lower().replace("'", "''") + "'"


def _end(connection: Connection, name: TableName) -> int:
    found = connection.rows(f"SELECT coalesce(max(rowid) + 1, 0) FROM {name.quoted()}")
    return int(str(found[0][0]))


def _between(first: int, end: int) -> str:
    return f"(rowid >= {first} AND rowid < {end})"


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(quote_identifier(column.name) for column in columns)


def _divided(files: tuple[DataFile, ...]) -> tuple[tuple[DataFile, ...], ...]:
    size = max(1, -(-len(files) // GROUPS_MAX))
    return tuple(files[start : start + size] for start in range(0, len(files), size))
