"""What a table's log says about its columns: bounds, nulls and bytes, added up over its files.

Files are pruned one by one; whoever prices a query wants one figure for the whole table.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.lake.snapshot import ColumnStats, DataFile, Snapshot

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def bounds_of(snapshot: Snapshot) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the smallest and largest value by column, for columns known in every file."""
    minimum: dict[str, str] = {}
    maximum: dict[str, str] = {}
    for column in snapshot.columns:
        key = _order_of(column.type)
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
    return _summed(snapshot, lambda stats: stats.null_count)


def column_bytes_of(snapshot: Snapshot) -> Mapping[str, int]:
    """Return the compressed bytes by column, for columns known in every file."""
    return _summed(snapshot, lambda stats: stats.size_bytes)


def _summed(snapshot: Snapshot, value_of: Callable[[ColumnStats], int | None]) -> Mapping[str, int]:
    sums: dict[str, int] = {}
    for column in snapshot.columns:
        values = [
            value_of(file.stats[column.name]) if column.name in file.stats else None
            for file in snapshot.files
        ]
        if None not in values:
            sums[column.name] = sum(value or 0 for value in values)
    return MappingProxyType(sums)


def _is_all_null(file: DataFile, column: str) -> bool:
    """Say whether a file has only nulls in the column, so that it has no bounds to give."""
    stats = file.stats.get(column)
    return stats is not None and file.rows is not None and file.rows == stats.null_count


def _text(value: Json) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _order_of(kind: str) -> Callable[[str], tuple[Decimal, str]]:
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
