"""Ephemeral models become CTEs of the queries that read them, in the text that dbt writes.

Done on text and not on a tree, because compiled SQL must stay byte for byte what its author wrote;
only the place of the first ``with`` is looked for.
"""

import re
from collections.abc import Mapping, Sequence

from headwater.base.ids import NodeId

CTE_PREFIX = "__dbt__cte__"
_BLANK = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_WITH = re.compile(
    r"with\b(?:(?:\s+|--[^\n]*\n|/\*.*?\*/)*+recursive\b)?", re.IGNORECASE | re.DOTALL
)
"""Blanks are not divided in other ways when no ``recursive`` follows: of 30 there are 2^29 ways."""


def inject(sql: str, ctes: Sequence[tuple[str, str]]) -> str:
    """Put CTEs in front of a query's own.

    Args:
        sql: The query.
        ctes: Names with their queries, each before those that read it.
    """
    if not ctes:
        return sql
    written = ", ".join(f" {name} as (\n{query}\n)" for name, query in ctes)
    blank = _BLANK.match(sql)
    start = blank.end() if blank else 0
    own = _WITH.match(sql, start)
    if own:
        rest = sql[own.end() :].lstrip()
        return f"{sql[: len(sql) - len(rest)]}{written}, {rest}"
    first = len(sql) - len(sql.lstrip())
    return f"{sql[:first]}with{written} {sql[first:]}"


def ctes_for(
    used: Sequence[NodeId],
    bodies: Mapping[NodeId, tuple[str, tuple[NodeId, ...]]],
    names: Mapping[NodeId, str],
) -> tuple[tuple[str, str], ...]:
    """List the CTEs that a query needs, those of ephemeral models inside ephemeral models first.

    Args:
        used: Ephemeral models that it refers to, in order.
        bodies: Of every ephemeral model its query without CTEs, and all that it needs, in order.
        names: Alias of every ephemeral model.
    """
    listed = all_used(used, bodies)
    return tuple((CTE_PREFIX + names[key], bodies[key][0]) for key in listed if key in bodies)


def all_used(
    used: Sequence[NodeId], bodies: Mapping[NodeId, tuple[str, tuple[NodeId, ...]]]
) -> tuple[NodeId, ...]:
    """Return ephemeral models with all that they need, each after what it needs."""
    listed: dict[NodeId, None] = {}
    for key in used:
        if key in bodies:
            listed |= dict.fromkeys((*bodies[key][1], key))
    return tuple(listed)
