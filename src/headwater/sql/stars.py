"""Stars that pass a stored relation's columns through a query unnamed.

A star over a CTE that names its columns is followed into it and is none; ``columns(...)`` is not
looked into.
"""

from collections.abc import Iterator

from sqlglot import exp

from headwater.base.errors import Invalid
from headwater.sql.ctes import cte_or_none, sources_of
from headwater.sql.dialects import DUCKDB
from headwater.sql.parse import parse_query

DEPTH_MAX = 30
"""How many CTEs a star is followed through."""


def star_over_or_none(sql: str, dialect: str = DUCKDB) -> str | None:
    """Return the stored relation whose columns pass through a query by ``*``, or None."""
    try:
        tree = parse_query(sql, dialect=dialect).tree
    except Invalid:
        return None
    return _follow(tree, DEPTH_MAX)


def _follow(query: exp.Expr, depth: int) -> str | None:
    if isinstance(query, exp.SetOperation):
        return _follow(query.this, depth) or _follow(query.expression, depth)
    if isinstance(query, exp.Subquery):
        return _follow(query.this, depth)
    if not isinstance(query, exp.Select) or not depth:
        return None
    passed = (
        _stored(query, source, depth)
        for qualifier in _stars(query)
        for source in sources_of(query)
        if qualifier in {"", source.alias_or_name.lower()}
    )
    return next((relation for relation in passed if relation is not None), None)


def _stars(select: exp.Select) -> Iterator[str]:
    """Yield the qualifier of each star among the outputs, lower case, empty without one."""
    for projection in select.expressions:
        if isinstance(projection, exp.Star):
            yield ""
        elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
            yield projection.table.lower()


def _stored(select: exp.Select, source: exp.Expr, depth: int) -> str | None:
    if isinstance(source, exp.Subquery):
        return _follow(source, depth - 1)
    if not isinstance(source, exp.Table):
        return None
    if source.db:
        return source.name
    body = cte_or_none(select, source.name)
    return None if body is None else _follow(body, depth - 1)
