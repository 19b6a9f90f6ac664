"""Statistics of data files: from the engine's COPY to the log, back, and what they let us skip.

Every bound written here holds: a minimum is never above, a maximum never below any value of the
file; what cannot be bounded is left out. Numbers keep their exact digits. PROTOCOL.md, *Per-file
Statistics*.
"""

import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.errors import InternalError, Invalid
from headwater.base.relations import Column, quote_identifier
from headwater.lake.mapping import UNMAPPED, StoredNames
from headwater.lake.snapshot import ColumnStats, DataFile
from headwater.lake.types import Scalar, parse_type, scalar_leaves

COLUMN_BYTES_TAG = "headwater.columnBytes"
"""Tag of an add action: JSON object of compressed bytes by top-level column."""

STRING_CHARACTERS_MAX = 32
"""Characters of a text bound kept in the log, as Delta's own writers do."""

_NO_NAMES: Mapping[str, str] = MappingProxyType({})
_LAST_CHARACTER = "\U0010ffff"
_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_TIMESTAMP = "TIMESTAMP"
_TIMESTAMP_ZONED = "TIMESTAMP WITH TIME ZONE"
_MILLISECOND = timedelta(milliseconds=1)
_TIME_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d(?::\d\d){0,2})?"
)
_LENGTH_ZONED = len("2026-11-21T18:05:00.000Z")
_DATE_TEXT = re.compile(r"\d{4}-\d\d-\d\d")


def data_file_from_copy(
    row: Mapping[str, object],
    *,
    root: str,
    columns: Iterable[Column],
    partition_by: tuple[str, ...] = (),
    modified_ms: int,
    names: StoredNames = UNMAPPED,
) -> DataFile:
    """Make a data file from one row of the engine's ``COPY ... (RETURN_STATS)``.

    Args:
        row: The row by column name: filename, count, file_size_bytes, column_statistics,
            partition_keys.
        root: The table's root, as it was given in the COPY's path.
        columns: The table's columns with stored types, partition columns included.
        partition_by: Partition columns.
        modified_ms: Modification time to record, milliseconds since 1970.
        names: What the columns are called in the file.

    Raises:
        Invalid: ``partition-value-not-storable``.
        InternalError: ``commit-invalid``, when the file is not under ``root``.
    """
    listed = tuple(columns)
    types = {column.name: column.type for column in listed}
    given, physical = _mapping(row.get("partition_keys")), names.physical_names
    values = {
        name: _partition_text(name, given.get(physical.get(name, name)), types[name])
        for name in partition_by
    }
    inside = [column for column in listed if column.name not in partition_by]
    paths = _logical_paths(inside, names)
    measured = {
        paths.get(path) or (*paths.get(path[:1], path[:1]), *path[1:]): _mapping(figures)
        for text, figures in _mapping(row["column_statistics"]).items()
        for path in [parse_quoted_path(text)]
    }
    stats = dict(_stats_of_columns(inside, measured))
    sizes = {
        physical.get(name, name): part.size_bytes
        for name, part in stats.items()
        if part.size_bytes is not None and name in types
    }
    return DataFile(
        path=_relative(str(row["filename"]), root),
        size_bytes=int(str(row["file_size_bytes"])),
        rows=int(str(row["count"])),
        partition_values=MappingProxyType(values),
        stats=MappingProxyType(stats),
        modified_ms=modified_ms,
        tags=MappingProxyType({COLUMN_BYTES_TAG: json.dumps(sizes, ensure_ascii=False)}),
        stored_as=MappingProxyType(names.marks([column.name for column in inside])),
    )


