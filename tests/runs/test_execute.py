from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runs.world import (
    append,
    build,
    check,
    close_context,
    data_files,
    merge,
    node_id,
    open_context,
    opened,
    quoted,
    relation,
    rows_of,
    run_steps,
    statuses,
    view,
)

from headwater.base.codec import decode, encode
from headwater.base.errors import Conflict
from headwater.base.telemetry import Event
from headwater.plan.plan import Read
from headwater.plan.state import DeployedNode
from headwater.runs.context import Context
from headwater.runs.run import Run

NUMBERS = "select * from (values (1, 'a'), (2, 'b')) as t(id, name)"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def test_a_chain_of_tables_and_views_is_built_and_recorded(context: Context) -> None:
    run = run_steps(
        context,
        build("numbers", NUMBERS),
        view("big", f"select * from {quoted('numbers')} where id > 1", reads=["numbers"]),
        build("total", f"select count(*) as n from {quoted('big')}", reads=["big"]),
    )

    assert (run.status, run.exit_code) == ("success", 0)
    assert rows_of(context, "numbers") == [(1, "a"), (2, "b")]
    assert rows_of(context, "total") == [(1,)]
    records = {
        r.node: decode(DeployedNode, r.document)
        for r in context.metastore.list_nodes("shop", "dev")
    }
    assert records[node_id("numbers")].version == 0
    assert set(records[node_id("total")].inputs) == {str(relation("big"))}
    assert context.metastore.list_runs()[0].status == "success"


def test_a_run_round_trips_through_json(context: Context) -> None:
    run = run_steps(context, build("numbers", NUMBERS), build("broken", "select nonsense"))

    assert decode(Run, encode(run)) == run


def test_a_commit_says_which_run_made_it(context: Context) -> None:
    run = run_steps(context, build("numbers", NUMBERS))

    newest = context.tables.table(relation("numbers")).history(1)[0].headwater
    assert newest["run_id"] == run.run_id
    assert newest["node"] == "model.shop.numbers"
    assert newest["fingerprint"] == "f1"
    app_id = "headwater/model.shop.numbers"
    assert context.tables.table(relation("numbers")).transaction_or_none(app_id) == 0


def test_a_failing_test_keeps_the_old_version_readable(context: Context, tmp_path: Path) -> None:
    run_steps(context, build("numbers", NUMBERS))
    before = data_files(tmp_path)

    run = run_steps(
        context,
        build("numbers", "select 1 as id union all select 1", version=0),
        check(
            "unique_id",
            f"select id from {quoted('numbers')} group by id having count(*) > 1",
            gates="numbers",
            reads=["numbers"],
        ),
        build("after", f"select * from {quoted('numbers')}", reads=["numbers"]),
    )

    assert statuses(run) == {"numbers": "error", "unique_id": "fail", "after": "skipped"}
    assert run.exit_code == 1
    assert rows_of(context, "numbers") == [(1, "a"), (2, "b")]
    assert data_files(tmp_path) == before


def test_a_passing_test_sees_exactly_what_is_published(context: Context) -> None:
    run = run_steps(
        context,
        build("numbers", NUMBERS),
        check(
            "has_two",
            f"select 1 from {quoted('numbers')} having count(*) <> 2",
            gates="numbers",
            reads=["numbers"],
        ),
    )

    assert statuses(run) == {"numbers": "success", "has_two": "pass"}


def test_a_test_gates_through_a_view_that_is_not_rebuilt(context: Context) -> None:
    small = f"select * from {quoted('numbers')} where id < 10"
    run_steps(context, build("numbers", NUMBERS), view("small", small, reads=["numbers"]))

    run = run_steps(
        context,
        build("numbers", "select 99 as id, 'z' as name", version=0),
        check(
            "small_is_not_empty",
            f"select 1 from {quoted('small')} having count(*) = 0",
            gates="numbers",
            reads=["small", "numbers"],
        ),
    )

    assert statuses(run)["small_is_not_empty"] == "fail"
    assert rows_of(context, "numbers") == [(1, "a"), (2, "b")]


def test_a_warning_publishes(context: Context) -> None:
    run = run_steps(
        context,
        build("numbers", NUMBERS),
        check("few", "select 1", gates="numbers", reads=[], severity="warn"),
    )

    assert statuses(run) == {"numbers": "success", "few": "warn"}
    assert run.exit_code == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"error_if": "> 5"}, "warn"),
        ({"error_if": "> 5", "warn_if": "> 5"}, "pass"),
        ({"fail_calc": "sum(n)", "error_if": "> 100"}, "warn"),
        ({"limit": 1, "error_if": "> 1", "warn_if": "> 1"}, "pass"),
        ({"fail_calc": "max(nonsense)"}, "error"),
    ],
)
def test_tests_are_judged_by_dbts_rules(
    context: Context, changes: dict[str, object], expected: str
) -> None:
    test = check("t", "select * from range(3) as t(n)", gates=None, reads=[], **changes)

    run = run_steps(context, test)

    assert statuses(run) == {"t": expected}


