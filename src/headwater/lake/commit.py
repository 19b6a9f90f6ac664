"""The only way to change a table: preconditions and actions as values, and one function.

``commit`` writes one log entry or nothing. Data files must be in storage before it is called.
The log is Delta's (PROTOCOL.md, *Delta Log Entries*); a version is claimed by creating its file,
which only one writer can do.
"""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, assert_never
from urllib.parse import quote
from uuid import uuid4

import msgspec

from headwater.base.clock import Clock, SystemClock
from headwater.base.codec import Json, to_builtins
from headwater.base.errors import (
    Conflict,
    DataDamaged,
    Denied,
    HeadwaterError,
    InternalError,
    Unavailable,
)
from headwater.base.relations import Column
from headwater.lake.make_checkpoint import make_checkpoint
from headwater.lake.mapping import (
    ID_MAX,
    MODE,
    UNMAPPED,
    StoredNames,
    mapped_schema,
    read_names,
)
from headwater.lake.protocol import check_writable, with_feature
from headwater.lake.replay import (
    LOG_FOLDER,
    Add,
    DeletionVector,
    LogState,
    Metadata,
    Protocol,
    check_readable,
    entry_name,
    read_entry,
    read_mapping_or_none,
    unsupported,
)
from headwater.lake.snapshot import DataFile
from headwater.lake.stats import Leaf, leaves_of, stats_to_json
from headwater.lake.storage import check_path
from headwater.lake.table import DROPPED, Table
from headwater.lake.types import (
    schema_fields,
    schema_from_json,
    schema_to_json,
    schema_with_comments,
    uses_timestamp_without_zone,
)

ENGINE_INFO = "Headwater"
VECTORS_PROPERTY = "delta.enableDeletionVectors"
"""Table property that lets writers hide rows by deletion vectors."""

CHECKPOINT_EVERY = 100
"""Commits between two checkpoints."""

RACES_LOST_MAX = 1000
"""How often one blind append may lose the race for a version: its files serve for the next one."""

REFUSALS_MAX = 10
"""How often a store may refuse a version that nobody has taken: it says so while another put of
the same name is under way (409 ConditionalRequestConflict), which may then fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionIs:
    """The table must be at exactly this version; None: it must not exist."""

    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionBelow:
    """The newest ``txn`` version of ``app_id`` must be below ``version``: not committed before."""

    app_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionIs:
    """The newest ``txn`` version of ``app_id`` must be this; None: it has committed nothing."""

    app_id: str
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaIs:
    """The table's columns must be as the log's schema text says: the files were made for them."""

    schema_string: str


Requirement = VersionIs | TransactionBelow | TransactionIs | SchemaIs


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSchema:
    """Create the table, or give it these columns and partitioning.

    Attributes:
        columns: All columns in order; types in the embedded engine's spelling.
        partition_by: Partition columns, in order.
        properties: Table properties to set; an empty text takes one out.
        description: The table's description; None to leave it as it is.
        comments: Comments by column, compared without case; None to leave them as they are.
        table_id: Id of a table that the commit makes, so that whoever makes it need not read it
            back; empty for one that nobody knows before. A table that is there keeps its own.
        schema_string: The log's schema, for whoever has it to the letter: of an older version, of
            another table, or with columns that are called otherwise. Empty to make it of the
            columns, so that those of the same name stay what they are.
    """

    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    description: str | None = None
    comments: Mapping[str, str] | None = None
    table_id: str = ""
    schema_string: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddFile:
    """Make a data file part of the table.

    With a ``RemoveFile`` of the same path in the same commit it hides other rows of a file that
    is there.

    Attributes:
        file: The file; ``deleted_rows`` are all rows that it hides.
        changes_data: False when the table's rows stay as they are.
        vector: Where its hidden rows are stored; None when it hides none.
    """

    file: DataFile
    changes_data: bool = True
    vector: DeletionVector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFile:
    """Take a data file out of the table; the file itself stays for time travel."""

    path: str
    changes_data: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTransaction:
    """Record that application ``app_id`` has committed its ``version``."""

    app_id: str
    version: int


Action = SetSchema | AddFile | RemoveFile | SetTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One log entry to be.

    Attributes:
        operation: The log's word: ``CREATE OR REPLACE TABLE AS SELECT``, ``WRITE``, ``MERGE``,
            ``DELETE`` ...
        parameters: operationParameters.
        requirements: What must hold, or nothing is written.
        actions: What the entry does.
        headwater: Our record: run_id, attempt, plan_hash, node, fingerprint, inputs ...
        metrics: operationMetrics.
    """

    operation: str
    requirements: tuple[Requirement, ...]
    actions: tuple[Action, ...]
    parameters: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    headwater: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    metrics: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))


