"""What an engine is: the interface that adapters implement and `headwater.testing` checks.

Nobody asks which engine it is; code asks a capability. An engine hands out sessions; a session
belongs to one attempt of one node at a time, so that what it used can be measured by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Literal

from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName
from headwater.engines.rows import OfferedRows
from headwater.lake.mapping import Mapped
from headwater.lake.snapshot import DataFile, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSource:
    """A view: bound by its SQL, whose own relations must be bound too."""

    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSource(ViewSource):
    """A function: as a view, but its text is the document of a ``base.functions.Function``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """Files that are no Delta table: Parquet, CSV or JSON.

    Attributes:
        location: Path or glob; the suffix says the format. Relative paths are the project's.
        options: Reader options, such as ``{"hive_partitioning": "true"}``.
    """

    location: str
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptySource:
    """No rows, only columns: for describing queries over tables that are not built yet."""

    columns: tuple[Column, ...]


Source = Snapshot | ViewSource | FileSource | EmptySource

Compression = Literal["zstd", "snappy", "uncompressed"]
"""How data files are packed: small for files that stay, not at all for those soon rewritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a write puts its data files.

    Attributes:
        root: Table root: absolute folder or object-store URL.
        prefix: Beginning of every file name; unique to the run and attempt.
        partition_by: Partition columns, in order.
        file_bytes: Aimed-at size of a data file.
        compression: How files are packed.
        mapped: What the table calls its columns in files; None where they keep their names.
    """

    root: str
    prefix: str
    partition_by: tuple[str, ...] = ()
    file_bytes: int = 128 * 1024 * 1024
    compression: Compression = "zstd"
    mapped: Mapped | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAll:
    """Write every row of the query; the caller decides whether it replaces or appends.

    Attributes:
        cluster_by: Columns by whose values rows lie near each other, so that a filter on any of
            them needs few files; in the order of the query when empty.
    """

    cluster_by: tuple[str, ...] = ()


MergeMode = Literal["auto", "copy_on_write", "merge_on_read"]
"""What becomes of a file with matching rows: it is written again without them, or it stays and
the table hides them; ``auto`` takes for each file what costs less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteMerge:
    """Write the files that must change for the query's rows to be merged into ``target``.

    Attributes:
        target: The table as it is.
        unique_key: Key columns; null keys match nothing.
        update_columns: Columns to update; all when empty.
        exclude_columns: Columns that an update leaves alone.
        delete_matching: Remove matching rows and insert all of the query's rows (delete+insert),
            instead of updating row by row.
        files: Whether files with matching rows are written again.
        predicates: SQL conditions that a row of the table must meet to match; it is called
            ``DBT_INTERNAL_DEST`` there, and ``DBT_INCREMENTAL_TARGET`` when ``delete_matching``;
            a row of the query is ``DBT_INTERNAL_SOURCE``.
        keys: With ``delete_matching``: the query of the keys whose rows are removed, one column
            for each of ``unique_key`` in order, where null is a value like others; empty to
            remove what has a key of the query's rows.
    """

    target: Snapshot
    unique_key: tuple[str, ...]
    update_columns: tuple[str, ...] = ()
    exclude_columns: tuple[str, ...] = ()
    delete_matching: bool = False
    files: MergeMode = "copy_on_write"
    predicates: tuple[str, ...] = ()
    keys: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePartitions:
    """Write the query's rows; every partition of ``target`` that they touch is replaced."""

    target: Snapshot