def _logical_paths(
    columns: Iterable[Column], names: StoredNames
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the places of columns, and of scalars inside of them, by those in a file."""
    if not names.physical_names:
        return {}
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for column in columns:
        stored = _as_stored(column, names.physical_names, names.stored_types)
        pairs = zip(scalar_leaves(stored), scalar_leaves(column), strict=True)
        found[stored.name,] = (column.name,)
        found |= {there[0]: here[0] for there, here in pairs}
    return found


def parse_quoted_path(text: str) -> tuple[str, ...]:
    """Read a quoted path (``"a"."b"``, inner quotes doubled) as its parts.

    Raises:
        InternalError: ``commit-invalid``, when the text is not such a path.
    """
    parts: list[str] = []
    at = 0
    while True:
        match = _QUOTED.match(text, at)
        if match is None:
            raise InternalError("commit-invalid", f"`{text}` is not a quoted column path")
        parts.append(match.group(1).replace('""', '"'))
        at = match.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            raise InternalError("commit-invalid", f"`{text}` is not a quoted column path")
        at += 1


_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


def stats_key(path: tuple[str, ...]) -> str:
    """Return the key in ``DataFile.stats``: a column's name, or a struct field's quoted path."""
    return path[0] if len(path) == 1 else ".".join(quote_identifier(part) for part in path)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar that can have statistics: where it is in values here, and in the log.

    Attributes:
        key: Key in ``DataFile.stats``.
        path: Names in the log's ``minValues``, outermost first (physical names).
        kind: Engine type.
    """

    key: str
    path: tuple[str, ...]
    kind: str


def leaves_of(
    columns: Iterable[Column],
    physical_names: Mapping[str, str] = _NO_NAMES,
    stored_types: Mapping[str, str] = _NO_NAMES,
) -> tuple[Leaf, ...]:
    """Return the scalars of columns that can have statistics, struct fields included.

    Args:
        columns: The columns.
        physical_names: Names in the files by column, where those are others.
        stored_types: Types in the files by column, where names inside of them are others.
    """
    if not physical_names:
        return tuple(
            Leaf(stats_key(path), path, kind)
            for column in columns
            for path, kind in scalar_leaves(column)
        )
    return tuple(
        Leaf(stats_key(path), stored, kind)
        for column in columns
        for (path, kind), (stored, _) in zip(
            scalar_leaves(column),
            scalar_leaves(_as_stored(column, physical_names, stored_types)),
            strict=True,
        )
    )


def _as_stored(
    column: Column, physical_names: Mapping[str, str], stored_types: Mapping[str, str]
) -> Column:
    """Return a column as its files have it."""
    kind = stored_types.get(column.name, column.type)
    return Column(name=physical_names.get(column.name, column.name), type=kind)


def stats_to_json(file: DataFile, leaves: Iterable[Leaf]) -> str | None:
    """Write a file's statistics as the log's ``stats`` text; None when its rows are unknown.

    Decimals become number tokens with all their digits.
    """
    if file.rows is None:
        return None
    bounds: dict[str, dict[str, object]] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for leaf in leaves:
        part = file.stats.get(leaf.key)
        if part is None:
            continue
        _put(bounds["minValues"], leaf.path, _number_token(part.minimum, leaf.kind))
        _put(bounds["maxValues"], leaf.path, _number_token(part.maximum, leaf.kind))
        _put(bounds["nullCount"], leaf.path, part.null_count)
    return _dump({"numRecords": file.rows, **bounds, "tightBounds": not file.deleted_rows})


def stats_from_json(
    text: str | None, leaves: Iterable[Leaf]
) -> tuple[int | None, dict[str, ColumnStats]]:
    """Read the log's ``stats`` text as a row count and statistics by column.

    Statistics are an aid: text that is not as expected is the same as none.
    """
    if not text:
        return None, {}
    try:
        body = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None, {}
    if not isinstance(body, dict):
        return None, {}
    rows = body.get("numRecords")
    lows, highs, nulls = (body.get(name) for name in ("minValues", "maxValues", "nullCount"))
    found: dict[str, ColumnStats] = {}
    for leaf in leaves:
        low = _from_token(_get(lows, leaf.path), leaf.kind)
        high = _from_token(_get(highs, leaf.path), leaf.kind)
        count = _get(nulls, leaf.path)
        count = count if isinstance(count, int) else None
        if low is not None or high is not None or count is not None:
            found[leaf.key] = ColumnStats(minimum=low, maximum=high, null_count=count)
    return (rows if isinstance(rows, int) else None), found


def with_column_bytes(
    stats: dict[str, ColumnStats],
    tags: Mapping[str, str],
    logical: Mapping[str, str] = _NO_NAMES,
) -> None:
    """Add the sizes of the ``headwater.columnBytes`` tag to statistics by column.

    Args:
        stats: The statistics.
        tags: The add action's tags.
        logical: Columns by their names in the files, where those are others.
    """
    try:
        sizes = json.loads(tags.get(COLUMN_BYTES_TAG, "{}"))
    except ValueError:
        return
    if not isinstance(sizes, dict):
        return
    for stored, size in sizes.items():
        name = logical.get(stored, stored)
        old = stats.get(name, ColumnStats())
        if isinstance(size, int):
            stats[name] = ColumnStats(
                minimum=old.minimum,
                maximum=old.maximum,
                null_count=old.null_count,
                size_bytes=size,
            )


def may_match(file: DataFile, column: Column, low: object, high: object) -> bool:
    """Tell whether the file can hold a row with ``low <= column <= high``.

    Never False when there is one: missing, truncated or unreadable statistics answer True. A null
    matches nothing. Bounds are Python values or their text; None leaves that side open.

    Args:
        file: A file of the table.
        column: One of its top-level columns.
        low: Smallest value looked for.
        high: Largest value looked for.
    """
    if low is None and high is None:
        return True
    kind = parse_type(column.type)
    order = order_of(kind.name) if isinstance(kind, Scalar) else None
    if order is None:
        return True
    slack = slack_of(column.type)
    if column.name in file.partition_values:
        value = file.partition_values[column.name]
        return value is not None and _overlaps(order, (value, value), (low, high), slack)
    stats = file.stats.get(column.name)
    if stats is None:
        return True
    if file.rows is not None and stats.null_count == file.rows:
        return False
    if high is None and isinstance(kind, Scalar) and kind.name in _FLOATS:
        return True  # NaN is greater than every number and is in no bound
    return _overlaps(order, (stats.minimum, stats.maximum), (low, high), slack)


Order = Callable[[object], object]

UNCOMPARABLE = (ValueError, TypeError, OverflowError, InvalidOperation, struct.error)
"""What an ``Order`` may raise for a value that it cannot place."""


def slack_of(kind: str) -> timedelta | None:
    """Return by how much a type's maximum in a log may be below the true one; None for nothing."""
    return _MILLISECOND if _TIMESTAMP in kind else None


def _overlaps(
    order: Order,
    inside: tuple[object, object],
    wanted: tuple[object, object],
    slack: timedelta | None,
) -> bool:
    """Compare two closed ranges; whatever cannot be compared overlaps."""
    try:
        smallest, largest, low, high = (
            None if value is None else order(value) for value in (*inside, *wanted)
        )
        if slack is not None and isinstance(largest, datetime):
            largest += slack  # other writers cut a maximum to milliseconds
        below = largest is not None and low is not None and bool(largest < low)  # type: ignore[operator]
        above = smallest is not None and high is not None and bool(smallest > high)  # type: ignore[operator]
    except UNCOMPARABLE:
        return True
    return not (below or above)


def order_of(kind: str) -> Order | None:
    """Return what makes values of a scalar type comparable; None where they are not compared."""
    if kind in _INTEGERS or kind.startswith("DECIMAL("):
        return _as_decimal
    match kind:
        case "FLOAT":
            return lambda value: _single(_as_float(value))
        case "DOUBLE":
            return _as_float
        case "VARCHAR":
            return _as_bytes
        case "DATE":
            return _as_date
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
            return _as_datetime
        case _:
            return None


def _as_decimal(value: object) -> Decimal | int:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int):
        return value
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError
    return number


