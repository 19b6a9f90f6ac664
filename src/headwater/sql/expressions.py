"""Reads one expression: its canonical text and the inputs that it uses, in one walk.

Text and uses come together because both need the same names resolved, and a model has a budget of
5 ms. Every handler appends to ``out`` and adds to ``uses``; ``mode`` says how a value met now is
used by what surrounds it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from sqlglot import exp

from headwater.sql.flow import (
    AGGREGATION,
    CONDITIONAL,
    DIRECT,
    IDENTITY,
    MASKED,
    ROWS,
    SORT,
    TRANSFORMATION,
    WINDOW,
    FlowColumn,
    Relation,
    Uses,
    merge_uses,
)
from headwater.sql.functions import AGGREGATES, MASKING, ORDERED
from headwater.sql.name_tests import column_test_or_none
from headwater.sql.scope import Found, Scope, Source, Tracer, find_column, find_local
from headwater.sql.select_parts import terms_of

_VALUE_WINDOWS = (exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead)
_PLACED = (*_VALUE_WINDOWS, exp.RowNumber)
_MASKING = frozenset(
    {exp.ApproxDistinct, exp.CountIf, exp.FarmFingerprint, exp.MD5, exp.MD5Digest}
    | {exp.MD5NumberLower64, exp.MD5NumberUpper64, exp.SHA, exp.SHA2}
)
_ORDERED = frozenset((exp.AnyValue, exp.ArrayAgg, exp.First, exp.GroupConcat, exp.Last))
_COMMUTATIVE = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)


@dataclass(slots=True, kw_only=True)
class Reader:
    """One expression being read.

    Attributes:
        tracer: What the whole trace shares.
        scope: Where its names mean something.
        out: Pieces of the canonical text.
        uses: Inputs met.
        parameters: Lambda parameters in force, by lower-case name, with their canonical name.
        choice: The column that ``COLUMNS(...)`` stands for in this copy of the expression.
        unnests: It gives several rows for one.
    """

    tracer: Tracer
    scope: Scope
    out: list[str] = field(default_factory=list)
    uses: Uses = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    choice: Found | None = None
    unnests: bool = False

    def read(self, node: exp.Expr, mode: int) -> None:
        """Read one node and everything below it."""
        kind = type(node)
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, node, mode)
        elif issubclass(kind, exp.Query):
            _read_subquery(self, node, mode)
        elif issubclass(kind, exp.Binary):
            _read_chain(self, node, mode)
        elif issubclass(kind, exp.AggFunc):
            self.read_parts(node, _aggregated(mode | MASKED if kind in _MASKING else mode))
            if kind in _ORDERED:
                self.use_order(node)
        else:
            self.read_parts(node, _changed(mode | MASKED if kind in _MASKING else mode))

    def read_parts(self, node: exp.Expr, mode: int) -> None:
        """Write the node's name, then read its arguments in a fixed order."""
        self.out.append(f"{node.key}(")
        for name in sorted(node.args):
            value = node.args[name]
            if value is None or value is False or value == []:
                continue
            self.out.append(f"{name}=")
            self.read_value(value, mode)
        self.out.append(")")

    def read_value(self, value: object, mode: int) -> None:
        """Read an argument: a node, a list of them, or a plain value."""
        if isinstance(value, exp.Expr):
            self.read(value, mode)
        elif isinstance(value, list):
            for item in value:
                self.read_value(item, mode)
                self.out.append(",")
        elif isinstance(value, Enum):
            self.out.append(f"{value.name};")
        else:
            self.out.append(f"{str(value).lower()};")

    def read_all(self, nodes: Iterable[exp.Expr], mode: int) -> None:
        """Read several nodes, in order."""
        for node in nodes:
            self.read(node, mode)
            self.out.append(",")

    def text_of(self, node: exp.Expr, mode: int) -> str:
        """Read a node into a text of its own."""
        outer, self.out = self.out, []
        self.read(node, mode)
        text = "".join(self.out)
        self.out = outer
        return text

    @property
    def text(self) -> str:
        """The canonical text so far."""
        return "".join(self.out)

    def use_rows(self, mode: int) -> None:
        """Note that the existence of rows is used, as ``count(*)`` does."""
        for table in self.scope.tables():
            key = (table, ROWS)
            self.uses[key] = self.uses.get(key, 0) | (mode & ~MASKED)

    def use_order(self, aggregate: exp.Expr) -> None:
        """Note that the order of the rows is used, as ``list(x)`` does without an order."""
        if isinstance(aggregate.args.get("this"), exp.Order):
            return
        for source in self.scope.sources:
            relation = source.relation
            if relation.order_text:
                merge_uses(self.uses, relation.order)
                self.out.append(f" ordered {relation.order_text}")

    @contextmanager
    def with_parameters(self, names: Iterable[str]) -> Iterator[None]:
        """Let lambda parameters hide columns for a while."""
        before = self.parameters
        level = len(before)
        new = {name.lower(): f"p{level + i}" for i, name in enumerate(names)}
        self.parameters = {**before, **new}
        try:
            yield
        finally:
            self.parameters = before


