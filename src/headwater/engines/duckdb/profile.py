"""What a statement used: CPU by the OS clock, the rest from DuckDB's own profile.

DuckDB's ``cpu_time`` is summed wall time of operators (src/main/query_profiler.cpp), wrong by a
factor of four on a busy machine. Each session has an instance of its own, so the CPU time of the
instance's threads and of the calling thread is the session's.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import duckdb
import msgspec

from headwater.base.meters import Meter

_TASKS = "/proc/self/task"
_PER_THREAD, _SCHEDULED = 4, 2
"""Bits of a clock's number: CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED of posix-timers.h."""
_T = TypeVar("_T")

# Without the times of operators and of the optimizer the document stays small for any query.
_METRICS = (
    "io.total_bytes_read",
    "system.peak_buffer_memory",
    "system.peak_temp_dir_size",
    "query.total_rows_scanned",
    "operator.type",
    "operator.extra_info",
    "operator.row_groups_scanned",
    "operator.total_row_groups_to_scan",
)
PROFILE_SETTINGS = (
    "PRAGMA enable_profiling = 'no_output'",  # first, so that nothing is ever printed
    "SET profiling_coverage = 'all'",
    "SET profiling_mode = 'standard'",
    f"SET tracked_metrics = {list(_METRICS)}",
)
"""Statements that turn profiling on for one connection."""


class _Io(msgspec.Struct):
    total_bytes_read: int | None = None


class _System(msgspec.Struct):
    peak_buffer_memory: int | None = None
    peak_temp_dir_size: int | None = None


class _Query(msgspec.Struct):
    total_rows_scanned: int | None = None


class _Operator(msgspec.Struct):
    type: str = ""
    extra_info: dict[str, str | list[str]] = msgspec.field(default_factory=dict)
    row_groups_scanned: int = 0
    total_row_groups_to_scan: int = 0
    children: list["_Operator"] = msgspec.field(default_factory=list)


class _Profile(msgspec.Struct):
    io: _Io = msgspec.field(default_factory=_Io)
    system: _System = msgspec.field(default_factory=_System)
    query: _Query = msgspec.field(default_factory=_Query)
    operator: list[_Operator] = msgspec.field(default_factory=list)


