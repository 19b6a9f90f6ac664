"""Whom a change touches, and by which way."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.world import Made, World, apply, relation, with_sources

from headwater.base.codec import Json
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.state import State

RAW = "id BIGINT, x INTEGER, y INTEGER, ts TIMESTAMP"


def base() -> World:
    return World().source("raw", RAW).view("stg", "select id, x, y, ts from {raw}")


def deploy(world: World) -> State:
    graph = world.graph()
    state = with_sources(graph)
    return apply(make_plan(graph, state, PlanOptions()), graph, state)


def impact(before: World, after: World) -> dict[str, str]:
    """Return effects by consumer and column."""
    return effects(make_plan(after.graph(), deploy(before), PlanOptions()))


def effects(made: Plan) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in made.impact:
        name = item.node.split(".")[-1] + (f".{item.column}" if item.column else "")
        found.setdefault(name, item.effect)
    return found


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("select id, x from {stg}", {"r.x": "breaks"}),
        ("select id from {stg} where x > 0", {"r": "breaks"}),
        ("select a.id from {stg} a join {raw} b on a.x = b.x", {"r": "breaks"}),
        ("select x, count(*) as n from {stg} group by x", {"r.x": "breaks"}),
        ("select row_number() over (order by x) as n from {stg}", {"r.n": "breaks"}),
        ("select * from {stg}", {"r.x": "degrades"}),
        ("select id, y from {stg}", {}),
    ],
)
def test_dropping_a_column_breaks_those_who_name_it(reader: str, expected: dict[str, str]) -> None:
    before = base().model("r", reader)
    after = before.copy().view("stg", "select id, y, ts from {raw}")

    assert impact(before, after) == expected


def test_a_column_that_a_star_reader_loses_breaks_who_names_it_there() -> None:
    before = base().model("all", "select * from {stg}").model("last", "select x from {all}")
    after = before.copy().view("stg", "select id, y, ts from {raw}")

    assert impact(before, after) == {"last.x": "breaks", "all.x": "degrades"}


def test_the_shortest_way_is_shown() -> None:
    before = (
        base()
        .model("long", "select id, x from {stg}")
        .model("end", "select l.x + s.x as x from {long} l join {stg} s on l.id = s.id")
        .model("last", "select x from {end}")
    )
    after = before.copy().view("stg", "select id, y, ts from {raw}")

    made = make_plan(after.graph(), deploy(before), PlanOptions())

    [item] = [item for item in made.impact if item.node.endswith(".end")]
    assert [node.split(".")[-1] for node in item.path] == ["stg", "end"]
    [last] = [item for item in made.impact if item.node.endswith(".last")]
    assert [node.split(".")[-1] for node in last.path] == ["stg", "end", "last"]
    assert [(hop.column, hop.file) for hop in item.hops] == [
        ("x", "models/stg.sql"),
        ("x", "models/end.sql"),
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("bigint", {"r.x": "safe"}),
        ("smallint", {"r.x": "degrades"}),
        ("date", {"r.x": "breaks"}),
    ],
)
def test_another_type_matters_by_what_it_can_hold(kind: str, expected: dict[str, str]) -> None:
    before = base().view("stg", "select id, cast(x as integer) as x from {raw}")
    before = before.model("r", "select id, x from {stg}")
    after = before.copy().view("stg", f"select id, cast(x as {kind}) as x from {{raw}}")

    assert impact(before, after) == expected


def test_changed_values_degrade_readers_and_filters() -> None:
    before = base().model("v", "select x from {stg}").model("f", "select y from {stg} where x > 1")
    after = before.copy().view("stg", "select id, x * 2 as x, y, ts from {raw}")

    assert impact(before, after) == {"v.x": "degrades", "f": "degrades"}


def test_changed_rows_degrade_every_reader_but_no_test() -> None:
    before = base().model("r", "select id from {stg}").not_null("stg", "id")
    after = before.copy().view("stg", "select id, x, y, ts from {raw} where id > 0")

    assert impact(before, after) == {"r": "degrades"}


def test_an_incremental_reader_is_told_that_stored_rows_stay() -> None:
    sql = "select id, x from {stg}"
    before = base().model("inc", sql, incremental=sql)
    after = before.copy().view("stg", "select id, x * 2 as x, y, ts from {raw}")

    made = make_plan(after.graph(), deploy(before), PlanOptions())

    [item] = made.impact
    assert item.change == "x is computed differently; rows already stored keep the old values"


def test_an_added_column_is_safe() -> None:
    before = base().model("r", "select id from {stg}")
    after = before.copy().view("stg", "select id, x, y, ts, x + y as z from {raw}")

    assert impact(before, after) == {"stg.z": "safe"}


def test_an_exposure_that_lists_its_columns_is_taken_at_its_word() -> None:
    before = base().model("r", "select id, x, y from {stg}").exposure("board", "r")
    after = before.copy().model("r", "select id, x from {stg}")

    assert impact(before, after) == {"board.y": "breaks"}

    listed: Json = {"headwater": {"columns": ["r.x"]}}
    for world in (before, after):
        world.add(replace(world.made["board"], config={"meta": listed}))
    assert impact(before, after) == {}


def test_a_metric_breaks_when_its_expression_names_the_column() -> None:
    def world(sql: str) -> World:
        made = base().model("r", sql)
        for name, column in (("uses", "y"), ("other", "id")):
            declared = {"measures": [{"agg": "sum", "expr": f"{column} * 2"}]}
            made.add(
                Made(name=name, kind="semantic_model", depends_on=("r",), declared=declared)  # type: ignore[arg-type]
            )
        return made

    found = impact(world("select id, x, y from {stg}"), world("select id, x from {stg}"))

    assert found == {"uses.y": "breaks"}


def test_a_source_that_lost_a_column_breaks_its_readers() -> None:
    before = base().model("r", "select id, x from {stg}")
    state = deploy(before)
    key = str(relation("raw"))
    lost = tuple(column for column in state.tables[key].columns if column.name != "x")
    table = replace(state.tables[key], columns=lost)
    state = replace(state, tables=MappingProxyType({**state.tables, key: table}))

    made = make_plan(before.graph(), state, PlanOptions())

    assert effects(made) == {"stg.x": "breaks", "r.x": "breaks"}
    assert [(d.code, d.severity) for d in made.diagnostics] == [("HW3002", "warning")]
    assert not made.is_blocked  # nothing that this plan changes does it; the rest can be built


def test_changes_that_are_not_applied_touch_nobody() -> None:
    before = base().model("r", "select id, x from {stg}")
    after = before.copy().view("stg", "select id, y, ts from {raw}")

    made = make_plan(after.graph(), deploy(before), PlanOptions(selected=frozenset()))

    assert made.impact == ()
    assert made.changes == ()