def test_failing_rows_are_stored_when_asked(context: Context) -> None:
    run_steps(
        context,
        build("numbers", NUMBERS),
        check(
            "odd",
            f"select * from {quoted('numbers')} where id % 2 = 1",
            gates="numbers",
            reads=["numbers"],
            store_in=relation("odd_rows"),
        ),
    )

    assert rows_of(context, "odd_rows") == [(1, "a")]


def test_a_view_that_fails_its_test_is_not_kept(context: Context) -> None:
    run = run_steps(
        context,
        view("v", "select 1 as id"),
        check("never", f"select * from {quoted('v')}", gates="v", reads=["v"]),
    )

    assert statuses(run) == {"v": "error", "never": "fail"}
    assert context.metastore.find_relation_or_none(relation("v")) is None


def test_a_broken_node_skips_its_descendants_only(context: Context) -> None:
    run = run_steps(
        context,
        build("broken", "select nonsense"),
        build("after", f"select * from {quoted('broken')}", reads=["broken"]),
        build("last", f"select * from {quoted('after')}", reads=["after"]),
        build("other", NUMBERS),
    )

    assert statuses(run) == {
        "broken": "error",
        "after": "skipped",
        "last": "skipped",
        "other": "success",
    }
    broken = next(result for result in run.results if result.name == "broken")
    assert broken.diagnostic is not None
    assert broken.diagnostic.name == "sql-failed"


def test_fail_fast_starts_nothing_after_a_failure(tmp_path: Path) -> None:
    context = open_context(tmp_path, threads=1)

    run = run_steps(
        context,
        build("broken", "select nonsense"),
        build("other", NUMBERS),
        fail_fast=True,
    )

    assert statuses(run) == {"broken": "error", "other": "skipped"}
    close_context(context)


def test_append_adds_and_merge_updates(context: Context) -> None:
    run_steps(context, build("numbers", NUMBERS))

    run_steps(context, append("numbers", "select 3 as id, 'c' as name", version=0))
    run_steps(context, merge("numbers", "select 2 as id, 'B' as name", version=1))

    assert rows_of(context, "numbers") == [(1, "a"), (2, "B"), (3, "c")]
    assert context.tables.table(relation("numbers")).snapshot(0).rows == 2


def test_an_incremental_query_may_read_its_own_table(context: Context) -> None:
    run_steps(context, build("numbers", NUMBERS))

    run_steps(
        context,
        append(
            "numbers",
            f"select max(id) + 1 as id, 'next' as name from {quoted('numbers')}",
            version=0,
        ),
    )

    assert rows_of(context, "numbers")[-1] == (3, "next")


@pytest.mark.parametrize(
    ("mode", "sql", "expected"),
    [
        ("ignore", "select 3 as id, 'c' as name, true as extra", [(1, "a"), (2, "b"), (3, "c")]),
        (
            "append_new_columns",
            "select 3 as id, 'c' as name, true as extra",
            [(1, "a", None), (2, "b", None), (3, "c", True)],
        ),
        ("append_new_columns", "select 3 as id", [(1, "a"), (2, "b"), (3, None)]),
        ("sync_all_columns", "select 3 as id, true as extra", [(1, None), (2, None), (3, True)]),
        ("sync_all_columns", "select '3' as id, 'c' as name", [("1", "a"), ("2", "b"), ("3", "c")]),
    ],
)
def test_columns_of_an_incremental_table_follow_on_schema_change(
    context: Context, mode: str, sql: str, expected: list[tuple[object, ...]]
) -> None:
    run_steps(context, build("numbers", NUMBERS))

    run = run_steps(context, append("numbers", sql, version=0, on_schema_change=mode))

    assert run.status == "success", run.results[0].message
    assert rows_of(context, "numbers") == expected


@pytest.mark.parametrize(
    ("mode", "sql", "code"),
    [
        ("fail", "select 3 as id, 'c' as name, 1 as extra", "incremental-columns-changed"),
        ("ignore", "select 3 as id", "incremental-column-missing"),
    ],
)
def test_columns_that_may_not_change_fail_the_node(
    context: Context, mode: str, sql: str, code: str
) -> None:
    run_steps(context, build("numbers", NUMBERS))

    run = run_steps(context, append("numbers", sql, version=0, on_schema_change=mode))

    assert run.results[0].diagnostic is not None
    assert run.results[0].diagnostic.name == code
    assert rows_of(context, "numbers") == [(1, "a"), (2, "b")]


def test_merge_with_new_columns_keeps_the_old_rows(context: Context) -> None:
    run_steps(context, build("numbers", NUMBERS))

    run_steps(
        context,
        merge(
            "numbers",
            "select 2 as id, 'B' as name, 7 as extra",
            version=0,
            on_schema_change="append_new_columns",
        ),
    )

    assert rows_of(context, "numbers") == [(1, "a", None), (2, "B", 7)]


