"""A file is left out only where its log entry proves it, be it a value or still a checkpoint's."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.lake.writing import append, create, open_table

import headwater.lake.checkpoint as module
from headwater.base.conditions import AllOf, AnyOf, Condition, Constant, IsNull, Within
from headwater.base.relations import Column
from headwater.lake.files import FileList
from headwater.lake.make_checkpoint import make_checkpoint
from headwater.lake.replay import entry_name
from headwater.lake.skipping import files_needed
from headwater.lake.snapshot import ColumnStats, DataFile, Snapshot
from headwater.lake.table import Table


def at_least(column: str, kind: str, text: str) -> Within:
    return Within(column=column, low=Constant(kind, text))  # type: ignore[arg-type] # a parameter's text


def at_most(column: str, kind: str, text: str) -> Within:
    return Within(column=column, high=Constant(kind, text))  # type: ignore[arg-type] # likewise


def one_file(kind: str, low: object, high: object, *, nulls: int | None = 0) -> Snapshot:
    stats = ColumnStats(minimum=low, maximum=high, null_count=nulls)  # type: ignore[arg-type] # JSON
    file = DataFile(path="a", size_bytes=1, rows=10, stats={"x": stats})
    return Snapshot(
        root="/t",
        table_id="t",
        version=0,
        columns=(Column("x", kind),),
        partition_columns=(),
        files=(file,),
    )


LEFT_OUT = [
    ("BIGINT", 1, 5, at_least("x", "integer", "6")),
    ("BIGINT", 1, 5, at_least("x", "decimal", "5.1")),
    ("BIGINT", 1, 5, at_most("x", "text", "0")),
    ("DECIMAL(10,2)", "1.50", "2.50", at_least("x", "decimal", "2.51")),
    ("DOUBLE", 1.5, 2.5, at_most("x", "decimal", "1.4")),
    ("VARCHAR", "b", "d", at_least("x", "text", "d\x01")),
    ("DATE", "2024-01-01", "2024-01-05", at_least("x", "text", "2024-01-06")),
    ("DATE", "2024-01-01", "2024-01-05", at_most("x", "timestamp", "2023-12-31 23:00")),
    ("TIMESTAMP", "2024-01-01T00:00:00.000", "2024-01-01T05:00:00.000",
     at_least("x", "date", "2024-01-02")),
    ("TIMESTAMP WITH TIME ZONE", "2024-01-01T00:00:00.000Z", "2024-01-01T05:00:00.000Z",
     at_least("x", "zoned", "2024-01-01 06:30:00+01")),
]  # fmt: skip
KEPT = [
    ("TIMESTAMP", "2024-01-04T23:00:00.000", "2024-01-04T23:00:00.000",
     at_least("x", "date", "2024-01-04 23:30:00")),  # a day, its time cut off
    ("TIMESTAMP WITH TIME ZONE", "2024-01-04T00:00:00.000Z", "2024-01-04T00:00:00.000Z",
     at_most("x", "date", "2024-01-03 23:00:00+00:00")),
    ("BIGINT", 1, 5, at_least("x", "integer", "5")),
    ("BIGINT", None, 5, at_most("x", "integer", "0")),
    ("BIGINT", 1, 5, at_least("x", "text", "5.6")),  # the engine makes 6 of it, or refuses it
    ("BIGINT", 1, 5, at_least("x", "date", "2024-01-01")),
    ("DECIMAL(10,2)", "1.50", "2.50", at_least("x", "text", "2.51")),
    ("DECIMAL(38,30)", "1.5", "2.5", at_least("x", "integer", "9")),
    ("DOUBLE", 1.5, 2.5, at_least("x", "integer", "9")),  # it may have NaN
    ("DOUBLE", 0.3, 0.3, at_most("x", "decimal", "0.2999999999999999999")),
    ("FLOAT", 0.1, 0.1, at_most("x", "decimal", "0.05")),
    ("VARCHAR", "b", "d", at_least("x", "integer", "9")),
    ("VARCHAR", "b", "d\U0010ffff", at_least("x", "text", "dz")),
    ("BOOLEAN", False, False, at_least("x", "text", "true")),
    ("DATE", "2024-01-01", "2024-01-05", at_least("x", "text", "2024-1-6")),
    ("DATE", "2024-01-01", "2024-01-05", at_least("x", "zoned", "2024-01-06 00:00+00")),
    ("TIMESTAMP", "2024-01-01T00:00:00.000", "2024-01-01T05:00:00.000",
     at_least("x", "timestamp", "2024-01-01 05:00:00.000900")),
    ("TIMESTAMP", "2024-01-01T00:00:00.000", "2024-01-01T05:00:00.000",
     at_least("x", "zoned", "2024-01-01 06:30+00")),
    ("TIMESTAMP", "2024-01-01T00:00:00.000", "2024-01-01T05:00:00.000",
     at_least("x", "text", "2024-01-03 06:30+00")),
    ("TIMESTAMP WITH TIME ZONE", "2024-01-01T00:00:00.000Z", "2024-01-01T05:00:00.000Z",
     at_least("x", "text", "2024-01-02 04:00")),
    ("TIMESTAMP WITH TIME ZONE", "2024-01-01T00:00:00.000Z", "2024-01-01T05:00:00.000Z",
     at_least("x", "zoned", "2024-01-05 04:00 Europe/Berlin")),
    ("BIGINT", "one", "five", at_least("x", "integer", "9")),
    ("BIGINT", 1, 5, at_least("y", "integer", "9")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "low", "high", "condition"), LEFT_OUT)
def test_a_file_without_a_wanted_value_is_left_out(
    kind: str, low: object, high: object, condition: Condition
) -> None:
    assert list(files_needed(one_file(kind, low, high), condition)) == []


@pytest.mark.parametrize(("kind", "low", "high", "condition"), KEPT)
def test_a_file_stays_where_the_engine_might_find_a_row(
    kind: str, low: object, high: object, condition: Condition
) -> None:
    assert len(files_needed(one_file(kind, low, high), condition)) == 1


@pytest.mark.parametrize(
    ("nulls", "condition", "is_kept"),
    [
        (10, Within(column="x"), False),
        (9, Within(column="x"), True),
        (None, Within(column="x"), True),
        (0, IsNull(column="x"), False),
        (1, IsNull(column="x"), True),
        (None, IsNull(column="x"), True),
    ],
)
def test_nulls_are_counted(nulls: int | None, condition: Condition, is_kept: bool) -> None:
    snapshot = one_file("BIGINT", None, None, nulls=nulls)

    assert bool(files_needed(snapshot, condition)) == is_kept


def test_a_file_of_unknown_rows_or_without_statistics_stays() -> None:
    snapshot = one_file("BIGINT", None, None, nulls=10)
    [file] = snapshot.files
    unknown = replace(snapshot, files=(replace(file, rows=None), replace(file, stats={})))

    assert len(files_needed(unknown, Within(column="x"))) == 2


def only_checkpoint(table: Table) -> None:
    """Leave only a checkpoint of the newest version."""
    version = table.version_or_none() or 0
    make_checkpoint(table, version)
    for number in range(version + 1):
        Path(table.root, entry_name(number)).unlink()


ROWS = """select i as id, i % 3 as part, cast(i / 7 as decimal(9, 4)) as price, 'w' || i as word,
  timestamptz '2024-01-01 00:00:00+00' + to_days(i::int) as at, if(i < 5, null, i) as gap
