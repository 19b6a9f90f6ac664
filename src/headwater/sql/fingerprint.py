"""A query's identity: a hash that layout, comments, letter case, quotes and spare brackets leave.

The graph keeps it to tell an edit from a reformat; it must be the same in every process, so
nothing of Python's own hashing is in it.
"""

import re
from enum import Enum
from functools import cache

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from headwater.sql.dialects import DUCKDB
from headwater.sql.flow import digest
from headwater.sql.functions import DAILY, VOLATILE, ClockUse
from headwater.sql.parse import Query, SqlFault, parse_query, read_tokens
from headwater.sql.select_parts import terms_of

_ALWAYS_NODES = (
    exp.CurrentDatetime,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentTimestampLTZ,
    exp.Localtime,
    exp.Localtimestamp,
    exp.Rand,
    exp.Randn,
    exp.Uuid,
)
_DAILY_NODES = (exp.CurrentDate,)


def fingerprint(sql: str, *, dialect: str = DUCKDB) -> str:
    """Hash a query's meaning to 32 hexadecimal digits.

    Equal when two texts differ only in space, comments, the case of keywords and names, quotes
    around names, and brackets that change nothing. Text that does not parse is hashed by its
    tokens, so it never fails.
    """
    try:
        return fingerprint_query(parse_query(sql, dialect=dialect))
    except SqlFault:
        return digest(f"tokens:{_token_text(sql)}")


def fingerprint_query(query: Query) -> str:
    """Hash a parsed query's meaning, as ``fingerprint`` does."""
    return digest(canonical_text(query.tree))


def clock_use(query: Query) -> ClockUse:
    """Say how often the result changes by itself.

    Returns:
        ``always`` for the time of day, random numbers, sequences and unseeded samples; ``day`` for
        today's date; empty when only the inputs count.
    """
    use: ClockUse = ""
    for node in query.tree.walk():
        if not _may_use_clock(type(node)):  # type: ignore[arg-type] # a class, which can be hashed
            continue
        name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, _ALWAYS_NODES) or name in VOLATILE or _is_unseeded_sample(node):
            return "always"
        if isinstance(node, _DAILY_NODES) or name in DAILY or _is_age_of_today(node, name):
            use = "day"
    return use


@cache
def _may_use_clock(kind: type[exp.Expr]) -> bool:
    """Say whether nodes of a class are worth a look: nine in ten are names and literals."""
    return issubclass(kind, (exp.Func, exp.TableSample, *_ALWAYS_NODES, *_DAILY_NODES))


def _is_unseeded_sample(node: exp.Expr) -> bool:
    return isinstance(node, exp.TableSample) and node.args.get("seed") is None


def _is_age_of_today(node: exp.Expr, name: str) -> bool:
    """``age(x)`` with one argument counts from today."""
    return name == "age" and len(node.expressions) == 1


def _token_text(sql: str) -> str:
    try:
        tokens = read_tokens(sql)
    except SqlFault:
        return re.sub(r"\s+", " ", sql).strip()
    return "\x00".join(
        f"'{token.text}" if token.token_type == TokenType.STRING else token.text.lower()
        for token in tokens
    )


def canonical_text(tree: exp.Expr) -> str:
    """Write a tree as the text that is hashed.

    With a stack of our own: chains of operators may be very long.
    """
    out: list[str] = []
    todo: list[object] = [tree]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        if not isinstance(item, exp.Expr):
            out.append(f"{item.name if isinstance(item, Enum) else item};")
            continue
        todo.extend(reversed(_parts(_without_brackets(item))))
    return "".join(out)


def canonical_name(name: str) -> str:
    """Write a name as it stands in a tree's text."""
    return f"{len(name)}:{name.lower()};"


def _parts(node: exp.Expr) -> list[object]:
    if isinstance(node, exp.Identifier):
        return [canonical_name(node.name)]
    if isinstance(node, exp.Literal):
        mark = "'" if node.args.get("is_string") else "#"
        return [f"{mark}{len(node.name)}:{node.name};"]
    if isinstance(node, (exp.And, exp.Or)):
        terms = terms_of(node, type(node))
        return [f"{node.key}(", *terms, ")"]
    parts: list[object] = [f"{node.key}("]
    for name in sorted(node.args):
        value = node.args[name]
        if value is None or value is False or value == []:
            continue
        parts.append(f"{name}=")
        if isinstance(value, list):
            parts.append("[")
            parts += [item.lower() if isinstance(item, str) else item for item in value]
            parts.append("]")
        else:
            parts.append(f"{value.lower()};" if isinstance(value, str) else value)
    parts.append(")")
    return parts


def _without_brackets(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren) or (isinstance(node, exp.Subquery) and _is_spare(node)):
        node = node.this
    if isinstance(node, exp.Column) and node.args.get("table") is None:
        # The library tells a lambda's parameter from a column by its letter case.
        return _without_brackets(node.this)
    return node


def _is_spare(node: exp.Subquery) -> bool:
    """Brackets around a whole query, or around brackets, change nothing."""
    if any(value for key, value in node.args.items() if key != "this"):
        return False
    return node.parent is None or isinstance(node.this, exp.Subquery)
