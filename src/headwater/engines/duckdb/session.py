"""A session on DuckDB: names bound as views, queries answered, rows written as Parquet files."""

# ruff: noqa: S608 - names and literals are ours or quoted; users' SQL is a part of its own
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, assert_never

from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.functions import read_function
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName, quote_identifier
from headwater.engines.duckdb.bind import Scan, empty_table_or_none, scan_of
from headwater.engines.duckdb.changes import TableCopy, fill_copy, make_copy, write_changes
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.functions import make_statements
from headwater.engines.duckdb.instance import HOME, Instance
from headwater.engines.duckdb.intake import take_in
from headwater.engines.duckdb.intake_rows import take_rows
from headwater.engines.duckdb.kept import write_kept
from headwater.engines.duckdb.merge import write_merge
from headwater.engines.duckdb.reads import Inputs, logical_bytes
from headwater.engines.duckdb.seed import describe_seed, write_seed
from headwater.engines.duckdb.standing import NAMES_MAX, may_stand, stamp_or_none
from headwater.engines.duckdb.text import check_reads_only, is_query
from headwater.engines.duckdb.write import write_all, write_partitions
from headwater.engines.engine import (
    CopyRows,
    Destination,
    EmptySource,
    FunctionSource,
    IncomingFile,
    Intake,
    PythonModel,
    Result,
    ScriptPart,
    Session,
    Source,
    ViewSource,
    WriteAll,
    WriteMerge,
    WriteMode,
    WritePartitions,
    Written,
)
from headwater.engines.rows import OfferedRows
from headwater.lake.snapshot import Snapshot

_RESERVED_CATALOGS = frozenset({"main", "system", "temp", HOME})
_RESERVED_SCHEMAS = frozenset({"information_schema", "pg_catalog"})
_STORED = """SELECT database_name, schema_name, table_name, false FROM duckdb_tables()
WHERE NOT temporary AND NOT internal
UNION ALL SELECT database_name, schema_name, view_name, true FROM duckdb_views()
WHERE NOT temporary AND NOT internal"""
_TEMPORARY = """SELECT table_name FROM duckdb_tables() WHERE temporary
UNION ALL SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"""
_DESCRIBES = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*+(?:describe|desc|show|summarize)\b",
    re.IGNORECASE | re.DOTALL,
)
"""What comes before the word is not looked at twice: many comments could be told in many ways."""
_ZONED = "TIMESTAMP WITH TIME ZONE"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_MICROSECONDS_LAST = 253_402_300_799_999_999
"""``_LAST`` since 1970; infinity is shown as it, as DuckDB's own driver does."""