_PROFILE_DECODER = msgspec.json.Decoder(_Profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRead:
    """What one scan of a statement read.

    Attributes:
        function: The table function, in capitals; empty for a table of the instance.
        table: Qualified name of that table; empty for a function.
        files: Names of files that were read: the first few of them when they are many.
        files_read: How many there were.
        projections: Columns that came out of it, or parts of columns.
        filters: Conditions that it applied, as text.
        share: Part of the row groups that was read, 0 to 1.
    """

    function: str
    table: str
    files: tuple[str, ...]
    files_read: int
    projections: tuple[str, ...]
    filters: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Used:
    """What a statement used, and what its scans read."""

    meter: Meter
    scans: tuple[ScanRead, ...] = ()


class ThreadClocks:
    """CPU clocks of one instance's workers; of one thread, the caller works alone."""

    def __init__(self, thread_ids: frozenset[int], *, works_alone: bool = False) -> None:
        self._clocks = tuple(clock for each in thread_ids if _ticks(clock := _clock_of(each)))
        self._has_clocks = len(self._clocks) == len(thread_ids) and (
            works_alone or len(thread_ids) > 0
        )

    def seconds(self) -> float:
        """Return CPU seconds of the workers and of the calling thread since some start."""
        if not self._has_clocks:
            return time.process_time()
        return time.thread_time() + sum(map(_read_clock, self._clocks))


def thread_ids() -> frozenset[int]:
    """Return the process's thread ids that Python did not start; none where the OS hides them."""
    try:
        ids = {int(name) for name in os.listdir(_TASKS)}  # noqa: PTH208 - pathlib costs 4x here
    except OSError:
        return frozenset()
    return frozenset(ids - {thread.native_id for thread in threading.enumerate()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """Measures calls on one connection.

    Attributes:
        connection: A connection with ``PROFILE_SETTINGS``.
        clocks: Clocks of its instance.
    """

    connection: duckdb.DuckDBPyConnection
    clocks: ThreadClocks

    def call(self, work: Callable[[], _T]) -> tuple[_T, Used]:
        """Run one statement and say what it used; errors pass through."""
        answer, meter = self.timed(work)
        profile = self._profile()
        if profile is None:
            return answer, Used(replace(meter, logical_bytes=None))
        return answer, Used(
            replace(
                meter,
                bytes_read=profile.io.total_bytes_read,
                rows_read=profile.query.total_rows_scanned,
                peak_memory_bytes=profile.system.peak_buffer_memory,
                spilled_bytes=profile.system.peak_temp_dir_size,
            ),
            tuple(_scans(profile.operator)),
        )

    def timed(self, work: Callable[[], _T]) -> tuple[_T, Meter]:
        """Do something that binds a statement and runs none, and say what it used."""
        return _timed(self.clocks, work)

    def _profile(self) -> _Profile | None:
        with suppress(duckdb.Error, msgspec.DecodeError, msgspec.ValidationError):
            return _PROFILE_DECODER.decode(self.connection.get_profiling_information(format="json"))
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocked:
    """Measures time alone, on a connection without a profile, which costs a tenth of a statement.

    Attributes:
        clocks: Clocks of its instance.
        logical_bytes: What its statements are taken to read: nothing, or nobody knows.
    """

    clocks: ThreadClocks
    logical_bytes: Literal[0] | None = None

    def call(self, work: Callable[[], _T]) -> tuple[_T, Used]:
        """Run one statement and say how long it took."""
        answer, meter = self.timed(work)
        return answer, Used(replace(meter, logical_bytes=self.logical_bytes))

    def timed(self, work: Callable[[], _T]) -> tuple[_T, Meter]:
        """Do something and say how long it took."""
        return _timed(self.clocks, work)


class Unmetered:
    """Stands in for ``Metered`` where nobody asks what something used."""

    def call(self, work: Callable[[], _T]) -> tuple[_T, Used]:
        """Run one statement."""
        return work(), Used(Meter())

    def timed(self, work: Callable[[], _T]) -> tuple[_T, Meter]:
        """Do something that binds a statement."""
        return work(), Meter()


def _timed(clocks: ThreadClocks, work: Callable[[], _T]) -> tuple[_T, Meter]:
    wall, cpu = time.perf_counter(), clocks.seconds()
    answer = work()
    cpu_seconds = max(0.0, clocks.seconds() - cpu)
    wall_seconds = time.perf_counter() - wall
    return answer, Meter(cpu_seconds=cpu_seconds, wall_seconds=wall_seconds, statements=1)


def _scans(operators: Iterable[_Operator]) -> Iterator[ScanRead]:
    for each in operators:
        if each.type == "TABLE_SCAN":
            yield _scan(each)
        yield from _scans(each.children)


def _scan(operator: _Operator) -> ScanRead:
    facts = operator.extra_info
    names = [name for text in _listed(facts, "Filename(s)") for name in text.split(", ")]
    files = tuple(name for name in names if name and not name.startswith("..."))
    total = operator.total_row_groups_to_scan
    return ScanRead(
        function=str(facts.get("Function", "")).upper(),
        table=str(facts.get("Table", "")),
        files=files,
        files_read=int(str(facts.get("Total Files Read") or len(files))),
        projections=_listed(facts, "Projections"),
        filters=(*_listed(facts, "Filters"), *_listed(facts, "Dynamic Filters")),
        share=min(1.0, operator.row_groups_scanned / total) if total else 1.0,
    )


def _listed(facts: Mapping[str, str | list[str]], key: str) -> tuple[str, ...]:
    """Return one or several texts of an operator; none for an empty one."""
    found = facts.get(key, "")
    return tuple(found) if isinstance(found, list) else (found,) if found else ()


def _clock_of(thread_id: int) -> int:
    """Return Linux's clock of a thread's CPU time, as ``pthread_getcpuclockid`` makes it.

    Read like this it costs 1 us and keeps Python's lock, which the files below /proc make every
    reader give away and win back.
    """
    return (~thread_id << 3) | _PER_THREAD | _SCHEDULED


def _ticks(clock: int) -> bool:
    try:
        time.clock_gettime(clock)
    except (OSError, AttributeError, OverflowError):
        return False
    return True


def _read_clock(clock: int) -> float:
    """Return seconds on CPU; a thread that ended counts 0."""
    with suppress(OSError):
        return time.clock_gettime(clock)
    return 0.0