def test_merge_after_a_dropped_column_rewrites_and_leaves_no_orphans(
    context: Context, tmp_path: Path
) -> None:
    run_steps(context, build("numbers", NUMBERS))

    run_steps(
        context,
        merge(
            "numbers", "select 2 as id, 7 as extra", version=0, on_schema_change="sync_all_columns"
        ),
    )

    assert rows_of(context, "numbers") == [(1, None), (2, 7)]
    table = context.tables.table(relation("numbers"))
    named = {f.path for v in (0, 1) for f in table.snapshot(v).files}
    on_disk = {str(path).split("/numbers/")[1] for path in (tmp_path / "lake").rglob("*.parquet")}
    assert on_disk == named


@pytest.mark.parametrize("mode", ["ignore", "append_new_columns"])
def test_a_value_that_a_narrow_column_cannot_hold_fails_and_the_way_is_said(
    context: Context, mode: str
) -> None:
    run_steps(context, build("numbers", "select 1::integer as id"))
    wide = f"select {2**40}::bigint as id"

    refused = run_steps(context, append("numbers", wide, version=0, on_schema_change=mode))
    synced = append("numbers", wide, version=0, on_schema_change="sync_all_columns")
    widened = run_steps(context, synced)

    assert [run.status for run in (refused, widened)] == ["failed", "success"]
    told = refused.results[0].diagnostic
    assert told is not None
    assert "sync_all_columns gives `id` the type BIGINT" in told.fix
    assert rows_of(context, "numbers") == [(1,), (2**40,)]


def test_a_plan_whose_input_moved_is_refused_before_anything_runs(context: Context) -> None:
    run_steps(context, build("numbers", NUMBERS))
    run_steps(context, append("numbers", "select 3 as id, 'c' as name", version=0))
    stale = build("copy", f"select * from {quoted('numbers')}")
    stale = type(stale)(
        **{f: getattr(stale, f) for f in stale.__dataclass_fields__ if f != "reads"},
        reads=(Read(name=relation("numbers"), version="0"),),
    )

    with pytest.raises(Conflict) as caught:
        run_steps(context, stale)

    assert caught.value.code == "plan-stale"
    assert "was at version 0, now 1" in caught.value.why


def test_a_plan_whose_target_moved_is_refused(context: Context) -> None:
    run_steps(context, build("numbers", NUMBERS))

    with pytest.raises(Conflict):
        run_steps(context, append("numbers", NUMBERS, version=7))
    with pytest.raises(Conflict):
        run_steps(context, build("numbers", NUMBERS, version=None))


def test_a_table_takes_the_place_of_a_view_and_back(context: Context) -> None:
    run_steps(context, build("numbers", NUMBERS))
    run_steps(context, view("numbers", "select 5 as id"))

    run = run_steps(context, build("numbers", "select 6 as id, 'f' as name"))

    assert run.status == "success", run.results[0].message
    assert rows_of(context, "numbers") == [(6, "f")]


def test_hooks_run_in_the_nodes_session_and_a_failing_one_publishes_nothing(
    context: Context,
) -> None:
    run_steps(
        context,
        build(
            "good",
            "select * from made_before",
            pre_hooks=("create temp table made_before as select 1 as id",),
        ),
    )
    run = run_steps(context, build("bad", NUMBERS, post_hooks=("select nonsense",)))

    assert rows_of(context, "good") == [(1,)]
    assert statuses(run) == {"bad": "error"}
    assert context.tables.table(relation("bad")).version_or_none() is None


def test_events_tell_every_step_once_and_in_order(context: Context) -> None:
    events: list[Event] = []

    run_steps(
        context,
        build("numbers", NUMBERS),
        check("t", "select 1 where false", gates="numbers", reads=[]),
        events=events,
    )

    assert [event.kind for event in events] == [
        "run-started",
        "node-started",
        "node-started",
        "node-finished",
        "node-finished",
        "run-finished",
    ]


def test_what_a_node_used_is_measured_and_kept(context: Context) -> None:
    run = run_steps(context, build("many", "select * from range(1000000) as t(n)"))

    result = run.results[0]
    assert result.rows == 1_000_000
    assert result.cost.cpu_seconds > 0
    assert result.cost.bytes_written > 100_000
    assert context.metastore.attempts_of_run(run.run_id)[0].meter == result.cost


def test_a_new_table_is_pinned_by_the_id_that_its_log_has(context: Context) -> None:
    kept = {"materialized": "incremental"}
    numbers = build("numbers", NUMBERS)
    total = build("total", f"select 1 as n from {quoted('numbers')}", reads=["numbers"], **kept)

    run_steps(context, numbers, total)

    table_id = context.tables.table(relation("numbers")).snapshot().table_id
    consumed = context.tables.table(relation("total")).snapshot().transactions
    assert consumed[f"headwater/{node_id('total')}/{table_id}"] == 0
