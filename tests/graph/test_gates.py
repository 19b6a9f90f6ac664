"""Which test gates which commit."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graph.builders import by_id, generic_test, model, source, source_ref

from headwater.base.ids import NodeId
from headwater.graph.gates import Gates, make_gates
from headwater.graph.resolve import resolve, topological_order
from headwater.project.node import Node


def gates_of(*nodes: Node) -> Gates:
    found = resolve("shop", by_id(*nodes))
    return make_gates(by_id(*nodes), found.depends_on, found.order)


def key(name: str) -> NodeId:
    return NodeId(f"model.shop.{name}")


def test_test_gates_what_it_is_attached_to() -> None:
    found = gates_of(model("a"), model("b", "a"), generic_test("t", "unique", "a"))

    assert found.tests == {key("a"): ("test.shop.t.abc",)}


def test_unattached_test_gates_the_last_of_its_inputs() -> None:
    found = gates_of(model("a"), model("b", "a"), generic_test("t", "any", "b", "a", attached=""))

    assert found.tests == {key("b"): ("test.shop.t.abc",)}
    assert found.waits == {}


def test_gated_node_waits_for_the_other_inputs_of_its_test() -> None:
    found = gates_of(model("a"), model("z"), generic_test("t", "relationships", "a", "z"))

    assert found.waits == {key("a"): (key("z"),)}


def test_test_whose_wait_would_close_a_circle_gates_nothing() -> None:
    found = gates_of(model("a"), model("b", "a"), generic_test("t", "relationships", "a", "b"))

    assert (found.tests, found.waits) == ({}, {})


def test_two_tests_that_would_wait_for_each_other_do_not() -> None:
    found = gates_of(
        model("a"),
        model("b"),
        generic_test("t1", "relationships", "a", "b"),
        generic_test("t2", "relationships", "b", "a"),
    )

    assert found.tests == {key("a"): ("test.shop.t1.abc",)}


def test_test_of_a_source_gates_nothing() -> None:
    test = generic_test("t", "unique", attached="", sources=(source_ref("raw", "x"),))

    assert gates_of(source("raw", "x"), test).tests == {}


def test_test_of_an_ephemeral_model_gates_nothing() -> None:
    nodes = (
        model("e", config={"materialized": "ephemeral"}, relation=None),
        generic_test("t", "unique", "e"),
    )

    assert gates_of(*nodes).tests == {}


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_gates_never_close_a_circle(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    names = [f"m{index}" for index in range(6)]
    nodes = []
    for index, name in enumerate(names):
        earlier = [other for other in names[:index] if chance.random() < 0.4]
        nodes.append(model(name, *earlier))
    reads = [chance.sample(names, chance.randint(1, 3)) for _ in range(chance.randint(0, 6))]
    nodes += [generic_test(f"t{index}", "any", *read) for index, read in enumerate(reads)]
    known = by_id(*nodes)
    found = resolve("shop", known)

    gates = make_gates(known, found.depends_on, found.order)

    edges = {item: (*found.depends_on[item], *gates.waits.get(item, ())) for item in known}
    for gated, tests in gates.tests.items():
        for test in tests:
            others = [item for item in found.depends_on[test] if item != gated]
            edges[gated] = (*edges[gated], *others)
    assert topological_order(edges)[1] == frozenset()
