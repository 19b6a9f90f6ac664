"""Upkeep: only files that nobody needs and that are ours are removed."""

from pathlib import Path

import pytest
from tests.lake.writing import RUN, append, create, open_table, write_files

from headwater.base.errors import DataDamaged
from headwater.base.relations import TableName
from headwater.lake.delta import write_checkpoint
from headwater.lake.maintain import find_orphans, list_tables, remove_orphans
from headwater.lake.replay import entry_name
from headwater.lake.storage import open_storage
from headwater.lake.table import table_root

OTHER_RUN = "20261120T010101-00000000"


def test_files_of_killed_runs_are_orphans_and_nothing_else(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select 1 as a, 'x y' as p", partition_by=("p",))
    create(table, "select 2 as a, 'x y' as p", partition_by=("p",))  # the old file stays needed
    _, orphans = write_files(tmp_path, "select 3 as a, 'x y' as p", partition_by=("p",))
    _, live = write_files(tmp_path, "select 4 as a, 'q' as p", prefix=f"{OTHER_RUN}-1")
    for name in (
        "part-00000-foreign.parquet",
        f"{RUN}-1-x.txt",
        f"_delta_log/{RUN}-1-x.parquet",
        f"_change_data/{RUN}-1-x.parquet",
        f".hidden/{RUN}-1-x.parquet",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    found = find_orphans(table, live_prefixes=(OTHER_RUN,))

    assert [part.path for part in found] == [file.path for file in orphans]
    assert remove_orphans(table, found) == sum(file.size_bytes for file in orphans)
    assert find_orphans(table, live_prefixes=(OTHER_RUN,)) == ()
    assert [part.path for part in find_orphans(table)] == [file.path for file in live]
    assert [(tmp_path / f.path).exists() for v in (0, 1) for f in table.snapshot(v).files] == (
        [True, True]
    )


def test_files_of_a_first_build_that_was_killed_are_orphans(tmp_path: Path) -> None:
    _, files = write_files(tmp_path, "select 1 as a")
    half = tmp_path / f"tmp_{RUN}-1-x.parquet"
    half.write_bytes(b"x")

    found = {part.path for part in find_orphans(open_table(tmp_path))}

    assert found == {files[0].path, half.name}


def test_a_file_that_was_removed_but_is_in_the_log_is_kept_after_clean_up(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select 1 as a")
    first = table.snapshot().files[0].path
    write_checkpoint(table.root, {}, 0)
    create(table, "select 2 as a")
    (tmp_path / entry_name(0)).unlink()

    assert [part.path for part in find_orphans(open_table(tmp_path)) if part.path == first] == []


def test_with_a_damaged_log_nothing_is_an_orphan(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select 1 as a")
    append(table, "select 2 as a")
    write_files(tmp_path, "select 3 as a")
    (tmp_path / entry_name(0)).write_bytes(b"{")

    with pytest.raises(DataDamaged):
        find_orphans(open_table(tmp_path))


def test_an_entry_that_was_never_published_is_removed_once_its_version_is_taken(
    tmp_path: Path,
) -> None:
    table = open_table(tmp_path)
    create(table, "select 1 as a")
    for version in (0, 1):
        (tmp_path / f"_delta_log/.tmp-{version:020d}.json-00ff").write_bytes(b"{}")

    found = [part.path for part in find_orphans(table)]

    assert found == ["_delta_log/.tmp-00000000000000000000.json-00ff"]


def test_tables_of_a_lake_are_listed(tmp_path: Path) -> None:
    names = [TableName("c", "s", "orders"), TableName("c", "ü b", "x"), TableName("d", "s", "y")]
    for name in names:
        create(open_table(table_root(str(tmp_path), name)), "select 1 as a")
    (tmp_path / "c" / "s" / "no_table").mkdir()
    (tmp_path / "stray").write_text("x", encoding="utf-8")

    assert list_tables(open_storage(str(tmp_path))) == tuple(sorted(names))
    assert list_tables(open_storage(str(tmp_path / "nope"))) == ()
