"""What ``hw table`` does to a table: compacts it, deletes what nobody needs, goes back.

Each is a run with a record and the workspace's lock, like a build; none changes what the newest
version says without being asked to.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Literal

from headwater.base.errors import Invalid, NotFound
from headwater.base.ids import RunId
from headwater.base.meters import Meter
from headwater.base.relations import TableName
from headwater.catalog.records import TableRecord
from headwater.lake.commit import (
    Action,
    AddFile,
    Commit,
    RemoveFile,
    SetSchema,
    VersionIs,
    commit,
)
from headwater.lake.compaction import (
    FILE_BYTES,
    Choice,
    choose_kept,
    choose_unclustered,
)
from headwater.lake.make_checkpoint import make_checkpoint
from headwater.lake.mapping import MODE
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.table import Table
from headwater.lake.vacuum import find_dead, retention_of
from headwater.plan.plan import Plan, Totals
from headwater.plan.strategy import CLUSTER_COLUMNS_MAX
from headwater.runs.altering import drop_column, rename_column
from headwater.runs.context import Context
from headwater.runs.copies import clone, clone_name
from headwater.runs.differences import Difference, find_differences
from headwater.runs.fsck import Checked, check_table
from headwater.runs.journal import open_journal
from headwater.runs.leases import live_leases
from headwater.runs.proposals import Proposals, find_proposals
from headwater.runs.query import find_table, table_of
from headwater.runs.reading_on import Behind, read_behind
from headwater.runs.rearrange import rearrange

FILES_NAMED_MAX = 1000
"""How many files a document names."""

Verb = Literal[
    "optimize",
    "vacuum",
    "checkpoint",
    "restore",
    "clone",
    "forget",
    "rename-column",
    "drop-column",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What was done to a table, or would be.

    Attributes:
        table: Its name.
        verb: What was asked.
        dry_run: Nothing was done.
        version: Version that was made, or that a checkpoint is of; None when there is none.
        files_removed: Files that left the table, or were deleted.
        bytes_removed: Their size.
        files_added: Files that came in their place.
        bytes_added: Their size.
        hidden_rows: Rows that were hidden and are gone from the files.
        files: The first of the files that left, or were deleted.
        meter: What it used.
        behind: Models with ``refresh`` that have not read all of the table: what a vacuum keeps
            for them, or that they will be built in full.
        files_kept: Files that a vacuum keeps for them.
        bytes_kept: Their size.
        schema: Name and version of this document.
    """

    table: str
    verb: Verb
    dry_run: bool = False
    version: int | None = None
    files_removed: int = 0
    bytes_removed: int = 0
    files_added: int = 0
    bytes_added: int = 0
    hidden_rows: int = 0
    files: tuple[str, ...] = ()
    meter: Meter = field(default_factory=Meter)
    behind: tuple[Behind, ...] = ()
    files_kept: int = 0
    bytes_kept: int = 0
    schema: Literal["headwater.upkeep/1"] = "headwater.upkeep/1"


