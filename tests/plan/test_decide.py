"""What is done with each node, and the reason that people read."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.world import Made, World, apply, commit, relation, with_sources

from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import (
    Append,
    BuildView,
    LoadSeed,
    Merge,
    OverwritePartitions,
    Plan,
    TakeSnapshot,
)
from headwater.plan.state import State

DEFAULT = PlanOptions(created_at="2026-11-21T06:30:00Z")


def orders() -> World:
    return (
        World()
        .source("raw_orders", "id BIGINT, amount DOUBLE, ts TIMESTAMP")
        .view("stg_orders", "select id, amount, ts from {raw_orders}")
        .model("fct_orders", "select id, amount from {stg_orders}")
        .not_null("fct_orders", "id")
    )


def merged(**config: Json) -> World:
    sql = "select id, amount from {raw_orders}"
    config = {"materialized": "incremental", **config}
    return (
        World()
        .source("raw_orders", "id BIGINT, amount DOUBLE")
        .add(Made(name="fct", sql=sql, incremental=sql, config=config))
    )


def deploy(world: World, state: State | None = None) -> State:
    graph = world.graph()
    state = with_sources(graph, state)
    return apply(make_plan(graph, state, DEFAULT), graph, state)


def plan(world: World, state: State, options: PlanOptions = DEFAULT) -> Plan:
    graph = world.graph()
    return make_plan(graph, with_sources(graph, state), options)


def actions(made: Plan) -> dict[str, str]:
    return {step.name: step.action for step in made.steps}


def reasons(made: Plan) -> dict[str, str]:
    return {step.name: step.reason for step in made.steps if step.action != "skip"}


def test_everything_is_added_to_an_empty_lake() -> None:
    made = plan(orders(), with_sources(orders().graph()))

    assert actions(made) == {
        "stg_orders": "add",
        "fct_orders": "add",
        "not_null_fct_orders_id": "test",
    }


def test_only_what_reads_new_rows_is_rebuilt() -> None:
    world = orders().source("other", "id BIGINT").model("copy", "select id from {other}")
    state = commit(deploy(world), "raw_orders", rows=1204)

    assert reasons(plan(world, state)) == {
        "fct_orders": "raw_orders 0 -> 1 (1 commit, 1,204 rows)",
        "not_null_fct_orders_id": "reads fct_orders, which changes in this plan",
    }


def test_maintenance_of_an_input_moves_nothing() -> None:
    state = commit(deploy(orders()), "raw_orders", rows=0, changes_data=False)

    assert plan(orders(), state).is_empty


def test_commits_older_than_state_describes_still_count() -> None:
    state = commit(deploy(orders()), "raw_orders", rows=5)
    key = str(relation("raw_orders"))
    bare = replace(state.tables[key], changes=())
    state = replace(state, tables=MappingProxyType({**state.tables, key: bare}))

    assert reasons(plan(orders(), state))["fct_orders"] == "raw_orders 0 -> 1"


def test_a_replaced_input_is_told_from_a_newer_one() -> None:
    state = commit(commit(deploy(orders()), "raw_orders"), "raw_orders")
    state = apply(plan(orders(), state), orders().graph(), state, run="run-2")
    key = str(relation("raw_orders"))
    state = replace(
        state,
        tables=MappingProxyType({**state.tables, key: replace(state.tables[key], version="0")}),
    )

    assert reasons(plan(orders(), state))["fct_orders"] == "raw_orders was replaced (2 -> 0)"


def test_a_view_is_not_rebuilt_for_new_rows() -> None:
    state = commit(deploy(orders()), "raw_orders")

    assert actions(plan(orders(), state))["stg_orders"] == "skip"


def test_a_view_defined_anew_by_another_plan_rebuilds_its_readers() -> None:
    state = deploy(orders())
    world = orders().view("stg_orders", "select id, amount * 2 as amount, ts from {raw_orders}")
    only_view = replace(DEFAULT, selected=frozenset({NodeId("model.shop.stg_orders")}))
    state = apply(plan(world, state, only_view), world.graph(), state, run="run-2")

    made = plan(world, state)

    assert reasons(made)["fct_orders"] == "view stg_orders was defined anew"


def test_a_table_that_is_gone_is_added_again() -> None:
    state = deploy(orders())
    left = {key: value for key, value in state.tables.items() if "fct_orders" not in key}

    made = plan(orders(), replace(state, tables=MappingProxyType(left)))

    assert reasons(made)["fct_orders"] == "its table is gone"


def test_a_changed_incremental_query_rebuilds_the_table() -> None:
    state = deploy(merged(unique_key="id"))
    sql = "select id, amount * 2 as amount from {raw_orders}"
    world = merged().model("fct", sql, incremental=sql, unique_key="id")

    assert reasons(plan(world, state)) == {"fct": "column amount: computed differently"}
    assert actions(plan(world, state)) == {"fct": "rebuild"}


def test_full_refresh_false_keeps_stored_rows() -> None:
    state = deploy(merged(full_refresh=False))
    sql = "select id, amount * 2 as amount from {raw_orders}"
    world = merged().model("fct", sql, incremental=sql, full_refresh=False)

    made = plan(world, state, replace(DEFAULT, full_refresh=True))

    assert actions(made) == {"fct": "incremental"}


def test_full_refresh_rebuilds_what_would_run_incrementally() -> None:
    made = plan(merged(), deploy(merged()), replace(DEFAULT, full_refresh=True))

    assert reasons(made) == {"fct": "full refresh asked for"}
    assert actions(made) == {"fct": "rebuild"}


def test_new_columns_are_appended_where_the_model_says_so() -> None:
    state = deploy(merged(on_schema_change="append_new_columns"))
    sql = "select id, amount, amount * 2 as double from {raw_orders}"
    world = merged().model("fct", sql, incremental=sql, on_schema_change="append_new_columns")

    made = plan(world, state)

    assert actions(made) == {"fct": "incremental"}
    assert "stored rows keep null" in made.steps[0].reason


def test_new_columns_rebuild_where_the_model_ignores_schema_changes() -> None:
    state = deploy(merged())
    sql = "select id, amount, amount * 2 as double from {raw_orders}"
    world = merged().model("fct", sql, incremental=sql)

    assert actions(plan(world, state)) == {"fct": "rebuild"}


def test_another_strategy_goes_on_from_where_the_table_is() -> None:
    state = deploy(merged(incremental_strategy="append"))

    made = plan(merged(incremental_strategy="delete+insert"), state)

    assert reasons(made) == {"fct": "config incremental_strategy: append -> delete+insert"}
    assert actions(made) == {"fct": "incremental"}


def test_another_key_rebuilds() -> None:
    made = plan(merged(unique_key=["id", "amount"]), deploy(merged(unique_key="id")))

    assert actions(made) == {"fct": "rebuild"}


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({}, Append),
        ({"unique_key": "id"}, Merge),
        ({"unique_key": ['"id"']}, Merge),
        ({"unique_key": "id", "incremental_strategy": "append"}, Append),
        ({"incremental_strategy": "merge"}, Append),
        ({"unique_key": "id", "incremental_strategy": "delete+insert"}, Merge),
        ({"incremental_strategy": "insert_overwrite", "partition_by": "id"}, OverwritePartitions),
    ],
)
def test_strategy_follows_dbt(config: dict[str, Json], kind: type) -> None:
    state = commit(deploy(merged(**config)), "raw_orders")

    [step] = plan(merged(**config), state).steps

    assert isinstance(step, kind)
    if isinstance(step, Merge):
        assert step.unique_key == ("id",)
        assert step.delete_matching == (config.get("incremental_strategy") == "delete+insert")


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"incremental_strategy": "newest_only"}, "incremental-strategy-unknown"),
        ({"merge_mode": "mor"}, "merge-mode-unknown"),
        ({"incremental_strategy": "insert_overwrite"}, "overwrite-without-partitions"),
    ],
)
def test_a_strategy_that_cannot_be_carried_out_is_an_error(
    config: dict[str, Json], code: str
) -> None:
    made = plan(merged(**config), with_sources(merged().graph()))

    assert [(d.name, d.severity) for d in made.diagnostics] == [(code, "error")]


def test_a_snapshot_continues_a_history_it_has_no_record_of() -> None:
    world = (
        World()
        .source("raw", "id BIGINT, ts TIMESTAMP")
        .snapshot("history", "select id, ts from {raw}", strategy="timestamp", updated_at="ts")
    )
    state = replace(deploy(world), deployed=MappingProxyType({}))

    [step] = plan(world, state).steps

    assert isinstance(step, TakeSnapshot)
    assert (step.action, step.updated_at, step.unique_key) == ("incremental", "ts", ("id",))


def test_columns_of_a_snapshot_may_be_written_with_quotes() -> None:
    world = (
        World()
        .source("raw", 'id BIGINT, "1-at" TIMESTAMP')
        .snapshot(
            "history", 'select id, "1-at" from {raw}', strategy="timestamp", updated_at='"1-at"'
        )
    )

    [step] = plan(world, with_sources(world.graph())).steps

    assert isinstance(step, TakeSnapshot)
    assert step.updated_at == "1-at"


def test_a_seed_is_loaded_when_its_file_changes() -> None:
    world = World().seed("countries", "code VARCHAR", checksum="a")
    changed = World().seed("countries", "code VARCHAR", checksum="b")
    state = deploy(world)

    assert plan(world, state).is_empty
    [step] = plan(changed, state, replace(DEFAULT, project_root="/project")).steps
    assert isinstance(step, LoadSeed)
    assert (step.reason, step.path) == ("the file changed", "/project/seeds/countries.csv")


@pytest.mark.parametrize(
    ("status", "action"), [("pass", "skip"), ("warn", "skip"), ("fail", "test"), ("error", "test")]
)
def test_a_test_that_failed_runs_again(status: str, action: str) -> None:
    state = deploy(orders())
    node = NodeId("test.shop.not_null_fct_orders_id")
    record = replace(state.deployed[node], status=status)
    state = replace(state, deployed=MappingProxyType({**state.deployed, node: record}))

    assert actions(plan(orders(), state))["not_null_fct_orders_id"] == action


def test_asking_for_no_tests_leaves_them_alone() -> None:
    made = plan(orders(), with_sources(orders().graph()), replace(DEFAULT, tests="none"))

    assert actions(made)["not_null_fct_orders_id"] == "skip"
    assert made.totals.test == 0


def test_asking_for_tests_only_runs_them_on_what_is_there() -> None:
    state = commit(deploy(orders()), "raw_orders")

    made = plan(orders(), state, replace(DEFAULT, tests="only"))

    assert actions(made) == {
        "stg_orders": "skip",
        "fct_orders": "skip",
        "not_null_fct_orders_id": "test",
    }


def test_force_rebuilds_what_is_selected_and_nothing_else() -> None:
    selected = frozenset({NodeId("model.shop.fct_orders")})
    options = replace(DEFAULT, force=True, selected=selected)

    made = plan(orders(), deploy(orders()), options)

    assert [step.name for step in made.steps if step.action != "skip"] == ["fct_orders"]


def test_a_view_is_kept_as_its_sql() -> None:
    made = plan(orders(), with_sources(orders().graph()))

    [step] = [step for step in made.steps if isinstance(step, BuildView)]
    assert step.sql == orders().graph().nodes[step.node].code


def test_reads_carry_versions_and_none_for_what_is_built_first() -> None:
    state = commit(deploy(orders()), "raw_orders")
    world = orders().view("stg_orders", "select id, amount * 2 as amount, ts from {raw_orders}")

    made = plan(world, state)

    [step] = [step for step in made.steps if step.name == "fct_orders"]
    assert {read.name.name: read.version for read in step.reads} == {
        "raw_orders": "1",
        "stg_orders": None,
    }


def test_a_missing_source_is_reported_once_with_its_readers() -> None:
    world = orders().model("more", "select id from {raw_orders}").not_null("raw_orders", "id")

    made = make_plan(world.graph(), State(), DEFAULT)

    [finding] = made.diagnostics
    assert finding.name == "input-not-built"
    assert "`raw_orders` does not exist, and " in finding.what
    assert "`more`" in finding.what
    assert finding.what.endswith("1 test read it")
    assert finding.node == world.made["raw_orders"].node_id
    assert made.is_blocked


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("10 day", "3 day", "incremental window: 10 days -> 3 days"),
        ("10 day", "", "incremental window dropped: every run reads everything"),
        ("", "36 hour", "incremental window added: 36 hours"),
        ("1 day", "24 hour", "incremental filter changed"),
    ],
)
def test_a_changed_window_is_said_in_words(before: str, after: str, line: str) -> None:
    def world(window: str) -> World:
        sql = "select id, ts from {raw}"
        filtered = f"{sql} where ts > (select max(ts) - interval {window} from {{this}})"
        incremental = filtered if window else sql
        return (
            World()
            .source("raw", "id BIGINT, ts TIMESTAMP")
            .model("fct", sql, incremental=incremental)
        )

    made = plan(world(after), deploy(world(before)))

    assert reasons(made) == {"fct": line}
    assert actions(made) == {"fct": "incremental"}


@pytest.mark.parametrize(
    ("cluster_by", "said"),
    [
        ("id", []),
        (["TS", "id"], []),
        (["to_date(ts)"], ["config-without-effect"]),
        (["id", "id"], ["config-without-effect"]),
        ("elsewhere", ["config-without-effect"]),
    ],
)
def test_a_clustering_that_the_table_cannot_have_is_said(cluster_by: Json, said: list[str]) -> None:
    made = (
        World()
        .source("raw", "id BIGINT, ts TIMESTAMP")
        .model("fct", "select id, ts from {raw}", cluster_by=cluster_by)
    )

    found = plan(made, with_sources(made.graph())).diagnostics

    assert [each.name for each in found] == said


def test_another_clustering_builds_the_table_again() -> None:
    def made(by: str) -> World:
        raw = World().source("raw", "id BIGINT, ts TIMESTAMP")
        return raw.model("fct", "select id, ts from {raw}", cluster_by=by)

    changed = plan(made("ts"), deploy(made("id")))

    assert [step.action for step in changed.steps] == ["rebuild"]
    assert "cluster_by" in " ".join(line for change in changed.changes for line in change.lines)
