"""A step is small by what it reads, and never when its own text can make much of little."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.runs.world import build, check, opened, quoted, relation, rows_of, run_steps, view

from headwater.engines.engine import FileSource
from headwater.plan.schedule import Unit
from headwater.runs.context import Context
from headwater.runs.pins import Pins
from headwater.runs.small import BYTES_MAX, ROWS_MAX, is_small


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(
        tmp_path,
        build("few", "select i from range(1000) as t(i)"),
        build("many", f"select i from range({ROWS_MAX + 1}) as t(i)"),
        view("seen", f"select * from {quoted('few')}", reads=["few"]),
        view("made", "select i from range(1000000000) as t(i)"),
    )


def judged(context: Context, unit: Unit) -> bool:
    return is_small(Pins(context), unit, project_root=context.project_root)


@pytest.mark.parametrize(
    ("sql", "reads", "expected"),
    [
        ("select * from few", ["few"], True),
        ("select * from seen", ["seen"], True),
        ("select * from few, few as other where few.i = other.i", ["few"], True),
        ("select * from many", ["many"], False),
        ("select * from few join many using (i)", ["few", "many"], False),
        ("select * from made", ["made"], False),
        ("select * from gone", ["gone"], False),
        ("select 1 as i", [], False),
        ("select * from few cross join few as other", ["few"], False),
        ("select i, unnest([1, 2]) from few", ["few"], False),
        ("select * from few, range(1000000)", ["few"], False),
        ("select * from few union all from 'large.parquet'", ["few"], False),
        ("select * from few union all from read_csv('large.csv')", ["few"], False),
        ("select * from few where i in (select 1 from duckdb_tables())", ["few"], False),
        ("select i::varchar collate nocase as i from few", ["few"], False),
    ],
)
def test_a_step_is_small_by_what_it_reads(
    context: Context, sql: str, reads: list[str], expected: bool
) -> None:
    assert judged(context, Unit(step=build("made_now", sql, reads=reads))) == expected


def test_what_its_tests_read_counts_too(context: Context) -> None:
    test = check("t", "select 1", gates="few", reads=["many"])
    step = build("made_now", "select * from few", reads=["few"])

    assert judged(context, Unit(step=step))
    assert not judged(context, Unit(step=step, gates=(test,)))


def test_a_step_with_more_than_its_query_is_not_small(context: Context) -> None:
    step = build("made_now", "select * from few", reads=["few"], pre_hooks=("set threads = 4",))

    assert not judged(context, Unit(step=step))


def test_a_table_that_grows_in_place_counts_itself(context: Context) -> None:
    step = build("many", "select * from few", reads=["few"])

    assert not judged(context, Unit(step=step))


@pytest.mark.parametrize(("size", "expected"), [(BYTES_MAX, True), (BYTES_MAX + 1, False)])
def test_files_are_small_by_their_bytes(
    context: Context, tmp_path: Path, size: int, expected: bool
) -> None:
    (tmp_path / "raw.csv").write_bytes(b"i\n" + b"1" * (size - 2))
    source = FileSource(location="raw.csv")
    found = replace(context, sources={relation("raw"): source})

    assert judged(found, Unit(step=build("x", "select * from raw", reads=["raw"]))) == expected


def test_a_small_step_that_fails_its_test_publishes_nothing_and_its_readers_see_the_old(
    context: Context,
) -> None:
    test = check("t", f"select * from {quoted('few')} where i = 7", gates="few", reads=["few"])
    few = build("few", f"select i + 1 as i from {quoted('seen')}", reads=["seen"], version=0)
    few = replace(few, target=replace(few.target, config={"on_error": "continue"}), after=())
    count = build("count", f"select count(*) as n, min(i) as i from {quoted('few')}", reads=["few"])

    run = run_steps(context, few, test, replace(count, after=(few.node,)))

    assert [result.status for result in run.results] == ["error", "fail", "success"]
    assert rows_of(context, "count") == [(1000, 0)]
