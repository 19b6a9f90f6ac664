"""How many rows a relation inside a query has, at least and at most: the algebra of row counts.

Pure rules, one for each way of combining rows; ``count_rows`` walks the query and applies them.
Everything here is proved from what is known of the tables: keys, nulls, foreign keys. A rule that
does not hold in every case is none: what is not known has no upper bound.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType

from headwater.base.codec import pack
from headwater.base.relations import Column, TableName

KEYS_MAX = 16
"""How many keys of one relation are followed; more would only prove the same again."""

Values = frozenset[tuple[TableName, str]]
"""Columns of tables, by relation and lower-case name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """What is known of the rows of a table or view.

    Attributes:
        low: It has at least so many rows.
        high: It has at most so many; None when that is not known.
        columns: Its columns; empty when they are not known.
        keys: Sets of lower-case columns: no two rows without a null there have the same values.
        not_null: Lower-case columns without nulls.
        references: Columns of other relations by lower-case column: each value that is not null
            is found there.
        distinct: How many values a lower-case column has at most, null left out, where the range
            of its values says so.
        sql: The query of a view; empty for a table.
    """

    low: float = 0.0
    high: float | None = None
    columns: tuple[Column, ...] = ()
    keys: frozenset[frozenset[str]] = frozenset()
    not_null: frozenset[str] = frozenset()
    references: Mapping[str, Values] = field(default_factory=lambda: MappingProxyType({}))
    distinct: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    sql: str = ""


