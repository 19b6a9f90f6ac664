"""Changes are followed to whoever uses a table without being a node of the project."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.plan.world import World, apply, with_sources

from headwater.base.codec import Json, decode, encode
from headwater.base.errors import Invalid
from headwater.base.spans import Span
from headwater.plan.build import make_plan
from headwater.plan.consumers import read_consumers
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.show import show_plan
from headwater.plan.state import Consumer, Expected, State

HERE = Span(file="headwater.yml", line=4)


def endpoint(table: str = "features", columns: Mapping[str, str] | None = None) -> Consumer:
    return Consumer(
        name="churn@7",
        kind="endpoint",
        owner="@ml-core",
        live="31 req/s",
        reads=(Expected(table=table, columns=columns or {}),),
        where=HERE,
    )


def shop(stg: str, features: str = "select id, amount, other from {stg}") -> World:
    made = World().source("raw", "id BIGINT, amount DOUBLE, other BIGINT")
    made.model("stg", stg)
    return made.model("features", features) if features else made


BEFORE = "select id, amount, other from {raw}"
TYPED = "select id, cast(amount as decimal(12, 2)) as amount, other from {raw}"


def changed(after: World, consumer: Consumer, *, before: World | None = None) -> Plan:
    """Plan an edit of a project that was built, with one consumer."""
    graph = (before or shop(BEFORE)).graph()
    state = with_sources(graph)
    state = apply(make_plan(graph, state, PlanOptions()), graph, state)
    return make_plan(after.graph(), replace(state, consumers=(consumer,)), PlanOptions())


def effects(plan: Plan) -> dict[str, str]:
    return {
        item.change: item.effect for item in plan.impact if item.node == "endpoint.consumer.churn@7"
    }


def codes(plan: Plan) -> dict[str, str]:
    return {finding.name: finding.severity for finding in plan.diagnostics}


def test_another_type_than_expected_breaks_it() -> None:
    plan = changed(shop(TYPED), endpoint(columns={"amount": "double"}))

    [item] = [each for each in plan.impact if each.node.startswith("endpoint.")]
    [finding] = [each for each in plan.diagnostics if each.name == "consumer-broken"]
    assert item.change == "expects amount: DOUBLE; gets DECIMAL(12,2)"
    assert [hop.node for hop in item.hops] == [
        "model.shop.stg",
        "model.shop.features",
        "endpoint.consumer.churn@7",
    ]
    assert (item.hops[-1].file, item.hops[-1].line) == ("headwater.yml", 4)
    assert finding.what == "endpoint `churn@7` expects amount: DOUBLE; gets DECIMAL(12,2)"
    assert finding.why.startswith("owner: @ml-core; live: 31 req/s; the way is stg -> features")
    assert plan.is_blocked


def test_the_text_names_the_owner() -> None:
    plan = changed(shop(TYPED), endpoint(columns={"amount": "double"}))

    shown = "\n".join(show_plan(plan, width=120))

    assert "1 endpoint" in shown
    assert "x endpoint churn@7.amount: expects amount: DOUBLE; gets DECIMAL(12,2)" in shown
    assert "owner: @ml-core" in shown


def test_a_type_that_is_the_same_in_the_end_does_not_break_it() -> None:
    casts = "select id, cast(amount as double) as amount, other from {stg}"

    plan = changed(shop(TYPED, casts), endpoint(columns={"amount": "double"}))

    assert "breaks" not in effects(plan).values()
    assert "consumer-broken" not in codes(plan)


def test_a_column_that_is_gone_breaks_whoever_reads_it() -> None:
    renamed = shop(
        "select id, amount as total, other from {raw}", "select id, total, other from {stg}"
    )

    named = changed(renamed, endpoint(columns={"amount": ""}))
    every = changed(renamed, endpoint())
    other = changed(renamed, endpoint(columns={"other": ""}))

    assert effects(named) == {"expects amount; amount is dropped": "breaks"}
    assert "breaks" in effects(every).values()
    assert "breaks" not in effects(other).values()


def test_other_values_and_rows_degrade_it() -> None:
    doubled = shop("select id, amount * 2 as amount, other from {raw} where other > 0")

    plan = changed(doubled, endpoint(columns={"AMOUNT": "double"}))

    assert effects(plan) == {
        "amount is computed differently": "degrades",
        "rows of stg change": "degrades",
    }
    assert "consumer-broken" not in codes(plan)


@pytest.mark.parametrize("table", ["features", "main.features", "SHOP.main.FEATURES"])
def test_a_table_may_be_named_in_each_way(table: str) -> None:
    plan = changed(shop(TYPED), endpoint(table, {"amount": "double"}))

    assert codes(plan)["consumer-broken"] == "error"


def test_a_node_that_leaves_the_project_breaks_who_reads_its_table() -> None:
    plan = changed(shop(BEFORE, ""), endpoint())

    assert codes(plan)["consumer-broken"] == "error"


def test_a_name_that_is_nowhere_is_told() -> None:
    plan = changed(shop(BEFORE), endpoint("feature"))

    assert codes(plan) == {"consumer-reads-nothing": "warning"}


def test_an_exemption_of_the_changed_node_counts() -> None:
    after = shop(TYPED)
    meta: Json = {"headwater": {"allow": {"consumer-broken": "agreed", "type-narrowed": "agreed"}}}
    after.model("stg", TYPED, meta=meta)

    plan = changed(after, endpoint(columns={"amount": "double"}))

    assert codes(plan)["consumer-broken"] == "info"


def test_a_hundred_consumers_are_facts_like_any_other() -> None:
    state = State(consumers=tuple(replace(endpoint(), name=f"e{i}") for i in range(100)))

    assert decode(State, encode(state)) == state


def test_entries_are_read_as_written() -> None:
    entry: Any = {
        "name": "churn@7",
        "kind": "endpoint",
        "owner": "@ml-core",
        "live": "31 req/s",
        "reads": [
            {"table": "features", "columns": {"amount": "double"}},
            {"table": "b", "columns": ["x"]},
        ],
    }

    [found] = read_consumers([entry], [HERE])

    assert found.node == "endpoint.consumer.churn@7"
    assert [dict(read.columns) for read in found.reads] == [{"amount": "double"}, {"x": ""}]
    assert (found.owner, found.live, found.where) == ("@ml-core", "31 req/s", HERE)


@pytest.mark.parametrize(
    "entry",
    [
        "churn",
        {},
        {"name": "a", "kind": "endpoint"},
        {"name": "a", "kind": "endpoint", "reads": []},
        {"name": " ", "kind": "endpoint", "reads": [{"table": "t"}]},
        {"name": "a", "kind": "robot", "reads": [{"table": "t"}]},
        {"name": "a", "kind": "job", "reads": [{"table": "t", "column": ["x"]}]},
        {"name": "a", "kind": "job", "reads": [{"table": "t", "columns": 3}]},
        {"name": "a", "kind": "job", "reads": "t"},
    ],
)
def test_entries_that_cannot_be_meant_are_told(entry: Any) -> None:
    with pytest.raises(Invalid) as caught:
        read_consumers([entry], [HERE])

    assert caught.value.code == "consumer-malformed"
    assert caught.value.where == HERE


def test_the_same_consumer_twice_is_a_fault() -> None:
    entry: Any = {"name": "a", "kind": "job", "reads": [{"table": "t"}]}

    with pytest.raises(Invalid) as caught:
        read_consumers([entry, entry], [HERE, HERE])

    assert "twice" in caught.value.why


def test_a_type_that_it_did_not_get_before_either_breaks_nothing_new() -> None:
    text = TYPED.replace("cast(amount as", "cast(amount * 2 as")

    plan = changed(shop(text), endpoint(columns={"amount": "double"}), before=shop(TYPED))

    [(said, effect)] = effects(plan).items()
    assert "expects amount: DOUBLE, which it does not get now either" in said
    assert effect != "breaks"
    assert "consumer-broken" not in codes(plan)
