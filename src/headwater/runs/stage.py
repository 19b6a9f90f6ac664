"""Stages a step: its data files are written and bound, so that tests see what would be published.

Nothing here changes a table. What comes back says which commit would.
"""

# ruff: noqa: S608 - names are quoted; the user's query is a subquery as it is

from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import assert_never

from headwater.base.meters import Meter
from headwater.base.relations import Column
from headwater.engines.engine import (
    Destination,
    PythonModel,
    Session,
    ViewSource,
    WriteAll,
    WriteMerge,
    WriteMode,
    WritePartitions,
    Written,
)
from headwater.lake.commit import Action, AddFile, RemoveFile, SetSchema
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.types import comments_of
from headwater.plan.plan import (
    Append,
    Build,
    BuildStep,
    BuildView,
    Comments,
    LoadSeed,
    Merge,
    OverwritePartitions,
    TakeSnapshot,
)
from headwater.runs.columns import plan_columns, select_columns
from headwater.runs.snapshots import snapshot_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What a step would publish.

    Attributes:
        source: What the relation would be read as.
        columns: Its columns.
        operation: The log's word; empty for views.
        actions: Actions of the commit, the transaction left out.
        rows: Rows inserted or updated; None for views.
        meter: What writing used.
        scrap: Paths of files that were written on the way and are no part of the result.
    """

    source: Snapshot | ViewSource
    columns: tuple[Column, ...]
    operation: str = ""
    actions: tuple[Action, ...] = ()
    rows: int | None = None
    meter: Meter = field(default_factory=Meter)
    scrap: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a step writes, and what is there.

    Attributes:
        current: The table as it is; None when there is none.
        destination: Where data files go.
        now: Time of the attempt, UTC.
    """

    current: Snapshot | None
    destination: Destination
    now: datetime


IncrementalStep = Append | Merge | OverwritePartitions


def as_query(session: Session, step: BuildStep) -> BuildStep:
    """Run a Python model, and return the step as one that stores the rows it gave.

    Raises:
        UserCodeError: ``python-model-failed``.
    """
    part = step.target.python
    if part is None or isinstance(step, LoadSeed):
        return step
    rows = session.run_python(
        PythonModel(
            name=step.name,
            file=part.file,
            code=step.sql,
            this=step.target.relation,
            inputs=part.inputs,
            config=step.target.config,
            is_incremental=not isinstance(step, Build),
        )
    )
    return replace(step, sql=rows)


def with_comments(staged: Staged, step: BuildStep, place: Place) -> Staged:
    """Let the commit write what ``persist_docs`` asks for, if the table says something else."""
    comments = step.target.comments
    if comments == Comments() or isinstance(step, BuildView):
        return staged
    current = place.current
    old = {} if current is None else comments_of(current.schema_string)
    asked = {name.lower(): text for name, text in (comments.columns or {}).items() if text}
    known = {column.name.lower() for column in staged.columns}
    is_same = (
        current is not None
        and (comments.table is None or comments.table == current.description)
        and (
            comments.columns is None
            or {name: text for name, text in asked.items() if name in known}
            == {name.lower(): text for name, text in old.items()}
        )
    )
    schema = next((each for each in staged.actions if isinstance(each, SetSchema)), None)
    if schema is None and is_same:
        return staged
    base = schema or SetSchema(
        columns=staged.columns,
        partition_by=() if current is None else current.partition_columns,
    )
    told = replace(base, description=comments.table, comments=comments.columns)
    others = tuple(each for each in staged.actions if each is not schema)
    return replace(staged, actions=(told, *others))


def stage(session: Session, step: BuildStep, place: Place) -> Staged:
    """Write a step's data files in a session that has its inputs bound.

    Raises:
        HeadwaterError: As ``Session.write`` does, and ``plan_columns`` and ``snapshot_sql`` do.
    """
    match step:
        case BuildView():
            return Staged(source=ViewSource(sql=step.sql), columns=session.describe(step.sql))
        case Build():
            return _replaced(place, session.write(step.sql, WriteAll(), place.destination))
        case LoadSeed():
            written = session.write_seed(
                step.path, step.column_types, step.delimiter, place.destination
            )
            return _replaced(place, written)
        case TakeSnapshot():
            query = session.describe(step.sql)
            stored = None if place.current is None else place.current.columns
            sql = snapshot_sql(step, query, stored, place.now)
            return _replaced(place, session.write(sql, WriteAll(), place.destination))
        case Append() | Merge() | OverwritePartitions():
            return _stage_increment(session, step, place)
        case other:
            assert_never(other)


