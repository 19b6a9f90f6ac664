"""What a statement used: CPU by the OS clock, the rest from DuckDB's own profile.

DuckDB's ``cpu_time`` is summed wall time of operators (src/main/query_profiler.cpp), wrong by a
factor of four on a busy machine. Each session has an instance of its own, so the CPU time of the
instance's threads and of the calling thread is the session's.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import duckdb
import msgspec

from headwater.base.meters import Meter

_TASKS = "/proc/self/task"
_NANO = 1e-9
_SCHEDSTAT_BYTES = 64
_T = TypeVar("_T")

# Without operator and optimizer metrics the document stays 300 bytes for any query.
_METRICS = (
    "io.*",
    "system.peak_buffer_memory",
    "system.peak_temp_dir_size",
    "query.total_rows_scanned",
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


class _Profile(msgspec.Struct):
    io: _Io = msgspec.field(default_factory=_Io)
    system: _System = msgspec.field(default_factory=_System)
    query: _Query = msgspec.field(default_factory=_Query)


_PROFILE_DECODER = msgspec.json.Decoder(_Profile)


class ThreadClocks:
    """CPU clocks of one instance's worker threads."""

    def __init__(self, thread_ids: frozenset[int]) -> None:
        self._files = _open_clocks(thread_ids)

    def seconds(self) -> float:
        """Return CPU seconds of the workers and of the calling thread since some start."""
        if self._files is None:
            return time.process_time()
        total = sum(int(_read_clock(file)) for file in self._files)
        return time.thread_time() + total * _NANO

    def close(self) -> None:
        """Close the clocks' files."""
        for file in self._files or ():
            os.close(file)
        self._files = ()


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

    def call(self, work: Callable[[], _T]) -> tuple[_T, Meter]:
        """Run one statement and say what it used; errors pass through."""
        wall, cpu = time.perf_counter(), self.clocks.seconds()
        answer = work()
        cpu_seconds = max(0.0, self.clocks.seconds() - cpu)
        wall_seconds = time.perf_counter() - wall
        profile = self._profile()
        return answer, Meter(
            cpu_seconds=cpu_seconds,
            wall_seconds=wall_seconds,
            bytes_read=profile.io.total_bytes_read,
            rows_read=profile.query.total_rows_scanned,
            peak_memory_bytes=profile.system.peak_buffer_memory,
            spilled_bytes=profile.system.peak_temp_dir_size,
            statements=1,
        )

    def _profile(self) -> _Profile:
        with suppress(duckdb.Error, msgspec.DecodeError, msgspec.ValidationError):
            return _PROFILE_DECODER.decode(self.connection.get_profiling_information(format="json"))
        return _Profile()


def _open_clocks(ids: frozenset[int]) -> tuple[int, ...] | None:
    """Open each thread's schedstat once: a pread costs 1 us where open and read cost 10."""
    files: list[int] = []
    try:
        files.extend(os.open(f"{_TASKS}/{thread}/schedstat", os.O_RDONLY) for thread in ids)
    except OSError:
        for file in files:
            os.close(file)
        return None
    return tuple(files) if files else None


def _read_clock(file: int) -> bytes:
    """Return nanoseconds on CPU, the first number of schedstat; a thread that ended counts 0."""
    with suppress(OSError):
        return os.pread(file, _SCHEDSTAT_BYTES, 0).split(b" ", 1)[0] or b"0"
    return b"0"