def _as_float(value: object) -> float:
    number = float(str(value))
    if math.isnan(number):
        raise ValueError
    return number


def _single(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _as_bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError
    return value.encode()


def _as_date(value: object) -> date:
    if isinstance(value, datetime):
        raise TypeError
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _as_datetime(value: object) -> datetime:
    moment = value if isinstance(value, datetime) else _read_time(str(value))
    if moment is None:
        raise ValueError
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stats_of_columns(
    columns: Iterable[Column], measured: Mapping[tuple[str, ...], Mapping[str, object]]
) -> Iterator[tuple[str, ColumnStats]]:
    for column in columns:
        leaves = dict(scalar_leaves(column))
        size = _size_below(column.name, measured)
        for path, kind in leaves.items():
            figures = measured.get(path)
            if figures is None:
                continue
            yield (
                stats_key(path),
                ColumnStats(
                    minimum=_bound(figures, kind, "min"),
                    maximum=_bound(figures, kind, "max"),
                    null_count=_count(figures),
                    size_bytes=size if len(path) == 1 else _integer(figures, "column_size_bytes"),
                ),
            )
        if (column.name,) not in leaves and size is not None:
            yield column.name, ColumnStats(size_bytes=size)


def _size_below(name: str, measured: Mapping[tuple[str, ...], Mapping[str, object]]) -> int | None:
    sizes = [
        size
        for path, figures in measured.items()
        if path[0] == name and (size := _integer(figures, "column_size_bytes")) is not None
    ]
    return sum(sizes) if sizes else None


def _count(figures: Mapping[str, object]) -> int | None:
    return _integer(figures, "null_count")


def _integer(figures: Mapping[str, object], name: str) -> int | None:
    value = figures.get(name)
    return int(str(value)) if value is not None else None


def _bound(figures: Mapping[str, object], kind: str, side: str) -> Json:
    text = figures.get(side)
    if text is None:
        return None
    if side == "max" and str(figures.get("has_nan", "false")) == "true":
        return None
    exact = str(figures.get(f"{side}_is_exact", "false")) == "true"
    try:
        return _bound_from_text(str(text), kind, is_max=side == "max", exact=exact)
    except (ValueError, OverflowError):
        return None


def _bound_from_text(text: str, kind: str, *, is_max: bool, exact: bool) -> Json:
    if kind in _INTEGERS:
        return int(text)
    if kind.startswith("DECIMAL("):
        return text if re.fullmatch(r"-?\d*\.?\d+", text) else None
    match kind:
        case "FLOAT" | "DOUBLE":
            number = float(text)
            number = _single(number) if kind == "FLOAT" else number
            return number if math.isfinite(number) else None
        case "VARCHAR":
            return _longest(text, exact=exact) if is_max else text[:STRING_CHARACTERS_MAX]
        case "DATE":
            return date.fromisoformat(text).isoformat() if _DATE_TEXT.fullmatch(text) else None
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
            return _milliseconds(text, up=is_max, zoned=kind == _TIMESTAMP_ZONED)
        case _:
            return None


def _longest(text: str, *, exact: bool) -> str:
    """Return a short text that is not below ``text`` nor below what ``text`` may be cut from."""
    if exact and len(text) <= STRING_CHARACTERS_MAX:
        return text
    kept = STRING_CHARACTERS_MAX
    while text[kept : kept + 1] == _LAST_CHARACTER:
        kept += 1
    return text[:kept] + _LAST_CHARACTER


def _milliseconds(text: str, *, up: bool, zoned: bool) -> str | None:
    moment = _read_time(text)
    if moment is None:
        return None
    if zoned:
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    rest = timedelta(microseconds=moment.microsecond % 1000)
    if rest:
        moment = moment - rest + (_MILLISECOND if up else timedelta())
    written = moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{written}Z" if zoned else written


def _read_time(text: str) -> datetime | None:
    """Read a timestamp's text; None for infinity, years before 1 or after 9999."""
    if len(text) == _LENGTH_ZONED and text[-1] == "Z":
        with suppress(ValueError):
            return datetime.fromisoformat(text)  # as most logs have it; ten times as fast
    match = _TIME_TEXT.fullmatch(text)
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    digits = (fraction or ".0")[1:7].ljust(6, "0")
    return datetime.fromisoformat(f"{day}T{time}.{digits}{zone or ''}")


def _partition_text(name: str, value: object, engine_type: str) -> str | None:
    if value is None:
        return None
    text = str(value)
    kind = parse_type(engine_type)
    written = _partition_scalar(text, kind.name) if isinstance(kind, Scalar) else None
    if written is None:
        raise Invalid(
            "partition-value-not-storable",
            f"partition column `{name}` has the value `{text}`, which Delta cannot keep",
            why="partition values are text in the log, where the empty text means NULL",
            fix=f"use nullif({name}, '') or partition by another column",
        )
    return written


def _partition_scalar(text: str, kind: str) -> str | None:
    if kind in _INTEGERS or kind.startswith("DECIMAL("):
        return text
    match kind:
        case "VARCHAR":
            return text or None
        case "BOOLEAN":
            return text.lower()
        case "DATE":
            return text if _DATE_TEXT.fullmatch(text) else None
        case "FLOAT" | "DOUBLE":
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)
        case "TIMESTAMP":
            return text if _read_time(text) else None
        case "TIMESTAMP WITH TIME ZONE":
            return _utc_text(text)
        case _:
            return None


