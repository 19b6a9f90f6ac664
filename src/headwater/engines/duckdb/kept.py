"""Small results that an instance keeps as tables in memory after they were written as files.

A result of a few hundred rows costs less to run once, keep and copy to a file than to read back
again and again: opening a Parquet file takes a third of a millisecond, as long as a small query.
The rows are those of the files, so whatever is bound to exactly these files reads them here.
"""

# ruff: noqa: S608 - names are ours; the user's query is a part of its own
import re
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from headwater.base.errors import DataDamaged, HeadwaterError
from headwater.base.relations import Column
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.copy import cast_columns, copy_to_files, copy_to_one, stored_columns
from headwater.engines.duckdb.write import make_written, rows_of
from headwater.engines.engine import Destination, Written
from headwater.lake.snapshot import DataFile, Snapshot

ROWS_MAX = 10_000
"""Rows of a result that is kept."""

TABLES_MAX = 128
"""Tables that an instance keeps; one of seven columns takes 300 KB however few its rows are."""

_NAMED_APART = re.compile(r"(.+)_\d+")
_PLAIN = re.compile(
    r"BOOLEAN|TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE|VARCHAR|BLOB|DATE|TIMESTAMP"
    r"|TIMESTAMP WITH TIME ZONE|DECIMAL\(\d+,\d+\)"
)
"""Types whose values come out of a file as they went in, and of which no part is nullable apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    table: str
    columns: tuple[Column, ...]
    file: DataFile


class KeptRows:
    """The tables of one instance, by the file that holds the same rows."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._made = 0

    def new_name(self, catalog: str) -> str:
        """Return a name that no table has had."""
        self._made += 1
        return f"{catalog}.main.kept_{self._made}"

    def put(self, root: str, file: DataFile, table: str, columns: tuple[Column, ...]) -> None:
        """Remember the table with the rows of a file."""
        self._kept[root.rstrip("/"), file.path] = _Kept(table=table, columns=columns, file=file)

    def table_or_none(self, snapshot: Snapshot) -> str | None:
        """Return the table whose rows are those of a snapshot, in its columns and their order."""
        if len(snapshot.files) != 1 or snapshot.partition_columns or snapshot.physical_names:
            return None
        file = snapshot.files[0]
        key = (snapshot.root.rstrip("/"), file.path)
        kept = self._kept.get(key)
        if kept is None or file.deleted_rows or file.only_rows is not None:
            return None
        pairs = [(column.name, column.type) for column in snapshot.columns]
        if pairs != [(column.name, column.type) for column in kept.columns]:
            return None
        self._kept.move_to_end(key)
        return kept.table

    def file_or_none(self, table: str) -> DataFile | None:
        """Return the file whose rows a table holds; None for a table that is not kept."""
        return next((kept.file for kept in self._kept.values() if kept.table == table), None)

    def take_surplus(self) -> tuple[str, ...]:
        """Forget the tables that were read longest ago, and return their names, to be dropped."""
        count = max(0, len(self._kept) - TABLES_MAX)
        return tuple(self._kept.popitem(last=False)[1].table for _ in range(count))


def write_kept(
    connection: Connection, query: str, destination: Destination, kept: KeptRows, catalog: str
) -> Written:
    """Write every row of a query that gives few, and keep them as a table of the instance.

    The query is run once and neither described nor read back: what is kept has its columns.

    Raises:
        Invalid: ``type-not-storable``, ``duplicate-column``.
        DataDamaged: ``data-file-mismatch``, when the files do not have all of the rows.
    """
    table = kept.new_name(catalog)
    made = connection.rows(
        Statement(before=f"CREATE TABLE {table} AS FROM (\n", sql=query, after="\n)")
    )
    is_kept = False
    try:
        rows = int(str(made[0][0]))
        found = _columns(connection, table, query)
        columns = stored_columns(found)
        with connection.unprofiled():
            files = _copy(connection, table, columns, destination, rows)
        _check_rows(files, rows)
        is_same = found == columns and all(_PLAIN.fullmatch(each.type) for each in columns)
        if is_same and len(files) == 1 and rows <= ROWS_MAX:
            kept.put(destination.root, files[0], table, columns)
            is_kept = True
    finally:
        if not is_kept:
            with suppress(HeadwaterError):
                connection.rows(f"DROP TABLE {table}")
    return make_written(connection.meter, files, columns, inserted=rows_of(files))


def _columns(connection: Connection, table: str, query: str) -> tuple[Column, ...]:
    """Return the query's columns; a table has told apart those of one name."""
    columns = connection.columns_of_table(table)
    names = {column.name.lower() for column in columns}
    for column in columns:
        apart = _NAMED_APART.fullmatch(column.name)
        if apart is not None and apart.group(1).lower() in names:
            return connection.describe(query)
    return columns


def _copy(
    connection: Connection,
    table: str,
    columns: Sequence[Column],
    destination: Destination,
    rows: int,
) -> tuple[DataFile, ...]:
    if not rows:
        return ()
    selected = Statement(before=f"SELECT {cast_columns(columns)} FROM {table}")
    if rows <= ROWS_MAX:
        return copy_to_one(connection, selected, columns, destination, name=str(uuid4()))
    return copy_to_files(connection, selected, columns, destination, in_order=True)


def _check_rows(files: Sequence[DataFile], rows: int) -> None:
    """Refuse files that do not have what was to be written, before anything trusts the table."""
    found = rows_of(files)
    if found != rows:
        raise DataDamaged(
            "data-file-mismatch",
            f"data files with {found} rows were written, of a result with {rows}",
            fix="run again; if it happens again, please report it with the query",
        )