class Keeper:
    """Keeps the tables of a workspace in order."""

    def __init__(self, context: Context) -> None:
        """Keep the tables of ``context``; nothing is done."""
        self._context = context

    def optimize(
        self,
        name: str,
        *,
        file_bytes: int = FILE_BYTES,
        cluster_by: tuple[str, ...] = (),
        dry_run: bool = False,
    ) -> Upkeep:
        """Write small files, and those that hide rows, again as files of about ``file_bytes``.

        Args:
            name: The table.
            file_bytes: Aimed-at size of a file.
            cluster_by: Columns by whose values rows are put into the same files; the table keeps
                them in mind, and the next time they need not be said.
            dry_run: Only say what would be written again.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``cluster-by``.
            Conflict: ``commit-conflict``.
            Unavailable: ``workspace-busy``.
        """
        found, table = _table(self._context, name)
        choice = _choose(table.snapshot(), file_bytes, cluster_by)
        told = Upkeep(
            table=str(found),
            verb="optimize",
            dry_run=dry_run,
            files_removed=len(choice.files),
            bytes_removed=choice.size_bytes,
            hidden_rows=choice.hidden_rows,
            files=_first(file.path for file in choice.files),
        )
        if dry_run or not choice.groups:
            return told
        with _taken(self._context, found, "optimize") as run_id:
            snapshot = table.snapshot()
            choice = _choose(snapshot, file_bytes, cluster_by)
            done = rearrange(self._context, table, snapshot, choice, run_id)
        return replace(
            told,
            version=done.version,
            files_added=done.files_added,
            bytes_added=done.bytes_added,
            meter=done.meter,
        )

    def vacuum(
        self,
        name: str,
        *,
        retain: timedelta | None = None,
        force: bool = False,
        dry_run: bool = True,
    ) -> Upkeep:
        """Delete the files that no version of the retention time needs, and those of dead writers.

        Args:
            name: The table.
            retain: How long versions stay readable; what the table says when None.
            force: Allow less than the table says, and less than models with ``refresh`` have
                read.
            dry_run: Only say what would be deleted.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``retention-too-short``, ``retention-unreadable``.
            Unavailable: ``workspace-busy``.
        """
        found, table = _table(self._context, name)
        wanted = retention_of(table) if retain is None else retain
        if retain is not None and not force and retain < retention_of(table):
            raise Invalid(
                "retention-too-short",
                f"`{found}` keeps removed files for {retention_of(table)}, not {retain}",
                why="readers of older versions, and queries that run now, would miss their files",
                fix="pass --force when nobody reads an older version",
            )
        with _taken(self._context, found, "vacuum"):  # else a running build's files look dead
            limit = int((self._context.clock.now() - wanted).timestamp() * 1000)
            # After the time: a load that begins later writes files that are younger than it.
            live = [lease.run_id for lease in live_leases(self._context)]
            behind = read_behind(self._context, found, table.snapshot().version, force=force)
            held = min((each.version for each in behind if each.is_held), default=None)
            dead = find_dead(table, before_ms=limit, live_prefixes=live, changes_since=held)
            if not dry_run:
                for file in dead.files:
                    table.storage.delete(file.path)
        return Upkeep(
            table=str(found),
            verb="vacuum",
            dry_run=dry_run,
            files_removed=len(dead.files),
            bytes_removed=dead.size_bytes,
            files=_first(file.path for file in dead.files),
            behind=tuple(each for each in behind if each.is_held or each.version < dead.newest),
            files_kept=len(dead.kept),
            bytes_kept=sum(file.size_bytes for file in dead.kept),
        )

    def fsck(self, name: str, *, deep: bool = False) -> Checked:
        """Check a table's log against its files; nothing is changed. See ``check_table``."""
        return check_table(self._context, name, deep=deep)

    def checkpoint(self, name: str) -> Upkeep:
        """Write a checkpoint of a table's newest version, from which other readers start.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``storage-unsupported``, where checkpoints cannot be written.
        """
        found, table = _table(self._context, name)
        version = table.snapshot().version
        if not make_checkpoint(table, version):
            raise Invalid(
                "storage-unsupported",
                f"a checkpoint cannot be written to `{table.root}`",
                why="delta-rs, which writes it, does not know this kind of place",
                fix="keep the log's entries; readers need no checkpoint while they are there",
            )
        return Upkeep(table=str(found), verb="checkpoint", version=version)

    def restore(
        self, name: str, *, version: int | None = None, at: datetime | None = None
    ) -> Upkeep:
        """Make a table's newest version say what an older one said; nothing is lost.

        Raises:
            NotFound: ``relation-not-found``, ``version-not-found``; ``file-not-found``, when a file
                of the older version was deleted.
            Conflict: ``commit-conflict``.
            Unavailable: ``workspace-busy``.
        """
        found, table = _table(self._context, name)
        with _taken(self._context, found, "restore") as run_id:
            now, old = table.snapshot(), table.snapshot(version=version, at=at)
            actions = _actions_to(table, now, old)
            added = [action.file for action in actions if isinstance(action, AddFile)]
            removed = [action.path for action in actions if isinstance(action, RemoveFile)]
            sizes = {file.path: file.size_bytes for file in now.files}
            made = None
            if actions:
                _check_there(table, old, added)
                entry = Commit(
                    operation="RESTORE",
                    parameters={"version": old.version},
                    requirements=(VersionIs(version=now.version),),
                    actions=actions,
                    headwater={"run_id": run_id, "action": "restore"},
                )
                made = commit(table, entry, self._context.clock)
        return Upkeep(
            table=str(found),
            verb="restore",
            version=made,
            files_removed=len(removed),
            bytes_removed=sum(sizes[path] for path in removed),
            files_added=len(added),
            bytes_added=sum(file.size_bytes for file in added),
            files=_first(removed),
        )

    def clone(
        self, name: str, into: str, *, version: int | None = None, deep: bool = False
    ) -> Upkeep:
        """Make a new table with the rows of one version of another; see ``copies``.

        Raises:
            NotFound: ``relation-not-found``, ``version-not-found``, ``file-not-found``.
            Conflict: ``commit-conflict``.
            Invalid: ``clone-target``, ``storage-unsupported``, ``table-feature-unsupported``.
            Unavailable: ``workspace-busy``.
        """
        _, table = _table(self._context, name)
        made = clone_name(self._context, into)
        with _taken(self._context, made, "clone") as run_id:
            snapshot = table.snapshot(version)
            done = clone(self._context, table, snapshot, made, run_id, deep=deep)
        return Upkeep(
            table=str(made),
            verb="clone",
            version=done,
            files_added=len(snapshot.files),
            bytes_added=snapshot.size_bytes if deep else 0,
        )

    def propose(self, *, reads: int, does: bool = False) -> Proposals:
        """Say which upkeep of which table pays within so many reads, and do it if asked.

        Raises:
            Unavailable: ``workspace-busy``.
            HeadwaterError: As ``optimize`` and ``vacuum`` do.
        """
        found = find_proposals(self._context, reads)
        if not does:
            return Proposals(reads=reads, proposals=found)
        for proposal in found:
            if proposal.verb == "optimize":
                self.optimize(proposal.table)
            else:
                self.vacuum(proposal.table, dry_run=False)
        done = tuple(replace(proposal, is_done=True) for proposal in found)
        return Proposals(reads=reads, proposals=done)

    def rename_column(self, name: str, column: str, into: str) -> Upkeep:
        """Give a column of a table whose columns are mapped another name; no file changes.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``columns-not-mapped``, ``alter-column``.
            Conflict: ``commit-conflict``.
            Unavailable: ``workspace-busy``.
        """
        how = partial(rename_column, column=column, into=into)
        return self._alter(name, "rename-column", "RENAME COLUMN", how)

    def drop_column(self, name: str, column: str) -> Upkeep:
        """Take a column out of a table whose columns are mapped; no file changes.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``columns-not-mapped``, ``alter-column``.
            Conflict: ``commit-conflict``.
            Unavailable: ``workspace-busy``.
        """
        return self._alter(name, "drop-column", "DROP COLUMNS", partial(drop_column, column=column))

    def _alter(
        self, name: str, verb: Verb, operation: str, change: Callable[[Snapshot], SetSchema]
    ) -> Upkeep:
        found, table = _table(self._context, name)
        with _taken(self._context, found, verb) as run_id:
            snapshot = table.snapshot()
            entry = Commit(
                operation=operation,
                requirements=(VersionIs(version=snapshot.version),),
                actions=(change(snapshot),),
                headwater={"run_id": run_id, "action": verb},
            )
            version = commit(table, entry, self._context.clock)
        return Upkeep(table=str(found), verb=verb, version=version)

    def forget(self, name: str) -> Upkeep:
        """Forget the name of a table whose folder is gone, so that nothing lists it any more.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``forget-target``, when it is still there, or no table.
            Conflict: ``workspace-busy``.
        """
        found = find_table(self._context, name)
        record = self._context.metastore.find_relation_or_none(found)
        if not isinstance(record, TableRecord):
            raise _not_forgotten(found, "it is a view, or the workspace has no record of it")
        with _taken(self._context, found, "forget"):
            table = table_of(self._context, found)
            if table.list_log().newest >= 0:
                raise _not_forgotten(found, f"its table is still at `{table.root}`")
            self._context.metastore.drop_relation(found)
        return Upkeep(table=str(found), verb="forget")

    def diff(self, left: str, right: str) -> Difference:
        """Compare two tables or versions; see ``find_differences``."""
        return find_differences(self._context, left, right)


