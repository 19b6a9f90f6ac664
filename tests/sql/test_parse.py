"""Parsing: faults point at the text, and nothing hostile takes the process down."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.base.codes import find_code
from headwater.base.errors import Invalid
from headwater.sql.parse import SqlFault, parse_query


def _fault(sql: str) -> SqlFault:
    with pytest.raises(SqlFault) as caught:
        parse_query(sql)
    assert find_code(caught.value.code).number.startswith("HW21")
    return caught.value


@pytest.mark.parametrize(
    ("sql", "code", "place"),
    [
        ("", "sql-empty", (1, 1, 1)),
        ("  -- nothing\n/* at all */ ;", "sql-empty", (1, 1, 1)),
        ("select a from", "sql-syntax", (1, 10, 4)),
        ("select a\nfrom t\nwhere (a > 1", "sql-syntax", (3, 12, 1)),
        ("select a b c from t", "sql-syntax", (1, 12, 1)),
        ("select foo(]", "sql-syntax", (1, 12, 1)),
        ("select 'abc", "sql-syntax", (1, 8, 1)),
        ("select a,\n  'it''s' || 'abc from t", "sql-syntax", (2, 14, 1)),
        ('select "abc from t', "sql-syntax", (1, 8, 1)),
        ("create table x as select 1", "sql-not-a-query", (1, 1, 6)),
        ("insert into t select 1", "sql-not-a-query", (1, 1, 6)),
        ("  drop table t", "sql-not-a-query", (1, 3, 4)),
        ("summarize t", "sql-not-a-query", (1, 1, 9)),
        ("hello", "sql-not-a-query", (1, 1, 5)),
        ("select 1;\nselect 2", "sql-not-a-query", (2, 1, 6)),
        ("select order from t", "reserved-word", (1, 8, 5)),
        ("select a,\n  Table from t", "reserved-word", (2, 3, 5)),
        ("select a from order", "reserved-word", (1, 15, 5)),
        ("select a from t as group", "reserved-word", (1, 20, 5)),
        ("select a limit, b from t", "sql-syntax", (1, 19, 4)),
        ("select when from t", "reserved-word", (1, 8, 4)),
        ("select primary, a from t", "reserved-word", (1, 8, 7)),
        ("with all as (select 1) select * from all", "reserved-word", (1, 6, 3)),
        ("select a from t order by desc", "reserved-word", (1, 26, 4)),
    ],
)
def test_a_fault_has_its_code_and_place(sql: str, code: str, place: tuple[int, int, int]) -> None:
    fault = _fault(sql)

    assert (fault.code, (fault.line, fault.column, fault.length)) == (code, place)


@pytest.mark.parametrize(
    "sql",
    [
        'select "order" from t',
        "select a as order from t",
        "select t.order from t",
        "select year, month, date, user, value, type, name, first, last from t",
        "select a from t where b -- it's fine",
        "select 1;",
        ";;select 1;;",
        "table t",
        "from t",
        "values (1)",
        "pivot t on a using sum(b)",
        "select filter, key, level, position, timestamp, text, index from t",
        "with left_side as (select 1) select * from left_side",
        "select $$a 'quoted' text$$ as a, $tag$b$tag$ as b",
        "select e'it\\'s' as a",
    ],
)
def test_what_duckdb_takes_is_taken(sql: str) -> None:
    duckdb.extract_statements(sql)

    assert parse_query(sql).text == sql


@pytest.mark.parametrize(
    "word", ["order", "group", "left", "user", "year", "at", "columns", "limit", "when"]
)
@pytest.mark.parametrize("form", ["select {} from t", "select a from {}", "select a as {} from t"])
def test_reserved_words_are_those_of_duckdb(word: str, form: str) -> None:
    sql = form.format(word)
    try:
        duckdb.extract_statements(sql)
    except duckdb.Error:
        refused = True
    else:
        refused = False

    try:
        parse_query(sql)
    except SqlFault:
        ours = True
    else:
        ours = False

    assert ours == refused


def test_a_reserved_word_says_how_to_quote_it() -> None:
    fault = _fault("select order from t")

    assert fault.what == "`order` is a reserved word and names nothing unless it is quoted"
    assert fault.fix == 'write "order", or choose another name'
    assert str(fault.span("models/a.sql")) == "models/a.sql:1:8"


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(Invalid, match="`spork` is not a SQL dialect"):
        parse_query("select 1", dialect="spork")


DEEP = {
    "brackets": ("(", "1", ")"),
    "not": ("not ", "true", ""),
    "minus": ("- ", "1", ""),
    "case": ("case when a then ", "1", " end"),
    "subqueries": ("(select ", "1", ")"),
    "lists": ("[", "1", "]"),
    "calls": ("f(", "1", ")"),
    "lambdas": ("x -> ", "1", ""),
    "structs": ("{'a': ", "1", "}"),
    "intervals": ("interval ", "1", ""),
}


@pytest.mark.parametrize("shape", DEEP)
@pytest.mark.parametrize("depth", [200, 5_000])
def test_deep_nesting_is_refused_and_never_a_crash(shape: str, depth: int) -> None:
    opening, inside, closing = DEEP[shape]

    fault = _fault("select " + opening * depth + inside + closing * depth)

    assert fault.code == "sql-too-deep"


@pytest.mark.parametrize("shape", ["brackets", "case", "subqueries", "lists", "calls", "structs"])
def test_honest_nesting_is_parsed(shape: str) -> None:
    opening, inside, closing = DEEP[shape]
    sql = "select " + opening * 60 + inside + closing * 60

    assert parse_query(sql).text == sql


@pytest.mark.parametrize(
    "sql",
    [
        "select a" + "::int" * 5_000,
        "select a" + "[1]" * 5_000,
        "select a" + " is null" * 5_000,
        "select a" + ".b" * 5_000,
        "select a from t " + "join t " * 2_000,
        "select a" + " + a" * 10_000,
        "select " + "a, " * 10_000 + "a from t",
        "select a from t where a in (" + "1, " * 10_000 + "1)",
        "select '" + "x" * 1_000_000 + "'",
        "with " + ", ".join(f"q{i} as (select {i})" for i in range(2_000)) + " select 1",
    ],
    ids=["cast", "index", "is", "dot", "join", "plus", "columns", "in", "string", "ctes"],
)
def test_huge_queries_are_parsed_or_refused(sql: str) -> None:
    assert _code_of(sql) in {"", "sql-syntax", "sql-too-deep"}


def _code_of(sql: str) -> str:
    try:
        parse_query(sql)
    except SqlFault as fault:
        return fault.code
    return ""


def test_a_query_beyond_the_size_limit_is_refused() -> None:
    assert _fault("select '" + "x" * 2_000_000 + "'").code == "sql-too-deep"


_WORDS = """
select from where group by order having limit ( ) , . * + - 'a' "b" 1 a t join on using and or not
case when then end as with recursive union all by name over partition :: [ ] { } : -> exclude
replace columns pivot unpivot for in lateral unnest values qualify ; @ ` $1 ? #1 /* --
"""
WORDS = _WORDS.split()


@settings(max_examples=250, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_any_words_are_a_query_or_a_fault(words: list[str]) -> None:
    sql = " ".join(words)

    try:
        parse_query(sql)
    except SqlFault as fault:
        place = (fault.line, fault.column, fault.length)
    else:
        place = (1, 1, 1)

    assert min(place) >= 1


def test_dialect_that_is_not_read_is_refused_with_those_that_are() -> None:
    with pytest.raises(Invalid) as caught:
        parse_query("select 1", dialect="oracle")

    assert caught.value.code == "dialect-unknown"
    assert "duckdb" in caught.value.fix
