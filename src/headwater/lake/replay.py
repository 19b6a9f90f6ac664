"""Replay of a Delta log: JSON entries folded into the state of the table at one version.

We write the log ourselves, so its common case (every entry still there) is read without a
driver. What would be misread is refused: damaged or missing entries, unknown reader features.
PROTOCOL.md, *Action Reconciliation* and *Reader Requirements*.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import msgspec

from headwater.base.errors import DataDamaged, Invalid
from headwater.base.relations import Column
from headwater.lake.files import ActiveFiles, FileList
from headwater.lake.mapping import MODE, MODES, UNMAPPED, StoredNames, read_names, top_ids
from headwater.lake.snapshot import ColumnStats, DataFile, HistoryEntry, Snapshot, visible_rows
from headwater.lake.stats import leaves_of, stats_from_json, with_column_bytes
from headwater.lake.types import schema_from_json

READER_FEATURES = frozenset(
    {"deletionVectors", "columnMapping", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
)
"""Reader features of the protocol that reading here respects."""

LOG_FOLDER = "_delta_log"
"""Folder of a table's log, in its root."""

_READER_VERSION_MAX = 3
_READER_VERSION_FEATURES = 3
_READER_VERSION_MAPPING = 2


class Protocol(msgspec.Struct, frozen=True, rename="camel"):
    """The log's ``protocol`` action."""

    min_reader_version: int
    min_writer_version: int
    reader_features: tuple[str, ...] | None = None
    writer_features: tuple[str, ...] | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The log's ``metaData`` action; unknown keys are kept out."""

    id: str
    schema_string: str = ""
    partition_columns: tuple[str, ...] = ()
    configuration: dict[str, str] = {}
    format: dict[str, Any] = {}
    name: str | None = None
    description: str | None = None
    created_time: int | None = None


