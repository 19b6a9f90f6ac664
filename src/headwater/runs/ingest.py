"""Loads files from outside into a table: each exactly once, in commits of many files.

Each commit carries one transaction for each file in it, named after the file's content. So a
load that was killed goes on where it stopped when it is started again, two loads of the same
files at once load each of them once, and neither needs the workspace's lock: a lease keeps its
files alive.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

from headwater.base.diagnostics import diagnostic_of
from headwater.base.errors import Conflict, HeadwaterError, Invalid
from headwater.base.ids import RunId
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName
from headwater.engines.engine import (
    Destination,
    IncomingFile,
    Intake,
    Rejected,
    Session,
    TakenColumn,
)
from headwater.lake.commit import AddFile, Commit, SetTransaction, TransactionBelow, commit
from headwater.lake.compaction import choose_newest, count_small
from headwater.lake.maintain import discard_files
from headwater.lake.mapping import mapped_or_none
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import Table
from headwater.runs.context import Context
from headwater.runs.incoming import FORMATS, SourceFile, content_id, find_files, spooled
from headwater.runs.loads import (
    SMALL_FILES_MAX,
    TRIES_MAX,
    Load,
    check_partitions,
    check_still_there,
    fit_columns,
    loading,
    output_metrics,
    target_name,
    typed_columns,
)
from headwater.runs.publish import may_still_land
from headwater.runs.rearrange import rearrange
from headwater.runs.widening import widened_columns, write_widened

BATCH_BYTES = 256 * 1024 * 1024
"""Bytes of source files after which a commit is made."""

BATCH_FILES = 64
"""Source files after which a commit is made."""

Status = Literal["loaded", "would load", "known", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to load.

    Attributes:
        delimiter: Of CSV files; empty to take it from the header.
        encoding: Of CSV files; empty to take it from their first bytes.
        types: Types of columns that the table does not have yet, by name.
        adds_columns: A column that only a file has becomes one of the table; else it is refused.
        rejects_max: Bad rows of one file up to which its good ones are loaded; None for any.
        rejects_file: Where bad rows are written, as JSON lines.
        partition_by: Partition columns of a table that is made.
        dry_run: Only say what would be loaded.
        widens: A column that cannot hold a file's values gets a type that holds them and the
            older ones, where there is one; the table's rows are written again with it.
        is_forced: The table may be what a node of the project builds.
    """

    rejects_file: Path
    delimiter: str = ""
    encoding: str = ""
    types: dict[str, str] = field(default_factory=dict)
    adds_columns: bool = True
    rejects_max: int | None = 0
    partition_by: tuple[str, ...] = ()
    dry_run: bool = False
    widens: bool = False
    is_forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEnd:
    """What became of one file.

    Attributes:
        file: As the user named it.
        status: ``known`` when the table has its content already.
        rows: Rows loaded, or that would be.
        rejected_rows: Rows that were not.
        message: Why it was refused; empty otherwise.
        code: Code of the fault, when the file as a whole has one.
        version: Version that holds it; None when it was not loaded now.
    """

    file: str
    status: Status
    rows: int = 0
    rejected_rows: int = 0
    message: str = ""
    code: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What a load did.

    Attributes:
        table: The table.
        run_id: The load's id; in every commit that it made.
        dry_run: Nothing was done.
        columns: Columns of the table afterwards, and why each has its type.
        files: What became of each file, in order.
        rows: Rows loaded, or that would be.
        rejected_rows: Rows that were not.
        rejects_file: Where those are; empty when there are none.
        version: Newest version that was made; None when none was.
        compacted: Small files that were written together on the way.
        widened: Columns that got another type, as ``name: old -> new``.
        rewritten: Files of the table that were written again for that.
        meter: What it used.
        schema: Name and version of this document.
    """

    table: str
    run_id: RunId
    dry_run: bool
    columns: tuple[TakenColumn, ...]
    files: tuple[FileEnd, ...]
    rows: int
    rejected_rows: int
    rejects_file: str = ""
    version: int | None = None
    compacted: int = 0
    widened: tuple[str, ...] = ()
    rewritten: int = 0
    meter: Meter = field(default_factory=Meter)
    schema: Literal["headwater.ingest/1"] = "headwater.ingest/1"

    @property
    def exit_code(self) -> int:
        """0 when every file is in the table, 1 when one was refused."""
        return 1 if any(end.status == "refused" for end in self.files) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A file whose good rows are written, and wait for their commit."""

    source: SourceFile
    intake: Intake


