"""Deletion vectors: the positions of rows that a table hides in one of its files.

They lie beside the data or inside the log; what they are made of is in ``roaring``. One commit
hides rows in many files, so that all its vectors share one file, and small ones need none.
PROTOCOL.md, *Deletion Vectors*.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

from headwater.base.errors import DataDamaged
from headwater.lake.replay import DeletionVector
from headwater.lake.roaring import decode_rows, encode_rows
from headwater.lake.storage import Storage

INLINE_BYTES_MAX = 4096
"""Bytes of all vectors of one commit up to which they are written into the log itself."""

FILES_KEPT_MAX = 8
"""Files of vectors that one reader keeps in memory at once."""

_UUID_CHARACTERS = 20
_FORMAT_VERSION = b"\x01"
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_Z85_VALUES = {character: value for value, character in enumerate(_Z85)}


class VectorReader:
    """Reads the vectors of one snapshot; a file that many share is fetched once."""

    def __init__(self, storage: Storage) -> None:
        """Read from ``storage``, which is rooted at the table."""
        self._storage = storage
        self._files: dict[str, bytes] = {}

    def __call__(self, vector: DeletionVector) -> tuple[int, ...]:
        """Return the hidden positions, from 0, ascending.

        Raises:
            DataDamaged: ``log-damaged``, when the bitmap is not whole.
            NotFound: ``file-not-found``.
        """
        try:
            rows = decode_rows(self._bitmap(vector))
        except (struct.error, ValueError, IndexError, KeyError) as error:
            raise _damaged(vector, str(error)) from error
        if len(rows) != vector.cardinality:
            raise _damaged(vector, f"it has {len(rows)} rows, the log says {vector.cardinality}")
        return rows

    def _bitmap(self, vector: DeletionVector) -> bytes:
        match vector.storage_type:
            case "i":
                return _z85_decode(vector.path_or_inline_dv)[: vector.size_in_bytes]
            case "u":
                return self._from_file(vector)
            case other:
                message = f"its storage type `{other}` is not known"
                raise ValueError(message)

    def _from_file(self, vector: DeletionVector) -> bytes:
        path = vector_path_or_none(vector)
        data = self._file("" if path is None else path)
        at = vector.offset or 0
        (size,) = struct.unpack_from(">i", data, at)
        body = data[at + 4 : at + 4 + size]
        (checksum,) = struct.unpack_from(">I", data, at + 4 + size)
        if size != vector.size_in_bytes or zlib.crc32(body) != checksum:
            message = f"`{path}` has the wrong size or checksum at byte {at}"
            raise ValueError(message)
        return body

    def _file(self, path: str) -> bytes:
        if path not in self._files:
            if len(self._files) >= FILES_KEPT_MAX:
                self._files.pop(next(iter(self._files)))
            self._files[path] = self._storage.read(path)
        return self._files[path]


def read_deleted_rows(storage: Storage, vector: DeletionVector) -> tuple[int, ...]:
    """Return the hidden positions of one vector; as ``VectorReader``."""
    return VectorReader(storage)(vector)


def write_vectors(
    storage: Storage, hidden: Mapping[str, Sequence[int]], *, prefix: str
) -> dict[str, DeletionVector]:
    """Store the hidden rows of data files durably and return where, by the data file's path.

    Small ones need no storage: the log will hold them. The others share one file, in a folder
    of their own so that its name begins like those of the attempt's data files.

    Args:
        storage: Rooted at the table.
        hidden: Positions (from 0, ascending) by data file.
        prefix: Beginning of the folder's name; unique to the run and attempt.

    Raises:
        HeadwaterError: As ``Storage.put_if_absent`` does.
    """
    bitmaps = {path: encode_rows(rows) for path, rows in hidden.items()}
    if sum(map(len, bitmaps.values())) <= INLINE_BYTES_MAX:
        return {
            path: DeletionVector(
                storage_type="i",
                path_or_inline_dv=_z85_encode(bitmap + b"\0" * (-len(bitmap) % 4)),
                size_in_bytes=len(bitmap),
                cardinality=len(hidden[path]),
            )
            for path, bitmap in bitmaps.items()
        }
    name, folder = uuid4(), f"{prefix}vectors"
    parts, vectors, at = [_FORMAT_VERSION], {}, len(_FORMAT_VERSION)
    for path, bitmap in bitmaps.items():
        framed = struct.pack(">i", len(bitmap)) + bitmap + struct.pack(">I", zlib.crc32(bitmap))
        vectors[path] = DeletionVector(
            storage_type="u",
            path_or_inline_dv=folder + _z85_encode(name.bytes),
            size_in_bytes=len(bitmap),
            cardinality=len(hidden[path]),
            offset=at,
        )
        parts.append(framed)
        at += len(framed)
    storage.put_if_absent(f"{folder}/{_file_name(name)}", b"".join(parts))
    return vectors


def vector_path_or_none(vector: DeletionVector) -> str | None:
    """Return the path of the file that holds a vector; None when the log itself does.

    Raises:
        ValueError: Its name cannot be read.
        KeyError: Likewise.
    """
    if vector.storage_type != "u":
        return None
    text = vector.path_or_inline_dv
    folder, encoded = text[:-_UUID_CHARACTERS], text[-_UUID_CHARACTERS:]
    name = _file_name(UUID(bytes=_z85_decode(encoded)))
    return f"{folder}/{name}" if folder else name


def _file_name(name: UUID) -> str:
    return f"deletion_vector_{name}.bin"


def _z85_decode(text: str) -> bytes:
    if len(text) % 5:
        message = f"`{text}` is not Z85"
        raise ValueError(message)
    parts = bytearray()
    for start in range(0, len(text), 5):
        number = 0
        for character in text[start : start + 5]:
            number = number * 85 + _Z85_VALUES[character]
        parts += number.to_bytes(4, "big") if number < 1 << 32 else b""
    return bytes(parts)


def _z85_encode(data: bytes) -> str:
    """Encode bytes, a multiple of four."""
    parts: list[str] = []
    for start in range(0, len(data), 4):
        number = int.from_bytes(data[start : start + 4], "big")
        parts.extend(_Z85[number // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return "".join(parts)


def _damaged(vector: DeletionVector, why: str) -> DataDamaged:
    return DataDamaged(
        "log-damaged",
        f"deletion vector `{vector.path_or_inline_dv}` cannot be used",
        why=why,
        fix="restore its file from a copy of the table, or remove its folder and build again",
    )
