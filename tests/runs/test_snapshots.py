from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.runs.world import (
    close_context,
    node_id,
    open_context,
    relation,
    rows_of,
    run_steps,
    target,
)

from headwater.base.clock import FixedClock
from headwater.plan.plan import TakeSnapshot
from headwater.runs.context import Context

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def context(tmp_path: Path, clock: FixedClock) -> Iterator[Context]:
    opened = replace(open_context(tmp_path), clock=clock)
    yield opened
    close_context(opened)


def snapshot(rows: str, version: int | None, **changes: object) -> TakeSnapshot:
    made = TakeSnapshot(
        node=node_id("snap"),
        name="snap",
        resource_type="snapshot",
        action="incremental",
        reason="",
        target=target("snap", version=version, materialized="snapshot"),
        sql=f"select * from (values {rows}) as t(id, name, changed)",
        unique_key=("id",),
        strategy="timestamp",
        updated_at="changed",
    )
    return replace(made, **changes)  # type: ignore[arg-type] # keyword names are the fields'


def history(context: Context) -> list[tuple[object, ...]]:
    """Key, name, whether current, and the days from and to."""
    found = []
    for row in rows_of(context, "snap"):
        valid_from, valid_to = row[5], row[6]
        days = [None if at is None else at.day for at in (valid_from, valid_to)]  # type: ignore[attr-defined] # times
        found.append((row[0], row[1], *days, *row[7:]))
    return sorted(found, key=str)


def test_the_timestamp_strategy_closes_and_adds_versions(context: Context) -> None:
    run_steps(context, snapshot("(1, 'a', timestamp '2026-01-01'), (2, 'b', '2026-01-01')", None))
    run_steps(
        context,
        snapshot(
            "(1, 'A', timestamp '2026-01-05'), (2, 'old', '2026-01-01'), (3, 'c', '2026-01-05')",
            0,
        ),
    )

    assert history(context) == [
        (1, "A", 5, None),
        (1, "a", 1, 5),
        (2, "b", 1, None),
        (3, "c", 5, None),
    ]


def test_the_check_strategy_compares_columns(context: Context, clock: FixedClock) -> None:
    check = {"strategy": "check", "updated_at": "", "check_columns": ("name",)}
    run_steps(context, snapshot("(1, 'a', 1), (2, null, 1)", None, **check))
    clock.advance(DAY)
    run_steps(context, snapshot("(1, 'a', 2), (2, 'b', 1)", 0, **check))

    assert history(context) == [(1, "a", 1, None), (2, "b", 2, None), (2, None, 1, 2)]


def test_a_snapshot_taken_twice_changes_nothing(context: Context, clock: FixedClock) -> None:
    rows = "(1, 'a', timestamp '2026-01-01')"
    run_steps(context, snapshot(rows, None))
    before = rows_of(context, "snap")
    clock.advance(DAY)

    run_steps(context, snapshot(rows, 0))

    assert rows_of(context, "snap") == before


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ignore", [(1, "a", 1, None), (2, "b", 1, None)]),
        ("invalidate", [(1, "a", 1, None), (2, "b", 1, 2)]),
        (
            "new_record",
            [
                (1, "a", 1, None, "False"),
                (2, "b", 1, 2, "False"),
                (2, "b", 2, None, "True"),
            ],
        ),
    ],
)
def test_rows_that_left_the_source_follow_hard_deletes(
    context: Context, clock: FixedClock, mode: str, expected: list[tuple[object, ...]]
) -> None:
    both = "(1, 'a', timestamp '2026-01-01'), (2, 'b', '2026-01-01')"
    run_steps(context, snapshot(both, None, hard_deletes=mode))
    clock.advance(DAY)
    one = "(1, 'a', timestamp '2026-01-01')"

    first = run_steps(context, snapshot(one, 0, hard_deletes=mode))
    clock.advance(DAY)
    run_steps(context, snapshot(one, 1, hard_deletes=mode))

    assert first.status == "success", first.results[0].message
    assert history(context) == expected


def test_a_row_that_comes_back_after_a_deletion_record_is_added_again(
    context: Context, clock: FixedClock
) -> None:
    both = "(1, 'a', timestamp '2026-01-01'), (2, 'b', '2026-01-01')"
    for version, rows in enumerate([both, "(1, 'a', timestamp '2026-01-01')", both]):
        before = version - 1 if version else None
        run = run_steps(context, snapshot(rows, before, hard_deletes="new_record"))
        assert run.status == "success", run.results[0].message
        clock.advance(DAY)

    current = [row for row in history(context) if row[3] is None]
    assert [(row[0], row[4]) for row in current] == [(1, "False"), (2, "False")]


def test_a_new_column_of_the_source_is_added(context: Context) -> None:
    run_steps(context, snapshot("(1, 'a', timestamp '2026-01-01')", None))
    wider = replace(
        snapshot("", 0),
        sql="select 1 as id, 'A' as name, timestamp '2026-01-05' as changed, 7 as extra",
    )

    run_steps(context, wider)

    assert sorted(str(row[-1]) for row in rows_of(context, "snap")) == ["7", "None"]


def test_keys_of_two_columns_and_odd_names_work(context: Context) -> None:
    step = replace(
        snapshot("", None),
        sql='select 1 as "a b", 2 as "select", timestamp \'2026-01-01\' as changed',
        unique_key=("a b", "select"),
    )
    run_steps(context, step)

    run = run_steps(context, replace(step, target=replace(step.target, version=0)))

    assert run.status == "success"
    assert len(rows_of(context, "snap")) == 1


def test_a_missing_key_column_is_named(context: Context) -> None:
    run = run_steps(
        context, snapshot("(1, 'a', timestamp '2026-01-01')", None, unique_key=("nope",))
    )

    assert run.results[0].diagnostic is not None
    assert run.results[0].diagnostic.name == "snapshot-column-missing"
    assert relation("snap").name == "snap"


def test_a_key_may_be_an_expression_and_is_not_stored(context: Context, clock: FixedClock) -> None:
    changes = {"unique_key": ("id || '-' || name",), "hard_deletes": "new_record"}
    rows = "(1, 'a', timestamp '2026-01-01'), (1, 'b', '2026-01-01'), (2, 'a', '2026-01-01')"
    run_steps(context, snapshot(rows, None, **changes))
    clock.advance(DAY)

    changed = "(1, 'a', timestamp '2026-01-05'), (1, 'b', timestamp '2026-01-01')"
    run_steps(context, snapshot(changed, 0, **changes))

    assert history(context) == [
        (1, "a", 1, 5, "False"),
        (1, "a", 5, None, "False"),
        (1, "b", 1, None, "False"),
        (2, "a", 1, 2, "False"),
        (2, "a", 2, None, "True"),
    ]


def test_a_key_that_is_no_column_is_still_told(context: Context) -> None:
    step = snapshot("(1, 'a', timestamp '2026-01-01')", None, unique_key=("idd",))

    result = run_steps(context, step).results[0]

    assert result.status == "error"
    assert "needs `idd`" in result.message