def read_expression(tracer: Tracer, scope: Scope, node: exp.Expr, mode: int) -> Reader:
    """Read one expression of a scope."""
    reader = Reader(tracer=tracer, scope=scope)
    reader.read(node, mode)
    return reader


def is_aggregate(node: exp.Expr) -> bool:
    """Say whether the node is a call of an aggregate function, not as a window."""
    above: exp.Expr | None = node.parent
    while isinstance(above, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        above = above.parent
    if isinstance(above, exp.Window) and above.this is not None and _is_below(node, above.this):
        return False
    if isinstance(node, exp.AggFunc):
        return not isinstance(node, _VALUE_WINDOWS)
    return isinstance(node, exp.Anonymous) and str(node.this).lower() in AGGREGATES


def _is_below(node: exp.Expr, top: exp.Expr) -> bool:
    while isinstance(top, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        top = top.this
    return node is top


def has_aggregate(node: exp.Expr) -> bool:
    """Say whether an expression aggregates, nested queries left out."""
    return any(
        is_aggregate(part)
        for part in node.walk(prune=lambda part: isinstance(part, exp.Query) and part is not node)
    )


def column_parts(column: exp.Column) -> tuple[str, ...]:
    """Return a column reference's parts, lower case, outermost first."""
    parts = (column.args.get(key) for key in ("catalog", "db", "table", "this"))
    return tuple(part.name.lower() for part in parts if part is not None)


def _changed(mode: int) -> int:
    return TRANSFORMATION | (mode & MASKED) if mode & IDENTITY else mode


def _aggregated(mode: int) -> int:
    return AGGREGATION | (mode & MASKED) if mode & DIRECT else mode


def _condition(mode: int) -> int:
    return CONDITIONAL if mode & DIRECT else mode


def _read_column(reader: Reader, node: exp.Expr, mode: int) -> None:
    assert isinstance(node, exp.Column)  # noqa: S101 - the dispatch table says so
    if isinstance(node.this, exp.Star):
        reader.use_rows(_changed(mode))
        reader.out.append("*")
        return
    parts = column_parts(node)
    parameter = reader.parameters.get(parts[0])
    if parameter is not None:
        reader.out.append(".".join((parameter, *parts[1:])))
        return
    if _read_name(reader, parts, mode):
        return
    written = ".".join(parts)
    reader.out.append(f"?{written}")
    if not _read_whole_row(reader, parts, mode):
        reader.tracer.miss(f"column `{written}` is in none of the relations read")


def _read_name(reader: Reader, parts: tuple[str, ...], mode: int) -> bool:
    scope = reader.scope
    if scope.alias_first and _read_alias(reader, parts, mode):
        return True
    found = find_local(scope, parts, known_only=len(parts) == 1)
    if found is None and _read_alias(reader, parts, mode):
        return True
    if found is None:
        found = find_column(scope, parts)
    if isinstance(found, str):
        reader.tracer.miss(found)
        reader.out.append(f"?{'.'.join(parts)}")
        return True
    if found is None:
        return False
    add_found(reader, found, mode)
    return True


def add_found(reader: Reader, found: Found, mode: int) -> None:
    """Use a resolved column."""
    column, path, text = found.column, found.path, found.text
    while path and path[0] in column.fields:
        column, path = column.fields[path[0]], path[1:]
        text = column.text
    reader.out.append(".".join((text, *path)))
    merge_uses(reader.uses, column.uses, _changed(mode) if path else mode)
    if column.is_guessed:
        reader.tracer.miss(f"column `{column.name}` is of a table that cannot be told")


def _read_alias(reader: Reader, parts: tuple[str, ...], mode: int) -> bool:
    scope, name = reader.scope, parts[0]
    expression = scope.aliases.get(name)
    if expression is None or name in scope.resolving:
        return False
    scope.resolving.add(name)
    first, scope.alias_first = scope.alias_first, False
    try:
        reader.read(expression, _changed(mode) if len(parts) > 1 else mode)
    finally:
        scope.resolving.discard(name)
        scope.alias_first = first
    reader.out.extend(f".{part}" for part in parts[1:])
    return True


def _read_whole_row(reader: Reader, parts: tuple[str, ...], mode: int) -> bool:
    level: Scope | None = reader.scope
    while level is not None:
        for source in level.sources:
            if source.is_called(parts):
                _read_row_of(reader, source, mode)
                return True
        level = level.parent
    return False


def _read_row_of(reader: Reader, source: Source, mode: int) -> None:
    for column in source.relation.columns:
        reader.out.append(f"{column.text}{source.mark},")
        merge_uses(reader.uses, column.uses, _changed(mode))
    if source.is_open:
        reader.tracer.miss(f"the columns of `{source.name[-1]}` are not known")


def _read_chain(reader: Reader, node: exp.Expr, mode: int) -> None:
    """Read ``a + b + c ...``: down the left side in a loop, as chains may be long."""
    changed = _changed(mode)
    if isinstance(node, _COMMUTATIVE):
        sides = sorted(reader.text_of(node.args[side], changed) for side in ("this", "expression"))
        reader.out.append(f"{node.key}({sides[0]},{sides[1]})")
        return
    chain: list[exp.Expr] = []
    first = node
    while isinstance(first, exp.Binary) and type(first) not in _HANDLERS:
        chain.append(first)
        first = first.this
        while isinstance(first, exp.Paren):
            first = first.this
    reader.out.extend(f"{link.key}(" for link in chain)
    reader.read(first, changed)
    for link in reversed(chain):
        reader.out.append(",")
        for name in sorted(link.args):
            value = link.args[name]
            if name != "this" and value is not None and value is not False:
                reader.read_value(value, changed)
        reader.out.append(")")


def _read_connector(reader: Reader, node: exp.Expr, mode: int) -> None:
    terms = terms_of(node, type(node))
    texts = sorted(reader.text_of(term, _changed(mode)) for term in terms)
    reader.out.append(f"{node.key}({','.join(texts)})")


def _read_through(reader: Reader, node: exp.Expr, mode: int) -> None:
    while isinstance(node, (exp.Paren, exp.Alias)):
        node = node.this
    reader.read(node, mode)


def _read_literal(reader: Reader, node: exp.Expr, _mode: int) -> None:
    text = str(node.this)
    reader.out.append(f"'{len(text)}:{text}'" if node.args.get("is_string") else text.lower())


def _read_identifier(reader: Reader, node: exp.Expr, _mode: int) -> None:
    name = node.name.lower()
    reader.out.append(reader.parameters.get(name, name))


def _read_case(reader: Reader, node: exp.Expr, mode: int) -> None:
    reader.out.append("case(")
    subject = node.args.get("this")
    if subject is not None:
        reader.read(subject, _condition(mode))
    for branch in node.args.get("ifs") or ():
        reader.out.append(" when ")
        reader.read(branch.this, _condition(mode))
        reader.out.append(" then ")
        reader.read(branch.args["true"], _changed(mode))
    default = node.args.get("default")
    if default is not None:
        reader.out.append(" else ")
        reader.read(default, _changed(mode))
    reader.out.append(")")


def _read_if(reader: Reader, node: exp.Expr, mode: int) -> None:
    reader.out.append("case( when ")
    reader.read(node.this, _condition(mode))
    reader.out.append(" then ")
    reader.read(node.args["true"], _changed(mode))
    default = node.args.get("false")
    if default is not None:
        reader.out.append(" else ")
        reader.read(default, _changed(mode))
    reader.out.append(")")


def _read_filter(reader: Reader, node: exp.Expr, mode: int) -> None:
    reader.out.append("filter(")
    reader.read(node.this, mode)
    reader.out.append(" where ")
    reader.read(node.args["expression"].this, _condition(mode))
    reader.out.append(")")


def _read_order(reader: Reader, node: exp.Expr, mode: int) -> None:
    """``sum(x order by y)``: the order is inside the argument."""
    if node.args.get("this") is not None:
        reader.read(node.this, mode)
    reader.out.append(" order ")
    reader.read_all(node.args.get("expressions") or (), SORT if mode & DIRECT else mode)


def _read_within_group(reader: Reader, node: exp.Expr, mode: int) -> None:
    """``percentile_cont(0.5) within group (order by x)``: what is ordered is the value."""
    reader.read(node.this, mode)
    reader.out.append(" within ")
    reader.read_all(node.args["expression"].expressions, _aggregated(mode))


def _read_window(reader: Reader, node: exp.Expr, mode: int) -> None:
    reader.out.append("window(")
    function = node.this
    while isinstance(function, (exp.IgnoreNulls, exp.RespectNulls)):
        reader.out.append(f"{function.key} ")
        function = function.this
    if isinstance(function, _VALUE_WINDOWS):
        reader.read_parts(function, _changed(mode))
    elif isinstance(function, exp.RowNumber):
        reader.out.append("rownumber")
    else:
        reader.read(function, mode)
    if not _read_window_frame(reader, node) and isinstance(function, _PLACED):
        reader.use_order(function)
    reader.out.append(")")


def _read_window_frame(reader: Reader, node: exp.Expr) -> bool:
    """Read what stands behind OVER; says whether it gives the rows an order."""
    layers = [node]
    name = node.args.get("alias")
    while name is not None and len(layers) <= len(reader.scope.windows):
        named = reader.scope.windows.get(name.name.lower())
        if named is None:
            break
        layers.append(named)
        name = named.args.get("alias")
    for layer in reversed(layers):
        partition = layer.args.get("partition_by")
        if partition:
            texts = sorted(reader.text_of(part, WINDOW) for part in partition)
            reader.out.append(f" partition {','.join(texts)}")
        for part in ("order", "spec"):
            value = layer.args.get(part)
            if value is not None:
                reader.out.append(f" {part} ")
                reader.read(value, WINDOW)
    return any(layer.args.get("order") is not None for layer in layers)


def _read_star(reader: Reader, _node: exp.Expr, mode: int) -> None:
    reader.use_rows(_changed(mode))
    reader.out.append("*")


def _read_count(reader: Reader, node: exp.Expr, mode: int) -> None:
    if node.args.get("this") is None:
        reader.use_rows(_aggregated(mode))
        reader.out.append("count(this=*)")
        return
    counted = _aggregated(mode | MASKED)
    reader.out.append("count(this=")
    reader.read(node.this, counted)
    reader.read_value(node.args.get("expressions") or [], counted)
    reader.out.append(")")


def _read_anonymous(reader: Reader, node: exp.Expr, mode: int) -> None:
    name = str(node.this).lower()
    reader.out.append(f"{name}(")
    mode = mode | MASKED if name in MASKING else mode
    mode = _aggregated(mode) if name in AGGREGATES else _changed(mode)
    reader.read_all(node.args.get("expressions") or (), mode)
    if name in ORDERED:
        reader.use_order(node)
    reader.out.append(")")


def _read_is(reader: Reader, node: exp.Expr, mode: int) -> None:
    """``x is null`` tells nothing else of a value."""
    is_null = isinstance(node.args["expression"], exp.Null)
    reader.read_parts(node, _changed(mode | MASKED if is_null else mode))


def _read_lambda(reader: Reader, node: exp.Expr, mode: int) -> None:
    names = [parameter.name for parameter in node.args.get("expressions") or ()]
    with reader.with_parameters(names):
        reader.out.append("lambda(")
        reader.read(node.this, mode)
        reader.out.append(")")


def _read_comprehension(reader: Reader, node: exp.Expr, mode: int) -> None:
    reader.out.append("each(")
    reader.read(node.args["iterator"], _changed(mode))
    names = [node.args[key].name for key in ("expression", "position") if node.args.get(key)]
    with reader.with_parameters(names):
        reader.out.append(" give ")
        reader.read(node.this, _changed(mode))
        condition = node.args.get("condition")
        if condition is not None:
            reader.out.append(" if ")
            reader.read(condition, _condition(mode))
    reader.out.append(")")


def _read_dot(reader: Reader, node: exp.Expr, mode: int) -> None:
    packed, name = node.this, node.args["expression"]
    if isinstance(name, exp.Identifier) and _read_field(reader, packed, name.name.lower(), mode):
        return
    reader.read(packed, _changed(mode))
    reader.out.append(".")
    reader.read(name, _changed(mode))


def _read_bracket(reader: Reader, node: exp.Expr, mode: int) -> None:
    """``w['x']`` and ``struct_extract(w, 'x')`` read one field where the struct is known."""
    keys = node.expressions or [node.args.get("expression")]
    key = keys[0] if len(keys) == 1 else None
    name = key.name.lower() if isinstance(key, exp.Literal) and key.is_string else None
    if name is None or not _read_field(reader, node.this, name, mode):
        reader.read_parts(node, _changed(mode))


def _read_field(reader: Reader, packed: exp.Expr, name: str, mode: int) -> bool:
    """Read one field of a struct that was packed in the query; False when it was not."""
    while isinstance(packed, exp.Paren):
        packed = packed.this
    if isinstance(packed, exp.Struct):
        for entry in packed.expressions:
            if isinstance(entry, exp.PropertyEQ) and entry.this.name.lower() == name:
                reader.read(entry.args["expression"], mode)
                return True
    if not isinstance(packed, exp.Column) or isinstance(packed.this, exp.Star):
        return False
    found = find_column(reader.scope, column_parts(packed))
    if not isinstance(found, Found) or found.path or name not in found.column.fields:
        return False
    add_found(reader, Found(found.column, found.text, (name,)), mode)
    return True


def _read_array(reader: Reader, node: exp.Expr, mode: int) -> None:
    """``array(select ...)`` gathers rows in their order."""
    query = node.expressions[0] if len(node.expressions) == 1 else None
    if not isinstance(query, exp.Query):
        reader.read_parts(node, _changed(mode))
        return
    reader.out.append("array(")
    relation = _read_relation(reader, query, mode)
    merge_uses(reader.uses, relation.order)
    reader.out.append(f" ordered {relation.order_text})")


def _read_unnest(reader: Reader, node: exp.Expr, mode: int) -> None:
    reader.unnests = True
    if isinstance(node, exp.Explode) and node.expressions:
        reader.tracer.miss("a recursive unnest: its columns depend on the type of its argument")
    reader.read_parts(node, _changed(mode))


def _read_columns(reader: Reader, node: exp.Expr, mode: int) -> None:
    if reader.choice is not None:
        add_found(reader, reader.choice, mode)
        return
    reader.out.append("columns(")
    for found in chosen_columns(reader.tracer, reader.scope, node):
        add_found(reader, found, mode)
        reader.out.append(",")
    reader.out.append(")")


def chosen_columns(tracer: Tracer, scope: Scope, node: exp.Expr) -> list[Found]:
    """Return the columns that ``COLUMNS(...)`` stands for, in order."""
    is_kept = column_test_or_none(node)
    if is_kept is None:
        tracer.miss("`columns(...)` chooses by a test that is not understood")
    what = node.this
    columns = scope.visible()
    if isinstance(what, exp.Column) and what.table:
        own = [source for source in scope.sources if source.is_called(column_parts(what)[:-1])]
        columns = ((source, column) for source in own for column in source.relation.columns)
    return [
        Found(column, column.text if _is_merged(scope, column) else column.text + source.mark)
        for source, column in columns
        if is_kept is None or is_kept(column.name)
    ]


def _is_merged(scope: Scope, column: FlowColumn) -> bool:
    return scope.merged.get(column.name.lower()) is column


def _read_exists(reader: Reader, node: exp.Expr, mode: int) -> None:
    reader.out.append("exists(")
    query = node.this
    if isinstance(query, exp.Query):
        relation = reader.tracer.trace_query(reader.tracer, query, reader.scope, reader.scope.ctes)
        reader.out.append(relation.text)
        for table in relation.tables:
            key = (table, ROWS)
            reader.uses[key] = reader.uses.get(key, 0) | (_changed(mode) & ~MASKED)
        merge_uses(reader.uses, relation.rows, mode)
    else:
        reader.read_parts(node, _changed(mode))
    reader.out.append(")")


def _read_subquery(reader: Reader, node: exp.Expr, mode: int) -> None:
    _read_relation(reader, node, mode)


def _read_relation(reader: Reader, node: exp.Expr, mode: int) -> Relation:
    relation = reader.tracer.trace_query(reader.tracer, node, reader.scope, reader.scope.ctes)
    names = ",".join(column.text for column in relation.columns)
    reader.out.append(f"query({relation.text}|{names})")
    for column in relation.columns:
        merge_uses(reader.uses, column.uses, _changed(mode))
    if relation.open_table is not None or relation.is_opaque:
        reader.tracer.miss("the columns of a subquery inside an expression are not known")
    merge_uses(reader.uses, relation.rows, mode)
    return relation


def _read_position(reader: Reader, node: exp.Expr, mode: int) -> None:
    found = column_at_or_none(reader.scope, node)
    if found is not None:
        add_found(reader, found, mode)
    else:
        reader.out.append(f"#{node.this.name}")
        reader.tracer.miss(f"column #{node.this.name} is not known")


def column_at_or_none(scope: Scope, node: exp.Expr) -> Found | None:
    """Return the column that ``#2`` stands for."""
    columns = list(scope.visible())
    position = int(str(node.this.name)) - 1
    if not 0 <= position < len(columns):
        return None
    source, column = columns[position]
    return Found(column, column.text + source.mark)


Handler = Callable[[Reader, exp.Expr, int], None]

_HANDLERS: Mapping[type[exp.Expr], Handler] = MappingProxyType(
    {
        exp.Alias: _read_through,
        exp.And: _read_connector,
        exp.Anonymous: _read_anonymous,
        exp.AnonymousAggFunc: _read_anonymous,
        exp.Array: _read_array,
        exp.Bracket: _read_bracket,
        exp.Case: _read_case,
        exp.Column: _read_column,
        exp.Columns: _read_columns,
        exp.Comprehension: _read_comprehension,
        exp.Count: _read_count,
        exp.Dot: _read_dot,
        exp.Exists: _read_exists,
        exp.Explode: _read_unnest,
        exp.Filter: _read_filter,
        exp.Identifier: _read_identifier,
        exp.If: _read_if,
        exp.Is: _read_is,
        exp.Lambda: _read_lambda,
        exp.Literal: _read_literal,
        exp.Or: _read_connector,
        exp.Order: _read_order,
        exp.Paren: _read_through,
        exp.PositionalColumn: _read_position,
        exp.Star: _read_star,
        exp.StructExtract: _read_bracket,
        exp.Unnest: _read_unnest,
        exp.Window: _read_window,
        exp.WithinGroup: _read_within_group,
    }
)
