"""Facts about reading that State takes from the log: values that go back, files not left out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.runs.world import append, build, graph_of, merge, node_id, opened, relation, run_steps

from headwater.graph.graph import Graph
from headwater.plan.plan import Step
from headwater.plan.state import Setback
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