def facts_in_bytes(facts: TableFacts) -> bytes:
    """Return bytes that are equal for equal facts, also in another process."""
    references = sorted((name, sorted(values)) for name, values in facts.references.items())
    return pack(
        (
            (facts.low, facts.high, facts.columns, facts.sql),
            sorted(sorted(key) for key in facts.keys),
            sorted(facts.not_null),
            references,
            sorted(facts.distinct.items()),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column of a relation inside a query.

    Attributes:
        name: Lower-case name.
        id: Equal for columns that have the same value in every row.
        type: Canonical SQL type; empty when it is not known.
        values: Table columns in which each of its values that is not null is found.
        covers: Table columns of which it has every value that is not null.
        is_not_null: It has no nulls.
        numbers: Ids of the columns within which it counts rows from 1 (``row_number``).
    """

    name: str
    id: int
    type: str = ""
    values: Values = frozenset()
    covers: Values = frozenset()
    is_not_null: bool = False
    numbers: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Rows inside a query.

    Attributes:
        low: At least so many.
        high: At most so many; None when that is not known.
        fields: Its columns; empty when they are not known.
        keys: Sets of ids: no two rows without a null there have the same values.
    """

    low: float = 0.0
    high: float | None = None
    fields: tuple[Field, ...] = ()
    keys: frozenset[frozenset[int]] = frozenset()

    def is_unique_by(self, ids: frozenset[int]) -> bool:
        """Say whether no two rows have the same values in these columns, nulls left out."""
        return any(key <= ids for key in self.keys) or self.is_one_row

    @property
    def is_one_row(self) -> bool:
        """True when there is at most one row."""
        return self.high is not None and self.high <= 1


NOTHING_KNOWN = Counted()
"""Rows of which nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a join compares.

    Attributes:
        pairs: Columns of the left and the right side that must be equal.
        is_all: Nothing else must hold.
    """

    pairs: tuple[tuple[Field, Field], ...] = ()
    is_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSeen:
    """One join of a query, as it was met while its rows were counted.

    Attributes:
        left: Rows before it.
        right: Rows that are joined.
        match: What is compared; of an inner join the comparisons of WHERE as well.
        side: ``LEFT``, ``RIGHT``, ``FULL``, or ``INNER``.
        name: What the joined rows are called.
        says_cross: It is written as ``cross join``.
        compares: Some condition may tell which rows belong together.
        is_filtered: WHERE looks at columns of the joined rows.
    """

    left: Counted
    right: Counted
    match: Match
    side: str
    name: str
    says_cross: bool = False
    compares: bool = True
    is_filtered: bool = False

    @property
    def is_many_to_many(self) -> bool:
        """True when neither side is known to have a value of the key only once."""
        once_right = self.right.is_unique_by(frozenset(one.id for _, one in self.match.pairs))
        once_left = self.left.is_unique_by(frozenset(one.id for one, _ in self.match.pairs))
        return not once_right and not once_left


def times(one: float | None, other: float | None) -> float | None:
    """Multiply upper bounds; none of nothing is nothing."""
    if one == 0 or other == 0:
        return 0.0
    return None if one is None or other is None else one * other


def plus(one: float | None, other: float | None) -> float | None:
    """Add upper bounds."""
    return None if one is None or other is None else one + other


def least(*bounds: float | None) -> float | None:
    """Return the smallest upper bound; None when none is known."""
    return min((bound for bound in bounds if bound is not None), default=None)


def joined(left: Counted, right: Counted, match: Match, side: str) -> Counted:
    """Return the rows of a join.

    Args:
        left: Rows so far.
        right: Rows that are joined.
        match: What must be equal.
        side: ``INNER``, ``LEFT``, ``RIGHT`` or ``FULL``.
    """
    if side == "RIGHT":
        turned = Match(pairs=tuple((b, a) for a, b in match.pairs), is_all=match.is_all)
        flipped = joined(right, left, turned, "LEFT")
        ours = {one.id: one for one in flipped.fields}
        fields = tuple(ours[one.id] for one in (*left.fields, *right.fields) if one.id in ours)
        return replace(flipped, fields=fields)
    once_right = right.is_unique_by(frozenset(one.id for _, one in match.pairs))
    once_left = left.is_unique_by(frozenset(one.id for one, _ in match.pairs))
    keys = _joined_keys(left, right, once_left=once_left, once_right=once_right)
    if side == "FULL":
        return _full(left, right, once=once_left or once_right)
    if side == "LEFT":
        fields = (*map(_unnumbered, left.fields), *map(_nullable, right.fields))
        high = times(left.high, max(1.0, right.high) if right.high is not None else None)
        high = left.high if once_right else high
        high = least(high, plus(left.high, right.high)) if once_left else high
        return Counted(low=left.low, high=high, fields=fields, keys=keys)
    return _inner(left, right, match, keys, (once_left, once_right))


def _inner(
    left: Counted,
    right: Counted,
    match: Match,
    keys: frozenset[frozenset[int]],
    once: tuple[bool, bool],
) -> Counted:
    once_left, once_right = once
    high = times(left.high, right.high)
    high = least(high, left.high) if once_right else high
    high = least(high, right.high) if once_left else high
    finds_right = _always_matches(match.pairs, match)
    finds_left = _always_matches([(b, a) for a, b in match.pairs], match)
    is_product = match.is_all and not match.pairs
    low = left.low * right.low if is_product else 0.0
    low = max(low, left.low if finds_right else 0.0, right.low if finds_left else 0.0)
    matched = {one.id for pair in match.pairs for one in pair}
    every_left = finds_right or (is_product and right.low >= 1)
    every_right = finds_left or (is_product and left.low >= 1)
    fields = (
        *(_after_join(one, matched, keeps=every_left) for one in left.fields),
        *(_after_join(one, matched, keeps=every_right) for one in right.fields),
    )
    return Counted(low=low, high=high, fields=fields, keys=keys)


def _always_matches(pairs: Iterable[tuple[Field, Field]], match: Match) -> bool:
    """Say whether every row of the first side meets one of the second: a foreign key without nulls.

    Two foreign keys need not lead to the same row, so that only one pair proves anything.
    """
    found = list(pairs)
    if not match.is_all or len(found) != 1:
        return False
    child, parent = found[0]
    return child.is_not_null and bool(child.values & parent.covers)


def _after_join(one: Field, matched: set[int], *, keeps: bool) -> Field:
    return replace(
        one,
        is_not_null=one.is_not_null or one.id in matched,
        covers=one.covers if keeps else frozenset(),
        numbers=None,
    )


def _full(left: Counted, right: Counted, *, once: bool) -> Counted:
    both = plus(left.high, right.high)
    return Counted(
        low=max(left.low, right.low),
        high=both if once else plus(both, times(left.high, right.high)),
        fields=tuple(map(_nullable, (*left.fields, *right.fields))),
    )


def _unnumbered(one: Field) -> Field:
    return one if one.numbers is None else replace(one, numbers=None)


def _nullable(one: Field) -> Field:
    return replace(one, is_not_null=False, covers=frozenset(), numbers=None)


def _joined_keys(
    left: Counted, right: Counted, *, once_left: bool, once_right: bool
) -> frozenset[frozenset[int]]:
    keys = set(left.keys) if once_right else set[frozenset[int]]()
    keys |= set(right.keys) if once_left else set()
    keys |= {one | other for one, other in product(left.keys, right.keys)}
    return _few(keys)


def _few(keys: Iterable[frozenset[int]]) -> frozenset[frozenset[int]]:
    found = frozenset(keys)
    if len(found) <= KEYS_MAX:
        return found
    return frozenset(sorted(found, key=lambda key: (len(key), sorted(key)))[:KEYS_MAX])


def filtered(rows: Counted, not_null: Iterable[int] = ()) -> Counted:
    """Return what a condition leaves: perhaps nothing, and no nulls where it compares."""
    shown = frozenset(not_null)
    fields = tuple(
        replace(
            one,
            is_not_null=one.is_not_null or one.id in shown,
            covers=frozenset(),
            numbers=None,
        )
        for one in rows.fields
    )
    return Counted(low=0.0, high=rows.high, fields=fields, keys=rows.keys)


def at_most(rows: Counted, most: float) -> Counted:
    """Return rows of which there are at most so many."""
    return replace(rows, low=min(rows.low, most), high=least(rows.high, most))


def cut(rows: Counted, limit: float | None, offset: float) -> Counted:
    """Return what LIMIT and OFFSET leave."""
    high = None if rows.high is None else max(0.0, rows.high - offset)
    low = max(0.0, rows.low - offset)
    if limit is not None:
        high, low = least(high, limit), min(low, limit)
    fields = tuple(replace(one, covers=frozenset(), numbers=None) for one in rows.fields)
    return Counted(low=low, high=high, fields=fields, keys=rows.keys)


def first_of_each(
    rows: Counted, parts: Iterable[Field], tables: Mapping[TableName, TableFacts]
) -> Counted:
    """Return one row of each group, all columns kept."""
    by = frozenset(one.id for one in parts)
    low, high = grouped(rows, parts, tables)
    fields = tuple(
        replace(one, covers=one.covers if one.id in by else frozenset(), numbers=None)
        for one in rows.fields
    )
    return Counted(low=low, high=high, fields=fields, keys=rows.keys | {by})


def grouped(
    rows: Counted, parts: Iterable[Field], tables: Mapping[TableName, TableFacts]
) -> tuple[float, float | None]:
    """Return how many groups there are at least and at most.

    Args:
        rows: What is grouped.
        parts: What it is grouped by.
        tables: What is known of tables: no more values than rows.
    """
    by = {one.id: one for one in parts}
    low = 1.0 if rows.low >= 1 else 0.0
    nulls = {one.id for one in rows.fields if not one.is_not_null}
    if any(key <= by.keys() and not key & nulls for key in rows.keys):
        low = rows.low
    most: float | None = 1.0
    for one in by.values():
        most = times(most, _values_at_most(one, tables))
    return low, least(rows.high, most)


def _values_at_most(one: Field, tables: Mapping[TableName, TableFacts]) -> float | None:
    """Return how many values a column has at most, null among them."""
    known = [(tables[relation], column) for relation, column in one.values if relation in tables]
    found = least(*(least(facts.high, facts.distinct.get(column)) for facts, column in known))
    if one.type == "BOOLEAN":
        found = least(found, 2.0)
    return None if found is None else found + (not one.is_not_null)


def with_facts(rows: Counted, name: TableName, facts: TableFacts) -> Counted:
    """Return the rows of a table or view with what is known of it."""
    ids = {one.name: one.id for one in reversed(rows.fields)}
    fields = tuple(
        Field(
            name=one.name,
            id=one.id,
            type=one.type,
            values=one.values | {(name, one.name)} | facts.references.get(one.name, frozenset()),
            covers=one.covers | {(name, one.name)},
            is_not_null=one.is_not_null or one.name in facts.not_null,
            numbers=one.numbers,
        )
        for one in rows.fields
    )
    known = [key for key in facts.keys if key and key <= ids.keys()]
    keys = rows.keys | {frozenset(ids[each] for each in key) for key in known}
    high = least(rows.high, facts.high)
    low = max(rows.low, facts.low)
    return Counted(
        low=low if high is None else min(low, high), high=high, fields=fields, keys=_few(keys)
    )


def united(branches: Iterable[Counted], *, is_distinct: bool) -> Counted:
    """Return the rows of all branches, which have no columns in common."""
    rows = list(branches)
    low, high = sum(one.low for one in rows), sum(one.high or 0.0 for one in rows)
    is_known = all(one.high is not None for one in rows)
    if is_distinct:
        low = 1.0 if low >= 1 else 0.0
    return Counted(low=low, high=high if is_known else None)
