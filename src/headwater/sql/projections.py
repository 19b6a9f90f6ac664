"""The select list: stars, COLUMNS(...), struct.*, and plain expressions become output columns."""

from dataclasses import dataclass

from sqlglot import exp

from headwater.sql.expressions import (
    Reader,
    chosen_columns,
    column_at_or_none,
    column_parts,
    has_aggregate,
)
from headwater.sql.flow import IDENTITY, TRANSFORMATION, FlowColumn, settle
from headwater.sql.infer import infer_type
from headwater.sql.name_tests import starred_test_or_none
from headwater.sql.scope import Found, Scope, Source, Tracer, find_column
from headwater.sql.types import struct_fields


@dataclass(slots=True, kw_only=True)
class Projection:
    """One output column of a SELECT.

    Attributes:
        column: The column.
        is_aggregate: It aggregates over rows.
        unnests: It gives several rows for one.
    """

    column: FlowColumn
    is_aggregate: bool
    unnests: bool = False


def project(tracer: Tracer, scope: Scope, node: exp.Select) -> list[Projection]:
    """Return the output columns of a SELECT, in order; ``FROM t`` alone gives them all."""
    expressions = node.expressions or [exp.Star()]
    return [
        projection
        for expression in expressions
        for projection in _expand(tracer, scope, expression)
    ]


def _expand(tracer: Tracer, scope: Scope, node: exp.Expr) -> list[Projection]:
    starred = starred_test_or_none(node)
    if starred is not None:
        star, is_kept = starred
        return [each for each in _expand(tracer, scope, star.copy()) if is_kept(each.column.name)]
    if isinstance(node, exp.Star):
        return _expand_star(tracer, scope, node, None)
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return _expand_qualified(tracer, scope, node)
    inner = node.this if isinstance(node, exp.Alias) else node
    if isinstance(inner, exp.Explode) and not inner.expressions:  # else it goes deeper
        expanded = _expand_struct(tracer, scope, inner.this)
        if expanded:
            return expanded
    choice = _columns_of(node)
    if choice is not None:
        return _expand_columns(tracer, scope, node, choice)
    return [_single(tracer, scope, node, _name_of(scope, node))]


def _name_of(scope: Scope, node: exp.Expr) -> str:
    """A column keeps its table's spelling, whatever case the query uses."""
    if isinstance(node, exp.Column):
        found = find_column(scope, column_parts(node))
        if isinstance(found, Found) and not found.path:
            return found.column.name
    if isinstance(node, exp.PositionalColumn):
        column = column_at_or_none(scope, node)
        return output_name(node) if column is None else column.column.name
    return output_name(node)


def _single(
    tracer: Tracer, scope: Scope, node: exp.Expr, name: str, choice: Found | None = None
) -> Projection:
    reader = Reader(tracer=tracer, scope=scope, choice=choice)
    hidden = name.lower() if isinstance(node, exp.Alias) else ""
    if hidden and hidden not in scope.resolving:
        scope.resolving.add(hidden)
    else:
        hidden = ""
    reader.read(node, IDENTITY)
    scope.resolving.discard(hidden)
    text = reader.text
    column = FlowColumn(
        name=name,
        text=settle(text),
        uses=reader.uses,
        type=infer_type(node, lambda part: _type_of(scope, part)),
        fields=_packed_fields(tracer, scope, node),
    )
    return Projection(column=column, is_aggregate=has_aggregate(node), unnests=reader.unnests)


def _type_of(scope: Scope, node: exp.Column) -> str:
    parts = column_parts(node)
    found = find_column(scope, parts)
    if isinstance(found, Found):
        return found.column.type if not found.path else _field_type(found)
    alias = scope.aliases.get(parts[0])
    if alias is None or len(parts) > 1 or parts[0] in scope.resolving:
        return ""
    scope.resolving.add(parts[0])
    try:
        return infer_type(alias, lambda part: _type_of(scope, part))
    finally:
        scope.resolving.discard(parts[0])


def _field_type(found: Found) -> str:
    kind = found.column.type
    for name in found.path:
        kind = next((t for field, t in struct_fields(kind) if field.lower() == name), "")
    return kind


