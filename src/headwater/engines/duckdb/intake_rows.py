"""Takes rows in that a program hands over: as they are when they fit the table, else by casts.

An appender commits every few milliseconds, so that rows in the table's own types cost one
statement. Others take the way of files, where each value is looked at.
"""

# ruff: noqa: S608 - names are ours or quoted
from collections.abc import Sequence
from dataclasses import replace

from headwater.base.errors import Invalid
from headwater.base.relations import Column, quote_identifier
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.copy import copy_to_files, remove_files
from headwater.engines.duckdb.intake import OFFERED, read_any, take_raw
from headwater.engines.duckdb.write import make_written, rows_of
from headwater.engines.engine import Destination, IncomingFile, Intake, TakenColumn
from headwater.engines.rows import OfferedRows
from headwater.lake.snapshot import DataFile


def take_rows(
    connection: Connection,
    rows: OfferedRows,
    target: Sequence[Column] | None,
    destination: Destination | None,
    *,
    adds_columns: bool,
    widens: bool = False,
) -> Intake:
    """Write rows as data files of a table; all of them or none.

    Args:
        connection: Where to run it.
        rows: The rows.
        target: The table's columns; None when there is no table yet.
        destination: Where to; None to look only.
        adds_columns: Columns that only the rows have become the table's.
        widens: A column that cannot hold their values gets a type that can.

    Raises:
        Invalid: ``ingest-new-column``; ``type-not-storable``.
    """
    connection.offer(OFFERED, rows.table)
    try:
        if target is not None and not rows.nested and destination is not None:
            columns = connection.columns_of_offered(OFFERED)
            if _fits(columns, target):
                return _copy(connection, columns, target, destination)
        raw = read_any(connection, _reader(rows), is_kept=False)
        file = IncomingFile(
            path="the rows",
            format="parquet",
            adds_columns=adds_columns,
            rejects_max=0,
            widens=widens,
        )
        return take_raw(connection, raw, file, target, destination)
    finally:
        connection.withdraw(OFFERED)


def _reader(rows: OfferedRows) -> str:
    """Write what reads the rows, lists and structs made of their JSON texts."""
    if not rows.nested:
        return OFFERED
    parts = ", ".join(
        f"CAST(CAST({quote_identifier(name)} AS JSON) AS {kind}) AS {quote_identifier(name)}"
        for name, kind in rows.nested.items()
    )
    return f"(SELECT * REPLACE ({parts}) FROM {OFFERED})"


def _fits(columns: Sequence[Column], target: Sequence[Column]) -> bool:
    """Tell whether every column is one of the table's, in its type."""
    kinds = {column.name.lower(): column.type for column in target}
    return all(kinds.get(column.name.lower()) == column.type for column in columns)


def _copy(
    connection: Connection,
    columns: Sequence[Column],
    target: Sequence[Column],
    destination: Destination,
) -> Intake:
    given = {column.name.lower(): column.name for column in columns}
    parts = ", ".join(_part(column, given) for column in target)
    connection.keep_order(in_order=False)
    query = Statement(before=f"SELECT {parts} FROM {OFFERED}")
    added = copy_to_files(connection, query, target, destination)
    missing = next((column for column in target if _has_nulls(column, added, given)), None)
    if missing is not None:
        remove_files(connection, destination)
        raise Invalid(
            "append-rows-unfit",
            f"`{missing.name}` must not be null, and it is in some of the rows",
            fix=f"give every row a value of `{missing.name}`",
        )
    columns_taken = (
        TakenColumn(name=column.name, type=column.type, why="in the table") for column in target
    )
    stored = tuple(target)
    written = make_written(connection.meter, added, stored, inserted=rows_of(added))
    return Intake(
        columns=tuple(columns_taken),
        written=replace(written, columns=stored),
        rows=rows_of(added),
        rejected_rows=0,
        rejected=(),
    )


def _part(column: Column, given: dict[str, str]) -> str:
    name = quote_identifier(column.name)
    found = given.get(column.name.lower())
    if found is None:
        return f"CAST(NULL AS {column.type}) AS {name}"
    return f"{quote_identifier(found)} AS {name}"


def _has_nulls(column: Column, added: Sequence[DataFile], given: dict[str, str]) -> bool:
    """Tell whether a column that must have values lacks one; the unknown counts as lacking."""
    if column.nullable:
        return False
    if column.name.lower() not in given:
        return True
    counts = (
        file.stats[column.name].null_count if column.name in file.stats else None
        for file in added
        if column.name not in file.partition_values
    )
    return any(count != 0 for count in counts)
