"""Finding one's way in a query's tree: what a select reads from, and which CTE a name means."""

from collections.abc import Iterator

from sqlglot import exp


def sources_of(select: exp.Select) -> Iterator[exp.Expr]:
    """Yield what a select reads from: tables, subqueries and the like, joined ones included."""
    clause = select.args.get("from_") or select.args.get("from")
    if clause is not None:
        yield clause.this
    for join in select.args.get("joins") or ():
        yield join.this


def cte_or_none(inside: exp.Expr, name: str) -> exp.Expr | None:
    """Return the body of the CTE of that name which is visible from ``inside``."""
    return next((body for label, body in _visible(inside) if label == name.lower()), None)


def _visible(inside: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    node: exp.Expr | None = inside
    while node is not None:
        if isinstance(node, exp.Query):
            yield from ((cte.alias.lower(), cte.this) for cte in node.ctes)
        node = node.parent
