"""Facts about reading that State takes from the log: values that go back, files not left out."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.runs.world import append, build, graph_of, merge, node_id, opened, relation, run_steps

from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.plan import Step
from headwater.plan.state import Setback
from headwater.runs.cadence import find_cadences
from headwater.runs.context import Context
from headwater.runs.lateness import read_arrivals
from headwater.runs.needed import read_hidden
from headwater.runs.pins import Pins
from headwater.runs.setbacks import find_setbacks

EVENTS = relation("events")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def ids(*values: int) -> str:
    rows = ", ".join(f"({value}, 'n{value}')" for value in values)
    return f"select * from (values {rows}) as t(id, name)"


def setbacks(context: Context, column: str = "id") -> tuple[Setback, ...]:
    pins, columns = Pins(context), [(EVENTS, column)]
    return find_setbacks(pins, columns, read_arrivals(context, pins, columns))


def test_a_commit_that_began_below_what_was_reached_is_a_setback(context: Context) -> None:
    run_steps(context, build("events", ids(1, 90)))
    run_steps(context, append("events", ids(91, 100), version=0))
    run_steps(context, append("events", ids(9, 101, 102), version=1))

    [found] = setbacks(context)

    assert (found.commits, found.back, found.rows) == (2, 1, 3)
    assert (found.reached, found.began) == ("100", "9")  # by value, not by letters


def test_a_setback_stands_whatever_later_commits_do_not_say(context: Context) -> None:
    run_steps(context, build("events", ids(1, 90)))
    run_steps(context, append("events", ids(9), version=0))
    run_steps(context, append("events", "select null::integer as id, 'n' as name", version=1))

    [found] = setbacks(context)

    assert (found.commits, found.back, found.began) == (1, 1, "9")


def test_values_that_only_grow_are_none(context: Context) -> None:
    run_steps(context, build("events", ids(1, 9)))
    run_steps(context, append("events", ids(10, 100), version=0))

    assert setbacks(context) == ()


def test_rows_that_a_merge_wrote_again_are_none(context: Context) -> None:
    run_steps(context, build("events", ids(1, 9)))
    run_steps(context, merge("events", ids(1, 10), version=0))

    assert setbacks(context) == ()


def test_text_and_unknown_columns_are_not_judged(context: Context) -> None:
    run_steps(context, build("events", ids(5, 9)))
    run_steps(context, append("events", ids(1), version=0))

    assert setbacks(context, "name") == ()
    assert setbacks(context, "gone") == ()


def test_a_source_has_the_cadence_of_its_commits(context: Context) -> None:
    run_steps(context, build("events", ids(0)))
    for version in range(6):
        run_steps(context, append("events", ids(version + 1), version=version))
    log = Path(context.tables.table(EVENTS).root) / "_delta_log"
    for number, file in enumerate(sorted(log.glob("*.json"))):
        os.utime(file, (number * 7200, number * 7200))  # every two hours
    graph = sourced(reader(f"select * from {EVENTS.quoted()}"))

    [found] = find_cadences(context, Pins(context), graph)

    assert (found.table, found.commits, found.hours) == (EVENTS, 7, 2.0)


def test_few_commits_and_other_tables_have_no_cadence(context: Context) -> None:
    run_steps(context, build("events", ids(0)))
    graph = reader(f"select * from {EVENTS.quoted()}")

    assert find_cadences(context, Pins(context), sourced(graph)) == ()
    assert find_cadences(context, Pins(context), graph) == ()


def sourced(graph: Graph) -> Graph:
    """Return a graph in which the table is a source that an incremental model reads."""
    source = NodeId("source.shop.raw.events")
    [(key, compiled)] = graph.nodes.items()
    node = replace(compiled.node, unique_id=source, resource_type="source", relation=EVENTS)
    reads = replace(compiled, depends_on=(source,), incremental_code=compiled.code)
    return replace(graph, nodes={source: CompiledNode(node=node), key: reads})


def reader(sql: str) -> Graph:
    step: Step = build("fct", sql)
    made = graph_of([step])
    nodes = {
        key: replace(compiled, code=sql, reads=(EVENTS,), fingerprint="f1")
        for key, compiled in made.nodes.items()
    }
    return replace(made, nodes=nodes)


def days(first: str) -> str:
    return f"select date '{first}' + i::int as day from range(5) r(i)"


@pytest.mark.parametrize(
    ("where", "files"),
    [
        ("year(day) = 2026", {"files": 3, "files_needed": 1}),
        ("day >= '2026-01-01' and year(day) = 2026", None),  # the plain one leaves them out
        ("month(day) = 1", None),
        ("year(day) = 2020", {"files": 3, "files_needed": 0}),
    ],
)
def test_files_that_the_same_filter_written_plainly_would_leave_out(
    context: Context, where: str, files: Mapping[str, int] | None
) -> None:
    run_steps(context, build("events", days("2024-03-01")))
    run_steps(context, append("events", days("2025-03-01"), version=0))
    run_steps(context, append("events", days("2026-03-01"), version=1))
    graph = reader(f"select day from {EVENTS.quoted()} where {where}")

    found = read_hidden(graph, Pins(context), {})

    assert [
        {"files": each.files, "files_needed": each.files_needed}
        for each in found.get(node_id("fct"), ())
    ] == ([] if files is None else [files])
