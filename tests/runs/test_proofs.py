"""A test for nulls needs no query where the files' statistics have none; every other one does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.runs.world import build, check, node_id, opened, quoted, relation, run_steps

from headwater.base.relations import Column
from headwater.lake.snapshot import ColumnStats, DataFile, Snapshot
from headwater.plan.plan import RunTest
from headwater.runs.context import Context
from headwater.runs.proofs import has_no_failures

UNASKED = "no failures, by the statistics of the files"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def nulls_of(column: str, table: str = "t", **changes: object) -> RunTest:
    sql = f"\n\nselect {column}\nfrom {quoted(table)}\nwhere {column} is null\n\n"
    return replace(check("nulls", sql, gates="t", reads=["t"]), **changes)  # type: ignore[arg-type] # the fields' names


def table(*null_counts: int | None, **changes: object) -> Snapshot:
    files = tuple(
        DataFile(path=f"{n}.parquet", size_bytes=1, rows=9, stats={"i": ColumnStats(null_count=c)})
        for n, c in enumerate(null_counts)
    )
    made = Snapshot(
        root="/t",
        table_id="",
        version=0,
        columns=(Column("i", "BIGINT"), Column("P", "VARCHAR")),
        partition_columns=(),
        files=files,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # the fields' names


@pytest.mark.parametrize(
    ("test", "snapshot", "expected"),
    [
        (nulls_of("i"), table(0, 0), True),
        (nulls_of("I"), table(0), True),
        (nulls_of('"i"'), table(0), True),
        (nulls_of("i"), table(), True),
        (nulls_of("i", limit=5, severity="warn", error_if="> 10"), table(0), True),
        (nulls_of("i"), table(0, 1), False),
        (nulls_of("i"), table(0, None), False),
        (nulls_of("j"), table(0), False),
        (nulls_of("i", table="other"), table(0), False),
        (nulls_of("i", warn_if="= 0"), table(0), False),
        (nulls_of("i", error_if="< 1"), table(0), False),
        (nulls_of("i", error_if="between 1 and 2"), table(0), False),
        (nulls_of("i", fail_calc="count(*) + 1"), table(0), False),
        (nulls_of("i", store_in=relation("kept")), table(0), False),
        (nulls_of("i"), table(0, physical_names={"i": "col-1"}), False),
        (nulls_of("i", sql=f"select i from {quoted('t')} where i is not null"), table(0), False),
        (nulls_of("i", sql=f"select i from {quoted('t')} where j is null"), table(0), False),
        (
            nulls_of("i", sql=f"select i from {quoted('t')} where i is null or true"),
            table(0),
            False,
        ),
    ],
)
def test_a_test_cannot_fail_where_no_file_has_a_null(
    test: RunTest, snapshot: Snapshot, expected: bool
) -> None:
    assert has_no_failures(test, relation("t"), snapshot) == expected


@pytest.mark.parametrize(("value", "expected"), [("x", True), (None, False)])
def test_a_partition_column_is_judged_by_its_values(value: str | None, expected: bool) -> None:
    file = DataFile(path="a", size_bytes=1, rows=1, partition_values={"P": value})
    snapshot = table(partition_columns=("P",), files=(file,))

    assert has_no_failures(nulls_of("p"), relation("t"), snapshot) == expected


@pytest.mark.parametrize(
    ("rows", "status", "message"),
    [
        ("(1), (2)", "pass", UNASKED),
        ("(1), (null)", "fail", "got 1 failures, configured to fail if != 0"),
    ],
)
def test_a_build_asks_only_where_there_may_be_nulls(
    context: Context, rows: str, status: str, message: str
) -> None:
    sql = f"select * from (values {rows}) as v(i)"

    run = run_steps(context, build("t", sql), nulls_of("i"))

    tested = next(result for result in run.results if result.node != node_id("t"))
    assert (tested.status, tested.message) == (status, message)


def test_a_column_of_structs_is_asked_about(context: Context) -> None:
    run = run_steps(context, build("t", "select {'a': 1} as i"), nulls_of("i"))

    assert run.results[1].message == "no failures"
