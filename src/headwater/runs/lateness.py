"""How late rows arrived: commit by commit, each row's event time against what came before it.

A commit's added rows are compared with the largest event time of all earlier commits. The effort
is bounded: only the newest commits that added rows are read, and of them only one column.
"""

# ruff: noqa: S608 - names are quoted and literals ours

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from headwater.base.errors import HeadwaterError
from headwater.base.relations import TableName, quote_identifier
from headwater.engines.engine import Session
from headwater.lake.replay import decoded_path
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.plan.state import Lateness
from headwater.runs.context import Context
from headwater.runs.pins import Pins

COMMITS_MAX = 60
"""How many of a table's newest commits are measured."""

ROWS_MAX = 50_000_000
"""Tables with more added rows than this in those commits are not measured."""

BUCKETS_MAX = 10_000
"""How many whole hours of lateness are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What one commit added and is still there.

    Attributes:
        files: Its files that are active.
        counts: False when it also removed files: then its rows may be copies of older ones, and
            only later commits are compared with it.
    """

    files: tuple[DataFile, ...]
    counts: bool


Arrivals = Mapping[TableName, tuple[Arrival, ...]]
"""What came when, oldest first, of the tables that have more than one version."""


def measure_lateness(
    context: Context, pins: Pins, columns: Iterable[tuple[TableName, str]], arrivals: Arrivals
) -> tuple[Lateness, ...]:
    """Measure the arrival of rows for event-time columns; those that cannot be are left out."""
    found: list[Lateness] = []
    for name, column in columns:
        snapshot, came = pins.snapshot_or_none(name), arrivals.get(name)
        if snapshot is None or came is None:
            continue
        rows = sum(file.rows or 0 for arrival in came for file in arrival.files)
        if not any(arrival.counts for arrival in came[1:]) or rows > ROWS_MAX:
            continue
        measured = _measure(context, snapshot, name, column, came)
        if measured is not None:
            found.append(measured)
    return tuple(found)


def read_arrivals(
    context: Context, pins: Pins, columns: Iterable[tuple[TableName, str]]
) -> Arrivals:
    """Read what came when, of the tables of some columns."""
    found: dict[TableName, tuple[Arrival, ...]] = {}
    for name in dict.fromkeys(name for name, _ in columns):
        snapshot = pins.snapshot_or_none(name)
        if snapshot is not None and snapshot.version > 0:
            found[name] = _arrivals(context, snapshot)
    return MappingProxyType(found)


def _arrivals(context: Context, snapshot: Snapshot) -> tuple[Arrival, ...]:
    """Return what came when, oldest first; what is older than the newest commits comes as one."""
    table = context.tables.at(snapshot.root)
    active = {file.path: file for file in snapshot.files}
    listing = table.list_log()
    versions = sorted(version for version in listing.entries if version <= snapshot.version)
    newest = {version: listing.entries[version] for version in versions[-COMMITS_MAX:]}
    arrivals: list[Arrival] = []
    for entry in table.entries(replace(listing, entries=newest)):
        paths = [
            decoded_path(line.add.path, entry.version)
            for line in entry.lines
            if line.add is not None and line.add.data_change
        ]
        files = tuple(active.pop(path) for path in paths if path in active)
        if files:
            counts = all(line.remove is None for line in entry.lines)
            arrivals.append(Arrival(files=files, counts=counts))
    return (Arrival(files=tuple(active.values()), counts=False), *arrivals)


def _measure(
    context: Context,
    snapshot: Snapshot,
    name: TableName,
    column: str,
    arrivals: tuple[Arrival, ...],
) -> Lateness | None:
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    try:
        return _measure_in(session, snapshot, name, column, arrivals)
    except HeadwaterError:
        return None  # not a time, or gone: the rule that needs it says that it is not measured
    finally:
        session.close()


def _measure_in(
    session: Session,
    snapshot: Snapshot,
    name: TableName,
    column: str,
    arrivals: tuple[Arrival, ...],
) -> Lateness | None:
    value = f"CAST({quote_identifier(column)} AS TIMESTAMP)"
    parts: list[str] = []
    counted = [place for place, arrival in enumerate(arrivals) if arrival.counts]
    for place, arrival in enumerate(arrivals):
        if not arrival.files:
            continue
        part = TableName(name.catalog, "headwater_arrivals", f"commit_{place}")
        session.bind(part, replace(snapshot, files=arrival.files))
        parts.append(f"SELECT {place} AS place, {value} AS event FROM {part.quoted()}")
    sql = f"""WITH rows_of AS ({" UNION ALL ".join(parts)}),
newest AS (SELECT place, max(event) AS event FROM rows_of GROUP BY place),
before AS (
  SELECT place, max(event) OVER (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    AS event
  FROM newest
)
SELECT CAST(greatest(0, floor(epoch(before.event - rows_of.event) / 3600)) AS BIGINT) AS late,
  count(*) AS found
FROM rows_of JOIN before USING (place)
WHERE before.event IS NOT NULL AND rows_of.event IS NOT NULL
  AND place IN ({", ".join(map(str, counted))})
GROUP BY late ORDER BY late"""
    result = session.query(sql, rows_max=BUCKETS_MAX)
    buckets = tuple((int(str(late)), int(str(rows))) for late, rows in result.rows)
    if not buckets or result.truncated:
        return None
    return Lateness(
        table=name, column=column, rows=sum(rows for _, rows in buckets), buckets=buckets
    )
