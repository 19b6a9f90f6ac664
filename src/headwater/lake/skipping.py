"""Which files of a table can hold rows that a query needs: by partition values and statistics.

A file is left out only where its log entry proves that none of its rows meets the condition.
Whatever is not known, or is compared in a way that is not understood here, keeps the file. Of a
table of a million files those that are left out are never made into values.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from headwater.base.conditions import AllOf, AnyOf, Condition, Constant, IsNull, Within
from headwater.base.relations import Column
from headwater.lake.files import FileList
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.stats import UNCOMPARABLE, Order, order_of, slack_of

_DAY, _NOTHING = timedelta(days=1), timedelta()
_ZONED = "TIMESTAMP WITH TIME ZONE"
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
_DIGITS_MAX = 38
_INTEGER = re.compile(r"-?\d{1,38}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d(?::\d\d)?)?"
)
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_EXACT_MAX = 2**53


Bounds = tuple[object, object, object]
"""Smallest value, largest value and number of nulls of a column, as a log has them."""


class Facts(Protocol):
    """What a log entry says of a file."""

    @property
    def rows(self) -> int | None:
        """Rows in it, hidden ones too; None when not known."""

    def bounds_or_none(self, column: str) -> Bounds | None:
        """Return a column's smallest and largest value and its nulls; None when not known."""

    def path_value(self, column: str) -> str | None:
        """Return a partition column's value.

        Raises:
            KeyError: The log does not say it.
        """


Test = Callable[[Facts], bool]
"""Says whether a file may hold a row that is needed."""


class _Known:
    """The facts of a file that is a value."""

    __slots__ = ("_file", "rows")

    def __init__(self, file: DataFile) -> None:
        self._file = file
        self.rows = file.rows

    def bounds_or_none(self, column: str) -> Bounds | None:
        """Return a column's smallest and largest value and its nulls."""
        stats = self._file.stats.get(column)
        return None if stats is None else (stats.minimum, stats.maximum, stats.null_count)

    def path_value(self, column: str) -> str | None:
        """Return a partition column's value."""
        return self._file.partition_values[column]


def files_needed(snapshot: Snapshot, condition: Condition) -> Sequence[DataFile]:
    """Return the files of a table that may hold rows which meet a condition, in their order.

    Args:
        snapshot: The table.
        condition: About its columns; rows that do not meet it are not needed.
    """
    test = make_test(snapshot, condition)
    if test is None:
        return snapshot.files
    files: Iterable[DataFile] = snapshot.files
    if isinstance(snapshot.files, FileList):
        columns = [each for each in snapshot.columns if each.name.lower() in _asked(condition)]
        in_path = any(each.name in snapshot.partition_columns for each in columns)
        files = snapshot.files.chosen(_noted_test(snapshot, columns, test), with_values=in_path)
    return tuple(file for file in files if test(_Known(file)))


def make_test(snapshot: Snapshot, condition: Condition) -> Test | None:
    """Make the test of a table's files; None when the condition leaves nothing out."""
    match condition:
        case Within() | IsNull():
            columns = [each for each in snapshot.columns if each.name.lower() == condition.column]
            if len(columns) != 1:
                return None
            return _test_of_column(snapshot, columns[0], condition)
        case AllOf(parts):
            tests = [test for part in parts if (test := make_test(snapshot, part))]
            return (lambda file: all(test(file) for test in tests)) if tests else None
        case AnyOf(parts):
            found = [make_test(snapshot, part) for part in parts]
            each = [test for test in found if test is not None]
            if len(each) < len(found):
                return None
            return lambda file: any(test(file) for test in each)


def _test_of_column(snapshot: Snapshot, column: Column, condition: Within | IsNull) -> Test:
    in_path = column.name in snapshot.partition_columns
    if isinstance(condition, IsNull):
        return _null_in_path(column.name) if in_path else _null_in_file(column.name)
    order = order_of(column.type)
    low = _bound_or_none(column.type, condition.low, -1)
    high = _bound_or_none(column.type, condition.high, 1)
    if order is None or (low is None and high is None):
        return _any_in_path(column.name) if in_path else _any_in_file(column.name)
    wanted = (None if low is None else order(low), None if high is None else order(high))
    if in_path:
        return _within_path(column, order, wanted)
    return _within_file(column, order, wanted)


def _within_path(column: Column, order: Order, wanted: tuple[Any, Any]) -> Test:
    if column.type == _ZONED:
        return _any_in_path(column.name)  # some writers leave the zone out, and mean their own

    def test(file: Facts) -> bool:
        try:
            value = file.path_value(column.name)
        except KeyError:
            return True
        return value is not None and not _lie_apart(order, (value, value), wanted, _NOTHING)

    return test


