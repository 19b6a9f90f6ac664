"""Which filters are taken for watermarks, and how wide their windows are."""

import pytest
from tests.plan.world import World, relation

from headwater.plan.watermark import event_columns, watermarks_of
from headwater.sql.watermark import Watermark

SELECT = "select id, ts from {raw}"


def marks(condition: str, prefix: str = "", start: str = SELECT) -> tuple[Watermark, ...]:
    world = World().source("raw", "id BIGINT, ts TIMESTAMP, day DATE").source("dim", "k BIGINT")
    world.model("fct", SELECT, incremental=f"{prefix} {start} where {condition}")
    graph = world.graph()
    [compiled] = [node for node in graph.nodes.values() if node.node.name == "fct"]
    return watermarks_of(compiled)


@pytest.mark.parametrize(
    ("condition", "hours", "anchor"),
    [
        ("ts > (select max(ts) from {this})", 0, "newest"),
        ("ts >= (select max(ts) - interval 3 day from {this})", 72, "newest"),
        ("ts >= (select max(ts) - interval '36 hours' from {this})", 36, "newest"),
        ("ts > (select max(ts) from {this}) - interval '1' week", 168, "newest"),
        ("ts >= date_add((select max(ts) from {this}), interval (-3) day)", 72, "newest"),
        ("ts >= (select max(ts) from {this}) + interval (-2) hour", 2, "newest"),
        ("ts >= (select max(ts) - to_days(2) from {this})", 48, "newest"),
        ("(select max(ts) from {this}) < ts", 0, "newest"),
        ("cast(ts as date) >= (select max(day) - 3 from {this})", 72, "newest"),
        (
            "ts > (select coalesce(max(ts), '1900-01-01') - interval 1 hour * 5 from {this})",
            5,
            "newest",
        ),
        ("id > 0 and ts >= (select max(ts) from {this})", 0, "newest"),
        ("ts between (select max(ts) from {this}) and now()", 0, "newest"),
        ("day >= current_date - 3", 72, "now"),
        ("ts > now() - interval 90 minute", 1.5, "now"),
    ],
)
def test_window_is_read(condition: str, hours: float, anchor: str) -> None:
    [mark] = marks(condition)

    assert (mark.relation, mark.hours, mark.anchor) == (relation("raw"), hours, anchor)
    assert mark.is_inclusive == (">=" in condition or "between" in condition)


@pytest.mark.parametrize(
    "condition",
    [
        "ts > '2026-01-01'",
        "ts > (select max(ts) from {dim})",
        "ts > (select max(ts) from {this}) or id = 1",
        "ts < (select max(ts) from {this})",
        "id in (select id from {this})",
        "id + hash(ts) > (select max(id) from {this})",
    ],
)
def test_other_filters_are_no_watermarks(condition: str) -> None:
    assert marks(condition) == ()


def test_a_window_that_is_no_constant_is_unknown() -> None:
    [mark] = marks("ts > (select max(ts) - interval (id) day from {this})")

    assert mark.hours is None


def test_a_watermark_kept_in_a_cte_is_found() -> None:
    prefix = "with newest as (select max(ts) - interval 2 day as ts from {this})"

    [mark] = marks("ts > (select ts from newest)", prefix)

    assert (mark.relation, mark.hours) == (relation("raw"), 48)


def test_the_filtered_column_is_followed_through_ctes() -> None:
    prefix = "with src as (select * from {raw}), named as (select id, ts as moved_at from src)"

    [mark] = marks(
        "n.moved_at > (select max(moved_at) from {this})",
        prefix,
        "select n.id, n.moved_at as ts from named n join {dim} d on d.k = n.id",
    )

    assert (mark.relation, mark.column) == (relation("raw"), "ts")


def test_event_columns_are_those_of_stored_tables_behind_views() -> None:
    world = (
        World()
        .source("raw", "id BIGINT, happened_at TIMESTAMP")
        .view("stg", "select id, happened_at as ts from {raw}")
        .model(
            "fct",
            "select id, ts from {stg}",
            incremental="select id, ts from {stg} where ts > (select max(ts) from {this})",
        )
    )

    assert event_columns(world.graph()) == ((relation("raw"), "happened_at"),)


def test_hostile_sql_gives_no_watermark_and_no_error() -> None:
    assert marks("ts > (select max(ts) from {this}") == ()
    assert marks("(" * 500 + "ts > 1" + ")" * 500) == ()
