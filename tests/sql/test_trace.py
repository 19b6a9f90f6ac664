"""Tracing columns: every case file, its names and types against DuckDB, its inputs by oracle."""

import random
from collections.abc import Iterator

import duckdb
import pytest
from tests.sql.cases import Case, open_data, read_cases, read_schemas, shown
from tests.sql.oracle import make_variants, unexplained
from tests.sql.queries import make_query

from headwater.base.relations import Column, TableName
from headwater.sql.columns import trace
from headwater.sql.lineage import QueryLineage
from headwater.sql.parse import parse_query

CASES = read_cases()
Schemas = dict[TableName, tuple[Column, ...]]


@pytest.fixture(scope="module")
def data() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_data()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def schemas(data: duckdb.DuckDBPyConnection) -> Schemas:
    return read_schemas(data)


@pytest.fixture(scope="module")
def variants(
    data: duckdb.DuckDBPyConnection, schemas: Schemas
) -> dict[tuple[str, str], tuple[str, ...]]:
    return make_variants(data, schemas)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_inputs_are_as_the_case_says(case: Case, schemas: Schemas) -> None:
    actual = trace(parse_query(case.sql), schemas)

    assert shown(actual) == case.expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_columns_are_named_and_typed_as_in_duckdb(
    case: Case, schemas: Schemas, data: duckdb.DuckDBPyConnection
) -> None:
    description = data.execute(case.sql).description or []

    actual = trace(parse_query(case.sql), schemas)

    assert [column.name for column in actual.columns] == [entry[0] for entry in description]
    for column, entry in zip(actual.columns, description, strict=True):
        assert column.type in {"", str(entry[1])}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_influence_that_is_seen_is_explained(
    case: Case,
    schemas: Schemas,
    data: duckdb.DuckDBPyConnection,
    variants: dict[tuple[str, str], tuple[str, ...]],
) -> None:
    lineage = trace(parse_query(case.sql), schemas)

    assert unexplained(data, case.sql, lineage, variants) == []


@pytest.mark.parametrize("seed", range(60))
def test_every_influence_in_a_made_up_query_is_explained(
    seed: int,
    schemas: Schemas,
    data: duckdb.DuckDBPyConnection,
    variants: dict[tuple[str, str], tuple[str, ...]],
) -> None:
    sql = make_query(random.Random(seed))  # noqa: S311 - not for secrets
    lineage = trace(parse_query(sql), schemas)

    data.execute(sql)
    assert lineage.gaps == ()
    assert unexplained(data, sql, lineage, variants) == []


def test_the_oracle_sees_an_influence_that_a_trace_leaves_out(
    schemas: Schemas,
    data: duckdb.DuckDBPyConnection,
    variants: dict[tuple[str, str], tuple[str, ...]],
) -> None:
    wrong = trace(parse_query("select a from t where b > 1"), schemas)

    actual = unexplained(data, "select a from t where b > 1 and x > 1", wrong, variants)

    assert actual == ["t.x -> a"]


def test_without_schemas_columns_are_traced_by_name() -> None:
    lineage = trace(
        parse_query("with q as (select * from s.orders) select id, n + 1 as m from q where ok"), {}
    )

    assert shown(lineage) == (
        "id: orders.id identity",
        "m: orders.n transformation",
        "rows: orders.ok filter",
    )
    assert lineage.reads == (TableName("", "s", "orders"),)


def test_a_column_that_may_be_of_two_unknown_tables_is_a_gap() -> None:
    lineage = trace(parse_query("select n from p join q using (id)"), {})

    assert lineage.complete is False
    assert lineage.gaps == (
        "column `n` may belong to any of several tables whose columns are not known",
    )
    assert [table.name for table in lineage.reads] == ["p", "q"]


def test_a_column_of_several_unknown_tables_further_in_is_of_their_rows() -> None:
    lineage = trace(parse_query("select n + 1 as m from (select * from p join q using (id))"), {})

    assert lineage.gaps == ("column `n` is of a table that cannot be told",)
    assert shown(lineage)[0] == "m: p.* transformation, q.* transformation"


def test_a_pivot_of_an_unknown_table_passes_its_columns_on() -> None:
    sql = "select shop from sales pivot (sum(amount) for month in (1, 2))"

    lineage = trace(parse_query(sql), {})

    assert shown(lineage) == (
        "shop: sales.shop identity",
        "rows:",
        "gap: a pivot groups by the other columns of a table, which are not known",
    )


def test_a_star_of_an_unknown_table_is_a_gap() -> None:
    lineage = trace(parse_query('select * from "d"."main"."p" where a > 1'), {})

    assert lineage.columns == ()
    assert lineage.gaps == ("`*` gives the columns of `d.main.p`, which are not known",)