def _packed_fields(tracer: Tracer, scope: Scope, node: exp.Expr) -> dict[str, FlowColumn]:
    inner = node.unalias()
    if isinstance(inner, exp.Column) and not isinstance(inner.this, exp.Star):
        found = find_column(scope, column_parts(inner))
        if isinstance(found, Found) and not found.path:
            return dict(found.column.fields)
        return {}
    if not isinstance(inner, exp.Struct):
        return {}
    return {
        entry.this.name.lower(): _single(
            tracer, scope, entry.args["expression"], entry.this.name
        ).column
        for entry in inner.expressions
        if isinstance(entry, exp.PropertyEQ)
    }


def output_name(node: exp.Expr) -> str:
    """Return the name that DuckDB gives a column; of an expression without alias, nearly."""
    if isinstance(node, exp.Alias):
        return node.alias
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, (exp.Column, exp.Dot)):
        return node.name or node.output_name
    if isinstance(node, exp.Count) and isinstance(node.this, (exp.Star, type(None))):
        return "count_star()"
    text = node.sql("duckdb")
    return text.lower() if isinstance(node, exp.Func) and not isinstance(node, exp.Cast) else text


def _expand_star(
    tracer: Tracer, scope: Scope, star: exp.Star, only: Source | None
) -> list[Projection]:
    excluded = {item.name.lower() for item in star.args.get("except_") or ()}
    replaced = {item.alias.lower(): item for item in star.args.get("replace") or ()}
    renamed = {item.this.name.lower(): item.alias for item in star.args.get("rename") or ()}
    columns = scope.visible() if only is None else _all_of(only)
    projections: list[Projection] = []
    for source, column in columns:
        name = column.name.lower()
        if name in excluded:
            continue
        if name in replaced:
            replacement = replaced[name]
            projections.append(_single(tracer, scope, replacement, column.name))
            continue
        projections.append(_copied(source, column, renamed.get(name, column.name), scope))
    return projections


def _all_of(source: Source) -> list[tuple[Source, FlowColumn]]:
    return [(source, column) for column in source.relation.columns]


def _copied(source: Source, column: FlowColumn, name: str, scope: Scope) -> Projection:
    is_merged = scope.merged.get(column.name.lower()) is column
    return Projection(
        column=FlowColumn(
            name=name,
            text=column.text if is_merged else column.text + source.mark,
            uses=column.uses,
            type=column.type,
            fields=column.fields,
        ),
        is_aggregate=False,
    )


def _expand_qualified(tracer: Tracer, scope: Scope, node: exp.Column) -> list[Projection]:
    parts = column_parts(node)[:-1]
    star = node.this
    level: Scope | None = scope
    while level is not None:
        for source in level.sources:
            if source.is_called(parts):
                return _expand_star(tracer, scope, star, source)
        level = level.parent
    holder = exp.column(*reversed(parts))
    expanded = _expand_struct(tracer, scope, holder)
    if not expanded:
        tracer.miss(f"the fields of `{'.'.join(parts)}.*` are not known")
    return expanded


def _expand_struct(tracer: Tracer, scope: Scope, node: exp.Expr) -> list[Projection]:
    """Return a projection for each field of a struct; none when it is not known to be one."""
    packed = _packed_fields(tracer, scope, node)
    if packed:
        return [Projection(column=column, is_aggregate=False) for column in packed.values()]
    kind = infer_type(node, lambda part: _type_of(scope, part))
    projections: list[Projection] = []
    for name, field_type in struct_fields(kind):
        reader = Reader(tracer=tracer, scope=scope)
        reader.read(node, TRANSFORMATION)
        column = FlowColumn(
            name=name, text=f"{reader.text}.{name.lower()}", uses=reader.uses, type=field_type
        )
        projections.append(Projection(column=column, is_aggregate=False))
    return projections


def _columns_of(node: exp.Expr) -> exp.Columns | None:
    found = node.find(exp.Columns)
    return None if found is None or found.args.get("unpack") else found


def _expand_columns(
    tracer: Tracer, scope: Scope, node: exp.Expr, choice: exp.Columns
) -> list[Projection]:
    projections: list[Projection] = []
    for found in chosen_columns(tracer, scope, choice):
        column = found.column
        name = node.alias if isinstance(node, exp.Alias) else column.name
        projections.append(_single(tracer, scope, node, name.replace("\\0", column.name), found))
    return projections
