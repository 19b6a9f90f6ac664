"""The order of steps, and which commit a test gates."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.world import (
    Made,
    World,
    apply,
    columns,
    commit,
    relation,
    table,
    with_sources,
)

from headwater.base.ids import NodeId
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan, RunTest, Skip
from headwater.plan.state import State


def plan(world: World) -> Plan:
    graph = world.graph()
    return make_plan(graph, with_sources(graph), PlanOptions())


def two_tables() -> World:
    return (
        World()
        .source("raw", "id BIGINT")
        .model("a", "select id from {raw}")
        .model("b", "select id from {raw}")
    )


def check_order(made: Plan) -> None:
    """Every step comes after what it waits for; nothing waits in a circle."""
    position = {step.node: index for index, step in enumerate(made.steps)}
    for step in made.steps:
        assert all(position[first] < position[step.node] for first in step.after)
        if isinstance(step, RunTest) and step.gates:
            assert position[step.gates] < position[step.node]
            assert step.gates not in step.after


def gates(made: Plan) -> dict[str, str | None]:
    return {
        step.name: step.gates.split(".")[-1] if step.gates else None
        for step in made.steps
        if isinstance(step, RunTest)
    }


def test_a_test_gates_the_node_it_is_attached_to() -> None:
    made = plan(two_tables().not_null("a", "id"))

    assert gates(made) == {"not_null_a_id": "a"}
    check_order(made)


def test_the_gated_node_waits_for_what_else_its_test_reads() -> None:
    world = two_tables().test("rel", "a", "select a.id from {a} a left join {b} b on a.id = b.id")

    made = plan(world)

    assert gates(made) == {"rel": "a"}
    assert next(step for step in made.steps if step.name == "a").after == ("model.shop.b",)
    check_order(made)


def test_tests_that_point_at_each_other_do_not_wait_in_a_circle() -> None:
    join = "select a.id from {a} a left join {b} b on a.id = b.id"
    world = two_tables().test("there", "a", join).test("back", "b", join)

    made = plan(world)

    assert gates(made) == {"there": "a", "back": "a"}
    check_order(made)


def test_a_test_that_reads_further_down_gates_the_later_node() -> None:
    world = (
        World()
        .source("raw", "id BIGINT")
        .model("a", "select id from {raw}")
        .model("b", "select id from {a}")
        .test("rel", "a", "select a.id from {a} a left join {b} b on a.id = b.id")
    )

    made = plan(world)

    assert gates(made) == {"rel": "b"}
    check_order(made)


def test_a_test_of_a_view_gates_the_table_that_moves_behind_it() -> None:
    world = (
        World()
        .seed("raw", "id BIGINT", checksum="1")
        .view("stg", "select id from {raw}")
        .model("fct", "select id from {stg}")
        .not_null("stg", "id")
    )
    state = apply(plan(world), world.graph(), with_sources(world.graph()))
    graph = world.seed("raw", "id BIGINT", checksum="2").graph()

    made = make_plan(graph, state, PlanOptions())

    assert gates(made) == {"not_null_stg_id": "raw"}
    assert isinstance(next(step for step in made.steps if step.name == "stg"), Skip)
    check_order(made)


def test_a_test_on_committed_tables_gates_nothing() -> None:
    world = two_tables().not_null("raw", "id")
    state = apply(plan(world), world.graph(), with_sources(world.graph()))

    made = make_plan(world.graph(), commit(state, "raw"), PlanOptions())

    assert gates(made) == {"not_null_raw_id": None}


def test_what_reads_a_table_that_is_not_built_waits_for_the_tables_tests() -> None:
    made = plan(two_tables().not_null("raw", "id"))

    steps = {step.name: step for step in made.steps}
    assert steps["a"].after == steps["b"].after == (steps["not_null_raw_id"].node,)
    check_order(made)


@pytest.mark.parametrize("seed", range(20))
def test_any_tangle_of_tests_has_an_order(seed: int) -> None:
    import random

    dice = random.Random(seed)  # noqa: S311 - a reproducible tangle, no secret
    world = World().source("raw", "id BIGINT")
    names = ["raw"]
    for index in range(12):
        parents = dice.sample(names, k=min(len(names), dice.randint(1, 3)))
        joined = " union all ".join(f"select id from {{{parent}}}" for parent in parents)
        world.model(f"m{index}", joined)
        names.append(f"m{index}")
    for index in range(20):
        attached, other = dice.sample(names[1:], k=2)
        sql = f"select a.id from {{{attached}}} a left join {{{other}}} b on a.id = b.id"
        world.test(f"t{index}", attached, sql)

    made = plan(world)

    check_order(made)
    assert len(made.steps) == 32
    assert all(gate is not None for gate in gates(made).values())


def test_a_source_that_a_seed_loads_waits_for_the_seed() -> None:
    world = World().seed("raw", "id BIGINT").model("fct", "select id from {raw}")
    graph = world.graph()
    seed = graph.nodes[NodeId("seed.shop.raw")]
    source = replace(
        seed,
        node=replace(seed.node, unique_id=NodeId("source.shop.raw"), resource_type="source"),
    )
    model = graph.nodes[NodeId("model.shop.fct")]
    nodes = {
        seed.node.unique_id: seed,
        source.node.unique_id: source,
        model.node.unique_id: replace(model, depends_on=(source.node.unique_id,)),
    }

    made = make_plan(replace(graph, nodes=MappingProxyType(nodes)), State(), PlanOptions())

    assert [(step.name, step.after) for step in made.steps] == [
        ("raw", ()),
        ("fct", ("seed.shop.raw",)),
    ]
    assert not made.is_blocked


def test_a_unit_test_runs_when_it_is_new_and_gates_its_model() -> None:
    world = two_tables()
    world.add(Made(name="u", kind="unit_test", sql="select 1 as x where false", depends_on=("a",)))
    state = apply(plan(world), world.graph(), with_sources(world.graph()))

    made = plan(world)
    again = make_plan(world.graph(), commit(state, "raw"), PlanOptions())

    assert gates(made) == {"u": "a"}
    check_order(made)
    assert gates(again) == {}


def named(name: str) -> str:
    """Write a table's name out, as a model does that uses no ref."""
    return relation(name).quoted()


def test_models_whose_texts_name_each_other_are_built_all_the_same() -> None:
    world = (
        World()
        .model("a", f"select id from {named('b')}")
        .model("b", f"select id from {named('c')}")
        .model("c", f"select id from {named('a')}")
    )

    made = plan(world)

    assert sorted(step.name for step in made.steps) == ["a", "b", "c"]
    check_order(made)


def test_a_view_whose_text_names_itself_reads_what_stands_in_its_place() -> None:
    world = World().view("a", f"select id from {named('a')}").model("b", "select id from {a}")
    graph = world.graph()
    state = State(tables={str(relation("a")): table("a", columns("id BIGINT"))})

    made = make_plan(graph, with_sources(graph, state), PlanOptions())

    assert [step.name for step in made.steps] == ["a", "b"]
