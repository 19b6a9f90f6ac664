"""Models with ``refresh``: whatever comes, however late, the table equals its full rebuild."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runs.project import model
from tests.runs.world import (
    append,
    build,
    close_context,
    merge,
    node_id,
    open_context,
    quoted,
    relation,
    run_steps,
    target,
)

from headwater.base.clock import FixedClock
from headwater.base.codec import decode, encode
from headwater.base.ids import NodeId
from headwater.base.meters import Meter
from headwater.graph.graph import CompiledNode, Graph
from headwater.lake.commit import Commit, SetSchema, VersionIs, commit
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan, Refresh
from headwater.project.node import Node
from headwater.runs import refresh as refreshing
from headwater.runs.context import Context, Observer
from headwater.runs.execute import execute
from headwater.runs.held import consumed_app
from headwater.runs.query import run_sql
from headwater.runs.reading_on import KEPT_FOR
from headwater.runs.run import Run
from headwater.runs.state import read_state
from headwater.runs.upkeep import Keeper

ORDERS, PLACES = quoted("o"), quoted("p")
QUERIES = {
    "kept": f"select id, key, amount * 2 as twice from {ORDERS} where amount > 2",
    "sums": f"select key, sum(amount) as s, count(*) as n from {ORDERS} group by key",
    "newest": f"select * from {ORDERS} qualify row_number() over"
    " (partition by id order by amount desc, key, tag) = 1",
    "both": f"select id, tag, 'o' as src from {ORDERS} union all select id, tag, 'p' from {PLACES}",
    "joined": f"select o.id, o.key, p.tag from {ORDERS} o left join {PLACES} p on o.key = p.key",
    "by_key": f"with a as (select key, sum(amount) as s from {ORDERS} group by key),"
    f" b as (select key, max(tag) as t from {PLACES} group by key)"
    " select a.key, s, t from a left join b on a.key = b.key",
    "again": f"select key, max(twice) as m from {quoted('kept')} group by key",
    "total": f"select count(*) as n, sum(amount) as s from {ORDERS}",
}
ROOT = Path(__file__).parents[2]
EMPTY = "select 1::bigint as id, 1::bigint as key, 1::bigint as amount, 'a' as tag limit 0"


def source(name: str) -> CompiledNode:
    return CompiledNode(
        node=Node(
            unique_id=NodeId(f"source.shop.raw.{name}"),
            resource_type="source",
            package="shop",
            name=name,
            path="",
            original_path="",
            fqn=(),
            relation=relation(name),
        )
    )


def graph_of(*names: str, refresh: str = "auto", **config: str) -> Graph:
    nodes: dict[NodeId, CompiledNode] = {}
    for made in (source("o"), source("p")):
        nodes[made.node.unique_id] = made
    for name in names or QUERIES:
        sql = QUERIES[name]
        reads = tuple(n for n in ("o", "p", *QUERIES) if quoted(n) in sql)
        made = model(name, sql, reads, sql, refresh=refresh, **config)
        made = replace(made, depends_on=tuple(node_id(r) for r in reads if r in QUERIES))
        nodes[made.node.unique_id] = made
    return Graph(project="shop", target="dev", nodes=nodes, gates={}, checksum="c1")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    opened = start(tmp_path)
    yield opened
    close_context(opened)


def start(folder: Path) -> Context:
    opened = open_context(folder)
    for name in ("o", "p"):
        write(opened, name, EMPTY)
        arrive(opened, name, [(1, 1, 5, "a"), (2, 1, 1, "b"), (3, None, 4, "a")])
    return opened


def write(context: Context, name: str, sql: str) -> None:
    run = run_steps(context, replace(build(name, sql), node=NodeId(f"source.shop.raw.{name}")))
    assert run.status == "success"


def values(rows: list[tuple[int, int | None, int, str]]) -> str:
    return " union all ".join(
        f"select {i}::bigint as id, {'null' if k is None else k}::bigint as key,"
        f" {a}::bigint as amount, '{t}' as tag"
        for i, k, a, t in rows
    )


def arrive(context: Context, name: str, rows: list[tuple[int, int | None, int, str]]) -> None:
    step = append(name, values(rows), version_of(context, name))
    run = run_steps(context, replace(step, node=NodeId(f"source.shop.raw.{name}")))
    assert run.status == "success"


def upsert(
    context: Context, name: str, rows: list[tuple[int, int | None, int, str]], mode: str
) -> None:
    version = version_of(context, name)
    config = MappingProxyType({"merge_mode": mode})
    made = target(name, version=version, materialized="incremental", config=config)
    unique = list({row[0]: row for row in rows}.values())
    step = merge(name, values(unique), version, target=made)
    step = replace(step, node=NodeId(f"source.shop.raw.{name}"), delete_matching=True)
    assert run_steps(context, step).status == "success"


def take_out(context: Context, name: str, ids: list[int]) -> None:
    """Delete rows, as a statement of another tool would: a version without them."""
    kept = f"select * from {quoted(name)} where id not in ({', '.join(map(str, ids))})"
    step = build(name, kept, version=version_of(context, name))
    step = replace(step, node=NodeId(f"source.shop.raw.{name}"))
    reads = tuple(replace(read, version=None) for read in step.reads)
    assert run_steps(context, replace(step, reads=reads)).status == "success"


def version_of(context: Context, name: str) -> int:
    return context.tables.table(relation(name)).snapshot().version


def plan_of(context: Context, graph: Graph, **options: object) -> Plan:
    return make_plan(graph, read_state(graph, context), PlanOptions(**options))  # type: ignore[arg-type] # fields


def run_plan(context: Context, graph: Graph, plan: Plan) -> Run:
    return execute(plan, context, graph=graph)


def build_all(context: Context, graph: Graph) -> Run:
    run = run_plan(context, graph, plan_of(context, graph))
    assert run.status == "success", [result.message for result in run.results]
    return run


def rows(context: Context, sql: str) -> Counter[tuple[object, ...]]:
    return Counter(run_sql(context, sql, rows_max=10_000).rows)


def assert_equal_to_rebuild(context: Context, graph: Graph) -> None:
    for compiled in graph.nodes.values():
        if compiled.node.resource_type == "model":
            name = compiled.node.name
            assert (name, rows(context, f"from {quoted(name)}")) == (
                name,
                rows(context, compiled.code),
            )


def messages(run: Run) -> dict[str, str]:
    return {result.name: result.message for result in run.results}


def test_late_rows_are_brought_in(context: Context) -> None:
    graph = graph_of()
    build_all(context, graph)
    arrive(context, "o", [(9, 1, 7, "late"), (9, 1, 7, "late"), (1, 2, 9, "c")])

    run = build_all(context, graph)

    assert_equal_to_rebuild(context, graph)
    actions = {result.name: result.action for result in run.results}
    assert actions == {**dict.fromkeys(QUERIES, "incremental"), "total": "rebuild"}
    assert [text for text in messages(run).values() if "in full" in text] == []


def test_null_is_a_key_like_others(context: Context) -> None:
    graph = graph_of("sums", "newest")
    build_all(context, graph)
    arrive(context, "o", [(9, None, 7, "late"), (3, None, 1, "again")])

    build_all(context, graph)

    assert rows(context, f"select s, n from {quoted('sums')} where key is null") == {(12, 3): 1}
    assert_equal_to_rebuild(context, graph)


def test_new_rows_alone_are_added_where_rows_only_come(context: Context) -> None:
    graph = graph_of("kept")
    build_all(context, graph)
    before = context.tables.table(relation("kept")).snapshot()
    arrive(context, "o", [(9, 1, 7, "late")])

    run = build_all(context, graph)

    after = context.tables.table(relation("kept")).snapshot()
    assert (
        {f.path for f in before.files} <= {f.path for f in after.files},
        run.results[0].rows,
    ) == (
        True,
        1,
    )


@pytest.mark.parametrize("mode", ["merge_on_read", "copy_on_write"])
def test_changed_and_removed_rows_are_followed(context: Context, mode: str) -> None:
    graph = graph_of()
    build_all(context, graph)
    upsert(context, "o", [(1, 2, 8, "z"), (3, 3, 3, "b")], mode)
    take_out(context, "p", [2])

    build_all(context, graph)

    assert_equal_to_rebuild(context, graph)


@pytest.mark.parametrize(
    ("refresh", "keys", "is_whole"),
    [("auto", 300, True), ("incremental", 300, False), ("auto", 40, False)],
)
def test_most_keys_touched_is_everything_built_for_who_leaves_it_open(
    context: Context, monkeypatch: pytest.MonkeyPatch, refresh: str, keys: int, is_whole: bool
) -> None:
    monkeypatch.setattr(refreshing, "SMALL_BYTES", 0)
    graph = graph_of("sums", refresh=refresh)
    arrive(context, "o", [(100 + i, i, 5, "a") for i in range(400)])
    build_all(context, graph)
    arrive(context, "o", [(1000 + i, i, 7, "b") for i in range(keys)])

    run = build_all(context, graph)

    assert ("keys are touched, and the table has 401 rows" in messages(run)["sums"]) == is_whole
    assert_equal_to_rebuild(context, graph)


def test_a_table_that_was_only_compacted_changes_nothing(context: Context) -> None:
    graph = graph_of("kept", "sums")
    build_all(context, graph)
    Keeper(context).optimize("o")

    plan = plan_of(context, graph)

    assert plan.is_empty


def test_a_copied_file_touches_only_the_keys_that_changed(context: Context) -> None:
    graph = graph_of("sums")
    arrive(context, "o", [(n, n, n, "x") for n in range(10, 200)])
    build_all(context, graph)
    upsert(context, "o", [(50, 50, 1000, "y")], "copy_on_write")

    run = build_all(context, graph)

    assert run.results[0].rows == 1
    assert_equal_to_rebuild(context, graph)


def test_the_commit_says_which_version_of_each_input_it_holds(context: Context) -> None:
    graph = graph_of("both")
    build_all(context, graph)

    snapshot = context.tables.table(relation("both")).snapshot()

    for name in ("o", "p"):
        own = context.tables.table(relation(name)).snapshot()
        app = consumed_app(node_id("both"), own.table_id)
        assert snapshot.transactions[app] == own.version


def test_a_second_run_of_the_same_plan_publishes_nothing(context: Context) -> None:
    graph = graph_of("kept")
    build_all(context, graph)
    arrive(context, "o", [(9, 1, 7, "late")])
    build_all(context, graph)
    version = version_of(context, "kept")

    forced = plan_of(context, graph, force=True)
    run = run_plan(context, graph, forced)

    assert (run.status, version_of(context, "kept")) == ("success", version)
    assert_equal_to_rebuild(context, graph)


def test_after_the_records_are_lost_nothing_is_read_twice(context: Context) -> None:
    graph = graph_of("kept")
    build_all(context, graph)
    arrive(context, "o", [(9, 1, 7, "late")])
    old = plan_of(context, graph)
    build_all(context, graph)

    [step] = old.steps
    assert isinstance(step, Refresh)
    version = version_of(context, "kept")
    again = replace(old, steps=(replace(step, target=replace(step.target, version=version)),))
    run = run_plan(context, graph, again)

    assert (run.status, version_of(context, "kept")) == ("success", version)
    assert_equal_to_rebuild(context, graph)


def test_a_plan_from_a_file_runs_the_same(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    arrive(context, "o", [(9, 1, 7, "late")])
    text = encode(plan_of(context, graph))

    run = run_plan(context, graph, decode(Plan, text))

    assert run.status == "success"
    assert_equal_to_rebuild(context, graph)


def vacuumed(context: Context) -> list[Path]:
    """Change every row, and return the files that a vacuum would delete."""
    table = context.tables.table(relation("o"))
    before = [Path(table.root, file.path) for file in table.snapshot().files]
    upsert(context, "o", [(1, 2, 8, "z"), (2, 2, 8, "z"), (3, 3, 3, "b")], "copy_on_write")
    return before


def test_what_a_vacuum_deleted_is_planned_in_full(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    for path in vacuumed(context):
        path.unlink()

    plan = plan_of(context, graph)
    run = run_plan(context, graph, plan)

    [step] = plan.steps
    assert step.refresh is not None
    assert ("deleted by a vacuum" in step.refresh.why, step.action) == (True, "rebuild")
    assert run.status == "success"
    assert_equal_to_rebuild(context, graph)


def test_what_a_vacuum_deletes_after_planning_is_built_in_full(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    gone = vacuumed(context)
    plan = plan_of(context, graph)
    for path in gone:
        path.unlink()

    run = run_plan(context, graph, plan)

    assert "built in full: what changed in `o` is not kept" in messages(run)["sums"]
    assert_equal_to_rebuild(context, graph)


def test_a_strict_model_is_refused_instead(context: Context) -> None:
    graph = graph_of("sums", refresh="strict")
    build_all(context, graph)
    gone = vacuumed(context)
    plan = plan_of(context, graph)
    for path in gone:
        path.unlink()
    later = plan_of(context, graph)

    run = run_plan(context, graph, plan)

    [result] = run.results
    assert result.diagnostic is not None
    assert (result.status, result.diagnostic.name) == ("error", "refresh-not-provable")
    assert [(one.name, one.severity) for one in later.diagnostics] == [
        ("refresh-not-provable", "error")
    ]


def test_a_vacuum_keeps_what_a_model_has_not_read(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    gone = vacuumed(context)
    keeper = Keeper(context)

    no_retention(context, "o")
    done = keeper.vacuum("o", dry_run=False)

    [one] = done.behind
    assert (one.node, one.version, one.is_held) == (node_id("sums"), 1, True)
    assert done.files_kept == len(gone)
    assert all(path.exists() for path in gone)
    build_all(context, graph)
    assert_equal_to_rebuild(context, graph)
    after = keeper.vacuum("o", dry_run=False)
    assert (after.behind, any(path.exists() for path in gone)) == ((), False)


def test_a_forced_vacuum_says_who_is_built_in_full(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    gone = vacuumed(context)

    done = Keeper(context).vacuum("o", dry_run=False, retain=timedelta(0), force=True)

    assert [(one.node, one.is_held) for one in done.behind] == [(node_id("sums"), False)]
    assert not any(path.exists() for path in gone)


def test_a_model_that_is_no_more_built_holds_nothing(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    vacuumed(context)
    no_retention(context, "o")
    later = replace(context, clock=FixedClock(datetime.now(tz=UTC) + KEPT_FOR + timedelta(days=1)))

    done = Keeper(later).vacuum("o")

    assert [one.is_held for one in done.behind] == [False]


def no_retention(context: Context, name: str) -> None:
    table = context.tables.table(relation(name))
    snapshot = table.snapshot()
    schema = SetSchema(
        columns=snapshot.columns,
        properties={"delta.deletedFileRetentionDuration": "interval 0 days"},
    )
    version = VersionIs(version=snapshot.version)
    commit(table, Commit(operation="SET", requirements=(version,), actions=(schema,)))


def test_a_table_that_others_wrote_is_built_in_full(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    run_steps(context, append("sums", "select 99::bigint as key, 1 as s, 1 as n", 0))

    run = build_all(context, graph)

    assert run.results[0].action == "rebuild"
    assert_equal_to_rebuild(context, graph)


def test_a_source_that_was_made_anew_is_not_mistaken(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    root = Path(context.tables.table(relation("o")).root)
    root.rename(root.with_name("gone"))
    write(context, "o", EMPTY)
    arrive(context, "o", [(7, 7, 7, "n")])

    build_all(context, graph)

    assert_equal_to_rebuild(context, graph)


@pytest.mark.slow
@pytest.mark.parametrize("point", ["attempt-started", "files-written", "tests-passed", "committed"])
@pytest.mark.parametrize("name", ["kept", "sums"])
def test_a_killed_run_loses_and_repeats_nothing(tmp_path: Path, point: str, name: str) -> None:
    context, graph = start(tmp_path), graph_of()
    build_all(context, graph)
    arrive(context, "o", [(9, 1, 7, "late"), (8, 1, 7, "late")])
    close_context(context)

    driver = [sys.executable, "-m", "tests.runs.test_refresh", str(tmp_path), point, name]
    known = os.environ | {"PYTHONPATH": "src"}
    ended = subprocess.run(driver, check=False, timeout=120, cwd=ROOT, env=known)

    assert ended.returncode == -signal.SIGKILL
    opened = open_context(tmp_path)
    build_all(opened, graph)
    assert_equal_to_rebuild(opened, graph)
    close_context(opened)


def test_measured_use_counts_every_statement(context: Context) -> None:
    graph = graph_of("sums")
    build_all(context, graph)
    arrive(context, "o", [(9, 1, 7, "late")])

    run = build_all(context, graph)

    assert run.results[0].cost != Meter()


# Any history: arrivals in any order and as often as may be, changes, removals, upkeep between.

ROW = st.tuples(
    st.integers(1, 6),
    st.one_of(st.none(), st.integers(1, 3)),
    st.integers(0, 6),
    st.sampled_from(["a", "b"]),
)
POINTS = ("attempt-started", "files-written", "tests-passed", "committed")
NAMES = st.sampled_from(["o", "o", "p"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), NAMES, st.lists(ROW, min_size=1, max_size=4)),
        st.tuples(st.just("again"), NAMES, st.lists(ROW, min_size=1, max_size=2)),
        st.tuples(st.just("merge_on_read"), NAMES, st.lists(ROW, min_size=1, max_size=3)),
        st.tuples(st.just("copy_on_write"), NAMES, st.lists(ROW, min_size=1, max_size=3)),
        st.tuples(st.just("take_out"), NAMES, st.lists(ROW, min_size=1, max_size=2)),
        st.tuples(st.just("optimize"), NAMES, st.just([])),
        st.tuples(st.just("restore"), NAMES, st.just([])),
        st.tuples(st.just("build"), NAMES, st.just([])),
        st.tuples(st.just("fail"), st.sampled_from(POINTS), st.just([])),
    ),
    min_size=1,
    max_size=8,
)
Step = tuple[str, str, list[tuple[int, int | None, int, str]]]


def perform(context: Context, graph: Graph, step: Step) -> None:
    kind, name, found = step
    match kind:
        case "arrive":
            arrive(context, name, found)
        case "again":
            arrive(context, name, [*found, *found])
        case "merge_on_read" | "copy_on_write":
            upsert(context, name, found, kind)
        case "take_out":
            take_out(context, name, [row[0] for row in found])
        case "optimize":
            Keeper(context).optimize(name)
        case "restore":
            Keeper(context).restore(name, version=max(0, version_of(context, name) - 2))
        case "fail":
            failing = replace(context, observer=failing_at(name))
            run_plan(failing, graph, plan_of(context, graph))
        case _:
            build_all(context, graph)
            assert_equal_to_rebuild(context, graph)


def failing_at(point: str) -> Observer:
    """Return an observer that makes every model fail at a point of its way."""

    def observer(passed: str, _node: NodeId) -> None:
        if passed == point:
            message = f"stopped at {point}"
            raise RuntimeError(message)

    return observer


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_any_history_ends_equal_to_the_rebuild(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    _check_history(tmp_path_factory.mktemp("history"), steps)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_many_histories_end_equal_to_the_rebuild(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    _check_history(tmp_path_factory.mktemp("history"), steps)


def _check_history(folder: Path, steps: list[Step]) -> None:
    context, graph = start(folder), graph_of()
    try:
        build_all(context, graph)
        for step in steps:
            perform(context, graph, step)
        build_all(context, graph)
        assert_equal_to_rebuild(context, graph)
        assert plan_of(context, graph).is_empty
    finally:
        close_context(context)


def main() -> None:
    """Build the models and die at a point: ``FOLDER POINT MODEL``."""
    folder, point, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

    def observer(passed: str, node: NodeId) -> None:
        if (passed, node) == (point, node_id(name)):
            os.kill(os.getpid(), signal.SIGKILL)

    context, graph = open_context(folder, observer=observer), graph_of()
    run_plan(context, graph, plan_of(context, graph))


if __name__ == "__main__":
    main()