class DuckDBSession(Session):
    """A session with an instance to itself.

    Values of a result are Python's own: int (any size), float, bool, str, bytes, ``Decimal``,
    ``date``, ``datetime`` (aware and in UTC for TIMESTAMP WITH TIME ZONE), ``time``,
    ``timedelta``, ``UUID``, list, dict for structs and maps; None for null. Infinite times
    are the last or first moment that Python has; times beyond those are text. Structs and lists
    with zoned times inside come as text.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        project_root: str,
        give_back: Callable[["DuckDBSession", Instance, bool], None],
    ) -> None:
        self._instance = instance
        self._project_root = project_root
        self._give_back = give_back
        self._connection = Connection(
            instance.connect(), instance.clocks, instance.files, instance.queries
        )
        standing = instance.standing
        self._attached: dict[str, str] = {} if standing is None else standing.attached
        self._bound: dict[TableName, Source] = {}
        self._tables: set[str] = set()
        self._schemas: set[tuple[str, str]] = set() if standing is None else standing.schemas
        self._passing: set[TableName] = set()
        self._copies: dict[TableName, TableCopy] = {}
        self._lookups = 0
        self._reusable = True
        self._is_seen = True  # a Python model's queries have no profile of their own
        self._open = True

    def start_in(self, catalog: str, schema: str) -> None:
        """Let bare names resolve in ``catalog.schema``.

        Raises:
            Invalid: ``catalog-name-reserved``.
        """
        self._begin_aside(is_metered=False)
        statements, standing = self._schema_statements(catalog, schema), self._instance.standing
        if statements:
            self._connection.rows("; ".join(statements))
        if standing is None or standing.home != (catalog, schema):
            home = f"{quote_identifier(catalog)}.{quote_identifier(schema)}"
            self._connection.everywhere(f"USE {home}")
        if standing is not None:
            standing.home = (catalog, schema)

    def _begin_aside(self, *, is_metered: bool = True) -> None:
        """Begin what nobody asks the reads of, on a connection that does not look for them.

        Once statements of the project have run, what they have set must be in force, too.
        """
        self._connection.begin(is_metered=is_metered, is_profiled=not self._reusable)

    def bind(self, name: TableName, source: Source) -> None:
        """Make ``name`` readable in SQL, as a view, replacing an earlier binding."""
        if self._reusable and self._bound.get(name) is source:
            return
        if self._takes_over(name, source):
            return
        self._begin_aside(is_metered=False)
        self._make_schema(name.catalog, name.schema)
        if isinstance(source, Snapshot):
            self._connection.files.check(source.root)
        if isinstance(source, FunctionSource):
            self._reusable = self._reusable and self._instance.standing is None
            function = read_function(source.sql)
            for made in make_statements(name, function, self._connection.add_function):
                self._connection.rows(made)
            self._bound[name] = source
            return
        if isinstance(source, EmptySource) and self._bind_table(name, source):
            return
        stamp = stamp_or_none(source, self._project_root)
        self._drop_table(name)
        scan = self._scan(source)
        create = f"CREATE OR REPLACE VIEW {name.quoted()} AS\n"
        sql = self._connection.make_scan(scan)
        if isinstance(source, ViewSource):
            sql = self._connection.query_text(sql)
        if isinstance(source, Snapshot):
            create, sql = f"{create}{sql}", ""  # none of it was written by a user
        self._connection.rows(Statement(before=create, sql=sql))
        self._bound[name] = source
        self._let_stand(name, source, scan, stamp)

    def _takes_over(self, name: TableName, source: Source) -> bool:
        """Take a name as a session before this one left it; False when it is to be bound."""
        standing = self._instance.standing
        if standing is None:
            return False
        if isinstance(source, ViewSource):
            self._hide(source.sql)
        if standing.stands(name, source, project_root=self._project_root):
            self._bound[name] = source
            return True
        if standing.forget(name):
            self._passing.add(name)
            self._drop([each for each in standing.readers(name) if each not in self._bound])
        return False

    def _let_stand(
        self, name: TableName, source: Source, scan: Scan, stamp: tuple[int, int] | None
    ) -> None:
        """Leave a name to later sessions, or drop it at the end when it may not stand."""
        standing = self._instance.standing
        if standing is None:
            return
        if stamp is None or scan.lookups or not may_stand(name):
            self._passing.add(name)
            return
        self._passing.discard(name)
        standing.put(name, source, scan.kept_table, stamp)

    def _hide(self, text: str | None) -> None:
        """Drop the names of other sessions that a text could mean; all of them for None."""
        standing = self._instance.standing
        if standing is not None and len(standing):
            self._drop(standing.strangers(text, self._bound))

    def _drop(self, names: Sequence[TableName]) -> None:
        """Drop names that stand."""
        standing = self._instance.standing
        if standing is None or not names:
            return
        self._begin_aside(is_metered=False)
        self._connection.rows("; ".join(f"DROP VIEW IF EXISTS {each.quoted()}" for each in names))
        for name in names:
            standing.forget(name)

    def _scan(self, source: Source) -> Scan:
        """Make the query that reads a source: from memory, when these very rows are there."""
        kept = self._instance.kept
        if kept is not None and isinstance(source, Snapshot):
            table = kept.table_or_none(source)
            if table is not None:
                return Scan(sql=f"SELECT * FROM {table}", kept_table=table)
        return scan_of(source, project_root=self._project_root, lookup_name=self._lookup_name())

    def _bind_table(self, name: TableName, source: EmptySource) -> bool:
        """Make ``name`` an empty table, unless it is a view already or no table can be like it."""
        if self._instance.standing is not None:
            return False
        columns, key = empty_table_or_none(source.columns), str(name).lower()
        if columns is None or (name in self._bound and key not in self._tables):
            return False
        self._connection.rows(f"CREATE OR REPLACE TABLE {name.quoted()} {columns}")
        self._tables.add(key)
        self._bound[name] = source
        return True

    def _drop_table(self, name: TableName) -> None:
        """Drop the empty table that stands where a view is to be."""
        if str(name).lower() in self._tables:
            self._connection.rows(f"DROP TABLE {name.quoted()}")
            self._tables.discard(str(name).lower())

    def describe(self, sql: str) -> tuple[Column, ...]:
        """Return the columns of a query without running it."""
        self._hide(sql)
        self._begin_aside(is_metered=False)
        # Parsed even when it is known: what was parsed is described without being parsed again.
        return self._connection.describe(
            self._connection.text_of(self._connection.statements(sql), sql)
        )

    def query(self, sql: str, *, rows_max: int, is_plain: bool = False) -> Result:
        """Run one query and return at most ``rows_max`` rows; nothing may be changed."""
        self._hide(sql)
        if is_plain:
            self._begin_aside()
        else:
            self._connection.begin()
        self._connection.keep_order(in_order=True)
        if is_plain:
            columns, rows = self._plain_rows(sql, rows_max)
        else:
            columns, rows = self._any_rows(sql, rows_max)
        return Result(
            columns=columns,
            rows=tuple(rows[:rows_max]),
            truncated=len(rows) > rows_max,
            meter=self._meter(),
        )

    def execute(self, sql: str) -> Meter:
        """Run statements for their effect on this session; results are dropped."""
        self._hide(sql)
        self._connection.begin()
        self._connection.keep_order(in_order=True)
        self._reusable = False
        self._run_script([part.query for part in self._connection.statements(sql)])
        return self._meter()

    def split(self, sql: str) -> tuple[ScriptPart, ...]:
        """Parse a script into its statements, without running any."""
        self._connection.begin()
        return tuple(
            ScriptPart(sql=part.query, kind=part.type.name.lower())
            for part in self._connection.statements(sql)
        )

    def run_statement(self, sql: str, *, rows_max: int) -> Result:
        """Run one statement of any kind in this session and return at most ``rows_max`` rows."""
        self._hide(sql)
        self._connection.begin()
        self._connection.keep_order(in_order=True)
        statements = self._connection.statements(sql)
        if len(statements) == 1 and is_query(statements[0]):
            columns, rows = self._query_rows(self._connection.text_of(statements, sql), rows_max)
        else:
            self._reusable = False
            columns, rows = self._run_script([part.query for part in statements])
        return Result(
            columns=columns,
            rows=tuple(rows[:rows_max]),
            truncated=len(rows) > rows_max,
            meter=self._meter(),
        )

    def stored_here(self) -> Mapping[TableName, Literal["table", "view"]]:
        """Return the tables and views that this session holds; temporary ones are left out."""
        self._hide(None)
        self._connection.begin()
        found = self._connection.rows(_STORED)
        return MappingProxyType(
            {
                TableName(str(catalog), str(schema), str(name)): "view" if is_view else "table"
                for catalog, schema, name, is_view in found
                if str(catalog).lower() in self._attached
            }
        )

    def temporary(self) -> frozenset[str]:
        """Return the names of temporary tables and views, in lower case."""
        self._connection.begin()
        return frozenset(str(row[0]).lower() for row in self._connection.rows(_TEMPORARY))

    def make_schema(self, name: TableName) -> None:
        """Make the catalog and schema of a name, so that a statement can make a table in it."""
        self._connection.begin()
        self._make_schema(name.catalog, name.schema)

    def take_out(self, name: TableName, snapshot: Snapshot, rows: CopyRows) -> None:
        """Make ``name`` a table of this session that statements can change."""
        self._hide(None)
        self._connection.begin()
        self._reusable = False
        copy = self._copies.get(name)
        if copy is None:
            self._make_schema(name.catalog, name.schema)
            self._connection.files.check(snapshot.root)
            copy = make_copy(self._connection, name, snapshot)
            self._bound.pop(name, None)
        if rows == "gone" and copy.rows == "later":
            copy = replace(copy, rows="gone")
        if rows == "all" and copy.rows == "later":
            copy = fill_copy(self._connection, name, copy, self._lookup_name())
        self._copies[name] = copy

    def write_changes(self, name: TableName, destination: Destination) -> Written:
        """Write the rows of a table of this session that the lake does not have."""
        self._connection.begin(run=destination.prefix)
        copy = self._copies.get(name)
        return self._with_whole_meter(write_changes(self._connection, name, copy, destination))

    def put_back(self, name: TableName) -> None:
        """Drop a table or view of this session, so that the name can be bound again."""
        self._connection.begin()
        kind = self.stored_here().get(name)
        if kind is not None:
            self._connection.rows(f"DROP {kind} {name.quoted()}")
        self._copies.pop(name, None)
        self._bound.pop(name, None)

    def run_python(self, model: PythonModel) -> str:
        """Run a Python model and return the query of the rows that it gave."""
        self._hide(None)
        self._connection.begin()
        self._connection.keep_order(in_order=True)
        self._reusable = False
        self._is_seen = False
        return self._connection.run_python(model)

    def write(self, sql: str, mode: WriteMode, destination: Destination) -> Written:
        """Run a query and write its rows as data files."""
        self._hide(sql)
        self._connection.begin(run=destination.prefix)
        query, kept = self._connection.query_text(sql), self._instance.kept
        match mode:
            case WriteAll(cluster_by=()) if kept is not None and not destination.partition_by:
                written = write_kept(self._connection, query, destination, kept, HOME)
            case WriteAll(cluster_by=cluster_by):
                written = write_all(self._connection, query, destination, cluster_by)
            case WriteMerge():
                written = write_merge(
                    self._connection, query, mode, destination, lookup_name=self._lookup_name()
                )
            case WritePartitions():
                written = write_partitions(
                    self._connection, query, mode, destination, lookup_name=self._lookup_name()
                )
            case other:
                assert_never(other)
        replaced = () if isinstance(mode, WriteAll) else (mode.target,)
        return self._with_whole_meter(written, *replaced)

    def take_in(
        self,
        file: IncomingFile,
        target: Sequence[Column] | None,
        destination: Destination | None,
    ) -> Intake:
        """Write the good rows of a file from outside as data files of a table."""
        self._connection.begin(run="" if destination is None else destination.prefix)
        taken = take_in(self._connection, file, target, destination)
        if taken.written is None:
            return taken
        return replace(taken, written=self._with_whole_meter(taken.written))

    def take_rows(
        self,
        rows: OfferedRows,
        target: Sequence[Column] | None,
        destination: Destination | None,
        *,
        adds_columns: bool,
        widens: bool = False,
    ) -> Intake:
        """Write rows that a program handed over as data files of a table."""
        self._connection.begin(run="" if destination is None else destination.prefix)
        how = {"adds_columns": adds_columns, "widens": widens}
        taken = take_rows(self._connection, rows, target, destination, **how)
        if taken.written is None:
            return taken
        return replace(taken, written=self._with_whole_meter(taken.written))

    def write_seed(
        self, path: str, column_types: Mapping[str, str], delimiter: str, destination: Destination
    ) -> Written:
        """Read a CSV file with dbt's type inference and write its rows as data files."""
        self._connection.begin(run=destination.prefix)
        written = write_seed(self._connection, path, column_types, delimiter, destination)
        return self._with_whole_meter(written)

    def describe_seed(
        self, path: str, column_types: Mapping[str, str], delimiter: str
    ) -> tuple[Column, ...]:
        """Return the columns that ``write_seed`` would write, without writing."""
        self._connection.begin()
        return describe_seed(self._connection, path, column_types, delimiter)

    def interrupt(self) -> None:
        """Stop the running statement from another thread; with none, the next one."""
        self._connection.interrupt()

    def close(self) -> None:
        """Give everything back; safe to call twice."""
        if self._open:
            self._open = False
            # The order of rows is a setting of the instance, which outlives the connection.
            with suppress(HeadwaterError):
                self._connection.keep_order(in_order=True)
            self._reusable = self._reusable and self._connection.keeps_order
            kept = self._connection.release_or_none() if self._reusable else None
            if kept is not None:
                self._instance.keep(kept)
            self._connection.close()
            self._give_back(self, self._instance, self._reusable)

    @property
    def catalogs(self) -> tuple[str, ...]:
        """Names of the catalogs that go with this session: all that it attached, or none."""
        standing = self._instance.standing
        if standing is None:
            return tuple(self._attached.values())
        return standing.take_all() if len(standing) > NAMES_MAX else ()

    @property
    def passing_names(self) -> tuple[TableName, ...]:
        """Names that are dropped at its end, although the catalogs stay."""
        return tuple(self._passing)

    @property
    def lookup_tables(self) -> tuple[str, ...]:
        """Quoted names of the small tables that it left in its instance."""
        return tuple(self._connection.lookup_tables)

    def _meter(self, *others: Snapshot) -> Meter:
        """Return what the operation used; ``others`` are tables that it read beside its names."""
        meter, scans = self._connection.meter, self._connection.scans
        if not self._is_seen:
            return replace(meter, logical_bytes=None)
        if not scans or meter.logical_bytes is None:
            return meter
        bound = (source for source in self._bound.values() if isinstance(source, Snapshot))
        copied = (copy.base for copy in self._copies.values())
        kept = self._instance.kept
        inputs = Inputs(
            snapshots=(*bound, *copied, *others),
            kept=_no_file if kept is None else kept.file_or_none,
            footers=self._connection.footer_sizes_or_none,
            folder=self._project_root,
        )
        return replace(meter, logical_bytes=logical_bytes(scans, inputs))

    def _with_whole_meter(self, written: Written, *others: Snapshot) -> Written:
        whole = self._meter(*others)
        return replace(
            written,
            meter=replace(
                whole,
                bytes_written=written.meter.bytes_written,
                rows_written=written.meter.rows_written,
            ),
        )

    def _lookup_name(self) -> str:
        self._lookups += 1
        return f"{HOME}.main.lookup_{self._lookups}"

    def _make_schema(self, catalog: str, schema: str) -> None:
        for statement in self._schema_statements(catalog, schema):
            self._connection.rows(statement)

    def _schema_statements(self, catalog: str, schema: str) -> list[str]:
        """Return the statements that make a schema, when it is not there yet."""
        _refuse_reserved(catalog, schema)
        statements: list[str] = []
        if catalog.lower() not in self._attached:
            statements.append(f"ATTACH ':memory:' AS {quote_identifier(catalog)}")
            self._attached[catalog.lower()] = catalog
        if (catalog.lower(), schema.lower()) not in self._schemas:
            name = f"{quote_identifier(catalog)}.{quote_identifier(schema)}"
            statements.append(f"CREATE SCHEMA IF NOT EXISTS {name}")
            self._schemas.add((catalog.lower(), schema.lower()))
        return statements

    def _any_rows(
        self, sql: str, rows_max: int
    ) -> tuple[tuple[Column, ...], list[tuple[object, ...]]]:
        """Run one statement that reads, be it a query or not."""
        statements = self._connection.statements(sql)
        if len(statements) == 1 and is_query(statements[0]):
            return self._query_rows(self._connection.text_of(statements, sql), rows_max)
        check_reads_only(statements)
        self._reusable = False
        return self._run_script([part.query for part in statements])

    def _plain_rows(
        self, sql: str, rows_max: int
    ) -> tuple[tuple[Column, ...], list[tuple[object, ...]]]:
        """Run a query under a limit without describing it first."""
        before, after = _under_limit(sql, rows_max)
        found = self._connection.parsed_rows(before, sql, after)
        if found is not None:
            return self._connection.columns_of_result(), found
        query = self._connection.query_text(sql)
        before, after = _under_limit(query, rows_max)
        rows = self._connection.rows(Statement(before=before, sql=query, after=after))
        return self._connection.columns_of_result(), rows

    def _query_rows(
        self, query: str, rows_max: int
    ) -> tuple[tuple[Column, ...], list[tuple[object, ...]]]:
        """Run a query under a limit, so that no more than that is ever kept in memory."""
        columns = self._connection.describe(query)
        selected = ", ".join(
            _fetchable(place, column.type) for place, column in enumerate(columns, start=1)
        )
        before, after = _under_limit(query, rows_max)
        if before.startswith("("):
            before, after = f"SELECT {selected} FROM ({before}", f"{after})"
        else:
            before = f"SELECT {selected} {before}"
        rows = self._connection.rows(Statement(before=before, sql=query, after=after))
        zoned = [place for place, column in enumerate(columns) if column.type == _ZONED]
        return columns, [_with_times(row, zoned) for row in rows] if zoned else rows

    def _run_script(
        self, statements: list[str]
    ) -> tuple[tuple[Column, ...], list[tuple[object, ...]]]:
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            rows = self._connection.rows(Statement(before="", sql=statement))
        return (self._connection.columns_of_result() if statements else ()), rows


