"""Rules about types, names and personal data: each finds its risk and leaves near misses alone."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.test_rules import deploy, found, moves, plan
from tests.plan.world import World, apply, columns, relation, with_sources

from headwater.base.codec import Json
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.state import Consumer, Expected
from headwater.project.node import ColumnInfo

SPEC = "id BIGINT, ts TIMESTAMP, tz TIMESTAMP WITH TIME ZONE, day DATE, ratio DOUBLE, word VARCHAR"


def over(sql: str) -> World:
    return World().source("raw", SPEC).source("more", SPEC).model("fct", sql)


@pytest.mark.parametrize(
    ("sql", "severities"),
    [
        ("select id from {raw} where ts > now()", ["warning"]),
        ("select id from {raw} where ts > now() - interval 3 day", ["warning"]),
        ("select id from {raw} where ts between tz and now()", ["warning"]),
        ("select id from {raw} where current_timestamp >= day", ["warning"]),
        ("select a.id from {raw} a join {more} b on a.ts = b.tz", ["warning"]),
        ("with a as (select * from {raw}) select id from a where a.ts < a.tz", ["warning"]),
        ("select q.id from (select id, ts as t from {raw}) q where q.t > now()", ["warning"]),
        ("select case when ts > tz then 1 end as late from {raw}", ["warning"]),
        ("select id from {raw} where id in (select id from {more} where ts = tz)", ["warning"]),
        ("select ts as t from {raw} union all select tz from {more}", ["warning"]),
        # Near misses: both of one kind, or a cast in the text.
        ("select id from {raw} where tz > now()", []),
        ("select id from {raw} where ts > now()::timestamp", []),
        ("select id from {raw} where ts at time zone 'UTC' > now()", []),
        ("select id from {raw} where ts > timestamp '2026-01-01'", []),
        ("select id from {raw} where tz > '2026-01-01'", []),
        ("select id from {raw} where day > current_date - interval 3 day", []),
        ("select id from {raw} where tz >= current_date", []),
        ("select a.id from {raw} a join {more} b on a.ts = b.ts", []),
        ("select ts::timestamptz as t from {raw} union all select tz from {more}", []),
        ("select now() as at, ts from {raw}", []),
    ],
)
def test_times_with_and_without_a_zone(sql: str, severities: list[str]) -> None:
    assert found(plan(over(sql)), "time-zones-mixed") == severities


def test_mixed_times_are_told_with_their_types() -> None:
    [finding] = [
        each
        for each in plan(over("select id from {raw} where ts > tz and day = tz")).diagnostics
        if each.name == "time-zones-mixed"
    ]

    assert "`day` (DATE) with `tz` (TIMESTAMPTZ)" in finding.what
    assert finding.what.endswith("and 1 more")


def large(made: World, value: str) -> Plan:
    graph = made.graph()
    state = with_sources(graph)
    key = str(relation("raw"))
    table = replace(state.tables[key], minimum={"id": "1"}, maximum={"id": value})
    state = replace(state, tables=MappingProxyType({**state.tables, key: table}))
    return make_plan(graph, state, PlanOptions())


@pytest.mark.parametrize(
    ("sql", "value", "severities"),
    [
        ("select id as x from {raw} union all select ratio from {more}", str(2**60), ["warning"]),
        ("select id as x from {raw} union all select ratio from {more}", str(2**40), []),
        ("select id as x from {raw} union all select id from {more}", str(2**60), []),
        ("select id::double as x from {raw} union all select ratio from {more}", str(2**60), []),
        ("select id as x from {raw} union all select word from {more}", "9", ["warning"]),
        ("select word as x from {raw} union all by name select id as x from {more}", "9",
         ["warning"]),
        ("select id::varchar as x from {raw} union all select word from {more}", "9", []),
        ("select word as x from {raw} union all select 'none'", "9", []),
        ("select id as x from {raw} union all select null", "9", []),
        ("select id as x from {raw} union all select 0", "9", []),
        # Names that come twice tell no places.
        ("select id a, word a, word b from {raw} union all select id, word, word from {more}",
         "9", []),
    ],
)  # fmt: skip
def test_unions_that_lose_digits_or_kind(sql: str, value: str, severities: list[str]) -> None:
    assert found(large(over(sql), value), "implicit-narrowing") == severities


def test_how_large_a_double_is_stored_says_nothing_of_whole_numbers() -> None:
    graph = over("select id as x from {raw} union all select ratio from {more}").graph()
    state = with_sources(graph)
    tables = {
        key: replace(
            table, minimum={"id": "1", "ratio": "0"}, maximum={"id": "9", "ratio": str(2**60)}
        )
        for key, table in state.tables.items()
    }

    made = make_plan(graph, replace(state, tables=MappingProxyType(tables)), PlanOptions())

    assert found(made, "implicit-narrowing") == []


@pytest.mark.parametrize(
    ("stored", "mode", "severities"),
    [
        ("DECIMAL(12,2)", "ignore", ["warning"]),
        ("DECIMAL(12,2)", "append_new_columns", ["warning"]),
        ("DECIMAL(12,2)", "sync_all_columns", []),
        ("DECIMAL(18,4)", "ignore", []),
        ("DECIMAL(20,6)", "ignore", []),
    ],
)
def test_an_incremental_run_into_a_narrower_column(
    stored: str, mode: str, severities: list[str]
) -> None:
    config: dict[str, Json] = {"on_schema_change": mode}
    world = moves("select id, ts, extra::decimal(18,4) as amount from {raw}", config=config)
    state = deploy(world)
    key = str(relation("fct"))
    kept = columns(f"id BIGINT, ts TIMESTAMP, amount {stored}")
    table = replace(state.tables[key], columns=kept)
    raw = str(relation("raw"))
    moved = replace(state.tables[raw], version="1")
    state = replace(state, tables=MappingProxyType({**state.tables, key: table, raw: moved}))

    assert found(plan(world, state), "implicit-narrowing") == severities


@pytest.mark.parametrize(
    ("read_by", "sql", "severities"),
    [
        (["spark"], 'select id as "user" from {raw}', ["warning"]),
        ("SPARK", 'select id as "user" from {raw}', ["warning"]),
        (["spark", "snowflake"], 'select id as "table" from {raw}', ["warning", "warning"]),
        (["snowflake"], 'select id as "user" from {raw}', []),
        (["spark"], "select id as user_id from {raw}", []),
        (["excel"], 'select id as "user" from {raw}', []),
        (None, 'select id as "user" from {raw}', []),
    ],
)
def test_columns_with_names_that_are_reserved_where_they_are_read(
    read_by: Json, sql: str, severities: list[str]
) -> None:
    meta: Json = {"headwater": {"read_by": read_by}}
    world = World().source("raw", SPEC).model("fct", sql, meta=meta)

    assert found(plan(world), "reserved-column") == severities


def test_an_exposure_says_who_reads_its_models() -> None:
    world = over('select id as "user" from {raw}').exposure("board", "fct")
    meta: Json = {"headwater": {"read_by": ["databricks"]}}
    world.add(replace(world.made["board"], config={"meta": meta}))

    assert found(plan(world), "reserved-column") == ["warning"]


PERSONAL = {"email": ColumnInfo(name="email", meta={"pii": True})}
TAGGED = {"email": ColumnInfo(name="email", tags=("PII",))}
NO_COLUMNS: dict[str, ColumnInfo] = {}


def people(
    sql: str, *, marks: dict[str, ColumnInfo] | None = None, tags: tuple[str, ...] = ()
) -> World:
    world = World().source("people", "id BIGINT, email VARCHAR, town VARCHAR")
    marked = PERSONAL if marks is None else marks
    world.add(replace(world.made["people"], documented=marked, tags=tags))
    world.view("stg", "select id, lower(email) as mail, town from {people}")
    return world.model("mart", sql).exposure("board", "mart")


PASSED = "select id, mail from {stg}"


@pytest.mark.parametrize(
    ("sql", "severities"),
    [
        (PASSED, ["warning"]),
        ("select id, 'to: ' || mail as address from {stg}", ["warning"]),
        ("with a as (select * from {stg}) select * from a", ["warning"]),
        ("select id, md5(mail) as mail_hash from {stg}", []),
        ("select town, count(distinct mail) as n from {stg} group by town", []),
        ("select id from {stg} where mail like '%@example.com'", []),
        ("select id, town from {stg}", []),
    ],
)
def test_personal_data_that_reaches_an_exposure(sql: str, severities: list[str]) -> None:
    assert found(plan(people(sql)), "pii-reach") == severities


@pytest.mark.parametrize(
    ("marks", "tags", "severities"),
    [
        (TAGGED, (), ["warning"]),
        (NO_COLUMNS, ("pii",), ["warning"]),  # all of the table
        (NO_COLUMNS, (), []),
        ({"town": ColumnInfo(name="town", meta={"pii": True})}, ("pii",), []),
        ({"email": ColumnInfo(name="email", meta={"headwater": {"pii": True}})}, (), ["warning"]),
    ],
)
def test_what_the_project_marks_as_personal(
    marks: dict[str, ColumnInfo], tags: tuple[str, ...], severities: list[str]
) -> None:
    sql = "select mail from {stg}"

    assert found(plan(people(sql, marks=marks, tags=tags)), "pii-reach") == severities


def test_who_is_said_to_have_it_may_have_it() -> None:
    world = people(PASSED)
    world.add(replace(world.made["board"], config={"meta": {"pii": True}}))

    assert found(plan(world), "pii-reach") == []


def test_a_column_that_is_said_to_be_masked_stops_it() -> None:
    world = people(PASSED)
    masked = {"mail": ColumnInfo(name="mail", meta={"pii": False})}
    world.add(replace(world.made["stg"], documented=masked))

    assert found(plan(world), "pii-reach") == []


def test_an_exposure_of_other_columns_gets_none() -> None:
    world = people(PASSED)
    config: dict[str, Json] = {"meta": {"headwater": {"columns": ["id"]}}}
    world.add(replace(world.made["board"], config=config))

    assert found(plan(world), "pii-reach") == []


@pytest.mark.parametrize(("said", "severities"), [({}, ["warning"]), (PERSONAL, [])])
def test_a_public_model_declares_what_is_personal(
    said: dict[str, ColumnInfo], severities: list[str]
) -> None:
    world = people("select id, mail as email from {stg}").without("board")
    config: dict[str, Json] = {"materialized": "table", "access": "public"}
    world.add(replace(world.made["mart"], config=config, documented=said))

    assert found(plan(world), "pii-reach") == severities


@pytest.mark.parametrize(
    ("reads", "severities"), [({}, ["warning"]), ({"mail": ""}, ["warning"]), ({"id": ""}, [])]
)
def test_a_share_gets_what_it_reads(reads: dict[str, str], severities: list[str]) -> None:
    world = people(PASSED).without("board")
    graph = world.graph()
    share = Consumer(name="ads", kind="share", reads=(Expected(table="mart", columns=reads),))
    state = replace(with_sources(graph), consumers=(share,))

    made = make_plan(graph, state, PlanOptions())

    assert found(made, "pii-reach") == severities
    if severities:
        assert "share `ads` gets personal data: `mart.mail` (from `people.email`)" in (
            made.diagnostics[0].what
        )


@pytest.mark.parametrize("name", ["mart", "MART", "main.mart", "shop.main.mart"])
def test_a_share_is_found_by_every_name_of_its_table(name: str) -> None:
    world = people(PASSED).without("board")
    graph = world.graph()
    share = Consumer(name="ads", kind="share", reads=(Expected(table=name),))
    state = replace(with_sources(graph), consumers=(share,))

    made = make_plan(graph, state, PlanOptions())

    assert found(made, "pii-reach") == ["warning"]


def test_a_reach_is_allowed_with_a_reason() -> None:
    world = people(PASSED)
    meta: Json = {"headwater": {"allow": {"pii-reach": "the board is for the support team"}}}
    world.add(replace(world.made["board"], config={"meta": meta}))

    [finding] = [each for each in plan(world).diagnostics if each.name == "pii-reach"]

    assert (finding.severity, finding.why[:9]) == ("info", "allowed: ")


def test_nothing_is_said_of_models_that_did_not_change() -> None:
    world = over('select id as "user" from {raw} where ts > now()')
    graph = world.graph()
    state = with_sources(graph)
    state = apply(make_plan(graph, state, PlanOptions()), graph, state)

    made = make_plan(graph, state, PlanOptions(force=True))

    assert found(made, "time-zones-mixed") == []
