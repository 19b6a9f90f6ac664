"""Rules about joins: each finds its risk in the numbers, and leaves its near misses alone."""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.world import World, apply, relation, with_sources

from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.state import KeyShape, State

Shape = tuple[str, str, int, int, int]
"""Table, column, rows, different values, rows of the commonest."""


def shape(made: Shape) -> KeyShape:
    name, column, rows, keys, most = made
    squares = rows * rows // max(keys, 1)
    return KeyShape(
        table=relation(name), column=column, rows=rows, nulls=0, keys=keys, most=most,
        squares=squares, example="7",
    )  # fmt: skip


def with_rows(state: State, **rows: int) -> State:
    tables = dict(state.tables)
    for name, count in rows.items():
        tables[str(relation(name))] = replace(tables[str(relation(name))], rows=count)
    return replace(state, tables=MappingProxyType(tables))


def shop() -> World:
    world = World().source("orders", "id BIGINT, customer BIGINT, day DATE")
    world.source("events", "id BIGINT, customer BIGINT, kind VARCHAR")
    return world.source("ranges", "first DATE, last DATE")


def planned(world: World, shapes: Sequence[Shape] = (), **rows: int) -> Plan:
    graph = world.graph()
    state = with_rows(with_sources(graph), **rows)
    state = replace(state, keys=tuple(map(shape, shapes)))
    return make_plan(graph, state, PlanOptions())


def found(plan: Plan, code: str) -> list[str]:
    return [each.severity for each in plan.diagnostics if each.name == code]


LARGE = {"orders": 100_000, "events": 900_000, "ranges": 5_000}


@pytest.mark.parametrize(
    ("sql", "severities"),
    [
        ("select o.id from {orders} o cross join {events} e", ["warning"]),
        ("select o.id from {orders} o, {events} e", ["warning"]),
        ("select o.id from {orders} o join {events} e on true", ["warning"]),
        ("with e as (select * from {events}) select o.id from {orders} o, e", ["warning"]),
        ("select o.id from {orders} o, {events} e where e.kind = 'a'", ["warning"]),
        # What a filter leaves is not known: up to so many.
        (
            "with e as (select * from {events} where kind = 'a') select o.id from {orders} o, e",
            ["info"],
        ),
        # Near misses: a key, in whatever form.
        ("select o.id from {orders} o, {events} e where o.customer = e.customer", []),
        ("select o.id from {orders} o join {events} e using (customer)", []),
        ("select o.id from {orders} o join {events} e on o.id + 1 = e.id", []),
        ("select o.id from {orders} o join {events} e on o.id = e.id or o.id = e.customer", []),
        ("select o.id from {orders} o left join {events} e on lower(e.kind) = o.id::text", []),
        # One row, or few: a parameter, a total, a list of kinds.
        ("select o.id from {orders} o cross join (select max(id) as m from {events}) t", []),
        ("select o.id from {orders} o cross join (values (1), (2)) v (x)", []),
        ("select o.id, u.x from {orders} o, unnest([1, 2, 3]) u (x)", []),
        # A comparison is sorted by the engine: 500 million pairs are no worry.
        ("select o.id from {orders} o join {ranges} r on o.day between r.first and r.last", []),
        ("select o.id from {orders} o join {events} e on o.id < e.id", ["warning"]),
    ],
)  # fmt: skip
def test_rows_that_all_meet_all(sql: str, severities: list[str]) -> None:
    assert found(planned(shop().model("fct", sql), (), **LARGE), "cross-join") == severities


def test_small_tables_may_be_multiplied() -> None:
    world = shop().model("spine", "select o.id from {orders} o cross join {ranges} r")

    assert found(planned(world, orders=365, ranges=40), "cross-join") == []


def test_a_cross_join_says_how_many_rows() -> None:
    world = shop().model("fct", "select o.id from {orders} o, {events} e")

    [finding] = planned(world, (), **LARGE).diagnostics

    assert "100,000 x 900,000 = 90,000,000,000 rows" in finding.what


def test_only_new_and_changed_models_are_looked_at() -> None:
    world = shop().model("fct", "select o.id from {orders} o, {events} e")
    graph = world.graph()
    state = with_rows(with_sources(graph), **LARGE)
    state = apply(make_plan(graph, state, PlanOptions()), graph, state)

    assert found(make_plan(graph, state, PlanOptions(force=True)), "cross-join") == []


MANY: tuple[Shape, Shape] = (
    ("orders", "customer", 100_000, 2_500, 60),
    ("events", "customer", 900_000, 1_000, 4_000),
)
BY_CUSTOMER = "select o.id from {orders} o join {events} e using (customer)"


