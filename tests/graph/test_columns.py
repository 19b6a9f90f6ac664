"""Column lineage across nodes."""

from tests.graph.builders import graph_of, model, traced

from headwater.base.ids import NodeId
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
