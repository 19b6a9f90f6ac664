"""Which relations a tree names, CTE names excluded: the part of a trace that never fails."""

import re
from collections.abc import Iterator

from sqlglot import exp

_FILE_READERS = (exp.ReadCSV, exp.ReadParquet)
_PASSED_OVER = frozenset({exp.With, exp.Identifier, exp.Literal, exp.Star, exp.Null, exp.Boolean})
"""A with clause is read before the rest of its query; the others hold no relation."""

_NOT_A_NAME = re.compile(r"[./\\*]")


def tables_of(tree: exp.Expr) -> Iterator[tuple[str, ...]]:
    """Give the parts of every relation outside the query, as written; repeats included."""
    for table in outside_tables(tree):
        yield tuple(part.name for key in ("catalog", "db", "this") if (part := table.args.get(key)))


def reads_names_only(tree: exp.Expr) -> bool:
    """Say whether a query reads relations by name alone: no file, no function that gives rows."""
    tables = tree.find_all(exp.Table)
    return not tree.find(*_FILE_READERS) and all(
        isinstance(table.this, exp.Identifier) and not _NOT_A_NAME.search(table.name)
        for table in tables
    )


def outside_tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """Give every node that names a relation outside the query.

    Walks with a stack of its own, so no depth of SQL is too deep.
    """
    todo: list[tuple[exp.Expr, frozenset[str]]] = [(tree, frozenset())]
    while todo:
        node, hidden = todo.pop()
        with_clause = node.args.get("with_")
        if with_clause is not None:
            inside = hidden
            for cte in with_clause.expressions:
                name = cte.alias.lower()
                own = inside | {name} if with_clause.args.get("recursive") else inside
                todo.append((cte.this, own))
                inside |= {name}
            hidden = inside
        if isinstance(node, exp.Table) and _is_outside(node, hidden):
            yield node
        todo += [
            (child, hidden) for child in node.iter_expressions() if type(child) not in _PASSED_OVER
        ]


def _is_outside(table: exp.Table, hidden: frozenset[str]) -> bool:
    if not isinstance(table.this, exp.Identifier):
        return False
    return table.args.get("db") is not None or table.name.lower() not in hidden
