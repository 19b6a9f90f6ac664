"""The order of steps, and which commit a test gates."""

import pytest
from tests.plan.world import World, apply, commit, with_sources

from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan, RunTest, Skip


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