def _utc_text(text: str) -> str | None:
    try:
        moment = _as_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


def _relative(filename: str, root: str) -> str:
    start = root.rstrip("/") + "/"
    if not filename.startswith(start):
        raise InternalError(
            "commit-invalid",
            f"data file `{filename}` is not under the table's root `{root}`",
        )
    return filename[len(start) :]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class _Number:
    """A number whose JSON is exactly this text."""

    text: str


def _number_token(value: Json, kind: str) -> object:
    return _Number(value) if isinstance(value, str) and kind.startswith("DECIMAL(") else value


def _dump(value: object) -> str:
    """Write JSON, numbers as ``_Number`` has them."""
    match value:
        case _Number(text):
            return text
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}:{_dump(v)}" for k, v in value.items()) + "}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _put(tree: dict[str, object], path: tuple[str, ...], value: object) -> None:
    if value is None:
        return
    at = tree
    for part in path[:-1]:
        inner = at.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        at = inner
    at[path[-1]] = value


def _get(tree: object, path: tuple[str, ...]) -> object:
    for part in path:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(part)
    return tree


def _from_token(value: object, kind: str) -> Json:
    if value is None:
        return None
    if kind.startswith("DECIMAL("):
        return format(Decimal(str(value)), "f") if isinstance(value, (int, Decimal)) else None
    if kind in _FLOATS:
        return float(value) if isinstance(value, (int, Decimal)) else None
    if isinstance(value, Decimal):
        return None
    return value if isinstance(value, (int, str, bool)) else None
