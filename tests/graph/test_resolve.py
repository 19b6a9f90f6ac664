"""References become edges; everything that makes a graph impossible is reported at once."""

import dataclasses

from tests.graph.builders import by_id, generic_test, model, source, source_ref, table

from headwater.base.ids import NodeId
from headwater.graph.resolve import resolve
from headwater.project.node import Node, Ref


def test_inputs_come_first_and_ties_break_by_name() -> None:
    nodes = by_id(model("b", "a"), model("c"), model("a"), model("d", "b", "c"))

    found = resolve("shop", nodes)

    assert found.order == ("model.shop.a", "model.shop.b", "model.shop.c", "model.shop.d")
    assert found.depends_on[NodeId("model.shop.d")] == ("model.shop.b", "model.shop.c")
    assert found.diagnostics == ()


def test_unknown_ref_names_the_closest_one_with_its_place() -> None:
    nodes = by_id(model("stg_orders"), model("orders", "stg_order"))

    (found,) = resolve("shop", nodes).diagnostics

    assert (found.name, found.code, found.severity) == ("ref-not-found", "HW1203", "error")
    assert found.what == "model `orders` refers to `stg_order`, which no package defines"
    assert found.fix == "did you mean `stg_orders`?"
    assert str(found.where) == "models/orders.sql:1:7"


def test_every_fault_is_reported_at_once() -> None:
    nodes = by_id(
        model("off", config={"enabled": False}),
        model("a", "nothing", "off"),
        model("b", sources=(source_ref("raw", "order"),)),
        source("raw", "orders"),
        model("x", "y"),
        model("y", "x"),
    )

    found = resolve("shop", nodes).diagnostics

    assert sorted(item.name for item in found) == [
        "graph-cycle",
        "ref-disabled",
        "ref-not-found",
        "source-not-found",
    ]
    assert any("source('raw', 'orders')" in item.fix for item in found)


def test_cycle_is_shown_as_the_shortest_one_with_the_line_of_each_ref() -> None:
    nodes = by_id(
        model("a", "z", "b"),
        model("b", "c"),
        model("c", "d", "a"),
        model("d", "a"),
        model("z"),
        model("after", "a"),
    )

    found = resolve("shop", nodes)

    (cycle,) = found.diagnostics
    assert cycle.what.endswith("`a` -> `b` -> `c` -> `a`")
    assert [(str(span), note) for span, note in cycle.related] == [
        ("models/a.sql:2:7", "`a` reads `b`"),
        ("models/b.sql:1:7", "`b` reads `c`"),
        ("models/c.sql:2:7", "`c` reads `a`"),
    ]
    assert found.cyclic == {"model.shop.a", "model.shop.b", "model.shop.c", "model.shop.d"}
    assert set(found.order) == set(nodes)


def test_node_that_reads_itself_is_a_cycle() -> None:
    (found,) = resolve("shop", by_id(model("a", "a"))).diagnostics

    assert found.what.endswith("`a` -> `a`")


def test_two_separate_cycles_are_both_reported() -> None:
    nodes = by_id(model("a", "b"), model("b", "a"), model("x", "y", "a"), model("y", "x"))

    found = resolve("shop", nodes).diagnostics

    assert [item.node for item in found] == ["model.shop.a", "model.shop.x"]


def test_own_package_wins_then_the_root_project_then_a_lone_package() -> None:
    nodes = by_id(
        model("base", package="lib"),
        model("reader", "base", "helper", package="lib"),
        model("base", relation=table("other")),
        model("helper", relation=table("h")),
        model("only", package="lib", relation=table("o")),
        model("root_reader", "base", "only"),
    )

    found = resolve("shop", nodes)

    assert found.depends_on[NodeId("model.lib.reader")] == ("model.lib.base", "model.shop.helper")
    assert found.depends_on[NodeId("model.shop.root_reader")] == (
        "model.lib.only",
        "model.shop.base",
    )


def test_name_in_two_other_packages_must_be_qualified() -> None:
    nodes = by_id(
        model("base", package="lib_a", relation=table("a")),
        model("base", package="lib_b", relation=table("b")),
        model("reader", "base"),
        model("clear", Ref(name="base", package="lib_b")),
    )

    found = resolve("shop", nodes)

    assert [item.name for item in found.diagnostics] == ["ref-ambiguous"]
    assert found.depends_on[NodeId("model.shop.clear")] == ("model.lib_b.base",)


def test_version_is_the_asked_one_or_the_latest() -> None:
    nodes = by_id(
        model("dim", version=2),
        model("dim", version=10),
        model("latest", "dim"),
        model("old", Ref(name="dim", version="2")),
        model("wrong", Ref(name="dim", version="3")),
    )

    found = resolve("shop", nodes)

    assert found.depends_on[NodeId("model.shop.latest")] == ("model.shop.dim.v10",)
    assert found.depends_on[NodeId("model.shop.old")] == ("model.shop.dim.v2",)
    assert found.diagnostics[0].fix == "versions there are: 10, 2"


def test_declared_latest_version_wins_over_the_highest() -> None:
    declared = {"latest_version": 1}
    nodes = by_id(
        model("dim", version=1, declared=declared),
        model("dim", version=2, declared=declared),
        model("reader", "dim"),
    )

    assert resolve("shop", nodes).depends_on[NodeId("model.shop.reader")] == ("model.shop.dim.v1",)


def test_test_depends_on_what_it_is_attached_to() -> None:
    nodes = by_id(model("a"), generic_test("unique_a", "unique", attached="a"))

    found = resolve("shop", nodes)

    assert found.depends_on[NodeId("test.shop.unique_a.abc")] == ("model.shop.a",)


def test_long_chain_does_not_exhaust_the_stack() -> None:
    count = 5000
    # Everyone reads both neighbours: the one group is as deep as it is long, and yet the shortest
    # circle is found at once, where a plain ring would be walked from each of its nodes.
    nodes = by_id(
        *[
            model(f"m{index}", f"m{(index + 1) % count}", f"m{(index - 1) % count}")
            for index in range(count)
        ],
    )

    (found,) = resolve("shop", nodes).diagnostics

    assert found.name == "graph-cycle"


def declared(kind: str, name: str, **values: object) -> Node:
    node = model(name, resource_type=kind, relation=None, declared=values)
    return dataclasses.replace(node, unique_id=NodeId(f"{kind}.shop.{name}"))


def test_metrics_read_semantic_models_by_measure_and_other_metrics_by_name() -> None:
    nodes = by_id(
        model("orders"),
        declared("semantic_model", "sales", measures=[{"name": "revenue"}]),
        declared("metric", "total", type="simple", type_params={"measure": "revenue"}),
        declared(
            "metric", "share", type="ratio", type_params={"numerator": "total", "denominator": "x"}
        ),
        declared("saved_query", "report", query_params={"metrics": ["share", "total"]}),
    )

    found = resolve("shop", nodes)

    assert found.depends_on[NodeId("metric.shop.total")] == ("semantic_model.shop.sales",)
    assert found.depends_on[NodeId("metric.shop.share")] == ("metric.shop.total",)
    assert found.depends_on[NodeId("saved_query.shop.report")] == (
        "metric.shop.share",
        "metric.shop.total",
    )
    assert [(item.name, item.severity) for item in found.diagnostics] == [
        ("metric-not-found", "error")
    ]


def test_unit_test_depends_on_its_model_only() -> None:
    nodes = by_id(
        model("a"),
        model("b", "a"),
        declared("unit_test", "ut", model="b"),
    )

    assert resolve("shop", nodes).depends_on[NodeId("unit_test.shop.ut")] == ("model.shop.b",)
