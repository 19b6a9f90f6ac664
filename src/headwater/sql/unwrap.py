"""Filters that hide a column inside a function, and the same filters that name it plainly.

Whoever reads a table of many files leaves some out by what a filter says of a column: of
``year(day) = 2026`` it says nothing, of ``day >= '2026-01-01' and day < '2027-01-01'`` all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from sqlglot import exp

from headwater.base.cache import Cache
from headwater.base.errors import Invalid
from headwater.base.remembered import remembered
from headwater.sql.dialects import DUCKDB
from headwater.sql.parse import parse_query

MAY_WRAP = re.compile(
    r"(?i)\b(year|extract|date_part|date_trunc|strftime|date|coalesce|ifnull)\s*\(|\bas\s+date\b|::\s*date"
)
"""Without a match there is nothing to find."""

_COMPARES = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_MIRRORED: Mapping[type[exp.Expr], type[exp.Expr]] = MappingProxyType(
    {exp.EQ: exp.EQ, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE}
)
_FORMATS: Mapping[str, str] = MappingProxyType({"%Y": "year", "%Y-%m": "month", "%Y-%m-%d": "day"})
_UNITS = frozenset({"day", "week", "month", "quarter", "year"})
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_YEAR_LAST = 9998


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """A query whose filters name their columns plainly.

    Attributes:
        sql: The query.
        changes: What was written, and what says the same.
    """

    sql: str
    changes: tuple[tuple[str, str], ...]


def unwrapped_or_none(sql: str, known: Cache | None = None) -> Unwrapped | None:
    """Write the wrapped filters of a query plainly; None when there are none.

    Args:
        sql: The query in the engine's dialect.
        known: What earlier commands found.
    """
    if not MAY_WRAP.search(sql):
        return None
    if known is None:
        found = _unwrapped(sql)
    else:
        text = sql.encode("utf-8", "surrogatepass")
        found = remembered(known, "unwrapped", (text,), Unwrapped, lambda: _unwrapped(sql))
    return found if found.changes else None


def _unwrapped(sql: str) -> Unwrapped:
    """Return a query with its filters plain; without changes when there is nothing to write."""
    as_it_is = Unwrapped(sql=sql, changes=())
    try:
        tree = parse_query(sql).tree
    except Invalid:
        return as_it_is
    changes: list[tuple[str, str]] = []
    for where in tree.find_all(exp.Where):
        for node in list(where.find_all(*_COMPARES, exp.Between)):
            plain = _plain_or_none(node)
            if plain is not None and (_is_required(node, where) or not _has_default(node)):
                changes.append((node.sql(dialect=DUCKDB), plain.sql(dialect=DUCKDB)))
                node.replace(exp.paren(plain))
    if not changes:
        return as_it_is
    return Unwrapped(sql=tree.sql(dialect=DUCKDB), changes=tuple(changes))


def _plain_or_none(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node, exp.Between):
        low = _compared_or_none(exp.GTE, node.this, node.args["low"])
        high = _compared_or_none(exp.LTE, node.this, node.args["high"])
        return None if low is None or high is None else exp.and_(low, high)
    kind, left, right = type(node), node.this, node.expression
    if isinstance(left.unnest(), exp.Literal):
        kind, left, right = _MIRRORED[kind], right, left
    return _compared_or_none(kind, left, right)


def _compared_or_none(kind: type[exp.Expr], wrapped: exp.Expr, value: exp.Expr) -> exp.Expr | None:
    """Write ``f(column) <kind> value`` as bounds of the column; None where that is not known."""
    wrapped = wrapped.unnest()
    if isinstance(wrapped, exp.Coalesce):
        return _coalesced_or_none(kind, wrapped, value)
    found = _period_or_none(wrapped, value)
    if found is None:
        return None
    column, first, after = found
    low, high = exp.Literal.string(first), exp.Literal.string(after)
    bounds: Mapping[type[exp.Expr], Callable[[], exp.Expr]] = {
        exp.EQ: lambda: exp.and_(
            exp.GTE(this=column.copy(), expression=low), exp.LT(this=column.copy(), expression=high)
        ),
        exp.GTE: lambda: exp.GTE(this=column.copy(), expression=low),
        exp.GT: lambda: exp.GTE(this=column.copy(), expression=high),
        exp.LT: lambda: exp.LT(this=column.copy(), expression=low),
        exp.LTE: lambda: exp.LT(this=column.copy(), expression=high),
    }
    return bounds[kind]()


def _coalesced_or_none(
    kind: type[exp.Expr], wrapped: exp.Coalesce, value: exp.Expr
) -> exp.Expr | None:
    """Take ``coalesce(column, 0) = 5`` for ``column = 5``: what stands for a null is another."""
    instead, column, asked = wrapped.expressions, wrapped.this, value.unnest()
    if kind is not exp.EQ or len(instead) != 1 or not isinstance(column, exp.Column):
        return None
    return (
        exp.EQ(this=column.copy(), expression=asked.copy()) if _differ(instead[0], asked) else None
    )


def _differ(one: exp.Expr, other: exp.Expr) -> bool:
    """Say whether two constants are surely two values, whatever type they are compared as."""
    if not isinstance(one, exp.Literal) or not isinstance(other, exp.Literal):
        return False
    if one.is_string and other.is_string:
        # Texts that begin with a letter are no numbers or times, which may be written otherwise.
        are_words = all(each.name[:1].isalpha() for each in (one, other))
        return are_words and one.name != other.name
    try:
        are_numbers = not one.is_string and not other.is_string
        return are_numbers and Decimal(one.name) != Decimal(other.name)
    except InvalidOperation:
        return False


def _has_default(node: exp.Expr) -> bool:
    """Say whether a comparison is true or false of a null, which the plain one is not."""
    return node.find(exp.Coalesce) is not None


def _is_required(node: exp.Expr, where: exp.Expr) -> bool:
    """Say whether rows are left out where a comparison is not true: no NOT or CASE is around it."""
    above = node.parent
    while isinstance(above, (exp.And, exp.Or, exp.Paren)):
        above = above.parent
    return above is where


def _period_or_none(wrapped: exp.Expr, value: exp.Expr) -> tuple[exp.Column, str, str] | None:
    """Return the column, the first day that a value stands for, and the day after the last."""
    unit, column = _unit_and_column(wrapped)
    text = _text_or_none(value)
    if not unit or not isinstance(column, exp.Column) or text is None:
        return None
    first = _first_day_or_none(unit, text)
    if first is None:
        return None
    return column, f"{first:%Y-%m-%d}", f"{_after(first, unit):%Y-%m-%d}"


def _unit_and_column(node: exp.Expr) -> tuple[str, exp.Expr | None]:
    """Return the unit of time to which a function cuts a column; empty for other functions."""
    match node:
        case exp.Year():
            return "year", _inside(node.this)
        case exp.Extract() if node.name.lower() == "year":
            return "year", _inside(node.expression)
        case exp.Anonymous() if node.name.lower() == "date_part" and _is_year(node):
            return "year", _inside(node.expressions[1])
        case exp.TimestampTrunc() | exp.DateTrunc():
            unit = str(node.args["unit"].name).lower()
            return (unit if unit in _UNITS else ""), node.this
        case exp.TimeToStr():
            return _FORMATS.get(str(node.args["format"].name), ""), node.this
        case exp.Cast() if not isinstance(node, exp.TryCast) and node.to.this == exp.DType.DATE:
            return "day", node.this
        case exp.Date() | exp.TsOrDsToDate():
            return "day", node.this
        case _:
            return "", None


def _is_year(call: exp.Anonymous) -> bool:
    parts = call.expressions
    return len(parts) == len(("part", "value")) and str(parts[0].name).lower() == "year"


def _inside(node: exp.Expr) -> exp.Expr:
    """Return what a parser's own cast is around: it wraps the argument of some functions."""
    return node.this if isinstance(node, (exp.TsOrDsToDate, exp.Date)) else node