WriteMode = WriteAll | WriteMerge | WritePartitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a write left in storage, not yet committed.

    Attributes:
        added: New data files, with statistics.
        removed: Paths of files of the target that they replace.
        columns: Columns of the rows written, in order.
        rows_inserted: New rows.
        rows_updated: Rows that replaced an older one.
        rows_deleted: Rows that were removed.
        meter: What it used.
        hidden: Files of the target that stay and hide more rows: as they are afterwards.
    """

    added: tuple[DataFile, ...]
    removed: tuple[str, ...]
    columns: tuple[Column, ...]
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    meter: Meter
    hidden: tuple[DataFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingFile:
    """A file from outside whose rows shall become a table's.

    Attributes:
        path: Absolute.
        format: What it is.
        delimiter: Of a CSV file; empty to take it from the header.
        encoding: Of a CSV file: utf-8, utf-16 or latin-1; empty to take it from its first bytes.
        types: Types of columns that the table does not have yet, by name.
        adds_columns: Columns that only the file has become the table's; else it is refused.
        rejects_max: Bad rows up to which the good ones are written; None for any number.
        widens: A column of the table whose type cannot hold its values gets one that can, where
            there is one that holds the old ones, too. The caller writes the older rows again.
    """

    path: str
    format: Literal["csv", "json", "parquet", "arrow"]
    delimiter: str = ""
    encoding: str = ""
    types: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    adds_columns: bool = True
    rejects_max: int | None = None
    widens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenColumn:
    """A column of the table after an intake, and why it has its type."""

    name: str
    type: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that was not taken in.

    Attributes:
        line: Its line in the file; None when that is not known.
        reason: Why, for people.
        row: The row as text: the line, or its values as JSON.
    """

    line: int | None
    reason: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What became of a file.

    Attributes:
        columns: Columns of the table afterwards, in order.
        written: Its good rows as data files; None when none were to be written.
        rows: How many good rows it has.
        rejected_rows: How many others.
        rejected: The first of those.
        wider: Columns that would hold values which they do not, if they were widened.
    """

    columns: tuple[TakenColumn, ...]
    written: Written | None
    rows: int
    rejected_rows: int
    rejected: tuple[Rejected, ...]
    wider: tuple[TakenColumn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rows of a query.

    Attributes:
        columns: Result columns.
        rows: At most as many as were asked for, as Python values.
        truncated: True when there were more.
        meter: What it used.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool
    meter: Meter


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonModel:
    """A Python model to run: ``def model(dbt, session)``.

    Attributes:
        name: Its name, for messages.
        file: Its file, for messages.
        code: Its text.
        this: Its own relation.
        inputs: Bound relations by ``ref.NAME``, ``ref.PACKAGE.NAME`` and ``source.SOURCE.NAME``.
        config: Its effective config.
        is_incremental: What ``dbt.is_incremental`` answers.
    """

    name: str
    file: str
    code: str
    this: TableName
    inputs: Mapping[str, TableName]
    config: Mapping[str, object]
    is_incremental: bool


CopyRows = Literal["later", "all", "gone"]
"""Which rows of the lake's table a copy holds: not yet any, all of them, or they are to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptPart:
    """One statement of a script.

    Attributes:
        sql: Its text.
        kind: The engine's word for it in lower case: ``select``, ``insert``, ``create`` ...
    """

    sql: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatistics:
    """Facts about a running engine."""

    sessions_open: int
    sessions_max: int
    memory_limit_bytes: int
    threads: int


