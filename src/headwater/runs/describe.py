"""What there is, for people: tables and views, their versions and their make-up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from headwater.base.errors import HeadwaterError
from headwater.base.functions import is_function_document
from headwater.base.ids import RunId
from headwater.base.relations import Column, TableName
from headwater.catalog.records import RelationRecord, TableRecord, ViewRecord
from headwater.lake.compaction import cluster_columns
from headwater.lake.snapshot import HistoryEntry
from headwater.lake.table import Table
from headwater.lake.types import comments_of
from headwater.runs.context import Context
from headwater.runs.pins import table_of_record


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDescription:
    """A table or view, described.

    Attributes:
        name: Full name.
        kind: table or view.
        location: Where a table lies; empty for views.
        version: Delta version; None for views and for tables that cannot be read.
        rows: Visible rows by statistics; None when unknown.
        size_bytes: Bytes of the active files; None when unknown.
        files: Number of active files.
        partition_columns: Partition columns in order.
        columns: Columns in order.
        sql: A view's SQL.
        run_id: The run that last made it.
        updated_at: ISO 8601 UTC time.
        problem: Why a table cannot be read; empty when it can.
        description: The table's own description; empty when it has none.
        comments: Comments of columns, by column.
        cluster_by: Columns by which its rows are kept near each other.
    """

    name: str
    kind: str
    location: str
    version: int | None
    rows: int | None
    size_bytes: int | None
    files: int
    partition_columns: tuple[str, ...]
    columns: tuple[Column, ...]
    sql: str
    run_id: str
    updated_at: str
    problem: str = ""
    description: str = ""
    comments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    cluster_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDescription:
    """One version of a table, described.

    Attributes:
        version: Delta version.
        at: ISO 8601 UTC time.
        operation: The log's operation.
        rows_added: Rows in added files; None when unknown.
        bytes_added: Bytes of added files.
        files_added: Added files.
        files_removed: Removed files.
        run_id: The run that wrote it; empty for versions of other writers.
        node: The node that was built; empty for versions of other writers.
    """

    version: int
    at: str
    operation: str
    rows_added: int | None
    bytes_added: int
    files_added: int
    files_removed: int
    run_id: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHistory:
    """The versions of one table, newest first."""

    name: str
    versions: tuple[VersionDescription, ...]


def describe_name(context: Context, name: TableName) -> TableDescription:
    """Describe what has a name: in the metastore, or only in the lake."""
    record = context.metastore.find_relation_or_none(name)
    if record is None:
        location = context.tables.table(name).root
        record = TableRecord(name=name, location=location, run_id=RunId(""), updated_at="")
    return describe_relation(context, record)


def describe_relation(context: Context, record: RelationRecord) -> TableDescription:
    """Describe a table or view; a table that cannot be read is described with the problem."""
    match record:
        case ViewRecord():
            return TableDescription(
                name=str(record.name),
                kind="function" if is_function_document(record.sql) else "view",
                location="",
                version=None,
                rows=None,
                size_bytes=None,
                files=0,
                partition_columns=(),
                columns=record.columns,
                sql=record.sql,
                run_id=record.run_id,
                updated_at=record.updated_at,
            )
        case TableRecord():
            return _describe_table(context, record)


def _describe_table(context: Context, record: TableRecord) -> TableDescription:
    problem, snapshot, table = "", None, table_of_record(context, record)
    try:
        snapshot = table.snapshot()
    except HeadwaterError as error:
        problem = error.what
    return TableDescription(
        name=str(record.name),
        kind="table",
        location=table.root,
        version=snapshot.version if snapshot else None,
        rows=snapshot.rows if snapshot else None,
        size_bytes=snapshot.size_bytes if snapshot else None,
        files=len(snapshot.files) if snapshot else 0,
        description=snapshot.description if snapshot else "",
        comments=MappingProxyType(comments_of(snapshot.schema_string) if snapshot else {}),
        partition_columns=snapshot.partition_columns if snapshot else (),
        columns=snapshot.columns if snapshot else (),
        cluster_by=cluster_columns(snapshot) if snapshot else (),
        sql="",
        run_id=record.run_id,
        updated_at=record.updated_at,
        problem=problem,
    )


def list_tables(context: Context) -> tuple[TableDescription, ...]:
    """Describe every table and view by name."""
    records = context.metastore.list_relations()
    return tuple(describe_relation(context, record) for record in records)


def table_history(table: Table, name: TableName, limit: int) -> TableHistory:
    """Describe the newest ``limit`` versions of a table."""
    entries = table.history(limit)
    return TableHistory(name=str(name), versions=tuple(_version(entry) for entry in entries))


def _version(entry: HistoryEntry) -> VersionDescription:
    return VersionDescription(
        version=entry.version,
        at=datetime.fromtimestamp(entry.timestamp_ms / 1000, UTC).isoformat(timespec="seconds"),
        operation=entry.operation,
        rows_added=entry.rows_added,
        bytes_added=entry.bytes_added,
        files_added=entry.files_added,
        files_removed=entry.files_removed,
        run_id=str(entry.headwater.get("run_id") or ""),
        node=str(entry.headwater.get("node") or ""),
    )
