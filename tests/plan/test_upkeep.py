"""Upkeep in a plan: only of tables that the plan leaves, only where it was asked for."""

from dataclasses import replace

import pytest
from tests.plan.world import World, apply, relation, with_sources

from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.proposed import Proposal
from headwater.plan.show import show_plan
from headwater.plan.state import State
from headwater.plan.upkeep import read_upkeep_mode


def proposal(name: str) -> Proposal:
    return Proposal(
        table=str(relation(name)),
        verb="optimize",
        why="20 files that would be 1",
        cost_seconds=0.2,
        saving_seconds=0.05,
        pays_after=5,
    )


def world() -> tuple[Graph, State]:
    """Return two tables that are built, of which both would pay for upkeep."""
    made = World().source("raw", "id BIGINT")
    graph = made.model("one", "select id from {raw}").model("two", "select id from {raw}").graph()
    state = with_sources(graph)
    state = apply(make_plan(graph, state, PlanOptions()), graph, state)
    return graph, replace(state, upkeep=(proposal("one"), proposal("two")))


def tables(graph: Graph, state: State, options: PlanOptions) -> list[str]:
    return [each.table for each in make_plan(graph, state, options).upkeep.proposals]


def test_tables_that_stay_are_proposed_and_nothing_is_to_be_done_for_that() -> None:
    graph, state = world()

    plan = make_plan(graph, state, PlanOptions())

    assert plan.is_empty
    shown = "\n".join(show_plan(plan))
    assert "2 tables: ~400 ms of CPU saves ~100 ms a read; hw table upkeep --do does it" in shown


def test_a_table_that_is_built_anew_is_not_proposed() -> None:
    graph, state = world()
    options = PlanOptions(force=True, selected=frozenset({NodeId("model.shop.one")}))

    assert tables(graph, state, options) == []
    assert tables(graph, state, replace(options, force=False)) == ["shop.main.one"]


@pytest.mark.parametrize("options", [PlanOptions(upkeep="off"), PlanOptions(tests="only")])
def test_nobody_is_told_who_did_not_ask(options: PlanOptions) -> None:
    graph, state = world()

    assert tables(graph, state, options) == []


def test_the_plan_says_who_does_it() -> None:
    graph, state = world()

    plan = make_plan(graph, state, PlanOptions(upkeep="auto"))

    assert plan.upkeep.does
    assert "done after the nodes" in "\n".join(show_plan(plan))


@pytest.mark.parametrize("text", ["always", "", "yes"])
def test_a_word_that_is_no_mode_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_upkeep_mode(text)

    assert caught.value.code == "setting-invalid"


def test_one_table_is_named() -> None:
    graph, state = world()

    plan = make_plan(graph, replace(state, upkeep=state.upkeep[:1]), PlanOptions())

    assert "optimize shop.main.one: 20 files that would be 1" in "\n".join(show_plan(plan))
