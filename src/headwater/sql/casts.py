"""Where a query lets the engine cast by itself: times with and without a zone, kinds in a union.

Types are those of stored columns, followed through CTEs and subqueries as far as they are passed
on or cast; what has no plain type is not judged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.base.errors import Invalid
from headwater.base.relations import Column, TableName
from headwater.sql.dialects import DUCKDB
from headwater.sql.infer import infer_type
from headwater.sql.parse import parse_query
from headwater.sql.select_parts import own_nodes
from headwater.sql.types import canonical_type

SELECTS_MAX = 300
"""How many SELECTs of a query are looked at."""

ZONED = "TIMESTAMP WITH TIME ZONE"
_NAIVE = frozenset({"TIMESTAMP", "DATE"})
_COMPARES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_CLOCKS = (exp.CurrentTimestamp,)
_CLOCK_NAMES = frozenset({"now", "get_current_timestamp", "transaction_timestamp"})
_TODAY = (exp.CurrentDate,)

Names = Mapping[str, str]
"""Type, or empty, of each column by its name in lower case; in order."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """Two values that are compared, one of which the engine casts.

    Attributes:
        left: As written.
        right: As written.
        left_type: Canonical type.
        right_type: Canonical type.
    """

    left: str
    right: str
    left_type: str
    right_type: str


@dataclass(frozen=True, slots=True)
class United:
    """A column of a set operation whose branches have different types.

    Attributes:
        name: Its name.
        types: Canonical types of the branches, left and right.
    """

    name: str
    types: tuple[str, str]


@dataclass(slots=True)
class Casts:
    """What was found.

    Attributes:
        mixed: Comparisons of times with and without a zone.
        united: Columns of set operations whose branches differ.
    """

    mixed: list[Mixed] = field(default_factory=list)
    united: list[United] = field(default_factory=list)


def find_casts(sql: str, schemas: Mapping[TableName, Sequence[Column]]) -> Casts:
    """Return the casts that a query leaves to the engine; none when it cannot be read.

    Args:
        sql: The query in the engine's dialect; it names relations in three parts.
        schemas: Columns of the relations that it reads, as far as they are known.
    """
    try:
        tree = parse_query(sql).tree
    except Invalid:
        return Casts()
    walk = _Walk(schemas)
    try:
        walk.query(tree, {})
    except RecursionError:
        return Casts()
    return walk.found


class _Walk:
    """One walk through a query."""

    def __init__(self, schemas: Mapping[TableName, Sequence[Column]]) -> None:
        self._schemas = schemas
        self._selects = 0
        self.found = Casts()

    def query(self, tree: exp.Expr, ctes: Mapping[str, Names | None]) -> Names | None:
        """Look at a query; return its columns, None when they are not all known."""
        self._selects += 1
        if self._selects > SELECTS_MAX:
            return None
        ctes = self._with_ctes(tree, ctes)
        match tree:
            case exp.Subquery():
                return self.query(tree.this, ctes)
            case exp.SetOperation():
                return self._both(tree, ctes)
            case exp.Select():
                return self._select(tree, ctes)
            case _:
                return None

    def _with_ctes(
        self, tree: exp.Expr, ctes: Mapping[str, Names | None]
    ) -> Mapping[str, Names | None]:
        clause = tree.args.get("with_")
        if clause is None:
            return ctes
        known = dict(ctes)
        for cte in clause.expressions:
            name = cte.alias.lower()
            if clause.args.get("recursive"):
                known[name] = None
            columns = self.query(cte.this, known)
            renamed = cte.args["alias"].args.get("columns")
            known[name] = None if renamed or clause.args.get("recursive") else columns
        return known

    def _both(self, tree: exp.SetOperation, ctes: Mapping[str, Names | None]) -> Names | None:
        left, right = self.query(tree.this, ctes), self.query(tree.expression, ctes)
        if left is None or right is None:
            return None
        if tree.args.get("by_name"):
            pairs = [(name, kind, right.get(name, kind)) for name, kind in left.items()]
        elif len(left) == len(right):
            kinds = zip(left.items(), right.values(), strict=True)
            pairs = [(name, kind, other) for (name, kind), other in kinds]
        else:
            return None
        differ = [(name, (one, two)) for name, one, two in pairs if one and two and one != two]
        self.found.united += [United(name, types) for name, types in differ]
        return {name: one if one == two else "" for name, one, two in pairs}

    def _select(self, select: exp.Select, ctes: Mapping[str, Names | None]) -> Names | None:
        sources = list(self._sources(select, ctes))
        type_of = _types_in(sources)
        joins = [join.args.get("on") for join in select.args.get("joins") or ()]
        clauses = [select.args.get(key) for key in ("where", "having", "qualify")]
        for node in own_nodes(*select.expressions, *joins, *clauses):
            if isinstance(node, exp.Query):
                self.query(node, ctes)
            else:
                self._compare(node, type_of)
        return _outputs_or_none(select, sources, type_of)

    def _sources(
        self, select: exp.Select, ctes: Mapping[str, Names | None]
    ) -> Iterator[tuple[str, Names | None]]:
        clause = select.args.get("from_")
        joins = select.args.get("joins") or ()
        for node in [*([clause.this] if clause is not None else []), *(j.this for j in joins)]:
            name = node.alias_or_name.lower()
            if isinstance(node, exp.Subquery):
                yield name, self.query(node, ctes)
            elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
                yield name, self._table(node, ctes)
            else:
                yield name, None

    def _table(self, table: exp.Table, ctes: Mapping[str, Names | None]) -> Names | None:
        if not table.db and table.name.lower() in ctes:
            return ctes[table.name.lower()]
        columns = self._schemas.get(TableName(table.catalog, table.db, table.name))
        if not columns:
            return None
        return {column.name.lower(): canonical_type(column.type) for column in columns}

    def _compare(self, node: exp.Expr, type_of: Callable[[exp.Column], str]) -> None:
        sides = []
        if isinstance(node, _COMPARES):
            sides = [(node.this, node.expression)]
        elif isinstance(node, exp.Between):
            sides = [(node.this, node.args["low"]), (node.this, node.args["high"])]
        for left, right in sides:
            kinds = _time_type(left, type_of), _time_type(right, type_of)
            if ZONED in kinds and _NAIVE & {*kinds}:
                texts = left.sql(dialect=DUCKDB), right.sql(dialect=DUCKDB)
                self.found.mixed.append(Mixed(*texts, *kinds))


def _types_in(sources: Sequence[tuple[str, Names | None]]) -> Callable[[exp.Column], str]:
    """Return what tells the type of a column in a SELECT; empty where it is not plain to see."""

    def type_of(column: exp.Column) -> str:
        name, qualifier = column.name.lower(), column.table.lower()
        seen = [names for called, names in sources if qualifier in {"", called}]
        if not seen or any(names is None for names in seen):
            return ""
        found = [names[name] for names in seen if names and name in names]
        return found[0] if len(found) == 1 else ""

    return type_of


def _outputs_or_none(
    select: exp.Select,
    sources: Sequence[tuple[str, Names | None]],
    type_of: Callable[[exp.Column], str],
) -> Names | None:
    """Return the columns of a SELECT; None when they are not all known, or two have one name."""
    found: list[tuple[str, str]] = []
    for node in select.expressions:
        is_star = isinstance(node, exp.Star) or (
            isinstance(node, exp.Column) and isinstance(node.this, exp.Star)
        )
        if not is_star:
            kind = _time_type(node.unalias(), type_of) or infer_type(node, type_of)
            found.append((node.alias_or_name.lower(), kind))
            continue
        starred = _starred_or_none(node, sources)
        if starred is None:
            return None
        found += starred
    named = dict(found)
    return named if len(named) == len(found) else None


def _starred_or_none(
    node: exp.Expr, sources: Sequence[tuple[str, Names | None]]
) -> list[tuple[str, str]] | None:
    """Return the columns that a star stands for; None when they are not all known."""
    star = node.this if isinstance(node, exp.Column) else node
    qualifier = node.table.lower() if isinstance(node, exp.Column) else ""
    meant = [names for called, names in sources if qualifier in {"", called}]
    if any(star.args.values()) or any(names is None for names in meant):
        return None
    return [each for names in meant for each in (names or {}).items()]


def _time_type(node: exp.Expr, type_of: Callable[[exp.Column], str]) -> str:
    """Return the type of a time, intervals added or taken off; empty for what is none.

    The day of today is that of the session's zone, as a zoned time is read: it is not naive.
    """
    node = node.unnest()
    is_step = isinstance(node, (exp.Add, exp.Sub)) and isinstance(
        node.expression.unnest(), exp.Interval
    )
    if is_step:
        return _time_type(node.this, type_of)
    if isinstance(node, _CLOCKS):
        return ZONED
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _CLOCK_NAMES:
        return ZONED
    if isinstance(node, _TODAY):
        return ""
    kind = infer_type(node, type_of)
    return kind if kind == ZONED or kind in _NAIVE else ""
