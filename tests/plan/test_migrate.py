"""What a change of a stored table takes: entry in the log, scan or rewrite, and what that costs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.plan.world import columns, relation

from headwater.base.units import exact
from headwater.plan.migrate import ENGINES, Effort, Operation, judge, widens_in_place
from headwater.plan.migration import (
    CHUNKED_FROM,
    Migration,
    PartitionSize,
    conflict_odds,
    measured_pace,
    plan_migration,
)
from headwater.plan.state import Prices, TableState, VersionChange

GIB = 1024**3
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TABLE = TableState(
    name=relation("fct"),
    kind="table",
    version="7",
    columns=columns("id INTEGER, amount DECIMAL(10,2), ratio DOUBLE, day DATE, note VARCHAR"),
    rows=1000,
    size_bytes=10 * GIB,
    files=40,
    column_bytes={"note": 4 * GIB},
    minimum={"ratio": "0", "id": "1"},
    maximum={"ratio": "10", "id": "70000"},
    null_count={"id": 0, "note": 12},
)
MAPPED = replace(TABLE, has_mapping=True)
PARTED = replace(TABLE, partition_columns=("day",))
CASES: list[tuple[TableState, Operation, tuple[Effort, Effort]]] = [
    (TABLE, Operation(verb="add", column="x", to="BIGINT"), ("metadata", "metadata")),
    (TABLE, Operation(verb="add", column="x", to="BIGINT", default="0"), ("rewrite", "rewrite")),
    (TABLE, Operation(verb="add", column="ID", to="BIGINT"), ("refused", "refused")),
    (TABLE, Operation(verb="drop", column="note"), ("rewrite", "metadata")),
    (MAPPED, Operation(verb="drop", column="note"), ("metadata", "metadata")),
    (PARTED, Operation(verb="drop", column="day"), ("rewrite", "rewrite")),
    (TABLE, Operation(verb="drop", column="gone"), ("refused", "refused")),
    (TABLE, Operation(verb="rename", column="note", to="remark"), ("rewrite", "metadata")),
    (MAPPED, Operation(verb="rename", column="note", to="remark"), ("metadata", "metadata")),
    (TABLE, Operation(verb="rename", column="note", to="id"), ("refused", "refused")),
    (TABLE, Operation(verb="retype", column="id", to="bigint"), ("rewrite", "metadata")),
    (TABLE, Operation(verb="retype", column="id", to="int"), ("metadata", "metadata")),
    (TABLE, Operation(verb="retype", column="amount", to="decimal(12,4)"), ("rewrite", "metadata")),
    (TABLE, Operation(verb="retype", column="day", to="timestamp"), ("rewrite", "metadata")),
    # 70,000 is no SMALLINT, which the statistics prove.
    (TABLE, Operation(verb="retype", column="id", to="smallint"), ("refused", "refused")),
    (TABLE, Operation(verb="retype", column="ratio", to="float"), ("rewrite", "rewrite")),
    (TABLE, Operation(verb="retype", column="id", to="varchar"), ("rewrite", "rewrite")),
    (TABLE, Operation(verb="require", column="id"), ("metadata", "metadata")),
    (TABLE, Operation(verb="require", column="note"), ("refused", "refused")),
    (TABLE, Operation(verb="require", column="ratio"), ("scan", "scan")),
    (TABLE, Operation(verb="partition", columns=("day",)), ("rewrite", "rewrite")),
    (PARTED, Operation(verb="partition", columns=("day",)), ("metadata", "metadata")),
    (TABLE, Operation(verb="partition", columns=("gone",)), ("refused", "refused")),
    (TABLE, Operation(verb="cluster", columns=("day",)), ("metadata", "metadata")),
    (PARTED, Operation(verb="cluster", columns=("id",)), ("metadata", "refused")),
    (TABLE, Operation(verb="enable", column="typeWidening"), ("refused", "metadata")),
    (TABLE, Operation(verb="enable", column="deletionVectors"), ("metadata", "metadata")),
    (MAPPED, Operation(verb="enable", column="columnMapping"), ("metadata", "metadata")),
]


@pytest.mark.parametrize(("table", "operation", "efforts"), CASES, ids=lambda each: str(each)[:40])
def test_what_each_operation_takes(
    table: TableState, operation: Operation, efforts: tuple[Effort, Effort]
) -> None:
    assert tuple(judge(operation, table, engine).effort for engine in ENGINES) == efforts


@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [
        ("TINYINT", "BIGINT", True),
        ("BIGINT", "INTEGER", False),
        ("BIGINT", "DOUBLE", False),
        ("INTEGER", "DOUBLE", True),
        ("FLOAT", "DOUBLE", True),
        ("INTEGER", "DECIMAL(10,0)", True),
        ("INTEGER", "DECIMAL(10,2)", False),
        ("BIGINT", "DECIMAL(20,0)", True),
        ("DECIMAL(10,2)", "DECIMAL(12,4)", True),
        ("DECIMAL(10,2)", "DECIMAL(11,4)", False),
        ("DATE", "TIMESTAMP", True),
        ("DATE", "TIMESTAMP WITH TIME ZONE", False),
    ],
)
def test_which_types_delta_widens_in_place(before: str, after: str, widens: bool) -> None:
    assert widens_in_place(before, after) == widens


def commits(
    *seconds: float | None, every: int = 3600, size: int = GIB
) -> tuple[VersionChange, ...]:
    """Return commits, newest first, one every so many seconds."""
    return tuple(
        VersionChange(
            version=len(seconds) - place,
            operation="WRITE",
            at=(NOW - timedelta(seconds=place * every)).isoformat(),
            rows_added=10,
            bytes_added=size,
            files_added=1,
            files_removed=1,
            seconds=each,
            cpu_seconds=None if each is None else each * 2,
        )
        for place, each in enumerate(seconds)
    )


def migration(*operations: Operation, table: TableState = TABLE, **more: object) -> Migration:
    prices = Prices(name="list", cpu_hour=3.6, gb_month=0.03)
    partitions = more.get("partitions", ())
    assert isinstance(partitions, tuple)
    return plan_migration(table, operations, prices=prices, partitions=partitions)


DROP = Operation(verb="drop", column="note")
RENAME = Operation(verb="rename", column="day", to="date")


def test_bytes_are_those_of_the_log() -> None:
    [ours, spark] = migration(DROP).engines

    assert (ours.bytes_read.value, ours.bytes_read.grade) == (10 * GIB, "exact")
    assert (ours.bytes_written.value, ours.bytes_written.grade) == (6 * GIB, "modelled")
    assert (spark.bytes_read.value, spark.bytes_written.value) == (0, 0)
    assert spark.enables == ("columnMapping",)


def test_what_comes_out_of_a_rewrite_is_no_exact_number() -> None:
    [ours, _] = migration(RENAME).engines

    assert (ours.bytes_read.grade, ours.bytes_written.grade) == ("exact", "modelled")


def test_of_a_table_of_unknown_size_nothing_is_known_to_be_zero() -> None:
    require = Operation(verb="require", column="ratio")
    table = replace(TABLE, size_bytes=None)

    [rewritten, _] = migration(RENAME, table=table).engines
    [scanned, _] = migration(require, table=table).engines

    assert (rewritten.bytes_read.value, rewritten.bytes_written.value) == (None, None)
    assert (rewritten.seconds.value, rewritten.storage_dollars.value) == (None, None)
    assert (scanned.bytes_read.value, scanned.seconds.value) == (None, None)


def test_one_rewrite_does_several_operations() -> None:
    [ours, _] = migration(RENAME, DROP, Operation(verb="add", column="x", to="BIGINT")).engines

    assert (ours.bytes_read.value, ours.bytes_written.value) == (10 * GIB, 6 * GIB)


def test_one_that_cannot_be_done_refuses_all() -> None:
    [ours, spark] = migration(RENAME, Operation(verb="drop", column="gone")).engines

    assert (ours.effort, spark.effort) == ("refused", "refused")
    assert (ours.bytes_read.value, ours.seconds.value) == (0, 0)


def test_the_duration_is_by_the_tables_own_pace() -> None:
    table = replace(TABLE, changes=commits(10.0, 8.0, 12.5, None))

    [ours, spark] = migration(RENAME, table=table).engines

    assert (ours.seconds.value, ours.seconds.grade, ours.seconds.runs) == (100, "measured", 3)
    assert ours.seconds.low == pytest.approx(66.7, abs=0.1)
    assert ours.seconds.high == 150
    assert ours.dollars.value == pytest.approx(0.2)  # two processors at 3.6 an hour
    assert spark.seconds.value == 0


def test_without_an_earlier_rewrite_the_duration_is_a_guess() -> None:
    [ours, _] = migration(RENAME).engines

    assert ours.seconds.grade == "guess"
    assert migration(RENAME).pace.endswith("a guess: the log does not say how long a rewrite of "
                                           "this table took")  # fmt: skip


def test_small_commits_say_nothing_of_the_pace() -> None:
    assert measured_pace(commits(9.0, size=1000)).runs == 0


def test_old_files_are_kept_and_paid_for_until_a_vacuum() -> None:
    [ours, spark] = migration(RENAME).engines

    assert ours.storage_bytes == 10 * GIB
    assert ours.storage_dollars.value == pytest.approx(10 * GIB / 1e9 * 7 / 30 * 0.03)
    assert (spark.storage_bytes, spark.storage_dollars.value) == (0, 0)


@pytest.mark.parametrize(
    ("every", "seconds", "odds"),
    [(3600, 3600.0, 0.632), (3600, 36.0, 0.00995), (60 * 60 * 24, 3600.0, 0.0408)],
)
def test_the_odds_of_another_commit_are_those_of_a_poisson_process(
    every: int, seconds: float, odds: float
) -> None:
    found = conflict_odds(commits(*[None] * 8, every=every), exact(seconds))

    assert found.value == pytest.approx(odds, rel=0.01)
    assert (found.low or 0) < (found.value or 0) < (found.high or 0) <= 1


def test_a_table_with_few_commits_has_unknown_odds() -> None:
    assert conflict_odds(commits(1.0, 1.0), exact(5)).value is None


def test_a_very_large_table_is_rewritten_in_chunks_by_partition() -> None:
    partitions = tuple(
        PartitionSize(value=f"2026-01-{day:02d}", files=3, size_bytes=32 * GIB)
        for day in range(1, 21)
    )
    table = replace(PARTED, size_bytes=640 * GIB, changes=commits(16.0, 16.0, 16.0, 16.0))

    [ours, spark] = migration(RENAME, table=table, partitions=partitions).engines

    assert [(c.first, c.last, c.size_bytes // GIB) for c in ours.chunks[:2]] == [
        ("2026-01-01", "2026-01-02", 64),
        ("2026-01-03", "2026-01-04", 64),
    ]
    assert sum(chunk.size_bytes for chunk in ours.chunks) == 640 * GIB
    assert sum(chunk.seconds.value or 0 for chunk in ours.chunks) == ours.seconds.value
    assert ours.conflict == ours.chunks[0].conflict
    assert spark.chunks == ()


def test_a_very_large_table_without_partitions_is_told_another_way() -> None:
    [ours, _] = migration(RENAME, table=replace(TABLE, size_bytes=2 * CHUNKED_FROM)).engines

    assert any("write a new column beside the old one" in note for note in ours.notes)


def test_a_rollback_is_free_until_a_vacuum_and_a_feature_is_not_dropped_so() -> None:
    [ours, spark] = migration(RENAME).engines

    assert ours.rollback.startswith("`hw table restore fct --version 7`")
    assert spark.rollback.startswith("not simply")


def test_a_petabyte_takes_no_longer_to_plan() -> None:
    table = replace(TABLE, size_bytes=1024**5, files=10_000_000)

    [ours, _] = migration(RENAME, table=table).engines

    assert ours.bytes_read.value == 1024**5


def test_columns_in_other_letters_are_the_same() -> None:
    assert judge(Operation(verb="require", column="ID"), TABLE, "spark").effort == "metadata"
