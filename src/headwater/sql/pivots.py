"""PIVOT and UNPIVOT, in DuckDB's short form and in the standard's.

They make columns out of values, so their names follow DuckDB's own naming (measured on 2.0).
"""

from itertools import product

from sqlglot import exp

from headwater.sql.expressions import (
    Reader,
    chosen_columns,
    column_parts,
    read_expression,
)
from headwater.sql.flow import (
    AGGREGATION,
    CONDITIONAL,
    FILTER,
    GROUP_BY,
    IDENTITY,
    TRANSFORMATION,
    FlowColumn,
    Relation,
    Uses,
    digest,
    merge_uses,
)
from headwater.sql.scope import Scope, Source, Tracer


def pivot_relation(tracer: Tracer, scope: Scope, base: Relation, node: exp.Expr) -> Relation:
    """Return what PIVOT or UNPIVOT makes of ``base``."""
    inner = Scope(parent=scope, ctes=scope.ctes, sources=[Source(name=(), relation=base)])
    merge_uses(inner.rows, base.rows)
    if node.args.get("unpivot"):
        return _unpivot(tracer, inner, base, node)
    return _pivot(tracer, inner, base, node)


def _pivot(tracer: Tracer, scope: Scope, base: Relation, node: exp.Expr) -> Relation:
    fields = node.args.get("fields") or node.expressions
    aggregates = node.args.get("using") or (node.expressions if node.args.get("fields") else [])
    keys = Reader(tracer=tracer, scope=scope)
    for item in fields:
        keys.read(item.this if isinstance(item, exp.In) else item, CONDITIONAL)
        keys.out.append(",")
    values = [_read_aggregate(tracer, scope, aggregate) for aggregate in aggregates]
    used = _names_in([*fields, *aggregates])
    groups = _groups(tracer, scope, base, node.args.get("group"), used)
    for column in groups:
        merge_uses(scope.rows, column.uses, GROUP_BY)
    names = _value_names(fields)
    listed = "" if names is None else "|".join(names)
    text = digest(
        f"pivot({base.text};{keys.text};{listed};{','.join(sorted(c.text for c in groups))})"
    )
    relation = Relation(columns=list(groups), text=text, rows=scope.rows, tables=base.tables)
    if base.open_table is not None and node.args.get("group") is None:
        tracer.miss("a pivot groups by the other columns of a table, which are not known")
        relation.open_table, relation.open_text = base.open_table, base.open_text
    elif node.args.get("group") is None:
        relation.is_opaque = base.is_opaque
    if names is None:
        tracer.miss("a pivot without a list of values: its columns depend on the data")
        relation.is_opaque = True
        # Whatever its columns are called, these are their inputs.
        merge_uses(relation.rows, keys.uses, GROUP_BY)
        return relation
    relation.columns += [
        _pivoted(name, suffix, keys, reader)
        for name in names
        for suffix, reader in _suffixed(tracer, scope, aggregates, values)
    ]
    return relation


def _read_aggregate(tracer: Tracer, scope: Scope, node: exp.Expr) -> Reader:
    return read_expression(tracer, scope, node, IDENTITY)


def _suffixed(
    tracer: Tracer, scope: Scope, aggregates: list[exp.Expr], values: list[Reader]
) -> list[tuple[str, Reader]]:
    if not aggregates:
        reader = Reader(tracer=tracer, scope=scope)
        reader.use_rows(AGGREGATION)
        reader.out.append("count(this=*)")
        return [("", reader)]
    if len(aggregates) == 1 and not isinstance(aggregates[0], exp.Alias):
        return [("", values[0])]
    return [
        (f"_{node.alias}" if node.alias else f"_{node.sql('duckdb').lower()}", reader)
        for node, reader in zip(aggregates, values, strict=True)
    ]


def _pivoted(name: str, suffix: str, keys: Reader, value: Reader) -> FlowColumn:
    uses: Uses = dict(value.uses)
    merge_uses(uses, keys.uses, CONDITIONAL)
    text = digest(f"pivoted({value.text};{keys.text};{name})")
    return FlowColumn(name=name + suffix, text=text, uses=uses)