class DeletionVector(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where the hidden rows of a file are listed."""

    storage_type: str
    path_or_inline_dv: str
    size_in_bytes: int
    cardinality: int
    offset: int | None = None


class Add(msgspec.Struct, frozen=True, rename="camel"):
    """The log's ``add`` action."""

    path: str
    size: int
    partition_values: dict[str, str | None] = {}
    modification_time: int = 0
    data_change: bool = True
    stats: str | None = None
    tags: dict[str, str | None] | None = None
    deletion_vector: DeletionVector | None = None


class Remove(msgspec.Struct, frozen=True, rename="camel"):
    """The log's ``remove`` action."""

    path: str
    data_change: bool = True
    deletion_vector: DeletionVector | None = None
    size: int | None = None
    partition_values: dict[str, str | None] | None = None


class Transaction(msgspec.Struct, frozen=True, rename="camel"):
    """The log's ``txn`` action."""

    app_id: str
    version: int


class CommitInfo(msgspec.Struct, frozen=True, rename="camel"):
    """What we read of ``commitInfo``, which others fill as they like."""

    timestamp: Any = None
    in_commit_timestamp: Any = None
    operation: Any = None
    operation_parameters: Any = None
    operation_metrics: Any = None
    engine_info: Any = None
    txn_id: Any = None
    headwater: Any = None
    action_count: Any = None


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """One line of an entry: at most one of these is there; unknown actions are skipped."""

    add: Add | None = None
    remove: Remove | None = None
    meta_data: Metadata | None = None
    protocol: Protocol | None = None
    txn: Transaction | None = None
    commit_info: CommitInfo | None = None
    cdc: Remove | None = None


_LINES = msgspec.json.Decoder(Line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One log entry.

    Attributes:
        version: Its version.
        lines: Its actions.
        info: Its ``commitInfo``; empty when it has none.
        timestamp_ms: When it was made: as it says, or its file's time.
    """

    version: int
    lines: tuple[Line, ...]
    info: CommitInfo
    timestamp_ms: int


@dataclass(slots=True, kw_only=True)
class LogState:
    """A table as its log says, at one version; changed only by ``apply_entry``.

    Attributes:
        version: Version; -1 before the first entry.
        protocol: Newest protocol.
        metadata: Newest metadata.
        files: Active files by path, not percent-encoded; those of a large checkpoint are made
            when they are asked for.
        vectors: Deletion vector of an active file, by path.
        transactions: Newest version by app id.
        timestamp_ms: Commit time of ``version``; never less than an earlier version's.
    """

    version: int = -1
    protocol: Protocol | None = None
    metadata: Metadata | None = None
    files: dict[str, Add | DataFile] | ActiveFiles[Add | DataFile] = field(default_factory=dict)
    vectors: dict[str, DeletionVector] = field(default_factory=dict)
    transactions: dict[str, int] = field(default_factory=dict)
    timestamp_ms: int = 0


ReadRows = Callable[[DeletionVector], tuple[int, ...]]


def entry_name(version: int) -> str:
    """Return the path of a version's log entry, relative to the table's root."""
    return f"{LOG_FOLDER}/{version:020d}.json"


def read_entry(version: int, data: bytes, modified_ms: int) -> Entry:
    """Read a log entry.

    Raises:
        DataDamaged: ``log-damaged``, naming the file, when it is not whole.
    """
    try:
        lines = tuple(_LINES.decode_lines(data))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(version, f"it is not JSON lines of Delta actions: {error}") from error
    if not lines:
        raise _damaged(version, f"it has no actions ({len(data)} bytes)")
    info = next((line.commit_info for line in lines if line.commit_info), CommitInfo())
    if isinstance(info.action_count, int) and info.action_count != len(lines):
        raise _damaged(version, f"it should have {info.action_count} actions, not {len(lines)}")
    stamp = next(
        (at for at in (info.in_commit_timestamp, info.timestamp) if isinstance(at, int)),
        modified_ms,
    )
    return Entry(version=version, lines=lines, info=info, timestamp_ms=stamp)


def copy_state(state: LogState) -> LogState:
    """Return a copy that further entries can be applied to; O(files), of references only."""
    return replace(
        state,
        files=state.files.copy(),
        vectors=dict(state.vectors),
        transactions=dict(state.transactions),
    )


def apply_entry(state: LogState, entry: Entry) -> None:
    """Fold the next entry into the state.

    Removes come before adds: inside one entry the order of lines means nothing.

    Raises:
        DataDamaged: ``log-damaged``, when the entry is not the next one.
    """
    if entry.version != state.version + 1:
        raise _damaged(entry.version, f"the version after {state.version} is missing")
    for line in entry.lines:
        if line.remove is not None:
            path = decoded_path(line.remove.path, entry.version)
            state.files.pop(path, None)
            state.vectors.pop(path, None)
    for line in entry.lines:
        if line.add is not None:
            _apply_add(state, line.add, entry.version)
        elif line.txn is not None:
            state.transactions[line.txn.app_id] = line.txn.version
        elif line.meta_data is not None:
            _forget_parsed(state, line.meta_data)
            state.metadata = line.meta_data
        elif line.protocol is not None:
            state.protocol = line.protocol
    state.timestamp_ms = max(entry.timestamp_ms, state.timestamp_ms + 1)
    state.version = entry.version


def _apply_add(state: LogState, add: Add, version: int) -> None:
    path = decoded_path(add.path, version)
    old = state.files.get(path)
    if old is not None and state.vectors.get(path) != add.deletion_vector:
        # To the protocol these are two logical files over the same rows: no writer means that.
        raise _damaged(version, f"it adds `{path}` with another deletion vector but keeps the old")
    state.files[path] = add
    if add.deletion_vector is not None:
        state.vectors[path] = add.deletion_vector


def check_readable(state: LogState) -> tuple[Protocol, Metadata]:
    """Return protocol and metadata when the table can be read here.

    Raises:
        DataDamaged: ``log-damaged``, when the log has no protocol or metadata.
        Invalid: ``table-feature-unsupported``, naming the feature.
    """
    protocol, metadata = state.protocol, state.metadata
    if protocol is None or metadata is None:
        missing = "protocol" if protocol is None else "metaData"
        raise _damaged(state.version, f"up to it the log has no {missing} action")
    if protocol.min_reader_version > _READER_VERSION_MAX:
        raise unsupported(f"reader version {protocol.min_reader_version}", "read")
    if protocol.min_reader_version >= _READER_VERSION_FEATURES:
        for feature in protocol.reader_features or ():
            if feature not in READER_FEATURES:
                raise unsupported(f"reader feature `{feature}`", "read")
    provider = metadata.format.get("provider", "parquet")
    if provider != "parquet":
        raise unsupported(f"file format `{provider}`", "read")
    mode = metadata.configuration.get(MODE, "none")
    if mode not in MODES:
        raise unsupported(f"column mapping by `{mode}`", "read")
    return protocol, metadata


def make_snapshot(state: LogState, root: str, read_rows: ReadRows) -> Snapshot:
    """Turn a state into a value.

    Args:
        state: The state; keeps the data files that are parsed here.
        root: The table's root.
        read_rows: Reads a deletion vector.

    Raises:
        DataDamaged: ``log-damaged``.
        Invalid: ``table-feature-unsupported``.
    """
    protocol, metadata = check_readable(state)
    columns = schema_from_json(metadata.schema_string)
    names = read_mapping_or_none(protocol, metadata) or UNMAPPED
    parse = _file_parser(columns, names, state.vectors, read_rows)
    features = {*(protocol.reader_features or ()), *(protocol.writer_features or ())}
    return Snapshot(
        root=root,
        table_id=metadata.id,
        version=state.version,
        columns=columns,
        partition_columns=metadata.partition_columns,
        files=_files(state.files, parse),
        transactions=MappingProxyType(dict(state.transactions)),
        properties=MappingProxyType(dict(metadata.configuration)),
        physical_names=names.physical_names,
        field_ids=MappingProxyType(_field_ids(metadata)),
        stored_types=names.stored_types,
        schema_string=metadata.schema_string,
        reader_version=protocol.min_reader_version,
        writer_version=protocol.min_writer_version,
        features=tuple(sorted(features)),
        timestamp_ms=state.timestamp_ms,
        description=metadata.description or "",
    )


def _files(
    files: dict[str, Add | DataFile] | ActiveFiles[Add | DataFile],
    parse: Callable[[str, Add], DataFile],
) -> Sequence[DataFile]:
    """Make values of files: of few now, of many when they are looked at."""

    def make(path: str, found: Add | DataFile) -> DataFile:
        return parse(path, found) if isinstance(found, Add) else found

    if isinstance(files, ActiveFiles):
        return FileList(files.copy(), make, lambda file: (file.size_bytes, visible_rows(file)))
    for path, found in files.items():
        files[path] = make(path, found)
    return tuple(part for _, part in sorted(files.items()) if isinstance(part, DataFile))


def describe_entry(entry: Entry) -> HistoryEntry:
    """Summarise an entry for a table's history."""
    adds = [line.add for line in entry.lines if line.add is not None]
    removes = [line.remove for line in entry.lines if line.remove is not None]
    kept = {remove.path for remove in removes}  # added again with other rows hidden
    counts = [stats_from_json(add.stats, ())[0] for add in adds if add.path not in kept]
    changes = [add.data_change for add in adds] + [remove.data_change for remove in removes]
    info = entry.info
    return HistoryEntry(
        version=entry.version,
        timestamp_ms=entry.timestamp_ms,
        operation=str(info.operation or ""),
        parameters=_read_only(info.operation_parameters),
        rows_added=None if None in counts else sum(count or 0 for count in counts),
        bytes_added=sum(add.size for add in adds if add.path not in kept),
        files_added=len(adds),
        files_removed=len(removes),
        changes_data=any(changes),
        engine_info=str(info.engine_info or ""),
        headwater=_read_only(info.headwater),
        seconds=_seconds_or_none(info.operation_metrics, "executionTimeMs"),
        cpu_seconds=_seconds_or_none(info.operation_metrics, "executionCpuTimeMs"),
    )


def _seconds_or_none(metrics: object, name: str) -> float | None:
    """Return a time of an entry's metrics, which are milliseconds as text; None without one."""
    text = metrics.get(name) if isinstance(metrics, dict) else None
    try:
        found = None if text is None else float(str(text)) / 1000
    except ValueError:
        return None
    return found if found is not None and 0 <= found < math.inf else None


def decoded_path(path: str, version: int) -> str:
    """Return an action's path, decoded from the log's percent-encoding.

    Raises:
        DataDamaged: ``log-damaged``, when it leaves the table's folder.
        Invalid: ``table-feature-unsupported``, when it is absolute.
    """
    try:
        plain = unquote(path, errors="strict") if "%" in path else path
    except UnicodeDecodeError as error:
        raise _damaged(version, f"the path `{path}` is not UTF-8") from error
    if plain.startswith("/") or "://" in plain:
        raise unsupported("absolute file paths (a shallow clone)", "read")
    if ".." in plain.split("/"):
        raise _damaged(version, f"the path `{plain}` leaves the table's folder")
    return plain


def unsupported(feature: str, verb: str) -> Invalid:
    """Return the error for a table that needs what we do not implement."""
    return Invalid(
        "table-feature-unsupported",
        f"the table needs {feature}, which this version cannot {verb}",
        fix="drop the feature with the tool that set it, or use another table",
    )


def missing_entry(version: int) -> DataDamaged:
    """Return the error for a version whose entry is not there although a later one is."""
    return _damaged(version, "it is missing although a later version exists")


def _file_parser(
    columns: tuple[Column, ...],
    names: StoredNames,
    vectors: Mapping[str, DeletionVector],
    read_rows: ReadRows,
) -> Callable[[str, Add], DataFile]:
    logical = {name: column for column, name in names.physical_names.items()}
    leaves = leaves_of(columns, names.physical_names, names.stored_types)

    def parse(path: str, add: Add) -> DataFile:
        rows, stats = stats_from_json(add.stats, leaves)
        tags = {name: value for name, value in (add.tags or {}).items() if value is not None}
        with_column_bytes(stats, tags, logical)
        vector = vectors.get(path)
        return DataFile(
            path=path,
            size_bytes=add.size,
            rows=rows,
            partition_values=MappingProxyType(
                {logical.get(name, name): value or None for name, value in _values(add)}
            ),
            stats=MappingProxyType(stats),
            modified_ms=add.modification_time,
            deleted_rows=read_rows(vector) if vector is not None else (),
            tags=MappingProxyType(tags),
        )

    return parse


def _values(add: Add) -> Iterable[tuple[str, str | None]]:
    return add.partition_values.items()


def read_mapping_or_none(protocol: Protocol, metadata: Metadata) -> StoredNames | None:
    """Return what the columns are called in the files; None when they have their own names."""
    if protocol.min_reader_version < _READER_VERSION_MAPPING:
        return None
    if metadata.configuration.get(MODE, "none") == "none":
        return None
    return read_names(metadata.schema_string)


def _field_ids(metadata: Metadata) -> dict[str, int]:
    """Return the ids of columns that are found in the data files by id."""
    return top_ids(metadata.schema_string) if metadata.configuration.get(MODE) == "id" else {}


def _forget_parsed(state: LogState, metadata: Metadata) -> None:
    """Drop from parsed files the statistics of columns whose meaning changed.

    A file keeps its own statistics; only names and types that are still there are kept. Those of a
    column that is called otherwise from now on follow its name.
    """
    old = state.metadata
    if old is None or old.schema_string in {"", metadata.schema_string}:
        return
    if isinstance(state.files, ActiveFiles):
        return  # which keeps no parsed ones
    before = {column.name: column for column in schema_from_json(old.schema_string)}
    after = {column.name: column for column in schema_from_json(metadata.schema_string)}
    names = _new_names(old, metadata)
    kept = {
        name: new
        for name, new in names.items()
        if new in after and (name not in before or before[name].type == after[new].type)
    }
    for path, part in state.files.items():
        if isinstance(part, DataFile):
            stats: dict[str, ColumnStats] = {
                kept[name]: value for name, value in part.stats.items() if name in kept
            }
            values = {names.get(name, name): value for name, value in part.partition_values.items()}
            state.files[path] = replace(
                part, stats=MappingProxyType(stats), partition_values=MappingProxyType(values)
            )


def _new_names(old: Metadata, new: Metadata) -> dict[str, str]:
    """Return what columns are called from now on, by what they were called until now."""
    was, now = (read_names(each.schema_string).physical_names for each in (old, new))
    called = {physical: name for name, physical in now.items()}
    # A column that is new keeps its name; it may have come with files that were added before it.
    new_ones = {name: name for name in now if name not in was}
    return new_ones | {
        name: called[physical] for name, physical in was.items() if physical in called
    }


def _read_only(value: object) -> Mapping[str, Any]:
    return MappingProxyType(dict(value)) if isinstance(value, Mapping) else MappingProxyType({})


def _damaged(version: int, why: str) -> DataDamaged:
    return DataDamaged(
        "log-damaged",
        f"log entry `{entry_name(max(version, 0))}` cannot be used",
        why=why,
        fix="restore the file from a copy of the table, or remove its folder and build again",
    )