def test_a_column_that_is_nowhere_is_a_gap(schemas: Schemas) -> None:
    lineage = trace(parse_query("select nope, a from t"), schemas)

    assert lineage.gaps == ("column `nope` is in none of the relations read",)
    assert [column.name for column in lineage.columns] == ["nope", "a"]


def test_a_pivot_without_values_is_a_gap_and_still_says_what_it_reads(schemas: Schemas) -> None:
    lineage = trace(parse_query("pivot t on a using sum(b) group by x"), schemas)

    assert lineage.complete is False
    assert [table.name for table in lineage.reads] == ["t"]
    assert [column.name for column in lineage.columns] == ["x"]


def test_a_recursive_unnest_is_a_gap(schemas: Schemas) -> None:
    lineage = trace(parse_query("select unnest([{'p': a}], recursive := true) from t"), schemas)

    assert lineage.gaps == ("a recursive unnest: its columns depend on the type of its argument",)


@pytest.mark.parametrize("how", ["recursive := true", "max_depth := 2"])
def test_an_unnest_that_goes_into_structs_within_a_struct_is_a_gap(how: str) -> None:
    nested = {TableName("", "", "n"): (Column("s", "STRUCT(x INTEGER, y STRUCT(z INTEGER))"),)}

    lineage = trace(parse_query(f"select unnest(s, {how}) from n"), nested)

    assert lineage.gaps == ("a recursive unnest: its columns depend on the type of its argument",)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("select * from query_table('t')", "query_table"),
        ("select a from query('select a from t')", "query"),
        ("select a from somebody_s_macro(1) q join u using (a)", "somebody_s_macro"),
    ],
)
def test_a_function_that_may_read_any_table_is_a_gap(sql: str, name: str, schemas: Schemas) -> None:
    lineage = trace(parse_query(sql), schemas)

    assert lineage.complete is False
    assert f"what the function `{name}` reads cannot be told" in lineage.gaps


def test_a_function_that_reads_no_table_is_no_gap(schemas: Schemas) -> None:
    lineage = trace(parse_query("select t.a, r.i from t, range(t.b) as r(i)"), schemas)

    assert shown(lineage) == (
        "a: t.a identity",
        "i: t.b transformation",
        "rows: t.b join",
    )


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("select 1 where exists (select 1 from u)", ["u"]),
        (
            "with q as (select * from v) select 1 as one from t order by (select max(a) from u)",
            "tuv",
        ),
        ("select * from read_parquet('x.parquet') p join t on p.a = t.a", "t"),
        ("select * from (select * from (select * from t join u on true) union all from v)", "tuv"),
        ("with t as (from t) from t", "t"),
        ("with recursive t as (select 1 as n union all select n + 1 from t) from t", ""),
    ],
)
def test_relations_read_are_found(sql: str, reads: str, schemas: Schemas) -> None:
    lineage = trace(parse_query(sql), schemas)

    assert [table.name for table in lineage.reads] == list(reads)


def test_a_three_part_name_reads_that_table_and_no_other() -> None:
    schemas = {
        TableName("a", "main", "t"): (Column("x", "INTEGER"),),
        TableName("b", "main", "t"): (Column("x", "VARCHAR"),),
    }

    lineage = trace(parse_query('select "t"."x" from "B"."main"."t"'), schemas)

    assert lineage.reads == (TableName("b", "main", "t"),)
    assert lineage.columns[0].type == "VARCHAR"


@pytest.mark.parametrize(
    "sql",
    [
        "select a" + " + a" * 5000 + " as n from t",
        "select a from t where " + " and ".join(["b > 1"] * 5000),
        "select a from t where " + " or ".join(["b > 1"] * 5000),
        " union all ".join(["select a from t"] * 900),
        "select a from t where a in (" + ", ".join(map(str, range(20000))) + ")",
        "select c" + " || c" * 3000 + " as n from t",
    ],
    ids=["sum", "and", "or", "union", "in", "concat"],
)
def test_long_queries_are_traced(sql: str, schemas: Schemas) -> None:
    lineage = trace(parse_query(sql), schemas)

    assert lineage.complete
    assert len(lineage.columns) == 1


def test_a_chain_too_deep_to_trace_is_a_gap_and_still_says_what_it_reads(schemas: Schemas) -> None:
    lineage = trace(parse_query("select a" + "::int" * 3000 + " as n from t"), schemas)

    assert lineage.gaps == ("the query nests too deep to be traced",)
    assert [table.name for table in lineage.reads] == ["t"]


def test_a_trace_is_the_same_value_each_time(schemas: Schemas) -> None:
    sql = "with q as (select a, sum(b) n from t group by a) select * from q join u using (a)"
    first: QueryLineage = trace(parse_query(sql), schemas)

    assert trace(parse_query(sql), schemas) == first
