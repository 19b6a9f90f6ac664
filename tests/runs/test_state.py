from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.runs.world import (
    append,
    build,
    check,
    graph_of,
    merge,
    node_id,
    opened,
    quoted,
    relation,
    run_steps,
    view,
)

from headwater.base.artifacts import ArtifactFacts
from headwater.base.relations import TableName
from headwater.engines.engine import FileSource
from headwater.graph.graph import Graph
from headwater.plan.plan import Build, BuildView, Step
from headwater.runs.context import Context
from headwater.runs.results import make_run_results
from headwater.runs.state import read_state

NUMBERS = "select * from (values (1, 'a'), (20, 'b'), (3, null)) as t(id, name)"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def graph(*steps: Step, **fingerprints: str) -> Graph:
    made = graph_of(steps)
    nodes = {
        key: replace(
            compiled,
            reads=tuple(read.name for step in steps if step.node == key for read in step.reads),
            fingerprint=fingerprints.get(compiled.node.name, "f1"),
        )
        for key, compiled in made.nodes.items()
    }
    return replace(made, nodes=nodes)


def test_nothing_built_is_an_empty_state(context: Context) -> None:
    state = read_state(graph(build("numbers", NUMBERS)), context)

    assert (state.deployed, state.tables, state.compared_with) == ({}, {}, "")


def test_state_describes_a_built_table_by_its_log(context: Context) -> None:
    step = build("numbers", NUMBERS)
    run = run_steps(context, step)

    state = read_state(graph(step), context)

    table = state.tables[str(relation("numbers"))]
    assert (table.version, table.rows, table.files) == ("0", 3, 1)
    assert (table.minimum["id"], table.maximum["id"]) == ("1", "20")
    assert table.null_count["name"] == 1
    assert table.written_by == run.run_id
    assert state.deployed[node_id("numbers")].version == 0
    assert state.compared_with == run.run_id
    assert len(state.history[node_id("numbers")]) == 1


def test_state_tells_the_commits_since_some_node_read_the_table(context: Context) -> None:
    first = build("numbers", NUMBERS)
    copy = build("copy", f"select * from {quoted('numbers')}", reads=["numbers"])
    run_steps(context, first, copy)
    for version in range(3):
        run_steps(context, append("numbers", "select 9 as id, 'z' as name", version=version))

    state = read_state(graph(first, copy), context)

    changes = state.tables[str(relation("numbers"))].changes
    assert [change.version for change in changes] == [3, 2, 1, 0]
    assert changes[0].rows_added == 1


def test_a_views_version_moves_with_what_lies_behind_it(context: Context) -> None:
    first = build("numbers", NUMBERS)
    inner = view("inner", f"select * from {quoted('numbers')}", reads=["numbers"])
    outer = view("outer", f"select * from {quoted('inner')}", reads=["inner"])
    run_steps(context, first, inner, outer)
    before = read_state(graph(first, inner, outer), context).tables[str(relation("outer"))]

    run_steps(context, append("numbers", "select 9 as id, 'z' as name", version=0))

    after = read_state(graph(first, inner, outer), context).tables[str(relation("outer"))]
    assert before.kind == "view"
    assert before.version != after.version


def test_inputs_recorded_by_a_run_equal_the_next_states_versions(context: Context) -> None:
    first = build("numbers", NUMBERS)
    inner = view("inner", f"select * from {quoted('numbers')}", reads=["numbers"])
    last = build("last", f"select * from {quoted('inner')}", reads=["inner"])
    test = check(
        "t", f"select 1 from {quoted('inner')} where false", gates="inner", reads=["inner"]
    )
    run_steps(context, first, inner, last, test)

    state = read_state(graph(first, inner, last), context)

    versions = {name: table.version for name, table in state.tables.items()}
    for node in ("last", "inner"):
        inputs = state.deployed[node_id(node)].inputs
        assert dict(inputs) == {name: versions[name] for name in inputs}
    recorded = {n: d for n, d in state.deployed.items() if n.startswith("test.")}
    assert [dict(d.inputs) for d in recorded.values()] == [
        {str(relation("inner")): versions[str(relation("inner"))]}
    ]