from range({0}, {0} + 5) r(i)"""
CONDITIONS = [
    at_least("id", "integer", "12"),
    at_most("price", "decimal", "1.4286"),
    at_most("price", "decimal", "1.4285"),
    at_least("word", "text", "w2"),
    at_least("at", "text", "2024-01-12"),
    at_most("part", "integer", "0"),
    IsNull(column="gap"),
    IsNull(column="part"),
    Within(column="gap"),
    AllOf((at_least("id", "integer", "6"), at_most("part", "integer", "1"))),
    AnyOf((at_least("id", "integer", "18"), at_most("word", "text", "w1"))),
    AnyOf((at_least("id", "integer", "18"), at_most("nowhere", "text", "w1"))),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_files_of_a_checkpoint_are_chosen_as_values_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, condition: Condition
) -> None:
    table = open_table(tmp_path / "t")
    create(table, ROWS.format(0), partition_by=("part",))
    for first in (5, 10):
        append(table, ROWS.format(first), partition_by=("part",))
    only_checkpoint(table)
    append(table, ROWS.format(15), partition_by=("part",))
    values = open_table(table.root).snapshot()
    monkeypatch.setattr(module, "KEPT_ADDS_MAX", 0)
    large = open_table(tmp_path / "t").snapshot()

    found = files_needed(large, condition)

    assert isinstance(large.files, FileList)
    assert sorted(f.path for f in found) == [f.path for f in files_needed(values, condition)]


def test_decimals_of_a_checkpoint_keep_all_their_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = open_table(tmp_path / "t")
    digits = Decimal("12345678901234567890.123456789012345678")
    create(table, f"select cast('{digits}' as decimal(38, 18)) as x")
    only_checkpoint(table)
    monkeypatch.setattr(module, "KEPT_ADDS_MAX", 0)
    snapshot = open_table(tmp_path / "t").snapshot()

    above = at_least("x", "decimal", "1234567890123456.1")

    assert len(files_needed(snapshot, above)) == 1
