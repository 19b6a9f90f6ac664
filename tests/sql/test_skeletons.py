"""A query whose tree is another's with other tables means what it means by itself."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.base.relations import Column, TableName
from headwater.sql.columns import trace
from headwater.sql.fingerprint import clock_use, fingerprint
from headwater.sql.meaning import Meanings
from headwater.sql.parse import parse_query
from headwater.sql.skeletons import CHARACTERS_MAX, TIMES_MIN, Skeletons, skeleton_or_none

COLUMNS = (Column("id", "BIGINT"), Column("status", "VARCHAR"), Column("made", "TIMESTAMP"))
TESTS = (
    "select id from A where id is null",
    "select id as unique_field, count(*) as n from A where id is not null group by id having n > 1",
    (
        "with child as (select id as f from A where id is not null), "
        "parent as (select made t from B) "
        "select f from child left join parent on f = t where t is null"
    ),
    "with v as (select status as s, count(*) from A group by 1) select * from v where s in ('a')",
    "select * from A as x join B as y using (id) where x.made < now()",
    "select a.id from A a, (select * from A where made > current_date) b",
    "select count(*) from A union all select count(*) from B -- of A and 'B'\n",
    """from A select columns('i.*') where '"c"."s"."t"' <> "status\"""",
    "select *, row_number() over (partition by id order by made desc) from (select * from A) t",
    "select id from A where exists (select 1 from B, C where B.id = 1)",
    "table A",
    "pivot A on status using count(*)",
    "select A.id from A",
    "select * from A, unnest([1]) as u(x), read_csv('f.csv')",
)
HARD = ("select", "only", "values", "Order By", "final", "ORDERS", "a b", "x'y", "tablesample", "é")


def written(query: str, tables: dict[str, tuple[str, str]], catalog: str = "shop") -> str:
    """Write names of three parts in place of A, B and C."""

    def name(match: re.Match[str]) -> str:
        schema, table = tables[match[0]]
        return f'"{catalog}"."{schema}"."{table}"'

    return re.sub(r"\b[ABC]\b", name, query)


@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.parametrize("query", TESTS)
def test_other_tables_change_only_the_names(query: str, data: st.DataObject) -> None:
    names = st.tuples(st.sampled_from(("main", "Raw", "with")), st.sampled_from(HARD))
    three = st.fixed_dictionaries(dict.fromkeys("ABC", names))
    meanings = Meanings()

    for tables in data.draw(st.lists(three, min_size=4, max_size=6)):
        sql = written(query, tables)
        schemas = {TableName("shop", *name): COLUMNS for name in tables.values()}
        parsed = parse_query(sql)
        reading = meanings.read(sql)

        assert reading.fingerprint == fingerprint(sql)
        assert reading.clock == clock_use(parsed)
        assert reading == Meanings().read(sql)
        assert meanings.trace(sql, schemas) == trace(parsed, schemas)


def test_a_skeleton_is_known_once_enough_texts_had_it() -> None:
    skeletons, query = Skeletons(), TESTS[2]
    texts = [
        written(query, {"A": ("main", f"a{i}"), "B": ("main", f"b{i}")})
        for i in range(TIMES_MIN + 1)
    ]
    found = [skeleton_or_none(text) for text in texts]

    known = []
    for text, skeleton in zip(texts, found, strict=True):
        assert skeleton is not None
        known.append(skeletons.find_or_none(skeleton) is not None)
        skeletons.learn(skeleton, parse_query(text))

    assert known == [False] * TIMES_MIN + [True]
    assert len({skeleton.text for skeleton in found if skeleton}) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('select id from "c"."s"."a"', 'select made from "c"."s"."a"'),
        ('select id from "c"."s"."a"', 'select id from "d"."s"."a"'),
        ('select 1 from "c"."s"."a", "c"."s"."a"', 'select 1 from "c"."s"."a", "c"."s"."b"'),
        (
            """select '"c"."s"."a"' from "c"."s"."a" """,
            """select '"c"."s"."b"' from "c"."s"."a" """,
        ),
        ('select "c"."s"."a"."x" from "c"."s"."a"', 'select "c"."s"."b"."x" from "c"."s"."a"'),
    ],
)
def test_what_differs_in_more_than_names_has_another_skeleton(first: str, second: str) -> None:
    skeletons = [skeleton_or_none(first), skeleton_or_none(second)]

    assert None not in skeletons
    assert skeletons[0] is not None
    assert skeletons[1] is not None
    assert skeletons[0].text != skeletons[1].text


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "select id from orders",
        'select id from "c"."s"."a.csv"',
        'select e\'\\\'\' from "c"."s"."a"',
        'select 1 /* " */ from "c"."s"."a"',
        'select $$"$$ from "c"."s"."a"',
        'select id from "c"."s"."a" ' + " " * CHARACTERS_MAX,
    ],
)
def test_what_is_not_looked_into_has_no_skeleton(sql: str) -> None:
    assert skeleton_or_none(sql) is None


def test_a_name_that_is_a_column_somewhere_is_parsed_every_time() -> None:
    skeletons = Skeletons()

    for i in range(TIMES_MIN + 2):
        text = f'select "c"."s"."a{i}" from "c"."s"."a{i}"'
        skeleton = skeleton_or_none(text)
        assert skeleton is not None
        assert skeletons.find_or_none(skeleton) is None
        skeletons.learn(skeleton, parse_query(text))
