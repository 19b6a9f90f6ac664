"""Reads a FROM clause: tables, CTEs, subqueries, joins, laterals, table functions.

Apart from expressions because a source makes names, and an expression only uses them.
"""

from dataclasses import replace
from typing import TypeGuard

from sqlglot import exp

from headwater.base.relations import TableName
from headwater.sql.expressions import Reader, read_expression
from headwater.sql.flow import (
    JOIN,
    READ,
    TRANSFORMATION,
    FlowColumn,
    Relation,
    Uses,
    digest,
    merge_uses,
)
from headwater.sql.functions import may_hide_tables
from headwater.sql.pivots import pivot_relation
from headwater.sql.scope import Scope, Source, Tracer


def read_from(tracer: Tracer, scope: Scope, node: exp.Expr) -> str:
    """Add every source of a SELECT to its scope and return the text of what joins them."""
    texts: list[str] = []
    start = node.args.get("from_")
    if start is not None:
        texts.append(_add(tracer, scope, start.this))
    texts += [_add(tracer, scope, lateral) for lateral in node.args.get("laterals") or ()]
    texts += [_add_join(tracer, scope, join) for join in node.args.get("joins") or ()]
    return ";".join(texts)


def base_relation(tracer: Tracer, parts: tuple[str, ...], written: tuple[str, ...]) -> Relation:
    """Return the relation of a table outside the query, its columns from the schemas if known."""
    known = tracer.schemas.get(parts)
    if known is None:
        table = tracer.named(written)
        number = tracer.number_of(table)
        text = _table_text(table)
        return Relation(
            columns=[],
            text=text,
            rows={},
            tables=frozenset({number}),
            open_table=number,
            open_text=text,
        )
    table, columns = known
    number = tracer.number_of(table)
    text = _table_text(table)
    return Relation(
        columns=[
            FlowColumn(
                name=column.name,
                text=f"{text}.{column.name.lower()}",
                uses={(number, column.name): READ},
                type=column.type,
            )
            for column in columns
        ],
        text=text,
        rows={},
        tables=frozenset({number}),
    )


def rename_columns(relation: Relation, names: list[str]) -> Relation:
    """Give a relation's first columns other names, as ``AS t(a, b)`` does."""
    if not names:
        return relation
    columns = [
        replace(column, name=names[i]) if i < len(names) else column
        for i, column in enumerate(relation.columns)
    ]
    columns += [
        FlowColumn(name=name, text=f"{relation.text}.{name.lower()}", uses={})
        for name in names[len(columns) :]
    ]
    return replace(relation, columns=columns)


def _with_own_names(relation: Relation) -> Relation:
    """Number repeated names as DuckDB does for a subquery: ``a``, ``a_1``."""
    met: dict[str, int] = {}
    columns: list[FlowColumn] = []
    for column in relation.columns:
        times = met.get(column.name.lower(), 0)
        met[column.name.lower()] = times + 1
        columns.append(replace(column, name=f"{column.name}_{times}") if times else column)
    return relation if len(met) == len(columns) else replace(relation, columns=columns)


def _table_text(table: TableName) -> str:
    return f"{table.catalog}.{table.schema}.{table.name}".lower()


def _alias_of(node: exp.Expr) -> tuple[str, list[str]]:
    alias = node.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        return (alias.name.lower() if isinstance(alias, exp.Identifier) else ""), []
    name = alias.this.name.lower() if alias.this is not None else ""
    return name, [column.name for column in alias.args.get("columns") or ()]


def _attach(scope: Scope, name: tuple[str, ...], relation: Relation) -> str:
    relation = _with_own_names(relation)
    source = Source(name=name, relation=relation)
    tables = relation.tables
    earlier = sum(1 for other in scope.sources if not tables.isdisjoint(other.relation.tables))
    source.mark = f"@{earlier}" if earlier else ""
    scope.sources.append(source)
    merge_uses(scope.rows, relation.rows)
    return relation.text + source.mark


def _add(tracer: Tracer, scope: Scope, node: exp.Expr) -> str:
    """Add one item of FROM; returns the text of its rows."""
    alias, names = _alias_of(node)
    if not alias and _is_bracketed(node):
        return _add_bracketed(tracer, scope, node)
    relation, called = _relation_of(tracer, scope, node)
    relation = rename_columns(relation, names)
    for pivot in node.args.get("pivots") or ():
        relation = pivot_relation(tracer, scope, relation, pivot)
        alias_node = pivot.args.get("alias")
        if alias_node is not None:
            alias, names = _alias_of(pivot)
            relation = rename_columns(relation, names)
    sample = node.args.get("sample")
    text = _attach(scope, (alias,) if alias else called, relation)
    if sample is not None:
        text += read_expression(tracer, scope, sample, JOIN).text
    return text


