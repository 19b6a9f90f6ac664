"""Finding relations in a query typed by a user, and replacing nothing but them."""

import pytest

from headwater.sql.parse import SqlFault
from headwater.sql.relations import find_relations, substitute

FOUND = {
    "select * from t": ["t"],
    "select * from a.b.c as x join d on true": ["a.b.c", "d"],
    "select * from t@v3": ["t@v3"],
    'select * from "T"@v12 x': ['"T"@v12'],
    "select * from s.t version as of 3 as y": ["s.t version as of 3"],
    "select * from t TIMESTAMP AS OF '2024-01-01' y": ["t TIMESTAMP AS OF '2024-01-01'"],
    "select * from t at (version => 4) q": ["t at (version => 4)"],
    "select * from t /* here */ AT (TIMESTAMP => '2024-01-01')": [
        "t /* here */ AT (TIMESTAMP => '2024-01-01')"
    ],
    "select * from delta.`/a/b c` x": ["delta.`/a/b c`"],
    'select * from delta."/a/b"': ['delta."/a/b"'],
    "with a as (select * from t) select * from a, b.a": ["t", "b.a"],
    "with t as (select * from t) select * from t": ["t"],
    "with recursive t as (select 1 union select * from t) select * from t": [],
    "select * from read_parquet('x.parquet'), range(3)": [],
    "select (select max(a) from u) from t where b in (select 1 from w)": ["u", "t", "w"],
    "from t": ["t"],
    "pivot t on a using sum(b)": ["t"],
    "describe t": ["t"],
    "summarize s.t": ["s.t"],
    "explain analyze select * from t": ["t"],
    "  Explain select * from t": ["t"],
    "set x = 1": [],
    "": [],
    "select 'from t', \"from\" from u -- from w": ["u"],
    "select 'é☃', a from t where b": ["t"],
    "select a from t; select b from u": ["t", "u"],
}


@pytest.mark.parametrize("sql", FOUND)
def test_relations_are_found_where_they_stand(sql: str) -> None:
    actual = [sql[use.start : use.end] for use in find_relations(sql)]

    assert actual == FOUND[sql]


def test_time_travel_and_paths_are_told_apart() -> None:
    sql = (
        "select * from delta.`/a/b` join t@v3 on true join u timestamp as of '2024-01-01' x on true"
    )

    actual = [(use.path, use.version, use.timestamp, use.alias) for use in find_relations(sql)]

    assert actual == [
        ("/a/b", None, None, ""),
        (None, 3, None, ""),
        (None, None, "2024-01-01", "x"),
    ]


def test_a_schema_called_delta_is_no_path() -> None:
    (use,) = find_relations('select * from delta."orders"')

    assert use.path is None


def test_only_the_places_of_relations_are_edited() -> None:
    sql = "select  t.a, 't' -- t\nfrom t@v3 , u  AS z,delta.`/p` q"
    uses = find_relations(sql)

    actual = substitute(sql, dict(zip(uses, ['"m"."t3"', '"m"."u"', '"m"."p"'], strict=True)))

    assert actual == ('select  t.a, \'t\' -- t\nfrom "m"."t3" AS "t" , "m"."u"  AS z,"m"."p" q')


def test_a_relation_that_keeps_its_name_needs_no_alias() -> None:
    sql = "select t.a from t"
    (use,) = find_relations(sql)

    assert substitute(sql, {use: '"main"."t"'}) == 'select t.a from "main"."t"'


def test_broken_sql_is_a_fault_with_a_place() -> None:
    with pytest.raises(SqlFault) as caught:
        find_relations("select * from t where (")

    assert caught.value.code == "sql-syntax"
