"""What became of a changed node, in words for programs; and columns that may be null now."""

import pytest
from tests.plan.world import World, apply, with_sources

from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Change, Plan

RAW = "id BIGINT, name VARCHAR, amount DOUBLE"
BEFORE = "select id, name, amount from {raw}"


def world(sql: str, **config: str) -> World:
    made = World().source("raw", RAW).source("names", "id BIGINT, name VARCHAR")
    for source in ("raw", "names"):
        made.not_null(source, "id").not_null(source, "name")
    return made.model("stg", sql, **config).not_null("stg", "name")


def edited(before: World, after: World) -> Plan:
    graph = before.graph()
    state = with_sources(graph)
    state = apply(make_plan(graph, state, PlanOptions()), graph, state)
    return make_plan(after.graph(), state, PlanOptions())


def change_of(plan: Plan) -> Change:
    [change] = [each for each in plan.changes if each.node == "model.shop.stg"]
    return change


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        ("select id, name from {raw}", ("dropped",)),
        ("select id, name as label, amount from {raw}", ("renamed",)),
        ("select id, name, cast(amount as decimal(9, 2)) as amount from {raw}", ("retyped",)),
        ("select id, name, amount * 2 as amount from {raw}", ("semantics",)),
        ("select id, name, amount from {raw} where amount > 0", ("rows",)),
        ("select id, name, amount, 1 as one from {raw}", ("added",)),
        ("select id,   name, amount -- note\nfrom {raw}", ("formatting",)),
        ("select id, name as label, 1 as one from {raw} where id > 1",
         ("added", "dropped", "renamed", "rows")),
    ],
)  # fmt: skip
def test_every_edit_has_its_kinds(after: str, kinds: tuple[str, ...]) -> None:
    assert change_of(edited(world(BEFORE), world(after))).kinds == kinds


def test_config_is_a_kind() -> None:
    assert change_of(edited(world(BEFORE), world(BEFORE, partition_by="id"))).kinds == ("config",)


def test_new_and_removed_nodes_have_theirs() -> None:
    before = World().source("raw", RAW).model("old", BEFORE)
    after = World().source("raw", RAW).model("new", BEFORE)

    kinds = {change.sign: change.kinds for change in edited(before, after).changes}

    assert kinds == {"+": ("new",), "-": ("removed",)}


INNER = "select r.id, n.name, r.amount from {raw} r join {names} n on r.id = n.id"
OUTER = "select r.id, n.name, r.amount from {raw} r left join {names} n on r.id = n.id"


def test_an_outer_join_in_place_of_an_inner_one_lets_a_column_be_null() -> None:
    plan = edited(world(INNER), world(OUTER))

    change = change_of(plan)
    assert change.kinds == ("nullability", "rows")
    assert "column name: may be null now" in change.lines
    assert "column id: may be null now" not in change.lines


def test_its_readers_and_its_test_are_degraded_by_that() -> None:
    before, after = world(INNER), world(OUTER)
    for each in (before, after):
        each.model("mart", "select name as label, count(*) as n from {stg} group by name")

    plan = edited(before, after)

    touched = {
        (str(item.node), item.column): (item.effect, item.change)
        for item in plan.impact
        if item.kind == "nullability"
    }
    assert touched[("model.shop.mart", "label")] == ("degrades", "name may be null now")
    assert touched[("test.shop.not_null_stg_name", "")] == ("degrades", "name may be null now")


def test_without_its_coalesce_a_column_may_be_null_and_is_computed_differently() -> None:
    filled = "select id, coalesce(amount, 0) as amount, name from {raw}"
    plain = "select id, amount, name from {raw}"

    change = change_of(edited(world(filled), world(plain)))

    assert change.kinds == ("nullability", "semantics")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OUTER, INNER),
        (BEFORE, "select id, upper(name) as name, amount from {raw}"),
        (BEFORE, "select id, name, amount from {raw} where amount > 1"),
        ("select id, amount from {raw}", BEFORE),
        (BEFORE, "select id, name, amount from {raw}, unnest([1, 2])"),
    ],
)
def test_nothing_is_said_where_it_does_not_follow(before: str, after: str) -> None:
    assert "nullability" not in change_of(edited(world(before), world(after))).kinds


def test_a_column_that_leaves_a_seed_breaks_its_readers() -> None:
    before = World().seed("codes", "code VARCHAR, label VARCHAR")
    after = World().seed("codes", "code VARCHAR, kind VARCHAR", checksum="2")
    for each in (before, after):
        each.model("named", "select code, label from {codes}")

    plan = edited(before, after)

    [seed] = [change for change in plan.changes if change.node == "seed.shop.codes"]
    [broken] = [item for item in plan.impact if item.effect == "breaks"]
    assert seed.kinds == ("added", "dropped")
    assert seed.lines == ("column label: dropped", "column kind: new, VARCHAR")
    assert (broken.node, broken.change) == ("model.shop.named", "label is dropped")


def test_a_seed_with_other_rows_alone_is_a_file_that_changed() -> None:
    before = World().seed("codes", "code VARCHAR")
    after = World().seed("codes", "code VARCHAR", checksum="2")

    [change] = edited(before, after).changes

    assert change.lines == ("the file changed",)
