"""Appends rows that a program hands over, in commits of many rows, each row exactly once.

A commit for every few rows would make a file for every few rows, and readers slow. So rows wait
until there are enough of them, or until they have waited long enough; small files are written
together on the way, and checkpoints are made as often as they pay.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from types import TracebackType
from typing import Self

from headwater.base.errors import Conflict, HeadwaterError, Invalid
from headwater.base.meters import Meter
from headwater.base.relations import Column
from headwater.engines.engine import Destination, Intake, Session
from headwater.engines.rows import OfferedRows, RowBuffer
from headwater.lake.commit import (
    Action,
    AddFile,
    Commit,
    Requirement,
    SetTransaction,
    TransactionIs,
    commit,
)
from headwater.lake.compaction import count_small
from headwater.lake.maintain import discard_files
from headwater.lake.mapping import mapped_or_none
from headwater.lake.snapshot import DataFile
from headwater.runs.append_keeper import TURN_SECONDS_MAX, AppendKeeper, Turns
from headwater.runs.context import Context
from headwater.runs.loads import (
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
from headwater.runs.widening import widened_columns, write_widened

APP_PREFIX = "headwater-append/"
"""Beginning of the application id under which a table remembers how far a source has come."""

ROWS_MAX = 100_000
"""Rows after which a commit is made."""

BYTES_MAX = 64 * 1024 * 1024
"""Bytes of rows, as Arrow, after which a commit is made."""

SECONDS_MAX = 10.0
"""How long rows wait for others before a commit is made."""

TOGETHER_ROWS_MAX = 122_880
"""Rows of a commit up to which one processor writes them: a group of rows of a Parquet file is
written by one, and handing it to another takes longer the busier that is."""

IDLE_SECONDS_MAX = 1.0
"""How long an appender keeps a session of the engine between two commits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendOptions:
    """When an appender commits, and what else it does.

    Attributes:
        source: Whose rows these are; the table remembers how far each source has come.
        rows_max: Rows after which a commit is made.
        bytes_max: Bytes of rows, as Arrow, after which a commit is made.
        seconds_max: How long rows wait for others; 0 for as long as it takes.
        compacts: Write small files together on the way.
        adds_columns: A column that only the rows have becomes one of the table; else it is
            refused.
        partition_by: Partition columns of a table that is made.
        widens: A column that cannot hold the rows' values gets a type that holds them and the
            older ones, where there is one; the table's rows are written again with it.
        is_forced: The table may be what a node of the project builds.
    """

    source: str = "appender"
    rows_max: int = ROWS_MAX
    bytes_max: int = BYTES_MAX
    seconds_max: float = SECONDS_MAX
    compacts: bool = True
    adds_columns: bool = True
    partition_by: tuple[str, ...] = ()
    widens: bool = False
    is_forced: bool = False


