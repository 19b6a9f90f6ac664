"""Rules about what is read: filters that lose rows, that hide a column, keys that nobody tests."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.test_rules import deploy, found, late, moves, plan
from tests.plan.test_rules_joins import SEVERAL, planned, shop
from tests.plan.world import World, relation, with_sources

from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.state import Cadence, Hidden, Prices, Setback, State

NEWER = "where extra > (select max(extra) from {this})"
MIB = 1024**2


def set_back(state: State, *, column: str = "extra", began: str = "812") -> State:
    known = Setback(
        table=relation("raw"), column=column, commits=14, back=3, rows=1_204, reached="90311",
        began=began,
    )  # fmt: skip
    return replace(state, setbacks=(known,))


@pytest.mark.parametrize(
    ("where", "severities"),
    [
        (NEWER, ["warning"]),
        (NEWER.replace(">", ">="), ["warning"]),
        (NEWER.replace("max(extra)", "coalesce(max(extra), 0)"), ["warning"]),
        # Near misses: another column, a window, no filter.
        ("where id > (select max(id) from {this})", []),
        (NEWER.replace("max(extra)", "max(extra) - 1000"), []),
        ("where ts > (select max(ts) - interval 3 day from {this})", []),
        ("", []),
    ],
)
def test_a_filter_by_a_column_that_goes_back(where: str, severities: list[str]) -> None:
    world = moves(where=where)

    assert found(plan(world, set_back(deploy(world))), "watermark-goes-back") == severities


def test_a_plan_that_brings_the_filter_in_is_blocked() -> None:
    made = plan(moves(where=NEWER), set_back(deploy(moves(where=""))))

    assert found(made, "watermark-goes-back") == ["error"]


def test_values_that_only_grow_are_no_finding() -> None:
    world = moves(where=NEWER)

    assert found(plan(world, deploy(world)), "watermark-goes-back") == []


def test_rows_at_the_largest_value_are_read_again_by_or_equal() -> None:
    equal = moves(where=NEWER.replace(">", ">="))
    above = moves(where=NEWER)

    assert found(plan(equal, set_back(deploy(equal), began="90311")), "watermark-goes-back") == []
    assert found(plan(above, set_back(deploy(above), began="90311")), "watermark-goes-back") != []


def test_what_late_rows_says_is_not_said_twice() -> None:
    world = moves(where="where ts > (select max(ts) from {this})")
    state = set_back(late(deploy(world), (0, 900), (80, 100)), column="ts")

    made = plan(world, state)

    assert (found(made, "late-rows-lost"), found(made, "watermark-goes-back")) == (["warning"], [])


def test_a_model_with_refresh_loses_none() -> None:
    config: dict[str, Json] = {"refresh": "auto"}
    world = moves(where=NEWER, config=config)

    assert found(plan(world, set_back(deploy(world))), "watermark-goes-back") == []


def test_a_setback_is_told_with_its_values() -> None:
    world = moves(where=NEWER)

    [finding] = [
        each
        for each in plan(world, set_back(deploy(world))).diagnostics
        if each.name == "watermark-goes-back"
    ]

    assert "3 of 14 commits of `raw` began at or below it" in finding.what
    assert finding.why.startswith("rows from 812 on came after 90311 had been reached; 1,204 rows")


def hidden(read: int, needed: int) -> Hidden:
    return Hidden(
        table=relation("raw"), written="YEAR(day) = 2026", plain="day >= '2026-01-01'",
        files=365, files_needed=31, bytes_read=read, bytes_needed=needed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("read", "needed", "severities"),
    [
        (1024 * MIB, 80 * MIB, ["warning"]),
        (1024 * MIB, 600 * MIB, []),  # most is read anyway
        (40 * MIB, 1 * MIB, []),  # little
    ],
)
def test_files_that_a_filter_could_leave_out(read: int, needed: int, severities: list[str]) -> None:
    world = World().source("raw", "day DATE").model("fct", "select day from {raw}")
    node = NodeId("model.shop.fct")
    state = with_sources(world.graph())
    state = replace(state, hidden=MappingProxyType({node: (hidden(read, needed),)}))

    made = make_plan(world.graph(), state, PlanOptions())

    assert found(made, "filter-hides-column") == severities
    if severities:
        [finding] = made.diagnostics
        assert "365 files (1.0 GiB) of `raw`, and 31 (80.0 MiB) would do" in finding.what
        assert finding.fix == "write `day >= '2026-01-01'`"


JOINED = "select e.id from {events} e join {orders} o on e.id = o.id"


@pytest.mark.parametrize(
    ("sql", "tested", "shapes", "severities"),
    [
        (JOINED, False, [], ["warning"]),
        (JOINED, False, [("orders", "id", 30, 10, 7), SEVERAL], ["warning"]),
        (JOINED, False, [("orders", "id", 30, 30, 1), SEVERAL], ["info"]),
        (JOINED, True, [], []),
        ("select e.id from {events} e join (select distinct id from {orders}) o on e.id = o.id",
         False, [], []),
        ("select e.id from {events} e join {orders} o on e.customer = o.customer", False, [], []),
        ("select e.id from {events} e", False, [], []),
    ],
)  # fmt: skip
def test_a_join_along_a_key_that_nobody_tests(
    sql: str,
    tested: bool,
    shapes: list[tuple[str, str, int, int, int]],
    severities: list[str],
) -> None:
    world = shop().relationships("events", "id", "orders", "id")
    world = world.unique("orders", "id") if tested else world

    assert found(planned(world.model("fct", sql), shapes), "key-untested") == severities


@pytest.mark.parametrize(
    ("runs", "hours", "severities"),
    [
        (2880, {"raw": 6.0}, ["warning"]),
        (2880, {"raw": 0.4}, []),  # not twice as fast
        (120, {"raw": 6.0}, []),
        (None, {"raw": 6.0}, []),
        (2880, {}, []),  # how often it is loaded is not known
    ],
)
def test_runs_that_find_nothing_new(
    runs: float | None, hours: dict[str, float], severities: list[str]
) -> None:
    world = moves()
    cadences = tuple(
        Cadence(table=relation(name), commits=20, hours=each) for name, each in hours.items()
    )
    prices = Prices(name="list", cpu_hour=1.0, runs_per_month=runs)
    state = replace(deploy(world), cadences=cadences, prices=prices)

    made = plan(world, state)

    assert found(made, "schedule-faster-than-sources") == severities
    if severities:
        [finding] = [each for each in made.diagnostics if each.code == "HW4021"]
        assert "every 6 hours: 96% of the runs find nothing" in finding.what


def test_a_schedule_for_the_fastest_of_several_sources_is_right() -> None:
    world = World().source("raw", "id BIGINT, ts TIMESTAMP").source("slow", "id BIGINT")
    sql = "select r.id, r.ts from {raw} r left join {slow} s on r.id = s.id"
    world.model("fct", sql, incremental=f"{sql} where r.ts > (select max(ts) from {{this}})")
    cadences = tuple(
        Cadence(table=relation(name), commits=20, hours=hours)
        for name, hours in (("raw", 0.25), ("slow", 24.0))
    )
    prices = Prices(name="list", cpu_hour=1.0, runs_per_month=2880)
    state = replace(deploy(world), cadences=cadences, prices=prices)

    assert found(plan(world, state), "schedule-faster-than-sources") == []


def test_a_table_of_the_project_has_no_schedule_to_compare() -> None:
    world = moves(config={"materialized": "table"})
    world.add(replace(world.made["fct"], incremental=None))
    known = Cadence(table=relation("raw"), commits=20, hours=24.0)
    prices = Prices(name="list", cpu_hour=1.0, runs_per_month=2880)
    state = replace(deploy(world), cadences=(known,), prices=prices)

    assert found(plan(world, state), "schedule-faster-than-sources") == []
