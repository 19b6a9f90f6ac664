"""Traces queries: SELECT, set operations, VALUES, CTEs, recursion; each becomes a Relation."""

from collections.abc import Mapping

from sqlglot import exp

from headwater.sql.expressions import read_expression
from headwater.sql.flow import (
    FILTER,
    GROUP_BY,
    JOIN,
    SORT,
    TRANSFORMATION,
    FlowColumn,
    Relation,
    Uses,
    digest,
    merge_uses,
    settle,
)
from headwater.sql.infer import unify_types
from headwater.sql.pivots import pivot_relation
from headwater.sql.projections import Projection, project
from headwater.sql.scope import Scope, Source, Tracer
from headwater.sql.select_parts import terms_of
from headwater.sql.sources import (
    inherited_order,
    inherited_order_text,
    joined_relation,
    pass_through,
    read_from,
    rename_columns,
)

RECURSION_ROUNDS_MAX = 12
"""Rounds after which the inputs of a recursive CTE are taken as they are."""

Ctes = Mapping[str, Relation]


def trace_query(tracer: Tracer, node: exp.Expr, parent: Scope | None, ctes: Ctes) -> Relation:
    """Trace a query and return its rows.

    Args:
        tracer: What the whole trace shares.
        node: The query.
        parent: The scope around it, for correlated names.
        ctes: CTEs in force around it.
    """
    while isinstance(node, exp.Subquery) and _is_bare(node):
        node = node.this
    ctes = _with_ctes(tracer, node, parent, ctes)
    match node:
        case exp.Select():
            return _trace_select(tracer, node, parent, ctes)
        case exp.SetOperation():
            return _trace_set_operation(tracer, node, parent, ctes)
        case exp.Subquery():
            relation = trace_query(tracer, node.this, parent, ctes)
            return _limited(tracer, node, relation, parent, ctes)
        case exp.Values():
            return _trace_values(tracer, node, parent, ctes)
        case exp.Pivot():
            scope = Scope(parent=parent, ctes=ctes)
            text = read_from(tracer, scope, exp.Select(from_=exp.From(this=node.this)))
            return pivot_relation(tracer, scope, joined_relation(scope, text), node)
        case exp.Table():
            scope = Scope(parent=parent, ctes=ctes)
            text = read_from(tracer, scope, exp.Select(from_=exp.From(this=node)))
            return joined_relation(scope, text)
        case _:
            tracer.miss(f"`{node.key}` is not a query that can be traced")
            return Relation(columns=[], text=digest(repr(node)), rows={}, is_opaque=True)


def _is_bare(node: exp.Subquery) -> bool:
    return not any(value for key, value in node.args.items() if key not in {"this", "alias"})


def _with_ctes(tracer: Tracer, node: exp.Expr, parent: Scope | None, ctes: Ctes) -> Ctes:
    clause = node.args.get("with_")
    if clause is None:
        return ctes
    known = dict(ctes)
    for cte in clause.expressions:
        name = cte.alias.lower()
        names = [column.name for column in cte.args["alias"].args.get("columns") or ()]
        if clause.args.get("recursive") and _reads_itself(cte.this, name):
            known[name] = _trace_recursive(tracer, cte, names, (parent, known))
        else:
            relation = trace_query(tracer, cte.this, parent, known)
            known[name] = rename_columns(relation, names)
    return known


def _reads_itself(node: exp.Expr, name: str) -> bool:
    return any(
        table.name.lower() == name and not table.args.get("db")
        for table in node.find_all(exp.Table)
    )


