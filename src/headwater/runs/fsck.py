"""Checks a table against itself: what its log says of each file, and what is in the file.

Nothing is changed. A fault that this finds is one that a reader would meet as wrong rows or as an
error in the middle of a query.
"""

# ruff: noqa: S608 - names are quoted

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from headwater.base.errors import HeadwaterError
from headwater.base.relations import TableName, quote_identifier
from headwater.engines.engine import Session
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.table import Table
from headwater.runs.context import Context
from headwater.runs.query import find_table, table_of

_OWN = "__headwater_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        file: The data file, relative to the table.
        what: What is wrong with it, in one line.
    """

    file: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found.

    Attributes:
        table: Its name.
        version: Version that was checked.
        files: How many files it has.
        rows: How many rows readers see.
        deep: Every value was read, not only how many rows there are.
        faults: What is wrong; empty for a sound table.
        schema: Name and version of this document.
    """

    table: str
    version: int
    files: int
    rows: int | None
    deep: bool
    faults: tuple[Fault, ...]
    schema: Literal["headwater.fsck/1"] = "headwater.fsck/1"

    @property
    def exit_code(self) -> int:
        """0 for a sound table, 1 otherwise."""
        return 1 if self.faults else 0


def check_table(context: Context, name: str, *, deep: bool = False) -> Checked:
    """Check every data file of a table's newest version.

    Args:
        context: The world.
        name: The table.
        deep: Read every value, too, and compare nulls with the statistics.

    Raises:
        NotFound: ``relation-not-found``.
        DataDamaged: ``log-damaged``, when the log itself cannot be used.
    """
    found = find_table(context, name)
    table = table_of(context, found)
    snapshot = table.snapshot()
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    own = TableName(context.catalog, context.schema, _OWN)
    try:
        faults = tuple(
            Fault(file=file.path, what=what)
            for file in snapshot.files
            for what in _faults(session, own, table, (snapshot, file), deep=deep)
        )
    finally:
        session.close()
    return Checked(
        table=str(found),
        version=snapshot.version,
        files=len(snapshot.files),
        rows=snapshot.rows,
        deep=deep,
        faults=faults,
    )


def _faults(
    session: Session,
    own: TableName,
    table: Table,
    part: tuple[Snapshot, DataFile],
    *,
    deep: bool,
) -> Iterator[str]:
    """Say what is wrong with one file."""
    snapshot, file = part
    stored = table.storage.stat_or_none(file.path)
    if stored is None:
        yield "it is not there"
        return
    if stored.size_bytes != file.size_bytes:
        yield f"it has {stored.size_bytes} bytes, the log says {file.size_bytes}"
        return
    if file.rows is not None and file.deleted_rows and file.deleted_rows[-1] >= file.rows:
        yield f"row {file.deleted_rows[-1]} is hidden, but it has {file.rows} rows"
    # Read without its vector: the log counts hidden rows, too.
    alone = replace(snapshot, files=(replace(file, deleted_rows=()),))
    columns = [column.name for column in snapshot.columns] if deep else []
    counts = "".join(f", count({quote_identifier(column)})" for column in columns)
    try:
        session.bind(own, alone)
        row = session.query(f"SELECT count(*){counts} FROM {own.quoted()}", rows_max=1).rows[0]
    except HeadwaterError as error:
        yield f"it cannot be read: {error.why or error.what}"
        return
    rows = int(str(row[0]))
    if file.rows is not None and rows != file.rows:
        yield f"it has {rows} rows, the log says {file.rows}"
    for column, count in zip(columns, row[1:], strict=True):
        stats = file.stats.get(column)
        nulls = rows - int(str(count))
        if stats is not None and stats.null_count is not None and stats.null_count != nulls:
            yield f"`{column}` has {nulls} nulls, the log says {stats.null_count}"