def _text_or_none(value: exp.Expr) -> str | None:
    value = value.unnest()
    if isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal):
        value = value.this
    return value.name if isinstance(value, exp.Literal) else None


def _first_day_or_none(unit: str, text: str) -> date | None:
    """Read a value of a unit: ``2026``, ``2026-01``, or a day that begins one."""
    try:
        if unit == "year" and re.fullmatch(r"\d{4}", text):
            first = date(int(text), 1, 1)
        elif unit == "month" and re.fullmatch(r"\d{4}-\d\d", text):
            first = date.fromisoformat(f"{text}-01")
        else:
            at = datetime.fromisoformat(text)
            if at.tzinfo is not None or at != datetime(at.year, at.month, at.day):  # noqa: DTZ001 - a day has no zone
                return None
            first = at.date()
    except ValueError:
        return None
    is_start = first == _start(first, unit)
    return first if is_start and first.year <= _YEAR_LAST else None


def _start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "day":
        return day
    months = _MONTHS[unit]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def _after(first: date, unit: str) -> date:
    """Return the first day after a unit of time."""
    if unit in {"day", "week"}:
        return first + timedelta(days=1 if unit == "day" else 7)
    month = first.month - 1 + _MONTHS[unit]
    return date(first.year + month // 12, month % 12 + 1, 1)