class Appender:
    """Appends rows to one table. Made by ``Workspace.appender``; safe to use from several threads.

    Rows are in the table when the commit with them has been made: when ``append`` or ``flush``
    returns a version, or on leaving the ``with`` block without an exception.

    Attributes:
        sequence: Sequence number up to which the table has the source's rows; None when the
            source has not given any.
        version: Newest version that was made; None when none was.
        rows: Rows that were committed.
        commits: Commits that were made.
        widened: Columns that got another type, as ``name: old -> new``.
    """

    def __init__(self, load: Load, options: AppendOptions) -> None:
        """Append to the table of a load.

        Raises:
            Invalid: ``append-option``, ``ingest-partitions``.
        """
        _check(options)
        check_partitions(load.table, options.partition_by)
        self._load = load
        self._options = options
        self._app_id = f"{APP_PREFIX}{options.source}"
        self._turns = Turns()
        self._buffer = RowBuffer()
        self._oldest: float | None = None
        self._failure: HeadwaterError | None = None
        self._is_told = False
        self._kept: Session | None = None
        self._is_open = True
        self._numbers_rows: bool | None = None
        self._snapshot = load.table.snapshot_or_none()
        small = 0 if self._snapshot is None else count_small(self._snapshot.files)
        self._files = AppendKeeper(load, self._turns, small_files=small, compacts=options.compacts)
        self.sequence = load.table.transaction_or_none(self._app_id)
        self._newest = self.sequence
        self.version: int | None = None
        self.rows = 0
        self.commits = 0
        self.widened: tuple[str, ...] = ()
        self._used = Meter()
        self._keeper = Thread(target=self._keep, name="headwater-appender", daemon=True)
        self._keeper.start()

    @property
    def compacted(self) -> int:
        """Small files that were written together."""
        return self._files.compacted

    @property
    def not_compacted(self) -> HeadwaterError | None:
        """Why small files could not be written together the last time; None when they were.

        It is tried again, after a second first and after a minute at most. Rows go on.
        """
        return self._files.failure

    @property
    def meter(self) -> Meter:
        """What it used."""
        return self._used + self._files.meter

    def append(self, data: object, *, sequence: int | None = None) -> int | None:
        """Take rows over, and commit when there are enough.

        Args:
            data: An Arrow table or record batch, a data frame (pandas, Polars), or a list of
                dicts from column to value.
            sequence: Number of these rows in their source: an offset, a batch number. It must
                grow. Rows whose number the table has already are passed over, so that a source
                can be sent again from any earlier place.

        Returns:
            The version with these rows; None while they wait for others, or when they are known.

        Raises:
            Invalid: ``append-rows-unreadable``, ``append-rows-unfit``, ``append-sequence``,
                ``append-closed``, ``ingest-new-column``.
            Conflict: ``append-overtaken``, when another appender has the same source;
                ``load-table-gone``, when somebody removed the table.
            HeadwaterError: What went wrong with this commit, or with one made meanwhile. What was
                not committed is gone; ``sequence`` says where to go on.
        """
        with self._turns:
            self._check_usable()
            if not self._takes(sequence):
                return None
            with self._failing():
                self._buffer.add(data)
                is_first = self._oldest is None
                if is_first:
                    self._oldest = self._load.context.clock.monotonic()
                self._newest = sequence
                options = self._options
                is_full = self._buffer.rows >= options.rows_max
                if is_full or self._buffer.size_bytes >= options.bytes_max:
                    return self._commit_in_order()
                if is_first:
                    self._turns.wake()  # the keeper, which counts how long they wait from now on
            return None

    def flush(self) -> int | None:
        """Commit the rows that wait; return the version, or None when there were none.

        Raises:
            HeadwaterError: As ``append``.
        """
        with self._turns:
            self._check_usable()
            with self._failing():
                return self._commit_in_order()

    def close(self) -> None:
        """Commit the rows that wait and end; safe to call twice.

        Raises:
            HeadwaterError: As ``append``, unless that has told it; then it has ended all the same.
        """
        try:
            if self._is_open and not self._is_told:
                self.flush()
        finally:
            self._stop()
        if self._files.has_news:
            self._files.checkpoint()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._stop()

    def _check_usable(self) -> None:
        if not self._is_open:
            raise Invalid("append-closed", "the appender is closed", fix="open another one")
        if self._failure is not None:
            self._is_told = True
            raise self._failure

    def _takes(self, sequence: int | None) -> bool:
        """Tell whether rows of this number are new.

        Raises:
            Invalid: ``append-sequence``.
        """
        is_numbered = sequence is not None
        if self._numbers_rows is None:
            self._numbers_rows = is_numbered
        if is_numbered != self._numbers_rows:
            raise Invalid(
                "append-sequence",
                "some rows come with a sequence number and some without",
                why="which of them the table has already could not be told",
                fix="give every call a number, or none",
            )
        if sequence is None:
            return True
        if self.sequence is not None and sequence <= self.sequence:
            return False
        if self._newest is not None and sequence <= self._newest:
            raise Invalid(
                "append-sequence",
                f"sequence number {sequence} comes after {self._newest}",
                why="rows are told apart by numbers that grow",
                fix="hand the rows over in their source's order",
            )
        return True

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Keep an error: rows that were not committed are gone, and nothing may follow them."""
        try:
            yield
        except HeadwaterError as error:
            self._fail(error)
            self._is_told = True
            raise

    def _fail(self, error: HeadwaterError) -> None:
        self._failure = error
        self._oldest = None
        self._buffer.clear()

    def _commit_in_order(self) -> int | None:
        """Commit the rows, and wait while files come faster than they can be written together.

        The keeper is awake then, and goes on before those who wait here.
        """
        version = self._commit_rows()
        while self._files.is_behind and self._is_open and self._keeper.is_alive():
            self._turns.wait(TURN_SECONDS_MAX)
        return version

    # -- the commit --------------------------------------------------------------------------

    def _commit_rows(self) -> int | None:
        offered = self._buffer.take()
        if not offered:
            return None
        self._load.begin()
        for attempt in range(TRIES_MAX):
            prefix = f"{self._load.run_id}-{self.commits}-{attempt}-"
            try:
                intakes = self._write(offered, prefix)
                version = self._publish(intakes, prefix)
            except Conflict as error:
                discard_files(self._load.table, prefix)
                check_still_there(self._load.table, self._seen(), error)
                self._check_overtaken(error)
                self._snapshot = self._load.table.snapshot_or_none()
            except HeadwaterError as error:
                if not may_still_land(self._load.table, error):
                    discard_files(self._load.table, prefix)
                check_still_there(self._load.table, self._seen(), error)
                raise
            else:
                self._note(intakes, version)
                return version
        raise Conflict(
            "commit-conflict",
            f"other writers changed `{self._load.table.root}` {TRIES_MAX} times in a row",
            fix="go on from `sequence` when fewer writers are at work",
        )

    def _write(self, offered: tuple[OfferedRows, ...], prefix: str) -> tuple[Intake, ...]:
        """Write rows as data files.

        Raises:
            Invalid: ``append-rows-unfit``.
        """
        target = None if self._snapshot is None else self._snapshot.columns
        with self._session() as session:
            taken = self._take(session, offered, target, prefix)
            if taken[-1].rejected_rows and self._options.widens:
                discard_files(self._load.table, prefix)
                wider = self._widest(session, offered)
                taken = self._take(session, offered, wider, f"{prefix}w-")
        if taken[-1].rejected_rows:
            raise _unfit(taken[-1])
        return taken

    def _take(
        self,
        session: Session,
        offered: tuple[OfferedRows, ...],
        target: tuple[Column, ...] | None,
        prefix: str,
    ) -> tuple[Intake, ...]:
        """Write rows for some columns, up to those that do not fit."""
        snapshot, options = self._snapshot, self._options
        by = options.partition_by if snapshot is None else snapshot.partition_columns
        intakes: list[Intake] = []
        for number, rows in enumerate(offered):
            destination = Destination(
                root=self._load.table.root,
                prefix=f"{prefix}{number}-",
                partition_by=by,
                compression="uncompressed" if options.compacts else "zstd",
                mapped=mapped_or_none(snapshot),
            )
            intake = session.take_rows(rows, target, destination, adds_columns=options.adds_columns)
            intakes.append(intake)
            if intake.rejected_rows:
                break
            target = typed_columns(target, intake.columns)
        return tuple(intakes)

    def _widest(self, session: Session, offered: tuple[OfferedRows, ...]) -> tuple[Column, ...]:
        """Return the newest columns of the table, with types that hold all of the rows.

        Raises:
            Invalid: ``append-rows-unfit``.
        """
        self._snapshot = self._load.table.snapshot_or_none()
        target = None if self._snapshot is None else self._snapshot.columns
        for rows in offered:
            seen = session.take_rows(
                rows, target, None, adds_columns=self._options.adds_columns, widens=True
            )
            if seen.rejected_rows:
                raise _unfit(seen)
            target = typed_columns(target, seen.columns)
        return target or ()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Give a session; it is kept for the next commit while nobody else could want it."""
        context = self._load.context
        if self._kept is None:
            is_small = self._options.rows_max <= TOGETHER_ROWS_MAX
            self._kept = context.engine.open_session(
                catalog=context.catalog, schema=context.schema, threads=1 if is_small else None
            )
        try:
            yield self._kept
        except BaseException:
            self._let_go()
            raise
        known = context.engine.statistics()
        if known.sessions_open >= known.sessions_max:
            self._let_go()

    def _let_go(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _publish(self, intakes: tuple[Intake, ...], prefix: str) -> int:
        snapshot = self._snapshot
        files = _files_of(intakes)
        kept = () if snapshot is None else snapshot.columns
        merged = typed_columns(kept, intakes[-1].columns)
        again: tuple[Action, ...] = ()
        widened = widened_columns(kept, merged)
        if snapshot is not None and widened:
            self._let_go()  # it would wait for a session that only we could give back
            rewritten = write_widened(self._load.context, snapshot, merged, f"{prefix}widened-")
            again, self._used = rewritten.actions, self._used + rewritten.meter
        made_for, schema = fit_columns(snapshot, merged, self._options.partition_by)
        requirements: list[Requirement] = [made_for]
        actions: list[Action] = [*schema, *again, *(AddFile(file=file) for file in files)]
        if self._newest is not None:
            requirements.append(TransactionIs(app_id=self._app_id, version=self.sequence))
            actions.append(SetTransaction(app_id=self._app_id, version=self._newest))
        entry = Commit(
            operation="WRITE",
            requirements=tuple(requirements),
            actions=tuple(actions),
            parameters={"mode": "Append"},
            headwater={"run_id": self._load.run_id, "action": "append"},
            metrics=output_metrics(files),
        )
        version = commit(self._load.table, entry, self._load.context.clock, checkpoint_every=0)
        self.widened += widened
        return version

    def _seen(self) -> int | None:
        """Return the newest version that was made or looked at; None when there was no table."""
        if self.version is None and self._snapshot is not None:
            return self._snapshot.version
        return self.version

    def _check_overtaken(self, error: Conflict) -> None:
        if error.code == "already-committed":
            raise Conflict(
                "append-overtaken",
                f"another appender has added rows of source `{self._options.source}`",
                why=error.what,
                fix="let one appender at a time have a source; open this one again to go on",
            ) from error

    def _note(self, intakes: tuple[Intake, ...], version: int) -> None:
        """Remember what the table has now."""
        files = _files_of(intakes)
        before = self._snapshot
        taken = intakes[-1].columns
        if before is None or typed_columns(before.columns, taken) != before.columns:
            self._snapshot = self._load.table.snapshot()
        if before is None:
            self._load.name_table()
        self.sequence, self.version = self._newest, version
        self.commits += 1
        self.rows += sum(file.rows or 0 for file in files)
        for intake in intakes:
            if intake.written is not None:
                self._used += intake.written.meter
        self._buffer.clear()
        self._oldest = None
        self._files.note(len(files), version)
        if self._has_work():
            self._turns.tell()

    # -- keeping the table in order ----------------------------------------------------------

    def _keep(self) -> None:
        """Commit rows that have waited long enough, and keep files few; in a thread of its own."""
        while True:
            with self._turns.first():
                if not self._is_open:  # asked under the lock, or the last call is not heard
                    return
                if not self._has_work() and not self._turns.rest(self._patience()):
                    self._let_go()
                if self._patience() == 0.0:
                    self._commit_in_background()
                compacts, is_due = self._files.wants_compaction, self._files.wants_checkpoint
            if compacts and self._is_open:
                self._files.compact()
            if is_due and self._is_open:
                self._files.checkpoint()

    def _has_work(self) -> bool:
        files = self._files
        return files.wants_compaction or files.wants_checkpoint or self._patience() == 0.0

    def _commit_in_background(self) -> None:
        """Commit; what goes wrong is told to the next who calls."""
        try:
            self._commit_rows()
        except HeadwaterError as error:
            self._fail(error)

    def _patience(self) -> float | None:
        """Return how long the keeper may sleep: 0 when rows have waited long enough."""
        idle = None if self._kept is None else IDLE_SECONDS_MAX
        if self._oldest is None or not self._options.seconds_max:
            return idle
        passed = self._load.context.clock.monotonic() - self._oldest
        rest = max(0.0, self._options.seconds_max - passed)
        return rest if idle is None else min(rest, idle)

    def _stop(self) -> None:
        with self._turns:
            self._is_open = False  # before the keeper looks again
            self._buffer.clear()
            self._let_go()
            self._turns.tell()
        self._keeper.join()


@contextmanager
def appending(context: Context, table: str, options: AppendOptions) -> Iterator[Appender]:
    """Open an appender on a table, which is made when it does not exist.

    Raises:
        Invalid: ``ingest-target``, ``load-into-model``, ``append-option``.
    """
    name = target_name(context, table, is_forced=options.is_forced)
    with loading(context, name, "append") as load, Appender(load, options) as appender:
        yield appender


def _check(options: AppendOptions) -> None:
    limits = {"rows_max": options.rows_max, "bytes_max": options.bytes_max}
    wrong = [name for name, value in limits.items() if value < 1]
    wrong += ["seconds_max"] if options.seconds_max < 0 else []
    wrong += ["source"] if not options.source else []
    if wrong:
        raise Invalid(
            "append-option",
            f"`{wrong[0]}` of an appender cannot be `{getattr(options, wrong[0])}`",
            fix="give a positive number, and a source with a name",
        )


def _files_of(intakes: tuple[Intake, ...]) -> tuple[DataFile, ...]:
    return tuple(
        file for intake in intakes if intake.written is not None for file in intake.written.added
    )


def _unfit(intake: Intake) -> Invalid:
    reason = intake.rejected[0].reason if intake.rejected else ""
    return Invalid(
        "append-rows-unfit",
        f"{intake.rejected_rows:,} of the rows do not fit the table; the first: {reason}",
        why="a value must come back out of its column as it went in",
        fix="convert the values before, or open the appender with `widens=True`, which gives a "
        "column a type that holds them where there is one",
    )
