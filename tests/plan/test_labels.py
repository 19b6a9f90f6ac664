"""Names in a plan: short, and telling kinds apart where names alone would mislead."""

import pytest

from headwater.base.ids import NodeId
from headwater.plan.labels import full_label, short_label

TEST = NodeId("test.shop.x.abc")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("not_null_orders_amount", "not_null(amount)"),
        ("unique_orders_order_id", "unique(order_id)"),
        ("accepted_values_orders_size__20DC__40DC", "accepted_values(size)"),
        ("relationships_orders_port__port__ref_ports_", "relationships(port)"),
        ("row_count_orders", "row_count(orders)"),
        ("every_order_is_paid", "every_order_is_paid"),
        ("a" * 60, "a" * 45 + "..."),
        ("orders_add_up", "orders_add_up"),
    ],
)
def test_tests_are_called_by_what_they_test(name: str, expected: str) -> None:
    assert short_label(TEST, name, ["orders"]) == expected


def test_a_test_of_a_sources_table_is_called_after_the_table() -> None:
    name = "source_not_null_raw_orders_id"

    assert short_label(TEST, name, ["raw_orders", "orders"]) == "not_null(id)"


def test_other_nodes_keep_their_names() -> None:
    assert short_label(NodeId("model.shop.unique_orders_id"), "unique_orders_id", ["orders"]) == (
        "unique_orders_id"
    )


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("model.shop.revenue", "revenue"),
        ("metric.shop.revenue", "metric revenue"),
        ("semantic_model.shop.revenue", "semantic model revenue"),
        ("exposure.shop.revenue", "exposure revenue"),
    ],
)
def test_consumers_of_one_name_are_told_apart(node: str, expected: str) -> None:
    assert full_label(NodeId(node), "revenue", []) == expected
