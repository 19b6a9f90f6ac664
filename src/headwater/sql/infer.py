"""Infers the type of an expression where a small set of rules is enough; else says nothing.

The engine's own answer replaces this one whenever there is an engine; here a wrong type would be
worse than none.
"""

from collections.abc import Callable, Iterable

from sqlglot import exp

from headwater.sql.types import canonical_type, type_change

_INTEGER_TYPES = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BOOLEAN"}
_INTEGER_MAX = 2**31 - 1

DEPTH_MAX = 40
"""Levels of nesting after which nothing is inferred."""

TypeOf = Callable[[exp.Column], str]


def infer_type(node: exp.Expr, type_of: TypeOf, depth: int = 0) -> str:
    """Return the SQL type of an expression in DuckDB's spelling, or empty.

    Args:
        node: The expression.
        type_of: Gives the type of a column, or empty.
        depth: Levels above; an expression deeper than ``DEPTH_MAX`` has no type.
    """
    if depth > DEPTH_MAX:
        return ""
    while isinstance(node, (exp.Alias, exp.Paren)):
        node = node.this
    match node:
        case exp.Column():
            return "" if isinstance(node.this, exp.Star) else type_of(node)
        case exp.Cast():
            return canonical_type(node.to.sql("duckdb"))
        case exp.Literal():
            return _literal_type(node)
        case exp.Predicate() | exp.Boolean() | exp.Connector() | exp.Not():
            return "BOOLEAN"
        case exp.Count() | exp.RowNumber() | exp.Rank() | exp.DenseRank():
            return "BIGINT"
        case exp.Window() | exp.Filter() | exp.IgnoreNulls() | exp.RespectNulls() | exp.Order():
            return infer_type(node.this, type_of, depth + 1) if node.this is not None else ""
        case _:
            return _function_type(node, type_of, depth + 1)


def _literal_type(node: exp.Literal) -> str:
    if node.args.get("is_string"):
        return "VARCHAR"
    if node.name.isdigit():
        return "INTEGER" if int(node.name) <= _INTEGER_MAX else ""
    return ""


def _function_type(node: exp.Expr, type_of: TypeOf, depth: int) -> str:
    match node:
        case exp.Min() | exp.Max() | exp.AnyValue() | exp.First() | exp.Last():
            return infer_type(node.this, type_of, depth) if not node.expressions else ""
        case exp.FirstValue() | exp.LastValue() | exp.Lag() | exp.Lead():
            return infer_type(node.this, type_of, depth)
        case exp.Sum():
            kind = infer_type(node.this, type_of, depth)
            return _sum_type(kind)
        case exp.Coalesce():
            return unify_types(
                [infer_type(item, type_of, depth) for item in [node.this, *node.expressions]]
            )
        case exp.Case():
            results = [branch.args["true"] for branch in node.args["ifs"]]
            results += [node.args["default"]] if node.args.get("default") is not None else []
            kinds = [
                infer_type(item, type_of, depth)
                for item in results
                if not isinstance(item, exp.Null)
            ]
            return unify_types(kinds)
        case exp.CurrentDate():
            return "DATE"
        case exp.Upper() | exp.Lower() | exp.Trim() | exp.DPipe() if _is_text(node, type_of, depth):
            return "VARCHAR"
        case _:
            return ""


def _is_text(node: exp.Expr, type_of: TypeOf, depth: int) -> bool:
    parts = [node.this, node.args["expression"]] if isinstance(node, exp.DPipe) else [node.this]
    return all(infer_type(part, type_of, depth) == "VARCHAR" for part in parts)


def _sum_type(kind: str) -> str:
    if kind in _INTEGER_TYPES:
        return "HUGEINT"
    if kind in {"DOUBLE", "FLOAT"}:
        return "DOUBLE"
    if kind.startswith("DECIMAL("):
        return f"DECIMAL(38,{kind[:-1].rsplit(',', 1)[1]})"
    return ""


def unify_types(kinds: Iterable[str]) -> str:
    """Return the type that all of ``kinds`` fit into when one of them is it, else empty."""
    result: str | None = None
    for kind in kinds:
        if not kind:
            return ""
        if result is None or (kind != "VARCHAR" and type_change(result, kind) == "widened"):
            result = kind
        elif type_change(kind, result) not in {"same", "widened"} or "VARCHAR" in {
            kind,
            result,
        } != {"VARCHAR"}:
            return ""
    return result or ""
