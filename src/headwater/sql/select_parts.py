"""Parts of one query's tree: its CTEs, its own expressions, what aggregates, what a group means.

Shared by those who walk a query: the tracing of columns, the finding of shapes, the counting of
rows.
"""

from collections.abc import Iterator, Mapping

from sqlglot import exp

from headwater.sql.functions import AGGREGATES

CTEs = Mapping[str, tuple[exp.Expr, "CTEs", list[str]]]
"""By lower-case name: the body, the CTEs that it sees, and the names of its columns."""


def with_ctes(tree: exp.Expr, ctes: CTEs) -> CTEs | None:
    """Add a query's own CTEs to those that it sees; None when they are recursive."""
    clause = tree.args.get("with_")
    if clause is None:
        return ctes
    if clause.args.get("recursive"):
        return None
    seen = dict(ctes)
    for cte in clause.expressions:
        alias = cte.args["alias"]
        names = [column.name for column in alias.args.get("columns") or ()]
        seen[cte.alias.lower()] = (cte.this, dict(seen), names)
    return seen


def terms_of(condition: exp.Expr, kind: type[exp.Expr] = exp.And) -> list[exp.Expr]:
    """Split ``a and b and c`` into its terms, brackets dropped, however long the chain.

    Args:
        condition: What to split; a condition of another kind is its only term.
        kind: What joins the terms: ``exp.And`` where all must hold, ``exp.Or`` where one must.
    """
    terms: list[exp.Expr] = []
    todo = [condition]
    while todo:
        term = todo.pop().unnest()
        if isinstance(term, kind):
            todo += [term.args["expression"], term.this]
        else:
            terms.append(term)
    return terms


def projection(select: exp.Select, node: exp.Expr) -> exp.Expr:
    """Return what a group expression means: a number is the place of an output."""
    if isinstance(node, exp.Literal) and node.is_int:
        place = int(node.name) - 1
        if 0 <= place < len(select.expressions):
            chosen: exp.Expr = select.expressions[place].unalias()
            return chosen
    return node


def is_word_all(node: exp.Expr) -> bool:
    """Say whether an expression is the word ``all``, as in ``group by all``."""
    return isinstance(node, exp.Column) and not node.table and node.name.lower() == "all"


def own_nodes(*roots: object) -> Iterator[exp.Expr]:
    """Give the nodes of expressions, those of queries inside of them left out."""
    todo = [each for root in roots for each in (root if isinstance(root, list) else [root])]
    while todo:
        node = todo.pop()
        if not isinstance(node, exp.Expr):
            continue
        yield node
        if not isinstance(node, exp.Query):
            todo.extend(node.iter_expressions())


def _clauses(select: exp.Expr) -> list[object]:
    if not isinstance(select, exp.Select):
        return [select]
    keys = ("where", "group", "having", "qualify", "order", "distinct")
    return [*select.expressions, *(select.args.get(key) for key in keys)]


def nested_queries(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Give the queries inside of a SELECT's expressions, but not those that it reads from."""
    for node in own_nodes(*_clauses(tree)):
        if isinstance(node, exp.Query):
            yield node


def windows(select: exp.Select) -> Iterator[exp.Window]:
    """Give the windows of a SELECT's own expressions."""
    for node in own_nodes(*_clauses(select)):
        if isinstance(node, exp.Window):
            yield node


def aggregates(tree: exp.Expr) -> bool:
    """Say whether an expression, or a SELECT's outputs and conditions, aggregate."""
    for node in own_nodes(*_clauses(tree)):
        name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
        if (isinstance(node, exp.AggFunc) or name in AGGREGATES) and not _is_windowed(node):
            return True
    return False


def _is_windowed(node: exp.Expr) -> bool:
    """Say whether an aggregate is what a window computes."""
    inner, outer = node, node.parent
    while isinstance(outer, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
        inner, outer = outer, outer.parent
    return isinstance(outer, exp.Window) and outer.this is inner