@pytest.mark.parametrize(
    ("sql", "shapes", "severities"),
    [
        (BY_CUSTOMER, MANY, ["warning"]),  # 36 million rows
        (BY_CUSTOMER.replace("join", "left join"), MANY, ["warning"]),
        (BY_CUSTOMER.replace("{events}", "(select * from {events})"), MANY, ["warning"]),
        # No more rows than ten times the larger side.
        (BY_CUSTOMER, (("orders", "customer", 100_000, 50_000, 3), MANY[1]), []),
        # One side is a key in the data.
        (BY_CUSTOMER, (("orders", "customer", 100_000, 100_000, 1), MANY[1]), []),
        # One side is grouped first.
        (
            ("with e as (select customer, count(*) as n from {events} group by customer) "
            "select o.id from {orders} o join e using (customer)"),
            MANY,
            [],
        ),
        # More is compared than that column.
        (BY_CUSTOMER.replace("(customer)", "(customer, id)"), MANY, []),
        ("select o.id from {orders} o join {events} e on o.customer = e.customer and e.id > 5",
         MANY, []),
        # A filter leaves fewer.
        (BY_CUSTOMER + " where e.kind = 'first'", MANY, []),
        (BY_CUSTOMER, (), []),
        (BY_CUSTOMER, MANY[:1], []),
    ],
)  # fmt: skip
def test_a_join_by_a_key_of_neither_side(
    sql: str, shapes: Sequence[Shape], severities: list[str]
) -> None:
    assert found(planned(shop().model("fct", sql), shapes, **LARGE), "join-explodes") == severities


def test_a_join_that_explodes_names_both_sides_with_their_numbers() -> None:
    [finding] = planned(shop().model("fct", BY_CUSTOMER), MANY, **LARGE).diagnostics

    assert "about 36,000,000 rows" in finding.what
    assert "`events.customer`: 900,000 rows, 1,000 values, up to 4,000 rows of one" in finding.why


def test_a_column_joined_with_itself_makes_its_squares() -> None:
    world = shop().model("pairs", "select a.id from {events} a join {events} b using (customer)")

    [finding] = planned(world, MANY, **LARGE).diagnostics

    assert "about 810,000,000 rows" in finding.what


def test_a_tested_key_makes_no_explosion() -> None:
    world = shop().model("fct", BY_CUSTOMER).unique("orders", "customer")

    assert found(planned(world, MANY, **LARGE), "join-explodes") == []


@pytest.mark.parametrize(
    ("shapes", "severities"),
    [
        (
            [("orders", "customer", 2_000_000, 2_000_000, 1),
             ("events", "customer", 9_000_000, 80_000, 3_600_000)],
            ["warning"],
        ),
        (
            [("orders", "customer", 2_000_000, 2_000_000, 1),
             ("events", "customer", 9_000_000, 80_000, 900_000)],
            [],
        ),
        (
            [("orders", "customer", 5_000, 5_000, 1),
             ("events", "customer", 9_000_000, 80_000, 3_600_000)],
            [],  # sent to every worker
        ),
    ],
)  # fmt: skip
def test_one_value_with_much_of_a_large_table(shapes: list[Shape], severities: list[str]) -> None:
    plan = planned(shop().model("fct", BY_CUSTOMER), shapes, orders=9, events=9)

    assert found(plan, "join-skewed") == severities


def test_a_skewed_join_says_which_value() -> None:
    shapes = [("orders", "customer", 2_000_000, 2_000_000, 1),
              ("events", "customer", 9_000_000, 80_000, 3_600_000)]  # fmt: skip
    plan = planned(shop().model("fct", BY_CUSTOMER), shapes, orders=9, events=9)

    [finding] = [each for each in plan.diagnostics if each.name == "join-skewed"]

    assert "one value has 40% of the rows" in finding.what
    assert "`7` has 3,600,000 of 9,000,000 rows" in finding.why


ENRICHED = "select o.id, e.kind from {orders} o left join {events} e on o.id = e.id"
SEVERAL: Shape = ("events", "id", 30, 10, 7)


@pytest.mark.parametrize(
    ("sql", "shapes", "severities"),
    [
        (ENRICHED, [SEVERAL], ["warning"]),
        (ENRICHED.replace("left join", "join"), [SEVERAL], ["warning"]),
        (f"with j as ({ENRICHED}) select * from j", [SEVERAL], ["warning"]),
        (ENRICHED, [("events", "id", 30, 30, 1)], []),  # a key in the data
        (ENRICHED, [], []),
        (ENRICHED.replace("on o.id = e.id", "on o.id = e.id and e.kind = 'a'"), [SEVERAL], []),
        (f"{ENRICHED} where e.kind = 'a'", [SEVERAL], []),
        (ENRICHED.replace("select", "select distinct"), [SEVERAL], []),
        (f"{ENRICHED} qualify row_number() over (partition by o.id order by e.kind) = 1",
         [SEVERAL], []),
        (("select o.id, count(e.kind) as n from {orders} o left join {events} e on o.id = e.id "
         "group by o.id"), [SEVERAL], []),
        (("select o.id, e.n from {orders} o left join (select id, count(*) as n from {events} "
         "group by id) e on o.id = e.id"), [SEVERAL], []),
        ("select o.id from {orders} o semi join {events} e on o.id = e.id", [SEVERAL], []),
    ],
)  # fmt: skip
def test_a_join_that_multiplies_what_is_declared_unique(
    sql: str, shapes: list[Shape], severities: list[str]
) -> None:
    world = shop().unique("orders", "id").model("fct", sql).unique("fct", "id")

    assert found(planned(world, shapes), "fan-out") == severities


def test_a_model_without_a_declared_key_may_be_multiplied() -> None:
    world = shop().unique("orders", "id").model("fct", ENRICHED)

    assert found(planned(world, [SEVERAL]), "fan-out") == []
