from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType

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
from headwater.runs.snapshots import snapshot_sql

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


KINDS: dict[str, dict[str, object]] = {
    "timestamp": {},
    "check": {"strategy": "check", "updated_at": "", "check_columns": ("name",)},
    "invalidate": {"hard_deletes": "invalidate"},
    "records": {"hard_deletes": "new_record"},
    "ends": {"valid_to_current": "timestamp '9999-12-31'", "hard_deletes": "invalidate"},
    "names": {
        "meta_columns": MappingProxyType({"dbt_scd_id": "version id", "dbt_valid_to": "until"}),
        "hard_deletes": "invalidate",
    },
}


def rows_at(turn: int, pick: Random) -> str:
    """Write a state of the source: of thirty keys some are gone, some newer, one there twice."""
    rows = []
    for key in range(30):
        if pick.random() < 0.15:
            continue
        day = pick.choice([turn, turn, max(1, turn - 1)])
        name = pick.choice("abc")
        rows += [f"({key}, '{name}', timestamp '2026-01-{day:02d}')"]
    return ", ".join([*rows, rows[0]])


def whole_state(context: Context, step: TakeSnapshot) -> list[str]:
    """Return the rows that the table would have if all of it were written again."""
    current = context.tables.table(relation("snap")).snapshot()
    session = context.engine.open_session(catalog="shop", schema="main")
    try:
        session.bind(relation("snap"), current)
        query = session.describe(step.sql)
        sql = snapshot_sql(step, query, current.columns, context.clock.now())
        return sorted(map(str, session.query(sql, rows_max=10_000).rows))
    finally:
        session.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["copy_on_write", "merge_on_read"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_gives_the_state_of_writing_all(
    context: Context, clock: FixedClock, kind: str, mode: str
) -> None:
    pick = Random(f"{kind} {mode}")  # noqa: S311 - states of a source, by seed
    config = MappingProxyType({"merge_mode": mode})
    run_steps(context, snapshot(rows_at(1, pick), None, **KINDS[kind]))

    for turn in range(2, 7):
        clock.advance(DAY)
        step = snapshot(rows_at(turn, pick), turn - 2, **KINDS[kind])
        step = replace(step, target=replace(step.target, config=config))
        expected = whole_state(context, step)

        run = run_steps(context, step)

        assert run.status == "success", run.results
        assert sorted(map(str, rows_of(context, "snap"))) == expected
        assert context.tables.table(relation("snap")).history(1)[0].operation == "MERGE"


def test_only_what_changed_is_written(context: Context, clock: FixedClock) -> None:
    many = "select i as id, 'a' as name, timestamp '2026-01-01' as changed from range(50000) t(i)"
    run_steps(context, replace(snapshot("", None), sql=many))
    clock.advance(DAY)
    one = many.replace("'a'", "case when i = 7 then 'b' else 'a' end").replace(
        "timestamp '2026-01-01'", "timestamp '2026-01-01' + to_days((i = 7)::integer)"
    )

    step = replace(snapshot("", 0), sql=one)
    config = MappingProxyType({"merge_mode": "merge_on_read"})

    run_steps(context, replace(step, target=replace(step.target, config=config)))

    newest = context.tables.table(relation("snap")).history(1)[0]
    snapshot_now = context.tables.table(relation("snap")).snapshot()
    assert (newest.operation, newest.rows_added) == ("MERGE", 2)
    assert snapshot_now.rows == 50_001
    assert newest.bytes_added < snapshot_now.size_bytes / 100


def test_a_snapshot_without_changes_writes_no_file(context: Context, clock: FixedClock) -> None:
    rows = "(1, 'a', timestamp '2026-01-01')"
    run_steps(context, snapshot(rows, None))
    clock.advance(DAY)

    run = run_steps(context, snapshot(rows, 0))

    newest = context.tables.table(relation("snap")).history(1)[0]
    assert (run.status, newest.files_added, newest.files_removed) == ("success", 0, 0)
