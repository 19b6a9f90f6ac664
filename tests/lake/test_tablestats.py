from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from tests.lake.writing import append, create, open_table

from headwater.lake.snapshot import ColumnStats, Snapshot
from headwater.lake.tablestats import bounds_of, null_counts_of


def snapshot_of(root: Path, *files: tuple[int, ColumnStats]) -> Snapshot:
    """A table of one number column whose files have these rows and statistics."""
    table = open_table(root)
    create(table, "select 1 as a")
    made = table.snapshot()
    return replace(
        made,
        files=tuple(
            replace(made.files[0], rows=rows, stats=MappingProxyType({"a": stats}))
            for rows, stats in files
        ),
    )


def test_bounds_are_unknown_when_one_file_with_values_does_not_say(tmp_path: Path) -> None:
    snapshot = snapshot_of(
        tmp_path,
        (100, ColumnStats(null_count=50)),
        (50, ColumnStats(minimum=5, maximum=6, null_count=0)),
    )

    assert bounds_of(snapshot) == ({}, {})


def test_a_file_of_nulls_only_does_not_hide_the_bounds_of_the_others(tmp_path: Path) -> None:
    snapshot = snapshot_of(
        tmp_path,
        (100, ColumnStats(null_count=100)),
        (50, ColumnStats(minimum=5, maximum=6, null_count=0)),
    )

    assert bounds_of(snapshot) == ({"a": "5"}, {"a": "6"})
    assert null_counts_of(snapshot) == {"a": 100}


def test_bounds_of_numbers_are_ordered_by_value(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select 9 as a")
    append(table, "select 10 as a")

    assert bounds_of(table.snapshot()) == ({"a": "9"}, {"a": "10"})


def test_nan_is_above_every_number_as_the_engine_has_it(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select 1 as i, 'nan'::double as p", partition_by=("p",))
    append(table, "select 2 as i, 'infinity'::double as p", partition_by=("p",))
    append(table, "select 3 as i, 2.5::double as p", partition_by=("p",))

    low, high = bounds_of(table.snapshot())

    assert (float(low["p"]), high["p"].lower()) == (2.5, "nan")