def _not_forgotten(name: TableName, why: str) -> Invalid:
    return Invalid(
        "forget-target",
        f"`{name}` is not forgotten",
        why=why,
        fix="only a name whose table is gone is forgotten; remove the table's folder first if it "
        "is not needed any more",
    )


def _choose(snapshot: Snapshot, file_bytes: int, cluster_by: tuple[str, ...]) -> Choice:
    """Choose what to write again: by what is asked, else by what the table says of itself."""
    if not cluster_by:
        return choose_kept(snapshot, file_bytes=file_bytes)
    exact = {column.name.lower(): column.name for column in snapshot.columns}
    chosen = tuple(exact.get(name.lower(), "") for name in cluster_by)
    is_usable = "" not in chosen and not set(chosen) & set(snapshot.partition_columns)
    if not is_usable or len(set(chosen)) != len(chosen) or len(chosen) > CLUSTER_COLUMNS_MAX:
        raise Invalid(
            "cluster-by",
            f"`{snapshot.root}` cannot be clustered by {', '.join(cluster_by)}",
            why=f"one to {CLUSTER_COLUMNS_MAX} of its columns are wanted, each once, and none by "
            "which it is partitioned",
            fix=f"its columns are {', '.join(exact.values())}",
        )
    return choose_unclustered(snapshot, chosen, file_bytes=file_bytes)