def _trace_recursive(
    tracer: Tracer,
    cte: exp.Expr,
    names: list[str],
    around: tuple[Scope | None, dict[str, Relation]],
) -> Relation:
    parent, ctes = around
    name, body = cte.alias.lower(), cte.this
    if not isinstance(body, exp.SetOperation):
        tracer.miss(f"recursive CTE `{name}` is not a union")
        return Relation(columns=[], text=digest(repr(body)), rows={}, is_opaque=True)
    inner = _with_ctes(tracer, body, parent, ctes)
    anchor = rename_columns(trace_query(tracer, body.this, parent, inner), names)
    tracer.recursions += 1
    self_text = f"recursion{tracer.recursions}"
    uses: list[Uses] = [dict(column.uses) for column in anchor.columns]
    rows: Uses = dict(anchor.rows)
    step = anchor
    for _ in range(RECURSION_ROUNDS_MAX):
        known = _itself(anchor, self_text, uses, rows)
        step = trace_query(tracer, body.expression, parent, {**inner, name: known})
        before = ([dict(use) for use in uses], dict(rows))
        for own, column in zip(uses, step.columns, strict=False):
            merge_uses(own, column.uses)
        merge_uses(rows, step.rows)
        if before == (uses, rows):
            break
    tracer.recursions -= 1
    if body.args.get("distinct"):
        for own in uses:
            merge_uses(rows, own, GROUP_BY)
    text = digest(f"recursive({anchor.text};{step.text};{bool(body.args.get('distinct'))})")
    columns = [
        FlowColumn(
            name=column.name,
            text=digest(f"recursive({column.text};{step.columns[i].text})")
            if i < len(step.columns)
            else column.text,
            uses=uses[i],
            type=column.type,
        )
        for i, column in enumerate(anchor.columns)
    ]
    return Relation(
        columns=columns,
        text=text,
        rows=rows,
        tables=anchor.tables | step.tables,
        is_opaque=anchor.is_opaque or anchor.open_table is not None,
    )


def _itself(anchor: Relation, text: str, uses: list[Uses], rows: Uses) -> Relation:
    columns = [
        FlowColumn(name=column.name, text=f"{text}.{i}", uses=dict(uses[i]), type=column.type)
        for i, column in enumerate(anchor.columns)
    ]
    return Relation(columns=columns, text=text, rows=dict(rows), tables=anchor.tables)


def _trace_values(tracer: Tracer, node: exp.Values, parent: Scope | None, ctes: Ctes) -> Relation:
    scope = Scope(parent=parent, ctes=ctes)
    columns: list[FlowColumn] = []
    texts: list[str] = []
    for row in node.expressions:
        cells = row.expressions if isinstance(row, exp.Tuple) else [row]
        for i, cell in enumerate(cells):
            reader = read_expression(tracer, scope, cell, TRANSFORMATION)
            texts.append(reader.text)
            if i == len(columns):
                columns.append(FlowColumn(name=f"col{i}", text="", uses={}))
            merged = dict(columns[i].uses)
            merge_uses(merged, reader.uses)
            columns[i].uses = merged
            columns[i].text += f",{reader.text}"
        texts.append(";")
    for column in columns:
        column.text = digest(f"values({column.text})")
    return Relation(columns=columns, text=digest(f"values({','.join(texts)})"), rows={})


def _trace_set_operation(
    tracer: Tracer, node: exp.SetOperation, parent: Scope | None, ctes: Ctes
) -> Relation:
    chain: list[exp.SetOperation] = [node]
    first = node.this
    while isinstance(first, exp.SetOperation) and not _has_modifiers(first):
        chain.append(first)
        first = first.this
    relation = trace_query(tracer, first, parent, ctes)
    for link in reversed(chain):
        right = trace_query(tracer, link.expression, parent, ctes)
        relation = _combine(tracer, link, relation, right)
    return _limited(tracer, node, relation, parent, ctes)


def _has_modifiers(node: exp.Expr) -> bool:
    return any(node.args.get(key) for key in ("with_", "order", "limit", "offset"))


