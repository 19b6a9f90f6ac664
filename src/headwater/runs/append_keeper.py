"""Keeps a table in order while rows are appended: few small files, and checkpoints.

An appender leaves a file with every commit. Here because what keeps them few runs in a thread of
its own, which must get its turn between commits, must not make them wait long, and must not be
outrun by them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Condition
from types import TracebackType
from typing import Self

from headwater.base.errors import HeadwaterError
from headwater.base.ids import RunId
from headwater.base.meters import Meter
from headwater.lake.compaction import choose_newest
from headwater.lake.make_checkpoint import make_checkpoint
from headwater.runs.loads import SMALL_FILES_MAX, Load
from headwater.runs.rearrange import Beside, Rearranged, rearrange

CHECKPOINT_SHARE = 20
"""A checkpoint is made when the time since the last is this many times what that one took."""

CHECKPOINT_COMMITS_MIN = 10
"""Commits since the last checkpoint below which none is made."""

BEHIND_MAX = 4
"""How many times as many small files there may be before who appends waits for them."""

PRESSED_MIN = 2
"""How many times as many small files there are before all processors write them together: one
leaves the others to who appends, whose commits take half as long at the 99th percentile."""

RETRY_SECONDS = 1.0
"""How long small files stay after they could not be written together, before it is tried again;
twice as long after each further failure."""

RETRY_SECONDS_MAX = 60.0
"""How long at most."""

DOUBLINGS_MAX = 10
"""How often that is doubled at most: of days of failures the power is no number any more."""

TURN_SECONDS_MAX = 1.0
"""How long one lets another go first, or sleeps before it looks again."""


class Turns:
    """A lock that one thread gets before all others when it asks.

    Whoever appends in a loop takes the lock again as soon as it has let go, and a thread that only
    waits for it would wait for seconds.
    """

    def __init__(self) -> None:
        """Nobody has it."""
        self._changed = Condition()
        self._is_asked = False
        self._rests = False

    def __enter__(self) -> Self:
        """Take it, after the one that asks to be first; not for ever, for that one may be dead."""
        self._changed.acquire()
        self._changed.wait_for(lambda: not self._is_asked, TURN_SECONDS_MAX)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._changed.release()

    @contextmanager
    def first(self) -> Iterator[None]:
        """Take it before all others; for one thread alone."""
        self._is_asked = True
        with self._changed:
            self._is_asked = False
            try:
                yield
            finally:
                self._changed.notify_all()

    def rest(self, seconds: float | None) -> bool:
        """Let go of it until somebody tells, then be first; False when nobody did in time."""
        self._rests = True
        self._changed.notify_all()  # those who let it go first
        try:
            return self._changed.wait(seconds)
        finally:
            self._rests = self._is_asked = False

    def wait(self, seconds: float) -> None:
        """Let go of it until somebody tells, or for some time."""
        self._changed.wait(seconds)

    def wake(self) -> None:
        """Wake all who wait; nobody is first."""
        self._changed.notify_all()

    def tell(self) -> None:
        """Wake all who wait; the one that rests is first, because there is work for it."""
        self._is_asked = self._rests
        self._changed.notify_all()


class AppendKeeper:
    """What is to be done for a table that is appended to. Its state is changed in turns alone.

    Attributes:
        compacted: Small files that were written together.
        meter: What that used.
        failure: Why they could not be the last time; None when they were.
    """

    def __init__(self, load: Load, turns: Turns, *, small_files: int, compacts: bool) -> None:
        """Look after the table of a load.

        Args:
            load: The load.
            turns: The appender's lock.
            small_files: Small files that the table has.
            compacts: Write small files together.
        """
        self.compacted = 0
        self.meter = Meter()
        self._load = load
        self._turns = turns
        self._small = small_files
        self._under_way = 0
        self._compacts = compacts
        self._failures = 0
        self._retry_at = 0.0
        self.failure: HeadwaterError | None = None
        self._pace = _Pace(load.context.clock.monotonic())

    def note(self, files: int, version: int) -> None:
        """Remember that a commit added files."""
        self._small += files
        self._pace.commits += 1
        self._pace.version = version

    @property
    def wants_compaction(self) -> bool:
        """Whether there are enough small files to write them together, and it may succeed."""
        if not self._compacts or self._small < SMALL_FILES_MAX:
            return False
        return not self._failures or self._load.context.clock.monotonic() >= self._retry_at

    @property
    def wants_checkpoint(self) -> bool:
        """Whether a checkpoint pays now."""
        return self._pace.is_due(self._load.context.clock.monotonic())

    @property
    def has_news(self) -> bool:
        """Whether enough has been committed for a last checkpoint."""
        return self._pace.commits >= CHECKPOINT_COMMITS_MIN

    @property
    def is_behind(self) -> bool:
        """Whether there are so many small files that no more should come until some are gone.

        Nobody waits for what fails: rows are worth more than few files.
        """
        waiting = self._small + self._under_way
        is_many = waiting >= BEHIND_MAX * SMALL_FILES_MAX
        return self._compacts and not self._failures and is_many

    def compact(self) -> None:
        """Write small files together; the rows are in the table with or without it.

        Commits go on while the files are written; only the commit of the new ones is taken in
        between two of them.
        """
        context, table = self._load.context, self._load.table
        with self._turns.first():
            self._small, self._under_way = 0, self._small
            is_pressed = self._under_way >= PRESSED_MIN * SMALL_FILES_MAX
        beside = Beside(turn=self._turns.first(), threads=None if is_pressed else 1)
        own = RunId(f"{self._load.run_id}-compact{self._pace.version}")
        done, failure = Rearranged(), None
        try:
            snapshot = table.snapshot()
            done = rearrange(context, table, snapshot, choose_newest(snapshot), own, beside)
        except HeadwaterError as error:
            failure = error
        finally:
            with self._turns.first():
                self._take_end(failure)
                self.compacted += done.files_removed
                self.meter += done.meter

    def _take_end(self, failure: HeadwaterError | None) -> None:
        """Remember how it ended: files that could not be written together are as many as before."""
        waited, self._under_way, self.failure = self._under_way, 0, failure
        if failure is None:
            self._failures = 0
            return
        self._small += waited
        seconds = min(RETRY_SECONDS_MAX, RETRY_SECONDS * 2.0 ** min(self._failures, DOUBLINGS_MAX))
        self._retry_at = self._load.context.clock.monotonic() + seconds
        self._failures += 1

    def checkpoint(self) -> None:
        """Make a checkpoint of the newest version; the table is whole without it."""
        clock = self._load.context.clock
        started, version = clock.monotonic(), self._pace.version
        with suppress(HeadwaterError):
            make_checkpoint(self._load.table, version)
        ended = clock.monotonic()
        with self._turns.first():
            self._pace.made(started, ended)


@dataclass(slots=True)
class _Pace:
    """When a checkpoint pays: they take at most a twentieth of the time.

    Attributes:
        since: When the last one was made, or the appender opened.
        cost: Seconds that it took.
        commits: Commits since.
        version: The newest version.
    """

    since: float
    cost: float = 0.0
    commits: int = 0
    version: int = 0

    def is_due(self, now: float) -> bool:
        """Tell whether enough has happened since the last one."""
        waited = now - self.since > CHECKPOINT_SHARE * self.cost
        return waited and self.commits >= CHECKPOINT_COMMITS_MIN

    def made(self, started: float, ended: float) -> None:
        """Remember that one was made, and what it took."""
        self.since, self.cost, self.commits = ended, ended - started, 0
