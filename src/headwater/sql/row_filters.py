"""Which rows of its relations a query can need: conditions with constants, found in its tree.

Whoever reads a table of many files may leave out those that hold no such row. A condition is
followed through CTEs and subqueries as far as leaving rows out early changes nothing later: not
past a limit, a window, or a null that an outer join makes. What is not understood says nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.base.conditions import Condition, all_of, any_of
from headwater.base.errors import Invalid
from headwater.base.relations import Column, TableName
from headwater.sql.constants import (
    condition_or_none,
    renamed_or_none,
    without_nulls,
)
from headwater.sql.parse import parse_query
from headwater.sql.reads import outside_tables
from headwater.sql.select_parts import terms_of
from headwater.sql.types import canonical_type

Names = Mapping[str, str]
"""Type, or empty, of each column of some rows by its name in lower case."""

_SELECT_PARTS = frozenset(
    {"with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify",
     "windows", "order", "limit", "offset"}
)  # fmt: skip
_TABLE_PARTS = frozenset({"this", "db", "catalog", "alias"})
_SUBQUERY_PARTS = frozenset({"this", "alias"})
_JOIN_PARTS = frozenset({"this", "side", "kind", "method", "on", "using"})
_KINDS = frozenset({"", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"})
_FILE_READERS = (exp.ReadCSV, exp.ReadParquet, exp.GenerateSeries, exp.Unnest)
_READER_NAME = re.compile(r"read_\w+|glob|range|generate_series|unnest")


Schemas = Mapping[TableName, Sequence[Column] | None]
"""Columns of the relations that a query may name, types empty where not known; None for unknown."""


def find_row_filters(
    sql: str, schemas: Schemas, wanted: Condition | None = None
) -> Mapping[TableName, Condition | None] | None:
    """Return a condition on the rows that a query needs of each relation.

    Args:
        sql: The query, in the embedded engine's SQL.
        schemas: The relations of which something is to be said.
        wanted: What is asked of the query's own rows, by their columns.

    Returns:
        By relation, for each that the query names: a condition, or None when all rows may be
        needed. None when the query may read what its text does not name, or cannot be read.
    """
    try:
        tree = parse_query(sql).tree
    except Invalid:
        return None
    if any(_may_read_others(table) for table in tree.find_all(exp.Table)):
        return None
    visit = _Visit(schemas=_by_parts(schemas))
    for table in tree.find_all(exp.Table):
        if not table.db:
            name = table.name.lower()
            visit.mentions[name] = visit.mentions.get(name, 0) + 1
    visit.query(tree, {}, wanted)
    for table in outside_tables(tree):
        if id(table) not in visit.met:
            visit.need(table, None)
    return {name: any_of(conditions) for name, conditions in visit.found.items()}


def find_columns_or_none(sql: str, schemas: Schemas) -> tuple[Column, ...] | None:
    """Return the columns of a query as far as its text and its inputs tell; None when not all.

    The type of a column is that of the input's column which it passes on, and else empty.

    Args:
        sql: The query.
        schemas: What it reads.
    """
    try:
        tree = parse_query(sql).tree
    except Invalid:
        return None
    names = _Visit(schemas=_by_parts(schemas)).columns(tree, {})
    return None if names is None else tuple(Column(name, kind) for name, kind in names.items())


def _by_parts(schemas: Schemas) -> Mapping[tuple[str, ...], tuple[TableName, Names | None]]:
    return {
        _key(name): (name, None if columns is None else _types(columns))
        for name, columns in schemas.items()
    }


def _may_read_others(table: exp.Table) -> bool:
    """Say whether a function in a FROM clause may read a table whose name it is given as text."""
    called = table.this
    if isinstance(called, (exp.Identifier, *_FILE_READERS)):
        return False
    return not (isinstance(called, exp.Func) and _READER_NAME.fullmatch(called.name.lower()))


def _key(name: TableName) -> tuple[str, ...]:
    return (name.catalog.lower(), name.schema.lower(), name.name.lower())


def _types(columns: Sequence[Column]) -> Names:
    return {column.name.lower(): canonical_type(column.type) for column in columns}


@dataclass(slots=True)
class _Cte:
    """A CTE while the queries that read it are looked at.

    Attributes:
        columns: Its columns; None when they are not known.
        conditions: What each place that reads it wants of its rows.
    """

    columns: Names | None
    conditions: list[Condition | None] = field(default_factory=list)


Ctes = Mapping[str, _Cte]


@dataclass(slots=True)
class _Source:
    """One entry of a FROM clause.

    Attributes:
        node: The entry.
        name: What it is called, in lower case.
        columns: Its columns; None when they are not known.
        is_seen: Names can mean its columns: it is not the right side of a semi or anti join.
        table: It is a plain relation outside the query.
        cte: It is this CTE.
        query: It is this query.
    """

    node: exp.Expr
    name: str = ""
    columns: Names | None = None
    is_seen: bool = True
    table: exp.Table | None = None
    cte: _Cte | None = None
    query: exp.Expr | None = None


@dataclass(frozen=True, slots=True)
class _Passed:
    """A column of a select that only passes on one of a source's."""

    source: int
    name: str
    kind: str


