"""Deletion vectors: the positions of rows that a table hides in one of its files.

They are roaring bitmaps, beside the data or inside the log. We only read them here. PROTOCOL.md,
*Deletion Vectors*; the bitmap's layout is that of the Roaring format specification.
"""

import struct
import zlib
from uuid import UUID

from headwater.base.errors import DataDamaged
from headwater.lake.replay import DeletionVector
from headwater.lake.storage import Storage

_MAGIC = 1681511377
_COOKIE = 12347
_COOKIE_NO_RUNS = 12346
_ARRAY_MAX = 4096
_OFFSETS_FROM = 4
_UUID_CHARACTERS = 20
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def read_deleted_rows(storage: Storage, vector: DeletionVector) -> tuple[int, ...]:
    """Return the hidden positions, from 0, ascending.

    Raises:
        DataDamaged: ``log-damaged``, when the bitmap is not whole.
        NotFound: ``file-not-found``.
    """
    try:
        rows = _positions(_bitmap(storage, vector))
    except (struct.error, ValueError, IndexError) as error:
        raise _damaged(vector, str(error)) from error
    if len(rows) != vector.cardinality:
        raise _damaged(vector, f"it has {len(rows)} rows, the log says {vector.cardinality}")
    return rows


def _bitmap(storage: Storage, vector: DeletionVector) -> bytes:
    match vector.storage_type:
        case "i":
            return _z85_decode(vector.path_or_inline_dv)[: vector.size_in_bytes]
        case "u":
            return _from_file(storage, vector)
        case other:
            message = f"its storage type `{other}` is not known"
            raise ValueError(message)


def _from_file(storage: Storage, vector: DeletionVector) -> bytes:
    text = vector.path_or_inline_dv
    folder, encoded = text[:-_UUID_CHARACTERS], text[-_UUID_CHARACTERS:]
    name = f"deletion_vector_{UUID(bytes=_z85_decode(encoded))}.bin"
    data = storage.read(f"{folder}/{name}" if folder else name)
    at = vector.offset or 0
    (size,) = struct.unpack_from(">i", data, at)
    body = data[at + 4 : at + 4 + size]
    (checksum,) = struct.unpack_from(">I", data, at + 4 + size)
    if size != vector.size_in_bytes or zlib.crc32(body) != checksum:
        message = f"`{name}` has the wrong size or checksum at byte {at}"
        raise ValueError(message)
    return body


def _positions(data: bytes) -> tuple[int, ...]:
    """Read a 64-bit bitmap: a magic number, then 32-bit bitmaps by their high halves."""
    magic, count = struct.unpack_from("<iq", data)
    if magic != _MAGIC:
        message = f"its magic number is {magic}"
        raise ValueError(message)
    rows: list[int] = []
    at = 12
    for _ in range(count):
        (high,) = struct.unpack_from("<I", data, at)
        lows, at = _read_roaring(data, at + 4)
        rows.extend((high << 32) | low for low in lows)
    return tuple(rows)


def _read_roaring(data: bytes, at: int) -> tuple[list[int], int]:
    """Read one 32-bit bitmap; return its members and the byte after it."""
    (cookie,) = struct.unpack_from("<I", data, at)
    runs = b""
    if cookie & 0xFFFF == _COOKIE:
        count = (cookie >> 16) + 1
        runs = data[at + 4 : at + 4 + (count + 7) // 8]
        at += 4 + len(runs)
    elif cookie == _COOKIE_NO_RUNS:
        (count,) = struct.unpack_from("<I", data, at + 4)
        at += 8
    else:
        message = f"its cookie is {cookie}"
        raise ValueError(message)
    headers = [struct.unpack_from("<HH", data, at + 4 * number) for number in range(count)]
    at += 4 * count
    if not runs or count >= _OFFSETS_FROM:
        at += 4 * count
    found: list[int] = []
    for number, (key, less_one) in enumerate(headers):
        is_run = bool(runs) and bool(runs[number // 8] >> (number % 8) & 1)
        members, at = _read_container(data, at, less_one + 1, is_run=is_run)
        found.extend((key << 16) | low for low in members)
    return found, at


def _read_container(data: bytes, at: int, count: int, *, is_run: bool) -> tuple[list[int], int]:
    if is_run:
        (runs,) = struct.unpack_from("<H", data, at)
        pairs = struct.unpack_from(f"<{2 * runs}H", data, at + 2)
        members = [
            low
            for start, length in zip(pairs[::2], pairs[1::2], strict=True)
            for low in range(start, start + length + 1)
        ]
        return members, at + 2 + 4 * runs
    if count <= _ARRAY_MAX:
        return list(struct.unpack_from(f"<{count}H", data, at)), at + 2 * count
    words = struct.unpack_from("<1024Q", data, at)
    members = [
        64 * number + bit
        for number, word in enumerate(words)
        for bit in range(64)
        if word >> bit & 1
    ]
    return members, at + 8192


def _z85_decode(text: str) -> bytes:
    if len(text) % 5:
        message = f"`{text}` is not Z85"
        raise ValueError(message)
    parts = bytearray()
    for start in range(0, len(text), 5):
        number = 0
        for character in text[start : start + 5]:
            number = number * 85 + _Z85.index(character)
        parts += number.to_bytes(4, "big") if number < 1 << 32 else b""
    return bytes(parts)


def _damaged(vector: DeletionVector, why: str) -> DataDamaged:
    return DataDamaged(
        "log-damaged",
        f"deletion vector `{vector.path_or_inline_dv}` cannot be used",
        why=why,
        fix="restore its file from a copy of the table, or remove its folder and build again",
    )