def _within_file(column: Column, order: Order, wanted: tuple[Any, Any]) -> Test:
    slack, name = slack_of(column.type) or _NOTHING, column.name
    if column.type in {"FLOAT", "DOUBLE"} and wanted[1] is None:
        return _any_in_file(name)  # NaN is above every number, and in no statistics

    def test(file: Facts) -> bool:
        bounds = file.bounds_or_none(name)
        if bounds is None:
            return True
        low, high, nulls = bounds
        if low is None and high is None:
            return file.rows is None or nulls != file.rows
        return not _lie_apart(order, (low, high), wanted, slack)

    return test


def _lie_apart(
    order: Order, inside: tuple[object, object], wanted: tuple[Any, Any], slack: timedelta
) -> bool:
    """Say whether two closed ranges surely have no value in common.

    Args:
        order: Makes a value comparable.
        inside: Smallest and largest value that there are; None where that is not known.
        wanted: Smallest and largest value that are wanted, comparable; None for no bound.
        slack: By how much the largest may be cut short, as other writers do with times.
    """
    try:
        if wanted[0] is not None and inside[1] is not None:
            largest: Any = order(inside[1])
            if (largest + slack if slack else largest) < wanted[0]:
                return True
        if wanted[1] is not None and inside[0] is not None:
            smallest: Any = order(inside[0])
            return bool(smallest > wanted[1])
    except UNCOMPARABLE:
        return False
    return False


def _any_in_path(name: str) -> Test:
    def test(file: Facts) -> bool:
        try:
            return file.path_value(name) is not None
        except KeyError:
            return True

    return test


def _any_in_file(name: str) -> Test:
    def test(file: Facts) -> bool:
        bounds = file.bounds_or_none(name)
        return bounds is None or file.rows is None or bounds[2] != file.rows

    return test


def _null_in_path(name: str) -> Test:
    def test(file: Facts) -> bool:
        try:
            return file.path_value(name) is None
        except KeyError:
            return True

    return test


def _null_in_file(name: str) -> Test:
    def test(file: Facts) -> bool:
        bounds = file.bounds_or_none(name)
        return bounds is None or bounds[2] != 0

    return test


def _bound_or_none(kind: str, constant: Constant | None, side: int) -> object:
    """Return a constant as a value of a column's type, moved outwards where it is not exact.

    Args:
        kind: The column's type.
        constant: The constant.
        side: -1 for a smallest value, 1 for a largest.

    Returns:
        A value that ``order_of`` takes; None where the engine may compare in another way.
    """
    if constant is None:
        return None
    if kind in _DIGITS or kind.startswith("DECIMAL("):
        return _number_or_none(kind, constant)
    match kind:
        case "DOUBLE":
            return _double_or_none(constant, side)
        case "FLOAT":
            return _single_or_none(constant)
        case "VARCHAR":
            return constant.text if constant.kind == "text" else None
        case "DATE":
            return _date_or_none(constant)
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE":
            return _moment_or_none(kind, constant, side)
        case _:
            return None


def _number_or_none(kind: str, constant: Constant) -> Decimal | None:
    """Return a number that the engine compares with all its digits."""
    text = constant.text
    is_integer = constant.kind in {"integer", "text"} and _INTEGER.fullmatch(text) is not None
    if kind in _DIGITS and is_integer:
        return Decimal(text)
    if constant.kind not in {"integer", "decimal"}:
        return None  # a text is made a value of the column's type, with fewer digits perhaps
    whole, _, fraction = text.lstrip("-").partition(".")
    places = _DECIMAL.fullmatch(kind)
    digits, scale = (int(places[1]), int(places[2])) if places else (_DIGITS.get(kind, 0), 0)
    before = max(digits - scale, len(whole), 19 if constant.kind == "integer" else 0)
    return Decimal(text) if before + max(scale, len(fraction)) <= _DIGITS_MAX else None


def _double_or_none(constant: Constant, side: int) -> float | None:
    if constant.kind not in {"integer", "decimal"}:
        return None
    number = float(constant.text)
    if constant.kind == "integer" and abs(number) <= _EXACT_MAX:
        return number
    return number + side * abs(number) * 1e-12  # more than two roundings can make of it


def _single_or_none(constant: Constant) -> float | None:
    if constant.kind != "integer" or abs(int(constant.text)) > 2**24:
        return None
    return float(constant.text)


def _date_or_none(constant: Constant) -> date | None:
    try:
        if constant.kind in {"text", "date"} and _DATE.fullmatch(constant.text):
            return date.fromisoformat(constant.text)
        moment = _moment_or_none("TIMESTAMP", constant, 0) if constant.kind == "timestamp" else None
    except ValueError:
        return None
    return None if moment is None else moment.date()


