"""Sets of row numbers as the 64-bit roaring bitmaps that Delta's deletion vectors are.

Written here and not taken from a library: the driver that has one is not a dependency, and of the
format only three kinds of containers are needed. The layout is that of the Roaring format
specification, with the magic number that PROTOCOL.md puts before it.
"""

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence

_MAGIC = 1681511377
_COOKIE = 12347
_COOKIE_NO_RUNS = 12346
_ARRAY_MAX = 4096
_OFFSETS_FROM = 4
_BITMAP_BYTES = 8192
_BITS_OF = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


def encode_rows(rows: Sequence[int]) -> bytes:
    """Write row numbers (from 0, ascending, each once) as a bitmap."""
    parts = [struct.pack("<iq", _MAGIC, 0)]
    count, at = 0, 0
    while at < len(rows):
        high = rows[at] >> 32
        end = bisect_left(rows, (high + 1) << 32, at)
        parts.append(struct.pack("<I", high))
        parts.append(_encode_32(rows[at:end]))
        count, at = count + 1, end
    parts[0] = struct.pack("<iq", _MAGIC, count)
    return b"".join(parts)


def decode_rows(data: bytes) -> tuple[int, ...]:
    """Read a bitmap.

    Raises:
        ValueError: It is no bitmap.
        struct.error: It is cut short.
    """
    magic, count = struct.unpack_from("<iq", data)
    if magic != _MAGIC:
        message = f"its magic number is {magic}"
        raise ValueError(message)
    rows: list[int] = []
    at = 12
    for _ in range(count):
        (high,) = struct.unpack_from("<I", data, at)
        at = _decode_32(data, at + 4, high << 32, rows)
    return tuple(rows)


def _encode_32(rows: Sequence[int]) -> bytes:
    """Write the members of one 32-bit bitmap; their upper halves are equal."""
    headers: list[bytes] = []
    containers: list[bytes] = []
    at = 0
    while at < len(rows):
        key = rows[at] >> 16
        end = bisect_left(rows, (key + 1) << 16, at)
        headers.append(struct.pack("<HH", key & 0xFFFF, end - at - 1))
        containers.append(_encode_container([row & 0xFFFF for row in rows[at:end]]))
        at = end
    start = struct.pack("<II", _COOKIE_NO_RUNS, len(headers))
    place = len(start) + 8 * len(headers)
    offsets: list[bytes] = []
    for container in containers:
        offsets.append(struct.pack("<I", place))
        place += len(container)
    return b"".join((start, *headers, *offsets, *containers))


def _encode_container(lows: list[int]) -> bytes:
    if len(lows) <= _ARRAY_MAX:
        return _little("H", lows).tobytes()
    bits = bytearray(_BITMAP_BYTES)
    for low in lows:
        bits[low >> 3] |= 1 << (low & 7)
    return bytes(bits)


def _decode_32(data: bytes, at: int, base: int, rows: list[int]) -> int:
    """Read one 32-bit bitmap, add its members to ``rows``; return the byte after it."""
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
    for number, (key, less_one) in enumerate(headers):
        first = base | (key << 16)
        if runs and runs[number // 8] >> (number % 8) & 1:
            at = _decode_runs(data, at, first, rows)
        else:
            at = _decode_plain(data, at, first, (less_one + 1, rows))
    return at


def _decode_runs(data: bytes, at: int, first: int, rows: list[int]) -> int:
    runs = int(struct.unpack_from("<H", data, at)[0])
    pairs = struct.unpack_from(f"<{2 * runs}H", data, at + 2)
    for start, length in zip(pairs[::2], pairs[1::2], strict=True):
        rows.extend(range(first + start, first + start + length + 1))
    return at + 2 + 4 * runs


def _decode_plain(data: bytes, at: int, first: int, into: tuple[int, list[int]]) -> int:
    count, rows = into
    if count <= _ARRAY_MAX:
        lows = struct.unpack_from(f"<{count}H", data, at)
        rows.extend([first + low for low in lows] if first else lows)
        return at + 2 * count
    bits = data[at : at + _BITMAP_BYTES]
    if len(bits) < _BITMAP_BYTES:
        message = "it ends inside a container"
        raise ValueError(message)
    for place, byte in enumerate(bits):
        if byte:
            start = first + 8 * place
            rows.extend([start + bit for bit in _BITS_OF[byte]])
    return at + _BITMAP_BYTES


def _little(kind: str, values: list[int]) -> "array[int]":
    """Return machine numbers in the order of bytes that files have."""
    packed = array(kind, values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed
