"""Another warehouse's SQL on the engine: what comes out is run, what cannot be said is named."""

from collections.abc import Mapping

import duckdb
import pytest

from headwater.base.relations import TableName
from headwater.sql.dialects import DIALECTS
from headwater.sql.parse import SqlFault
from headwater.sql.translate import engine_type, translate, warehouse_type

TABLES = """
create table t as select 1 as id, date '2024-01-31' as d, [10, 20] as arr,
    '{"name": "ann", "tags": ["a", "b"]}'::json as v
"""

RUN: list[tuple[str, str, list[tuple[object, ...]]]] = [
    ("snowflake", "select iff(id = 1, 'y', 'n'), dateadd(month, 1, d)::date::varchar from t",
     [("y", "2024-02-29")]),
    ("snowflake", "select v:name::string, zeroifnull(null), nvl(null, 2) from t",
     [("ann", 0, 2)]),
    ("snowflake", ("select f.value::string, f.index from t, lateral flatten(input => v:tags) f"
     " order by 2"), [("a", 0), ("b", 1)]),
    ("snowflake", ("select f.value::int from t, table(flatten(arr)) f"
     " qualify row_number() over (order by f.value::int desc) = 1"), [(20,)]),
    ("snowflake", "select f.value::int from table(flatten(input => [1, 2])) f order by 1",
     [(1,), (2,)]),
    ("snowflake", ("select id, f.index from t,"
     " lateral flatten(input => array_construct(), outer => true) f"), [(1, None)]),
    ("bigquery", "select safe_cast('x' as int64), struct(1 as a).a, if(true, 'a', 'b')",
     [(None, 1, "a")]),
    ("bigquery", "select u, o from t, unnest(arr) u with offset o order by o", [(10, 0), (20, 1)]),
    ("bigquery", "select offset from t, unnest(arr) u with offset order by 1", [(0,), (1,)]),
    ("bigquery", "select format_date('%Y', d), date_diff(date '2024-02-03', d, day) from `t`",
     [("2024", 3)]),
    ("postgres", "select i, '4'::int + i from generate_series(1, 2) i order by 1",
     [(1, 5), (2, 6)]),
    ("postgres", "select d - interval '1 day' = date '2024-01-30', 7::int / 2::int from t",
     [(True, 3)]),
    ("trino", "select date_diff('day', d, date '2024-02-03'), try_cast('x' as bigint) from t",
     [(3, None)]),
    ("trino", "select x from t cross join unnest(arr) as u(x) order by 1", [(10,), (20,)]),
    ("databricks", ("select datediff(date'2024-02-03', d), e from t"
     " lateral view explode(arr) a as e order by 2"), [(3, 10), (3, 20)]),
    ("redshift", "select datediff(month, d, date '2024-03-01'), nvl(null, 1) from t", [(2, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "expected"), RUN)
def test_translation_gives_the_rows_that_the_warehouse_would(
    dialect: str, sql: str, expected: list[tuple[object, ...]]
) -> None:
    found = translate(sql, dialect, names={})

    assert found.faults == ()
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        assert connection.execute(found.sql).fetchall() == expected


FAULTS: list[tuple[str, str, list[tuple[str, int, int]]]] = [
    ("bigquery", "select farm_fingerprint(id),\n  st_geogpoint(1, 2)\nfrom t",
     [("`farm_fingerprint`", 1, 8), ("`st_geogpoint`", 2, 3)]),
    ("snowflake", "select object_agg(a, b) from t", [("`object_agg`", 1, 8)]),
    ("snowflake", "select f.value from t,\n lateral flatten(input => a, mode => 'OBJECT') f",
     [("`flatten`", 2, 10)]),
    ("snowflake", ("select * from t match_recognize (partition by a order by b"
     " measures first(b) as x pattern (s+) define s as true)"), [("`match_recognize`", 1, 47)]),
    ("snowflake", "select * from t at(offset => -60)", [("time travel", 1, 31)]),
    ("trino", "select bytearray_to_uint256(a) from t", [("`bytearray_to_uint256`", 1, 8)]),
    ("snowflake", "select to_char(d, 'YYYY-MM') from t", [("`to_char`", 1, 8)]),
    ("snowflake", "call do_something(1)", [("a statement", 1, 20)]),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "expected"), FAULTS)
def test_every_construct_without_an_equal_is_named_with_its_place(
    dialect: str, sql: str, expected: list[tuple[str, int, int]]
) -> None:
    faults = translate(sql, dialect, names={}).faults

    assert [fault.place[:2] for fault in faults] == [place[1:] for place in expected]
    for fault, (word, _, _) in zip(faults, expected, strict=True):
        assert word in fault.what
        assert fault.is_sure


@pytest.mark.parametrize(
    ("sql", "is_unsure"),
    [
        ("select a / b from t", True),
        ("select a::float / b from t", False),
        ("select a::int / b::int from t", False),
        ("select a / 2.5 from t", False),
    ],
)
def test_division_whose_types_are_not_known_is_doubted(sql: str, is_unsure: bool) -> None:
    faults = translate(sql, "postgres", names={}).faults

    assert [fault.is_sure for fault in faults] == ([False] if is_unsure else [])


@pytest.mark.parametrize(
    ("dialect", "sql", "catalog", "expected"),
    [
        ("snowflake", "select * from DB.Sch.ORDERS", "", '"db"."sch"."orders"'),
        ("spark", "select * from sch.orders", "", '"db"."sch"."orders"'),
        ("spark", "select * from raw.other", "db", '"db"."raw"."other"'),
        ("bigquery", "select * from `db.sch.orders`", "", '"db"."sch"."orders"'),
        ("postgres", "with orders as (select 1) select * from orders", "db", "FROM orders"),
    ],
)
def test_relations_have_the_lakes_names(
    dialect: str, sql: str, catalog: str, expected: str
) -> None:
    orders = TableName("db", "sch", "orders")
    names: Mapping[tuple[str, ...], TableName] = {
        ("db", "sch", "orders"): orders,
        ("sch", "orders"): orders,
    }

    assert expected in translate(sql, dialect, catalog=catalog, names=names).sql


def test_what_cannot_be_parsed_is_a_fault() -> None:
    with pytest.raises(SqlFault):
        translate("select (", "snowflake", names={})


@pytest.mark.parametrize(
    ("kind", "dialect", "expected"),
    [
        ("number(38,0)", "snowflake", "DECIMAL(38, 0)"),
        ("int64", "bigquery", "BIGINT"),
        ("array<string>", "databricks", "TEXT[]"),
        ("no such (", "trino", "no such ("),
    ],
)
def test_types_are_spelled_for_the_engine(kind: str, dialect: str, expected: str) -> None:
    assert engine_type(kind, dialect) == expected


def test_types_are_spelled_for_the_warehouse() -> None:
    assert warehouse_type("BIGINT", "bigquery") == "INT64"
    assert warehouse_type("VARCHAR", "databricks") == "STRING"
    assert [warehouse_type("", dialect) for dialect in DIALECTS] == [""] * len(DIALECTS)
