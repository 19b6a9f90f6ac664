"""Rows that a program hands over, kept as Arrow until an engine writes them.

The only importer of arro3, which delta-rs brings along: whatever speaks Arrow's C interface (Arrow,
Polars, pandas and DuckDB do) is taken over without copying, and rows of Python get their types
here, from all their values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, Schema, Table

from headwater.base.codec import encode
from headwater.base.errors import Invalid
from headwater.base.relations import quote_identifier

CHUNK_ROWS = 8192
"""Rows of Python that are kept before they become Arrow."""

_EXACT_FLOAT = 2**53
_LONG = 2**63
_DIGITS_MAX = 38
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedRows:
    """Rows that are alike, ready for an engine.

    Attributes:
        table: Anything with Arrow's stream interface, to be read as often as needed.
        nested: Columns that are JSON texts, and the engine type that they are meant to have.
    """

    table: object
    nested: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class _Chunk:
    batch: RecordBatch
    nested: tuple[tuple[str, str], ...] = ()


class RowBuffer:
    """Rows that wait to be written, in the order in which they came.

    Attributes:
        rows: How many there are.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self.rows = 0
        self.size_bytes = 0
        """Bytes of what has become Arrow; a last few rows of Python have not."""
        self._loose: list[Mapping[str, object]] = []
        self._chunks: list[_Chunk] = []

    def add(self, data: object) -> None:
        """Take rows over.

        Args:
            data: Anything with Arrow's C interface (a table, a record batch, a data frame), or
                rows of Python: mappings from column to value.

        Raises:
            Invalid: ``append-rows-unreadable``.
        """
        if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
            batches = [batch for batch in _batches_of(data) if batch.num_rows]
            self._settle()
            for batch in batches:
                self._keep(_Chunk(batch))
                self.rows += batch.num_rows
            return
        rows = _mappings_of(data)
        for start in range(0, len(rows), CHUNK_ROWS):
            self._loose += rows[start : start + CHUNK_ROWS]
            if len(self._loose) >= CHUNK_ROWS:
                self._settle()
        self.rows += len(rows)

    def take(self) -> tuple[OfferedRows, ...]:
        """Return the rows; those that come one after the other and are alike lie together.

        Raises:
            Invalid: ``append-rows-unreadable``.
        """
        self._settle()
        runs: list[list[_Chunk]] = []
        for chunk in self._chunks:
            if runs and _is_alike(runs[-1][0], chunk):
                runs[-1].append(chunk)
            else:
                runs.append([chunk])
        return tuple(
            OfferedRows(
                table=Table.from_batches(
                    [chunk.batch for chunk in run], schema=run[0].batch.schema
                ),
                nested=MappingProxyType(dict(run[0].nested)),
            )
            for run in runs
        )

    def clear(self) -> None:
        """Forget the rows."""
        self.rows = self.size_bytes = 0
        self._loose, self._chunks = [], []

    def _settle(self) -> None:
        if self._loose:
            self._keep(_chunk_of(self._loose))
            self._loose = []

    def _keep(self, chunk: _Chunk) -> None:
        _check_names(chunk.batch.schema.names)
        self._chunks.append(chunk)
        self.size_bytes += chunk.batch.nbytes


def _check_names(names: Sequence[str]) -> None:
    if len({name.lower() for name in names}) != len(names):
        lowered = [name.lower() for name in names]
        twice = next(name for name in names if lowered.count(name.lower()) > 1)
        raise Invalid(
            "append-rows-unreadable",
            f"the rows have two columns that are called `{twice}`",
            why="names of columns are compared without case, so a table can have only one of them",
            fix="give every column a name of its own",
        )


def _is_alike(one: _Chunk, other: _Chunk) -> bool:
    return one.nested == other.nested and one.batch.schema == other.batch.schema


def _batches_of(data: Any) -> list[RecordBatch]:  # noqa: ANN401 - whatever speaks Arrow
    try:
        if hasattr(data, "__arrow_c_stream__"):
            return list(Table.from_arrow(data).to_batches())
        return [RecordBatch.from_arrow(data)]
    except (ValueError, TypeError) as error:
        raise Invalid(
            "append-rows-unreadable",
            f"a {type(data).__name__} is no table of rows",
            why=str(error),
            fix="hand over a table, a record batch or a data frame, not one of its columns",
        ) from error


def _mappings_of(data: object) -> list[Mapping[str, object]]:
    is_rows = isinstance(data, Iterable) and not isinstance(data, (str, bytes, Mapping))
    rows = list(data) if is_rows and isinstance(data, Iterable) else None
    if rows is None:
        raise Invalid(
            "append-rows-unreadable",
            f"a {type(data).__name__} is not a collection of rows",
            fix="hand over a list of dicts, an Arrow table or a data frame",
        )
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping) or not row:
            raise Invalid(
                "append-rows-unreadable",
                f"row {place} is a {type(row).__name__} that names no columns",
                fix="hand over each row as a dict from column to value",
            )
    return rows


def _chunk_of(rows: Sequence[Mapping[str, object]]) -> _Chunk:
    """Make Arrow of rows; a column that a row lacks is null in it."""
    names = dict.fromkeys(str(name) for row in rows for name in row)
    arrays: list[Array] = []
    nested: list[tuple[str, str]] = []
    for name in names:
        values = [row.get(name) for row in rows]
        kind = _kind_of_all(values, name)
        try:
            if kind in {"list", "struct"}:
                nested.append((name, _engine_type(values, name)))
                values = [None if value is None else encode(value).decode() for value in values]
                kind = "text"
            arrays.append(_array(values, kind, name))
        except (ValueError, TypeError, OverflowError) as error:
            raise _unreadable(name, str(error)) from error
    fields = [
        Field(name, array.type, nullable=True) for name, array in zip(names, arrays, strict=True)
    ]
    return _Chunk(RecordBatch.from_arrays(arrays, schema=Schema(fields)), tuple(nested))


