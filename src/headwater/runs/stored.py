"""What is stored, and what a month of it costs: newest versions, and what older ones keep.

Older versions are what a vacuum would give back in the end: files that no longer are part of the
table, with what killed writers left among them.
"""

from dataclasses import dataclass

from headwater.base.errors import HeadwaterError
from headwater.catalog.records import TableRecord
from headwater.lake.replay import LOG_FOLDER
from headwater.plan.state import Prices
from headwater.runs.context import Context
from headwater.runs.pins import table_of_record

GB = 1e9
"""Bytes of a GB, as storage is billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """What a table takes in storage.

    Attributes:
        table: Its name.
        newest_bytes: Files of its newest version.
        older_bytes: Other files, which only older versions need, or nobody.
        log_bytes: Its log and checkpoints.
        month: What a month of all that costs; None when no price of storage is known.
        problem: Why it could not be looked at; empty when it could.
    """

    table: str
    newest_bytes: int = 0
    older_bytes: int = 0
    log_bytes: int = 0
    month: float | None = None
    problem: str = ""

    @property
    def size_bytes(self) -> int:
        """All of it."""
        return self.newest_bytes + self.older_bytes + self.log_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """What all tables take in storage.

    Attributes:
        tables: Largest first.
        total: All of them.
        prices: At which prices; None when none is declared.
        schema: Name and version of the document.
    """

    tables: tuple[StoredTable, ...]
    total: StoredTable
    prices: Prices | None
    schema: str = "headwater.stored/1"


def read_stored(context: Context, prices: Prices | None) -> StoredReport:
    """Look at the files of every table that the workspace knows.

    Args:
        context: The world.
        prices: What storage costs; None leaves money unknown.

    Raises:
        DataDamaged: ``store-damaged``.
    """
    records = [each for each in context.metastore.list_relations() if isinstance(each, TableRecord)]
    found = [_stored(context, record, prices) for record in records]
    found.sort(key=lambda each: (-each.size_bytes, each.table))
    months = [each.month for each in found if each.month is not None]
    return StoredReport(
        tables=tuple(found),
        total=StoredTable(
            table="total",
            newest_bytes=sum(each.newest_bytes for each in found),
            older_bytes=sum(each.older_bytes for each in found),
            log_bytes=sum(each.log_bytes for each in found),
            month=sum(months) if len(months) == len(found) and found else None,
        ),
        prices=prices,
    )


def _stored(context: Context, record: TableRecord, prices: Prices | None) -> StoredTable:
    table = table_of_record(context, record)
    log = data = 0
    try:
        newest = table.snapshot().size_bytes
        for file in table.storage.list():
            if file.path.startswith(f"{LOG_FOLDER}/"):
                log += file.size_bytes
            else:
                data += file.size_bytes
    except HeadwaterError as error:
        return StoredTable(table=str(record.name), problem=error.what)
    rate = None if prices is None else prices.gb_month
    # A shallow clone of another store's files may hold less than its log says.
    older = max(0, data - newest)
    size = newest + older + log
    return StoredTable(
        table=str(record.name),
        newest_bytes=newest,
        older_bytes=older,
        log_bytes=log,
        month=None if rate is None else size / GB * rate,
    )
