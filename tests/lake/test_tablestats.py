from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.lake.writing import append, create, open_table

from headwater.lake import checkpoint
from headwater.lake.make_checkpoint import make_checkpoint
from headwater.lake.replay import entry_name
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


def test_bounds_of_a_large_checkpoint_are_those_of_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (
        "select i as a, cast(i / 7 as decimal(38, 18)) as d, 'w' || i as w, if(i > 3, i, null)"
        " as n, date '2024-01-01' + i::int as day, i % 2 as p from range({0}, {0} + 3) r(i)"
    )
    table = open_table(tmp_path / "t")
    create(table, rows.format(0), partition_by=("p",))
    append(table, rows.format(8), partition_by=("p",))
    version = append(table, rows.format(4), partition_by=("p",))
    make_checkpoint(table, version)
    for number in range(version + 1):
        Path(table.root, entry_name(number)).unlink()
    append(table, rows.format(11), partition_by=("p",))
    small = bounds_of(open_table(table.root).snapshot())
    monkeypatch.setattr(checkpoint, "KEPT_ADDS_MAX", 0)

    large = bounds_of(open_table(table.root).snapshot())

    assert large == tuple(
        {name: text for name, text in side.items() if name != "p"} for side in small
    )