def _combine(tracer: Tracer, node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    is_union = isinstance(node, exp.Union)
    pairs = _pairs(tracer, node, left, right)
    rows: Uses = {}
    merge_uses(rows, left.rows)
    merge_uses(rows, right.rows)
    distinct = bool(node.args.get("distinct"))
    flipped = is_union and right.text < left.text
    columns = [
        _combined(first, second, is_union=is_union, flipped=flipped) for first, second in pairs
    ]
    for first, second in pairs:
        for column in (first, second):
            if column is not None and (distinct or not is_union):
                merge_uses(rows, column.uses, GROUP_BY if is_union else FILTER)
    texts = [right.text, left.text] if flipped else [left.text, right.text]
    layout = ",".join(column.text for column in columns) if distinct or not is_union else ""
    return Relation(
        columns=columns,
        text=digest(f"{node.key}({';'.join(texts)};{distinct};{layout})"),
        rows=rows,
        tables=left.tables | right.tables,
        is_opaque=left.is_opaque or right.is_opaque,
    )


Pair = tuple[FlowColumn | None, FlowColumn | None]


def _pairs(tracer: Tracer, node: exp.Expr, left: Relation, right: Relation) -> list[Pair]:
    by_name = bool(node.args.get("by_name"))
    if any(side.open_table is not None or side.is_opaque for side in (left, right)):
        tracer.miss("a set operation over a relation whose columns are not known")
    elif not by_name and len(left.columns) != len(right.columns):
        sizes = f"{len(left.columns)} and {len(right.columns)}"
        tracer.miss(f"a set operation over relations of {sizes} columns")
    if not by_name:
        return list(zip(left.columns, right.columns, strict=False))
    later = {column.name.lower(): column for column in right.columns}
    pairs: list[Pair] = [(column, later.pop(column.name.lower(), None)) for column in left.columns]
    return pairs + [(None, column) for column in later.values()]


def _combined(
    first: FlowColumn | None, second: FlowColumn | None, *, is_union: bool, flipped: bool
) -> FlowColumn:
    present = [column for column in (first, second) if column is not None]
    uses: Uses = {}
    for column in present if is_union else present[:1]:
        merge_uses(uses, column.uses)
    texts = [column.text if column is not None else "null" for column in (first, second)]
    if flipped:
        texts.reverse()
    return FlowColumn(
        name=present[0].name,
        text=digest(f"either({';'.join(texts)})") if is_union else present[0].text,
        uses=uses,
        type=unify_types([column.type for column in present]),
    )


def _limited(
    tracer: Tracer, node: exp.Expr, relation: Relation, parent: Scope | None, ctes: Ctes
) -> Relation:
    """Apply ORDER BY, LIMIT and OFFSET that stand after a set operation or a bracket."""
    scope = Scope(parent=parent, ctes=ctes, sources=[Source(name=(), relation=relation)])
    merge_uses(scope.rows, relation.rows)
    projections = [Projection(column=column, is_aggregate=False) for column in relation.columns]
    texts = _read_limits(tracer, scope, node, projections)
    relation.rows, relation.order, relation.order_text = scope.rows, scope.order, scope.order_text
    if texts:
        relation.text = digest(f"limited({relation.text};{';'.join(texts)})")
    return relation


def _trace_select(tracer: Tracer, node: exp.Select, parent: Scope | None, ctes: Ctes) -> Relation:
    scope = Scope(parent=parent, ctes=ctes)
    source_text = read_from(tracer, scope, node)
    for window in node.args.get("windows") or ():
        scope.windows[window.name.lower()] = window
    for expression in node.expressions:
        if isinstance(expression, exp.Alias):
            scope.aliases.setdefault(expression.alias.lower(), expression.this)
    projections = project(tracer, scope, node)
    texts = _read_filters(tracer, scope, node)
    groups = _read_groups(tracer, scope, node, projections)
    groups += _read_distinct(tracer, scope, node, projections)
    texts += groups
    texts += _read_limits(tracer, scope, node, projections, is_grouped=bool(groups))
    for projection in projections:
        if projection.unnests:
            merge_uses(scope.rows, projection.column.uses, JOIN)
            texts.append(f"unnest {projection.column.text}")
    relation = Relation(
        columns=[projection.column for projection in projections],
        text=source_text,
        rows=scope.rows,
        tables=scope.tables(),
        order=scope.order,
        order_text=scope.order_text,
    )
    if any(_is_whole_star(expression) for expression in node.expressions):
        pass_through(relation, scope.sources)
    if texts or len(scope.sources) != 1:
        relation.text = digest(f"select({source_text};{';'.join(texts)})")
    return relation


def _is_whole_star(node: exp.Expr) -> bool:
    return node.is_star or any(
        isinstance(part, (exp.Columns, exp.Star)) and not isinstance(part.parent, exp.Count)
        for part in node.walk(prune=lambda part: isinstance(part, exp.Query))
    )


def _read_filters(tracer: Tracer, scope: Scope, node: exp.Select) -> list[str]:
    texts: list[str] = []
    for key in ("where", "having", "qualify", "sample"):
        clause = node.args.get(key)
        if clause is None:
            continue
        condition = clause.this if key != "sample" else clause
        for term in terms_of(condition):
            reader = read_expression(tracer, scope, term, FILTER)
            merge_uses(scope.rows, reader.uses, FILTER)
            texts.append(f"{key} {reader.text}")
    return sorted(texts)


def _read_groups(
    tracer: Tracer, scope: Scope, node: exp.Select, projections: list[Projection]
) -> list[str]:
    group = node.args.get("group")
    if group is None:
        aggregates = any(projection.is_aggregate for projection in projections)
        having = node.args.get("having")
        return ["aggregate"] if aggregates or having is not None else []
    if group.args.get("all"):
        return [f"group {','.join(_group_all(scope, projections))}"]
    keys = [_read_key(tracer, scope, key, projections, GROUP_BY) for key in group.expressions]
    return [f"group {','.join(sorted(keys))}"]


def _group_all(scope: Scope, projections: list[Projection]) -> list[str]:
    keys = [projection for projection in projections if not projection.is_aggregate]
    for projection in keys:
        merge_uses(scope.rows, projection.column.uses, GROUP_BY)
    return sorted(projection.column.text for projection in keys)


def _read_key(
    tracer: Tracer, scope: Scope, key: exp.Expr, projections: list[Projection], mode: int
) -> str:
    """Read a key of GROUP BY, DISTINCT ON or ORDER BY, which may be a position."""
    while isinstance(key, exp.Paren):
        key = key.this
    position = _position(key, len(projections))
    if position is not None:
        column = projections[position].column
        merge_uses(scope.rows, column.uses, mode)
        return column.text
    reader = read_expression(tracer, scope, key, mode)
    merge_uses(scope.rows, reader.uses, mode)
    return settle(reader.text)


def _position(key: exp.Expr, count: int) -> int | None:
    if isinstance(key, exp.Literal) and not key.args.get("is_string") and key.name.isdigit():
        position = int(key.name) - 1
        return position if 0 <= position < count else None
    return None


def _read_distinct(
    tracer: Tracer, scope: Scope, node: exp.Select, projections: list[Projection]
) -> list[str]:
    distinct = node.args.get("distinct")
    if distinct is None:
        return []
    on = distinct.args.get("on")
    if on is None:
        for projection in projections:
            merge_uses(scope.rows, projection.column.uses, GROUP_BY)
        return [f"distinct {','.join(sorted(p.column.text for p in projections))}"]
    keys = on.expressions if isinstance(on, exp.Tuple) else [on]
    texts = [_read_key(tracer, scope, key, projections, GROUP_BY) for key in keys]
    return [f"distinct on {','.join(sorted(texts))}"]


def _read_limits(
    tracer: Tracer,
    scope: Scope,
    node: exp.Expr,
    projections: list[Projection],
    *,
    is_grouped: bool = False,
) -> list[str]:
    """Read ORDER BY, LIMIT, OFFSET; without a limit the order decides no rows.

    A query without an order of its own has its rows in the order of what it reads.
    """
    limits = [node.args[key] for key in ("limit", "offset") if node.args.get(key) is not None]
    distinct = node.args.get("distinct")
    on = distinct is not None and isinstance(distinct, exp.Expr) and distinct.args.get("on")
    order = node.args.get("order")
    texts: list[str] = []
    if order is not None:
        rows, scope.rows = scope.rows, {}
        scope.alias_first = True
        texts = [_read_ordered(tracer, scope, key, projections) for key in order.expressions]
        scope.alias_first = False
        scope.order, scope.rows = scope.rows, rows
        scope.order_text = settle(";".join(texts))
    elif not is_grouped or on:
        scope.order, scope.order_text = inherited_order(scope), inherited_order_text(scope)
        texts = [scope.order_text] if scope.order_text else []
    if not limits and not on:
        return []
    merge_uses(scope.rows, scope.order)
    for limit in limits:
        reader = read_expression(tracer, scope, limit, FILTER)
        merge_uses(scope.rows, reader.uses, FILTER)
        texts.append(reader.text)
    return [f"limit {','.join(texts)}"]


def _read_ordered(
    tracer: Tracer, scope: Scope, key: exp.Expr, projections: list[Projection]
) -> str:
    inner = key.this if isinstance(key, exp.Ordered) else key
    way = f"{bool(key.args.get('desc'))},{bool(key.args.get('nulls_first'))}"
    if isinstance(inner, exp.Var) and inner.name.upper() == "ALL":
        for projection in projections:
            merge_uses(scope.rows, projection.column.uses, SORT)
        return f"all,{way}"
    return f"{_read_key(tracer, scope, inner, projections, SORT)},{way}"
