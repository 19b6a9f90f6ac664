"""Stages a microbatch step: the rows of every batch, and the stored rows that no batch replaces.

Only files that may hold rows of a replaced stretch of time are written again. Everything becomes
one commit, so that readers see all new batches or none and tests look at the table as it will be.
A batch whose query fails is left out of it, and stays as it was.
"""

# ruff: noqa: S608 - names are quoted; times are ours; the user's query is a subquery as it is

from dataclasses import dataclass, replace
from datetime import datetime

from headwater.base.errors import UserCodeError
from headwater.base.meters import Meter
from headwater.base.periods import Window
from headwater.base.relations import Column, TableName, quote_identifier
from headwater.base.telemetry import BatchEnd
from headwater.engines.engine import Session, WriteAll, Written
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.stats import may_match
from headwater.plan.batches import covered_after
from headwater.plan.plan import Batch, ReplaceBatches
from headwater.runs.columns import ColumnPlan, plan_columns, select_columns
from headwater.runs.staged import Place, Staged, difference, pending, replaced, schema_action

_KEPT = "__headwater_kept"
_REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batches:
    """What the batches wrote.

    Attributes:
        done: Batches whose query ran.
        failed: Batches whose query did not, with the reason.
        ends: How each of them ended, in order.
        files: Data files of those that ran.
        meter: What they used.
    """

    done: tuple[Batch, ...]
    failed: tuple[tuple[Batch, UserCodeError], ...]
    ends: tuple[BatchEnd, ...]
    files: tuple[DataFile, ...]
    meter: Meter


def stage_batches(session: Session, step: ReplaceBatches, place: Place) -> Staged:
    """Write the data files of a microbatch step.

    Raises:
        UserCodeError: No batch could be built; the first one's reason.
        HeadwaterError: As ``Session.write`` and ``plan_columns`` do.
    """
    query = session.describe(step.sql)
    current = None if step.is_full else place.current
    plan = None
    if current is not None:
        plan = plan_columns(step.on_schema_change, current.columns, query, step.name)
    written = _write_batches(session, step, place, plan)
    if written.failed and not written.done:
        raise written.failed[0][1]
    if current is None or plan is None:
        staged = _replace_all(session, step, place, written)
    else:
        staged = _replace_windows(session, step, place, (current, plan, written))
    before = () if step.is_full else tuple(map(_window, step.covered))
    failed = tuple(batch for batch, _ in written.failed)
    return replace(
        staged,
        failed=_reasons(written),
        batches=written.ends,
        covered=covered_after(before, written.done, failed, place.now),
    )


def _window(times: tuple[str, str]) -> Window:
    return Window(start=datetime.fromisoformat(times[0]), end=datetime.fromisoformat(times[1]))


def _reasons(written: _Batches) -> tuple[str, ...]:
    if not written.failed:
        return ()
    count = len(written.failed) + len(written.done)
    shown = [f"{batch.id}: {error.why or error.what}" for batch, error in written.failed]
    return (f"{len(written.failed)} of {count} batches failed", *shown[:_REASONS_SHOWN])


def _write_batches(
    session: Session, step: ReplaceBatches, place: Place, plan: ColumnPlan | None
) -> _Batches:
    done: list[Batch] = []
    failed: list[tuple[Batch, UserCodeError]] = []
    files: list[DataFile] = []
    ends: list[BatchEnd] = []
    meter = Meter()
    for batch in step.batches:
        destination = replace(place.destination, prefix=f"{place.destination.prefix}{batch.id}-")
        sql = batch.sql
        if plan is not None and plan.incoming is not None:
            sql = select_columns(sql, plan.incoming)
        try:
            if files and step.target.relation.quoted() in batch.sql:
                session.bind(step.target.relation, _so_far(session, step, place, tuple(files)))
            found = session.write(sql, WriteAll(), destination)
        except UserCodeError as error:
            failed.append((batch, error))
            ends.append(_ended(batch, 0.0, error.why or error.what))
            continue
        done.append(batch)
        ends.append(_ended(batch, found.meter.wall_seconds))
        files += found.added
        meter += found.meter
    return _Batches(
        done=tuple(done), failed=tuple(failed), files=tuple(files), meter=meter, ends=tuple(ends)
    )


