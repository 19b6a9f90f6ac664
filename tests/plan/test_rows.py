"""Predicted rows: exact where tests and statistics prove them, then from earlier runs."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.world import World, apply, commit, relation, with_sources

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.units import UNKNOWN, Estimate, exact
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Cost
from headwater.plan.rows import extrapolate
from headwater.plan.state import NodeRun, State

FCT = NodeId("model.shop.fct")


def shop(query: str) -> World:
    return (
        World()
        .source("orders", "id BIGINT, customer BIGINT, note VARCHAR")
        .source("people", "key BIGINT, name VARCHAR")
        .model("fct", query)
    )


JOIN = "select o.id, p.name from {orders} as o left join {people} as p on o.customer = p.key"


def rows(made: World, state: State | None = None, name: str = "fct", **options: bool) -> Estimate:
    graph = made.graph()
    planned = make_plan(graph, with_sources(graph, state), PlanOptions(**options))  # type: ignore[arg-type]
    return next(step.cost.rows for step in planned.steps if step.name == name)


def deploy(made: World) -> State:
    graph = made.graph()
    state = with_sources(graph)
    return apply(make_plan(graph, state, PlanOptions()), graph, state)


def with_runs(state: State, *runs: tuple[float, int]) -> State:
    fingerprint = state.deployed[FCT].fingerprint
    found = tuple(
        NodeRun(
            run_id=RunId(f"r{place}"),
            action="rebuild",
            fingerprint=fingerprint,
            meter=Meter(cpu_seconds=1.0),
            rows=out,
            input_bytes=None,
            at="",
            expected=Cost(rows_in=exact(read)),
        )
        for place, (read, out) in enumerate(runs)
    )
    return replace(state, history=MappingProxyType({FCT: found}))


def test_a_projection_has_the_rows_of_its_table() -> None:
    assert rows(shop("select id from {orders}")) == exact(100)


def test_a_join_by_a_key_that_passed_its_test_is_exact() -> None:
    made = shop(JOIN).unique("people", "key")

    assert rows(made) == Estimate(value=100, low=100, high=102, grade="modelled")
    assert rows(made, commit(deploy(made), "orders", rows=7)) == exact(107)


def test_a_key_that_failed_its_test_proves_nothing() -> None:
    made = shop(JOIN).unique("people", "key")
    state = deploy(made)
    test = NodeId("test.shop.unique_people_key")
    failed = replace(state.deployed[test], status="fail")
    state = replace(state, deployed=MappingProxyType({**state.deployed, test: failed}))

    found = rows(made, commit(state, "orders", rows=7))

    assert (found.low, found.grade) == (107, "measured")
    assert found.high is not None
    assert found.high > 107


def test_a_key_whose_table_has_moved_is_only_likely() -> None:
    made = shop(JOIN).unique("people", "key")

    found = rows(made, commit(deploy(made), "people", rows=1))

    assert (found.value, found.grade) == (100, "modelled")


@pytest.mark.parametrize("config", [{"where": "key > 3"}, {"error_if": ">10"}, {"limit": 5}])
def test_a_test_that_lets_rows_pass_proves_nothing(config: dict[str, str]) -> None:
    sql = "select key from {people} group by key having count(*) > 1"
    made = shop(JOIN).test("t", "people", sql, test="unique", column="key", **config)

    assert rows(made, commit(deploy(made), "orders", rows=7)).grade == "measured"


def test_a_gate_of_this_plan_proves_what_its_reader_needs() -> None:
    made = (
        World()
        .source("people", "key BIGINT, name VARCHAR")
        .source("orders", "id BIGINT, customer BIGINT")
        .model("dim", "select key, name from {people}")
        .unique("dim", "key")
        .model("fct", "select o.id from {orders} o left join {dim} d on o.customer = d.key")
    )

    assert rows(made) == exact(100)
    untested = made.copy().without("unique_dim_key")
    assert rows(untested).grade == "bound"


def test_a_warning_is_no_gate() -> None:
    made = (
        World()
        .source("people", "key BIGINT")
        .source("orders", "id BIGINT, customer BIGINT")
        .model("dim", "select key from {people}")
        .test("t", "dim", "select 1 from {dim}", test="unique", column="key", severity="warn")
        .model("fct", "select o.id from {orders} o left join {dim} d on o.customer = d.key")
    )

    assert rows(made).grade == "modelled"


def test_a_foreign_key_without_nulls_keeps_every_row() -> None:
    made = (
        shop("select o.id from {orders} o join {people} p on o.customer = p.key")
        .unique("people", "key")
        .not_null("orders", "customer")
        .relationships("orders", "customer", "people", "key")
    )
    proved = deploy(made)
    moved = made.copy().model(
        "fct", "select o.id, o.note from {orders} o join {people} p on o.customer = p.key"
    )

    assert rows(moved, proved) == exact(100)


def test_the_statistics_of_a_table_prove_that_there_are_no_nulls() -> None:
    made = shop("select id from {orders} where id is not null")
    state = with_sources(made.graph())
    key = str(relation("orders"))
    known = replace(state.tables[key], null_count={"id": 0})

    assert rows(made).grade == "bound"
    assert rows(made, replace(state, tables=MappingProxyType({key: known}))) == exact(100)


def test_the_range_of_a_column_bounds_its_groups() -> None:
    made = shop("select customer, count(*) as n from {orders} group by customer")
    state = with_sources(made.graph())
    key = str(relation("orders"))
    known = replace(
        state.tables[key], minimum={"customer": "5"}, maximum={"customer": "9"}, null_count={}
    )

    found = rows(made, replace(state, tables=MappingProxyType({key: known})))

    assert (found.low, found.high) == (1, 6)  # five values, and null


def test_rows_follow_the_line_through_earlier_runs() -> None:
    made = shop("select note, count(*) as n from {orders} group by note")
    state = with_runs(deploy(made), (100, 30), (90, 28), (80, 26))

    found = rows(made, commit(state, "orders", rows=20))

    assert (found.value, found.grade, found.runs) == (34, "measured", 3)
    assert found.high is not None
    assert found.high <= 120


def test_a_prediction_stays_within_what_is_proved() -> None:
    made = shop("select id from {orders} where note = 'a' limit 40")
    state = with_runs(deploy(made), (100, 39), (90, 19))

    found = rows(made, commit(state, "orders", rows=100))

    assert found.value == 40
    assert found.high == 40


def test_an_appended_table_keeps_what_it_has() -> None:
    made = World().source("orders", "id BIGINT, ts TIMESTAMP")
    newer = "select id, ts from {orders} where ts > (select max(ts) from {this})"
    made = made.model("fct", "select id, ts from {orders}", incremental=newer)
    state = commit(deploy(made), "orders", rows=50)
    stored = state.tables[str(relation("fct"))].rows or 0

    found = rows(made, state)

    assert found.low == stored
    assert found.high is not None
    assert stored < found.high <= stored + 150


def test_what_is_not_followed_is_no_proof() -> None:
    made = shop("select my_macro(id) as id from {orders}")

    assert rows(made).grade == "guess"


def test_a_part_of_the_inputs_says_nothing_of_the_rows() -> None:
    assert rows(shop("select id from {orders}"), takes_part=True) == UNKNOWN


def test_tests_and_views_have_no_rows_of_their_own() -> None:
    made = World().source("orders", "id BIGINT").view("stg", "select id from {orders}")
    made = made.not_null("stg", "id")

    assert rows(made, name="stg") == UNKNOWN
    assert rows(made, name="not_null_stg_id") == UNKNOWN


@pytest.mark.parametrize(
    ("points", "now", "expected"),
    [
        ([(100.0, 9.0), (90.0, 9.0)], 200.0, 9.0),
        ([(100.0, 50.0), (50.0, 25.0)], 200.0, 100.0),
        ([(100.0, 50.0)], 200.0, 100.0),
        ([(None, 50.0)], 200.0, 50.0),
        ([(100.0, 50.0)], None, 50.0),
        ([(100.0, 10.0), (50.0, 60.0)], 200.0, 0.0),
        ([(100.0, 50.0), (100.1, 70.0)], 200.0, 100.0),
    ],
)
def test_extrapolation(
    points: list[tuple[float | None, float]], now: float | None, expected: float
) -> None:
    assert extrapolate(points, now, is_grouped=False) == expected
