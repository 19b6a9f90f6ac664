"""After a plan has been applied the next one is empty, whatever happened before."""

from dataclasses import replace
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plan.world import World, apply, commit, relation, with_sources

from headwater.base.codec import decode, encode
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.state import State

SOURCES = ("raw_a", "raw_b")
COLUMNS = ("id", "x", "ts")
SHAPES = (
    "select id, x, ts from {%s}",
    "select id, x * 2 as x, ts from {%s} where x > 0",
    "select * from {%s}",
    "select id, max(x) as x, max(ts) as ts from {%s} group by id",
    "select id, x, ts, x as y from {%s}",
)
Nodes = list[tuple[str, int, int, bool]]
Event = tuple[object, ...]
KINDS = ("view", "table", "incremental", "snapshot")

node = st.tuples(
    st.sampled_from(KINDS), st.integers(0, len(SHAPES) - 1), st.integers(0, 9), st.booleans()
)
events = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 1)),
        st.tuples(st.just("compact"), st.integers(0, 1)),
        st.tuples(st.just("write"), st.integers(0, 5)),
        st.tuples(st.just("drop"), st.integers(0, 5)),
        st.tuples(st.just("forget"), st.integers(0, 5)),
        st.tuples(st.just("edit"), st.integers(0, 5), node),
        st.tuples(st.just("tomorrow")),
    ),
    max_size=6,
)


def world_of(nodes: Nodes) -> World:
    world = World()
    for source in SOURCES:
        world.source(source, "id BIGINT, x BIGINT, ts TIMESTAMP")
    names = [*SOURCES]
    for index, (kind, shape, parent, tested) in enumerate(nodes):
        name = f"n{index}"
        sql = SHAPES[shape] % names[parent % len(names)]
        match kind:
            case "view":
                world.view(name, sql)
            case "table":
                world.model(name, sql)
            case "incremental":
                world.model(name, sql, incremental=f"{sql} -- new", unique_key="id")
            case _:
                world.snapshot(name, sql, strategy="timestamp", updated_at="ts")
        if tested:
            world.not_null(name, "id")
        names.append(name)
    return world


def happen(state: State, event: Event, nodes: Nodes) -> State:
    match event:
        case ("commit", int(index)):
            return commit(state, SOURCES[index])
        case ("compact", int(index)):
            return commit(state, SOURCES[index], changes_data=False)
        case ("tomorrow",):
            return replace(state, today=f"{state.today[:-2]}{int(state.today[-2:]) + 1}")
        case (("write" | "drop" | "forget") as what, int(index)):
            name = f"n{index % len(nodes)}"
            key = str(relation(name))
            if what == "write" and state.tables[key].kind == "table":
                return commit(state, name)
            if what == "drop":
                left = {k: v for k, v in state.tables.items() if k != key}
                return replace(state, tables=MappingProxyType(left))
            if what == "forget":
                kept = {k: v for k, v in state.deployed.items() if not k.endswith(f".{name}")}
                return replace(state, deployed=MappingProxyType(kept))
        case _:
            pass
    return state


@settings(max_examples=120, deadline=None)
@given(st.lists(node, min_size=1, max_size=6), st.lists(events, min_size=1, max_size=3))
def test_planning_again_after_applying_is_empty(nodes: Nodes, rounds: list[list[Event]]) -> None:
    state = State(today="2026-11-10")
    for number, round_events in enumerate(rounds):
        graph = world_of(nodes).graph()
        state = with_sources(graph, state)
        made = make_plan(graph, state, PlanOptions())
        state = apply(made, graph, state, run=f"run-{number}")

        again = make_plan(graph, state, PlanOptions())

        assert [(step.name, step.reason) for step in again.steps if step.action != "skip"] == []
        assert decode(Plan, encode(made)) == made
        for event in round_events:
            if event[0] == "edit":
                nodes = [*nodes]
                nodes[int(str(event[1])) % len(nodes)] = event[2]  # type: ignore[call-overload]
            elif all(str(relation(f"n{i}")) in state.tables for i in range(len(nodes))):
                state = happen(state, event, nodes)


@settings(max_examples=60, deadline=None)
@given(st.lists(node, min_size=1, max_size=6), events)
def test_the_same_world_gives_the_same_plan(nodes: Nodes, later: list[Event]) -> None:
    graph = world_of(nodes).graph()
    state = with_sources(graph, State(today="2026-11-10"))
    state = apply(make_plan(graph, state, PlanOptions()), graph, state)
    for event in later:
        if event[0] in {"commit", "compact"}:
            state = happen(state, event, nodes)

    assert make_plan(graph, state, PlanOptions()) == make_plan(graph, state, PlanOptions())
