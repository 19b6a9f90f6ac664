"""Which columns tell rows apart, as the project says."""

from dataclasses import replace
from typing import Any

import pytest
from tests.graph.builders import generic_test, graph_of, model, table

from headwater.graph.keys import key_of
from headwater.project.node import TestInfo


def declared(name: str, column: str | None = None, **arguments: Any) -> Any:
    made = generic_test(f"{name}_orders", name, "orders")
    info = TestInfo(
        name=name,
        namespace=None,
        arguments=arguments,
        column=column,
        attached_node=model("orders").unique_id,
    )
    return replace(made, test=info)


@pytest.mark.parametrize("key", ["id", ["id"]])
def test_the_key_of_a_merge_comes_first(key: Any) -> None:
    graph = graph_of(model("orders", config={"unique_key": key}), declared("unique", "number"))

    assert key_of(graph, table("orders")) == ("id",)


def test_a_unique_test_names_the_key() -> None:
    graph = graph_of(model("orders"), declared("not_null", "x"), declared("unique", "number"))

    assert key_of(graph, table("orders")) == ("number",)


def test_a_combination_names_it_too() -> None:
    test = declared("unique_combination_of_columns", combination_of_columns=["day", "port"])

    assert key_of(graph_of(model("orders"), test), table("orders")) == ("day", "port")


@pytest.mark.parametrize("key", ["day || port", ["id", "lower(name)"], [], None, {"a": 1}])
def test_an_expression_is_no_key(key: Any) -> None:
    assert key_of(graph_of(model("orders", config={"unique_key": key})), table("orders")) == ()


def test_a_test_of_some_rows_proves_nothing() -> None:
    test = declared("unique", "number")
    test = replace(test, config={**test.config, "where": "number > 5"})

    assert key_of(graph_of(model("orders"), test), table("orders")) == ()


def test_a_table_that_no_node_builds_has_none() -> None:
    assert key_of(graph_of(model("orders")), table("other")) == ()
