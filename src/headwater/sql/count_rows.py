"""Counts the rows of a query, at least and at most, from what is known of its tables.

Every construct is either understood, and then ``sql.counted`` has the rule, or nothing is known of
its rows. Views are followed, so that what is proved of a view's query and what is tested of the
view both count.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from headwater.base.errors import Invalid
from headwater.base.relations import TableName
from headwater.sql.counted import (
    NOTHING_KNOWN,
    Counted,
    Field,
    JoinSeen,
    Match,
    TableFacts,
    at_most,
    cut,
    filtered,
    first_of_each,
    grouped,
    joined,
    united,
    with_facts,
)
from headwater.sql.dialects import DUCKDB
from headwater.sql.duckdb_functions import KNOWN_CALLS
from headwater.sql.functions import VOLATILE
from headwater.sql.keyed import are_same_values, is_integer
from headwater.sql.parse import parse_query
from headwater.sql.select_parts import (
    CTEs,
    aggregates,
    is_word_all,
    own_nodes,
    projection,
    terms_of,
    with_ctes,
)
from headwater.sql.types import canonical_type

SELECTS_MAX = 300
"""How many SELECTs of a query are walked; CTEs and views count once for each use."""

_SELECT_ARGS = frozenset(
    {"with_", "expressions", "from_", "joins", "where", "group", "having", "qualify", "windows"}
    | {"distinct", "order", "limit", "offset"}
)
_SET_ARGS = frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"})
_TABLE_ARGS = frozenset({"this", "db", "catalog", "alias"})
_JOIN_ARGS = frozenset({"this", "side", "kind", "on", "using"})
_COMPARES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.In, exp.Between)
_MANY_ROWS = (exp.Unnest, exp.Explode, exp.Posexplode)
_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets)
_MAY_BE_ANYTHING = (
    *(exp.Anonymous, exp.AnonymousAggFunc, exp.Dot),
    *(exp.Pivot, exp.Columns, exp.TableSample),
)


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """Something about which nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """How many rows a query gives, and what is proved of them.

    Attributes:
        low: At least so many.
        high: At most so many; None when that is not known.
        keys: Sets of lower-case columns: no two rows without a null there have the same values.
        not_null: Lower-case columns without nulls.
    """

    low: float = 0.0
    high: float | None = None
    keys: frozenset[frozenset[str]] = frozenset()
    not_null: frozenset[str] = frozenset()


Trees = dict[str, exp.Expr | None]
"""Queries read so far, by their text; None for one that cannot be read or may do anything."""


def count_rows(
    sql: str, tables: Mapping[TableName, TableFacts], trees: Trees | None = None
) -> RowCount:
    """Count the rows of a query in the engine's dialect.

    Args:
        sql: The query; it names relations in three parts.
        tables: What is known of them; of others nothing is.
        trees: Keeps what is read, for who counts many queries over the same views.
    """
    return _Walker(tables, {} if trees is None else trees).count_or_none(sql) or RowCount()


def see_joins(
    sql: str, tables: Mapping[TableName, TableFacts], trees: Trees | None = None
) -> tuple[RowCount | None, tuple[JoinSeen, ...]]:
    """Count the rows of a query and return its own joins as they were met.

    Where something is not understood nothing is known of the rows, and what comes after it is not
    met. Arguments as of ``count_rows``.
    """
    walker = _Walker(tables, {} if trees is None else trees)
    return walker.count_or_none(sql), tuple(walker.joins.values())


def _as_row_count(rows: Counted) -> RowCount:
    names = {one.id: one.name for one in reversed(rows.fields)}
    keys = [frozenset(names[each] for each in key) for key in rows.keys if key <= names.keys()]
    return RowCount(
        low=rows.low,
        high=rows.high,
        keys=frozenset(keys),
        not_null=frozenset(one.name for one in rows.fields if one.is_not_null),
    )


