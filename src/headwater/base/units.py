"""Quantities with their uncertainty, and how they are written for people.

A number is never shown without its grade, and an unknown is ``?``, never zero.
"""

import re
from dataclasses import dataclass
from math import floor, log10
from typing import Literal

Grade = Literal["exact", "bound", "measured", "modelled", "guess", "unknown"]
"""How a number is known: proved; an upper bound; from n earlier runs; computed from statistics
with measured constants; without any history or statistics; not at all."""

_SIZE = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>(?:[KMGT]i?)?B?)", re.IGNORECASE)
_KIB = 1024.0
_MINUTE = 60.0
_HOUR = 3600.0
_CENT = 0.01
_DOLLARS_MIN = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A predicted quantity with the interval that should hold it nine times in ten.

    Attributes:
        value: The most likely value; None when unknown.
        low: Lower end of the 90 % interval; None when unknown.
        high: Upper end of the 90 % interval; None when unknown or unbounded.
        grade: How the number is known.
        runs: For grade ``measured``, from how many earlier runs.
    """

    value: float | None
    low: float | None
    high: float | None
    grade: Grade
    runs: int = 0


UNKNOWN = Estimate(value=None, low=None, high=None, grade="unknown")
ZERO = Estimate(value=0.0, low=0.0, high=0.0, grade="exact")


def exact(value: float) -> Estimate:
    """Return an estimate that is proved, with no interval."""
    return Estimate(value=float(value), low=float(value), high=float(value), grade="exact")


def worst_grade(grades: list[Grade]) -> Grade:
    """Return the least certain of several grades; ``exact`` for none."""
    order: tuple[Grade, ...] = ("exact", "bound", "measured", "modelled", "guess", "unknown")
    return max(grades, key=order.index, default="exact")


def sum_estimates(parts: list[Estimate]) -> Estimate:
    """Add estimates; unknown parts are left out of the value and make the grade ``unknown``.

    The intervals are added end to end, which is an upper bound on the width of the sum's interval.
    """
    known = [part for part in parts if part.value is not None]
    if not known and parts:
        return UNKNOWN
    highs = [part.high for part in parts]
    return Estimate(
        value=sum(part.value or 0.0 for part in known),
        low=sum(part.low or 0.0 for part in known),
        high=None if None in highs else sum(high or 0.0 for high in highs),
        grade=worst_grade([part.grade for part in parts]),
        runs=min((part.runs for part in known if part.grade == "measured"), default=0),
    )


def format_bytes(size: float | None) -> str:
    """Write a number of bytes with a binary unit: ``18.2 GiB``; ``?`` for None."""
    if size is None:
        return "?"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} TiB"


def format_seconds(seconds: float | None) -> str:
    """Write a duration: ``41 ms``, ``2.9 s``, ``3 m 05 s``, ``2 h 10 m``; ``?`` for None."""
    if seconds is None:
        return "?"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds // 60)} m {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} m"


def format_dollars(dollars: float | None) -> str:
    """Write money with as many digits as it needs: ``$14.10``, ``$0.041``; ``?`` for None.

    Never in exponents: ``$0.0000042``, and ``<$0.0000001`` for what is even less.
    """
    if dollars is None:
        return "?"
    if dollars == 0:
        return "$0"
    size = abs(dollars)
    if size >= 1:
        return f"${dollars:,.2f}"
    if size < _DOLLARS_MIN:
        return f"<${_DOLLARS_MIN:.7f}"
    if size >= _CENT:
        return f"${dollars:.3f}".removesuffix("0")
    return f"${dollars:.{1 - floor(log10(size))}f}".rstrip("0")  # two digits that count


def format_money(amount: float | None, currency: str = "USD") -> str:
    """Write money in its currency: ``$14.10``, ``12.30 EUR``; ``?`` for None."""
    text = format_dollars(amount)
    if currency == "USD" or amount is None:
        return text
    return f"{text.replace('$', '')} {currency}"


def format_count(count: float | None) -> str:
    """Write a count with separators: ``1,204,000``; ``?`` for None."""
    return "?" if count is None else f"{count:,.0f}"


def parse_bytes(text: str) -> int:
    """Read a size such as ``4GB``, ``512 MiB`` or ``1048576``; decimal units are powers of 1000.

    Raises:
        ValueError: The text is not a size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        message = f"{text!r} is not a size such as 4GB or 512MiB"
        raise ValueError(message)
    unit = found["unit"].upper()
    base = 1024 if "I" in unit else 1000
    return int(float(found["count"]) * base ** "BKMGT".index(unit[:1] or "B"))