@dataclass(frozen=True, slots=True)
class Asking:
    """What a user asks to be loaded.

    Attributes:
        sources: Files and folders; ``-`` is ``stream``.
        format: Format of all of them; None for what their names say.
        stream: What ``-`` reads.
    """

    sources: tuple[str, ...]
    format: str | None = None
    stream: BinaryIO | None = None


def ingest_sources(
    context: Context,
    table: str,
    asking: Asking,
    options: IngestOptions,
    progress: Callable[[FileEnd], None] = lambda _end: None,
) -> Ingested:
    """Find the files that sources mean and load them; see ``ingest``.

    Raises:
        Invalid: ``ingest-target``, when the name is not that of a table; ``load-into-model``;
            ``file-format-unknown``.
        NotFound: ``file-not-found``.
    """
    name = target_name(context, table, is_forced=options.is_forced)
    wanted = next((each for each in FORMATS if each == asking.format), None)
    with spooled(asking.sources, asking.stream or BytesIO()) as paths:
        return ingest(context, name, find_files(paths, wanted), options, progress)


def ingest(
    context: Context,
    name: TableName,
    files: Sequence[SourceFile],
    options: IngestOptions,
    progress: Callable[[FileEnd], None] = lambda _end: None,
) -> Ingested:
    """Load files into a table, which is made when it does not exist.

    Args:
        context: The world.
        name: The table.
        files: What to load, in this order.
        options: How.
        progress: Is told each file's end, as it comes.

    Raises:
        Conflict: ``commit-conflict``, when other writers change the table's columns again and
            again; ``load-table-gone``, when somebody removed it.
        HeadwaterError: As ``Session.take_in`` and ``commit`` do, for what is no fault of a file.
    """
    with loading(context, name, "ingest") as load:
        check_partitions(load.table, options.partition_by)
        loader = _Loader(load=load, options=options, progress=progress)
        for batch in _batches(files):
            loader.take_batch(batch)
    loader.settle()
    ends = tuple(loader.ends[file.path] for file in files)
    return Ingested(
        table=str(name),
        run_id=loader.run_id,
        dry_run=options.dry_run,
        columns=loader.columns,
        files=ends,
        rows=sum(end.rows for end in ends if end.status in {"loaded", "would load"}),
        rejected_rows=sum(end.rejected_rows for end in ends),
        rejects_file=str(options.rejects_file) if loader.has_rejects else "",
        version=loader.version,
        compacted=loader.compacted,
        widened=tuple(loader.widened),
        rewritten=loader.rewritten,
        meter=loader.meter,
    )


def _batches(files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, ...]]:
    batch: list[SourceFile] = []
    for file in files:
        batch.append(file)
        if len(batch) >= BATCH_FILES or sum(each.size_bytes for each in batch) >= BATCH_BYTES:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


