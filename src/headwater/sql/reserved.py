"""Words that other warehouses and engines reserve: a column of that name must be quoted there.

From the vendors' lists: Spark, *ANSI compliance, SQL keywords*; Snowflake, *Reserved and limited
keywords*; BigQuery, *Lexical structure, reserved keywords*; PostgreSQL, Appendix C.
"""

from collections.abc import Mapping
from types import MappingProxyType

_EVERYWHERE = """
all and any as case cast check column create cross current_date current_time current_timestamp
current_user distinct else false for from full grant group having in inner intersect into is join
lateral left natural not null on or order right select some table then to true union unique using
when where with
"""
_SPARK = """
authorization both collate constraint end escape except fetch filter foreign leading offset only
outer overlaps primary references session_user time trailing unknown user within
"""
_SNOWFLAKE = """
account alter between by connect connection constraint current database delete drop exists
following gscluster ilike increment insert issue like localtime localtimestamp minus of
organization qualify regexp revoke rlike row rows sample schema set start tablesample trigger
try_cast update values view whenever
"""
_BIGQUERY = """
array asc assert_rows_modified at between by collate contains cube current default define desc end
enum escape except exclude exists extract fetch following grouping groups hash if ignore interval
like limit lookup merge new no nulls of outer over partition preceding proto qualify range recursive
respect rollup rows set struct tablesample treat unbounded unnest window within
"""
_POSTGRES = """
analyse analyze array asc asymmetric authorization binary both collate collation concurrently
constraint current_catalog current_role current_schema default deferrable desc do end except fetch
foreign freeze ilike initially isnull leading like limit localtime localtimestamp notnull offset
only outer overlaps placing primary references returning session_user similar symmetric system_user
tablesample trailing user variadic verbose window
"""


def _words(own: str) -> frozenset[str]:
    return frozenset((*_EVERYWHERE.split(), *own.split()))


RESERVED_ELSEWHERE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "spark": _words(_SPARK),
        "databricks": _words(_SPARK),
        "snowflake": _words(_SNOWFLAKE),
        "bigquery": _words(_BIGQUERY),
        "postgres": _words(_POSTGRES),
        "redshift": _words(_POSTGRES)
        | {"backup", "delta", "encode", "parallel", "snapshot", "tag"},
    }
)
"""By engine or warehouse, lower case."""
