"""Risk rules: each finds its risk, and leaves its near miss alone."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

import pytest
from tests.plan.world import Made, World, apply, commit, relation, with_sources

from headwater.base.codec import Json
from headwater.base.codes import find_code
from headwater.plan.build import make_plan
from headwater.plan.options import Limits, PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.rules import RULES
from headwater.plan.state import Lateness, Prices, State

DEFAULT = PlanOptions()
KEYED: dict[str, Json] = {"unique_key": "id"}
WIDE = "where ts > (select max(ts) - interval 10 day from {this})"
FILTER = "where ts > (select max(ts) - interval 3 day from {this})"


def deploy(world: World) -> State:
    graph = world.graph()
    state = with_sources(graph)
    return apply(make_plan(graph, state, PlanOptions()), graph, state)


def plan(world: World, state: State | None = None, options: PlanOptions = DEFAULT) -> Plan:
    graph = world.graph()
    return make_plan(graph, with_sources(graph, state), options)


def found(made: Plan, code: str) -> list[str]:
    return [finding.severity for finding in made.diagnostics if finding.name == code]


def moves(
    sql: str = "select id, ts from {raw}",
    where: str = FILTER,
    config: Mapping[str, Json] | None = None,
) -> World:
    made = Made(
        name="fct",
        sql=sql,
        incremental=f"{sql} {where}",
        config={"materialized": "incremental", **(config or {})},
    )
    return World().source("raw", "id BIGINT, ts TIMESTAMP, extra BIGINT").add(made)


def late(state: State, *buckets: tuple[int, int]) -> State:
    measured = Lateness(
        table=relation("raw"), column="ts", rows=sum(rows for _, rows in buckets), buckets=buckets
    )
    return commit(replace(state, lateness=(measured,)), "raw")


def test_every_rule_has_its_code_and_its_page() -> None:
    for rule in RULES:
        page = rule.check.__module__
        module = __import__(page, fromlist=["__doc__"])
        for part in ("What it finds:", "Why it matters:", "Example:", "Safer form:", "Known gaps:"):
            assert part in (module.__doc__ or ""), (page, part)
        assert find_code(rule.code).explain


@pytest.mark.parametrize(
    ("buckets", "severities"),
    [
        (((0, 982), (80, 18)), ["error"]),
        (((0, 99990), (80, 10)), ["info"]),
        (((0, 900), (72, 100)), []),
        (((0, 1000),), []),
    ],
)
def test_late_rows_beyond_the_window(
    buckets: tuple[tuple[int, int], ...], severities: list[str]
) -> None:
    made = plan(moves(), late(deploy(moves(where=WIDE)), *buckets))

    assert found(made, "late-rows-lost") == severities


@pytest.mark.parametrize(
    ("deployed", "severities"),
    [
        (WIDE, ["error"]),  # narrowed
        ("", ["error"]),  # added
        (FILTER, ["warning"]),  # as it was: late data must not stop a nightly build
        ("where ts > (select max(ts) - interval 1 day from {this})", ["warning"]),  # widened
    ],
)
def test_only_a_change_of_the_window_blocks(deployed: str, severities: list[str]) -> None:
    state = late(deploy(moves(where=deployed)), (0, 982), (80, 18))

    assert found(plan(moves(), state), "late-rows-lost") == severities


def test_another_change_of_the_model_leaves_its_window_a_warning() -> None:
    state = late(deploy(moves()), (0, 982), (80, 18))

    made = plan(moves("select id, ts, extra from {raw}"), state)

    assert found(made, "late-rows-lost") == ["warning"]


def test_a_new_model_with_a_narrow_window_blocks() -> None:
    graph = moves().graph()

    made = plan(moves(), late(with_sources(graph), (0, 982), (80, 18)))

    assert found(made, "late-rows-lost") == ["error"]


def test_late_rows_propose_a_window_that_holds_them() -> None:
    state = late(deploy(moves()), (0, 9000), (80, 900), (130, 99), (216, 1))

    [finding] = [d for d in plan(moves(), state).diagnostics if d.name == "late-rows-lost"]

    assert "10 %" in finding.what
    assert "widen the window to 6 days (0.01 % later than that)" in finding.fix


def test_late_rows_of_a_model_with_nothing_to_do_only_warn() -> None:
    state = late(deploy(moves()), (0, 982), (80, 18))
    state = apply(plan(moves(), state), moves().graph(), state, run="run-2")

    assert found(plan(moves(), state), "late-rows-lost") == ["warning"]


def test_a_window_by_arrival_time_is_not_judged_by_event_time() -> None:
    world = moves(where="where extra > (select max(extra) from {this})")

    assert found(plan(world, late(deploy(world), (0, 1), (99, 99))), "late-rows-lost") == []


@pytest.mark.parametrize(
    ("config", "tests", "severities"),
    [
        ({"unique_key": "id"}, (), ["warning"]),
        ({"unique_key": "id"}, ("unique",), ["warning"]),
        ({"unique_key": "id"}, ("unique", "not_null"), []),
        ({"unique_key": "id", "incremental_strategy": "delete+insert"}, ("not_null",), []),
        ({"unique_key": "id", "incremental_strategy": "append"}, (), []),
        ({}, (), []),
    ],
)
def test_merge_key_needs_its_tests(
    config: dict[str, Json], tests: tuple[str, ...], severities: list[str]
) -> None:
    world = moves(config=config)
    for name in tests:
        world = world.unique("fct", "id") if name == "unique" else world.not_null("fct", "id")

    assert found(plan(world), "merge-key-untested") == severities


def test_a_test_of_another_column_proves_no_key() -> None:
    world = moves(config=KEYED).unique("fct", "ts").not_null("fct", "ts")

    assert found(plan(world), "merge-key-untested") == ["warning"]


@pytest.mark.parametrize(
    ("sql", "severities"),
    [
        ("select * from {raw}", ["warning"]),
        ("select r.* from {raw} r", ["warning"]),
        ("with s as (select * from {raw}) select * from s", ["warning"]),
        ("select * from (select * from {raw}) q", ["warning"]),
        ("select id, ts from {raw} union all select * from {raw}", ["warning"]),
        ("with s as (select id, ts from {raw}) select * from s", []),
        ("with s as (select * from {raw}) select id, ts from s", []),
        ("select id, count(*) as n from {raw} group by id", []),
    ],
)
def test_star_into_an_incremental_model(sql: str, severities: list[str]) -> None:
    assert found(plan(moves(sql, where="")), "select-star-incremental") == severities


def test_star_into_a_table_is_fine() -> None:
    world = World().source("raw", "id BIGINT").model("copy", "select * from {raw}")

    assert found(plan(world), "select-star-incremental") == []


@pytest.mark.parametrize(
    ("before", "after", "limits", "severities"),
    [
        ("bigint", "integer", ("0", "900"), ["info"]),
        ("bigint", "integer", ("0", "3000000000"), ["error"]),
        ("bigint", "integer", ("-3000000000", "0"), ["error"]),
        ("bigint", "integer", None, ["warning"]),
        ("double", "decimal(12,2)", ("0", "10.5"), ["warning"]),
        ("decimal(18,2)", "decimal(12,2)", ("0", "10.5"), ["info"]),
        ("integer", "bigint", ("0", "900"), []),
        ("varchar", "integer", ("a", "b"), ["warning"]),
    ],
)
def test_narrower_types(
    before: str, after: str, limits: tuple[str, str] | None, severities: list[str]
) -> None:
    def world(kind: str) -> World:
        sql = f"select cast(x as {kind}) as x from {{raw}}"
        return World().source("raw", "x BIGINT").model("fct", sql)

    state = deploy(world(before))
    if limits is not None:
        key = str(relation("fct"))
        table = replace(state.tables[key], minimum={"x": limits[0]}, maximum={"x": limits[1]})
        state = replace(state, tables=MappingProxyType({**state.tables, key: table}))

    assert found(plan(world(after), state), "type-narrowed") == severities


@pytest.mark.parametrize(("limit", "severities"), [(1000, ["warning"]), (5000, [])])
def test_a_full_refresh_of_a_large_incremental_table(limit: int, severities: list[str]) -> None:
    state = deploy(moves())

    options = PlanOptions(full_refresh=True, limits=Limits(refresh_bytes_max=limit))
    made = plan(moves(), state, options)

    assert found(made, "large-full-refresh") == severities


GIB = 1024**3


@pytest.mark.parametrize(
    ("kind", "after", "size", "severities"),
    [
        ("incremental", "select id::integer as id, ts from {raw}", 88 * GIB, ["warning"]),
        ("incremental", "select id::integer as id, ts from {raw}", GIB, ["info"]),
        ("incremental", "select id from {raw}", 88 * GIB, ["warning"]),
        ("incremental", "select id, ts as happened from {raw}", 88 * GIB, ["warning"]),
        ("incremental", "select id::integer as id, ts from {raw}", 1024**2, []),  # small
        ("incremental", "select id, ts, extra from {raw}", 88 * GIB, []),  # an entry in the log
        ("incremental", "select id + 1 as id, ts from {raw}", 88 * GIB, []),  # other values only
        ("table", "select id from {raw}", 88 * GIB, []),  # made anew at every run
    ],
)
def test_a_change_of_columns_that_writes_a_table_again(
    kind: str, after: str, size: int, severities: list[str]
) -> None:
    config: dict[str, Json] = {"materialized": kind}
    state = deploy(moves(where="", config=config))
    key = str(relation("fct"))
    grown = replace(state.tables[key], size_bytes=size)
    state = replace(state, tables=MappingProxyType({**state.tables, key: grown}))

    made = plan(moves(after, where="", config=config), state)

    assert found(made, "schema-rewrite") == severities


def test_a_rewrite_says_how_long_it_takes_and_what_spark_would_do() -> None:
    state = deploy(moves("select id::integer as id, ts from {raw}", where=""))
    key = str(relation("fct"))
    grown = replace(state.tables[key], size_bytes=88 * GIB)
    state = replace(state, tables=MappingProxyType({**state.tables, key: grown}))

    [finding] = [d for d in plan(moves(where=""), state).diagnostics if d.name == "schema-rewrite"]

    assert "all 88.0 GiB of it are written again" in finding.what
    assert finding.why.endswith("with Spark: metadata after typeWidening")


@pytest.mark.parametrize(("kind", "severity"), [("incremental", "warning"), ("table", "info")])
def test_a_clock_matters_most_where_rows_are_kept(kind: str, severity: str) -> None:
    world = moves(where="", config={"materialized": kind})
    world.add(replace(world.made["fct"], reads_clock="always"))

    assert found(plan(world), "not-repeatable") == [severity]


def test_a_month_within_the_budget_is_no_finding() -> None:
    world = World().source("raw", "id BIGINT").model("fct", "select id from {raw}")
    prices = Prices(name="list", cpu_hour=1.0, runs_per_month=720, budget_month=1.0)
    state = replace(deploy(world), prices=prices)

    assert found(plan(world, state), "over-budget") == []


def test_only_a_change_that_makes_the_month_dearer_blocks() -> None:
    world = World().source("raw", "id BIGINT").model("fct", "select id from {raw}")
    prices = Prices(name="list", cpu_hour=1.0, runs_per_month=720, budget_month=0.05)
    state = replace(deploy(world), prices=prices)

    assert found(plan(world, commit(state, "raw")), "over-budget") == ["warning"]
    dearer = world.copy().model("more", "select id from {raw}")
    assert found(plan(dearer, state), "over-budget") == ["error"]
    cheaper = world.copy().without("fct")
    assert found(plan(cheaper, state), "over-budget") == []


def test_a_node_may_allow_a_finding_with_its_reason() -> None:
    meta: Json = {"headwater": {"allow": [{"HW4003": "the source enforces it"}]}}
    made = plan(moves(config={"unique_key": "id", "meta": meta}))

    [finding] = [d for d in made.diagnostics if d.name == "merge-key-untested"]
    assert finding.severity == "info"
    assert finding.why.startswith("allowed: the source enforces it; ")


@pytest.mark.parametrize(("wanted", "severities"), [("error", ["error"]), ("off", [])])
def test_policy_sets_the_severity_of_a_code(
    wanted: Literal["error", "off"], severities: list[str]
) -> None:
    options = PlanOptions(severities={"merge-key-untested": wanted})
    made = plan(moves(config=KEYED), options=options)

    assert found(made, "merge-key-untested") == severities
    assert made.is_blocked == (wanted == "error")


def test_policy_makes_no_information_graver() -> None:
    world = moves(where="", config={"materialized": "table"})
    world.add(replace(world.made["fct"], reads_clock="always"))

    made = plan(world, options=PlanOptions(severities={"not-repeatable": "error"}))

    assert found(made, "not-repeatable") == ["info"]


def test_rules_leave_nodes_alone_that_were_not_selected() -> None:
    made = plan(
        moves("select * from {raw}", config=KEYED), options=PlanOptions(selected=frozenset())
    )

    assert made.diagnostics == ()


def test_findings_come_with_errors_first() -> None:
    state = late(deploy(moves(where=WIDE, config=KEYED)), (0, 982), (80, 18))

    severities = [d.severity for d in plan(moves(config=KEYED), state).diagnostics]

    assert severities == ["error", "warning"]


def test_a_rule_survives_sql_that_cannot_be_parsed() -> None:
    world = moves()
    world.made["fct"] = replace(world.made["fct"], incremental="select (((")
    assert isinstance(world.made["fct"], Made)

    assert found(plan(world, deploy(moves())), "late-rows-lost") == []