@dataclass(slots=True, kw_only=True)
class _Loader:
    """One load at work.

    Attributes:
        load: Its lease and record.
        options: How.
        progress: Is told each file's end.
        ends: What became of each file, by path.
        columns: The table's columns as last seen.
        version: Newest version made.
        attempt: Counts batches and tries, for names of data files.
        has_rejects: The rejects file has been begun.
        looked_at: Contents that a dry run has seen.
        compacted: Small files that were written together.
        widened: Columns that got another type.
        rewritten: Files that were written again for that.
        meter: What was used.
    """

    load: Load
    options: IngestOptions
    progress: Callable[[FileEnd], None]
    ends: dict[Path, FileEnd] = field(default_factory=dict)
    columns: tuple[TakenColumn, ...] = ()
    version: int | None = None
    attempt: int = 0
    has_rejects: bool = False
    looked_at: set[str] = field(default_factory=set)
    compacted: int = 0
    widened: list[str] = field(default_factory=list)
    rewritten: int = 0
    meter: Meter = field(default_factory=Meter)

    @property
    def context(self) -> Context:
        """The world."""
        return self.load.context

    @property
    def table(self) -> Table:
        """The table."""
        return self.load.table

    @property
    def run_id(self) -> RunId:
        """The load's id; the names of its data files begin with it."""
        return self.load.run_id

    def take_batch(self, batch: Sequence[SourceFile]) -> None:
        """Load a batch by one commit; again when other writers came between."""
        for _ in range(TRIES_MAX):
            check_still_there(self.table, self.version)
            waiting = self._unknown(batch)
            if not waiting:
                return
            if not self.options.dry_run:
                self.load.begin()
            self.attempt += 1
            snapshot = self.table.snapshot_or_none()
            target = self._target(waiting, snapshot)
            taken = self._take_all(waiting, snapshot, target)
            if self.options.dry_run or not taken:
                return
            try:
                version = self._commit(taken, snapshot)
            except HeadwaterError as error:
                if not may_still_land(self.table, error):
                    discard_files(self.table, f"{self.run_id}-{self.attempt}-")
                check_still_there(self.table, None if snapshot is None else snapshot.version, error)
                if not isinstance(error, Conflict):
                    raise
                continue
            self.version = version
            self.load.name_table()
            for each in taken:
                self._end(each.source, "loaded", each.intake, version=version)
            self._compact()
            return
        raise Conflict(
            "commit-conflict",
            f"other writers changed `{self.table.root}` {TRIES_MAX} times in a row",
            fix="load again; files that were loaded are known",
        )

    def settle(self) -> None:
        """Show the columns of a table into which nothing was loaded."""
        snapshot = self.table.snapshot_or_none()
        if not self.columns and snapshot is not None:
            self.columns = tuple(
                TakenColumn(name=column.name, type=column.type, why="in the table")
                for column in snapshot.columns
            )

    def _unknown(self, batch: Sequence[SourceFile]) -> list[SourceFile]:
        """Return the files that are not dealt with yet; those that the table has are known."""
        waiting: list[SourceFile] = []
        seen: set[str] = set()
        for source in batch:
            if source.path in self.ends:
                continue
            is_here = self.table.transaction_or_none(source.app_id) is not None
            if is_here or source.app_id in seen or source.app_id in self.looked_at:
                self._end(source, "known", None)
            else:
                seen.add(source.app_id)
                waiting.append(source)
        return waiting

    def _target(
        self, waiting: Sequence[SourceFile], snapshot: Snapshot | None
    ) -> tuple[Column, ...] | None:
        """Return the columns for which files are written: widened to hold the values of all."""
        target = None if snapshot is None else snapshot.columns
        options = self.options
        if not options.widens or options.dry_run:
            return target
        limit = options.rejects_max
        opened = self.context.engine.open_session(
            catalog=self.context.catalog, schema=self.context.schema
        )
        with closing(opened) as session:
            for source in waiting:
                intake = self._looked_at_or_none(session, source, target)
                if intake is not None and (limit is None or intake.rejected_rows <= limit):
                    self.columns = self._explained(intake.columns, snapshot)
                    target = typed_columns(target, intake.columns)
        return target

    def _looked_at_or_none(
        self, session: Session, source: SourceFile, target: tuple[Column, ...] | None
    ) -> Intake | None:
        """Look at a file; None for one with a fault, which is told when the file is taken."""
        with suppress(Invalid):
            return session.take_in(self._incoming(source), target, None)
        return None

    def _take_all(
        self,
        waiting: Sequence[SourceFile],
        snapshot: Snapshot | None,
        target: tuple[Column, ...] | None,
    ) -> tuple[_Taken, ...]:
        """Write the good rows of files; a file with a fault is refused, the others go on."""
        taken: list[_Taken] = []
        session = self.context.engine.open_session(
            catalog=self.context.catalog, schema=self.context.schema
        )
        try:
            for number, source in enumerate(waiting):
                try:
                    intake = self._take(session, source, target, (snapshot, number))
                except Invalid as error:
                    self._refuse(source, error)
                    continue
                if intake is None:
                    continue
                self.columns = self._explained(intake.columns, snapshot)
                target = typed_columns(target, intake.columns)
                if self.options.dry_run:
                    self._end(source, "would load", intake)
                    self.looked_at.add(source.app_id)
                else:
                    taken.append(_Taken(source=source, intake=intake))
        finally:
            session.close()
        return tuple(taken)

    def _explained(
        self, columns: tuple[TakenColumn, ...], snapshot: Snapshot | None
    ) -> tuple[TakenColumn, ...]:
        """Say of a type that an earlier file brings why it is taken: no table has it yet."""
        stored = () if snapshot is None else snapshot.columns
        has = {(column.name, column.type) for column in stored}
        before = {
            (column.name, column.type): column
            for column in self.columns
            if (column.name, column.type) not in has
        }
        return tuple(before.get((column.name, column.type), column) for column in columns)

    def _incoming(self, source: SourceFile) -> IncomingFile:
        options = self.options
        return IncomingFile(
            path=str(source.path),
            format=source.format,
            delimiter=options.delimiter,
            encoding=options.encoding,
            types=options.types,
            adds_columns=options.adds_columns,
            rejects_max=options.rejects_max,
            widens=options.widens,
        )

    def _take(
        self,
        session: Session,
        source: SourceFile,
        target: tuple[Column, ...] | None,
        place: tuple[Snapshot | None, int],
    ) -> Intake | None:
        """Write one file's good rows; None when it has too many others and is refused."""
        options, (snapshot, number) = self.options, place
        file = self._incoming(source)
        destination = Destination(
            root=self.table.root,
            prefix=f"{self.run_id}-{self.attempt}-{number}-",
            partition_by=options.partition_by if snapshot is None else snapshot.partition_columns,
            mapped=mapped_or_none(snapshot),
        )
        intake = session.take_in(file, target, None if options.dry_run else destination)
        self._write_rejects(source, intake)
        limit = options.rejects_max
        if limit is not None and intake.rejected_rows > limit:
            self._end(source, "refused", intake, message=_too_many(intake, limit))
            return None
        if options.dry_run:
            return intake
        if content_id(source.path) != source.app_id:
            raise Invalid(
                "ingest-unreadable",
                f"`{source.name}` changed while it was read",
                fix="load it again when its writer has finished",
            )
        if intake.written is not None:
            self.meter += intake.written.meter
        return intake

    def _commit(self, taken: Sequence[_Taken], snapshot: Snapshot | None) -> int:
        """Publish files and their transactions by one commit."""
        kept = () if snapshot is None else snapshot.columns
        merged = typed_columns(kept, self.columns)
        widened = widened_columns(kept, merged)
        again = None
        if snapshot is not None and widened:
            prefix = f"{self.run_id}-{self.attempt}-widened-"
            again = write_widened(self.context, snapshot, merged, prefix)
        made_for, schema = fit_columns(snapshot, merged, self.options.partition_by)
        files = [
            file
            for each in taken
            if each.intake.written is not None
            for file in each.intake.written.added
        ]
        apps = [each.source.app_id for each in taken]
        entry = Commit(
            operation="WRITE",
            requirements=(made_for, *(TransactionBelow(app_id=app, version=1) for app in apps)),
            actions=(
                *schema,
                *(() if again is None else again.actions),
                *(AddFile(file=file) for file in files),
                *(SetTransaction(app_id=app, version=1) for app in apps),
            ),
            parameters={"mode": "Append"},
            headwater={
                "run_id": self.run_id,
                "action": "ingest",
                "files": [each.source.name for each in taken],
            },
            metrics=output_metrics(files),
        )
        version = commit(self.table, entry, self.context.clock)
        if again is not None:
            self.widened += widened
            self.rewritten += again.files
            self.meter += again.meter
        return version

    def _compact(self) -> None:
        """Write small files together when there are too many; the load stands without it."""
        with suppress(HeadwaterError):
            snapshot = self.table.snapshot()
            if count_small(snapshot.files) < SMALL_FILES_MAX:
                return
            own = RunId(f"{self.run_id}-compact{self.attempt}")
            done = rearrange(self.context, self.table, snapshot, choose_newest(snapshot), own)
            self.compacted += done.files_removed
            self.meter += done.meter

    def _write_rejects(self, source: SourceFile, intake: Intake) -> None:
        if not intake.rejected:
            return
        path = self.options.rejects_file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if self.has_rejects else "w", encoding="utf-8") as out:
            for row in intake.rejected:
                out.write(_reject_line(source, row))
        self.has_rejects = True

    def _refuse(self, source: SourceFile, error: Invalid) -> None:
        why = f": {error.why}" if error.why else ""
        self._end(source, "refused", None, message=f"{error.what}{why}")
        self.ends[source.path] = replace(self.ends[source.path], code=diagnostic_of(error).code)

    def _end(
        self,
        source: SourceFile,
        status: Status,
        intake: Intake | None,
        *,
        message: str = "",
        version: int | None = None,
    ) -> None:
        end = FileEnd(
            file=source.name,
            status=status,
            rows=0 if intake is None or status == "refused" else intake.rows,
            rejected_rows=0 if intake is None else intake.rejected_rows,
            message=message,
            version=version,
        )
        self.ends[source.path] = end
        self.progress(end)


def _reject_line(source: SourceFile, row: Rejected) -> str:
    document = {"file": source.name, "line": row.line, "reason": row.reason, "row": row.row}
    return json.dumps(document, ensure_ascii=False) + "\n"


def _too_many(intake: Intake, limit: int) -> str:
    example = ""
    if intake.rejected:
        first = intake.rejected[0]
        where = "" if first.line is None else f"line {first.line}: "
        example = f"; the first: {where}{first.reason}"
    if intake.wider:
        kinds = ", ".join(f"`{column.name}` {column.type}" for column in intake.wider)
        example += f"; --widen makes {kinds}"
    return f"{intake.rejected_rows:,} bad rows, allowed are {limit:,}{example}"