def _is_bracketed(node: exp.Expr) -> TypeGuard[exp.Subquery]:
    """Say whether brackets hold tables and joins, not a query: ``((t join u ...) join v ...)``."""
    while isinstance(node, exp.Subquery):
        node = node.this
        if isinstance(node, exp.Table):
            return True
        if node.args.get("alias") is not None:
            return False
    return False


def _add_bracketed(tracer: Tracer, scope: Scope, node: exp.Subquery) -> str:
    """``(u join v on ...)``: brackets without a name hide nothing."""
    inner = node.this
    texts = [_add(tracer, scope, inner)]
    if isinstance(inner, exp.Table):
        texts += [_add_join(tracer, scope, join) for join in inner.args.get("joins") or ()]
    texts += [_add_join(tracer, scope, join) for join in node.args.get("joins") or ()]
    return f"({';'.join(texts)})" if len(texts) > 1 else texts[0]


def _relation_of(tracer: Tracer, scope: Scope, node: exp.Expr) -> tuple[Relation, tuple[str, ...]]:
    match node:
        case exp.Table():
            return _table_relation(tracer, scope, node)
        case exp.Subquery() if _is_bracketed(node):
            return _bracketed_relation(tracer, scope, node), ()
        case exp.Lateral():
            inner = node.this
            if isinstance(inner, exp.Subquery):
                return tracer.trace_query(tracer, inner, scope, scope.ctes), ()
            return _relation_of(tracer, scope, inner)
        case exp.Unnest():
            return _unnest_relation(tracer, scope, node), ("unnest",)
        case exp.Subquery() | exp.Query() | exp.Values() | exp.Pivot():
            return tracer.trace_query(tracer, node, scope, scope.ctes), ()
        case _:
            return _function_relation(tracer, scope, node), (node.key,)


def _bracketed_relation(tracer: Tracer, scope: Scope, node: exp.Subquery) -> Relation:
    inner = Scope(parent=scope.parent, ctes=scope.ctes)
    text = _add_bracketed(tracer, inner, node)
    return joined_relation(inner, text)


def joined_relation(scope: Scope, text: str) -> Relation:
    """Return all that a scope's sources give together, as ``*`` would."""
    columns = [
        replace(column, text=column.text + source.mark) for source, column in scope.visible()
    ]
    is_one = len(scope.sources) == 1
    relation = Relation(
        columns=columns,
        text=text if is_one else digest(text),
        rows=scope.rows,
        tables=scope.tables(),
        order=inherited_order(scope),
        order_text=inherited_order_text(scope),
    )
    pass_through(relation, scope.sources)
    return relation


def inherited_order(scope: Scope) -> Uses:
    """Return what decides the order of a scope's sources, which its rows keep."""
    order: Uses = {}
    for source in scope.sources:
        merge_uses(order, source.relation.order)
    return order


def inherited_order_text(scope: Scope) -> str:
    """Return the text of what decides the order of a scope's sources."""
    return ";".join(filter(None, (source.relation.order_text for source in scope.sources)))


def pass_through(relation: Relation, sources: list[Source]) -> None:
    """Let the unknown columns of one source show through ``*``; of several, none can be told."""
    unknown = [source for source in sources if source.is_open and not source.is_filter]
    if len(unknown) == 1 and unknown[0].relation.open_table is not None:
        relation.open_table = unknown[0].relation.open_table
        relation.open_text = unknown[0].relation.open_text + unknown[0].mark
        relation.is_opaque = unknown[0].relation.is_opaque
    elif unknown:
        relation.is_opaque = True


def _table_relation(
    tracer: Tracer, scope: Scope, node: exp.Table
) -> tuple[Relation, tuple[str, ...]]:
    if not isinstance(node.this, exp.Identifier):
        relation = _function_relation(tracer, scope, node.this)
        return relation, (relation.columns[0].name if relation.columns else node.this.key,)
    identifiers = [node.args.get(key) for key in ("catalog", "db", "this")]
    written = tuple(part.name for part in identifiers if part is not None)
    parts = tuple(part.lower() for part in written)
    if len(parts) == 1 and parts[0] in scope.ctes:
        return scope.ctes[parts[0]], parts
    relation = base_relation(tracer, parts, written)
    known = tracer.schemas.get(parts)
    if known is not None:
        table = known[0]
        parts = (table.catalog.lower(), table.schema.lower(), table.name.lower())
    when = node.args.get("when")
    if when is not None:
        relation.text += f"at({read_expression(tracer, scope, when, JOIN).text})"
    return relation, parts