def _moment_or_none(kind: str, constant: Constant, side: int) -> datetime | None:
    """Return a moment, of which only the order matters: a time without zone stands as UTC.

    Where the session's zone decides, a day is left on either side.
    """
    match = _TIME.fullmatch(constant.text)
    if match is None or constant.kind in {"integer", "decimal"}:
        return None
    if constant.kind == "date" and not _DATE.fullmatch(constant.text):
        return None  # the engine cuts the time off, and may see another day in another zone
    has_zone = match[4] is not None
    if has_zone and kind == "TIMESTAMP" and constant.kind != "zoned":
        return None
    is_exact = has_zone if kind == _ZONED else constant.kind != "zoned"
    clock = match[2] or "00:00"
    fraction = f".{match[3].ljust(6, '0')}" if match[3] else ""
    seconds = "" if len(clock) > len("00:00") else ":00"
    try:
        zone = match[4] or "+00:00"
        moment = datetime.fromisoformat(f"{match[1]}T{clock}{seconds}{fraction}{zone}")
        return moment.astimezone(UTC) + (timedelta() if is_exact else side * _DAY)
    except (ValueError, OverflowError):
        return None


class _Noted:
    """The facts of a file that is not made into a value; the next file is told to the same one."""

    __slots__ = ("_fields", "_found", "_values", "rows")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields
        self._found: Any = None
        self._values: Mapping[str, str | None] = {}
        self.rows: int | None = None

    def tell(self, found: Any, values: Mapping[str, str | None]) -> None:  # noqa: ANN401 - a class made for the columns that are asked for
        """Take up another file's statistics, None where it has none, and its partition values."""
        self._found, self._values = found, values
        rows = None if found is None else found.numRecords
        self.rows = rows if isinstance(rows, int) else None

    def bounds_or_none(self, column: str) -> Bounds | None:
        """Return a column's smallest and largest value and its nulls."""
        found, name = self._found, self._fields.get(column)
        if found is None or name is None:
            return None
        return (
            getattr(found.minValues, name, None),
            getattr(found.maxValues, name, None),
            getattr(found.nullCount, name, None),
        )

    def path_value(self, column: str) -> str | None:
        """Return a partition column's value."""
        return self._values[column]


def _noted_test(
    snapshot: Snapshot, columns: Sequence[Column], test: Test
) -> Callable[[str | None, Iterable[tuple[str, str | None]]], bool]:
    """Make the test of a file's entry in a checkpoint: its statistics and its partition values."""
    logical = {name: column for column, name in snapshot.physical_names.items()}
    stored = [
        each
        for each in columns
        if each.name not in snapshot.partition_columns and each.name not in snapshot.stored_types
    ]
    fields = {each.name: f"c{place}" for place, each in enumerate(stored)}
    decode = stats_decoder(stored, snapshot.physical_names).decode
    facts = _Noted(fields)

    def noted(text: str | None, pairs: Iterable[tuple[str, str | None]]) -> bool:
        try:
            found = decode(text) if text and stored else None
        except (msgspec.DecodeError, RecursionError):
            found = None
        facts.tell(found, {logical.get(name, name): value or None for name, value in pairs})
        return test(facts)

    return noted


def _asked(condition: Condition) -> frozenset[str]:
    match condition:
        case Within(column=name) | IsNull(column=name):
            return frozenset({name})
        case AllOf(parts) | AnyOf(parts):
            return frozenset().union(*map(_asked, parts))


def stats_decoder(
    columns: Sequence[Column], physical: Mapping[str, str]
) -> msgspec.json.Decoder[Any]:
    """Make what reads the statistics of a few columns out of an entry's text.

    It gives ``numRecords``, and ``minValues``, ``maxValues`` and ``nullCount``, each None or with
    the n-th column as ``cn``; decimals keep their digits.

    Args:
        columns: The columns.
        physical: Their names in the log, where those are others.
    """
    names = {f"c{place}": physical.get(each.name, each.name) for place, each in enumerate(columns)}
    kinds = [Decimal | None if each.type.startswith("DECIMAL(") else Any for each in columns]
    exact = [(name, kind, None) for name, kind in zip(names, kinds, strict=True)]
    bounds = msgspec.defstruct("Bounds", exact, rename=names)
    counts = msgspec.defstruct("Counts", [(name, Any, None) for name in names], rename=names)
    fields = [
        ("numRecords", Any, None),
        ("minValues", bounds | None, None),
        ("maxValues", bounds | None, None),
        ("nullCount", counts | None, None),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Stats", fields))