def _under_limit(query: str, rows_max: int) -> tuple[str, str]:
    """Return what goes before and after a query so that it gives one row more than is wanted.

    The limit is the query's own where it can be: DuckDB 2.0 waits for ever for a CTE that is joined
    with itself when the limit is that of a query around it.
    """
    limit = f"LIMIT {rows_max + 1}"
    if _DESCRIBES.match(query):
        return "FROM (\n", f"\n) {limit}"  # takes no limit of its own
    return "(\n", f"\n) {limit}"


def _no_file(_table: str) -> None:
    return None


def _refuse_reserved(catalog: str, schema: str) -> None:
    for kind, name, reserved in (
        ("catalog", catalog, _RESERVED_CATALOGS),
        ("schema", schema, _RESERVED_SCHEMAS),
    ):
        if name.lower() in reserved:
            raise Invalid(
                "catalog-name-reserved",
                f"DuckDB keeps the {kind} name `{name}` for itself",
                why=f"names such as `{name}.orders` would mean something else",
                fix=f"set another `{kind}` in the profile",
            )


def _fetchable(place: int, kind: str) -> str:
    """Write a column so that fetching it needs no time zone library: microseconds since 1970."""
    if kind == _ZONED:
        return (
            f"CASE WHEN isfinite(#{place}) THEN epoch_us(#{place})"
            f" WHEN #{place} > 'epoch' THEN {_MICROSECONDS_LAST + 1}"
            f" WHEN #{place} < 'epoch' THEN {-(2**62)} END"
        )
    return f"CAST(#{place} AS VARCHAR)" if _ZONED in kind else f"#{place}"


def _with_times(row: tuple[object, ...], zoned: list[int]) -> tuple[object, ...]:
    values = list(row)
    for place in zoned:
        values[place] = _moment(values[place])
    return tuple(values)


def _moment(microseconds: object) -> datetime | None:
    if not isinstance(microseconds, int):
        return None
    with suppress(OverflowError):
        return _EPOCH + timedelta(microseconds=microseconds)
    return _LAST if microseconds > 0 else _FIRST
