"""delta-rs behind a door: reading a table from a checkpoint, and writing checkpoints.

The only importer of deltalake. We replay JSON entries ourselves; checkpoints are Parquet, which
this floor has no other reader for: ``ask_parquet`` reads their actions as they are, and what names
other files in turn is read by delta-rs itself. Its errors and panics are mapped here to ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import msgspec
from arro3.core import Table
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError

from headwater.base.codec import Json
from headwater.base.errors import DataDamaged, HeadwaterError, Invalid
from headwater.lake.replay import LOG_FOLDER, LogState, Metadata, Protocol, check_readable
from headwater.lake.snapshot import ColumnStats, DataFile
from headwater.lake.types import schema_from_json

CHECKPOINT_SCHEMES = ("/", "s3://", "s3a://", "gs://", "az://", "abfss://")
"""Beginnings of roots for which delta-rs can read and write checkpoints."""


def read_checkpoint(root: str, options: Mapping[str, str], version: int) -> LogState:
    """Return the state at a version that has a checkpoint.

    Transactions are not listed by delta-rs: ask ``read_transaction``.

    Raises:
        DataDamaged: ``log-damaged``.
        Invalid: ``table-feature-unsupported``.
    """
    with _mapped(root):
        table = DeltaTable(root, version=version, storage_options=dict(options))
        state = LogState(
            version=version, protocol=_protocol(table), metadata=_metadata(table), timestamp_ms=0
        )
        check_readable(state)
        hidden = _deleted_rows(table, root)
        rows = table.get_add_actions().to_struct_array().to_pylist()
        if state.metadata is not None:
            for row in rows:
                file = _data_file(row, state.metadata, hidden)
                state.files[file.path] = file
    return state


def read_transaction(
    root: str, options: Mapping[str, str], version: int, app_id: str
) -> int | None:
    """Return the newest transaction version of ``app_id`` at a table version.

    Raises:
        DataDamaged: ``log-damaged``.
    """
    with _mapped(root):
        table = DeltaTable(root, version=version, storage_options=dict(options))
        found = table.transaction_version(app_id)
        return None if found is None else int(found)


def write_checkpoint(root: str, options: Mapping[str, str], version: int) -> bool:
    """Write a checkpoint of ``version`` for readers that start from one; False where we cannot.

    Raises:
        DataDamaged: ``log-damaged``, when delta-rs does not take the log.
    """
    if not root.startswith(CHECKPOINT_SCHEMES):
        return False
    with _mapped(root):
        DeltaTable(root, version=version, storage_options=dict(options)).create_checkpoint()
    return True


class Columns:
    """The rows that an answer has, kept as columns."""

    def __init__(self, table: Table) -> None:
        """Keep them."""
        self._table = table

    def __len__(self) -> int:
        """Return how many rows there are."""
        return int(self._table.num_rows)

    def rows(self, start: int, count: int) -> list[dict[str, Any]]:
        """Return some rows as dicts; fewer at the end."""
        length = min(count, len(self) - start)
        part = self._table.slice(start, length)
        return [row for chunk in part.to_batches() for row in chunk.to_struct_array().to_pylist()]

    def all_rows(self) -> list[dict[str, Any]]:
        """Return all rows as dicts."""
        return self.rows(0, len(self)) if len(self) else []

    def values(self, name: str) -> Iterator[Any]:
        """Yield a column's values."""
        for chunk in self._table.column(name).chunks:
            yield from chunk.to_pylist()

    def has_values(self, name: str) -> bool:
        """Tell whether a column holds anything but nulls."""
        chunks = self._table.column(name).chunks
        return any(chunk.null_count < len(chunk) for chunk in chunks)