def _replaced(place: Place, written: Written) -> Staged:
    """Make the commit that replaces the whole table."""
    destination, current = place.destination, place.current
    removed = () if current is None else tuple(file.path for file in current.files)
    verb = "CREATE TABLE" if current is None else "CREATE OR REPLACE TABLE"
    return Staged(
        source=_pending(place, written.columns, written.added),
        columns=written.columns,
        operation=f"{verb} AS SELECT",
        actions=(
            SetSchema(columns=written.columns, partition_by=destination.partition_by),
            *(RemoveFile(path=path) for path in removed),
            *(AddFile(file=file) for file in written.added),
        ),
        rows=written.meter.rows_written,
        meter=written.meter,
    )


def _stage_increment(session: Session, step: IncrementalStep, place: Place) -> Staged:
    if place.current is None:  # the planner asks for a full build then; a race may remove it
        return _replaced(place, session.write(step.sql, WriteAll(), place.destination))
    query = session.describe(step.sql)
    plan = plan_columns(step.on_schema_change, place.current.columns, query, step.name)
    sql = step.sql if plan.incoming is None else select_columns(step.sql, plan.incoming)
    target, meter = replace(place.current, columns=plan.columns), Meter()
    if plan.rewrites:
        # Stored rows in the new columns first, then the increment on top of those files.
        own = f"SELECT * FROM {step.target.relation.quoted()}"
        kept = [c for c in plan.columns if c.name.lower() in _names(place.current.columns)]
        destination = replace(place.destination, prefix=place.destination.prefix + "rows-")
        rewritten = session.write(select_columns(own, kept), WriteAll(), destination)
        target, meter = replace(target, files=rewritten.added), rewritten.meter
    written = session.write(sql, _mode(step, target), place.destination)
    gone = set(written.removed)
    files = (*(file for file in target.files if file.path not in gone), *written.added)
    return Staged(
        source=_pending(place, plan.columns, files),
        columns=plan.columns,
        operation=_operation(step),
        actions=(*_schema_action(place, plan.columns), *_difference(place.current, files)),
        rows=written.rows_inserted + written.rows_updated,
        meter=meter + written.meter,
        scrap=tuple(sorted(gone)) if plan.rewrites else (),
    )


def _names(columns: tuple[Column, ...]) -> set[str]:
    return {column.name.lower() for column in columns}


def _mode(step: IncrementalStep, target: Snapshot) -> WriteMode:
    match step:
        case Append():
            return WriteAll()
        case OverwritePartitions():
            return WritePartitions(target=target)
        case Merge():
            return WriteMerge(
                target=target,
                unique_key=step.unique_key,
                update_columns=step.update_columns,
                exclude_columns=step.exclude_columns,
                delete_matching=step.delete_matching,
            )
        case other:
            assert_never(other)


def _operation(step: IncrementalStep) -> str:
    match step:
        case Merge():
            return "MERGE"
        case Append() | OverwritePartitions():
            return "WRITE"
        case other:
            assert_never(other)


def _schema_action(place: Place, columns: tuple[Column, ...]) -> tuple[Action, ...]:
    current = place.current
    if current is None or columns == current.columns:
        return ()
    return (SetSchema(columns=columns, partition_by=current.partition_columns),)


def _difference(current: Snapshot, files: tuple[DataFile, ...]) -> tuple[Action, ...]:
    """Return the adds and removes that turn the current files into ``files``."""
    before = {file.path for file in current.files}
    after = {file.path for file in files}
    return (
        *(RemoveFile(path=path) for path in sorted(before - after)),
        *(AddFile(file=file) for file in files if file.path not in before),
    )


def _pending(place: Place, columns: tuple[Column, ...], files: tuple[DataFile, ...]) -> Snapshot:
    """Return the table as it would be after the commit."""
    ordered = tuple(sorted(files, key=attrgetter("path")))
    if place.current is not None:
        partitions = place.destination.partition_by
        return replace(
            place.current,
            version=place.current.version + 1,
            columns=columns,
            partition_columns=partitions or place.current.partition_columns,
            files=ordered,
            physical_names={},
        )
    return Snapshot(
        root=place.destination.root,
        table_id="",
        version=0,
        columns=columns,
        partition_columns=place.destination.partition_by,
        files=ordered,
    )