@dataclass(slots=True)
class _Visit:
    """One walk through a query.

    Attributes:
        schemas: Relations and their columns, by lower-case parts.
        mentions: How often a bare name stands for a relation or CTE anywhere in the query.
        found: What every place that names a relation needs of its rows.
        met: Places that were looked at.
    """

    schemas: Mapping[tuple[str, ...], tuple[TableName, Names | None]]
    mentions: dict[str, int] = field(default_factory=dict)
    found: dict[TableName, list[Condition | None]] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)

    def need(self, table: exp.Table, condition: Condition | None) -> None:
        """Note what a place needs of the relation that it names."""
        self.met.add(id(table))
        parts = tuple(part.lower() for part in _parts(table))
        named = self.schemas.get(parts)
        if named is not None:
            self.found.setdefault(named[0], []).append(condition)
            return
        for key, (name, _) in self.schemas.items():
            if key[-len(parts) :] == parts:  # which of them it is the engine will decide
                self.found.setdefault(name, []).append(None)

    def query(self, node: exp.Expr, outer: Ctes, wanted: Condition | None) -> None:
        """Look at a query and all that is inside of it."""
        if isinstance(node, exp.Subquery) and _has_only(node, _SUBQUERY_PARTS):
            self.query(node.this, outer, wanted)
            return
        clause = node.args.get("with_")
        is_recursive = clause is not None and bool(clause.args.get("recursive"))
        ctes: dict[str, _Cte] = dict(outer)
        for cte in clause.expressions if clause is not None else ():
            ctes[cte.alias.lower()] = _Cte(None if is_recursive else self._cte_columns(cte, ctes))
        if isinstance(node, exp.Select):
            self._select(node, ctes, wanted)
        elif isinstance(node, exp.SetOperation):
            self._both(node, ctes, wanted)
        else:
            self._inside(node, ctes)
        if clause is None:
            return
        for place, cte in reversed(list(enumerate(clause.expressions))):
            earlier = dict(outer)
            for each in clause.expressions if is_recursive else clause.expressions[:place]:
                earlier[each.alias.lower()] = ctes[each.alias.lower()]
            name = cte.alias.lower()
            uses = ctes[name].conditions
            is_whole = not is_recursive and len(uses) == self.mentions.get(name, 0)
            self.query(cte.this, earlier, any_of(uses) if is_whole else None)

    def _cte_columns(self, cte: exp.CTE, ctes: Ctes) -> Names | None:
        has_names = bool(cte.args["alias"].args.get("columns"))
        return None if has_names else self.columns(cte.this, ctes)

    def _inside(self, node: exp.Expr, ctes: Ctes) -> None:
        """Look at the queries inside of what is no query, or none that is understood."""
        for child in node.iter_expressions():
            if isinstance(child, exp.With):
                continue
            if isinstance(child, exp.Query):
                self.query(child, ctes, None)
            else:
                self._inside(child, ctes)

    def _both(self, node: exp.SetOperation, ctes: Ctes, wanted: Condition | None) -> None:
        left, right = node.this, node.expression
        plain = {"with_", "this", "expression", "distinct", "order"}
        if wanted is None or not _has_only(node, plain):
            self.query(left, ctes, None)
            self.query(right, ctes, None)
            return
        columns = [list((self.columns(side, ctes) or {}).items()) for side in (left, right)]
        pairs = {
            name: other
            for (name, kind), (other, same) in zip(*columns, strict=False)
            if kind == same != "" and len(columns[0]) == len(columns[1])
        }
        self.query(left, ctes, renamed_or_none(wanted, {name: name for name in pairs}.get))
        self.query(right, ctes, renamed_or_none(wanted, pairs.get))

    def _select(self, node: exp.Select, ctes: Ctes, wanted: Condition | None) -> None:
        sources = list(self._sources(node, ctes))
        is_plain = _has_only(node, _SELECT_PARTS) and all(
            _is_plain_join(join) for join in node.args.get("joins") or ()
        )
        parts = _conditions(node) if is_plain else []
        passed = self._passed(node, sources) if is_plain and wanted is not None else {}
        keys = _keys_or_none(node, sources, passed)
        for place, source in enumerate(sources):
            found = _on_source(parts, sources, place, with_nulls=_keeps_nulls(node))
            if wanted is not None:
                names = {
                    name: each.name
                    for name, each in passed.items()
                    if each.source == place and (keys is None or name in keys)
                }
                above = renamed_or_none(wanted, names.get)
                above = above if _keeps_nulls(node) else without_nulls(above)
                found = all_of((found, above))
            self._into(source, ctes, found)
        for key, value in node.args.items():
            if key in {"with_", "from_"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                self._beside(child, ctes)

    def _beside(self, node: object, ctes: Ctes) -> None:
        """Look at the queries in a select's own expressions and conditions of joins."""
        if isinstance(node, exp.Join):
            for key in ("on", "using"):
                self._beside(node.args.get(key), ctes)
        elif isinstance(node, exp.Query):
            self.query(node, ctes, None)
        elif isinstance(node, exp.Expr):
            self._inside(node, ctes)

    def _into(self, source: _Source, ctes: Ctes, condition: Condition | None) -> None:
        """Pass on what is needed of a source."""
        if source.table is not None:
            self.need(source.table, condition)
        elif source.cte is not None:
            source.cte.conditions.append(condition)
        elif source.query is not None:
            self.query(source.query, ctes, condition)
        elif isinstance(source.node, exp.Query):
            self.query(source.node, ctes, None)
        else:
            self._inside(source.node, ctes)

    def _sources(self, node: exp.Select, ctes: Ctes) -> Iterator[_Source]:
        clause = node.args.get("from_")
        if clause is not None:
            yield self._source(clause.this, ctes)
        for join in node.args.get("joins") or ():
            source = self._source(join.this, ctes)
            source.is_seen = join.kind not in {"SEMI", "ANTI"}
            yield source

    def _source(self, node: exp.Expr, ctes: Ctes) -> _Source:
        name, alias = node.alias_or_name.lower(), node.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            return _Source(node, name)
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return self._named(node, name, ctes)
        is_plain = isinstance(node, exp.Subquery) and _has_only(node, _SUBQUERY_PARTS)
        if is_plain and isinstance(node.this, exp.Query):
            return _Source(node, name, self.columns(node.this, ctes), query=node.this)
        return _Source(node, name)

    def _named(self, node: exp.Table, name: str, ctes: Ctes) -> _Source:
        is_plain = _has_only(node, _TABLE_PARTS)
        cte = ctes.get(node.name.lower()) if not node.db else None
        if cte is not None:
            return _Source(node, name, cte.columns, cte=cte) if is_plain else _Source(node, name)
        if not is_plain:
            return _Source(node, name)
        known = self.schemas.get(tuple(part.lower() for part in _parts(node)))
        return _Source(node, name, known[1] if known else None, table=node)

    def columns(self, node: exp.Expr, ctes: Ctes) -> Names | None:
        """Return the columns of a query in order; None when they are not all known."""
        while isinstance(node, exp.Subquery):
            node = node.this
        if isinstance(node, exp.SetOperation):
            return None if node.args.get("by_name") else self._of_both(node, ctes)
        if not isinstance(node, exp.Select) or not _has_only(node, _SELECT_PARTS):
            return None
        inner: Ctes = ctes
        if node.args.get("with_") is not None:
            if node.args["with_"].args.get("recursive"):
                return None
            known = dict(ctes)
            for cte in node.args["with_"].expressions:
                known[cte.alias.lower()] = _Cte(self._cte_columns(cte, known))
            inner = known
        listed = _outputs_or_none(node, list(self._sources(node, inner)))
        if listed is None:
            return None
        names = {name: passed.kind if passed else "" for name, passed in listed}
        return names if len(names) == len(listed) else None

    def _of_both(self, node: exp.SetOperation, ctes: Ctes) -> Names | None:
        """Return the columns of a set operation; of one kind where both sides are of it."""
        left, right = self.columns(node.this, ctes), self.columns(node.expression, ctes)
        if left is None or (right is not None and len(left) != len(right)):
            return None
        kinds = [""] * len(left) if right is None else list(right.values())
        pairs = zip(left.items(), kinds, strict=True)
        return {name: kind if kind == other else "" for (name, kind), other in pairs}

    def _passed(self, node: exp.Select, sources: list[_Source]) -> dict[str, _Passed]:
        """Return the columns that a select only passes on, by its names for them."""
        if _stops_conditions(node):
            return {}
        listed = _outputs_or_none(node, sources) or []
        names = [name for name, _ in listed]
        return {name: each for name, each in listed if each and names.count(name) == 1}


def _parts(table: exp.Table) -> tuple[str, ...]:
    return tuple(part.name for key in ("catalog", "db", "this") if (part := table.args.get(key)))


def _has_only(node: exp.Expr, parts: frozenset[str] | set[str]) -> bool:
    return all(key in parts for key, value in node.args.items() if value)


def _is_plain_join(join: exp.Join) -> bool:
    """Say whether each row of one side meets rows of the other by the two alone."""
    return _has_only(join, _JOIN_PARTS) and join.kind in _KINDS and join.method in {"", "NATURAL"}


def _keeps_nulls(node: exp.Select) -> bool:
    """Say whether no join of a select makes nulls."""
    return not any(join.side or join.kind == "OUTER" for join in node.args.get("joins") or ())


def _conditions(node: exp.Select) -> list[exp.Expr]:
    """Return what must hold of every row that a select lets through its FROM and WHERE."""
    where = node.args.get("where")
    found = terms_of(where.this) if where is not None else []
    if not _keeps_nulls(node):
        return found
    for join in node.args.get("joins") or ():
        if join.args.get("on") is not None and join.kind in {"", "INNER"}:
            found += terms_of(join.args["on"])
    return found


def _on_source(
    parts: list[exp.Expr], sources: list[_Source], place: int, *, with_nulls: bool
) -> Condition | None:
    def name_of(node: exp.Expr) -> str | None:
        found = _resolved_or_none(node, sources)
        return found.name if found is not None and found.source == place else None

    return all_of(condition_or_none(part, name_of, with_nulls=with_nulls) for part in parts)


def _resolved_or_none(node: exp.Expr, sources: list[_Source]) -> _Passed | None:
    """Find the source and column that an expression is, and nothing more than that."""
    node = node.unnest()
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        found = _resolved_or_none(node.this, sources)
        kind = canonical_type(node.to.sql(dialect="duckdb"))
        return found if found is not None and found.kind == kind else None
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        return None
    if node.args.get("db") is not None or node.args.get("catalog") is not None:
        return None
    name, qualifier = node.name.lower(), node.table.lower()
    seen = [(place, each) for place, each in enumerate(sources) if each.is_seen]
    if qualifier:
        seen = [(place, each) for place, each in seen if each.name == qualifier]
        if len(seen) != 1:
            return None
    if any(each.columns is None for _, each in seen):
        return None
    found_in = [(place, each) for place, each in seen if each.columns and name in each.columns]
    if len(found_in) != 1:
        return None
    place, source = found_in[0]
    return _Passed(place, name, (source.columns or {})[name])


def _outputs_or_none(
    node: exp.Select, sources: list[_Source]
) -> list[tuple[str, _Passed | None]] | None:
    """Return a select's columns in order, and what each passes on; None when a star is unknown."""
    merged = any(join.args.get("using") or join.method for join in node.args.get("joins") or ())
    listed: list[tuple[str, _Passed | None]] = []
    for each in node.expressions:
        if isinstance(each, exp.Star) or (
            isinstance(each, exp.Column) and isinstance(each.this, exp.Star)
        ):
            found = None if merged else _starred_or_none(each, sources)
            if found is None:
                return None
            listed += found
        elif each.find(exp.Star, exp.Columns) and not each.find(exp.Count):
            return None
        else:
            listed.append((each.alias_or_name.lower(), _resolved_or_none(_bare(each), sources)))
    return listed


def _bare(each: exp.Expr) -> exp.Expr:
    return each.this if isinstance(each, exp.Alias) else each


def _starred_or_none(
    node: exp.Expr, sources: list[_Source]
) -> list[tuple[str, _Passed | None]] | None:
    star = node.this if isinstance(node, exp.Column) else node
    if any(value for value in star.args.values()):
        return None
    wanted = node.table.lower() if isinstance(node, exp.Column) else ""
    chosen = [
        (place, each)
        for place, each in enumerate(sources)
        if each.is_seen and wanted in {"", each.name}
    ]
    if not chosen or (wanted and len(chosen) != 1):
        return None
    listed: list[tuple[str, _Passed | None]] = []
    for place, each in chosen:
        if each.columns is None:
            return None
        listed += [(name, _Passed(place, name, kind)) for name, kind in each.columns.items()]
    return listed


def _stops_conditions(node: exp.Select) -> bool:
    """Say whether a row of a select may depend on rows that have other values than it."""
    distinct, group = node.args.get("distinct"), node.args.get("group")
    if any(node.args.get(key) for key in ("limit", "offset", "qualify", "windows")):
        return True
    if distinct is not None and distinct.args.get("on") is not None:
        return True
    if group is not None and not _has_only(group, {"expressions", "all"}):
        return True
    return any(each.find(exp.Window) for each in node.expressions)


def _keys_or_none(
    node: exp.Select, sources: list[_Source], passed: Mapping[str, _Passed]
) -> frozenset[str] | None:
    """Return the columns by which a select groups, by its names; None when it groups by none."""
    group = node.args.get("group")
    if group is None:
        has_aggregate = any(each.find(exp.AggFunc) for each in node.expressions)
        return frozenset() if has_aggregate else None
    if group.args.get("all"):
        return None  # then every column that is only passed on is one of them
    by: set[tuple[int, str]] = set()
    for each in group.expressions:
        place = each.unnest()
        if isinstance(place, exp.Literal) and place.this.isdigit():
            position = int(place.this) - 1
            chosen = node.expressions[position] if position < len(node.expressions) else place
            place = _bare(chosen)
        found = _resolved_or_none(place, sources)
        if found is not None:
            by.add((found.source, found.name))
    return frozenset(name for name, each in passed.items() if (each.source, each.name) in by)
