"""Checkpoints: the state of a table at one version, read from Parquet instead of every entry.

A table may have a million files, of which a command looks at few. So the actions of a large
checkpoint stay as the columns that they were read as, and one becomes a value when it is asked for.
PROTOCOL.md, *Checkpoints*.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from headwater.lake.delta import Columns, ask_parquet
from headwater.lake.files import ActiveFiles, Note
from headwater.lake.replay import (
    LOG_FOLDER,
    Add,
    DeletionVector,
    LogState,
    Metadata,
    Protocol,
    check_readable,
    decoded_path,
)
from headwater.lake.storage import LocalStorage, Storage

KEPT_ADDS_MAX = 20_000
"""Files of a checkpoint up to which each becomes a value at once."""

CHUNK_FILES = 4096
"""Files that become values together when all of them are looked at."""

SCATTERED_SHARE = 20
"""One in how many files is made by itself; when there are more, all are made, many at a time."""

_CLASSIC = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.checkpoint\.parquet")
_PART = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.checkpoint\.(\d{{10}})\.(\d{{10}})\.parquet")
_TEXTS = {"type": "map", "keyType": "string", "valueType": "string", "valueContainsNull": True}
_LIST = {"type": "array", "elementType": "string", "containsNull": True}


def _struct(**fields: object) -> dict[str, object]:
    listed = (
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in fields.items()
    )
    return {"type": "struct", "fields": list(listed)}


_SCHEMA = _struct(
    txn=_struct(appId="string", version="long"),
    add=_struct(
        path="string",
        partitionValues=_TEXTS,
        size="long",
        modificationTime="long",
        stats="string",
        tags=_TEXTS,
        deletionVector=_struct(
            storageType="string",
            pathOrInlineDv="string",
            offset="integer",
            sizeInBytes="integer",
            cardinality="long",
        ),
    ),
    metaData=_struct(
        id="string",
        name="string",
        description="string",
        format=_struct(provider="string", options=_TEXTS),
        schemaString="string",
        partitionColumns=_LIST,
        configuration=_TEXTS,
        createdTime="long",
    ),
    protocol=_struct(
        minReaderVersion="integer",
        minWriterVersion="integer",
        readerFeatures=_LIST,
        writerFeatures=_LIST,
    ),
    sidecar=_struct(path="string"),
)
# A struct is asked whether it is null, never a field of it: fields that a file declares as never
# null are taken for filled, also where the whole struct is missing.
_ADDS = (
    "SELECT add['path'] AS path, add['size'] AS size,"
    " add['partitionValues'] AS \"partitionValues\","
    " add['modificationTime'] AS \"modificationTime\", add['stats'] AS stats, add['tags'] AS tags,"
    " add['deletionVector'] AS \"deletionVector\" FROM files WHERE add IS NOT NULL"
)
_TABLE = (
    'SELECT "metaData", protocol FROM files WHERE "metaData" IS NOT NULL OR protocol IS NOT NULL'
)
_TRANSACTIONS = "SELECT txn FROM files WHERE txn IS NOT NULL"
_SIDECARS = "SELECT count(*) AS number FROM files WHERE sidecar IS NOT NULL"


def parts_or_none(paths: Sequence[str]) -> tuple[str, ...] | None:
    """Return the files of one checkpoint that hold its actions themselves; None for others.

    Args:
        paths: Its files in the log's folder.
    """
    if len(paths) == 1 and _CLASSIC.fullmatch(paths[0]):
        return tuple(paths)
    parts = [_PART.fullmatch(path) for path in paths]
    numbers = {(int(part[2]), int(part[3])) for part in parts if part is not None}
    whole = {(number, len(paths)) for number in range(1, len(paths) + 1)}
    return tuple(paths) if numbers == whole else None


def read_parts_or_none(storage: Storage, parts: Sequence[str], version: int) -> LogState | None:
    """Return the state that a checkpoint's files hold; None when they only name others.

    Args:
        storage: Rooted at the table.
        parts: The checkpoint's files.
        version: Its version.

    Raises:
        DataDamaged: ``log-damaged``.
        Invalid: ``table-feature-unsupported``.
        HeadwaterError: As ``Storage.read`` does.
    """
    with TemporaryDirectory(prefix="headwater-checkpoint-") as folder:
        names = tuple(_put(storage, part, Path(folder)) for part in parts)
        place = f"{storage.root}/{parts[0]}"
        answers = ask_parquet(folder, names, _SCHEMA, (_SIDECARS, _TABLE), place)
        if answers[0].rows(0, 1)[0]["number"]:
            return None
        state = _state(answers[1], version)
        check_readable(state)
        settings = state.metadata.configuration if state.metadata else {}
        if settings.get("delta.checkpoint.writeStatsAsJson") == "false":
            return None
        transactions, adds = ask_parquet(folder, names, _SCHEMA, (_TRANSACTIONS, _ADDS), place)
    for row in transactions.all_rows():
        state.transactions[row["txn"]["appId"]] = row["txn"]["version"]
    listed = CheckpointFiles(adds, version)
    state.vectors = listed.vectors()
    state.files = dict(listed.pairs()) if len(listed) <= KEPT_ADDS_MAX else ActiveFiles(listed)
    return state


def _put(storage: Storage, part: str, folder: Path) -> str:
    """Bring a file of a checkpoint into a folder, by name where it is on this machine."""
    name = part.rpartition("/")[2]
    if isinstance(storage, LocalStorage):
        (folder / name).symlink_to(f"{storage.root}/{part}")
    else:
        (folder / name).write_bytes(storage.read(part))
    return name


def _state(answer: Columns, version: int) -> LogState:
    state = LogState(version=version)
    for row in answer.all_rows():
        if row["metaData"] is not None:
            state.metadata = _metadata(row["metaData"])
        if row["protocol"] is not None:
            state.protocol = msgspec.convert(row["protocol"], Protocol)
    return state


def _metadata(row: dict[str, Any]) -> Metadata:
    formatted = row["format"] or {}
    options = dict(formatted.get("options") or ())
    settings = {name: value or "" for name, value in row["configuration"] or ()}
    return msgspec.convert(
        {
            **row,
            "format": {"provider": formatted.get("provider") or "parquet", "options": options},
            "partitionColumns": row["partitionColumns"] or (),
            "configuration": settings,
        },
        Metadata,
    )


class CheckpointFiles:
    """The files of a checkpoint, kept as columns. Never changes; safe to share."""

    def __init__(self, adds: Columns, version: int) -> None:
        """Keep the columns; nothing is made of them yet."""
        self._adds = adds
        self._version = version
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._adds)

    @property
    def places(self) -> Mapping[str, int]:
        """Where each file is, by its path."""
        if self._places is None:
            paths = self._adds.values("path")
            self._places = {
                decoded_path(path, self._version): place for place, path in enumerate(paths)
            }
        return self._places

    def at(self, place: int) -> Add:
        """Return the action of one file."""
        return _add(self._adds.rows(place, 1)[0])

    def pairs(self) -> Iterator[tuple[str, Add]]:
        """Yield every path with its action, many made at a time."""
        for start in range(0, len(self._adds), CHUNK_FILES):
            for row in self._adds.rows(start, CHUNK_FILES):
                yield decoded_path(row["path"], self._version), _add(row)

    def some(self, places: Sequence[int]) -> Iterator[tuple[str, Add]]:
        """Yield those at some places, which ascend, with their paths."""
        if len(places) * SCATTERED_SHARE > len(self):
            wanted = set(places)
            yield from (pair for place, pair in enumerate(self.pairs()) if place in wanted)
            return
        for place in places:
            row = self._adds.rows(place, 1)[0]
            yield decoded_path(row["path"], self._version), _add(row)

    def notes(self, *, with_values: bool) -> Iterator[Note]:
        """Yield the text of each one's statistics, and its partition values where wanted."""
        stats = self._adds.values("stats")
        if not with_values:
            yield from ((text, ()) for text in stats)
            return
        for text, values in zip(stats, self._adds.values("partitionValues"), strict=True):
            yield text, values or ()

    def sizes(self) -> Iterator[int]:
        """Yield the bytes of each."""
        return iter(self._adds.values("size"))

    def row_counts(self) -> Iterator[int | None]:
        """Yield the visible rows of each; None where that is not known."""
        hidden = {self.places[path]: vector.cardinality for path, vector in self.vectors().items()}
        for place, text in enumerate(self._adds.values("stats")):
            rows = _rows(text)
            yield None if rows is None else rows - hidden.get(place, 0)

    def vectors(self) -> dict[str, DeletionVector]:
        """Return where the files that hide rows list them."""
        if not self._adds.has_values("deletionVector"):
            return {}
        pairs = zip(self._adds.values("path"), self._adds.values("deletionVector"), strict=True)
        return {
            decoded_path(path, self._version): msgspec.convert(vector, DeletionVector)
            for path, vector in pairs
            if vector is not None
        }


class _Rows(msgspec.Struct):
    """What tells the rows of a file, in its statistics."""

    numRecords: int | None = None  # noqa: N815 - the log's name


_ROWS = msgspec.json.Decoder(_Rows)


def _rows(text: str | None) -> int | None:
    try:
        return _ROWS.decode(text).numRecords if text else None
    except msgspec.DecodeError:
        return None


def _add(row: dict[str, Any]) -> Add:
    vector, tags = row["deletionVector"], row["tags"]
    return Add(
        path=row["path"],
        size=row["size"],
        partition_values=dict(row["partitionValues"] or ()),
        modification_time=row["modificationTime"] or 0,
        stats=row["stats"],
        tags=None if tags is None else dict(tags),
        deletion_vector=None if vector is None else msgspec.convert(vector, DeletionVector),
    )
