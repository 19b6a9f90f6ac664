"""What is kept of a query is what reading and tracing it anew would give."""

from pathlib import Path

import pytest
from tests.runs.memory import MemoryCache

from headwater.base.relations import Column, TableName
from headwater.sql.columns import trace
from headwater.sql.fingerprint import clock_use, fingerprint
from headwater.sql.meaning import Meanings, tracer_tag
from headwater.sql.parse import SqlFault, parse_query

ORDERS = TableName("c", "s", "orders")
COLUMNS = (Column("id", "BIGINT"), Column("amount", "DECIMAL(9,2)"), Column("at", "TIMESTAMP"))
SCHEMAS = {ORDERS: COLUMNS}
MODELS = sorted((Path(__file__).parents[2] / "examples/harbor/models").rglob("*.sql"))
QUERIES = (
    "select * from c.s.orders",
    "select sum(amount) as total, current_date as today from orders group by all",
    "with a as (select id from c.s.orders where amount > 1) select count(*) from a",
    "select 1 union all by name select id from orders qualify rank() over (order by id) = 1",
    "select columns('a.*') from orders",
    "select a.x from nowhere a, lateral (select a.x + 1)",
    "values (1, 'é')",
    *(text for path in MODELS if "{" not in (text := path.read_text(encoding="utf-8"))),
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_second_command_knows_the_same_as_the_first(query: str) -> None:
    cache = MemoryCache()
    first, second = Meanings(cache), Meanings(cache)

    fresh = (first.read(query), first.trace(query, SCHEMAS))
    entries = dict(cache.values)
    kept = (second.read(query), second.trace(query, SCHEMAS))

    assert kept == fresh
    assert fresh[0].fingerprint == fingerprint(query)
    assert fresh[0].clock == clock_use(parse_query(query))
    assert fresh[1] == trace(parse_query(query), SCHEMAS)
    assert cache.values == entries  # nothing was made anew


def test_other_columns_are_another_trace() -> None:
    meanings = Meanings(MemoryCache())

    before = meanings.trace(QUERIES[0], SCHEMAS)
    after = meanings.trace(QUERIES[0], {ORDERS: COLUMNS[:2]})

    assert [len(before.columns), len(after.columns)] == [3, 2]


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03"])
def test_what_cannot_be_read_from_a_cache_is_made_anew(damage: bytes) -> None:
    cache = MemoryCache()
    expected = Meanings(cache).read(QUERIES[0]), Meanings(cache).trace(QUERIES[0], SCHEMAS)
    for key in cache.values:
        cache.values[key] = damage

    again = Meanings(cache)

    assert (again.read(QUERIES[0]), again.trace(QUERIES[0], SCHEMAS)) == expected


def test_a_query_with_a_fault_is_no_answer_and_is_not_kept() -> None:
    cache = MemoryCache()

    for _ in range(2):
        with pytest.raises(SqlFault):
            Meanings(cache).read("select from where")

    assert cache.values == {}


def test_the_tag_names_the_library() -> None:
    assert tracer_tag().count("-") >= 1


ORDERS = TableName(catalog="c", schema="s", name="orders")
ID = (Column("id", "INTEGER"),)


class Teller:
    """An engine that counts how often it is asked."""

    def __init__(self, answer: tuple[Column, ...] | None) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self) -> tuple[Column, ...] | None:
        self.asked += 1
        return self.answer


def test_an_engine_is_asked_once_for_the_columns_of_a_query() -> None:
    cache, teller = MemoryCache(), Teller(ID)
    sql = "select id from c.s.orders"

    answers = [Meanings(cache).columns(sql, {ORDERS: ID}, "duckdb 2", teller) for _ in range(3)]

    assert answers == [ID, ID, ID]
    assert teller.asked == 1


def test_other_inputs_and_another_engine_are_asked_again() -> None:
    cache, teller = MemoryCache(), Teller(ID)
    sql = "select id from c.s.orders"
    wider = (*ID, Column("name", "VARCHAR"))
    for inputs, engine in (({ORDERS: ID}, "a"), ({ORDERS: wider}, "a"), ({ORDERS: ID}, "b")):
        Meanings(cache).columns(sql, inputs, engine, teller)

    assert teller.asked == 3


def test_a_refusal_is_not_kept() -> None:
    cache, teller = MemoryCache(), Teller(None)
    for _ in range(2):
        Meanings(cache).columns("select nope from c.s.orders", {ORDERS: ID}, "a", teller)

    assert teller.asked == 2


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_parquet('rows.parquet')",
        "select * from read_csv('rows.csv')",
        "from read_json_auto('rows.json')",
        "select * from 'rows.parquet'",
        "select * from (select * from 'folder/rows')",
        "with a as (select * from glob('*')) select * from a",
        "select * from query('select 1 as a')",
        "select (select max(x) from read_text('a')) as m",
        "this is no query",
    ],
)
def test_what_reads_more_than_relations_is_asked_every_time(sql: str) -> None:
    cache, teller = MemoryCache(), Teller(ID)
    for _ in range(2):
        Meanings(cache).columns(sql, {}, "a", teller)

    assert teller.asked == 2
