"""Writes files of a table again without changing its rows: one commit that says so.

Readers of changes skip such a commit (``dataChange`` false), the next plan sees nothing to do, and
a writer that comes between is no conflict while the files chosen are still there as they were.
"""

# ruff: noqa: S608 - names are quoted

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from headwater.base.errors import Conflict, DataDamaged, HeadwaterError
from headwater.base.ids import RunId
from headwater.base.meters import Meter
from headwater.base.relations import TableName
from headwater.engines.engine import Destination, Session, WriteAll, Written
from headwater.lake.commit import (
    Action,
    AddFile,
    Commit,
    RemoveFile,
    SetSchema,
    VersionIs,
    commit,
)
from headwater.lake.compaction import CLUSTER_TAG, CLUSTERED_BY_MODEL, Choice, tagged
from headwater.lake.maintain import discard_files
from headwater.lake.mapping import mapped_or_none
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.table import Table
from headwater.runs.context import Context
from headwater.runs.publish import may_still_land, time_metrics

PUBLISHES_MAX = 20
"""How often files that are written are published again because other writers came between."""

_OWN = "__headwater_rearranged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """How files are written again beside somebody who goes on writing.

    Attributes:
        turn: Entered for the commit alone, which takes a moment where writing takes long.
        threads: Processors to use; None for all that there are.
    """

    turn: AbstractContextManager[object] = field(default_factory=nullcontext)
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearranged:
    """What was written again.

    Attributes:
        version: Version committed; None when there was nothing to do.
        files_removed: Files that were replaced.
        files_added: Files in their place.
        bytes_removed: Size of the first.
        bytes_added: Size of the second.
        hidden_rows: Rows that were hidden and are gone from the files now.
        meter: What it used.
    """

    version: int | None = None
    files_removed: int = 0
    files_added: int = 0
    bytes_removed: int = 0
    bytes_added: int = 0
    hidden_rows: int = 0
    meter: Meter = field(default_factory=Meter)


def rearrange(
    context: Context,
    table: Table,
    snapshot: Snapshot,
    choice: Choice,
    run_id: RunId,
    beside: Beside | None = None,
) -> Rearranged:
    """Write chosen files of a snapshot again and publish them in place of the old ones.

    Args:
        context: The world.
        table: The table.
        snapshot: What the files were chosen of.
        choice: The files.
        run_id: Beginning of the new files' names.
        beside: How, while somebody goes on writing; None when nobody waits.

    Raises:
        Conflict: ``commit-conflict``, when another writer changed one of the files.
        HeadwaterError: As ``Session.write`` and ``commit`` do; the table is as it was.
    """
    if not choice.groups:
        return Rearranged()
    prefix = f"{run_id}-1-"
    beside = beside or Beside()
    try:
        added, meter = _write(context, snapshot, choice, prefix, beside.threads)
        # Flushed before the commit does it, which is quick then: somebody may wait for that.
        table.storage.make_durable(file.path for file in added)
        with beside.turn:
            version = _publish(context, table, snapshot, choice, (added, meter), run_id)
    except HeadwaterError as error:
        if not may_still_land(table, error):
            discard_files(table, prefix)
        raise
    return Rearranged(
        version=version,
        files_removed=len(choice.files),
        files_added=len(added),
        bytes_removed=choice.size_bytes,
        bytes_added=sum(file.size_bytes for file in added),
        hidden_rows=choice.hidden_rows,
        meter=meter,
    )


def _write(
    context: Context, snapshot: Snapshot, choice: Choice, prefix: str, threads: int | None
) -> tuple[tuple[DataFile, ...], Meter]:
    added: list[DataFile] = []
    meter = Meter()
    session = context.engine.open_session(
        catalog=context.catalog, schema=context.schema, threads=threads
    )
    try:
        for number, group in enumerate(choice.groups):
            destination = Destination(
                root=snapshot.root,
                prefix=f"{prefix}{number}-",
                partition_by=snapshot.partition_columns,
                file_bytes=choice.file_bytes,
                mapped=mapped_or_none(snapshot),
            )
            mode = WriteAll(cluster_by=choice.cluster_by)
            part = replace(snapshot, files=group)
            written = _write_group(context, session, part, (mode, destination))
            added += (tagged(file, choice.cluster_by) for file in written.added)
            meter += written.meter
    finally:
        session.close()
    return tuple(added), meter


def _write_group(
    context: Context, session: Session, part: Snapshot, how: tuple[WriteAll, Destination]
) -> Written:
    name = TableName(context.catalog, context.schema, _OWN)
    session.bind(name, part)
    written = session.write(f"SELECT * FROM {name.quoted()}", *how)
    found = sum(file.rows or 0 for file in written.added)
    if part.rows is not None and found != part.rows:
        raise DataDamaged(
            "data-file-mismatch",
            f"{len(part.files)} files of `{part.root}` hold {found} rows, not {part.rows}",
            why="the table's log and its files do not agree",
            fix="`hw table fsck` shows which; the table is as it was",
        )
    return written


def _publish(
    context: Context,
    table: Table,
    snapshot: Snapshot,
    choice: Choice,
    written: tuple[Sequence[DataFile], Meter],
    run_id: RunId,
) -> int:
    """Commit; after a writer that came between, again, if it left the files alone."""
    removed = choice.files
    added, meter = written
    actions: tuple[Action, ...] = (
        *_clustering(snapshot, choice.cluster_by),
        *(RemoveFile(path=file.path, changes_data=False) for file in removed),
        *(AddFile(file=file, changes_data=False) for file in added),
    )
    version = snapshot.version
    if table.version_or_none() != version:
        version = _still_whole(table, snapshot, removed)
    for _ in range(PUBLISHES_MAX):
        entry = Commit(
            operation="OPTIMIZE",
            requirements=(VersionIs(version=version),),
            actions=actions,
            headwater={"run_id": run_id, "action": "optimize"},
            metrics={
                "numRemovedFiles": str(len(removed)),
                "numAddedFiles": str(len(added)),
                "numRemovedBytes": str(sum(file.size_bytes for file in removed)),
                "numAddedBytes": str(sum(file.size_bytes for file in added)),
                **time_metrics(meter),
            },
        )
        try:
            return commit(table, entry, context.clock)
        except Conflict:
            version = _still_whole(table, snapshot, removed)
    raise Conflict(
        "commit-conflict",
        f"other writers published `{table.root}` {PUBLISHES_MAX} times while it was compacted",
        fix="compact it when fewer writers are at work",
    )


def _clustering(snapshot: Snapshot, cluster_by: Sequence[str]) -> tuple[Action, ...]:
    """Let the table say by which columns it is clustered, unless it does."""
    wanted = ",".join(cluster_by)
    if not wanted or snapshot.properties.get(CLUSTER_TAG) == wanted:
        return ()
    return (
        SetSchema(
            columns=snapshot.columns,
            partition_by=snapshot.partition_columns,
            properties={CLUSTER_TAG: wanted, CLUSTERED_BY_MODEL: ""},
        ),
    )


def _still_whole(table: Table, snapshot: Snapshot, files: Sequence[DataFile]) -> int:
    """Return the newest version if the files are in it as they were; raise the conflict if not."""
    newest = table.snapshot()
    there = {file.path: file.deleted_rows for file in newest.files}
    is_same = newest.schema_string == snapshot.schema_string and all(
        there.get(file.path) == file.deleted_rows for file in files
    )
    if is_same and newest.version != snapshot.version:
        return newest.version
    raise Conflict(
        "commit-conflict",
        f"table `{table.root}` was changed while it was compacted",
        why="another writer replaced one of the files, or its schema",
        fix="run it again; the table is as that writer left it",
    )