def _kind_of_all(values: Sequence[object], name: str) -> str:
    """Return the kind that holds all of some values exactly; ``null`` when all are.

    Raises:
        Invalid: ``append-rows-unreadable``, when there is none.
    """
    kinds = {_kind_of(value) for value in values if value is not None}
    if kinds == {"integer", "float"} and all(map(_is_exact, values)):
        return "float"
    if kinds == {"integer", "decimal"}:
        return "decimal"
    if len(kinds) > 1 or "other" in kinds:
        held = ", ".join(sorted({type(value).__name__ for value in values if value is not None}))
        raise _unreadable(name, f"its values are of kinds that no column holds together: {held}")
    kind = next(iter(kinds), "null")
    is_long = kind == "integer" and any(not -_LONG <= _whole(value) < _LONG for value in values)
    return "decimal" if is_long else kind


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "float"),
    (str, "text"),
    (bytes, "binary"),
    (datetime, "time"),
    (date, "date"),
    (Decimal, "decimal"),
    ((list, tuple), "list"),
    (Mapping, "struct"),
)


def _kind_of(value: object) -> str:
    kind = next((kind for types, kind in _KINDS if isinstance(value, types)), "other")
    is_zoned = isinstance(value, datetime) and value.tzinfo is not None
    return "zoned" if is_zoned else kind


def _array(values: Sequence[Any], kind: str, name: str) -> Array:
    """Make a column; times go by their numbers, which is how Arrow has them."""
    match kind:
        case "time" | "zoned":
            zone = "UTC" if kind == "zoned" else None
            moments = Array([_microseconds(value) for value in values], DataType.int64())
            return moments.cast(DataType.timestamp("us", tz=zone))
        case "date":
            days = [None if value is None else value.toordinal() - _FIRST_DAY for value in values]
            return Array(days, DataType.int32()).cast(DataType.date32())
        case "decimal":
            precise = DataType.decimal128(_DIGITS_MAX, _scale(values, name))
            texts = [None if value is None else format(Decimal(value), "f") for value in values]
            return Array(texts, DataType.string()).cast(precise)
        case "float":
            return Array([None if v is None else float(v) for v in values], DataType.float64())
        case _:
            return Array(list(values), _PLAIN[kind]())


_PLAIN = MappingProxyType(
    {
        "null": DataType.int64,
        "boolean": DataType.bool,
        "integer": DataType.int64,
        "text": DataType.string,
        "binary": DataType.binary,
    }
)
"""A column without a value is one of integers, until one comes: it fits any other."""


def _microseconds(value: datetime | None) -> int | None:
    if value is None:
        return None
    passed = (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _scale(values: Sequence[Any], name: str) -> int:
    """Return the places behind the point that every one of some decimals needs at most."""
    numbers = [Decimal(value) for value in values if value is not None]
    if not all(number.is_finite() for number in numbers):
        raise _unreadable(name, "a decimal that is no number cannot be stored")
    scale = max((-_exponent(number) for number in numbers), default=0)
    whole = max((number.adjusted() + 1 for number in numbers), default=1)
    if max(whole, 1) + max(scale, 0) > _DIGITS_MAX:
        raise _unreadable(name, f"its numbers need more than {_DIGITS_MAX} digits")
    return max(scale, 0)


def _exponent(number: Decimal) -> int:
    found = number.as_tuple().exponent
    return found if isinstance(found, int) else 0


_ENGINE_TYPES = MappingProxyType(
    {
        "null": "BIGINT",
        "boolean": "BOOLEAN",
        "integer": "BIGINT",
        "float": "DOUBLE",
        "text": "VARCHAR",
        "time": "TIMESTAMP",
        "zoned": "TIMESTAMP WITH TIME ZONE",
        "date": "DATE",
    }
)


def _engine_type(values: Sequence[object], name: str) -> str:
    """Return the type of values that may be lists and dicts, as engines spell it."""
    kind = _kind_of_all(values, name)
    match kind:
        case "list":
            inner = [item for value in values if isinstance(value, (list, tuple)) for item in value]
            return f"{_engine_type(inner, name)}[]"
        case "struct":
            dicts = [value for value in values if isinstance(value, Mapping)]
            fields = dict.fromkeys(str(key) for value in dicts for key in value)
            if not fields:
                raise _unreadable(name, "a dict without keys has no type")
            inside = (
                f"{quote_identifier(key)} "
                + _engine_type([value.get(key) for value in dicts], f"{name}.{key}")
                for key in fields
            )
            return f"STRUCT({', '.join(inside)})"
        case "decimal":
            return f"DECIMAL({_DIGITS_MAX}, {_scale(values, name)})"
        case "binary":
            raise _unreadable(name, "bytes inside of lists and dicts are taken as Arrow only")
        case _:
            return _ENGINE_TYPES[kind]


def _is_exact(value: object) -> bool:
    """Tell whether a number is the same as a float."""
    return not isinstance(value, int) or abs(value) <= _EXACT_FLOAT


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _unreadable(name: str, why: str) -> Invalid:
    return Invalid(
        "append-rows-unreadable",
        f"the values of `{name}` cannot become a column",
        why=why,
        fix="give the column values of one type: numbers, text, times, lists or dicts of those",
    )
