"""One DuckDB instance in memory, with its own threads, memory limit and spill folder.

A session has an instance to itself while it is open, so that what it uses can be measured and
limited by itself. Opening one costs about 20 ms, so clean ones are used again.
"""

import shutil
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

import duckdb

from headwater.base.errors import Invalid
from headwater.base.relations import TableName, quote_identifier
from headwater.engines.duckdb.connection import Cursors
from headwater.engines.duckdb.errors import DRIVER_ERRORS, error_of
from headwater.engines.duckdb.files import Files, RemoteFiles
from headwater.engines.duckdb.kept import KeptRows
from headwater.engines.duckdb.profile import PROFILE_SETTINGS, ThreadClocks, thread_ids
from headwater.engines.duckdb.spill import make_spill_folder
from headwater.engines.duckdb.standing import Standing
from headwater.engines.duckdb.text import quote_text

HOME = "__headwater"
"""Catalog of our own tables; also the default one, so that any other can be detached."""

_THREADS = frozenset({"threads", "worker_threads"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSettings:
    """How to open an instance.

    Attributes:
        memory_limit_bytes: Limit of its buffers.
        threads: Worker threads.
        temp_directory: Folder in which it makes its own for spilling; None: the system's.
        project_root: Base of relative paths in SQL.
        settings: The profile's own DuckDB settings.
        make_remote: Makes the file system of object stores; None for folders only.
        keeps_rows: Its sessions work on few rows: what they write is kept for those after them.
        queries: What texts were parsed to, for all instances of an engine.
    """

    memory_limit_bytes: int
    threads: int
    temp_directory: str | None
    project_root: str
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    make_remote: Callable[[], RemoteFiles] | None = None
    keeps_rows: bool = False
    queries: dict[str, str] = field(default_factory=dict)


class Instance:
    """An open instance. Its owner opens one connection at a time on it."""

    def __init__(self, settings: InstanceSettings) -> None:
        """Open it.

        Raises:
            Invalid: ``engine-setting-invalid``, when the spill folder cannot be made.
        """
        self._settings = settings
        self.kind = (settings.threads, settings.keeps_rows)
        self.queries = settings.queries
        self._spare: Cursors | None = None
        self._spill = make_spill_folder(settings.temp_directory)
        # Also when the program ends without closing; only a kill leaves the folder behind.
        self._remove_spill = weakref.finalize(self, shutil.rmtree, self._spill, ignore_errors=True)
        others = thread_ids()
        try:
            self._root = duckdb.connect(":memory:", config=self._config())
        except DRIVER_ERRORS as error:
            self._remove_spill()
            raise error_of(error, "") from error
        self.clocks = ThreadClocks(thread_ids() - others, works_alone=settings.threads == 1)
        self.kept = KeptRows() if settings.keeps_rows else None
        self.standing = Standing() if settings.keeps_rows else None
        remote = settings.make_remote() if settings.make_remote else None
        if remote is not None:
            self._root.register_filesystem(remote)
        self.files = Files(remote)
        self._run(f"ATTACH ':memory:' AS {HOME}")
        self._run(f"USE {HOME}")
        self._run("DETACH memory")

    def connect(self) -> Cursors:
        """Give connections with the profile's settings: kept ones, or others.

        A new one costs as much as four small statements.

        Raises:
            Invalid: ``engine-setting-invalid``.
        """
        if self._spare is not None:
            cursors, self._spare = self._spare, None
            return cursors
        if self.standing is not None:
            self.standing.home = None
        profiled = self._cursor(PROFILE_SETTINGS)
        return Cursors(profiled=profiled, bare=None if self.standing is None else self._cursor(()))

    def _cursor(self, settings: Sequence[str]) -> duckdb.DuckDBPyConnection:
        cursor = self._root.cursor()
        # UTC: the same results on every machine; the profile may set another. At once, because a
        # statement costs 0.1 ms however little it does.
        cursor.execute("; ".join((*settings, "SET TimeZone = 'UTC'", f"USE {HOME}")))
        for name, value in self._settings.settings.items():
            if self._settings.keeps_rows and name.lower() in _THREADS:
                continue
            try:
                cursor.execute(f"SET {quote_identifier(name)} = {quote_text(value)}")
            except DRIVER_ERRORS as error:
                cursor.close()
                raise Invalid(
                    "engine-setting-invalid",
                    f"DuckDB does not take the setting `{name}` = `{value}`",
                    why=error_of(error, "").what,
                    fix="correct it under `settings` in the profile; "
                    "`select name, description from duckdb_settings()` lists what there is",
                ) from error
        return cursor

    def keep(self, cursors: Cursors) -> None:
        """Give the next session connections on which nothing was set since ``connect``."""
        self._spare = cursors

    def clean(
        self, catalogs: Iterable[str], tables: Iterable[str], views: Iterable[TableName] = ()
    ) -> bool:
        """Drop what a session made; False when that failed and it must be closed.

        The session says what it made: to ask the catalog's own views takes 2 ms, longer than many
        a query.

        Args:
            catalogs: Names of the catalogs that it attached.
            tables: Qualified and quoted names of its tables in ``HOME``.
            views: Those of its names that shall not stand, in catalogs that it leaves.
        """
        surplus = () if self.kept is None else self.kept.take_surplus()
        gone = () if self.standing is None else self.standing.take_over(surplus)
        unbound = (f"DROP VIEW IF EXISTS {name.quoted()}" for name in (*gone, *views))
        dropped = (f"DROP TABLE IF EXISTS {table}" for table in (*tables, *surplus))
        detached = (f"DETACH DATABASE IF EXISTS {quote_identifier(name)}" for name in catalogs)
        statements = "; ".join((*unbound, *detached, *dropped))
        with suppress(*DRIVER_ERRORS):
            if statements:
                self._run(statements)
            return True
        return False

    def close(self) -> None:
        """Stop its threads and remove its spill folder; safe to call twice."""
        spare = () if self._spare is None else self._spare.all()
        for each in (*spare, self._root):
            with suppress(*DRIVER_ERRORS):
                each.close()
        self._remove_spill()

    def _run(self, sql: str) -> None:
        self._root.execute(sql)

    def _config(self) -> dict[str, str | bool | int | float | list[str]]:
        return {
            "memory_limit": f"{self._settings.memory_limit_bytes}B",
            "threads": self._settings.threads,
            # None: DuckDB 2.0.0 deadlocks when a COPY is interrupted while a thread of these writes
            # (AsyncFileWriter::AbortWrite waits for a task that waits for its lock; seen after 8
            # interrupts with one thread, never in 60 without). Writing is as fast without them.
            "async_threads": 0,
            "temp_directory": str(self._spill),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            # Names in SQL never mean Python variables.
            "python_enable_replacements": "false",
            "errors_as_json": "true",
            "partitioned_write_flush_threshold": 65536,
            "file_search_path": self._settings.project_root,
        }