def _actions_to(table: Table, now: Snapshot, old: Snapshot) -> tuple[Action, ...]:
    """Return the actions that make ``now`` say what ``old`` says."""
    vectors = table.vectors(old.version)
    before = {file.path: file.deleted_rows for file in now.files}
    after = {file.path: file.deleted_rows for file in old.files}
    schema: tuple[Action, ...] = ()
    if (now.schema_string, now.partition_columns) != (old.schema_string, old.partition_columns):
        _check_mapping(now, old)
        schema = (
            SetSchema(
                columns=old.columns,
                partition_by=old.partition_columns,
                schema_string=old.schema_string,
            ),
        )
    return (
        *schema,
        *(RemoveFile(path=path) for path, rows in before.items() if after.get(path) != rows),
        *(
            AddFile(file=file, vector=vectors.get(file.path))
            for file in old.files
            if before.get(file.path) != file.deleted_rows
        ),
    )


def _check_mapping(now: Snapshot, old: Snapshot) -> None:
    """Refuse to go back to a version whose files have their columns under names of another kind.

    Raises:
        Invalid: ``table-feature-unsupported``.
    """
    modes = [each.properties.get(MODE, "none") for each in (now, old)]
    if modes[0] != modes[1]:
        raise Invalid(
            "table-feature-unsupported",
            f"`{now.root}` cannot go back to version {old.version}",
            why=f"since then its columns are mapped by `{modes[0]}`, before by `{modes[1]}`",
            fix="read that version with `hw sql`, or clone it into a new table",
        )


def _check_there(table: Table, old: Snapshot, files: list[DataFile]) -> None:
    for file in sorted(files, key=attrgetter("path")):
        if table.storage.stat_or_none(file.path) is None:
            raise NotFound(
                "file-not-found",
                f"version {old.version} of `{table.root}` needs `{file.path}`, which is gone",
                why="a vacuum has deleted it",
                fix="`hw table history` lists the versions; newer ones may still be whole",
            )


def _table(context: Context, name: str) -> tuple[TableName, Table]:
    found = find_table(context, name)
    return found, table_of(context, found)


def _first(paths: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(sorted(paths)[:FILES_NAMED_MAX])


@contextmanager
def _taken(context: Context, name: TableName, verb: Verb) -> Iterator[RunId]:
    """Hold the workspace and record a run that has no steps of a plan."""
    with open_journal(context, f"table {verb}") as journal:
        plan = Plan(
            project=name.catalog,
            target="upkeep",
            checksum=verb,
            compared_with="",
            created_at=context.now(),
            steps=(),
            totals=Totals(),
        )
        journal.start(plan)
        status: Literal["success", "failed"] = "failed"
        try:
            yield journal.run_id
            status = "success"
        finally:
            journal.finish(status, context.now())
