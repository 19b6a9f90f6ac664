"""A plan that compares with another version of the project, whatever is deployed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plan.literate import cases, plan_of_case
from tests.plan.test_fixpoint import node, world_of
from tests.plan.world import World, apply, with_sources

from headwater.base.ids import NodeId
from headwater.plan.base import deployed_as
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.state import State

NOW = "2026-11-21T12:00:00+00:00"
OPTIONS = PlanOptions(created_at=NOW)


def compared(before: World, after: World, state: State | None = None) -> Plan:
    graph = after.graph()
    state = state if state is not None else State(today=NOW[:10])
    return make_plan(graph, deployed_as(before.graph(), state, now=NOW), OPTIONS)


@settings(max_examples=60)
@given(st.lists(node, min_size=1, max_size=5))
def test_the_same_project_has_nothing_to_do_without_any_lake(
    nodes: list[tuple[str, int, int, bool]],
) -> None:
    plan = compared(world_of(nodes), world_of(nodes))

    assert plan.is_empty
    assert plan.changes == ()


@pytest.mark.parametrize("text", [case.read_text(encoding="utf-8") for case in cases()])
def test_what_is_deployed_is_not_looked_at(text: str) -> None:
    plan, graph, state = plan_of_case(text)

    again = make_plan(graph, deployed_as(graph, state, now=NOW), OPTIONS)

    assert again.is_empty, plan.target


def test_only_what_changes_is_planned_although_nothing_was_ever_built() -> None:
    before = World().source("raw", "a BIGINT").model("one", "select a from {raw}")
    after = World().source("raw", "a BIGINT").model("one", "select a from {raw}")
    for world in (before, after):
        world.model("two", "select a from {one}")
    after.model("one", "select a + 1 as a from {raw}").model("three", "select a from {two}")

    plan = compared(before, after)

    acting = {step.name: step.action for step in plan.steps}
    assert acting == {"one": "rebuild", "two": "rebuild", "three": "add"}
    assert {change.node for change in plan.changes} == {"model.shop.one", "model.shop.three"}


def test_a_node_that_left_the_project_since_is_a_change() -> None:
    before = World().model("one", "select 1 as a").model("two", "select 2 as b")
    after = World().model("one", "select 1 as a")

    plan = compared(before, after)

    assert [(change.node, change.sign) for change in plan.changes] == [("model.shop.two", "-")]


def test_figures_of_what_was_built_here_say_what_the_change_costs() -> None:
    before = World().source("raw", "a BIGINT").model("one", "select a from {raw}")
    after = World().source("raw", "a BIGINT").model("one", "select a + 1 as a from {raw}")
    graph = before.graph()
    state = with_sources(graph)
    state = apply(make_plan(graph, state, OPTIONS), graph, state)

    plan = compared(before, after, state)

    [change] = plan.changes
    assert change.node == NodeId("model.shop.one")
    assert change.cost_before.cpu_seconds.grade == "measured"
