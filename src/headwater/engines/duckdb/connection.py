"""One session's connection: runs statements, adds up what they used, maps what goes wrong.

Everything that a session does goes through ``Connection.rows``: there is one place where a
statement gets its run comment, is measured, can be interrupted and has its errors mapped.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock

import duckdb

from headwater.base.errors import InternalError, Invalid, Unavailable
from headwater.base.meters import Meter
from headwater.base.relations import Column
from headwater.engines.duckdb.bind import Lookup, Scan
from headwater.engines.duckdb.errors import DRIVER_ERRORS, error_of, is_interrupt
from headwater.engines.duckdb.files import Files
from headwater.engines.duckdb.profile import Clocked, Metered, ScanRead, ThreadClocks, Unmetered
from headwater.engines.duckdb.python import run_python
from headwater.engines.duckdb.text import is_query, split_statements, text_of_one
from headwater.engines.engine import PythonModel

QUERIES_MAX = 20_000
"""Texts of which an engine remembers that each is one query: it is parsed once for a command."""

_FOOTER = """SELECT split_part(path_in_schema, ', ', 1) AS name, sum(total_compressed_size)
FROM parquet_metadata(?) GROUP BY ALL"""

_COMMENT_UNSAFE = re.compile(r"[^\w.:-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement of ours around a part of the user's, whose places errors point at.

    Attributes:
        before: Ours.
        sql: The user's; may be empty.
        after: Ours.
    """

    before: str
    sql: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}{self.sql}{self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursors:
    """The driver's connections that a session has on its instance.

    Attributes:
        profiled: Tells what its statements read.
        bare: Does not, and is faster; None where statements are large enough not to mind.
    """

    profiled: duckdb.DuckDBPyConnection
    bare: duckdb.DuckDBPyConnection | None = None

    def all(self) -> tuple[duckdb.DuckDBPyConnection, ...]:
        """Return each of them."""
        return (self.profiled,) if self.bare is None else (self.profiled, self.bare)


class Connection:
    """A connection that belongs to one session.

    Attributes:
        files: The storages that it can reach.
        lookup_tables: Quoted names of the small tables that it made, which outlive it.
        scans: What the statements of the operation have read so far.
    """

    def __init__(
        self,
        cursors: Cursors,
        clocks: ThreadClocks,
        files: Files,
        queries: dict[str, str] | None = None,
    ) -> None:
        """Take the connections of the driver.

        Args:
            cursors: The driver's connections on one instance.
            clocks: Clocks of its instance.
            files: The storages that it can reach.
            queries: What texts were parsed to already, which this connection adds to.
        """
        self._cursors = cursors
        self._raw = cursors.profiled
        self.files = files
        self._clocks = clocks
        self._metered = Metered(connection=cursors.profiled, clocks=clocks)
        self._measuring: Metered | Clocked | Unmetered = self._metered
        self._comment = ""
        self._meter = Meter()
        self._cancelled = False
        self._closed = False
        self._in_order = True
        self._has_functions = False
        self._running = Lock()
        self._parsed: tuple[str, duckdb.Statement] | None = None
        self._queries = {} if queries is None else queries
        self.lookup_tables: set[str] = set()
        self.scans: list[ScanRead] = []

    def begin(self, *, run: str = "", is_metered: bool = True, is_profiled: bool = True) -> None:
        """Start an operation: its meter at zero, its statements marked with the run.

        Args:
            run: The run; empty for none.
            is_metered: Measure what its statements use; somebody asks for the meter.
            is_profiled: Learn what they read, too. Without, they may run on another connection of
                the driver than those with, which knows no temporary tables and settings of theirs.

        Raises:
            InternalError: ``session-closed``.
        """
        if self._closed:
            raise _is_closed()
        self._comment = f"\n/* headwater {_COMMENT_UNSAFE.sub('_', run)} */" if run else ""
        self._meter = Meter()
        self.scans = []
        self._raw, self._measuring = self._cursors.profiled, self._metered
        if not is_profiled and self._cursors.bare is not None:
            self._raw, self._measuring = self._cursors.bare, Clocked(clocks=self._clocks)
        if not is_metered:
            self._measuring = Unmetered()
        self.files.begin()

    @contextmanager
    def unprofiled(self) -> Iterator[None]:
        """Run statements of ours, which read nothing that counts, without learning what they read.

        They must not need temporary tables or settings of the operation.
        """
        before = self._raw, self._measuring
        if self._cursors.bare is not None:
            self._raw = self._cursors.bare
            self._measuring = Clocked(clocks=self._clocks, logical_bytes=0)
        try:
            yield
        finally:
            self._raw, self._measuring = before

    def everywhere(self, sql: str) -> None:
        """Run a statement that sets something on each of the driver's connections."""
        for cursor in self._cursors.all():
            self._raw = cursor
            self.rows(sql)

    @property
    def meter(self) -> Meter:
        """What the operation has used so far."""
        return self._meter

    def rows(self, statement: Statement | str) -> list[tuple[object, ...]]:
        """Run one statement and return all of its rows.

        Raises:
            HeadwaterError: As ``error_of`` maps them.
        """
        parts = Statement(before=statement) if isinstance(statement, str) else statement
        return self._run(parts, f"{parts}{self._comment}")

    def _run(self, parts: Statement, text: str | duckdb.Statement) -> list[tuple[object, ...]]:
        if self._closed:
            raise _is_closed()
        if self._cancelled:
            self._cancelled = False
            raise _cancelled()
        try:
            with self._running:
                answer, used = self._measuring.call(lambda: self._raw.execute(text).fetchall())
        except DRIVER_ERRORS as error:
            fault = self.files.fault_or_none()
            if is_interrupt(error):
                self._cancelled = False
            elif fault is not None:
                raise fault from error
            skip = len(parts.before.encode("utf-8", "surrogatepass"))
            raise error_of(error, parts.sql, skip=skip) from error
        self._meter += used.meter
        self.scans += used.scans
        return answer

    def named_rows(self, statement: Statement) -> list[dict[str, object]]:
        """Run one statement and return its rows by column name."""
        rows = self.rows(statement)
        names = [str(part[0]) for part in self._raw.description or ()]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def keep_order(self, in_order: bool) -> None:  # noqa: FBT001 - its only argument
        """Let the next statements keep the order of rows, which costs a writer memory, or not."""
        if in_order != self._in_order:
            self.rows(f"SET preserve_insertion_order = {str(in_order).lower()}")
            self._in_order = in_order

    @property
    def keeps_order(self) -> bool:
        """Whether statements keep the order of rows, as at the beginning."""
        return self._in_order

    def query_text(self, sql: str) -> str:
        """Return the text of the one query in ``sql``, ready to stand in parentheses.

        Raises:
            UserCodeError: ``sql-failed`` or ``statement-unusable``.
        """
        known = self._queries.get(sql)
        return self.text_of(self.statements(sql), sql) if known is None else known

    def text_of(self, statements: Sequence[duckdb.Statement], sql: str) -> str:
        """Return the text of the one query that a text was parsed to.

        Raises:
            UserCodeError: ``statement-unusable``.
        """
        query = text_of_one(statements, sql)
        self._parsed = (query, statements[0])
        if len(self._queries) < QUERIES_MAX:
            self._queries[sql] = query
        return query

    def statements(self, sql: str) -> list[duckdb.Statement]:
        """Parse a text into its statements.

        Raises:
            UserCodeError: ``sql-failed``.
        """
        return split_statements(self._raw, sql)

    def describe(self, query: str) -> tuple[Column, ...]:
        """Return the columns of a query without running it."""
        columns = self._bound_columns_or_none(query)
        if columns is not None:
            return columns
        rows = self.rows(Statement(before="DESCRIBE\n", sql=query))
        return tuple(Column(name=str(row[0]), type=str(row[1])) for row in rows)

    def _bound_columns_or_none(self, query: str) -> tuple[Column, ...] | None:
        """Return the columns of a query that was parsed already, without parsing it once more.

        None when it was not, when it is refused, or when the session was cancelled; then
        ``DESCRIBE`` is asked, whose fault has its place in the text.
        """
        if self._closed or self._cancelled or self._parsed is None or self._parsed[0] != query:
            return None
        statement = self._parsed[1]
        try:
            with self._running:
                found, meter = self._measuring.timed(lambda: self._raw.sql(statement))
        except DRIVER_ERRORS:
            return None
        self._meter += meter
        if found is None:
            return None
        pairs = zip(found.columns, found.types, strict=True)
        return tuple(Column(name=name, type=str(kind)) for name, kind in pairs)

    def parsed_rows(self, before: str, query: str, after: str) -> list[tuple[object, ...]] | None:
        """Run a query of ours around another, which is parsed only as a part of it.

        None when the whole is not one query; then the part is to be looked at by itself.
        """
        whole = Statement(before=before, sql=query, after=f"{after}{self._comment}")
        try:
            statements = self._raw.extract_statements(str(whole))
        except DRIVER_ERRORS:
            return None
        if len(statements) != 1 or not is_query(statements[0]):
            return None
        return self._run(whole, statements[0])

    def columns_of_result(self) -> tuple[Column, ...]:
        """Return the columns of the last statement's result."""
        return tuple(
            Column(name=str(part[0]), type=str(part[1])) for part in self._raw.description or ()
        )

    def make_lookups(self, lookups: Sequence[Lookup]) -> None:
        """Create the small tables that a scan reads, replacing earlier ones."""
        for lookup in lookups:
            sql = f"CREATE OR REPLACE TABLE {lookup.name} AS {lookup.rows_sql()}"
            values = [list(column) for column in lookup.values]
            self.lookup_tables.add(lookup.name)
            try:
                self._raw.execute(sql, values)
            except DRIVER_ERRORS as error:
                raise error_of(error, "") from error

    def make_scan(self, scan: Scan) -> str:
        """Create what a scan needs and return its SQL."""
        self.make_lookups(scan.lookups)
        return scan.sql

    def offer(self, name: str, rows: object) -> None:
        """Make something with Arrow's stream interface readable under a name, until withdrawn.

        Raises:
            Invalid: ``append-rows-unreadable``, when it is nothing of the kind.
        """
        try:
            self._raw.register(name, rows)
        except DRIVER_ERRORS as error:
            raise Invalid(
                "append-rows-unreadable",
                f"a {type(rows).__name__} cannot be read as rows",
                why=error_of(error, "").what,
                fix="hand over an Arrow table, a data frame or a list of dicts",
            ) from error

    def columns_of_table(self, name: str) -> tuple[Column, ...]:
        """Return the columns of a table by its qualified name; faster than ``DESCRIBE``.

        Raises:
            HeadwaterError: As ``error_of`` maps what goes wrong.
        """
        try:
            found = self._raw.table(name)
        except DRIVER_ERRORS as error:
            raise error_of(error, "") from error
        pairs = zip(found.columns, found.types, strict=True)
        return tuple(Column(name=column, type=str(kind)) for column, kind in pairs)

    def columns_of_offered(self, name: str) -> tuple[Column, ...]:
        """Return the columns of what is offered under a name; faster than ``DESCRIBE``."""
        found = self._raw.view(name)
        pairs = zip(found.columns, found.types, strict=True)
        return tuple(Column(name=column, type=str(kind)) for column, kind in pairs)

    def withdraw(self, name: str) -> None:
        """Let go of what was offered."""
        with suppress(*DRIVER_ERRORS):
            self._raw.unregister(name)

    def run_python(self, model: PythonModel) -> str:
        """Run a Python model on the driver's own connection.

        Raises:
            UserCodeError: ``python-model-failed``.
        """
        with self._running:
            answer, used = self._metered.call(lambda: run_python(self._cursors.profiled, model))
        self._meter += used.meter
        return answer

    def footer_sizes_or_none(self, path: str) -> Mapping[str, int] | None:
        """Return the compressed bytes of a Parquet file's columns, in lower case, by its footer."""
        try:
            found = self._raw.execute(_FOOTER, [path]).fetchall()
        except DRIVER_ERRORS:
            return None
        return {str(name).lower(): int(size) for name, size in found}

    def add_function(
        self, name: str, function: Callable[..., object], arguments: Sequence[str], returns: str
    ) -> None:
        """Make a Python function known to SQL, unless there is one of the name already."""
        known = "select 1 from duckdb_functions() where function_name = ?"
        try:
            if self._raw.execute(known, [name]).fetchone():
                return
            self._has_functions = True
            self._raw.create_function(name, function, [*arguments], returns)
        except DRIVER_ERRORS as error:
            raise error_of(error, "") from error

    def interrupt(self) -> None:
        """Stop the running operation, or the next one when none runs; from any thread.

        So a cancellation that comes between two statements is not lost.
        """
        self._cancelled = True
        if not self._closed:
            for cursor in self._cursors.all():
                cursor.interrupt()

    def release_or_none(self) -> Cursors | None:
        """Let go of the driver's connections as they were given; None when they are others by now.

        What was interrupted, or knows a Python function, is not given on.
        """
        if self._closed or self._cancelled or self._has_functions:
            return None
        with self._running:
            self._closed = True
        return self._cursors

    def close(self) -> None:
        """Close it; temporary tables and views go with it. Safe to call twice.

        A statement that another thread runs is waited for; interrupt it first.
        """
        if not self._closed:
            self._closed = True
            with self._running, suppress(*DRIVER_ERRORS):
                for cursor in self._cursors.all():
                    cursor.close()


def _is_closed() -> InternalError:
    return InternalError(
        "session-closed",
        "the session is closed",
        fix="open a new one with `Engine.open_session`",
    )


def _cancelled() -> Unavailable:
    return Unavailable(
        "interrupted",
        "the statement was cancelled before it ran",
        fix="run the same command again; finished nodes are skipped",
    )
