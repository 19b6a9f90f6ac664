"""Lineage of projects with faults: each costs what it must and nothing else."""

from tests.graph.builders import graph_of, model, source, source_ref, traced
from tests.graph.projects import FixedLake, key, project_of, sql

from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.graph.columns import ColumnGraph
from headwater.graph.compile import compile_graph

ORDERS = NodeId("source.shop.raw.orders")
RAW = {
    TableName("shop", "raw", "orders"): (
        Column("id", "INTEGER"),
        Column("amount", "DOUBLE"),
        Column("status", "VARCHAR"),
    )
}


def reached(graph: ColumnGraph, node: NodeId, column: str) -> dict[str, str]:
    """Return what a column reaches, and how; the package left out of the names."""
    found = graph.downstream(node, column)
    return {str(each.at).replace("model.shop.", ""): each.kind for each in found}


def test_sql_that_cannot_be_parsed_is_traced_by_its_tables_and_harms_no_other_model() -> None:
    orders = (source_ref("raw", "orders"),)
    project = project_of(
        source("raw", "orders"),
        sql("stg", "select id, amount from {{ source('raw', 'orders') }}", sources=orders),
        sql("broken", "select amount frm {{ ref('stg') }}", "stg"),
        sql("after", "select amount from {{ ref('broken') }}", "broken"),
        sql("whole", "select id, amount * 2 as twice from {{ ref('stg') }}", "stg"),
    )

    result = compile_graph(project, FixedLake(RAW))

    graph = ColumnGraph(result.graph)
    assert [item.name for item in result.diagnostics] == ["sql-syntax"]
    assert reached(graph, ORDERS, "amount") == {
        "stg.amount": "direct",
        "whole.twice": "direct",
        "broken.*": "row",
        "after.*": "row",
    }
    assert reached(graph, ORDERS, "status") == {}
    assert [str(each.at) for each in graph.upstream(key("broken"), "amount")] == [
        "model.shop.stg.*"
    ]
    assert [str(each.at) for each in graph.upstream(key("whole"), "twice")] == [
        "model.shop.stg.amount",
        "source.shop.raw.orders.amount",
    ]


def test_a_source_whose_columns_nobody_knows_is_traced_by_name() -> None:
    orders = (source_ref("raw", "orders"),)
    project = project_of(
        source("raw", "orders"),
        sql(
            "named", "select id, amount from {{ source('raw', 'orders') }} where ok", sources=orders
        ),
        sql("starred", "select * from {{ source('raw', 'orders') }}", sources=orders),
        sql("mart", "select amount from {{ ref('starred') }}", "starred"),
    )

    result = compile_graph(project)

    graph = ColumnGraph(result.graph)
    assert result.diagnostics == ()
    assert reached(graph, ORDERS, "amount") == {
        "named.amount": "direct",
        "starred.*": "row",
        "mart.*": "row",
    }
    assert reached(graph, ORDERS, "ok") == {
        "named.*": "row",
        "starred.*": "row",
        "mart.*": "row",
    }


def test_a_table_that_a_macro_hides_is_read_all_the_same() -> None:
    project = project_of(
        sql("prices", "select 1 as id, 2.5 as price"),
        sql("hidden", "select id, price * 2 as twice from {{ of_prices() }}"),
        sql("starred", "select * from {{ of_prices() }}"),
        macros='{% macro of_prices() %}"shop"."main"."prices"{% endmacro %}',
    )

    result = compile_graph(project)

    graph = ColumnGraph(result.graph)
    found = reached(graph, key("prices"), "price")
    assert found["hidden.twice"] == "direct"
    assert found["starred.price"] == "direct"
    assert "model.shop.prices.price" in {
        str(each.at) for each in graph.upstream(key("hidden"), "twice")
    }


def test_models_that_name_each_other_s_tables_end_a_walk() -> None:
    graph = ColumnGraph(
        graph_of(
            model("one"),
            model("two"),
            lineage={
                "one": traced({"a": [("two", "a", "identity")]}, rows=[("two", "b", "filter")]),
                "two": traced({"a": [("one", "a", "identity")], "b": []}),
            },
        )
    )

    assert reached(graph, key("one"), "a") == {"two.a": "direct"}
    assert reached(graph, key("two"), "b") == {"one.*": "row", "two.*": "row"}


def test_models_in_a_cycle_of_refs_have_no_lineage_and_the_others_keep_theirs() -> None:
    project = project_of(
        sql("a", "select * from {{ ref('b') }}", "b"),
        sql("b", "select * from {{ ref('a') }}", "a"),
        sql("base", "select 1 as one"),
        sql("free", "select one from {{ ref('base') }}", "base"),
    )

    result = compile_graph(project)

    graph = ColumnGraph(result.graph)
    assert [item.name for item in result.diagnostics] == ["graph-cycle"]
    assert reached(graph, key("base"), "one") == {"free.one": "direct"}
    assert reached(graph, key("a"), "x") == {"b.*": "row", "a.*": "row"}
