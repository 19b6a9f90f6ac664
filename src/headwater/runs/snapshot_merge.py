"""Takes a snapshot by writing what is otherwise than before: versions that end, and new ones.

A snapshot's table only grows, and of its rows a few change. The rows to write are found once, kept
in the session, and put in place of the stored ones by their ids.
"""

# ruff: noqa: S608 - names are quoted; the user's query is a subquery as it is

from collections.abc import Sequence

from headwater.base.relations import Column, quote_identifier
from headwater.engines.engine import MergeMode, Session, WriteAll, WriteMerge
from headwater.lake.snapshot import Snapshot
from headwater.lake.types import same_stored_type
from headwater.plan.plan import TakeSnapshot
from headwater.runs.change_reads import hidden_name
from headwater.runs.snapshots import IS_STORED, changes_sql, id_column, snapshot_sql
from headwater.runs.staged import Place, Staged, after_write, difference, pending, replaced

_CHANGES = hidden_name("changes", 0)


def stage_snapshot(session: Session, step: TakeSnapshot, place: Place, how: MergeMode) -> Staged:
    """Write a snapshot's data files.

    The whole state is written where there is no table yet, or where it gets other columns.

    Args:
        session: Its inputs and its own table are bound.
        step: The step.
        place: Where it goes.
        how: How the table's files are merged into.

    Raises:
        Invalid: ``snapshot-column-missing``.
        HeadwaterError: As ``Session.write`` does.
    """
    query, current = session.describe(step.sql), place.current
    whole = snapshot_sql(step, query, None if current is None else current.columns, place.now)
    if current is None or not _are_same(session.describe(whole), current.columns):
        return replaced(place, session.write(whole, WriteAll(), place.destination))
    changes = changes_sql(step, query, current.columns, place.now)
    return _stage_changes(session, step, place, (current, changes, how))


def _stage_changes(
    session: Session, step: TakeSnapshot, place: Place, what: tuple[Snapshot, str, MergeMode]
) -> Staged:
    current, changes, how = what
    session.make_schema(_CHANGES)
    # Kept, because the query may give other rows when it is asked again.
    kept = f"CREATE OR REPLACE TABLE {_CHANGES.quoted()} AS {changes}"
    meter = session.execute(kept)
    counted = session.query(f"SELECT count(*) FROM {_CHANGES.quoted()}", rows_max=1)
    meter += counted.meter
    if not counted.rows[0][0]:
        return Staged(
            source=current, columns=current.columns, operation="WRITE", rows=0, meter=meter
        )
    name = quote_identifier(id_column(step))
    mode = WriteMerge(
        target=current,
        unique_key=(id_column(step),),
        delete_matching=True,
        files=how,
        keys=f"SELECT {name} FROM {_CHANGES.quoted()} WHERE {IS_STORED} AND {name} IS NOT NULL",
    )
    rows = f"SELECT * EXCLUDE ({IS_STORED}) FROM {_CHANGES.quoted()}"
    written = session.write(rows, mode, place.destination)
    files = after_write(current, written)
    return Staged(
        source=pending(place, current.columns, files),
        columns=current.columns,
        operation="MERGE",
        actions=difference(current, files),
        rows=written.rows_inserted,
        meter=meter + written.meter,
    )


def _are_same(query: Sequence[Column], stored: Sequence[Column]) -> bool:
    return len(query) == len(stored) and all(
        one.name == other.name and same_stored_type(one.type, other.type)
        for one, other in zip(query, stored, strict=True)
    )