def commit(
    table: Table,
    commit: Commit,
    clock: Clock | None = None,
    *,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> int:
    """Publish one log entry, whole and durable, or nothing; return its version.

    Data files and their folders are flushed first. A blind append that loses the race for a
    version is tried on the next one; anything else that loses it is a conflict. After a storage
    error the log is read again before success or failure is decided.

    Args:
        table: The table; may not exist yet.
        commit: What to require and what to do.
        clock: Where ``commitInfo.timestamp`` comes from; never less than the version before.
        checkpoint_every: Versions from one checkpoint to the next; 0 when the caller sees to it.

    Raises:
        Conflict: ``commit-conflict``, naming the version in between and who wrote it;
            ``already-committed``, when a ``TransactionBelow`` or ``TransactionIs`` does not hold.
        Invalid: ``table-feature-unsupported``; ``type-not-storable``.
        InternalError: ``commit-invalid``, when the commit contradicts itself or the table.
        DataDamaged: ``log-damaged``, also when the entry reads back differently.
        HeadwaterError: whatever ``Storage`` raises; then nothing was published.
    """
    _check_actions(commit)
    base: LogState | None = None
    version, refused = -1, 0
    for attempt in range(RACES_LOST_MAX):
        state = table.refreshed_or_none()
        version = -1 if state is None else state.version
        _check_requirements(table, commit, state)
        if attempt:
            refused = _refusals(table, commit, base, state, refused)
        lines = _entry_lines(state, commit)
        if not attempt:
            table.storage.make_durable(_added_paths(commit))
            if state is None:
                table.storage.make_root_durable(LOG_FOLDER)
        base = None if state is None else replace(state, files={}, vectors={}, transactions={})
        if _publish(table, version + 1, lines, state, clock or SystemClock()):
            _checkpoint(table, version + 1, checkpoint_every)
            return version + 1
    raise _conflict(table, version, f"other writers won {RACES_LOST_MAX} times in a row")


def _refusals(
    table: Table, commit: Commit, base: LogState | None, state: LogState | None, sofar: int
) -> int:
    """Return how often a version that nobody has taken was refused, after one more refusal.

    Raises:
        Conflict: ``commit-conflict``, when it was taken and the commit cannot be the next.
    """
    before, after = (-1 if each is None else each.version for each in (base, state))
    if before != after:
        if _is_blind_append(commit) and _is_same_schema(base, state):
            return 0
        raise _conflict(table, after, "it was prepared against an older version")
    if sofar == REFUSALS_MAX:
        raise Unavailable(
            "storage-unavailable",
            f"the storage refuses version {after + 1} of `{table.root}`, which nobody has taken",
            why=f"it said {sofar + 1} times that the entry exists",
            fix="run again; if it stays, check the storage",
        )
    return sofar + 1


def _publish(
    table: Table, version: int, lines: list[dict[str, Any]], state: LogState | None, clock: Clock
) -> bool:
    """Try to create the entry; False when another writer has taken the version."""
    mark = str(uuid4())
    earliest = 0 if state is None else state.timestamp_ms + 1
    now = int(clock.now().timestamp() * 1000)
    info = lines[0]["commitInfo"] | {
        "timestamp": max(now, earliest),
        "txnId": mark,
        "actionCount": len(lines),
    }
    stamped = ({"commitInfo": info}, *(_stamped(line, info["timestamp"]) for line in lines[1:]))
    data = b"\n".join(msgspec.json.encode(line) for line in stamped)
    _check_entry(version, data, mark, len(lines))
    try:
        won = table.storage.put_if_absent(entry_name(version), data)
    except HeadwaterError as error:
        # Whatever the last answer says: an earlier try of the same put may have succeeded.
        if not _is_known_ours(table, version, mark):
            raise error from error.__cause__
        won = True
    if not won and not _is_ours(table, version, mark):
        return False
    if _read_back_or_none(table, version) not in {None, data}:
        raise DataDamaged(
            "log-damaged",
            f"log entry `{entry_name(version)}` of `{table.root}` reads back differently",
            why="the storage did not keep the bytes that it acknowledged",
            fix="check the storage; the table's newest version cannot be trusted",
        )
    return True


def _stamped(line: dict[str, Any], now: int) -> dict[str, Any]:
    """Give removes, and the metadata of a new table, the commit's time."""
    match line:
        case {"remove": remove}:
            return {"remove": remove | {"deletionTimestamp": now}}
        case {"metaData": metadata} if metadata["createdTime"] is None:
            return {"metaData": metadata | {"createdTime": now}}
        case _:
            return line


def _is_ours(table: Table, version: int, mark: str) -> bool:
    """Tell whether the version's entry carries our mark: the write happened though it failed."""
    found = table.storage.stat_or_none(entry_name(version))
    if found is None:
        return False
    entry = read_entry(version, table.storage.read(entry_name(version)), found.modified_ms)
    return bool(entry.info.txn_id == mark)


def _is_known_ours(table: Table, version: int, mark: str) -> bool:
    """Tell whether the entry is surely ours; when it cannot be read, the put's own error holds."""
    try:
        return _is_ours(table, version, mark)
    except HeadwaterError:
        return False


def _read_back_or_none(table: Table, version: int) -> bytes | None:
    """Read the new entry again; None when storage does not answer: it has acknowledged the put.

    The table has moved on then, and a failure told now would make the caller do its work twice.
    """
    try:
        return table.storage.read(entry_name(version))
    except (Denied, Unavailable):
        return None


def _check_entry(version: int, data: bytes, mark: str, count: int) -> None:
    """Read the entry as a reader would, before anybody can."""
    entry = read_entry(version, data, 0)
    if entry.info.txn_id != mark or len(entry.lines) != count:
        raise _contradiction("its entry does not read back as it was made")


def _check_requirements(table: Table, commit: Commit, state: LogState | None) -> None:
    version = -1 if state is None else state.version
    # Transactions first: a commit that succeeded unnoticed has moved the version, too.
    ordered = sorted(commit.requirements, key=lambda one: isinstance(one, VersionIs))
    for requirement in ordered:
        match requirement:
            case VersionIs(version=wanted):
                if (-1 if wanted is None else wanted) != version:
                    expected = "no table" if wanted is None else f"version {wanted}"
                    raise _conflict(table, version, f"the commit was prepared for {expected}")
            case TransactionBelow(app_id=app_id, version=limit):
                found = table.transaction_or_none(app_id)
                if found is not None and found >= limit:
                    raise Conflict(
                        "already-committed",
                        f"table `{table.root}` already has transaction {limit} of `{app_id}`",
                        why=f"its newest is {found}",
                        fix="nothing is to be done: plan again and the table is up to date",
                    )
            case TransactionIs(app_id=app_id, version=below):
                found = table.transaction_or_none(app_id)
                if found != below:
                    raise Conflict(
                        "already-committed",
                        f"another writer has committed transaction {found} of `{app_id}`",
                        why=f"the newest known of table `{table.root}` was {below}",
                        fix="ask the table for the newest transaction and go on from there",
                    )
            case SchemaIs(schema_string=text):
                metadata = None if state is None else state.metadata
                if metadata is None or metadata.schema_string != text:
                    raise _conflict(table, version, "its files are made for other columns")
            case other:
                assert_never(other)


def _is_blind_append(commit: Commit) -> bool:
    return all(isinstance(action, (AddFile, SetTransaction)) for action in commit.actions)


def _is_same_schema(base: LogState | None, state: LogState | None) -> bool:
    if base is None or state is None:
        return base is state
    return (base.metadata, base.protocol) == (state.metadata, state.protocol)


def _check_actions(commit: Commit) -> None:
    """Refuse a commit that contradicts itself."""
    added = _added_paths(commit)
    removed = [action.path for action in commit.actions if isinstance(action, RemoveFile)]
    if len(set(added)) != len(added) or len(set(removed)) != len(removed):
        raise _contradiction("a file occurs twice")
    if sum(isinstance(action, SetSchema) for action in commit.actions) > 1:
        raise _contradiction("it sets two schemas")
    for path in added:
        check_path(path)
    for action in commit.actions:
        if isinstance(action, AddFile):
            counted = 0 if action.vector is None else action.vector.cardinality
            if counted != len(action.file.deleted_rows):
                raise _contradiction(f"the hidden rows of `{action.file.path}` are not stored")


def _added_paths(commit: Commit) -> list[str]:
    return [action.file.path for action in commit.actions if isinstance(action, AddFile)]


def _entry_lines(state: LogState | None, commit: Commit) -> list[dict[str, Any]]:
    """Return the entry's actions, ``commitInfo`` first, as JSON values."""
    schema = next((action for action in commit.actions if isinstance(action, SetSchema)), None)
    lines: list[dict[str, Any]] = [{"commitInfo": _commit_info(commit, state)}]
    protocol, metadata = _table_actions(state, schema)
    if any(isinstance(action, AddFile) and action.vector for action in commit.actions):
        protocol, metadata = _with_vectors(protocol, metadata)
    _check_identities(state, commit)
    if state is None or protocol != state.protocol:
        lines.append({"protocol": _without_none(msgspec.to_builtins(protocol))})
    if state is None or metadata != state.metadata:
        lines.append({"metaData": _metadata_line(metadata)})
    if state is not None and metadata != state.metadata:
        removed = {action.path for action in commit.actions if isinstance(action, RemoveFile)}
        _check_evolution(state, metadata, state.files.keys() - removed)
    form = _form(protocol, metadata)
    before = UNMAPPED if state is None else _names(state)
    for action in commit.actions:
        match action:
            case AddFile():
                lines.append({"add": _add(action, form)})
            case RemoveFile():
                lines.append({"remove": _remove(action, state, before, form)})
            case SetTransaction(app_id=app_id, version=version):
                lines.append({"txn": {"appId": app_id, "version": version}})
            case SetSchema():
                pass
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What files of a table must be like.

    Attributes:
        metadata: The table's.
        names: What columns are called in files.
        leaves: What has statistics.
        marks: As which name, id and type each column is stored.
    """

    metadata: Metadata
    names: StoredNames
    leaves: tuple[Leaf, ...]
    marks: Mapping[str, str]


def _stored_values(values: Mapping[str, str | None], names: StoredNames) -> dict[str, str | None]:
    """Return partition values as the log has them."""
    physical = names.physical_names
    return {physical.get(name, name): value for name, value in values.items()}


def _names(state: LogState) -> StoredNames:
    """Return what a table's columns are called in its files."""
    if state.protocol is None or state.metadata is None:
        return UNMAPPED
    return read_mapping_or_none(state.protocol, state.metadata) or UNMAPPED


def _form(protocol: Protocol, metadata: Metadata) -> _Form:
    names = read_mapping_or_none(protocol, metadata) or UNMAPPED
    columns = schema_from_json(metadata.schema_string)
    inside = [column for column in columns if column.name not in metadata.partition_columns]
    return _Form(
        metadata=metadata,
        names=names,
        leaves=leaves_of(inside, names.physical_names, names.stored_types),
        marks=names.marks([column.name for column in inside]),
    )


def _table_actions(state: LogState | None, schema: SetSchema | None) -> tuple[Protocol, Metadata]:
    """Return the protocol and metadata that hold after the commit."""
    if state is None:
        if schema is None:
            raise _contradiction("the table does not exist and the commit has no schema")
        return _protocol(None, schema), _metadata(None, schema)
    protocol, metadata = check_readable(state)
    check_writable(protocol, metadata)
    if schema is None:
        return protocol, metadata
    return _protocol(protocol, schema), _metadata(metadata, schema)


def _check_identities(state: LogState | None, commit: Commit) -> None:
    """Refuse a file that is both added and removed, unless it hides other rows afterwards."""
    removed = {action.path for action in commit.actions if isinstance(action, RemoveFile)}
    vectors = {} if state is None else state.vectors
    for action in commit.actions:
        if not isinstance(action, AddFile):
            continue
        path = action.file.path
        if path in removed and vectors.get(path) == action.vector:
            raise _contradiction(f"file `{path}` is both added and removed")
        if path not in removed and action.vector and state is not None and path in state.files:
            raise _contradiction(f"file `{path}` hides other rows but is not removed first")


def _with_vectors(protocol: Protocol, metadata: Metadata) -> tuple[Protocol, Metadata]:
    """Return what a table with deletion vectors must say of itself."""
    settings = {**metadata.configuration, VECTORS_PROPERTY: "true"}
    metadata = msgspec.structs.replace(metadata, configuration=settings)
    return with_feature(protocol, "deletionVectors"), metadata


def _check_evolution(state: LogState, metadata: Metadata, kept_files: AbstractSet[str]) -> None:
    """Refuse a schema that the files which stay do not fit."""
    old = state.metadata
    if old is None or not kept_files:
        return
    was, now = (read_names(each.schema_string).physical_names for each in (old, metadata))
    partitions = [was[name] for name in old.partition_columns]
    if partitions != [now[name] for name in metadata.partition_columns]:
        raise _contradiction("it changes the partitioning but keeps files")
    before = {was[column.name]: column.type for column in schema_from_json(old.schema_string)}
    for column in schema_from_json(metadata.schema_string):
        kind = before.get(now[column.name], column.type)
        if kind != column.type:
            raise _contradiction(
                f"it changes `{column.name}` from {kind} to {column.type} but keeps files"
            )


def _metadata_line(metadata: Metadata) -> dict[str, Any]:
    return {
        "id": metadata.id,
        "name": metadata.name,
        "description": metadata.description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": metadata.schema_string,
        "partitionColumns": list(metadata.partition_columns),
        "configuration": dict(metadata.configuration),
        "createdTime": metadata.created_time,
    }


def _commit_info(commit: Commit, state: LogState | None) -> dict[str, Any]:
    read = {} if state is None else {"readVersion": state.version}
    return {
        "timestamp": 0,
        "operation": commit.operation,
        "operationParameters": {
            name: _parameter(value) for name, value in commit.parameters.items()
        },
        "operationMetrics": {name: str(value) for name, value in commit.metrics.items()},
        **read,
        "isolationLevel": "Serializable",
        "isBlindAppend": _is_blind_append(commit),
        "engineInfo": ENGINE_INFO,
        "headwater": to_builtins(dict(commit.headwater)),
    }


def _parameter(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _metadata(old: Metadata | None, schema: SetSchema) -> Metadata:
    names = {column.name for column in schema.columns}
    if not set(schema.partition_by) <= names:
        raise _contradiction("a partition column is not a column of the table")
    kept = old.configuration if old else {}
    configuration = {key: value for key, value in kept.items() if key != DROPPED}
    configuration |= schema.properties
    gone = {key for key, value in schema.properties.items() if not value}
    configuration = {key: value for key, value in configuration.items() if key not in gone}
    text, configuration = _schema_text(old, schema, configuration)
    if schema.comments is not None:
        text = schema_with_comments(text, schema.comments)
    description = schema.description
    if description is None and old is not None:
        description = old.description
    return Metadata(
        id=old.id if old else schema.table_id or str(uuid4()),
        schema_string=text,
        partition_columns=schema.partition_by,
        configuration=configuration,
        format=old.format if old else {},
        name=old.name if old else None,
        description=description,
        created_time=old.created_time if old else None,
    )


def _schema_text(
    old: Metadata | None, schema: SetSchema, configuration: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Return the schema, and the properties that follow from it."""
    text = schema.schema_string
    is_mapped = configuration.get(MODE, "none") != "none"
    if not text and old is not None and is_mapped:
        mapped = mapped_schema(old.schema_string, configuration, old.id)
        text = mapped.with_columns(schema.columns).schema_string
    elif not text:
        text = schema_to_json(schema.columns)
    if is_mapped:
        newest = mapped_schema(text, configuration, "").id_max
        configuration = {**configuration, ID_MAX: str(newest)}
    if old is not None and not schema.schema_string:
        text = _with_old_fields(text, old.schema_string)
    return text, configuration


def _with_old_fields(text: str, old_text: str) -> str:
    """Keep the comments and other metadata of fields that do not change."""
    old = {field["name"]: field for field in schema_fields(old_text)}
    fields: list[Mapping[str, Any]] = []
    for field_ in schema_fields(text):
        before = old.get(field_["name"], {})
        same = all(before.get(key) == field_[key] for key in ("type", "nullable"))
        fields.append(before if same else field_)
    if fields == list(old.values()):
        return old_text
    return msgspec.json.encode({"type": "struct", "fields": fields}).decode()


def _protocol(old: Protocol | None, schema: SetSchema) -> Protocol:
    """Return the protocol that the schema needs; features are only ever added."""
    needed = [
        *(["timestampNtz"] if uses_timestamp_without_zone(schema.columns) else []),
        *(["columnMapping"] if schema.properties.get(MODE, "none") != "none" else []),
    ]
    if not needed:
        return old or Protocol(min_reader_version=1, min_writer_version=2)
    protocol = old or Protocol(min_reader_version=1, min_writer_version=1)
    for feature in needed:
        protocol = with_feature(protocol, feature)
    return protocol


def _add(action: AddFile, form: _Form) -> dict[str, Any]:
    file, metadata = action.file, form.metadata
    if set(file.partition_values) != set(metadata.partition_columns):
        raise _contradiction(
            f"file `{file.path}` has partition values of {sorted(file.partition_values)}, "
            f"the table is partitioned by {sorted(metadata.partition_columns)}"
        )
    if file.stored_as is not None and not _is_named_so(file.stored_as, form.marks):
        raise _contradiction(f"file `{file.path}` has columns under other names than the table")
    stats = stats_to_json(file, form.leaves)
    tags = {"tags": dict(file.tags)} if file.tags else {}
    return {
        "path": encode_path(file.path),
        "partitionValues": _stored_values(file.partition_values, form.names),
        "size": file.size_bytes,
        "modificationTime": file.modified_ms,
        "dataChange": action.changes_data,
        **({} if stats is None else {"stats": stats}),
        **tags,
        **({} if action.vector is None else {"deletionVector": msgspec.to_builtins(action.vector)}),
    }


def _is_named_so(stored: Mapping[str, str], marks: Mapping[str, str]) -> bool:
    """Tell whether a file was written with the names and ids that the table gives its columns."""
    return stored.items() <= marks.items()


def _remove(
    action: RemoveFile, state: LogState | None, before: StoredNames, form: _Form
) -> dict[str, Any]:
    known = None if state is None else state.files.get(action.path)
    if known is None or state is None:
        raise _contradiction(f"file `{action.path}` is not in the table")
    if action.changes_data and form.metadata.configuration.get("delta.appendOnly") == "true":
        raise unsupported("appending only (delta.appendOnly)", "write")
    vector = state.vectors.get(action.path)
    if vector is None and isinstance(known, DataFile) and known.deleted_rows:
        raise unsupported("removing a file whose deletion vector only a checkpoint has", "write")
    is_raw = isinstance(known, Add)
    size = known.size if isinstance(known, Add) else known.size_bytes
    values = known.partition_values if is_raw else _stored_values(known.partition_values, before)
    return {
        "path": encode_path(action.path),
        "dataChange": action.changes_data,
        "extendedFileMetadata": True,
        "partitionValues": dict(values),
        "size": size,
        **({} if vector is None else {"deletionVector": msgspec.to_builtins(vector)}),
    }


def encode_path(path: str) -> str:
    """Percent-encode a relative path as the log wants it (RFC 2396)."""
    return quote(path, safe="/!$&'()*+,;=:@-._~")


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _checkpoint(table: Table, version: int, every: int) -> None:
    """Write a checkpoint now and then; the commit stands whether or not it succeeds."""
    if every and version and version % every == 0:
        with suppress(HeadwaterError):
            make_checkpoint(table, version)


def _conflict(table: Table, version: int, why: str) -> Conflict:
    if version < 0:
        return Conflict(
            "commit-conflict",
            f"table `{table.root}` does not exist any more",
            why=why,
            fix="plan again and run",
        )
    newest = table.history(1)
    run = str(newest[0].headwater.get("run_id", "")) if newest else ""
    who = f"run {run}" if run else (newest[0].engine_info if newest else "") or "another writer"
    return Conflict(
        "commit-conflict",
        f"table `{table.root}` is at version {version}, written by {who}",
        why=why,
        fix="plan again and run: the new plan reads the newer version",
    )


def _contradiction(why: str) -> InternalError:
    return InternalError(
        "commit-invalid",
        "a commit contradicts itself or the table, so it was not made",
        why=why,
        fix="please report this with the message; the table is unchanged",
    )
