"""Compiling for a warehouse that nobody connects to: lineage, columns, and what was not asked."""

from pathlib import Path

import pytest
from tests.warehouses.projects import code_of, compile_project

from headwater.graph.references import GraphResult

DIALECTS = [
    ("snowflake", "select a:b::string as x, iff(c, 1, 2) as y from raw.pub.t qualify 1 = 1"),
    ("bigquery", "select safe_cast(a as int64) as x, c.y from `raw`.pub.t, unnest(arr) as c"),
    ("databricks", "select a as x, b as y from raw.pub.t lateral view explode(arr) e as b"),
    (
        "postgres",
        "select a::int as x, b ~ 'z' as y from raw.pub.t where d > now() - interval '1 d'",
    ),
    ("redshift", "select getdate() as x, nvl(a, b) as y from raw.pub.t"),
    (
        "trino",
        "select try_cast(a as varchar) as x, u as y from raw.pub.t cross join unnest(b) as v(u)",
    ),
    ("sqlserver", "select top 3 [a b] as x, getdate() as y from raw.pub.t"),
    ("clickhouse", "select toDate(a) as x, b as y from raw.t final"),
]


def columns(result: GraphResult, name: str) -> list[str]:
    found = next(each for each in result.graph.nodes.values() if each.node.name == name)
    assert found.columns is not None
    return [column.name for column in found.columns]


def codes(result: GraphResult) -> list[str]:
    return [each.name for each in result.diagnostics]


@pytest.mark.parametrize(("warehouse", "sql"), DIALECTS, ids=[name for name, _ in DIALECTS])
def test_sql_is_read_in_its_own_dialect(warehouse: str, sql: str, tmp_path: Path) -> None:
    files = {"models/a.sql": sql, "models/b.sql": "select x, y from {{ ref('a') }}"}

    result = compile_project(tmp_path, files, warehouse)

    assert codes(result) == []
    assert columns(result, "b") == ["x", "y"]
    assert code_of(result, "a") == sql


def test_fault_of_the_dialect_has_its_place(tmp_path: Path) -> None:
    files = {"models/a.sql": "select\n  a,\n  (b\nfrom t"}

    found = compile_project(tmp_path, files, "snowflake").diagnostics

    assert [(each.name, str(each.where)) for each in found] == [("sql-syntax", "models/a.sql:4:1")]


def test_query_of_a_macro_gets_its_columns_and_no_rows_and_says_so_once(tmp_path: Path) -> None:
    files = {
        "models/a.sql": "select 1 as n\n"
        "{% set r = run_query('select kind, n from t') %}{% set s = run_query('select 2 as m') %}\n"
        "{{ r.column_names }} {{ r.rows | length }}"
    }

    result = compile_project(tmp_path, {**files}, "snowflake")

    assert "('kind', 'n') 0" in code_of(result, "a")
    asked = [each for each in result.diagnostics if each.name == "query-not-asked"]
    assert [str(each.where) for each in asked] == ["models/a.sql:2:1"]


def test_columns_are_given_in_the_warehouses_types(tmp_path: Path) -> None:
    files = {
        "models/a.sql": "select cast(1 as int64) as n, cast('x' as string) as s",
        "models/b.sql": "{% for c in adapter.get_columns_in_relation(ref('a')) %}"
        "{% if loop.first %}select {% endif %}{{ c.quoted }} as {{ c.name }}_{{ c.data_type }}"
        "{{ ', ' if not loop.last }}{% endfor %} from {{ ref('a') }}",
    }

    result = compile_project(tmp_path, files, "bigquery")

    assert code_of(result, "b") == "select `n` as n_INT64, `s` as s_STRING from `db`.`sch`.`a`"
