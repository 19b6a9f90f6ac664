"""Row counts from constraints: exact where a key proves it, and never below what the engine gives.

The property runs generated queries over generated tables in DuckDB. What holds in the tables is
told to the counter, so that a bound below the truth, a key that is none or a null where there is
none is a fault of a rule.
"""

import random
from collections.abc import Callable, Iterator
from itertools import combinations

import duckdb
import pytest

from headwater.base.relations import Column, TableName
from headwater.sql.count_rows import RowCount, count_rows
from headwater.sql.counted import TableFacts


def name(table: str) -> TableName:
    return TableName("shop", "main", table)


ORDERS = TableFacts(
    low=100,
    high=100,
    columns=(
        Column("order_id", "BIGINT"),
        Column("customer_id", "BIGINT"),
        Column("placed", "DATE"),
        Column("note", "VARCHAR"),
        Column("is_paid", "BOOLEAN"),
    ),
    keys=frozenset({frozenset({"order_id"})}),
    not_null=frozenset({"order_id", "customer_id"}),
    references={"customer_id": frozenset({(name("customers"), "id")})},
)
CUSTOMERS = TableFacts(
    low=10,
    high=10,
    columns=(Column("id", "BIGINT"), Column("name", "VARCHAR"), Column("code", "VARCHAR")),
    keys=frozenset({frozenset({"id"})}),
    not_null=frozenset({"id"}),
)
KNOWN = {
    name("orders"): ORDERS,
    name("customers"): CUSTOMERS,
    name("recent"): TableFacts(
        sql="select * from shop.main.orders where placed > date '2026-01-01'"
    ),
    name("people"): TableFacts(sql="select id, name as called from shop.main.customers"),
}
ORD, CUS = "shop.main.orders", "shop.main.customers"
JOINED = f"select * from {ORD} as o {{}} join {CUS} as c on o.customer_id = c.id"


FIRST = "row_number() over (order by order_id)"
OTHER = "row_number() over (order by customer_id)"


