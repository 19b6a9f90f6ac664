"""What a step would publish, and the actions of the commit that would.

Apart from staging, so that every way of writing rows makes its commit of the same parts.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from uuid import uuid4

from headwater.base.meters import Meter
from headwater.base.relations import Column
from headwater.base.telemetry import BatchEnd
from headwater.engines.engine import Destination, EmptySource, ViewSource, Written
from headwater.lake.commit import Action, AddFile, RemoveFile, SetSchema
from headwater.lake.compaction import cluster_properties, tagged
from headwater.lake.mapping import with_columns
from headwater.lake.snapshot import DataFile, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What a step would publish.

    Attributes:
        source: What the relation would be read as; empty when a macro has built none.
        columns: Its columns.
        operation: The log's word; empty for views.
        actions: Actions of the commit, the transaction left out.
        rows: Rows inserted or updated; None for views.
        meter: What writing used.
        scrap: Paths of files that were written on the way and are no part of the result.
        failed: What failed of a step that publishes the rest, one line each.
        batches: Of a microbatch model: how each batch ended.
        covered: Stretches of time that a microbatch table holds afterwards.
        note: What people should know of how it was made.
        is_idle: The table has all of it already; without actions nothing is published.
    """

    source: Snapshot | ViewSource | EmptySource
    columns: tuple[Column, ...]
    operation: str = ""
    actions: tuple[Action, ...] = ()
    rows: int | None = None
    meter: Meter = field(default_factory=Meter)
    scrap: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    batches: tuple[BatchEnd, ...] = ()
    covered: tuple[tuple[str, str], ...] = ()
    note: str = ""
    is_idle: bool = False


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


def replaced(place: Place, written: Written, cluster_by: tuple[str, ...] = ()) -> Staged:
    """Make the commit that replaces the whole table.

    Args:
        place: Where it goes.
        written: Its rows.
        cluster_by: Columns by whose values they lie near each other; the table keeps them in mind.
    """
    added = tuple(tagged(file, cluster_by) for file in written.added)
    destination, current = place.destination, place.current
    properties = cluster_properties({} if current is None else current.properties, cluster_by)
    removed = () if current is None else tuple(file.path for file in current.files)
    verb = "CREATE TABLE" if current is None else "CREATE OR REPLACE TABLE"
    source = pending(place, written.columns, added)
    source = replace(source, properties={**source.properties, **properties})
    if current is None:
        source = replace(source, table_id=str(uuid4()))
    schema = SetSchema(
        columns=written.columns,
        partition_by=destination.partition_by,
        properties=properties,
        table_id=source.table_id,
    )
    return Staged(
        source=source,
        columns=written.columns,
        operation=f"{verb} AS SELECT",
        actions=(
            schema,
            *(RemoveFile(path=path) for path in removed),
            *(AddFile(file=file) for file in added),
        ),
        rows=written.meter.rows_written,
        meter=written.meter,
    )


def staged_changes(
    root: str, current: Snapshot | None, base: Snapshot | None, written: Written
) -> Staged:
    """Return the commit that adds and removes what statements changed.

    Args:
        root: Where the table lies.
        current: The table as the commit finds it; it may have been dropped.
        base: The table as statements found it; None when they found none.
        written: What they added to it and removed from it.
    """
    is_new = base is None or base.columns != written.columns
    partition_by = () if base is None else base.partition_columns
    schema = (SetSchema(columns=written.columns, partition_by=partition_by),) if is_new else ()
    changed = "MERGE" if written.removed else "WRITE"
    gone = set(written.removed)
    kept = () if base is None else (file for file in base.files if file.path not in gone)
    files = tuple(sorted((*kept, *written.added), key=attrgetter("path")))
    return Staged(
        source=_with_files(root, current, written.columns, files),
        columns=written.columns,
        operation="CREATE TABLE" if current is None else changed,
        actions=(
            *schema,
            *(RemoveFile(path=path) for path in written.removed),
            *(AddFile(file=file) for file in written.added),
        ),
        rows=written.rows_inserted,
        meter=written.meter,
    )


def _with_files(
    root: str, current: Snapshot | None, columns: tuple[Column, ...], files: tuple[DataFile, ...]
) -> Snapshot:
    if current is not None:
        return replace(with_columns(current, columns), version=current.version + 1, files=files)
    return Snapshot(
        root=root, table_id="", version=0, columns=columns, partition_columns=(), files=files
    )


def with_changes(staged: Staged, source: Snapshot, written: Written) -> Staged:
    """Return what is published when hooks have changed the rows that a step staged.

    Args:
        staged: What the step would publish.
        source: The table that it would make.
        written: What the hooks added to it and removed from it.
    """
    gone = set(written.removed)
    new = {action.file.path for action in staged.actions if isinstance(action, AddFile)}
    kept = tuple(
        action
        for action in staged.actions
        if not (isinstance(action, AddFile) and action.file.path in gone)
    )
    columns = written.columns
    schema: tuple[Action, ...] = ()
    if columns != staged.columns:
        kept = tuple(action for action in kept if not isinstance(action, SetSchema))
        partition_by, table_id = source.partition_columns, source.table_id
        schema = (SetSchema(columns=columns, partition_by=partition_by, table_id=table_id),)
    files = (*(file for file in source.files if file.path not in gone), *written.added)
    return replace(
        staged,
        source=replace(
            with_columns(source, columns), files=tuple(sorted(files, key=attrgetter("path")))
        ),
        columns=columns,
        actions=(
            *schema,
            *kept,
            *(RemoveFile(path=path) for path in sorted(gone - new)),
            *(AddFile(file=file) for file in written.added),
        ),
        rows=(staged.rows or 0) + written.rows_inserted,
        meter=staged.meter + written.meter,
        scrap=(*staged.scrap, *sorted(gone & new)),
    )


def schema_action(place: Place, columns: tuple[Column, ...]) -> tuple[Action, ...]:
    """Return the change of columns, if there is any."""
    current = place.current
    if current is None or columns == current.columns:
        return ()
    return (SetSchema(columns=columns, partition_by=current.partition_columns),)


def difference(current: Snapshot, files: tuple[DataFile, ...]) -> tuple[Action, ...]:
    """Return the adds and removes that turn the current files into ``files``.

    A file that hides other rows than before is removed and added: to the log it is another one.
    """
    before = {file.path: file.deleted_rows for file in current.files}
    after = {file.path: file.deleted_rows for file in files}
    gone = sorted(path for path in before if after.get(path) != before[path])
    return (
        *(RemoveFile(path=path) for path in gone),
        *(AddFile(file=file) for file in files if before.get(file.path) != file.deleted_rows),
    )


def after_write(target: Snapshot, written: Written) -> tuple[DataFile, ...]:
    """Return the files of a table once a write into it is committed."""
    gone = {*written.removed, *(file.path for file in written.hidden)}
    kept = (file for file in target.files if file.path not in gone)
    return (*kept, *written.hidden, *written.added)


def pending(place: Place, columns: tuple[Column, ...], files: tuple[DataFile, ...]) -> Snapshot:
    """Return the table as it would be after the commit."""
    ordered = tuple(sorted(files, key=attrgetter("path")))
    if place.current is not None:
        partitions = place.destination.partition_by
        return replace(
            with_columns(place.current, columns),
            version=place.current.version + 1,
            partition_columns=partitions or place.current.partition_columns,
            files=ordered,
        )
    return Snapshot(
        root=place.destination.root,
        table_id="",
        version=0,
        columns=columns,
        partition_columns=place.destination.partition_by,
        files=ordered,
    )
