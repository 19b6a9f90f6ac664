"""The embedded engine: DuckDB in this process, one instance a session."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import duckdb

from headwater.base.errors import InternalError
from headwater.engines.duckdb.files import RemoteFiles
from headwater.engines.duckdb.instance import Instance, InstanceSettings
from headwater.engines.duckdb.session import DuckDBSession
from headwater.engines.duckdb.spill import sweep_spill_folders
from headwater.engines.engine import Engine, EngineSettings, EngineStatistics, Session

_MEMORY_SHARE = 0.7
_SESSION_MEMORY_MIN_BYTES = 256 * 1024 * 1024
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


_OTHER_COMPARISONS = frozenset({"default_collation", "collation", "old_implicit_casting"})


class DuckDBEngine(Engine):
    """DuckDB, in this process.

    At most ``settings.threads`` sessions are open at once; each may use an equal share of the
    memory limit, but not less than 256 MiB, and all processors.
    """

    name: ClassVar[str] = "duckdb"
    dialect: ClassVar[str] = "duckdb"
    can_merge: ClassVar[bool] = True
    can_overwrite_partitions: ClassVar[bool] = True
    can_query_interactively: ClassVar[bool] = True

    def __init__(
        self, settings: EngineSettings, make_remote: Callable[[], RemoteFiles] | None = None
    ) -> None:
        """Open nothing yet.

        Args:
            settings: How to open instances.
            make_remote: Makes the file system of object stores for one; None for folders only.
        """
        sweep_spill_folders(settings.temp_directory)
        sessions = max(1, settings.threads)
        limit = settings.memory_limit_bytes or int(_machine_memory_bytes() * _MEMORY_SHARE)
        self._memory_limit_bytes = limit
        self._sessions_max = sessions
        self._slots = threading.BoundedSemaphore(sessions)
        # Also held while an instance opens: its threads are those that are new then.
        self._lock = threading.Lock()
        self._idle: dict[tuple[int, bool], list[Instance]] = {}
        self._sessions: set[DuckDBSession] = set()
        self._closed = False
        self._instance_settings = InstanceSettings(
            memory_limit_bytes=max(_SESSION_MEMORY_MIN_BYTES, limit // sessions),
            threads=_processors(),
            temp_directory=settings.temp_directory,
            project_root=str(Path(settings.project_root).resolve()),
            settings=settings.settings,
            make_remote=make_remote,
        )

    @property
    def version(self) -> str:
        """DuckDB's version."""
        return duckdb.__version__

    @property
    def can_skip_files(self) -> bool:
        """Whether no setting changes what a comparison means."""
        return not _OTHER_COMPARISONS & {name.lower() for name in self._instance_settings.settings}

    def open_session(
        self, *, catalog: str, schema: str, threads: int | None = None, is_small: bool = False
    ) -> Session:
        """Open a session whose bare names resolve in ``catalog.schema``; waits for a free slot.

        A small one has an instance of one thread: to wake another for a thousand rows costs more
        than they do.
        """
        self._slots.acquire()
        try:
            threads = 1 if is_small else threads or self._instance_settings.threads
            session = self._make_session(threads, keeps_rows=is_small)
        except BaseException:
            self._slots.release()
            raise
        try:
            session.start_in(catalog, schema)
        except BaseException:
            session.close()
            raise
        return session

    def statistics(self) -> EngineStatistics:
        """Return facts about the engine now."""
        return EngineStatistics(
            sessions_open=len(self._sessions),
            sessions_max=self._sessions_max,
            memory_limit_bytes=self._memory_limit_bytes,
            threads=self._instance_settings.threads,
        )

    def close(self) -> None:
        """Close every session and instance; safe to call twice."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions)
        for session in sessions:
            session.interrupt()
            session.close()
        with self._lock:
            idle, self._idle = self._idle, {}
        for instances in idle.values():
            for instance in instances:
                instance.close()

    def _make_session(self, threads: int, *, keeps_rows: bool) -> DuckDBSession:
        with self._lock:
            if self._closed:
                raise InternalError(
                    "session-closed", "the engine is closed", fix="open a new engine"
                )
            idle = self._idle.get((threads, keeps_rows))
            settings = replace(self._instance_settings, threads=threads, keeps_rows=keeps_rows)
            instance = idle.pop() if idle else Instance(settings)
            try:
                session = DuckDBSession(
                    instance,
                    project_root=self._instance_settings.project_root,
                    give_back=self._take_back,
                )
            except BaseException:
                instance.close()
                raise
            self._sessions.add(session)
            return session

    def _take_back(self, session: DuckDBSession, instance: Instance, reusable: bool) -> None:  # noqa: FBT001 - a callback
        kept = reusable and instance.clean(
            session.catalogs, session.lookup_tables, session.passing_names
        )
        with self._lock:
            self._sessions.discard(session)
            kept = kept and not self._closed
            if kept:
                self._idle.setdefault(instance.kind, []).append(instance)
        if not kept:
            instance.close()
        self._slots.release()


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _machine_memory_bytes() -> int:
    """Return the memory of the machine or, if smaller, of the container."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        memory = 4 * 1024**3
    try:
        return min(memory, int(_CGROUP_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return memory