@pytest.mark.parametrize(
    ("sql", "low", "high"),
    [
        (f"select * from {ORD}", 100, 100),
        (f"select order_id + 1 from {ORD}", 100, 100),
        (f"select * from {ORD} where placed > date '2026-01-01'", 0, 100),
        (f"select * from {ORD} where order_id is not null", 100, 100),
        (f"select * from {ORD} where note is not null", 0, 100),
        (f"select * from {ORD} where order_id = 7", 0, 1),
        (f"select * from {ORD} where order_id = 7.5", 0, 100),
        (f"select order_id, count(*) from {ORD} group by order_id", 100, 100),
        (f"select order_id, placed, count(*) from {ORD} group by all", 100, 100),
        (f"select customer_id, count(*) from {ORD} group by 1", 1, 10),
        (f"select is_paid, count(*) from {ORD} group by is_paid", 1, 3),
        (f"select note, count(*) from {ORD} group by note having count(*) > 1", 0, 100),
        (f"select count(*) from {ORD} where false", 1, 1),
        (f"select sum(order_id) over () from {ORD}", 100, 100),
        (f"select distinct order_id from {ORD}", 100, 100),
        (f"select distinct note from {ORD}", 1, 100),
        (f"select distinct on (customer_id) * from {ORD}", 1, 10),
        (f"select * from {ORD} order by placed limit 5", 5, 5),
        (f"select * from {ORD} limit 5 offset 98", 2, 2),
        (f"select * from {ORD} limit 10%", 0, 100),
        (JOINED.format("left"), 100, 100),
        (JOINED.format(""), 100, 100),
        (JOINED.format("") + " and c.name = 'a'", 0, 100),
        (JOINED.format("right"), 10, 110),
        (JOINED.format("full"), 100, 110),
        (f"select * from {CUS} c left join {ORD} o on o.customer_id = c.id", 10, 110),
        (f"select * from {CUS} c join {ORD} o on o.note = c.code", 0, 1000),
        (f"select * from {CUS}, {ORD}", 1000, 1000),
        (f"select * from {CUS} c, {ORD} o where c.id = o.customer_id", 0, 100),
        (f"select * from {ORD} where customer_id in (select id from {CUS})", 0, 100),
        (f"select * from {ORD} semi join {CUS} on customer_id = id", 0, 100),
        (f"select order_id from {ORD} union all select id from {CUS}", 110, 110),
        (f"select order_id from {ORD} union select id from {CUS}", 1, 110),
        (f"select order_id from {ORD} except select id from {CUS}", 0, 100),
        (f"select order_id from {ORD} intersect select id from {CUS}", 0, 10),
        (f"with a as (select * from {ORD}) select * from a join a as b using (order_id)", 100, 100),
        ("values (1), (2), (3)", 3, 3),
        ("select 1", 1, 1),
        (
            f"select * from (select *, {FIRST} n, {OTHER} m from {ORD}) where n = 1 and m = 1",
            *(0, 1),
        ),
        (f"select geomean(order_id) from {ORD}", 1, 1),
        (f"select * from {ORD} qualify row_number() over (partition by customer_id) = 1", 1, 10),
        (
            f"from (select *, row_number() over (partition by order_id) n from {ORD}) where n = 1",
            *(100, 100),
        ),
        ("select * from shop.main.people", 10, 10),
        (f"select * from {ORD} o left join shop.main.people p on o.customer_id = p.id", 100, 100),
        (f"select * from {ORD} o join shop.main.people p on o.customer_id = p.id", 100, 100),
        ("select count(*) from shop.main.recent group by order_id", 0, 100),
    ],
)
def test_rows_are_bounded(sql: str, low: float, high: float) -> None:
    found = count_rows(sql, KNOWN)

    assert (found.low, found.high) == (low, high)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from shop.main.unknown",
        "select * from read_csv('a.csv')",
        f"select unnest([1, 2]) from {ORD}",
        f"select my_macro(order_id) from {ORD}",
        f"select * from {ORD} group by rollup (order_id)",
        f"select * from {ORD} asof join {CUS} on order_id >= id",
        f"with recursive r as (select 1 union all select * from r) select * from r, {ORD}",
        f"select * from {ORD} tablesample 10%",
        f"select * from {ORD}, unnest([1, 2])",
        "select from where",
    ],
)
def test_what_is_not_understood_has_no_upper_bound(sql: str) -> None:
    assert count_rows(sql, KNOWN).high is None


def test_a_text_that_is_compared_as_a_number_proves_no_key() -> None:
    codes = TableFacts(
        low=10, high=10, columns=(Column("code", "VARCHAR"),), keys=frozenset({frozenset({"code"})})
    )

    sql = f"select * from {ORD} as o left join shop.main.codes as c on o.order_id = c.code"

    assert count_rows(sql, {**KNOWN, name("codes"): codes}).high == 1000  # '1' and '01' are both 1


def test_two_foreign_keys_at_once_prove_no_match() -> None:
    sql = f"select * from {ORD} as o join {CUS} as c on o.customer_id = c.id and o.note = c.name"

    assert count_rows(sql, KNOWN) == RowCount(
        low=0,
        high=100,
        keys=count_rows(sql, KNOWN).keys,
        not_null=frozenset({"order_id", "customer_id", "id", "note", "name"}),
    )


def test_grouping_makes_a_key() -> None:
    found = count_rows(f"select customer_id as c, count(*) as n from {ORD} group by all", KNOWN)

    assert found.keys == {frozenset({"c"})}
    assert found.not_null == {"c", "n"}


# -- the property --------------------------------------------------------------------------------

COLUMNS = ("a", "b", "c")


