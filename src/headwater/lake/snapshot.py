"""A Delta table at one version, as values: what its log says without touching its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.relations import Column
from headwater.lake.files import FileList


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStats:
    """Statistics of one column in one data file, as in the log's ``stats``.

    Attributes:
        minimum: Smallest value as the log's JSON has it (ISO 8601 for times, exact numbers kept
            as text for decimals); None when not known. Truncated for long strings.
        maximum: Largest value, likewise; None when not known (also when the column has NaN).
        null_count: Number of nulls; None when not known.
        size_bytes: Compressed bytes of the column's chunks; None when not known. Not in the
            log: kept in the file's ``headwater.columnBytes`` tag.
    """

    minimum: Json = None
    maximum: Json = None
    null_count: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One Parquet file of a table.

    Attributes:
        path: Relative to the table's root, not percent-encoded.
        size_bytes: Size of the file.
        rows: Rows in it; None when the log does not say.
        partition_values: Value of each partition column as the log has it; None is null.
        stats: Statistics by column name (top-level columns).
        modified_ms: Modification time, milliseconds since 1970.
        deleted_rows: Positions (from 0) of rows that a deletion vector hides, ascending.
        tags: The add action's tags.
        only_rows: Positions of the only rows to be read, ascending; None for all that are not
            hidden. No table has such a file: it stands for what a commit hid or showed again.
        stored_as: Of a file that was written now: its columns, and under which name, id and type
            it has each of them, empty where the table is not mapped. None when a log names the
            file.
    """

    path: str
    size_bytes: int
    rows: int | None
    partition_values: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    stats: Mapping[str, ColumnStats] = field(default_factory=lambda: MappingProxyType({}))
    modified_ms: int = 0
    deleted_rows: tuple[int, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    only_rows: tuple[int, ...] | None = None
    stored_as: Mapping[str, str] | None = field(default=None, compare=False, repr=False)


def visible_rows(file: DataFile) -> int | None:
    """Return a file's rows that are not hidden; None when the log does not say."""
    return None if file.rows is None else file.rows - len(file.deleted_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A table at one version.

    Attributes:
        root: Absolute folder or object-store URL of the table, no trailing slash.
        table_id: The log's metadata id.
        version: Delta version.
        columns: Top-level columns in order, partition columns included.
        partition_columns: Partition columns in order.
        files: Active files, sorted by path; those of a large table in its checkpoint's order,
            made anew whenever they are looked at.
        transactions: Newest version by app id (``txn`` actions).
        properties: Table properties.
        physical_names: Physical column name by logical name where column mapping is on;
            empty otherwise.
        field_ids: Field id in the data files by logical name, where columns are mapped by id.
        stored_types: Type in the data files by logical name, where names inside of a column are
            mapped: the same shape under other names.
        schema_string: The log's schema, JSON text.
        reader_version: Protocol's minReaderVersion.
        writer_version: Protocol's minWriterVersion.
        features: Reader and writer features of the protocol, sorted.
        timestamp_ms: Commit time of the version, milliseconds since 1970.
        description: The table's description; empty when it has none.
    """

    root: str
    table_id: str
    version: int
    columns: tuple[Column, ...]
    partition_columns: tuple[str, ...]
    files: Sequence[DataFile]
    transactions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    physical_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    field_ids: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    stored_types: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    schema_string: str = ""
    reader_version: int = 1
    writer_version: int = 2
    features: tuple[str, ...] = ()
    timestamp_ms: int = 0
    description: str = ""

    @property
    def rows(self) -> int | None:
        """Visible rows by statistics; None when some file has no count."""
        if isinstance(self.files, FileList):
            return self.files.rows
        counts = [visible_rows(file) for file in self.files]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def size_bytes(self) -> int:
        """Bytes of the active files."""
        if isinstance(self.files, FileList):
            return self.files.size_bytes
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One commit as its log entry describes it.

    Attributes:
        version: Delta version.
        timestamp_ms: Commit time, milliseconds since 1970.
        operation: The log's operation.
        parameters: operationParameters.
        rows_added: Rows in added files; None when unknown.
        bytes_added: Bytes of added files.
        files_added: Added files.
        files_removed: Removed files.
        changes_data: False when every add and remove says dataChange false.
        engine_info: Who wrote it.
        headwater: Our own record in the commit (run_id, attempt, plan_hash, node, fingerprint,
            inputs ...); empty for commits of others.
        seconds: Elapsed time of writing by ``operationMetrics``; None when they do not say.
        cpu_seconds: CPU time of writing, likewise; only our own commits say it.
    """

    version: int
    timestamp_ms: int
    operation: str
    parameters: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    rows_added: int | None = None
    bytes_added: int = 0
    files_added: int = 0
    files_removed: int = 0
    changes_data: bool = True
    engine_info: str = ""
    headwater: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    seconds: float | None = None
    cpu_seconds: float | None = None
