"""Two tables bound side by side: whose rows are alone, and which differ by a key.

All of it is done by the engine, which spills what does not fit; what comes back is bounded.
"""

# ruff: noqa: S608 - names are quoted

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from headwater.base.relations import quote_identifier
from headwater.base.units import format_count
from headwater.engines.engine import Session

ROWS_SHOWN_MAX = 10
"""How many rows of each kind a document shows."""
COLUMNS_SHOWN_MAX = 20
"""How many columns of a changed row a document shows."""
TEXT_CHARS_MAX = 200
"""Characters of a value that are shown."""

Texts = tuple[str | None, ...]
_q = quote_identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedValue:
    """A column of a row that has another value on the right.

    Attributes:
        column: Its name.
        left: Value on the left, as text; None for null.
        right: Value on the right.
    """

    column: str
    left: str | None
    right: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRow:
    """A row that both sides have, with other values.

    Attributes:
        key: Values of its key, as texts.
        values: The first of the columns that differ.
        more: How many further columns differ.
    """

    key: Texts
    values: tuple[ChangedValue, ...]
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKey:
    """What differs between rows told by a key.

    Attributes:
        removed: Rows whose key the right has not.
        added: Rows whose key the left has not.
        changed: Rows with other values.
        gone: The first of those removed.
        come: The first of those added.
        shown: The first of those changed.
        differing: In how many rows each column differs, those that do.
    """

    removed: int
    added: int
    changed: int
    gone: tuple[Texts, ...]
    come: tuple[Texts, ...]
    shown: tuple[ChangedRow, ...]
    differing: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two tables in one session.

    Attributes:
        session: Where both are bound.
        left: Quoted name of one.
        right: Quoted name of the other.
    """

    session: Session
    left: str
    right: str

    def one(self, sql: str) -> tuple[object, ...]:
        """Return the only row of a query."""
        return self.session.query(sql, rows_max=1).rows[0]

    def texts(self, sql: str, rows_max: int = ROWS_SHOWN_MAX) -> tuple[Texts, ...]:
        """Return the first rows of a query, as texts."""
        rows = self.session.query(sql, rows_max=rows_max).rows
        return tuple(tuple(map(_text, row)) for row in rows[:rows_max])

    def alone(self, columns: tuple[str, ...]) -> tuple[tuple[int, tuple[Texts, ...]], ...]:
        """Return the rows of each side alone, as multisets: how many, and the first of them."""
        named = ", ".join(map(_q, columns))
        a, b = (f"SELECT {named} FROM {name}" for name in (self.left, self.right))
        return tuple(self._counted(f"{x} EXCEPT ALL {y}") for x, y in ((a, b), (b, a)))

    def _counted(self, sql: str) -> tuple[int, tuple[Texts, ...]]:
        count = int(str(self.one(f"SELECT count(*) FROM ({sql}) AS alone")[0]))
        if not count:
            return 0, ()
        return count, self.texts(f"SELECT * FROM ({sql}) AS alone ORDER BY ALL")


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= TEXT_CHARS_MAX else text[:TEXT_CHARS_MAX] + "..."


def repeated_key(pair: Pair, key: tuple[str, ...]) -> str:
    """Say that a key does not tell rows apart on some side; empty when it does."""
    named = ", ".join(map(_q, key))
    for side, name in (("left", pair.left), ("right", pair.right)):
        repeated = f"SELECT count(*) AS n FROM {name} GROUP BY {named} HAVING count(*) > 1"
        count = int(str(pair.one(f"SELECT count(*) FROM ({repeated}) AS repeated")[0]))
        if count:
            keys = "a key is" if count == 1 else f"{format_count(count)} keys are"
            return f"{keys} there more than once on the {side}: ({', '.join(key)}) is none"
    return ""


def compare_by_key(pair: Pair, key: tuple[str, ...], compared: tuple[str, ...]) -> ByKey:
    """Compare rows that have one key, which no side has twice."""
    others = tuple(name for name in compared if name not in key)
    joined = _joined(pair, key, others)
    differs = [f"{_differ(name)} AND is_both" for name in others]
    counts = [
        "count(*) FILTER (NOT in_right)",
        "count(*) FILTER (NOT in_left)",
        "count(*) FILTER (is_both AND is_changed)",
        *(f"count(*) FILTER ({condition})" for condition in differs),
    ]
    found = [int(str(each)) for each in pair.one(f"SELECT {', '.join(counts)} FROM {joined}")]
    removed, added, changed, *by_column = found
    differing = {name: count for name, count in zip(others, by_column, strict=True) if count}
    return ByKey(
        removed=removed,
        added=added,
        changed=changed,
        gone=_alone(pair, joined, key, compared, side="left") if removed else (),
        come=_alone(pair, joined, key, compared, side="right") if added else (),
        shown=_changed_rows(pair, joined, key, tuple(differing)) if changed else (),
        differing=MappingProxyType(differing),
    )


def _joined(pair: Pair, key: tuple[str, ...], others: tuple[str, ...]) -> str:
    """Write both sides as one relation: columns ``l.x`` and ``r.x``, and on which side a row is."""
    on = " AND ".join(f"l.{_q(name)} IS NOT DISTINCT FROM r.{_q(name)}" for name in key)
    columns = [
        f"{letter}.{_q(name)} AS {_q(f'{letter}.{name}')}"
        for name in (*key, *others)
        for letter in ("l", "r")
    ]
    changed = " OR ".join(f"l.{_q(name)} IS DISTINCT FROM r.{_q(name)}" for name in others)
    is_left, is_right = "l.__headwater_side IS NOT NULL", "r.__headwater_side IS NOT NULL"
    named = ", ".join(map(_q, (*key, *others)))
    left, right = (
        f"(SELECT {named}, true AS __headwater_side FROM {name})"
        for name in (pair.left, pair.right)
    )
    return (
        f"(SELECT {', '.join(columns)}, {is_left} AS in_left, {is_right} AS in_right, "
        f"{is_left} AND {is_right} AS is_both, ({changed or 'false'}) AS is_changed "
        f"FROM {left} AS l FULL JOIN {right} AS r ON {on}) AS joined"
    )


def _differ(name: str) -> str:
    return f"{_q(f'l.{name}')} IS DISTINCT FROM {_q(f'r.{name}')}"


def _alone(
    pair: Pair, joined: str, key: tuple[str, ...], compared: tuple[str, ...], *, side: str
) -> tuple[Texts, ...]:
    letter, other = ("l", "right") if side == "left" else ("r", "left")
    named = ", ".join(_q(f"{letter}.{name}") for name in compared)
    order = ", ".join(_q(f"{letter}.{name}") for name in key)
    return pair.texts(f"SELECT {named} FROM {joined} WHERE NOT in_{other} ORDER BY {order}")


def _changed_rows(
    pair: Pair, joined: str, key: tuple[str, ...], differing: tuple[str, ...]
) -> tuple[ChangedRow, ...]:
    keys = [_q(f"l.{name}") for name in key]
    values = [
        part for name in differing for part in (_differ(name), _q(f"l.{name}"), _q(f"r.{name}"))
    ]
    sql = (
        f"SELECT {', '.join((*keys, *values))} FROM {joined} "
        f"WHERE is_both AND is_changed ORDER BY {', '.join(keys)}"
    )
    rows = pair.session.query(sql, rows_max=ROWS_SHOWN_MAX).rows[:ROWS_SHOWN_MAX]
    return tuple(_changed_row(row, len(key), differing) for row in rows)


def _changed_row(row: tuple[object, ...], keys: int, differing: tuple[str, ...]) -> ChangedRow:
    found = [
        ChangedValue(column=name, left=_text(left), right=_text(right))
        for name, (is_other, left, right) in zip(
            differing, zip(*[iter(row[keys:])] * 3, strict=True), strict=True
        )
        if is_other
    ]
    return ChangedRow(
        key=tuple(map(_text, row[:keys])),
        values=tuple(found[:COLUMNS_SHOWN_MAX]),
        more=max(0, len(found) - COLUMNS_SHOWN_MAX),
    )