def _unnest_relation(tracer: Tracer, scope: Scope, node: exp.Unnest) -> Relation:
    alias, names = _alias_of(node)
    columns: list[FlowColumn] = []
    rows: Uses = {}
    for i, expression in enumerate(node.expressions):
        reader = read_expression(tracer, scope, expression, TRANSFORMATION)
        merge_uses(rows, reader.uses, JOIN)
        name = alias if alias and not names and len(node.expressions) == 1 else "unnest"
        name = names[i] if i < len(names) else name
        columns.append(FlowColumn(name=name, text=f"unnest({reader.text})", uses=reader.uses))
    offset = node.args.get("offset")
    if offset:
        name = offset.name if isinstance(offset, exp.Identifier) else "ordinality"
        columns.append(FlowColumn(name=name, text="ordinality", uses={}, type="BIGINT"))
    text = ",".join(column.text for column in columns)
    return Relation(columns=columns, text=f"unnest({text})", rows=rows)


def _function_relation(tracer: Tracer, scope: Scope, node: exp.Expr) -> Relation:
    reader = Reader(tracer=tracer, scope=scope)
    reader.read(node, TRANSFORMATION)
    rows: Uses = {}
    merge_uses(rows, reader.uses, JOIN)
    text = reader.text
    if isinstance(node, exp.Anonymous) and may_hide_tables(str(node.this).lower()):
        tracer.miss(f"what the function `{str(node.this).lower()}` reads cannot be told")
    if isinstance(node, exp.GenerateSeries):
        name = "range" if node.args.get("is_end_exclusive") else "generate_series"
        column = FlowColumn(name=name, text=f"{text}.value", uses=reader.uses)
        return Relation(columns=[column], text=text, rows=rows)
    return Relation(columns=[], text=text, rows=rows, is_opaque=True)


def _add_join(tracer: Tracer, scope: Scope, join: exp.Expr) -> str:
    count = len(scope.sources)
    text = _add(tracer, scope, join.this)
    words = [str(join.args.get(key) or "").lower() for key in ("method", "side", "kind")]
    kind = " ".join(word for word in words if word not in {"", "inner", "outer"})
    new = scope.sources[count:]
    condition = join.args.get("on")
    said = ""
    if condition is not None:
        reader = read_expression(tracer, scope, condition, JOIN)
        merge_uses(scope.rows, reader.uses, JOIN)
        said = reader.text
    if "positional" in kind:
        merge_uses(scope.rows, inherited_order(scope))
        said += inherited_order_text(scope)
    names = [name.name.lower() for name in join.args.get("using") or ()]
    if "natural" in kind:
        names = _common_names(tracer, scope, count)
    for name in names:
        said += f",{_merge_column(tracer, scope, count, name, kind)}"
    if "semi" in kind or "anti" in kind:
        for source in new:
            source.is_filter = True
    return f"{kind} join {text} on {said}"


def _common_names(tracer: Tracer, scope: Scope, count: int) -> list[str]:
    left, right = scope.sources[:count], scope.sources[count:]
    if any(source.is_open for source in scope.sources):
        tracer.miss("a natural join reads a table whose columns are not known")
    have = {name for source in left for name in source.index}
    return [name for source in right for name in source.index if name in have]


def _merge_column(tracer: Tracer, scope: Scope, count: int, name: str, kind: str) -> str:
    """Make one column of the two that USING compares; returns the comparison's text."""
    earlier = scope.merged.get(name) or _first_with(scope.sources[:count], name)
    later = _first_with(scope.sources[count:], name)
    if earlier is None or later is None:
        tracer.miss(f"column `{name}` of a using clause is not in both sides")
        return name
    merge_uses(scope.rows, earlier.uses, JOIN)
    merge_uses(scope.rows, later.uses, JOIN)
    for source in scope.sources[count:]:
        source.joined_columns.add(name)
    if "semi" not in kind and "anti" not in kind:
        scope.merged[name] = _merged(earlier, later, kind)
    sides = sorted((earlier.text, later.text))
    return f"eq({sides[0]},{sides[1]})"


def _merged(earlier: FlowColumn, later: FlowColumn, kind: str) -> FlowColumn:
    if "right" in kind:
        return later
    if "full" not in kind:
        return earlier
    uses: Uses = {}
    merge_uses(uses, earlier.uses, TRANSFORMATION)
    merge_uses(uses, later.uses, TRANSFORMATION)
    text = f"coalesce({earlier.text},{later.text})"
    return FlowColumn(name=earlier.name, text=text, uses=uses, type=earlier.type)


def _first_with(sources: list[Source], name: str) -> FlowColumn | None:
    found = next((source for source in sources if name in source.index), None)
    if found is None:
        found = next((source for source in sources if source.is_open), None)
    column = found.find(name) if found is not None else None
    if column is None or found is None or not found.mark:
        return column
    return replace(column, text=column.text + found.mark)
