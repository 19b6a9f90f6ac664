"""What the planner does with models that have ``refresh``, and what it says of them."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.test_decide import DEFAULT, deploy, plan
from tests.plan.world import World, commit, relation

from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import HookWrites
from headwater.plan.build import make_plan
from headwater.plan.plan import Build, Merge, Plan, Refresh
from headwater.plan.refresh import refresh_mode_or_none
from headwater.plan.state import Held, Lateness, State

SUMS = "select key, sum(amount) as total from {raw} group by key"
ALL = "select count(*) as n from {raw}"


def world(sql: str = SUMS, **config: Json) -> World:
    made = World().source("raw", "id BIGINT, key BIGINT, amount BIGINT, ts TIMESTAMP")
    return made.source("names", "key BIGINT, name VARCHAR").model(
        "fct", sql, incremental=sql, **config
    )


def moved(made: World, **config: Json) -> Plan:
    state = commit(deploy(made), "raw", rows=10)
    return plan(made, state)


def fct(made: Plan) -> Build | Refresh | Merge:
    [step] = [step for step in made.steps if step.name == "fct"]
    assert isinstance(step, (Build, Refresh, Merge))
    return step


@pytest.mark.parametrize(
    ("config", "mode"),
    [
        ({"refresh": "auto"}, "auto"),
        ({"refresh": "strict", "incremental_strategy": "auto"}, "strict"),
        ({"incremental_strategy": "auto"}, "auto"),
        ({"incremental_strategy": "merge"}, None),
        ({"refresh": "auto", "incremental_strategy": "microbatch"}, None),
        ({"refresh": "auto", "materialized": "view"}, None),
        ({"refresh": "full", "materialized": "table"}, "full"),
        ({"incremental_strategy": "auto", "materialized": "table"}, None),
        ({}, None),
    ],
)
def test_a_model_without_refresh_is_built_as_dbt_does(
    config: dict[str, Json], mode: str | None
) -> None:
    assert refresh_mode_or_none({"materialized": "incremental", **config}) == mode


def test_the_plan_says_which_shape_it_saw() -> None:
    step = fct(moved(world(refresh="auto")))

    assert isinstance(step, Refresh)
    assert step.refresh is not None
    assert (step.action, step.refresh.by, step.refresh.key, step.refresh.shape) == (
        "incremental",
        "touched keys",
        ("key",),
        "aggregate by key",
    )
    assert step.reason == (
        "raw 0 -> 1 (1 commit, 10 rows); aggregate by key: what changed is computed again by key"
    )


def test_a_table_may_have_refresh() -> None:
    made = world(refresh="auto", materialized="table")

    assert fct(moved(made)).action == "incremental"


def test_rows_that_add_up_are_added() -> None:
    step = fct(moved(world("select id, amount from {raw} where amount > 0", refresh="auto")))

    assert step.reason.endswith("; filter: new rows are added")


def test_the_reason_of_a_full_build_is_told() -> None:
    step = fct(moved(world(ALL, refresh="auto")))

    assert (type(step), step.action) == (Build, "rebuild")
    assert step.reason == (
        "raw 0 -> 1 (1 commit, 10 rows); in full: no output column says which rows a change of"
        " `raw` touches (aggregate of everything)"
    )


def test_full_is_full_each_time() -> None:
    step = fct(moved(world(refresh="full")))

    assert (type(step), step.reason.rpartition("; ")[2]) == (Build, "refresh: full")


@pytest.mark.parametrize(
    ("mode", "severity"), [("auto", None), ("incremental", "warning"), ("strict", "error")]
)
def test_what_cannot_be_proved_is_refused_or_told(mode: str, severity: str | None) -> None:
    made = moved(world(ALL, refresh=mode))

    found = [one.severity for one in made.diagnostics if one.name == "refresh-not-provable"]

    assert found == ([severity] if severity else [])


def test_a_strict_model_is_refused_before_its_first_build() -> None:
    made = plan(world(ALL, refresh="strict"), State())

    assert [one.name for one in made.diagnostics if one.severity == "error"] == [
        "refresh-not-provable"
    ]


def test_a_changed_query_is_built_in_full_without_a_finding() -> None:
    state = deploy(world(refresh="strict"))

    made = plan(world(SUMS.replace("amount", "amount + 1"), refresh="strict"), state)

    assert (fct(made).action, made.diagnostics) == ("rebuild", ())


@pytest.mark.parametrize(
    "config",
    [
        {"refresh": "always"},
        {"refresh": "auto", "full_refresh": False},
        {"refresh": "auto", "incremental_strategy": "microbatch", "event_time": "ts"},
    ],
)
def test_a_refresh_that_contradicts_is_refused(config: dict[str, Json]) -> None:
    made = plan(world(SUMS, **config), State())

    assert "refresh-unknown" in [one.name for one in made.diagnostics]


def test_rows_that_a_filter_chose_are_built_anew() -> None:
    state = commit(deploy(world(unique_key="key")), "raw", rows=10)

    step = fct(plan(world(unique_key="key", refresh="auto"), state))

    assert (step.action, "its own filter" in step.reason) == ("rebuild", True)


def test_between_modes_rows_stay() -> None:
    state = commit(deploy(world(refresh="auto")), "raw", rows=10)

    assert fct(plan(world(refresh="strict"), state)).action == "incremental"


def test_a_view_that_is_defined_anew_is_a_reason() -> None:
    sql = "select key, sum(amount) as total from {stg} group by key"

    def with_view(query: str) -> World:
        made = World().source("raw", "id BIGINT, key BIGINT, amount BIGINT").view("stg", query)
        return made.model("fct", sql, incremental=sql, refresh="auto")

    state = deploy(with_view("select * from {raw}"))

    step = fct(plan(with_view("select * from {raw} where amount > 1"), state))

    assert (step.action, "the view stg was defined anew" in step.reason) == ("rebuild", True)


def test_a_view_is_followed_to_its_table() -> None:
    sql = "select key, sum(amount) as total from {stg} group by key"
    made = World().source("raw", "id BIGINT, key BIGINT, amount BIGINT")
    made = made.view("stg", "select * from {raw}").model(
        "fct", sql, incremental=sql, refresh="auto"
    )

    step = fct(plan(made, commit(deploy(made), "raw", rows=10)))

    assert isinstance(step, Refresh)
    assert step.shape.tables == (relation("raw"),)


def test_the_key_of_a_model_with_refresh_needs_no_test() -> None:
    def untested(**config: Json) -> int:
        found = plan(world(SUMS, unique_key="key", **config), State()).diagnostics
        return sum("merge-key" in one.name for one in found)

    assert (untested(), untested(refresh="auto")) == (1, 0)


def test_a_changed_side_of_an_outer_join_is_built_in_full() -> None:
    sql = "select r.id, n.name from {raw} r left join {names} n on r.key = n.key"
    made = world(sql, refresh="auto")

    one = fct(plan(made, commit(deploy(made), "raw", rows=10)))
    other = fct(plan(made, commit(deploy(made), "names", rows=10)))

    assert (one.action, other.action) == ("incremental", "rebuild")


def test_hooks_that_write_prove_nothing() -> None:
    made = world(refresh="auto")
    state = commit(deploy(made), "raw", rows=10)
    graph = made.graph()
    node = NodeId("model.shop.fct")
    written = replace(graph.nodes[node], post_writes=HookWrites(tables=("shop.main.fct",)))
    hooked = replace(graph, nodes=MappingProxyType({**graph.nodes, node: written}))

    assert "its hooks write" in fct(make_plan(hooked, state, DEFAULT)).reason


def held(state: State, **facts: object) -> State:
    found = Held(since=0, **facts)  # type: ignore[arg-type] # keyword names are the fields'
    key = str(relation("raw"))
    return replace(state, held={NodeId("model.shop.fct"): {key: found}})


def test_what_the_log_has_lost_is_a_reason() -> None:
    made = world(refresh="auto")
    state = held(commit(deploy(made), "raw", rows=10), why="its file is gone")

    assert fct(plan(made, state)).reason.endswith("; in full: its file is gone")


def test_a_strict_model_whose_query_is_not_to_blame_is_helped_by_one_full_build() -> None:
    made = world(refresh="strict")
    state = held(commit(deploy(made), "raw", rows=10), why="its columns are others since")

    [lost] = [one for one in plan(made, state).diagnostics if one.name == "refresh-not-provable"]
    [never] = moved(world(ALL, refresh="strict")).diagnostics

    assert "`hw build --full-refresh --select fct`" in lost.fix
    assert "change the query" in never.fix


def test_an_input_that_was_made_anew_is_noticed_at_the_same_version() -> None:
    made = world(refresh="auto")
    state = deploy(made)
    state = replace(held(state), held={NodeId("model.shop.fct"): {_raw(): Held(since=None)}})

    assert fct(plan(made, state)).reason.startswith("raw was made anew")


def _raw() -> str:
    return str(TableName("shop", "main", "raw"))


@pytest.mark.parametrize(("mode", "action"), [("auto", "rebuild"), ("incremental", "incremental")])
def test_a_large_change_is_cheaper_in_full(mode: str, action: str) -> None:
    made = world(refresh=mode)
    state = held(commit(deploy(made), "raw", rows=10), rows_added=800)
    table = replace(state.tables[_raw()], rows=1000, size_bytes=1 << 30, column_bytes={})
    state = replace(state, tables=MappingProxyType({**state.tables, _raw(): table}))

    assert fct(plan(made, state)).action == action


def test_a_star_in_a_model_with_refresh_drops_no_column() -> None:
    def stars(**config: Json) -> list[str]:
        sql = "select * from {raw}"
        made = World().source("raw", "id BIGINT").model("fct", sql, incremental=sql, **config)
        found = plan(made, deploy(made)).diagnostics
        return [one.name for one in found if one.name == "select-star-incremental"]

    assert (stars(), stars(refresh="auto")) == (["select-star-incremental"], [])


def test_windows_of_models_with_refresh_lose_no_rows() -> None:
    late = "select id, ts from {raw} where ts > (select max(ts) - interval 1 day from {this})"
    sql = "select id, ts from {raw}"

    def rows_lost(**config: Json) -> list[str]:
        made = World().source("raw", "id BIGINT, ts TIMESTAMP")
        made = made.model("fct", sql, incremental=late, **config)
        state = commit(deploy(made), "raw", rows=10)
        measured = Lateness(
            table=relation("raw"), column="ts", rows=100, buckets=((0, 50), (80, 50))
        )
        found = plan(made, replace(state, lateness=(measured,)))
        return [one.name for one in found.diagnostics if one.name == "late-rows-lost"]

    assert (rows_lost(), rows_lost(refresh="auto")) == (["late-rows-lost"], [])
