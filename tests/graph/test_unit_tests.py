"""Unit tests become queries of differing rows; each query is run to see what it says."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import duckdb
import pytest
from tests.graph.builders import model, source, source_ref
from tests.graph.projects import FixedLake, project_of, sql

from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.graph.compile import compile_graph
from headwater.graph.references import GraphResult
from headwater.project.node import Node

ORDERS = TableName("shop", "raw", "orders")
LAKE = FixedLake(
    {ORDERS: (Column("id", "INTEGER"), Column("amount", "DECIMAL(10,2)"), Column("at", "DATE"))}
)
TOTALS = (
    "select id, sum(amount) as total, {{ var('label', '1') }} as label"
    " from {{ source('raw', 'orders') }}"
    "{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %} group by id"
)


def unit_test(**declared: Any) -> Node:
    node = model(
        "ut", resource_type="unit_test", relation=None, declared={"model": "totals", **declared}
    )
    return dataclasses.replace(node, unique_id=NodeId("unit_test.shop.totals.ut"))


def compiled(text: str = TOTALS, **declared: Any) -> GraphResult:
    config = {"materialized": "incremental"}
    totals = sql("totals", text, sources=(source_ref("raw", "orders"),), config=config)
    return compile_graph(project_of(source("raw", "orders"), totals, unit_test(**declared)), LAKE)


def given(*rows: Mapping[str, object], **options: object) -> dict[str, object]:
    return {"input": "source('raw', 'orders')", "rows": list(rows), **options}


def differing_rows(result: GraphResult) -> list[tuple[Any, ...]]:
    assert result.diagnostics == ()
    code = result.graph.nodes[NodeId("unit_test.shop.totals.ut")].code
    return duckdb.connect().execute(code).fetchall()


ROWS = ({"id": 1, "amount": 2.5}, {"id": 1, "amount": "1.25"}, {"id": 2})


def test_expected_rows_differ_in_nothing() -> None:
    result = compiled(
        given=[given(*ROWS)], expect={"rows": [{"id": 2, "total": None}, {"id": 1, "total": 3.75}]}
    )

    assert differing_rows(result) == []


def test_wrong_value_is_shown_from_both_sides() -> None:
    result = compiled(given=[given(*ROWS)], expect={"rows": [{"id": 1}, {"id": 3}]})

    assert sorted(differing_rows(result)) == [("actual", 2), ("expected", 3)]


def test_queries_that_give_rows_are_rendered() -> None:
    rows = (
        "{% set kind = 'integer' %}select cast({{ var('n', 4) }} as {{ kind }}) as id, 1 as amount"
    )

    result = compiled(
        given=[{"input": "source('raw', 'orders')", "format": "sql", "rows": rows}],
        expect={"format": "sql", "rows": "select {{ 2 * 2 }} as id, 1 as total, 1 as label"},
    )

    assert differing_rows(result) == []


def test_a_query_that_gives_rows_and_cannot_be_rendered_is_told() -> None:
    rows = "select {{ nowhere() }} as id"

    result = compiled(
        given=[{"input": "source('raw', 'orders')", "format": "sql", "rows": rows}],
        expect={"rows": []},
    )

    assert [each.name for each in result.diagnostics] == ["jinja-undefined"]


def test_duplicate_rows_count() -> None:
    result = compiled(
        "select id, null as total from {{ source('raw', 'orders') }}",
        given=[given({"id": 1}, {"id": 1})],
        expect={"rows": [{"id": 1}]},
    )

    assert differing_rows(result) == [("actual", 1)]


@pytest.mark.parametrize(
    "expect",
    [
        {"format": "csv", "rows": "id,total\n1,3.75\n2,\n"},
        {
            "format": "sql",
            "rows": "select 1 as id, 3.75 as total, 1 as label union all select 2, null, 1;",
        },
    ],
)
def test_rows_as_csv_and_sql(expect: dict[str, str]) -> None:
    csv = {"input": "source('raw','orders')", "format": "csv", "rows": "id,amount\n1,3.75\n2,\n"}

    assert differing_rows(compiled(given=[csv], expect=expect)) == []


def test_overrides_of_variables_and_is_incremental_with_this() -> None:
    result = compiled(
        given=[given({"id": 1}, {"id": 2}), {"input": "this", "rows": [{"id": 1}]}],
        expect={"rows": [{"id": 2, "label": 7}]},
        overrides={"macros": {"is_incremental": True}, "vars": {"label": 7}},
    )

    assert differing_rows(result) == []


def test_values_of_the_context_are_overridden_as_values() -> None:
    text = "select '{{ invocation_id }}' as who from {{ source('raw', 'orders') }}"

    result = compiled(
        text,
        given=[given({"id": 1})],
        expect={"rows": [{"who": "123"}]},
        overrides={"macros": {"invocation_id": 123}},
    )

    assert differing_rows(result) == []


def test_no_rows_at_all() -> None:
    result = compiled(given=[given()], expect={"rows": [{"id": 1}]})

    assert differing_rows(result) == [("expected", 1)]


def test_no_row_at_all_may_be_expected() -> None:
    none = compiled(given=[given()], expect={"rows": []})
    some = compiled(given=[given({"id": 1, "amount": 2})], expect={"rows": []})

    assert differing_rows(none) == []
    assert differing_rows(some) == [("actual", 1, 2, 1)]


def test_text_with_quotes_stays_text() -> None:
    text = "select 'it''s' as word from {{ source('raw', 'orders') }}"
    result = compiled(text, given=[given({"id": 1})], expect={"rows": [{"word": "it's"}]})

    assert differing_rows(result) == []


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"given": [], "expect": {"rows": []}}, "not given: {{ source('raw', 'orders') }}"),
        ({"given": [{"input": "ref('nowhere')", "rows": []}]}, "nowhere"),
        ({"given": [{"input": "orders", "rows": []}]}, "neither ref(), source() nor this"),
        ({"given": [given({"nope": 1})], "expect": {"rows": [{"id": 1}]}}, "no column `nope`"),
        ({"given": [given()], "expect": {"rows": [{"nope": 1}]}}, "no column `nope`"),
        ({"given": [{**given(), "format": "csv"}]}, "format `csv`"),
        ({"given": ["x"]}, "no mapping"),
    ],
)
def test_faulty_unit_test_is_a_finding(declared: dict[str, Any], why: str) -> None:
    (found,) = compiled(**declared).diagnostics

    assert (found.name, found.severity) == ("unit-test-invalid", "error")
    assert why in found.why


def test_unit_test_of_an_unknown_model_is_reported_once() -> None:
    (found,) = compiled(model="nowhere").diagnostics

    assert found.name == "ref-not-found"