def _value_names(fields: list[exp.Expr]) -> list[str] | None:
    lists: list[list[str]] = []
    for item in fields:
        if not isinstance(item, exp.In) or not item.expressions:
            return None
        lists.append([value.alias_or_name or value.sql("duckdb") for value in item.expressions])
    return ["_".join(parts) for parts in product(*lists)]


def _names_in(nodes: list[exp.Expr]) -> set[str]:
    return {column_parts(column)[-1] for node in nodes for column in node.find_all(exp.Column)}


def _groups(
    tracer: Tracer, scope: Scope, base: Relation, group: exp.Expr | None, used: set[str]
) -> list[FlowColumn]:
    if group is None:
        return [column for column in base.columns if column.name.lower() not in used]
    groups: list[FlowColumn] = []
    for node in group.expressions:
        reader = read_expression(tracer, scope, node, IDENTITY)
        groups.append(FlowColumn(name=node.alias_or_name, text=reader.text, uses=reader.uses))
    return groups


def _unpivot(tracer: Tracer, scope: Scope, base: Relation, node: exp.Expr) -> Relation:
    entries, name_column, value_columns = _unpivot_parts(node)
    groups = _unpivot_groups(tracer, scope, entries)
    taken = {part for parts in groups for part in parts}
    columns = [column for column in base.columns if column.name.lower() not in taken]
    columns.append(FlowColumn(name=name_column, text=f"names({groups})", uses={}, type="VARCHAR"))
    for i, value_column in enumerate(value_columns):
        uses: Uses = {}
        texts: list[str] = []
        for parts in groups:
            column = scope.sources[0].find(parts[i]) if i < len(parts) else None
            if column is not None:
                texts.append(column.text)
                merge_uses(uses, column.uses, TRANSFORMATION)
        if not node.args.get("include_nulls"):
            merge_uses(scope.rows, uses, FILTER)
        text = digest(f"unpivoted({','.join(texts)})")
        columns.append(FlowColumn(name=value_column, text=text, uses=uses))
    text = digest(f"unpivot({base.text};{groups};{bool(node.args.get('include_nulls'))})")
    return Relation(
        columns=columns,
        text=text,
        rows=scope.rows,
        tables=base.tables,
        open_table=base.open_table,
        open_text=base.open_text,
        is_opaque=base.is_opaque,
    )


def _unpivot_parts(node: exp.Expr) -> tuple[list[exp.Expr], str, list[str]]:
    fields = node.args.get("fields")
    if fields:
        values = [
            part.name
            for value in node.expressions
            for part in (value.expressions if isinstance(value, exp.Tuple) else [value])
        ]
        return fields[0].expressions, fields[0].this.name, values
    into = node.args.get("into")
    if into is None:
        return node.expressions, "name", ["value"]
    return node.expressions, into.this.name, [value.name for value in into.expressions]


def _unpivot_groups(tracer: Tracer, scope: Scope, entries: list[exp.Expr]) -> list[tuple[str, ...]]:
    groups: list[tuple[str, ...]] = []
    for entry in entries:
        node = entry.this if isinstance(entry, (exp.Alias, exp.PivotAlias)) else entry
        if isinstance(node, (exp.Columns, exp.Star)):
            choice = node if isinstance(node, exp.Columns) else exp.Columns(this=node.copy())
            chosen = chosen_columns(tracer, scope, choice)
            groups += [(found.column.name.lower(),) for found in chosen]
            if scope.sources[0].is_open:
                tracer.miss("an unpivot of a table whose columns are not known")
        elif isinstance(node, (exp.Tuple, exp.Paren)):
            parts = node.expressions if isinstance(node, exp.Tuple) else [node.this]
            groups.append(tuple(part.name.lower() for part in parts))
        else:
            groups.append((node.name.lower(),))
    return groups
