"""What the values of a column look like: how many are null or differ, from where to where.

Measured on both sides of a comparison alike, so that a shift of a column is seen at a glance.
"""

# ruff: noqa: S608 - names are quoted

from dataclasses import dataclass

from headwater.base.relations import quote_identifier
from headwater.runs.pairs import Pair
from headwater.sql.types import canonical_type

_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT", "JSON")
_NUMBERS = (
    "DECIMAL", "DOUBLE", "FLOAT", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
)  # fmt: skip

COLUMNS_MAX = 200
"""How many columns are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the values of a column look like.

    Attributes:
        nulls: How many are null.
        distinct: About how many differ (HyperLogLog); None for nested types.
        minimum: The smallest, as text; None without any, and for nested types.
        maximum: The largest.
        mean: Of numbers.
    """

    nulls: int
    distinct: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePair:
    """A column on both sides.

    Attributes:
        column: Its name.
        left: On the left.
        right: On the right.
    """

    column: str
    left: Profile
    right: Profile


def profile_columns(pair: Pair, columns: tuple[tuple[str, str], ...]) -> tuple[ProfilePair, ...]:
    """Look at the first COLUMNS_MAX columns of both sides, each table read once.

    Args:
        pair: The sides.
        columns: Names and types.
    """
    looked_at = columns[:COLUMNS_MAX]
    left, right = (_profiles(pair, name, looked_at) for name in (pair.left, pair.right))
    return tuple(
        ProfilePair(column=name, left=one, right=other)
        for (name, _), one, other in zip(looked_at, left, right, strict=True)
    )


def _profiles(pair: Pair, table: str, columns: tuple[tuple[str, str], ...]) -> tuple[Profile, ...]:
    parts = [part for name, kind in columns for part in _measures(quote_identifier(name), kind)]
    row = pair.one(f"SELECT {', '.join(parts)} FROM {table}")
    return tuple(_profile(row[at : at + 5]) for at in range(0, len(row), 5))


def _measures(column: str, kind: str) -> tuple[str, str, str, str, str]:
    nulls = f"count(*) - count({column})"
    known = canonical_type(kind)
    if known.endswith("]") or known.startswith(_NESTED):
        return nulls, "NULL", "NULL", "NULL", "NULL"
    mean = f"avg({column})::DOUBLE" if known.startswith(_NUMBERS) else "NULL"
    bounds = (f"left(min({column})::VARCHAR, 200)", f"left(max({column})::VARCHAR, 200)")
    return nulls, f"approx_count_distinct({column})", *bounds, mean


def _profile(row: tuple[object, ...]) -> Profile:
    nulls, distinct, minimum, maximum, mean = row
    return Profile(
        nulls=int(str(nulls)),
        distinct=None if distinct is None else int(str(distinct)),
        minimum=None if minimum is None else str(minimum),
        maximum=None if maximum is None else str(maximum),
        mean=None if mean is None else float(str(mean)),
    )
