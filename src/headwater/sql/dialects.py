"""SQL dialects that Headwater reads, and the words that each one reserves.

One place for the names, so that a message can say which words must be quoted and why.
"""

from collections.abc import Mapping
from types import MappingProxyType

from headwater.base.errors import Invalid
from headwater.base.warehouses import WAREHOUSES

DUCKDB = "duckdb"
"""The embedded engine's dialect."""

DIALECTS = tuple(each.dialect for each in WAREHOUSES.values())
"""Names accepted wherever a dialect is asked for."""

# DuckDB 2.0.0: SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'.
_DUCKDB_RESERVED = """
all analyse analyze and any array as asc asymmetric both case cast check collate column constraint
create default deferrable desc describe distinct do else end except false fetch for foreign from
group having in initially intersect into lambda lateral leading limit not null offset on only or
order pivot pivot_longer pivot_wider placing primary qualify references returning select show some
summarize symmetric table then to trailing true union unique unpivot using variadic when where
window with
"""

# The same query with 'type_function': names of functions and types, but not of columns or tables.
_DUCKDB_TYPE_FUNCTION = """
anti asof at authorization binary by collation columns concurrently cross freeze full generated
glob ilike inner is isnull join left like map natural notnull outer overlaps positional right semi
similar struct tablesample try_cast tuple unpack verbose
"""

# Of those, the ones that DuckDB 2.0.0 still takes unquoted as the name of a column.
_DUCKDB_TOLERATED = frozenset({"columns", "map", "struct", "try_cast", "tuple", "by"})

RESERVED_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        DUCKDB: frozenset(_DUCKDB_RESERVED.split())
        | frozenset(_DUCKDB_TYPE_FUNCTION.split()) - _DUCKDB_TOLERATED
    }
)
"""By dialect, lower case: words that name no column or table unless they are quoted. Only of the
engine's own dialect: other warehouses judge their words themselves."""


def require_dialect(name: str) -> str:
    """Return ``name`` in lower case if it is one of ``DIALECTS``.

    Raises:
        Invalid: ``dialect-unknown``.
    """
    lowered = name.lower()
    if lowered not in DIALECTS:
        raise Invalid(
            "dialect-unknown",
            f"`{name}` is not a SQL dialect that Headwater reads",
            fix=f"use one of: {', '.join(DIALECTS)}",
        )
    return lowered
