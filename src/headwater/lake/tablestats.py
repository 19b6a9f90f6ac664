"""What a table's log says about its columns: bounds, nulls and bytes, added up over its files.

Files are pruned one by one; whoever prices a query wants one figure for the whole table.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

import msgspec

from headwater.base.codec import Json
from headwater.base.relations import Column
from headwater.lake.files import FileList
from headwater.lake.skipping import stats_decoder
from headwater.lake.snapshot import ColumnStats, DataFile, Snapshot
from headwater.lake.stats import COLUMN_BYTES_TAG

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def bounds_of(snapshot: Snapshot) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the smallest and largest value by column, for columns known in every file."""
    if isinstance(snapshot.files, FileList):
        return _bounds_in_notes(snapshot, snapshot.files)
    minimum: dict[str, str] = {}
    maximum: dict[str, str] = {}
    for column in snapshot.columns:
        key = text_order(column.type)
        if column.name in snapshot.partition_columns:
            values = [file.partition_values.get(column.name) for file in snapshot.files]
            lows = highs = [value for value in values if value is not None]
        else:
            lows, highs = _bounds_in_files(snapshot, column.name)
        if not lows or not highs:
            continue
        minimum[column.name] = min(lows, key=key)
        maximum[column.name] = max(highs, key=key)
    return MappingProxyType(minimum), MappingProxyType(maximum)


def _bounds_in_notes(
    snapshot: Snapshot, files: FileList[Any, DataFile]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the bounds of stored columns from a large checkpoint, without making its files."""
    columns = [
        column
        for column in snapshot.columns
        if column.name not in {*snapshot.partition_columns, *snapshot.stored_types}
    ]
    names = [f"c{place}" for place in range(len(columns))]
    decode = stats_decoder(columns, snapshot.physical_names).decode
    folded = [_Fold() for _ in columns]
    for text, _ in files.notes():
        try:
            found = decode(text) if text else None
        except (msgspec.DecodeError, RecursionError):
            found = None
        if found is None:
            return MappingProxyType({}), MappingProxyType({})
        low, high, nulls, rows = (
            found.minValues, found.maxValues, found.nullCount, found.numRecords
        )  # fmt: skip
        for name, fold in zip(names, folded, strict=True):
            count = getattr(nulls, name, None)
            fold.add(
                getattr(low, name, None),
                getattr(high, name, None),
                rows is not None and rows in {0, count},
            )
    for file in files.since():
        for column, fold in zip(columns, folded, strict=True):
            stats = file.stats.get(column.name, ColumnStats())
            is_empty = file.rows == 0 or _is_all_null(file, column.name)
            fold.add(
                _comparable(stats.minimum, column), _comparable(stats.maximum, column), is_empty
            )
    known = [(c.name, f) for c, f in zip(columns, folded, strict=True) if f.is_known]
    return (
        MappingProxyType({name: _text(fold.low) or "" for name, fold in known}),
        MappingProxyType({name: _text(fold.high) or "" for name, fold in known}),
    )


class _Fold:
    """The bounds of a column while files are looked at."""

    __slots__ = ("high", "is_lost", "low")

    def __init__(self) -> None:
        self.low: Any = None
        self.high: Any = None
        self.is_lost = False

    @property
    def is_known(self) -> bool:
        """Whether every file that has values gave its bounds."""
        return not self.is_lost and self.low is not None and self.high is not None

    def add(self, low: Any, high: Any, is_empty: bool) -> None:  # noqa: ANN401, FBT001 - a log's values, a million times
        """Take up the bounds of one more file; those of an empty one say nothing."""
        if is_empty or self.is_lost:
            return
        try:
            if low is None or high is None:
                self.is_lost = True
            elif self.low is None:
                self.low, self.high = low, high
            else:
                self.low = min(self.low, low)
                self.high = max(self.high, high)
        except TypeError:
            self.is_lost = True


def _comparable(value: Json, column: Column) -> object:
    """Return a bound as a checkpoint's notes have it: decimals are numbers there."""
    return (
        Decimal(value) if column.type.startswith("DECIMAL(") and isinstance(value, str) else value
    )


def _bounds_in_files(snapshot: Snapshot, column: str) -> tuple[list[str], list[str]]:
    """Return the bounds of every file that holds values; none when one file does not say."""
    filled = [
        file.stats.get(column)
        for file in snapshot.files
        if file.rows != 0 and not _is_all_null(file, column)
    ]
    lows = [_text(stats.minimum) for stats in filled if stats]
    highs = [_text(stats.maximum) for stats in filled if stats]
    if None in filled or None in lows or None in highs:
        return [], []
    return [low for low in lows if low is not None], [high for high in highs if high is not None]


def null_counts_of(snapshot: Snapshot) -> Mapping[str, int]:
    """Return the nulls by column, for columns known in every file."""
    if isinstance(snapshot.files, FileList):
        return MappingProxyType({})
    return _summed(snapshot, lambda stats: stats.null_count)


def column_bytes_of(snapshot: Snapshot) -> Mapping[str, int]:
    """Return the compressed bytes by column, for columns known in every file."""
    if isinstance(snapshot.files, FileList):
        return MappingProxyType({})  # reading a million tags takes longer than knowing is worth
    # A file that says how large its columns are has none of those that it does not name.
    return _summed(
        snapshot,
        lambda stats: stats.size_bytes,
        lambda file: 0 if COLUMN_BYTES_TAG in file.tags else None,
    )


def _summed(
    snapshot: Snapshot,
    value_of: Callable[[ColumnStats], int | None],
    without: Callable[[DataFile], int | None] = lambda _file: None,
) -> Mapping[str, int]:
    sums: dict[str, int] = {}
    for column in snapshot.columns:
        values = [
            value_of(file.stats[column.name]) if column.name in file.stats else without(file)
            for file in snapshot.files
        ]
        if None not in values:
            sums[column.name] = sum(value or 0 for value in values)
    return MappingProxyType(sums)


def _is_all_null(file: DataFile, column: str) -> bool:
    """Say whether a file has only nulls in the column, so that it has no bounds to give."""
    stats = file.stats.get(column)
    return stats is not None and file.rows is not None and file.rows == stats.null_count


def _text(value: Json | Decimal) -> str | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def text_order(kind: str) -> Callable[[str], tuple[Decimal, str]]:
    """Order texts as their type does; numbers by value, ISO times and words by their letters."""
    if not kind.upper().startswith(_NUMBERS):
        return lambda text: (Decimal(0), text)

    def number(text: str) -> tuple[Decimal, str]:
        try:
            value = Decimal(text)
        except InvalidOperation:
            return Decimal(0), text
        # The engine holds NaN to be above every number; Decimal refuses to compare it.
        return (Decimal("Infinity"), "nan") if value.is_nan() else (value, "")

    return number
