"""Where a query reads only rows newer than something, and by how wide a window.

The shapes found are those people write: a column compared with the newest value already stored in
the query's own table, less an interval or not, or with the clock less an interval. Anything else
is not claimed to be a watermark.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sqlglot import exp

from headwater.base.cache import Cache
from headwater.base.errors import Invalid
from headwater.base.relations import TableName
from headwater.base.remembered import remembered
from headwater.sql.ctes import cte_or_none, sources_of
from headwater.sql.dialects import DUCKDB
from headwater.sql.parse import parse_query

DEPTH_MAX = 20
"""How many CTEs a column is followed through."""

_HOURS: Mapping[str, float] = MappingProxyType(
    {
        "SECOND": 1 / 3600,
        "MINUTE": 1 / 60,
        "HOUR": 1.0,
        "DAY": 24.0,
        "WEEK": 168.0,
        "MONTH": 720.0,
        "QUARTER": 2160.0,
        "YEAR": 8760.0,
    }
)
_CLOCKS = (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentDatetime)
_CLOCK_NAMES = frozenset({"now", "today", "get_current_timestamp", "transaction_timestamp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """One filter that leaves older rows out.

    Attributes:
        relation: The relation whose column is compared, CTEs followed.
        column: The column.
        hours: Width of the window: how much older than the newest a row may be; None when it
            could not be read.
        anchor: What the column is compared with: the ``newest`` stored value, or ``now``.
        is_inclusive: True for ``>=``.
    """

    relation: TableName
    column: str
    hours: float | None
    anchor: Literal["newest", "now"]
    is_inclusive: bool


def find_watermarks(
    sql: str, this: TableName, dialect: str = DUCKDB, *, known: Cache | None = None
) -> tuple[Watermark, ...]:
    """Return the watermarks of a query over its own table; none when it cannot be parsed.

    Args:
        sql: The query.
        this: The table that it brings up to date.
        dialect: Its dialect.
        known: What earlier commands found.
    """
    if known is None:
        return _find_watermarks(sql, this, dialect)
    parts = (each.encode("utf-8", "surrogatepass") for each in (sql, dialect, this.quoted()))
    return remembered(
        known,
        "watermarks",
        parts,
        tuple[Watermark, ...],
        lambda: _find_watermarks(sql, this, dialect),
    )


def _find_watermarks(sql: str, this: TableName, dialect: str) -> tuple[Watermark, ...]:
    try:
        tree = parse_query(sql, dialect=dialect).tree
    except Invalid:
        return ()
    found: dict[Watermark, None] = {}
    for select in tree.find_all(exp.Select):
        for condition in _conditions(select):
            watermark = _read_condition(select, condition, this)
            if watermark is not None:
                found[watermark] = None
    return tuple(found)


def _conditions(select: exp.Select) -> Iterator[exp.Expr]:
    where = select.args.get("where")
    if where is None:
        return
    condition = where.this.unnest()
    parts = condition.flatten() if isinstance(condition, exp.And) else (condition,)
    for part in parts:
        yield part.unnest()


def _read_condition(select: exp.Select, condition: exp.Expr, this: TableName) -> Watermark | None:
    match condition:
        case exp.GT() | exp.GTE():
            value, bound = condition.this, condition.expression
        case exp.LT() | exp.LTE():
            value, bound = condition.expression, condition.this
        case exp.Between():
            value, bound = condition.this, condition.args["low"]
        case _:
            return None
    columns = list(value.find_all(exp.Column))
    if len(columns) != 1 or value.find(exp.Select):
        return None
    anchor = _anchor(select, bound, this)
    origin = _origin(select, columns[0].table, columns[0].name, DEPTH_MAX)
    if anchor is None or origin is None:
        return None
    return Watermark(
        relation=origin[0],
        column=origin[1],
        hours=_window_hours(list(_with_ctes(select, bound, DEPTH_MAX))),
        anchor=anchor,
        is_inclusive=not isinstance(condition, (exp.GT, exp.LT)),
    )


def _anchor(
    select: exp.Select, bound: exp.Expr, this: TableName
) -> Literal["newest", "now"] | None:
    parts = list(_with_ctes(select, bound, DEPTH_MAX))
    has_max = any(part.find(exp.Max) for part in parts)
    tables = (table for part in parts for table in part.find_all(exp.Table))
    if has_max and any(_name(table) == this for table in tables):
        return "newest"
    is_plain = not any(part.find(exp.Column) for part in parts)
    if is_plain and any(_is_clock(node) for part in parts for node in part.walk()):
        return "now"
    return None


def _is_clock(node: exp.Expr) -> bool:
    return isinstance(node, _CLOCKS) or (
        isinstance(node, exp.Anonymous) and str(node.this).lower() in _CLOCK_NAMES
    )


def _with_ctes(select: exp.Select, bound: exp.Expr, depth: int) -> Iterator[exp.Expr]:
    """Yield an expression and the CTEs that it selects from."""
    yield bound
    if not depth:
        return
    for table in bound.find_all(exp.Table):
        body = cte_or_none(select, table.name) if not table.db else None
        if body is not None:
            inner = body if isinstance(body, exp.Select) else select
            yield from _with_ctes(inner, body, depth - 1)


def _name(table: exp.Table) -> TableName:
    return TableName(table.catalog, table.db, table.name)


def _origin(
    select: exp.Select, qualifier: str, column: str, depth: int
) -> tuple[TableName, str] | None:
    """Find the relation and column that a name in ``select`` stands for."""
    name = qualifier.lower()
    named = [s for s in sources_of(select) if name in {"", s.alias_or_name.lower()}]
    if len(named) != 1 or not depth:
        return None
    source = named[0]
    body: exp.Expr | None
    if isinstance(source, exp.Table):
        if source.db:
            return _name(source), column
        body = cte_or_none(select, source.name)
    else:
        body = source.this if isinstance(source, exp.Subquery) else None
    return _origin_in(body, column, depth - 1) if isinstance(body, exp.Select) else None


def _origin_in(body: exp.Select, column: str, depth: int) -> tuple[TableName, str] | None:
    for projection in body.expressions:
        if projection.alias_or_name.lower() == column.lower():
            columns = list(projection.find_all(exp.Column))
            is_one = len(columns) == 1 and not projection.find(exp.AggFunc)
            return _origin(body, columns[0].table, columns[0].name, depth) if is_one else None
    if any(isinstance(projection, exp.Star) for projection in body.expressions):
        return _origin(body, "", column, depth)
    return None


def _window_hours(parts: list[exp.Expr]) -> float | None:
    """Add up what is taken off the bound; None when some part is no constant."""
    total = 0.0
    for part in parts:
        for node in part.walk():
            hours = _step_back_hours(node)
            if hours is None:
                return None
            total += hours
    return total


def _step_back_hours(node: exp.Expr) -> float | None:
    """Return by how many hours one operation goes back in time; 0.0 when it is no such one."""
    match node:
        case exp.Sub() | exp.DateSub() | exp.TimestampSub() | exp.DatetimeSub():
            return _hours_of(node, node.expression)
        case exp.Add() | exp.DateAdd() | exp.TimestampAdd() | exp.DatetimeAdd():
            hours = _hours_of(node, node.expression)
            return None if hours is None else -hours
        case _:
            return 0.0


def _hours_of(operation: exp.Expr, amount: exp.Expr) -> float | None:
    amount = amount.unnest()
    match amount:
        case exp.Interval():
            number, unit = _number(amount.this), str(amount.args.get("unit") or "").upper()
        case exp.Mul() if isinstance(amount.this, exp.Interval):
            one, times = _hours_of(operation, amount.this), _number(amount.expression)
            return None if one is None or times is None else one * times
        case exp.ToDays():
            number, unit = _number(amount.this), "DAY"
        case _:
            number = _number(amount)
            unit = str(operation.args.get("unit") or "DAY").upper()
    hours = _HOURS.get(unit.removesuffix("S")) if unit else None
    return None if number is None or hours is None else number * hours


def _number(node: exp.Expr | None) -> float | None:
    match node:
        case exp.Paren():
            return _number(node.this)
        case exp.Neg():
            number = _number(node.this)
            return None if number is None else -number
        case exp.Literal():
            try:
                return float(str(node.this))
            except ValueError:
                return None
        case _:
            return None