@dataclass(slots=True, kw_only=True)
class _Scope:
    """What names mean in one SELECT.

    Attributes:
        rows: What its FROM clause gives so far.
        entries: Name and ids of the columns of each entry of FROM.
        aliases: Expressions of the select list by lower-case alias.
        is_open: Some entry has columns that are not known.
        made: Columns that stand for expressions, by their text.
        is_grouped: Rows are grouped, so that equal texts matter.
    """

    rows: Counted
    entries: list[tuple[str, frozenset[int]]] = field(default_factory=list)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    is_open: bool = False
    made: dict[str, Field] = field(default_factory=dict)
    is_grouped: bool = False

    def find(self, node: exp.Expr) -> Field | None:
        """Return the column that a name means; None when it is not plain to see."""
        if not isinstance(node, exp.Column) or node.args.get("db"):
            return None
        name, qualifier = node.name.lower(), node.table.lower()
        ids = [ids for called, ids in self.entries if qualifier in {"", called}]
        found = [
            one for one in self.rows.fields if one.name == name and any(one.id in e for e in ids)
        ]
        return found[0] if len({one.id for one in found}) == 1 else None


class _Walker:
    """Walks a query and what lies behind the views that it reads."""

    def __init__(self, tables: Mapping[TableName, TableFacts], trees: Trees) -> None:
        self._tables = tables
        self._trees = trees
        self._ids = 0
        self._selects = 0
        self._views: tuple[TableName, ...] = ()
        self.joins: dict[int, JoinSeen] = {}

    def count_or_none(self, sql: str) -> RowCount | None:
        try:
            return _as_row_count(self.text(sql))
        except _Refused:
            return None

    def text(self, sql: str) -> Counted:
        if sql not in self._trees:
            self._trees[sql] = _read_or_none(sql)
        tree = self._trees[sql]
        if tree is None:
            raise _Refused("text")
        return self.query(tree, {})

    def query(self, tree: exp.Expr, ctes: CTEs) -> Counted:
        self._selects += 1
        if self._selects > SELECTS_MAX:
            raise _Refused("too many")
        match tree:
            case exp.Select():
                return self._select(tree, _with_ctes(tree, ctes))
            case exp.SetOperation():
                return self._set_operation(tree, _with_ctes(tree, ctes))
            case exp.Subquery() if not tree.args.get("joins"):
                _only(tree, {"this", "alias", "with_"})
                return self.query(tree.this, _with_ctes(tree, ctes))
            case exp.Values():
                count = float(len(tree.expressions))
                return Counted(low=count, high=count)
            case _:
                raise _Refused(tree.key)

    def _set_operation(self, tree: exp.SetOperation, ctes: CTEs) -> Counted:
        _only(tree, _SET_ARGS | {"by_name"})
        left, right = self.query(tree.this, ctes), self.query(tree.expression, ctes)
        if isinstance(tree, exp.Union):
            rows = united([left, right], is_distinct=bool(tree.args.get("distinct")))
            if not tree.args.get("by_name"):
                rows = replace(rows, fields=self._in_both(left, right))
            return _limited(tree, rows)
        rows = filtered(left)
        if isinstance(tree, exp.Intersect) and right.high is not None:
            rows = at_most(rows, right.high)
        return _limited(tree, rows)

    def _in_both(self, left: Counted, right: Counted) -> tuple[Field, ...]:
        if len(left.fields) != len(right.fields):
            return ()
        return tuple(
            Field(
                name=one.name,
                id=self._new_id(),
                type=one.type if one.type == other.type else "",
                values=one.values & other.values,
                covers=(one.covers | other.covers) if one.type == other.type else frozenset(),
                is_not_null=one.is_not_null and other.is_not_null,
            )
            for one, other in zip(left.fields, right.fields, strict=True)
        )

    def _new_id(self) -> int:
        self._ids += 1
        return self._ids

    # -- where rows come from ------------------------------------------------------------------

    def _from(self, select: exp.Select, ctes: CTEs) -> _Scope:
        clause = select.args.get("from_")
        scope = _Scope(rows=Counted(low=1.0, high=1.0))
        if clause is None:
            return scope
        name, scope.rows = self._source(clause.this, ctes)
        self._enter(scope, name, scope.rows)
        joins: list[exp.Join] = select.args.get("joins") or []
        where = select.args.get("where")
        sides = {str(join.side or "").upper() for join in joins}
        terms = terms_of(where.this) if where is not None and sides <= {"", "LEFT"} else []
        for join in joins:
            self._join(scope, join, ctes, terms)
        return scope

    def _enter(self, scope: _Scope, name: str, rows: Counted) -> None:
        scope.entries.append((name, frozenset(one.id for one in rows.fields)))
        scope.is_open |= not rows.fields

    def _source(self, node: exp.Expr, ctes: CTEs) -> tuple[str, Counted]:
        alias = node.args.get("alias")
        names = [part.name for part in alias.args.get("columns") or ()] if alias else []
        called = (alias.name if alias else "").lower()
        rows = NOTHING_KNOWN
        if isinstance(node, exp.Table):
            called = called or node.name.lower()
            rows = self._table(node, ctes)
        elif isinstance(node, (exp.Subquery, exp.Values)):
            rows = self.query(node, ctes)
        return called, self._seen_anew(rows, names)

    def _seen_anew(self, rows: Counted, names: list[str]) -> Counted:
        """Give the columns ids and names of their own: the same table may be read twice."""
        ids = {one.id: self._new_id() for one in rows.fields}
        fields = tuple(
            Field(
                name=names[place].lower() if place < len(names) else one.name,
                id=ids[one.id],
                type=one.type,
                values=one.values,
                covers=one.covers,
                is_not_null=one.is_not_null,
                numbers=None
                if one.numbers is None or not one.numbers <= ids.keys()
                else frozenset(ids[each] for each in one.numbers),
            )
            for place, one in enumerate(rows.fields)
        )
        keys = frozenset(
            frozenset(ids[each] for each in key) for key in rows.keys if key <= ids.keys()
        )
        return replace(rows, fields=fields, keys=keys)

    def _table(self, table: exp.Table, ctes: CTEs) -> Counted:
        _only(table, _TABLE_ARGS)
        if not isinstance(table.this, exp.Identifier):
            return NOTHING_KNOWN
        if not table.db and table.name.lower() in ctes:
            body, seen, names = ctes[table.name.lower()]
            return self._seen_anew(self.query(body, seen), names)
        name = TableName(table.catalog, table.db, table.name)
        facts = self._tables.get(name)
        if facts is None:
            return NOTHING_KNOWN
        return self._view(name, facts) if facts.sql else self._stored(name, facts)

    def _stored(self, name: TableName, facts: TableFacts) -> Counted:
        fields = tuple(
            Field(name=c.name.lower(), id=self._new_id(), type=canonical_type(c.type))
            for c in facts.columns
        )
        return with_facts(Counted(low=facts.low, high=facts.high, fields=fields), name, facts)

    def _view(self, name: TableName, facts: TableFacts) -> Counted:
        if name in self._views:
            raise _Refused("reads itself")
        self._views = (*self._views, name)
        rows = self.text(facts.sql)
        self._views = self._views[:-1]
        return with_facts(rows, name, facts)

    def _join(self, scope: _Scope, join: exp.Join, ctes: CTEs, terms: list[exp.Expr]) -> None:
        _only(join, _JOIN_ARGS)
        side, kind = str(join.side or "").upper(), str(join.kind or "").upper()
        if side not in {"", "LEFT", "RIGHT", "FULL"} or kind not in {
            *{"", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"}
        }:
            raise _Refused("join")
        name, right = self._source(join.this, ctes)
        left = scope.rows
        scope.rows = replace(left, fields=(*left.fields, *right.fields))
        self._enter(scope, name, right)
        ids = {one.id for one in right.fields}
        on = join.args.get("on")
        given = terms_of(on) if on is not None else []
        match = Match(pairs=tuple(_pairs(scope, given, ids)), is_all=True)
        match = replace(match, is_all=len(match.pairs) == len(given))
        if kind in {"SEMI", "ANTI"}:
            scope.rows = filtered(left)
            scope.entries[-1] = (name, frozenset())
            return
        if using := join.args.get("using"):
            match = self._using(scope, [each.name.lower() for each in using], side, ids)
        if not side:
            pairs = (*match.pairs, *_pairs(scope, terms, ids))
            # What WHERE compares bounds the rows that are left; each row need not find another.
            match = Match(pairs=pairs, is_all=match.is_all and len(pairs) == len(match.pairs))
        if not self._views and isinstance(join.this, (exp.Table, exp.Subquery)):
            seen = JoinSeen(left=left, right=right, match=match, side=side or "INNER", name=name)
            self.joins[id(join)] = _with_conditions(seen, scope, join, terms)
        scope.rows = joined(left, right, match, side or "INNER")

    def _using(self, scope: _Scope, names: list[str], side: str, ids: set[int]) -> Match:
        """Compare by name, and let a merged name mean the left column."""
        pairs = []
        for name in names:
            found = [one for one in scope.rows.fields if one.name == name]
            left = [one for one in found if one.id not in ids]
            right = [one for one in found if one.id in ids]
            if side in {"RIGHT", "FULL"} or len(left) != 1 or len(right) != 1:
                raise _Refused("using")
            if are_same_values(left[0].type, right[0].type):
                pairs.append((left[0], right[0]))
            called, own = scope.entries[-1]
            scope.entries[-1] = (called, own - {right[0].id})
        return Match(pairs=tuple(pairs), is_all=len(pairs) == len(names))

    # -- what a SELECT makes of them -----------------------------------------------------------

    def _select(self, select: exp.Select, ctes: CTEs) -> Counted:
        _only(select, _SELECT_ARGS)
        scope = self._from(select, ctes)
        scope.is_grouped = select.args.get("group") is not None
        scope.aliases = {
            each.alias.lower(): each.this
            for each in select.expressions
            if isinstance(each, exp.Alias)
        }
        if (where := select.args.get("where")) is not None:
            scope.rows = self._where(scope, terms_of(where.this))
        rows = self._grouped(scope, select)
        if select.args.get("having") is not None:
            rows = filtered(rows)
        rows = self._qualified(scope, select, rows)
        if any(map(_gives_rows, own_nodes(select.expressions))):
            rows = Counted(fields=filtered(rows).fields)
        rows = replace(rows, fields=tuple(self._outputs(scope, select, rows)))
        return _limited(select, self._distinct(scope, select, rows))

    def _where(self, scope: _Scope, terms: list[exp.Expr]) -> Counted:
        rows, shown, given = scope.rows, list[int](), set[int]()
        left = [term for term in terms if not _always_holds(scope, term)]
        # Of several numberings the first rows may be different ones: the others are filters.
        first = next((term for term in left if _numbered_first(scope, term) is not None), None)
        one = None if first is None else _numbered_first(scope, first)
        if one is not None and one.numbers is not None:
            by = {each.id: each for each in rows.fields}
            parts = [by[each] for each in one.numbers if each in by]
            rows = first_of_each(rows, parts, self._tables)
            left = [term for term in left if term is not first]
        for term in left:
            shown += [one.id for one in _compared(scope, term)]
            given |= _given(scope, term)
        if left:
            rows = filtered(rows, shown)
        return at_most(rows, 1.0) if rows.is_unique_by(frozenset(given)) else rows

    def _grouped(self, scope: _Scope, select: exp.Select) -> Counted:
        group = select.args.get("group")
        if group is None:
            is_one = aggregates(select) or select.args.get("having") is not None
            return Counted(low=1.0, high=1.0) if is_one else scope.rows
        _only(group, {"expressions", "all"})
        nodes = [projection(select, node) for node in group.expressions]
        if group.args.get("all") or any(is_word_all(node) for node in nodes):
            if any(_star_of(each) is not None for each in select.expressions):
                raise _Refused("star")
            nodes = [each.unalias() for each in select.expressions if not aggregates(each)]
        if any(isinstance(node, _SETS) for node in nodes):
            raise _Refused("grouping sets")
        by = {part.id: part for part in (self._field(scope, node) for node in nodes)}
        low, high = grouped(scope.rows, by.values(), self._tables)
        fields = tuple(replace(part, numbers=None) for part in by.values())
        return Counted(low=low, high=high, fields=fields, keys=frozenset({frozenset(by)}))

    def _qualified(self, scope: _Scope, select: exp.Select, rows: Counted) -> Counted:
        clause = select.args.get("qualify")
        if clause is None:
            return rows
        window = _first_by(scope, clause.this)
        if window is None or select.args.get("group") is not None:
            return filtered(rows)
        parts = [self._field(scope, part) for part in window.args.get("partition_by") or ()]
        return first_of_each(rows, parts, self._tables)

    def _distinct(self, scope: _Scope, select: exp.Select, rows: Counted) -> Counted:
        distinct = select.args.get("distinct")
        if distinct is None:
            return rows
        on = distinct.args.get("on")
        if on is not None:
            parts = [self._field(scope, projection(select, each)) for each in on.expressions]
            return first_of_each(rows, parts, self._tables)
        if not rows.fields:
            return replace(rows, low=min(rows.low, 1.0))
        found = first_of_each(rows, rows.fields, self._tables)
        return replace(found, fields=rows.fields)

    def _field(self, scope: _Scope, node: exp.Expr) -> Field:
        """Return the column that an expression is; one made for it where it is more than a name."""
        plain = node.unnest()
        known = scope.find(plain)
        if known is not None:
            return known
        if isinstance(plain, exp.Column) and not plain.table and not scope.is_open:
            body = scope.aliases.get(plain.name.lower())
            plain = plain if body is None else body.unnest()
            known = scope.find(plain)
        return known or self._made(scope, plain)

    def _made(self, scope: _Scope, plain: exp.Expr) -> Field:
        """Return a column for an expression: the same one for the same text.

        Writing the text costs most of a count, and matters only where groups are told by it.
        """
        is_told = scope.is_grouped and not aggregates(plain)
        text = plain.sql(dialect=DUCKDB) if is_told else ""
        if text in scope.made:
            return scope.made[text]
        cast_to = plain.args.get("to") if isinstance(plain, exp.Cast) else None
        is_number = isinstance(plain, exp.Window) and isinstance(plain.this, exp.RowNumber)
        numbers = None
        if is_number and not plain.args.get("alias"):
            parts = plain.args.get("partition_by") or ()
            numbers = frozenset(self._field(scope, part).id for part in parts)
        made = Field(
            name="",
            id=self._new_id(),
            type="" if cast_to is None else canonical_type(cast_to.sql(dialect=DUCKDB)),
            is_not_null=is_number or _is_never_null(scope, plain),
            numbers=numbers,
        )
        if is_told and not any(map(_is_volatile, plain.walk())):
            scope.made[text] = made
        return made

    def _outputs(self, scope: _Scope, select: exp.Select, rows: Counted) -> Iterator[Field]:
        """Give the output columns; none at all when a star stands for unknown ones."""
        stars = [_star_of(each) for each in select.expressions]
        if any(star is not None for star in stars) and (
            scope.is_open or select.args.get("group") is not None
        ):
            return
        is_cut = any(select.args.get(key) for key in ("qualify", "distinct"))
        kept = {one.id: one for one in rows.fields}
        for node, star in zip(select.expressions, stars, strict=True):
            if star is not None:
                yield from (kept.get(one.id, one) for one in _starred(scope, star, node))
                continue
            found = self._field(scope, node.unalias())
            found = kept.get(found.id) or replace(found, covers=frozenset())
            numbers = None if is_cut else found.numbers
            name = node.alias_or_name.lower()
            is_as_is = found.name == name and found.numbers == numbers
            yield found if is_as_is else replace(found, name=name, numbers=numbers)


def _with_conditions(
    seen: JoinSeen, scope: _Scope, join: exp.Join, terms: list[exp.Expr]
) -> JoinSeen:
    """Note what a join and the WHERE clause after it ask for."""
    ids = {one.id for one in seen.right.fields}
    named = [column for term in terms for column in term.find_all(exp.Column)]
    asked = [each for each in (join.args.get("on"), *terms) if each is not None]
    return replace(
        seen,
        says_cross=str(join.kind or "").upper() == "CROSS",
        compares=bool(join.args.get("using")) or any(map(_compares_columns, asked)),
        is_filtered=any(_may_be_of(scope, column, seen.name, ids) for column in named),
    )


def _may_be_of(scope: _Scope, column: exp.Column, name: str, ids: set[int]) -> bool:
    found = scope.find(column)
    return column.table.lower() in {"", name} if found is None else found.id in ids


def _compares_columns(condition: exp.Expr) -> bool:
    """Say whether a condition holds two columns, or what is made of them, to be equal."""
    return any(
        each.this.find(exp.Column) is not None and each.expression.find(exp.Column) is not None
        for each in condition.find_all(exp.EQ, exp.NullSafeEQ)
    )


def _read_or_none(sql: str) -> exp.Expr | None:
    try:
        tree = parse_query(sql).tree
    except Invalid:
        return None
    for node in tree.find_all(*_MAY_BE_ANYTHING):
        is_known = isinstance(node, exp.Func) and str(node.this).lower() in KNOWN_CALLS
        is_field = isinstance(node, exp.Dot) and not isinstance(node.expression, exp.Func)
        if not (is_known or is_field):
            return None  # a macro of the user's may give any number of rows
    return tree


def _with_ctes(tree: exp.Expr, ctes: CTEs) -> CTEs:
    found = with_ctes(tree, ctes)
    if found is None:
        raise _Refused("recursive")
    return found


def _only(node: exp.Expr, known: Iterable[str]) -> None:
    """Refuse a node that says more than is understood."""
    for name, value in node.args.items():
        if value and name not in known:
            raise _Refused(name)


def _pairs(
    scope: _Scope, terms: Iterable[exp.Expr], ids: set[int]
) -> Iterator[tuple[Field, Field]]:
    """Give the columns of the left and of the joined side that conditions compare."""
    for term in terms:
        plain = term.unnest()
        if not isinstance(plain, exp.EQ):
            continue
        one, other = scope.find(plain.this.unnest()), scope.find(plain.expression.unnest())
        if one is None or other is None or not are_same_values(one.type, other.type):
            continue
        if (one.id in ids) != (other.id in ids):
            yield (other, one) if one.id in ids else (one, other)


def _always_holds(scope: _Scope, term: exp.Expr) -> bool:
    plain = term.unnest()
    if isinstance(plain, exp.Boolean):
        return bool(plain.this)
    shown = _not_null_of(scope, plain)
    return shown is not None and shown.is_not_null


def _not_null_of(scope: _Scope, plain: exp.Expr) -> Field | None:
    """Return the column of ``column is not null``."""
    inside = plain.this.unnest() if isinstance(plain, exp.Not) else None
    if not isinstance(inside, exp.Is) or not isinstance(inside.expression, exp.Null):
        return None
    return scope.find(inside.this.unnest())


def _compared(scope: _Scope, term: exp.Expr) -> Iterator[Field]:
    """Give the columns that cannot be null where a condition holds."""
    plain = term.unnest()
    shown = _not_null_of(scope, plain)
    if shown is not None:
        yield shown
    if isinstance(plain, _COMPARES):
        sides = [plain.this, plain.args.get("expression")]
        found = (scope.find(side.unnest()) for side in sides if isinstance(side, exp.Expr))
        yield from (one for one in found if one is not None)


def _given(scope: _Scope, term: exp.Expr) -> set[int]:
    """Return the column that a condition holds to one literal."""
    plain = term.unnest()
    if not isinstance(plain, exp.EQ):
        return set()
    one, other = plain.this.unnest(), plain.expression.unnest()
    column, literal = (other, one) if isinstance(one, exp.Literal) else (one, other)
    found = scope.find(column)
    if found is None or not isinstance(literal, exp.Literal):
        return set()
    is_plain = found.type == "VARCHAR" if literal.is_string else is_integer(found.type)
    return {found.id} if is_plain and (literal.is_string or literal.is_int) else set()


def _is_one(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and node.name == "1"


def _numbered_first(scope: _Scope, term: exp.Expr) -> Field | None:
    """Return the column of ``row_number = 1``, where that was counted below."""
    plain = term.unnest()
    if not isinstance(plain, (exp.EQ, exp.LTE)) or not _is_one(plain.expression):
        return None
    found = scope.find(plain.this.unnest())
    return found if found is not None and found.numbers is not None else None


def _first_by(scope: _Scope, condition: exp.Expr) -> exp.Window | None:
    """Return the window of ``row_number() over (...) = 1``."""
    plain = condition.unnest()
    if not isinstance(plain, (exp.EQ, exp.LTE)) or not _is_one(plain.expression):
        return None
    window = plain.this.unnest()
    if isinstance(window, exp.Column) and scope.find(window) is None and not scope.is_open:
        window = scope.aliases.get(window.name.lower(), window)
    is_number = isinstance(window, exp.Window) and isinstance(window.this, exp.RowNumber)
    return window if is_number and not window.args.get("alias") else None


def _is_never_null(scope: _Scope, plain: exp.Expr) -> bool:
    match plain:
        case exp.Count() | exp.Literal() | exp.Boolean():
            return True
        case exp.Coalesce():
            parts = [plain.this, *plain.expressions]
            return any(_is_never_null(scope, part.unnest()) for part in parts)
        case exp.Column():
            found = scope.find(plain)
            return found is not None and found.is_not_null
        case _:
            return False


def _gives_rows(node: exp.Expr) -> bool:
    """Say whether an output gives several rows for one."""
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
    return isinstance(node, _MANY_ROWS) or name in {"unnest", "generate_subscripts"}


def _is_volatile(node: exp.Expr) -> bool:
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
    return isinstance(node, (exp.Rand, exp.Uuid)) or name in VOLATILE


def _star_of(node: exp.Expr) -> exp.Star | None:
    star = node if isinstance(node, exp.Star) else node.this
    is_star = isinstance(star, exp.Star) and isinstance(node, (exp.Star, exp.Column))
    return star if is_star else None


def _starred(scope: _Scope, star: exp.Star, node: exp.Expr) -> Iterator[Field]:
    _only(star, {"except_"})
    qualifier = node.table.lower() if isinstance(node, exp.Column) else ""
    left_out = {each.name.lower() for each in star.args.get("except_") or ()}
    ids = [ids for called, ids in scope.entries if qualifier in {"", called}]
    for one in scope.rows.fields:
        if one.name not in left_out and any(one.id in each for each in ids):
            yield one


def _limited(tree: exp.Expr, rows: Counted) -> Counted:
    limit, offset = tree.args.get("limit"), tree.args.get("offset")
    if limit is None and offset is None:
        return rows
    counts = [None if each is None else each.args.get("expression") for each in (limit, offset)]
    is_share = limit is not None and limit.args.get("limit_options") is not None
    is_plain = all(
        each is None or (isinstance(count, exp.Literal) and count.is_int)
        for each, count in zip((limit, offset), counts, strict=True)
    )
    if is_share or not is_plain:
        return filtered(rows)
    most, skipped = (None if count is None else float(count.name) for count in counts)
    return cut(rows, most, skipped or 0.0)
