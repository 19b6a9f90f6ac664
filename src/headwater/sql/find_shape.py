"""Finds a query's shape: what new rows of its inputs can do to its result.

Every construct of a query is either understood, and then ``sql.keyed`` has the rule, or refused
with the reason: what is not known proves nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlglot import exp

from headwater.base.errors import Invalid
from headwater.base.relations import Column, TableName
from headwater.sql.dialects import DUCKDB
from headwater.sql.duckdb_functions import KNOWN_CALLS
from headwater.sql.fingerprint import clock_use
from headwater.sql.keyed import (
    Cell,
    Keyed,
    compares_exactly,
    equate,
    product,
    renamed,
    settled,
    union_all,
    with_nested,
)
from headwater.sql.parse import parse_query
from headwater.sql.select_parts import (
    CTEs,
    aggregates,
    is_word_all,
    nested_queries,
    own_nodes,
    projection,
    terms_of,
    windows,
    with_ctes,
)
from headwater.sql.select_scope import Entry, SelectScope
from headwater.sql.shape import KeyColumn, Origin, Shape
from headwater.sql.types import canonical_type

OCCURRENCES_MAX = 200
"""How many places where tables are read a query may have; CTEs count once for each use."""

_SETTINGS = frozenset(
    {"current_setting", "current_user", "current_role", "session_user", "current_schema"}
    | {"current_database", "current_catalog", "current_schemas", "user", "getvariable", "getenv"}
)
_SELECT_ARGS = frozenset(
    {"with_", "expressions", "from_", "joins", "where", "group", "having", "qualify", "windows"}
    | {"distinct", "order", "limit", "offset", "kind", "hint", "operation_modifiers"}
)
_UNION_ARGS = frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"})
_TABLE_ARGS = frozenset({"this", "db", "catalog", "alias"})
_JOIN_ARGS = frozenset({"this", "side", "kind", "on", "using"})
_ORDER_DECIDES = (exp.RowNumber, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
_ANY_ROW = (exp.AnyValue, exp.ArgMax, exp.ArgMin, exp.Mode)
_IN_ORDER = (exp.First, exp.Last, exp.ArrayAgg, exp.GroupConcat)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryNames:
    """What a query's names stand for.

    Attributes:
        columns: Columns of the stored tables that it may read.
        views: SQL of the views that it may read.
        catalog: Where ``schema.table`` is.
    """

    columns: Mapping[TableName, tuple[Column, ...]]
    views: Mapping[TableName, str] = field(default_factory=lambda: MappingProxyType({}))
    catalog: str = ""


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """The query has something about which nothing can be proved."""


def find_shape(sql: str, known: QueryNames) -> Shape:
    """Find the shape of a query in the engine's dialect; what cannot be proved is in ``refusal``.

    Args:
        sql: The query.
        known: What its names stand for.
    """
    walker = _Walker(known)
    try:
        rows = walker.text(sql)
    except Invalid as error:
        return Shape(refusal=f"its SQL cannot be read: {error.what}")
    except _Refused as reason:
        return Shape(refusal=str(reason))
    numbers = {place: number for number, place in enumerate(sorted(rows.tables))}
    names = [cell.name.lower() for cell in rows.cells]
    return Shape(
        words=", ".join(walker.words) or "projection",
        leaves_open=tuple(walker.leaves_open),
        tables=tuple(rows.tables[place] for place in sorted(rows.tables)),
        settled=tuple(sorted(numbers[place] for place in rows.settled)),
        branches=tuple(
            tuple(sorted(numbers[place] for place in branch)) for branch in rows.branches
        ),
        keys=tuple(
            _key_column(cell, numbers)
            for cell in rows.cells
            if cell.origins and cell.name and names.count(cell.name.lower()) == 1
        ),
    )


def _key_column(cell: Cell, numbers: Mapping[int, int]) -> KeyColumn:
    made = {numbers[place]: node for place, node in sorted(cell.origins.items())}
    origins = tuple(
        Origin(
            occurrence=number,
            sql=node.sql(dialect=DUCKDB),
            is_constant=node.find(exp.Column) is None,
        )
        for number, node in made.items()
    )
    return KeyColumn(name=cell.name, origins=origins)


class _Walker:
    """Walks a query and what lies behind the views that it reads."""

    def __init__(self, known: QueryNames) -> None:
        self._known = known
        self._count = 0
        self._depth: tuple[TableName, ...] = ()
        self.words: dict[str, None] = {}
        self.leaves_open: dict[str, None] = {}

    def text(self, sql: str) -> Keyed:
        query = parse_query(sql)
        if clock_use(query):
            raise _Refused("it reads the clock or a random value")
        for node in query.tree.walk():
            self._check_call(node)
        return self.query(query.tree, {})

    def _check_call(self, node: exp.Expr) -> None:
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
            raise _Refused(f"it calls `{node.expression.name}`, which may do anything")
        if isinstance(node, (exp.Anonymous, exp.AnonymousAggFunc)):
            name = str(node.this).lower()
            if name in _SETTINGS:
                raise _Refused(f"`{name}` depends on who asks")
            if name not in KNOWN_CALLS:
                raise _Refused(f"it calls `{name}`, which may do anything")
        if isinstance(node, (exp.Pivot, exp.TableSample, exp.Columns, exp.CurrentUser)):
            raise _Refused(f"`{node.key}` is not followed")

    def query(self, tree: exp.Expr, ctes: CTEs) -> Keyed:
        match tree:
            case exp.Select():
                return self._select(tree, ctes)
            case exp.SetOperation():
                return self._set_operation(tree, ctes)
            case exp.Subquery() if not tree.args.get("joins"):
                _only(tree, {"this", "alias", "with_"})
                return self.query(tree.this, _with_ctes(tree, ctes))
            case exp.Values():
                return _values(tree)
            case _:
                raise _Refused(f"`{tree.key}` is not followed")

    def _set_operation(self, tree: exp.SetOperation, ctes: CTEs) -> Keyed:
        _only(tree, _UNION_ARGS)
        inner = _with_ctes(tree, ctes)
        left, right = self.query(tree.this, inner), self.query(tree.expression, inner)
        if len(left.cells) != len(right.cells):
            raise _Refused("the columns of its branches are not known")
        both = union_all(left, right)
        is_plain = isinstance(tree, exp.Union) and not tree.args.get("distinct")
        self.words["union all" if is_plain else tree.key] = None
        return self._limited(tree, both if is_plain else settled(both))

    def _limited(self, tree: exp.Expr, rows: Keyed) -> Keyed:
        """Drop every origin when rows are left out by their number."""
        if not (tree.args.get("limit") or tree.args.get("offset")):
            return rows
        self.words["limit"] = None
        for cell in rows.cells:
            cell.origins = {}
        return settled(rows)

    def _select(self, select: exp.Select, ctes: CTEs) -> Keyed:
        _only(select, _SELECT_ARGS)
        inner = _with_ctes(select, ctes)
        scope = SelectScope()
        self._from(scope, select, inner)
        scope.aliases = {
            each.alias.lower(): each.this
            for each in select.expressions
            if isinstance(each, exp.Alias)
        }
        self._where(scope, select)
        nested = [self.query(query, inner) for query in nested_queries(select)]
        scope.rows = with_nested(scope.rows, nested)
        outputs = list(_outputs(scope, select))
        cells = self._narrowed(scope, select, outputs)
        rows = Keyed(
            cells=tuple(cells),
            tables=scope.rows.tables,
            settled=scope.rows.settled,
            branches=scope.rows.branches,
        )
        compares = any(select.args.get(key) for key in ("group", "having", "qualify", "distinct"))
        if compares or aggregates(select) or list(windows(select)):
            rows = settled(rows)
        return self._limited(select, rows)

    def _from(self, scope: SelectScope, select: exp.Select, ctes: CTEs) -> None:
        clause = select.args.get("from_")
        if clause is None:
            return
        name, rows = self._source(clause.this, ctes)
        _enter(scope, name, rows, product(scope.rows, rows))
        for join in select.args.get("joins") or ():
            self._join(scope, join, ctes)

    def _source(self, node: exp.Expr, ctes: CTEs) -> tuple[str, Keyed]:
        alias = node.args.get("alias")
        names = [part.name for part in alias.args.get("columns") or ()] if alias else []
        called = (alias.name if alias else "").lower()
        match node:
            case exp.Table():
                rows = self._table(node, ctes)
                called = called or node.name.lower()
            case exp.Subquery() | exp.Values():
                rows = self.query(node, ctes)
            case exp.Unnest():
                rows = Keyed(cells=(Cell(name="unnest"),))
            case exp.Lateral() if not node.find(exp.Query):
                rows = Keyed(cells=(Cell(name="unnest"),))
            case _:
                raise _Refused(f"it reads from `{node.key}`, which is not followed")
        return called, renamed(rows, names) if names else rows

    def _table(self, table: exp.Table, ctes: CTEs) -> Keyed:
        _only(table, _TABLE_ARGS)
        if not isinstance(table.this, exp.Identifier):
            raise _Refused("it reads files or calls a function that gives rows")
        if not table.db and table.name.lower() in ctes:
            body, seen, names = ctes[table.name.lower()]
            return renamed(self.query(body, seen), names)
        name = TableName(table.catalog or self._known.catalog, table.db, table.name)
        if name in self._known.views:
            return self._view(name)
        columns = self._known.columns.get(name)
        if columns is None:
            raise _Refused(f"it reads `{table.name}`, which is no table of the lake")
        place = self._count
        self._count += 1
        if place >= OCCURRENCES_MAX:
            raise _Refused(f"it reads tables in more than {OCCURRENCES_MAX} places")
        cells = tuple(
            Cell(
                name=column.name,
                origins={place: exp.column(exp.to_identifier(column.name, quoted=True))},
                type=canonical_type(column.type),
            )
            for column in columns
        )
        return Keyed(cells=cells, tables={place: name}, branches=(frozenset({place}),))

    def _view(self, name: TableName) -> Keyed:
        if name in self._depth:
            raise _Refused(f"the view `{name.name}` reads itself")
        self._depth = (*self._depth, name)
        rows = self.text(self._known.views[name])
        self._depth = self._depth[:-1]
        return rows

    def _join(self, scope: SelectScope, join: exp.Join, ctes: CTEs) -> None:
        _only(join, _JOIN_ARGS)
        side, kind = str(join.side or "").upper(), str(join.kind or "").upper()
        if side not in {"", "LEFT", "RIGHT", "FULL"} or kind not in {
            *{"", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"}
        }:
            raise _Refused(f"a join of kind `{side} {kind}` is not followed")
        name, rows = self._source(join.this, ctes)
        if not isinstance(join.this, (exp.Unnest, exp.Lateral)):
            self.words["join"] = None
        is_filter = kind in {"SEMI", "ANTI"}
        lost: set[int] = set()
        if side in {"LEFT", "FULL"} or is_filter:
            lost |= set(rows.tables)
        if side in {"RIGHT", "FULL"}:
            lost |= set(scope.rows.tables)
        before = [cell for entry in scope.entries for cell in entry.cells.values()]
        _enter(scope, name, rows, product(scope.rows, rows, settles=lost), is_filter=is_filter)
        self._equate(scope, join, side)
        if side in {"RIGHT", "FULL"}:
            _forget(before)
        if side in {"LEFT", "FULL"}:
            _forget(rows.cells)
        if on := join.args.get("on"):
            nested = [self.query(query, ctes) for query in nested_queries(on)]
            scope.rows = with_nested(scope.rows, nested)

    def _equate(self, scope: SelectScope, join: exp.Join, side: str) -> None:
        """Let columns that the join makes equal share their origins."""
        *earlier, entry = scope.entries
        pairs: list[tuple[Cell, Cell]] = []
        if (condition := join.args.get("on")) is not None:
            pairs += _equal_pairs(scope, condition)
        for identifier in join.args.get("using") or ():
            name = identifier.name.lower()
            own = entry.cells.get(name)
            other = next((each for each in earlier if name in each.cells), None)
            if own is None or other is None or side in {"RIGHT", "FULL"}:
                raise _Refused(f"a {side.lower()} join by `{name}` is not followed")
            if compares_exactly(own, other.cells[name]):
                pairs.append((other.cells[name], own))
            entry.merged.add(name)
        if side or str(join.kind or "").upper() == "ANTI":
            _equate_kept(pairs, {id(cell) for cell in entry.cells.values()}, side)
        else:
            _equate_all(pairs)

    def _where(self, scope: SelectScope, select: exp.Select) -> None:
        clause = select.args.get("where")
        if clause is not None:
            self.words["filter"] = None
            _equate_all(list(_equal_pairs(scope, clause.this)))

    def _narrowed(
        self, scope: SelectScope, select: exp.Select, outputs: list[tuple[Cell, exp.Expr | None]]
    ) -> Iterator[Cell]:
        """Give the output columns; those that grouping and windows do not keep lose origins."""
        limits = [*self._group_parts(scope, select), *self._window_parts(scope, select)]
        for cell, node in outputs:
            is_kept = all(node is not None and scope.is_decided_by(node, part) for part in limits)
            yield cell if is_kept or not limits else Cell(name=cell.name, type=cell.type)
        self._note_open(select)

    def _group_parts(self, scope: SelectScope, select: exp.Select) -> Iterator[frozenset[str]]:
        group, distinct = select.args.get("group"), select.args.get("distinct")
        if distinct is not None:
            self.words["distinct"] = None
            if (on := distinct.args.get("on")) is not None:
                yield frozenset(scope.text(scope.expanded(each)) for each in on.expressions)
                self.leaves_open["ties of `distinct on`"] = None
        if group is None:
            if aggregates(select):
                self.words["aggregate of everything"] = None
                yield frozenset()
            return
        _only(group, {"expressions", "all"})
        nodes = [projection(select, node) for node in group.expressions]
        if group.args.get("all") or any(is_word_all(node) for node in nodes):
            nodes = [each.unalias() for each in select.expressions if not aggregates(each)]
        if any(isinstance(node, (exp.Rollup, exp.Cube, exp.GroupingSets)) for node in nodes):
            self.words["grouping sets"] = None
            yield frozenset()
            return
        named = ", ".join(_called(select, node) for node in nodes)
        self.words[f"aggregate by {named}"] = None
        yield frozenset(scope.text(scope.expanded(node)) for node in nodes)

    def _window_parts(self, scope: SelectScope, select: exp.Select) -> Iterator[frozenset[str]]:
        named = {each.this.name.lower(): each for each in select.args.get("windows") or ()}
        for window in windows(select):
            name = str(window.args.get("alias") or "").strip('"').lower()
            spec = named.get(name, window)
            parts = spec.args.get("partition_by") or ()
            by = ", ".join(_called(select, part) for part in parts)
            kind = window.this.key if isinstance(window.this, exp.RowNumber) else "window"
            word = "row_number" if kind == "rownumber" else kind
            self.words[f"{word} by {by}" if by else f"{word} over everything"] = None
            yield frozenset(scope.text(scope.expanded(part)) for part in parts)

    def _note_open(self, select: exp.Select) -> None:
        for node in own_nodes(select.expressions, select.args.get("qualify")):
            if isinstance(node, exp.Window) and isinstance(node.this, _ORDER_DECIDES):
                self.leaves_open[f"ties in the order of {_function_name(node.this)}"] = None
            is_unordered = isinstance(node, _IN_ORDER) and not isinstance(node.this, exp.Order)
            if isinstance(node, exp.Func) and (isinstance(node, _ANY_ROW) or is_unordered):
                self.leaves_open[f"the row that {_function_name(node)} takes"] = None


def _with_ctes(tree: exp.Expr, ctes: CTEs) -> CTEs:
    found = with_ctes(tree, ctes)
    if found is None:
        raise _Refused("it is recursive")
    return found


def _only(node: exp.Expr, known: Iterable[str]) -> None:
    """Refuse a node that says more than is understood."""
    for name, value in node.args.items():
        if value and name not in known:
            raise _Refused(f"`{name.strip('_')}` of a {node.key} is not followed")


def _values(tree: exp.Values) -> Keyed:
    first = tree.expressions[0] if tree.expressions else None
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    return Keyed(cells=tuple(Cell(name=f"col{place}") for place in range(width)))


def _enter(
    scope: SelectScope, name: str, rows: Keyed, joined: Keyed, *, is_filter: bool = False
) -> None:
    cells: dict[str, Cell] = {}
    for cell in rows.cells:
        cells.setdefault(cell.name.lower(), cell)
    scope.entries.append(Entry(name=name, cells=cells, is_filter=is_filter))
    scope.rows = joined


def _forget(cells: Iterable[Cell]) -> None:
    for cell in cells:
        cell.origins = {}


def _equal_pairs(scope: SelectScope, condition: exp.Expr) -> Iterator[tuple[Cell, Cell]]:
    """Give the columns that a condition makes equal, value by value."""
    for plain in terms_of(condition):
        if not isinstance(plain, (exp.EQ, exp.NullSafeEQ)):
            continue
        sides = [plain.this.unnest(), plain.expression.unnest()]
        found = [scope.cell_or_none(side) for side in sides if isinstance(side, exp.Column)]
        cells = [each[1] for each in found if each is not None]
        if len(cells) == len(sides) and compares_exactly(cells[0], cells[1]):
            yield cells[0], cells[1]


def _equate_all(pairs: list[tuple[Cell, Cell]]) -> None:
    """Share origins where every row meets the condition; a = b and b = c pass them on."""
    for _ in pairs:
        for one, two in pairs:
            equate(one, two)


def _equate_kept(pairs: list[tuple[Cell, Cell]], joined: set[int], side: str) -> None:
    """Share origins where rows without a match stay: only the side that stays learns of the other.

    What its row looks like depends on the matching rows of the other side, and on no more: two
    columns of one side need not be equal.
    """
    if side == "FULL":
        return
    given = [(one, two, dict(one.origins), dict(two.origins)) for one, two in pairs]
    for one, two, of_one, of_two in given:
        if (id(one) in joined) == (id(two) in joined):
            continue
        is_first_kept = (id(one) in joined) == (side == "RIGHT")
        cell, origins = (one, of_two) if is_first_kept else (two, of_one)
        cell.origins = {**origins, **cell.origins}


def _outputs(scope: SelectScope, select: exp.Select) -> Iterator[tuple[Cell, exp.Expr | None]]:
    """Give the output columns with their expressions, stars written out."""
    for node in select.expressions:
        star = node if isinstance(node, exp.Star) else node.this
        if isinstance(star, exp.Star) and isinstance(node, (exp.Star, exp.Column)):
            qualifier = node.table.lower() if isinstance(node, exp.Column) else ""
            yield from _star(scope, star, qualifier)
            continue
        body = scope.expanded(node.unalias())
        made = Cell(name=node.alias_or_name, origins=scope.origins(body), type=scope.type_of(body))
        yield made, body


def _star(
    scope: SelectScope, star: exp.Star, qualifier: str
) -> Iterator[tuple[Cell, exp.Expr | None]]:
    _only(star, {"except_", "replace"})
    left_out = {each.name.lower() for each in star.args.get("except_") or ()}
    replaced = {each.alias.lower(): each.this for each in star.args.get("replace") or ()}
    for place, entry in enumerate(scope.entries):
        if entry.is_filter or qualifier not in {"", entry.name}:
            continue
        for name, cell in entry.cells.items():
            if name in left_out or (not qualifier and name in entry.merged):
                continue
            if name in replaced:
                body = scope.expanded(replaced[name])
                yield Cell(name=cell.name, origins=scope.origins(body)), body
                continue
            table = exp.to_identifier(scope.entries[place].name, quoted=True)
            column = exp.Column(this=exp.to_identifier(cell.name, quoted=True), table=table)
            body = column if entry.name else exp.Column(this=column.this)
            yield Cell(name=cell.name, origins=dict(cell.origins), type=cell.type), body


def _called(select: exp.Select, node: exp.Expr) -> str:
    """Return an expression's name for people."""
    for each in select.expressions:
        if isinstance(each, exp.Alias) and each.this == node:
            return each.alias
    return node.name if isinstance(node, exp.Column) else node.sql(dialect=DUCKDB)[:40]


def _function_name(node: exp.Func) -> str:
    return str(node.sql_name()).lower()