def make_tables(chance: random.Random, engine: duckdb.DuckDBPyConnection) -> dict[str, TableFacts]:
    """Fill three tables and find out what is true of them."""
    for table in ("t", "u", "v"):
        engine.execute(f"create table shop.main.{table} (a bigint, b bigint, c varchar)")
        for row in range(chance.choice([0, 1, 3, 6, 9])):
            values = [
                "null"
                if chance.random() < 0.15
                else str(chance.choice([row, chance.randrange(4)])),
                "null" if chance.random() < 0.3 else str(chance.randrange(5)),
                "null" if chance.random() < 0.2 else f"'{chance.choice('xyz')}'",
            ]
            engine.execute(f"insert into shop.main.{table} values ({', '.join(values)})")
    return {table: facts_of(table, engine) for table in ("t", "u", "v")}


def scalar(engine: duckdb.DuckDBPyConnection, sql: str) -> int:
    found = engine.execute(sql).fetchone()
    assert found is not None
    return int(found[0])


def facts_of(table: str, engine: duckdb.DuckDBPyConnection) -> TableFacts:
    rows = scalar(engine, f"select count(*) from shop.main.{table}")
    sets = [frozenset(each) for size in (1, 2) for each in combinations(COLUMNS, size)]
    references = {}
    for column in COLUMNS:
        references[column] = frozenset(
            (name(other), key)
            for other in ("t", "u", "v")
            for key in COLUMNS
            if (column == "c") == (key == "c")
            and not scalar(
                engine,
                f"select count(*) from shop.main.{table} where {column} is not null and {column} "
                f"not in (select {key} from shop.main.{other} where {key} is not null)",
            )
        )
    return TableFacts(
        low=rows,
        high=rows,
        columns=(Column("a", "BIGINT"), Column("b", "BIGINT"), Column("c", "VARCHAR")),
        keys=frozenset(s for s in sets if is_key(engine, f"select * from shop.main.{table}", s)),
        not_null=frozenset(
            column
            for column in COLUMNS
            if not scalar(engine, f"select count(*) from shop.main.{table} where {column} is null")
        ),
        references=references,
    )


def is_key(engine: duckdb.DuckDBPyConnection, sql: str, columns: frozenset[str]) -> bool:
    listed = ", ".join(f'"{each}"' for each in sorted(columns))
    shown = " and ".join(f'"{each}" is not null' for each in sorted(columns))
    twice = f"select 1 from ({sql}) where {shown} group by {listed} having count(*) > 1"
    return not scalar(engine, f"select count(*) from ({twice})")


Make = Callable[[random.Random, str, str], str]
"""Writes a query over one or two others."""

CONDITIONS = (
    *("a = 1", "b is not null", "a is not null", "a > b", "c = 'x'", "a in (1, 2)", "not a = 1"),
    *("b is null", "a is not null and c = 'y'", "true", "a = b or c = 'x'"),
)
GROUPS = {
    "a": "a, max(b) as b, min(c) as c",
    "a, b": "a, b, min(c) as c",
    "c": "count(a) as a, max(b) as b, c",
    "a + b": "a + b as a, 1 as b, 'x' as c",
}
JOINS = ("l.a = r.a", "l.a = r.b", "l.c = r.c", "l.a = r.a and l.c = r.c")


def a_join(chance: random.Random, one: str, other: str) -> str:
    side = chance.choice(["", "left", "right", "full", "cross"])
    on = chance.choice(JOINS)
    on = chance.choice([on, f"{on} and l.b > 1", "l.a = r.a or l.b = r.b"])
    on = "" if side == "cross" else f"on {on}"
    if side in {"", "left"} and chance.random() < 0.25:
        on = f"using ({chance.choice('abc')})"
    columns = chance.choice(["l.a, l.b, r.c", "r.a, l.b, l.c", "r.a, r.b, r.c", "l.*"])
    where = chance.choice(["", "", " where l.a = r.b", " where r.a is not null"])
    return f"select {columns} from ({one}) l {side} join ({other}) r {on}{where}"


