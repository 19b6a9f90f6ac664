"""Whether stored numbers fit another type, by the smallest and largest that the table's log knows.

No data is read: what the statistics do not prove is not known.
"""

import re
from decimal import Decimal, InvalidOperation

from headwater.plan.state import TableState

INTEGER_BITS = {
    "TINYINT": 8,
    "SMALLINT": 16,
    "INTEGER": 32,
    "BIGINT": 64,
    "HUGEINT": 128,
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def stored_range(table: TableState, column: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the smallest and largest stored number of a column; None where the log has none."""

    def find(values: dict[str, str]) -> Decimal | None:
        try:
            text = values.get(column.lower())
            number = None if text is None else Decimal(text)
        except InvalidOperation:
            return None
        return number if number is not None and number.is_finite() else None

    lowest = find({name.lower(): value for name, value in table.minimum.items()})
    highest = find({name.lower(): value for name, value in table.maximum.items()})
    return lowest, highest


def fits_type(
    before: str, after: str, smallest: Decimal | None, largest: Decimal | None
) -> bool | None:
    """Say whether a range of stored values fits a type; None when it proves nothing."""
    if smallest is None or largest is None:
        return None
    limits = _range_of(after)
    if limits is None:
        return None
    if smallest < limits[0] or largest > limits[1]:
        return False
    return True if _scale_of(before) <= _scale_of(after) else None


def _range_of(kind: str) -> tuple[Decimal, Decimal] | None:
    kind = kind.upper()
    if kind in INTEGER_BITS:
        half = Decimal(2) ** (INTEGER_BITS[kind] - 1)
        return -half, half - 1
    if kind.removeprefix("U") in INTEGER_BITS:
        return Decimal(0), Decimal(2) ** INTEGER_BITS[kind.removeprefix("U")] - 1
    match = _DECIMAL.fullmatch(kind)
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2])
    most = (Decimal(10) ** precision - 1) / Decimal(10) ** scale
    return -most, most


def _scale_of(kind: str) -> int:
    """Return digits after the point; many for binary floating point."""
    match = _DECIMAL.fullmatch(kind.upper())
    if match is not None:
        return int(match[2])
    return 0 if kind.upper().removeprefix("U") in INTEGER_BITS else 99
