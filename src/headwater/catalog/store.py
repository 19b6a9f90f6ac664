"""The store: one SQLite file that keeps names and records; the only importer of sqlite3.

It knows statements by name, transactions and migrations, and nothing of what the rows mean; that
is the metastore's. SQLite because it needs no server and survives ``kill -9``: WAL mode, one
writer at a time, readers never wait.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

from headwater.base.errors import DataDamaged, Denied, HeadwaterError, Invalid, Unavailable

Value = str | int | float | bytes | None
Parameters = Mapping[str, Value]
Row = tuple[Value, ...]

BUSY_WAIT_MS = 10_000
"""How long a writer waits for another process before ``store-busy``."""

_APPLICATION_ID = 0x48575452  # "HWTR": tells our file from any other SQLite database
_HERE = Path(__file__).parent


class Store:
    """An open store. Safe to use from several threads; one statement runs at a time."""

    def __init__(self, path: Path) -> None:
        """Open the store at ``path``, creating or migrating it as needed.

        A store that this user may only read is opened for reading, when nobody has it open: what
        another process has written and not yet moved into the file could not be seen.

        Raises:
            DataDamaged: ``store-damaged``.
            Invalid: ``store-newer``.
            Denied: ``store-read-only``.
            Unavailable: ``store-busy`` or ``store-full``.
        """
        self._path = path
        self._lock = RLock()
        self._depth = 0
        self._statements = read_statements(_HERE / "queries.sql")
        self._connection: sqlite3.Connection | None = None
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = self._connect(str(path))
            except sqlite3.OperationalError as error:
                if not _is_refused(error) or not _may_be_read(path):
                    raise
                self._connection = self._connect(f"{path.absolute().as_uri()}?immutable=1")

    def _connect(self, place: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            place,
            timeout=BUSY_WAIT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            uri=place.startswith("file:"),
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all statements inside together; nested calls join the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            with self._explained():
                self._execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has already rolled it back
                    self._execute("rollback")
                raise
            else:
                self._commit()
            finally:
                self._depth -= 1

    def run(self, statement: str, parameters: Parameters | None = None) -> list[Row]:
        """Run a named statement and return its rows."""
        with self._lock, self._explained():
            return self._execute(self._statements[statement], parameters or {}).fetchall()

    def run_for_each(self, statement: str, parameters: Sequence[Parameters]) -> None:
        """Run a named statement once for each set of parameters, in one transaction."""
        with self.transaction(), self._explained():
            self._opened().executemany(self._statements[statement], parameters)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _commit(self) -> None:
        try:
            with self._explained():
                self._execute("commit")
        except HeadwaterError:
            with suppress(sqlite3.Error):
                self._execute("rollback")
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise Unavailable(
                "store-busy",
                "the workspace store has been closed",
                fix="open the workspace anew",
            )
        return self._connection

    def _execute(self, sql: str, parameters: Parameters | None = None) -> sqlite3.Cursor:
        return self._opened().execute(sql, parameters or {})

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"pragma busy_timeout = {BUSY_WAIT_MS}")
        self._check_owner(connection)
        newest = len(migration_files())
        version = _pragma(connection, "user_version")
        if version > newest:
            raise self._newer(version, newest)
        if version < newest:
            connection.execute("pragma journal_mode = wal")
            self._migrate(connection, newest)
        # NORMAL syncs at checkpoints: safe under kill -9. A power cut may lose the last records,
        # which are read back from the Delta logs.
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma foreign_keys = on")

    def _check_owner(self, connection: sqlite3.Connection) -> None:
        # In this order: another process may be making the store, and commits both at once.
        tables = connection.execute("select count(*) from sqlite_schema").fetchone()[0]
        owner = _pragma(connection, "application_id")
        if tables and owner != _APPLICATION_ID:
            raise self._damaged("it is a SQLite database of another program")

    def _migrate(self, connection: sqlite3.Connection, newest: int) -> None:
        connection.execute("begin immediate")
        try:
            # Another process may have migrated while this one waited for the lock.
            version = _pragma(connection, "user_version")
            for file in migration_files()[version:]:
                for statement in split_statements(file.read_text(encoding="utf-8")):
                    connection.execute(statement)
            connection.execute(f"pragma application_id = {_APPLICATION_ID}")
            connection.execute(f"pragma user_version = {max(version, newest)}")
            connection.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("rollback")
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        except OSError as error:
            raise self._read_only(str(error)) from error

    def _explain(self, error: sqlite3.DatabaseError) -> HeadwaterError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        match code:
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                return self._damaged(str(error))
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return Unavailable(
                    "store-busy",
                    f"the workspace store `{self._path}` is locked by another process",
                    why=f"waited {BUSY_WAIT_MS / 1000:.0f} s for its write lock",
                    fix="close the program that has it open, then run the command again",
                )
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                return self._read_only(str(error))
            case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
                return Unavailable(
                    "store-full",
                    f"the workspace store `{self._path}` could not be written",
                    why=str(error),
                    fix="free some disk space, then run the command again; tables are safe",
                )
            case _:
                return self._damaged(str(error))

    def _damaged(self, why: str) -> DataDamaged:
        return DataDamaged(
            "store-damaged",
            f"the workspace store `{self._path}` cannot be read",
            why=f"{why}; no table is lost with it: what was built is read back from the tables' "
            "own logs, views and history are made again",
            fix=f"move it aside (`mv {self._path} {self._path}.bad`), then run `hw build`",
        )

    def _newer(self, version: int, newest: int) -> Invalid:
        return Invalid(
            "store-newer",
            f"the workspace store `{self._path}` was written by a newer Headwater",
            why=f"its layout is version {version}, this release knows versions up to {newest}",
            fix="upgrade: `pip install --upgrade headwater`",
        )

    def _read_only(self, why: str) -> Denied:
        return Denied(
            "store-read-only",
            f"the workspace store `{self._path}` cannot be written",
            why=why,
            fix=f"give this user write permission on `{self._path.parent}` and its files",
        )


def _is_refused(error: sqlite3.OperationalError) -> bool:
    """Say whether it is the file system that does not let this user write."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


def _may_be_read(path: Path) -> bool:
    """Say whether a store's file holds all that was written: no other process has a log of it."""
    log = path.with_name(f"{path.name}-wal")
    try:
        return path.stat().st_size > 0 and not (log.exists() and log.stat().st_size)
    except OSError:
        return False


def migration_files() -> list[Path]:
    """Return the migrations in order; the n-th brings a store to schema version n."""
    return sorted((_HERE / "migrations").glob("*.sql"))


def read_statements(file: Path) -> dict[str, str]:
    """Read the named blocks of a SQL file: each begins with ``-- name: ...``."""
    blocks = file.read_text(encoding="utf-8").split("-- name: ")[1:]
    named = (block.split("\n", 1) for block in blocks)
    return {name.strip(): sql.strip() for name, sql in named}


def split_statements(text: str) -> Iterator[str]:
    """Split a SQL script into statements, by SQLite's own idea of where one ends."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"pragma {name}").fetchone()[0])
