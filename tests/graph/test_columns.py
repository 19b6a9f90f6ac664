"""Column lineage across nodes."""

from dataclasses import replace

from tests.graph.builders import graph_of, model, traced

from headwater.base.ids import NodeId
from headwater.base.relations import Column
from headwater.graph.around import edges_around
from headwater.graph.columns import ColumnRef, column_edges, downstream, upstream
from headwater.graph.graph import Graph


def chain() -> Graph:
    return graph_of(
        model("raw"),
        model("stg", "raw"),
        model("mart", "stg"),
        model("report", "mart"),
        model("untraced", "stg"),
        lineage={
            "raw": traced({"id": [], "amount": [], "status": []}),
            "stg": traced(
                {
                    "id": [("raw", "ID", "identity")],
                    "amount": [("raw", "amount", "transformation")],
                    "status": [("raw", "status", "identity")],
                }
            ),
            "mart": traced(
                {"id": [("stg", "id", "identity")], "total": [("stg", "amount", "aggregation")]},
                rows=[("stg", "id", "group_by"), ("stg", "status", "filter")],
            ),
            "report": traced(
                {"total": [("mart", "total", "identity")], "n": [("mart", "*", "aggregation")]}
            ),
        },
    )


def test_edges_name_nodes_not_relations() -> None:
    found = [edge.document() for edge in column_edges(chain(), [NodeId("model.shop.mart")])]

    assert {
        "from": {"node": "model.shop.stg", "column": "amount"},
        "to": {"node": "model.shop.mart", "column": "total"},
        "kind": "direct",
        "subtype": "aggregation",
        "masking": False,
    } in found
    assert {
        "from": {"node": "model.shop.stg", "column": "status"},
        "to": {"node": "model.shop.mart", "column": "*"},
        "kind": "row",
        "subtype": "filter",
        "masking": False,
    } in found
    assert len(found) == 4


def test_downstream_follows_values_with_the_shortest_path() -> None:
    found = {
        reached.at: reached for reached in downstream(chain(), NodeId("model.shop.raw"), "Amount")
    }

    last = found[ColumnRef(NodeId("model.shop.report"), "total")]
    assert last.kind == "direct"
    assert [str(step) for step in last.path] == [
        "model.shop.raw.Amount",
        "model.shop.stg.amount",
        "model.shop.mart.total",
        "model.shop.report.total",
    ]


def test_downstream_of_a_filter_column_reaches_the_rows_of_every_later_node() -> None:
    found = {
        str(reached.at): reached.kind
        for reached in downstream(chain(), NodeId("model.shop.raw"), "status")
    }

    assert found == {
        "model.shop.stg.status": "direct",
        "model.shop.untraced.*": "row",
        "model.shop.mart.*": "row",
        "model.shop.report.*": "row",
    }


def test_upstream_ends_where_the_value_and_its_rows_come_from() -> None:
    found = {
        str(reached.at): reached.kind
        for reached in upstream(chain(), NodeId("model.shop.report"), "total")
    }

    assert found == {
        "model.shop.mart.total": "direct",
        "model.shop.stg.amount": "direct",
        "model.shop.stg.id": "row",
        "model.shop.stg.status": "row",
        "model.shop.raw.amount": "direct",
        "model.shop.raw.ID": "row",
        "model.shop.raw.status": "row",
    }


def test_relation_of_no_node_is_left_out() -> None:
    graph = graph_of(model("a"), lineage={"a": traced({"x": [("elsewhere", "y", "identity")]})})

    assert column_edges(graph) == ()


def test_values_are_followed_on_a_way_that_is_longer_than_one_of_conditions() -> None:
    graph = graph_of(
        model("raw"),
        model("stg", "raw"),
        model("mart", "raw", "stg"),
        lineage={
            "raw": traced({"amount": []}),
            "stg": traced({"kept": [("raw", "amount", "identity")]}),
            "mart": traced(
                {"value": [("raw", "amount", "conditional"), ("stg", "kept", "transformation")]}
            ),
        },
    )

    found = downstream(graph, NodeId("model.shop.raw"), "amount")

    value = next(reached for reached in found if reached.at.column == "value")
    assert value.kind == "direct"
    assert [step.column for step in value.path] == ["amount", "kept", "value"]


def test_a_reader_that_names_a_table_without_a_ref_is_reached() -> None:
    graph = graph_of(
        model("raw"),
        model("hidden"),
        lineage={
            "raw": traced({"amount": []}),
            "hidden": traced({"copied": [("raw", "amount", "identity")]}),
        },
    )

    found = downstream(graph, NodeId("model.shop.raw"), "amount")

    assert [str(reached.at) for reached in found] == ["model.shop.hidden.copied"]
    assert str(upstream(graph, NodeId("model.shop.hidden"), "copied")[0].at) == (
        "model.shop.raw.amount"
    )


def test_edges_around_a_column_are_those_on_its_ways() -> None:
    found = edges_around(chain(), "mart.total", direction="both")

    assert [f"{edge.source} -> {edge.target} {edge.kind}" for edge in found] == [
        "model.shop.mart.total -> model.shop.report.total direct",
        "model.shop.raw.ID -> model.shop.stg.id direct",
        "model.shop.raw.amount -> model.shop.stg.amount direct",
        "model.shop.raw.status -> model.shop.stg.status direct",
        "model.shop.stg.amount -> model.shop.mart.total direct",
        "model.shop.stg.id -> model.shop.mart.* row",
        "model.shop.stg.status -> model.shop.mart.* row",
    ]


def test_direct_edges_around_a_column_leave_out_what_only_decides_about_rows() -> None:
    found = edges_around(chain(), "mart.total", direction="up", direct=True)

    assert [f"{edge.source} -> {edge.target}" for edge in found] == [
        "model.shop.raw.amount -> model.shop.stg.amount",
        "model.shop.stg.amount -> model.shop.mart.total",
    ]


def test_an_output_without_a_name_is_called_as_the_engine_stores_it() -> None:
    graph = graph_of(
        model("raw"),
        model("mart", "raw"),
        model("report", "mart"),
        lineage={
            "raw": traced({"amount": []}),
            "mart": traced({"SUM(amount) FILTER": [("raw", "amount", "aggregation")]}),
            "report": traced({"total": [("mart", "sum(amount) filter", "identity")]}),
        },
    )
    key = NodeId("model.shop.mart")
    stored = replace(graph.nodes[key], columns=(Column("sum(amount) FILTER", "HUGEINT"),))
    spelled = replace(graph.nodes[key], columns=(Column("sum(amount FILTER)", "HUGEINT"),))

    found = [
        str(each.at)
        for node in (stored, spelled)
        for each in downstream(
            replace(graph, nodes={**graph.nodes, key: node}), NodeId("model.shop.raw"), "amount"
        )
    ]

    assert found == [
        "model.shop.mart.sum(amount) FILTER",
        "model.shop.report.total",
        "model.shop.mart.sum(amount FILTER)",
    ]