def _ended(batch: Batch, seconds: float, message: str = "") -> BatchEnd:
    return BatchEnd(
        id=batch.id,
        start=batch.start.isoformat(),
        end=batch.end.isoformat(),
        status="error" if message else "success",
        seconds=seconds,
        message=message,
    )


def _so_far(
    session: Session, step: ReplaceBatches, place: Place, files: tuple[DataFile, ...]
) -> Snapshot:
    """Return the table with the batches written so far, for a batch that reads its own table."""
    if place.current is None or step.is_full:
        return pending(place, session.describe(step.sql), files)
    return pending(place, place.current.columns, (*place.current.files, *files))


def _replace_all(session: Session, step: ReplaceBatches, place: Place, written: _Batches) -> Staged:
    """Make the commit that replaces the whole table by the batches."""
    nothing = f"SELECT * FROM (\n{step.sql}\n) AS dbt_internal_rows WHERE false"
    empty = session.write(nothing, WriteAll(), place.destination)
    whole = Written(
        added=(*empty.added, *written.files),
        removed=(),
        columns=empty.columns,
        rows_inserted=sum(file.rows or 0 for file in written.files),
        rows_updated=0,
        rows_deleted=0,
        meter=empty.meter + written.meter,
    )
    return replaced(place, whole)


def _replace_windows(
    session: Session,
    step: ReplaceBatches,
    place: Place,
    parts: tuple[Snapshot, ColumnPlan, _Batches],
) -> Staged:
    """Make the commit that replaces the batches' stretches of time, and nothing else."""
    current, plan, written = parts
    windows = tuple(batch.window for batch in written.done)
    column = _event_time(current, step.event_time)
    touched = tuple(
        file
        for file in current.files
        if plan.rewrites or any(_may_hold(file, column, window) for window in windows)
    )
    kept: tuple[DataFile, ...] = ()
    meter = written.meter
    if touched:
        name = TableName(step.target.relation.catalog, step.target.relation.schema, _KEPT)
        session.bind(name, replace(current, files=touched))
        known = {each.name.lower() for each in current.columns}
        stored = [each for each in plan.columns if each.name.lower() in known]
        rows = select_columns(_outside(name, column, windows), stored)
        destination = replace(place.destination, prefix=f"{place.destination.prefix}kept-")
        found = session.write(rows, WriteAll(), destination)
        kept, meter = found.added, meter + found.meter
    gone = {file.path for file in touched}
    untouched = tuple(file for file in current.files if file.path not in gone)
    files = (*untouched, *kept, *written.files)
    return Staged(
        source=pending(place, plan.columns, files),
        columns=plan.columns,
        operation="WRITE",
        actions=(*schema_action(place, plan.columns), *difference(current, files)),
        rows=sum(file.rows or 0 for file in written.files),
        meter=meter,
    )


def _event_time(current: Snapshot, name: str) -> Column:
    for column in current.columns:
        if column.name.lower() == name.lower():
            return column
    raise UserCodeError(
        "sql-failed",
        f"the table has no column `{name}`, by which its batches are told apart",
        why=f"event_time of the model is `{name}`",
        fix="select the column in the model, and run with --full-refresh",
    )


def _may_hold(file: DataFile, column: Column, window: Window) -> bool:
    low, high = window.start, window.end
    if "TIME ZONE" in column.type:
        return may_match(file, column, low, high)
    if column.type == "DATE":
        return may_match(file, column, low.date(), high.date())
    return may_match(file, column, low.replace(tzinfo=None), high.replace(tzinfo=None))


def _outside(table: TableName, column: Column, windows: tuple[Window, ...]) -> str:
    """Return the query of the stored rows that no batch replaces; those without a time stay."""
    name = quote_identifier(column.name)
    inside = " OR ".join(
        f"({name} >= '{_literal(column, window.start)}'"
        f" AND {name} < '{_literal(column, window.end)}')"
        for window in windows
    )
    source = f"SELECT * FROM {table.quoted()}"
    return f"{source} WHERE ({inside}) IS NOT TRUE" if inside else source


def _literal(column: Column, moment: datetime) -> str:
    return str(moment if "TIME ZONE" in column.type else moment.replace(tzinfo=None))