def test_a_changed_file_changes_a_sources_version(context: Context, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("id\n1\n", encoding="utf-8")
    name = TableName("shop", "raw", "orders")
    sources: Mapping[TableName, FileSource] = {name: FileSource(location="raw.csv")}
    reading = replace(context, sources=sources)
    made = graph(build("x", "select 1"))
    made = replace(
        made,
        nodes={key: replace(node, reads=(name,)) for key, node in made.nodes.items()},
    )
    before = read_state(made, reading).tables[str(name)]

    (tmp_path / "raw.csv").write_text("id\n1\n2\n", encoding="utf-8")

    after = read_state(made, reading).tables[str(name)]
    assert before.kind == "files"
    assert before.version != after.version


def test_a_commit_whose_record_was_lost_is_read_back_from_the_log(context: Context) -> None:
    step = build("numbers", NUMBERS)
    run = run_steps(context, step)
    context.metastore.drop_node("shop", "dev", node_id("numbers"))

    state = read_state(graph(step), context)

    deployed = state.deployed[node_id("numbers")]
    assert (deployed.version, deployed.fingerprint, deployed.run_id) == (0, "f1", run.run_id)


@pytest.mark.parametrize("document", [b"\x00\xff", b"{}", b'{"node": 1}'])
def test_a_record_that_cannot_be_read_is_read_back_from_the_log(
    context: Context, document: bytes
) -> None:
    step = build("numbers", NUMBERS)
    run = run_steps(context, step)
    (record,) = context.metastore.list_nodes("shop", "dev")
    context.metastore.put_nodes([replace(record, document=document)])

    state = read_state(graph(step), context)

    deployed = state.deployed[node_id("numbers")]
    assert (deployed.version, deployed.fingerprint, deployed.run_id) == (0, "f1", run.run_id)


def test_another_writers_commit_is_not_taken_for_ours(context: Context) -> None:
    step = build("numbers", NUMBERS)
    run_steps(context, step)
    stranger = replace(
        append("numbers", "select 9 as id, 'z' as name", version=0),
        node=node_id("stranger"),
    )
    run_steps(context, stranger)

    state = read_state(graph(step), context)

    assert state.deployed[node_id("numbers")].version == 0
    assert state.tables[str(relation("numbers"))].version == "1"


def test_lateness_is_measured_commit_by_commit_and_ignores_rewritten_rows(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hours(*values: int) -> str:
        rows = ", ".join(f"({v}, timestamp '2026-01-01' + interval {v} hour)" for v in values)
        return f"select * from (values {rows}) as t(id, happened)"

    first = build("events", hours(0, 10))
    run_steps(context, first)
    run_steps(context, append("events", hours(11, 7, 12), version=0))
    run_steps(context, merge("events", hours(12, 2), version=1))
    run_steps(context, append("events", hours(13, 1), version=2))
    monkeypatch.setattr(
        "headwater.runs.state.event_columns",
        lambda _graph, _known: ((relation("events"), "happened"),),
    )

    state = read_state(graph(first), context)

    assert [dict(late.buckets) for late in state.lateness] == [{0: 1, 11: 1}]


def test_run_results_have_dbts_shape(context: Context) -> None:
    steps = (
        build("numbers", NUMBERS),
        check("t", "select 1", gates="numbers", reads=[]),
        build("after", f"select * from {quoted('numbers')}", reads=["numbers"]),
    )
    run = run_steps(context, *steps)

    document = make_run_results(
        run, graph(*steps), ArtifactFacts(generated_at="now", invocation_id="i")
    )

    results = document["results"]
    assert isinstance(results, list)
    by_id = {str(r["unique_id"]): r for r in results if isinstance(r, dict)}
    assert {key: value["status"] for key, value in by_id.items()} == {
        "model.shop.numbers": "error",
        "test.shop.t": "fail",
        "model.shop.after": "skipped",
    }
    assert by_id["test.shop.t"]["failures"] == 1
    assert by_id["model.shop.numbers"]["relation_name"] == '"shop"."main"."numbers"'


def test_state_knows_the_bounds_of_a_partition_column(context: Context) -> None:
    days = "select * from (values (1, date '2026-03-09'), (2, '2026-03-10'), (3, null)) as t(id, d)"
    step = build("numbers", days, partition_by=("d",))
    run_steps(context, step)

    table = read_state(graph(step), context).tables[str(relation("numbers"))]

    assert table.partition_columns == ("d",)
    assert (table.minimum["d"], table.maximum["d"]) == ("2026-03-09", "2026-03-10")


def test_a_record_keeps_the_incremental_query(context: Context) -> None:
    step = build("numbers", NUMBERS, incremental_code="select 1 where false")
    run_steps(context, step)

    deployed = read_state(graph(step), context).deployed[node_id("numbers")]

    assert deployed.incremental_code == "select 1 where false"


def test_state_tells_the_bytes_that_a_models_filter_can_touch(context: Context) -> None:
    numbers = build("numbers", "select i as id from range(10) r(i)")
    more = append("numbers", "select i as id from range(10, 99) r(i)", 0)
    run_steps(context, numbers)
    run_steps(context, more)
    stage = view("stage", f"select id as number from {quoted('numbers')}", reads=["numbers"])
    few = f"select number from {quoted('stage')} where number > 50"
    every = f"select number from {quoted('stage')} where number % 2 = 1"

    readers = (build("few", few, reads=["stage"]), build("every", every, reads=["stage"]))
    steps: list[Build | BuildView] = [numbers, stage, *readers]
    made = graph(*steps)
    nodes = {
        step.node: replace(
            made.nodes[step.node],
            code=step.sql,
            node=replace(
                made.nodes[step.node].node, config={"materialized": step.target.materialized}
            ),
        )
        for step in steps
    }

    state = read_state(replace(made, nodes=nodes), context)

    files = context.tables.table(relation("numbers")).snapshot().files
    largest = max(files, key=lambda file: file.rows or 0)
    found = state.needed[node_id("few")][str(relation("numbers"))]
    assert list(state.needed) == [node_id("few")]
    assert found.size_bytes == largest.size_bytes
    assert found.column_bytes == {name: each.size_bytes for name, each in largest.stats.items()}