def a_group(chance: random.Random, one: str, _other: str) -> str:
    having = chance.choice(["", "", " having count(*) > 1"])
    if chance.random() < 0.25:
        return f"select max(a) as a, count(*) as b, min(c) as c from ({one}){having}"
    by = chance.choice(sorted(GROUPS))
    return f"select {GROUPS[by]} from ({one}) group by {by}{having}"


def a_first(chance: random.Random, one: str, _other: str) -> str:
    by = chance.choice(["a", "a, b", "c"])
    if chance.random() < 0.5:
        return f"select * from ({one}) qualify row_number() over (partition by {by}) = 1"
    numbered = f"select *, row_number() over (partition by {by} order by b) as n from ({one})"
    between = chance.choice(["", "", f"select * from ({numbered}) where b > 0"])
    between = chance.choice([between, f"{numbered} limit 2"])
    more = chance.choice(["", " and b > 0"])
    return f"select a, b, c from ({between or numbered}) where n = 1{more}"


MAKERS: tuple[Make, ...] = (
    a_join,
    a_group,
    a_first,
    lambda chance, one, _: f"select * from ({one}) where {chance.choice(CONDITIONS)}",
    lambda chance, one, _: (
        f"select distinct {chance.choice(['a, b, c', 'a, 1 as b, c', '*'])} from ({one})"
    ),
    lambda chance, one, _: (
        f"select distinct on ({chance.choice(['a', 'c', 'a, b'])}) * from ({one})"
    ),
    lambda chance, one, _: (
        f"select * from ({one}) limit {chance.choice([0, 1, 3])} offset {chance.choice([0, 2])}"
    ),
    lambda chance, one, other: (
        f"({one}) {chance.choice(['union all', 'union', 'except', 'intersect'])} ({other})"
    ),
    lambda chance, one, _: (
        f"with w as ({one}) select x.a, x.b, x.c from w as x "
        f"{chance.choice(['', 'left'])} join w as y on x.a = y.a"
    ),
)


def a_query(chance: random.Random, depth: int) -> str:
    """Write a query whose columns are a, b and c."""
    if depth == 0:
        return f"select * from shop.main.{chance.choice('tuv')}"
    one, other = a_query(chance, depth - 1), a_query(chance, depth - 1)
    return chance.choice(MAKERS)(chance, one, other)


def worlds(start: int, count: int) -> Iterator[tuple[random.Random, duckdb.DuckDBPyConnection]]:
    for seed in range(start, start + count):
        with duckdb.connect(":memory:", config={"threads": 1}) as engine:
            engine.execute("attach ':memory:' as shop")
            yield random.Random(seed), engine  # noqa: S311 - a generator of cases


def check(start: int, count: int, queries_each: int) -> tuple[int, int]:
    """Compare bounds with the engine; return how many had an upper bound and were exact."""
    bounded = proved = 0
    for chance, engine in worlds(start, count):
        facts = {name(table): each for table, each in make_tables(chance, engine).items()}
        for _ in range(queries_each):
            sql = a_query(chance, chance.choice([0, 1, 2, 3]))
            found, rows = count_rows(sql, facts), scalar(engine, f"select count(*) from ({sql})")
            assert found.low <= rows, sql
            assert found.high is None or rows <= found.high, sql
            for key in found.keys:
                assert is_key(engine, sql, key), (sql, key)
            for column in found.not_null - {""}:
                nulls = f'select count(*) from ({sql}) where "{column}" is null'
                assert not scalar(engine, nulls), (sql, column)
            bounded += found.high is not None
            proved += found.low == found.high
    return bounded, proved


def test_generated_queries_stay_within_their_bounds() -> None:
    bounded, proved = check(0, 10, 20)

    assert bounded == 200
    assert proved > 60


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_generated_queries_stay_within_their_bounds() -> None:
    check(10_000, 150, 40)