def ask_parquet(
    folder: str,
    names: Sequence[str],
    schema: Mapping[str, object],
    questions: Sequence[str],
    place: str,
) -> tuple[Columns, ...]:
    """Ask Parquet files by SQL, in which they are the table ``files``.

    delta-rs reads Delta tables only, so that a log is written beside the files that names them.

    Args:
        folder: Where the files are; a log is made in it, when there is none.
        names: Their names.
        schema: The columns to read, as a Delta schema; what a file lacks is null.
        questions: Queries.
        place: What the files are, for messages.

    Raises:
        DataDamaged: ``log-damaged``, when they cannot be read.
    """
    log = Path(folder) / LOG_FOLDER
    lines: list[dict[str, object]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "files",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": msgspec.json.encode(schema).decode(),
                "partitionColumns": [],
                "configuration": {},
            }
        },
    ]
    for name in names:
        size = (Path(folder) / name).stat().st_size
        lines.append(
            {
                "add": {
                    "path": name,
                    "partitionValues": {},
                    "size": size,
                    "modificationTime": 0,
                    "dataChange": True,
                }
            }
        )
    log.mkdir(exist_ok=True)
    entry = b"\n".join(msgspec.json.encode(line) for line in lines)
    (log / f"{0:020d}.json").write_bytes(entry)
    with _mapped(place):
        builder = QueryBuilder().register("files", DeltaTable(folder))
        return tuple(Columns(Table.from_arrow(builder.execute(each))) for each in questions)


@contextmanager
def _mapped(root: str) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit, HeadwaterError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        if isinstance(error, DeltaError) and "eature" in why:
            raise Invalid(
                "table-feature-unsupported",
                f"the table `{root}` needs a feature that this version cannot read",
                why=why,
                fix="drop the feature with the tool that set it, or use another table",
            ) from error
        raise DataDamaged(
            "log-damaged",
            f"the checkpoint of `{root}` cannot be used",
            why=why,
            fix="restore _delta_log from a copy of the table, or remove its folder and build again",
        ) from error


def _protocol(table: DeltaTable) -> Protocol:
    found = table.protocol()
    return Protocol(
        min_reader_version=found.min_reader_version,
        min_writer_version=found.min_writer_version,
        reader_features=tuple(found.reader_features or ()),
        writer_features=tuple(found.writer_features or ()),
    )


def _metadata(table: DeltaTable) -> Metadata:
    found = table.metadata()
    return Metadata(
        id=str(found.id),
        schema_string=table.schema().to_json(),
        partition_columns=tuple(found.partition_columns),
        configuration={name: value or "" for name, value in found.configuration.items()},
        format={"provider": "parquet", "options": {}},
        name=found.name,
        description=found.description,
        created_time=found.created_time,
    )


def _deleted_rows(table: DeltaTable, root: str) -> dict[str, tuple[int, ...]]:
    """Return the hidden positions by path; delta-rs gives a mask of rows to keep."""
    features = table.protocol().reader_features or ()
    if "deletionVectors" not in features:
        return {}
    found: dict[str, tuple[int, ...]] = {}
    for batch in table.deletion_vectors():
        for row in batch.to_struct_array().to_pylist():
            kept = row["selection_vector"]
            path = unquote(str(row["filepath"])).removeprefix("file://")
            path = path.removeprefix(root).lstrip("/")
            found[path] = tuple(at for at, keep in enumerate(kept) if not keep)
    return found


def _data_file(
    row: dict[str, Any], metadata: Metadata, hidden: Mapping[str, tuple[int, ...]]
) -> DataFile:
    path = unquote(str(row["path"]))
    partition = row.get("partition") or {}
    stats: dict[str, ColumnStats] = {}
    for column in schema_from_json(metadata.schema_string):
        bounds = [(row.get(name) or {}).get(column.name) for name in ("min", "max", "null_count")]
        if all(isinstance(part, dict) or part is None for part in bounds):
            continue
        low, high, nulls = bounds
        stats[column.name] = ColumnStats(
            minimum=_json_bound(low),
            maximum=_json_bound(high),
            null_count=nulls if isinstance(nulls, int) else None,
        )
    return DataFile(
        path=path,
        size_bytes=int(row["size_bytes"]),
        rows=row.get("num_records"),
        partition_values=MappingProxyType(
            {name: _partition_text(partition.get(name)) for name in metadata.partition_columns}
        ),
        stats=MappingProxyType(stats),
        modified_ms=int(row.get("modification_time") or 0),
        deleted_rows=hidden.get(path, ()),
    )


def _json_bound(value: object) -> Json:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return format(value, "f")
        case datetime():
            text = value.replace(tzinfo=None).isoformat(timespec="microseconds")
            return text + ("Z" if value.tzinfo else "")
        case date():
            return value.isoformat()
        case _:
            return None


def _partition_text(value: object) -> str | None:
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case bytes():
            return value.decode("utf-8", errors="replace")
        case _:
            text = _json_bound(value)
            return None if text is None else str(text)
