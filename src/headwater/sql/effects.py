"""Which tables a script's statements would write, for scripts that must not.

Looks only at what can be told from the text; the engine judges the rest when it runs.
"""

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

from headwater.sql.parse import SQL_CHARACTERS_MAX

_CHANGING = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Drop,
    exp.Alter,
    exp.Create,
    exp.TruncateTable,
)
_STORED = frozenset({"TABLE", "VIEW"})


def written_tables(script: str) -> tuple[str, ...]:
    """Return the tables and views that a script makes, changes or drops, in order, once each.

    A change of a bare name is left out, because it may be a temporary table. A script that cannot
    be parsed gives nothing.
    """
    if len(script) > SQL_CHARACTERS_MAX:
        return ()
    try:
        trees = DuckDB().parse(script)
    except (ParseError, TokenError, RecursionError, AttributeError, TypeError, ValueError):
        return ()
    return tuple(dict.fromkeys(name for tree in trees if tree for name in _written(tree)))


def _written(tree: exp.Expr) -> Iterator[str]:
    if not isinstance(tree, _CHANGING):
        return
    if isinstance(tree, (exp.Create, exp.Drop, exp.Alter)):
        kind = str(tree.args.get("kind") or "").upper()
        if kind not in _STORED or _is_temporary(tree):
            return
    for table in _targets(tree):
        if isinstance(tree, exp.Create) or table.args.get("db") is not None:
            yield ".".join(part.name for part in table.parts)


def _targets(tree: exp.Expr) -> list[exp.Table]:
    if isinstance(tree, (exp.Drop, exp.TruncateTable)):
        named = [*(tree.args.get("tables") or ()), *tree.expressions, tree.args.get("this")]
        return [table for table in named if isinstance(table, exp.Table)]
    table = tree.this if isinstance(tree.this, exp.Table) else tree.this.find(exp.Table)
    return [] if table is None else [table]


def _is_temporary(tree: exp.Expr) -> bool:
    properties = tree.args.get("properties")
    found = properties is not None and properties.find(exp.TemporaryProperty) is not None
    return found or bool(tree.args.get("temporary"))
