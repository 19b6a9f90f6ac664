"""Rows inside a query with what their columns tell of the tables below: the algebra of shapes.

Pure rules, one for each way of combining rows; ``find_shape`` walks the query and applies them.
An origin is kept for each column and each place where a table is read (an occurrence): the
expression over that table's columns which has the same value in every row that depends on a row
of it. Whatever breaks that promise drops the origin.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.base.relations import TableName

BRANCHES_MAX = 64
"""How many products of tables are told apart; with more, rows count as not adding up."""

Origins = dict[int, exp.Expr]
"""Expression over the table's columns, by occurrence."""


@dataclass(slots=True, kw_only=True)
class Cell:
    """A column of a relation inside a query.

    Attributes:
        name: As written.
        origins: What it comes from.
        type: Its SQL type in canonical spelling; empty when it is not known.
    """

    name: str
    origins: Origins = field(default_factory=dict)
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Rows inside a query.

    Attributes:
        cells: Its columns in order.
        tables: The table of each occurrence in it.
        settled: Occurrences whose rows do not simply add up.
        branches: Occurrences that are multiplied with each other; the branches are added up.
    """

    cells: tuple[Cell, ...] = ()
    tables: Mapping[int, TableName] = field(default_factory=dict)
    settled: frozenset[int] = frozenset()
    branches: tuple[frozenset[int], ...] = (frozenset(),)


def renamed(rows: Keyed, names: list[str]) -> Keyed:
    """Return rows whose first columns have other names."""
    cells = [
        Cell(name=names[place] if place < len(names) else c.name, origins=c.origins, type=c.type)
        for place, c in enumerate(rows.cells)
    ]
    return Keyed(
        cells=tuple(cells), tables=rows.tables, settled=rows.settled, branches=rows.branches
    )


def with_nested(rows: Keyed, nested: Iterable[Keyed]) -> Keyed:
    """Return rows that also depend on queries inside of their expressions."""
    tables, settled, inside = dict(rows.tables), set(rows.settled), set[int]()
    for each in nested:
        tables |= each.tables
        settled |= set(each.tables)
        inside |= set(each.tables)
    branches = tuple(branch | inside for branch in rows.branches)
    return Keyed(cells=rows.cells, tables=tables, settled=frozenset(settled), branches=branches)


def settled(rows: Keyed) -> Keyed:
    """Return rows that no more add up: they were grouped, counted or compared with each other."""
    everything = frozenset(rows.tables)
    return Keyed(cells=rows.cells, tables=rows.tables, settled=everything, branches=(everything,))


def product(left: Keyed, right: Keyed, *, settles: Iterable[int] = ()) -> Keyed:
    """Return what a join multiplies, without its columns.

    Args:
        left: Rows so far.
        right: Rows that are joined.
        settles: Occurrences whose rows do not add up in the join's result.
    """
    tables = {**left.tables, **right.tables}
    branches = tuple(one | two for one in left.branches for two in right.branches)
    lost = left.settled | right.settled | frozenset(settles)
    if len(branches) > BRANCHES_MAX:
        branches, lost = (frozenset(tables),), frozenset(tables)
    return Keyed(tables=tables, settled=lost, branches=branches)


def union_all(left: Keyed, right: Keyed) -> Keyed:
    """Return the rows of both, column by column in order."""
    cells = tuple(
        Cell(
            name=one.name,
            origins={**one.origins, **two.origins},
            type=one.type if one.type == two.type else "",
        )
        for one, two in zip(left.cells, right.cells, strict=False)
    )
    return Keyed(
        cells=cells,
        tables={**left.tables, **right.tables},
        settled=left.settled | right.settled,
        branches=(*left.branches, *right.branches),
    )


def equate(one: Cell, two: Cell) -> None:
    """Let two columns that are equal in every row have each other's origins."""
    one.origins |= {place: made for place, made in two.origins.items() if place not in one.origins}
    two.origins |= {place: made for place, made in one.origins.items() if place not in two.origins}


_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
    | {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
_EXACT = (
    _INTEGERS | {"VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "UUID"} | {"TIMESTAMP WITH TIME ZONE"}
)


def compares_exactly(one: Cell, two: Cell) -> bool:
    """Say whether two columns are equal exactly when their values are the same."""
    return are_same_values(one.type, two.type)


def are_same_values(one: str, two: str) -> bool:
    """Say whether values of two canonical types are equal exactly when they are the same."""
    if one in _INTEGERS and two in _INTEGERS:
        return True
    return one == two and (one in _EXACT or one.startswith("DECIMAL("))


def is_integer(type_name: str) -> bool:
    """Say whether a canonical type is one of whole numbers."""
    return type_name in _INTEGERS