class Session(ABC):
    """One attempt's connection. Not for two threads at once, except ``interrupt``.

    Every method that runs SQL raises ``UserCodeError`` when the engine refuses or fails the
    user's SQL (code ``sql-failed``, with the engine's message), ``Unavailable`` when memory or
    disk ran out (``out-of-memory``, ``disk-full``) or when it was interrupted (``interrupted``).
    """

    @abstractmethod
    def bind(self, name: TableName, source: Source) -> None:
        """Make ``name`` readable in SQL, replacing an earlier binding."""

    @abstractmethod
    def describe(self, sql: str) -> tuple[Column, ...]:
        """Return the columns of a query without running it."""

    @abstractmethod
    def query(self, sql: str, *, rows_max: int, is_plain: bool = False) -> Result:
        """Run a query and return at most ``rows_max`` rows.

        Args:
            sql: The query.
            rows_max: Rows wanted at most.
            is_plain: The caller knows that no column holds times with zones, which need care.
        """

    @abstractmethod
    def execute(self, sql: str) -> Meter:
        """Run statements for their effect on this session (hooks); results are dropped."""

    @abstractmethod
    def split(self, sql: str) -> tuple[ScriptPart, ...]:
        """Parse a script into its statements, without running any."""

    @abstractmethod
    def run_statement(self, sql: str, *, rows_max: int) -> Result:
        """Run one statement of any kind in this session and return at most ``rows_max`` rows."""

    @abstractmethod
    def stored_here(self) -> Mapping[TableName, Literal["table", "view"]]:
        """Return the tables and views that this session holds; temporary ones are left out."""

    @abstractmethod
    def temporary(self) -> frozenset[str]:
        """Return the names of temporary tables and views, in lower case."""

    @abstractmethod
    def make_schema(self, name: TableName) -> None:
        """Make the catalog and schema of a name, so that a statement can make a table in it."""

    @abstractmethod
    def take_out(self, name: TableName, snapshot: Snapshot, rows: CopyRows) -> None:
        """Make ``name`` a table of this session that statements can change, as the lake has it.

        A table that was taken out already is kept with its changes; its rows are brought in when
        they are wanted now and were not before.

        Args:
            name: Its name.
            snapshot: The table in the lake; a later call for the same name may give anything.
            rows: ``later`` for a table that is only added to or replaced, ``all`` when its rows
                are read or changed, ``gone`` when they are all to be removed.
        """

    @abstractmethod
    def write_changes(self, name: TableName, destination: Destination) -> Written:
        """Write the rows of a table of this session that the lake does not have.

        Raises:
            Invalid: ``type-not-storable``.
        """

    @abstractmethod
    def put_back(self, name: TableName) -> None:
        """Drop a table or view of this session, so that the name can be bound again."""

    @abstractmethod
    def run_python(self, model: PythonModel) -> str:
        """Run a Python model and return the query of the rows that it gave.

        Raises:
            UserCodeError: ``python-model-failed``.
        """

    @abstractmethod
    def write(self, sql: str, mode: WriteMode, destination: Destination) -> Written:
        """Run a query and write its rows as data files.

        Raises:
            Invalid: ``merge-duplicate-keys``, when a merge's query has a key twice; the error
                shows some of them.
        """

    @abstractmethod
    def take_in(
        self,
        file: IncomingFile,
        target: Sequence[Column] | None,
        destination: Destination | None,
    ) -> Intake:
        """Write the good rows of a file from outside as data files of a table.

        Args:
            file: The file.
            target: The table's columns; None when there is no table yet.
            destination: Where data files go; None to look only.

        Raises:
            Invalid: ``ingest-unreadable``, ``ingest-header``, ``ingest-new-column``,
                ``type-not-storable``.
        """

    @abstractmethod
    def take_rows(
        self,
        rows: OfferedRows,
        target: Sequence[Column] | None,
        destination: Destination | None,
        *,
        adds_columns: bool,
        widens: bool = False,
    ) -> Intake:
        """Write rows that a program handed over as data files; all of them or none.

        Args:
            rows: The rows.
            target: The table's columns; None when there is no table yet.
            destination: Where data files go; None to look only.
            adds_columns: Columns that only the rows have become the table's; else they are
                refused.
            widens: A column whose type cannot hold their values gets one that can, where there
                is one that holds the old ones, too. The caller writes the older rows again.

        Returns:
            What was written; nothing when a row does not fit, and then the first that do not.

        Raises:
            Invalid: ``ingest-new-column``, ``type-not-storable``.
        """

    @abstractmethod
    def write_seed(
        self, path: str, column_types: Mapping[str, str], delimiter: str, destination: Destination
    ) -> Written:
        """Read a CSV file with dbt's type inference and write its rows as data files.

        Raises:
            Invalid: ``seed-ragged``, with the line, when rows do not have the header's fields.
        """

    @abstractmethod
    def describe_seed(
        self, path: str, column_types: Mapping[str, str], delimiter: str
    ) -> tuple[Column, ...]:
        """Return the columns that ``write_seed`` would write, without writing.

        Raises:
            Invalid: As ``write_seed``.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """Stop the running statement from another thread."""

    @abstractmethod
    def close(self) -> None:
        """Give everything back; safe to call twice."""


class Engine(ABC):
    """Runs SQL. Opened by ``engines.registry``, the only door.

    Attributes:
        name: As written in profiles.
        dialect: Name of its SQL dialect for ``headwater.sql``.
        version: The engine's own version; history is kept apart by it.
        can_merge: It can rewrite the files of a merge.
        can_overwrite_partitions: It can replace partitions.
        can_query_interactively: Its start-up is short enough for ``hw sql``.
    """

    name: ClassVar[str]
    dialect: ClassVar[str]
    can_merge: ClassVar[bool]
    can_overwrite_partitions: ClassVar[bool]
    can_query_interactively: ClassVar[bool]

    @property
    @abstractmethod
    def version(self) -> str:
        """The engine's own version."""

    @property
    def can_skip_files(self) -> bool:
        """Whether it compares values as their statistics do: texts by bytes, constants plainly."""
        return False

    @abstractmethod
    def open_session(
        self, *, catalog: str, schema: str, threads: int | None = None, is_small: bool = False
    ) -> Session:
        """Open a session whose bare names resolve in ``catalog.schema``.

        At most ``sessions_max`` are open at once; a caller beyond that waits.

        Args:
            catalog: Catalog of bare names.
            schema: Schema of bare names.
            threads: Processors to use; None for all that there are. One is as fast for a few
                thousand rows, and leaves the others to whoever waits.
            is_small: It will read and write few rows; a hint, by which nothing but the time and
                memory that it takes may differ.
        """

    @abstractmethod
    def statistics(self) -> EngineStatistics:
        """Return facts about the engine now."""

    @abstractmethod
    def close(self) -> None:
        """Close every session and give everything back; safe to call twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How to open an engine.

    Attributes:
        kind: Name in the registry: ``duckdb``.
        threads: How many sessions may be open at once (dbt's ``threads``).
        memory_limit_bytes: Limit of the whole engine; None for 70 % of the machine's memory.
        temp_directory: Folder for spilling; None for the system's.
        settings: The engine's own settings by name.
        project_root: Base of relative paths.
        storage_options: Options of object stores, secrets too; None when none is needed, and
            then none can be reached.
    """

    kind: str
    threads: int
    memory_limit_bytes: int | None = None
    temp_directory: str | None = None
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    project_root: str = "."
    storage_options: Mapping[str, str] | None = field(default=None, repr=False)
