"""Which files can hold one of the keys that are merged: each key is looked for between the bounds.

The smallest and largest key say little when keys lie far apart: two of them, one old and one new,
would have every file opened.
"""

# ruff: noqa: S608 - names are ours, types the table's
from collections.abc import Sequence

from headwater.base.relations import Column
from headwater.engines.duckdb.bind import Lookup
from headwater.engines.duckdb.connection import Connection
from headwater.lake.snapshot import DataFile

_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})
_ORDERED = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DATE", "VARCHAR", *_TIMES})
"""Types whose bounds in the log are in the engine's order. Floats are not: NaN is in no bound."""


def files_with_keys(
    connection: Connection,
    files: Sequence[DataFile],
    column: Column,
    keys: str,
    *,
    lookup_name: str,
) -> tuple[DataFile, ...]:
    """Leave out files between whose bounds no key lies; those without bounds stay.

    Args:
        connection: Where the keys are.
        files: Files of a table.
        column: One of the key's columns.
        keys: Query of its values, called ``key``.
        lookup_name: Qualified name of a table to make.
    """
    is_ordered = column.type in _ORDERED or column.type.startswith("DECIMAL(")
    bounds = [_bounds_or_none(file, column.name) for file in files]
    known = [(at, found) for at, found in enumerate(bounds) if found is not None]
    if not is_ordered or len(known) < 2:  # noqa: PLR2004 - there is nothing to choose from
        return tuple(files)
    lookup = Lookup(
        name=lookup_name,
        columns=(("place", "BIGINT"), ("low", "VARCHAR"), ("high", "VARCHAR")),
        values=(
            tuple(at for at, _ in known),
            tuple(found[0] for _, found in known),
            tuple(found[1] for _, found in known),
        ),
    )
    connection.make_lookups((lookup,))
    # The log's maximum of a time may be cut to milliseconds.
    slack = " + INTERVAL 1 MILLISECOND" if column.type in _TIMES else ""
    rows = connection.rows(
        f"WITH bounds AS (SELECT place, TRY_CAST(low AS {column.type}) AS low,"
        f" TRY_CAST(high AS {column.type}){slack} AS high FROM {lookup.name})"
        " SELECT place FROM bounds WHERE low IS NULL OR high IS NULL"
        f" UNION ALL SELECT place FROM bounds ASOF JOIN ({keys}) keys ON low <= key"
        " WHERE key <= high"
    )
    held = {int(str(place)) for (place,) in rows} | set(range(len(files))) - {at for at, _ in known}
    return tuple(file for at, file in enumerate(files) if at in held)


def _bounds_or_none(file: DataFile, name: str) -> tuple[str, str] | None:
    """Return a file's smallest and largest value of a column as text."""
    if name in file.partition_values:
        value = file.partition_values[name]
        return None if value is None else (value, value)
    stats = file.stats.get(name)
    if stats is None or stats.minimum is None or stats.maximum is None:
        return None
    return str(stats.minimum), str(stats.maximum)
