"""Shapes of queries: what is proved of them, and why not; checked against what the engine gives."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping

import duckdb
import pytest

from headwater.base.relations import Column, TableName
from headwater.sql.find_shape import QueryNames, find_shape
from headwater.sql.shape import Shape


def table(name: str) -> TableName:
    return TableName("c", "s", name)


def columns(text: str) -> tuple[Column, ...]:
    parts = (part.split() for part in text.split(","))
    return tuple(Column(name=name, type=kind) for name, kind in parts)


TABLES = {
    table("o"): columns("id BIGINT,cid BIGINT,day DATE,amount BIGINT,tag VARCHAR"),
    table("p"): columns("id BIGINT,cid BIGINT,x VARCHAR"),
    table("cu"): columns("cid BIGINT,name VARCHAR"),
}
VIEWS = {table("v"): "select id, cid + 1 as c1, amount, day from s.o where amount > 2"}
KNOWN = QueryNames(columns=TABLES, views=VIEWS, catalog="c")


def shape_of(sql: str) -> Shape:
    return find_shape(sql, KNOWN)


def keys_of(sql: str, *changed: str) -> list[str]:
    return [key.name for key in shape_of(sql).key_columns({table(name) for name in changed})]


REFUSED = {
    "now": ("select *, now() as at_ from s.o", "clock"),
    "random": ("select random() as r, id from s.o", "random"),
    "clock-in-a-view": ("select * from s.v where day < current_date", "clock"),
    "unknown-function": ("select foo(id) from s.o", "`foo`"),
    "function-of-a-schema": ("select s.bar(id) from s.o", "`bar`"),
    "files": ("select * from read_csv('x.csv')", "files"),
    "unknown-table": ("select * from s.nothing", "`nothing`"),
    "recursive": ("with recursive r as (select 1 as n union all from r) from r", "recursive"),
    "asof": ("select o.id from s.o asof join s.p on o.day >= p.id", "method"),
    "positional": ("select o.id from s.o positional join s.p", "method"),
    "sample": ("select id from s.o using sample 3", "random"),
    "union-by-name": ("select id from s.o union by name select id from s.p", "by_name"),
    "settings": ("select id, current_setting('threads') as n from s.o", "who asks"),
    "natural": ("select * from s.o natural join s.cu", "method"),
    "lateral": ("select * from s.o, lateral (select o.id + 1) as l(n)", "lateral"),
    "syntax": ("select from", "SQL"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_proves_nothing(name: str) -> None:
    sql, why = REFUSED[name]

    found = shape_of(sql)

    assert (why in found.refusal, found.key_columns({table("o")})) == (True, ())


UNPROVED = {
    "count-of-all": "select count(*) as n from s.o",
    "limit": "select * from s.o order by id limit 3",
    "window-over-all": "select id, row_number() over (order by id) as n from s.o",
    "subquery-in-a-filter": "select id from s.p where cid in (select cid from s.o)",
    "scalar-subquery": "select p.id, (select max(amount) from s.o) as top from s.p",
    "right-side-of-a-left-join": "select p.id, o.tag from s.p left join s.o on p.x = o.tag",
    "rollup": "select cid, sum(amount) as a from s.o group by rollup(cid)",
    "key-lost-on-the-way": "select day, count(*) as n from (select id, max(day) as day from s.o"
    " group by id) group by day",
    "two-windows": "select id, sum(amount) over (partition by id) as a,"
    " sum(amount) over (partition by cid) as b from s.o",
    "constant-alone": "select 'x' as k, count(*) as n from s.o",
}


@pytest.mark.parametrize("name", UNPROVED)
def test_a_change_that_may_touch_any_row_has_no_key(name: str) -> None:
    found = shape_of(UNPROVED[name])

    changed = {table("o")}
    assert (found.refusal, found.key_columns(changed)) == ("", ())
    assert found.appending_or_none(changed) is None
    assert "no output column" in found.unproved(changed)


def test_words_say_what_was_seen() -> None:
    sql = (
        "with j as (select o.cid, amount, name from s.o join s.cu using (cid) where amount > 0)"
        " select cid, sum(amount) as a from j group by cid"
    )

    assert shape_of(sql).words == "join, filter, aggregate by cid"


def test_ties_are_told() -> None:
    sql = "select * from s.o qualify row_number() over (partition by id order by day desc) = 1"

    assert shape_of(sql).leaves_open == ("ties in the order of row_number",)


def test_columns_of_one_side_of_an_outer_join_are_not_taken_as_equal() -> None:
    sql = (
        "select a.id as ai, a.cid as ac, p.x from (select id, cid from s.o) as a"
        " left join s.p on a.id = a.cid and p.id = a.id"
    )

    found = {key.name: {one.occurrence for one in key.origins} for key in shape_of(sql).keys}

    assert found == {"ai": {0, 1}, "ac": {0}}


# Rows of the tables come and go; both mechanisms must give the same as the whole query does.

PROVED = {
    "projection": "select id, upper(tag) as t from s.o",
    "filter": "select * from s.o where amount > 3 and tag is not null",
    "star-changed": "select * exclude (day) replace (amount + 1 as amount) from s.o",
    "aggregate": "select cid, sum(amount) as a, count(*) as n from s.o group by cid",
    "having": "select cid, sum(amount) as a from s.o group by cid having sum(amount) > 6",
    "expression-key": "select date_trunc('month', day) as m, cid % 2 as h, sum(amount) as a"
    " from s.o group by 1, 2",
    "group-by-all": "select cid, tag, max(amount) as a from s.o group by all",
    "alias-key": "select cid + 1 as k, cid as c, min(id) as i from s.o group by k, c",
    "distinct": "select distinct cid, tag from s.o",
    "distinct-on": "select distinct on (cid) cid, amount, id from s.o"
    " order by cid, amount, id, tag",
    "newest": "select * from s.o qualify row_number() over (partition by id"
    " order by day desc, amount, cid, tag) = 1",
    "newest-in-a-cte": "with r as (select *, row_number() over (partition by id order by day,"
    " amount, cid, tag) as n from s.o) select * exclude (n) from r where n = 1 and amount > 2",
    "named-window": "select id, cid, sum(amount) over w as a from s.o"
    " window w as (partition by cid)",
    "window-of-sums": "select cid, day, sum(sum(amount)) over (partition by cid order by day) as a"
    " from s.o group by cid, day",
    "view": "select c1, sum(amount) as a from s.v group by c1",
    "union-all": "select id, 'o' as src from s.o union all select id, 'p' from s.p",
    "union": "select cid, tag from s.o union select cid, x from s.p",
    "except": "select cid from s.o except select cid from s.p",
    "intersect-all": "select cid from s.o intersect all select cid from s.p",
    "join": "select o.id, o.cid, name from s.o join s.cu on o.cid = cu.cid",
    "join-by-keys": "select o.cid, p.x, sum(amount) as a from s.o join s.p on o.cid = p.cid"
    " group by o.cid, p.x",
    "comma-join": "select o.cid as k, count(*) as n from s.o, s.p where o.cid = p.cid group by k",
    "left-join": "select o.id, o.cid, p.x from s.o left join s.p on o.cid = p.cid",
    "right-join": "select p.cid, p.x, o.tag from s.o right join s.p on o.cid = p.cid",
    "using": "select cid, count(x) as n from s.o left join s.p using (cid) group by cid",
    "semi-join": "select * from s.o semi join s.p on o.cid = p.cid",
    "anti-join": "select cid, count(*) as n from s.o anti join s.p on o.cid = p.cid group by cid",
    "self-join": "select a.cid, count(*) as n from s.o a join s.o b on a.cid = b.cid"
    " group by a.cid",
    "self-join-by-two": "select a.id, b.amount from s.o a join s.o b on a.id = b.cid",
    "aggregates-joined": "with a as (select cid, sum(amount) as s from s.o group by cid),"
    " b as (select cid, count(*) as n from s.p group by cid)"
    " select a.cid, s, n from a left join b on a.cid = b.cid",
    "aggregate-twice": "select cid, count(*) as n from (select cid, id, sum(amount) as a from s.o"
    " group by cid, id) where a > 3 group by cid",
    "unnest": "select id, unnest([amount, amount + 1]) as a from s.o",
    "cte-used-twice": "with a as (select cid, amount from s.o) select x.cid, count(*) as n"
    " from a x join a y using (cid) group by x.cid",
    "nested-filter": "select cid, amount from s.o where cid in (select cid from s.cu)",
    "case-key": "select case when amount > 3 then 'big' else 'small' end as size, cid,"
    " count(*) as n from s.o group by 1, 2",
    "filtered-aggregate": "select cid, count(*) filter (where amount > 2) as n from s.o"
    " group by cid",
    "null-safe-join": "select o.id, p.x from s.o join s.p on o.tag is not distinct from p.x",
    "values": "select o.id, v.k from s.o join (values (1), (2)) as v(k) on o.cid = v.k",
    "literal-key": "select 'x' as k, cid, count(*) as n from s.o group by cid",
}  # fmt: skip

Rows = list[tuple[object, ...]]


def random_row(name: TableName, dice: random.Random) -> tuple[object, ...]:
    def value(kind: str) -> object:
        if dice.random() < 0.15:
            return None
        if kind == "VARCHAR":
            return dice.choice(["a", "b", "A"])
        if kind == "DATE":
            return f"2026-0{dice.randint(1, 3)}-0{dice.randint(1, 3)}"
        return dice.randint(0, 6)

    return tuple(value(column.type) for column in TABLES[name])


def fill(connection: duckdb.DuckDBPyConnection, contents: Mapping[TableName, Rows]) -> None:
    for name, rows in contents.items():
        connection.execute(f"delete from {name.quoted()}")
        if rows:
            marks = f"({', '.join('?' for _ in TABLES[name])})"
            values = [value for row in rows for value in row]
            connection.execute(
                f"insert into {name.quoted()} values {', '.join([marks] * len(rows))}", values
            )


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> Counter[tuple[object, ...]]:
    return Counter(connection.execute(sql).fetchall())


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as c; create schema c.s; use c.s")
    for name, parts in TABLES.items():
        listed = ", ".join(f"{column.name} {column.type}" for column in parts)
        connection.execute(f"create table {name.quoted()} ({listed})")
    for name, sql in VIEWS.items():
        connection.execute(f"create view {name.quoted()} as {sql}")
    yield connection
    connection.close()


def by_keys(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    shape: Shape,
    before: Mapping[TableName, Rows],
    after: Mapping[TableName, Rows],
) -> Counter[tuple[object, ...]] | None:
    """Compute the result anew for touched keys alone; None when no key follows the changes."""
    changed = {name for name in before if Counter(before[name]) != Counter(after[name])}
    changed &= set(shape.tables)
    keys = shape.key_columns(changed)
    if not keys and changed:
        return None
    places = shape.occurrences(changed)

    def values(name: TableName, place: int, rows: Rows) -> list[tuple[object, ...]]:
        fill(connection, {name: rows})
        origins = [key.at_or_none(place) for key in keys]
        made = ", ".join(origin.sql for origin in origins if origin is not None)
        return connection.execute(f"select {made} from {name.quoted()}").fetchall()

    touched: set[tuple[object, ...]] = set()
    for place in places:
        name = shape.tables[place]
        gone = Counter(before[name]) - Counter(after[name])
        came = Counter(after[name]) - Counter(before[name])
        touched |= set(values(name, place, [*gone, *came]))
    fill(connection, before)
    old = answer(connection, sql)
    kept: dict[TableName, Rows] = {}
    for name in changed:
        wanted = [values(name, p, after[name]) for p in places if shape.tables[p] == name]
        kept[name] = [
            row for n, row in enumerate(after[name]) if any(each[n] in touched for each in wanted)
        ]
    fill(connection, {**after, **kept})
    new = answer(connection, sql)
    asked = connection.execute(sql)
    names = [one[0].lower() for one in asked.description]
    asked.fetchall()
    where = [names.index(key.name.lower()) for key in keys]

    def is_touched(row: tuple[object, ...]) -> bool:
        return tuple(row[place] for place in where) in touched

    untouched = Counter({row: n for row, n in old.items() if not is_touched(row)})
    return untouched + Counter({row: n for row, n in new.items() if is_touched(row)})


@pytest.mark.parametrize("name", PROVED)
def test_touched_keys_computed_again_give_the_whole_result(
    connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    sql, dice, followed = PROVED[name], random.Random(name), 0  # noqa: S311 - no secret
    shape = shape_of(sql)
    assert shape.refusal == ""
    for _ in range(6):
        before = {n: [random_row(n, dice) for _ in range(dice.randint(0, 9))] for n in TABLES}
        moving = dice.choice([[table("o")], [table("o"), table("p")], [table("p")]])
        after = {
            n: [
                *(row for row in rows if n not in moving or dice.random() < 0.7),
                *(random_row(n, dice) for _ in range(dice.randint(0, 3)) if n in moving),
            ]
            for n, rows in before.items()
        }
        found = by_keys(connection, sql, shape, before, after)
        if found is None:
            continue
        followed += 1
        fill(connection, after)
        assert found == answer(connection, sql)
    assert followed > 0


@pytest.mark.parametrize("name", PROVED)
def test_new_rows_alone_give_the_new_rows_of_the_result(
    connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    sql, dice = PROVED[name], random.Random(name)  # noqa: S311 - no secret
    shape = shape_of(sql)
    for changed in ({table("o")}, {table("p")}, {table("o"), table("p")}):
        changed &= set(shape.tables)
        appending = shape.appending_or_none(changed)
        if appending is None:
            continue
        for _ in range(3):
            before = {n: [random_row(n, dice) for _ in range(dice.randint(0, 9))] for n in TABLES}
            new = {n: [random_row(n, dice) for _ in range(dice.randint(0, 3))] for n in changed}
            fill(connection, before)
            old = answer(connection, sql)
            fill(connection, {**new, **{n: [] for n in appending.emptied}})
            added = answer(connection, sql)
            fill(connection, {**before, **{n: [*before[n], *rows] for n, rows in new.items()}})

            assert old + added == answer(connection, sql)


def test_a_join_of_two_changing_tables_does_not_add_up() -> None:
    found = shape_of(PROVED["join-by-keys"].replace("sum(amount)", "amount").split("group")[0])

    assert found.appending_or_none({table("o")}) is not None
    assert found.appending_or_none({table("o"), table("p")}) is None


def test_other_branches_are_read_without_rows() -> None:
    found = shape_of(PROVED["union-all"]).appending_or_none({table("o")})

    assert found is not None
    assert (found.changed, found.emptied) == ((table("o"),), (table("p"),))


def test_wanted_keys_are_taken_when_they_are_keys() -> None:
    shape = shape_of("select id, cid, tag from s.o")

    changed = {table("o")}
    assert [key.name for key in shape.key_columns(changed, ("ID",))] == ["id"]
    assert [key.name for key in shape.key_columns(changed, ("other",))] == ["id", "cid", "tag"]


def test_no_query_is_too_large_for_it() -> None:
    body = " union all ".join("select id from s.o" for _ in range(300))

    assert "more than 200 places" in shape_of(body).refusal


def test_keys_of_both_tables_follow_both() -> None:
    assert keys_of(PROVED["join-by-keys"], "o", "p") == ["cid"]
