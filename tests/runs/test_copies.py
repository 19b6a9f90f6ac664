"""Clones: a table of its own without space of its own; and what differs between tables."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest
from tests.runs.world import (
    append,
    build,
    merge,
    opened,
    relation,
    rows_of,
    run_steps,
    target,
)

from headwater.base.errors import Invalid, NotFound
from headwater.lake.storage import open_storage
from headwater.runs.context import Context
from headwater.runs.upkeep import Keeper

START = "select i as id, 'old' as s from range(3000) t(i)"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", START))


def root_of(context: Context, name: str) -> Path:
    return Path(context.tables.table(relation(name)).root)


def hide(context: Context, version: int = 0, start: int = 0, step: int = 20) -> None:
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    made = target("t", version=version, materialized="incremental", config=config)
    sql = f"select i as id, 'new' as s from range({start}, 3000, {step}) t(i)"
    run_steps(context, merge("t", sql, version, target=made))


def test_a_clone_has_the_rows_and_shares_the_files(context: Context) -> None:
    hide(context)

    done = Keeper(context).clone("t", "copy")

    files = sorted(root_of(context, "copy").glob("*.parquet"))
    assert (done.version, done.bytes_added) == (0, 0)
    assert rows_of(context, "copy") == rows_of(context, "t")
    assert {file.stat().st_nlink for file in files} == {2}
    assert len(pl.read_delta(str(root_of(context, "copy")))) == 3000
    entry = context.tables.table(relation("copy")).history(1)[0]
    assert (entry.operation, entry.parameters["sourceVersion"]) == ("CLONE", "1")


def test_a_clone_outlives_the_vacuum_of_its_original(context: Context) -> None:
    Keeper(context).clone("t", "copy")
    run_steps(context, build("t", "select 1 as id, 'x' as s", version=0))
    before = rows_of(context, "copy")

    Keeper(context).vacuum("t", retain=timedelta(0), force=True, dry_run=False)

    assert len(list(root_of(context, "t").glob("*.parquet"))) == 1
    assert rows_of(context, "copy") == before
    assert len(before) == 3000


def test_the_original_does_not_see_what_happens_to_its_clone(context: Context) -> None:
    Keeper(context).clone("t", "copy")
    before = rows_of(context, "t")

    run_steps(context, append("copy", "select 9999 as id, 'more' as s", 0))
    run_steps(context, build("copy", "select 7 as id, 'only' as s", version=1))
    Keeper(context).vacuum("copy", retain=timedelta(0), force=True, dry_run=False)

    assert rows_of(context, "t") == before
    assert rows_of(context, "copy") == [(7, "only")]


def test_a_deep_clone_has_files_of_its_own(context: Context) -> None:
    done = Keeper(context).clone("t", "copy", deep=True)

    (file,) = root_of(context, "copy").glob("*.parquet")
    assert file.stat().st_nlink == 1
    assert done.bytes_added == file.stat().st_size
    assert rows_of(context, "copy") == rows_of(context, "t")


def test_an_older_version_is_cloned_with_its_columns(context: Context) -> None:
    run_steps(context, build("t", "select 1 as other", version=0))

    Keeper(context).clone("t", "copy", version=0)

    assert len(rows_of(context, "copy")) == 3000
    columns = context.tables.table(relation("copy")).snapshot().columns
    assert [column.name for column in columns] == ["id", "s"]


def test_partitions_and_vectors_in_files_come_along(context: Context) -> None:
    run_steps(context, build("t", START.replace("3000", "60000"), version=0))
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    made = target("t", version=1, materialized="incremental", config=config)
    sql = "select i as id, 'new' as s from range(0, 60000, 13) t(i)"
    run_steps(context, merge("t", sql, 1, target=made))
    assert list(root_of(context, "t").rglob("*.bin"))

    Keeper(context).clone("t", "copy")
    Keeper(context).fsck("copy", deep=True)

    assert len(pl.read_delta(str(root_of(context, "copy")))) == 60000
    assert Keeper(context).fsck("copy", deep=True).faults == ()


@pytest.mark.parametrize("name", ["t", "T", "a.b.c.d", "a..b"])
def test_a_name_that_is_taken_or_none_is_refused(context: Context, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        Keeper(context).clone("t", name)

    assert caught.value.code == "clone-target"


def test_a_clone_that_was_killed_is_made_by_the_next_try(context: Context) -> None:
    file = context.tables.table(relation("t")).snapshot().files[0]
    half = root_of(context, "copy") / file.path
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")

    Keeper(context).clone("t", "copy")

    assert rows_of(context, "copy") == rows_of(context, "t")


def test_a_version_that_is_gone_is_said(context: Context) -> None:
    with pytest.raises(NotFound) as caught:
        Keeper(context).clone("t", "copy", version=7)

    assert caught.value.code == "version-not-found"


def test_an_object_store_shares_no_files(tmp_path: Path) -> None:
    store = open_storage("memory://bucket")
    store.put_if_absent("a/x", b"1")

    with pytest.raises(Invalid) as caught:
        store.within("b").take(store.within("a"), "x", share=True)
    store.within("b").take(store.within("a"), "x", share=False)
    with pytest.raises(Invalid) as across:
        open_storage(str(tmp_path)).take(store.within("a"), "x", share=False)

    assert caught.value.code == across.value.code == "storage-unsupported"
    assert store.read("b/x") == b"1"


def test_versions_differ_by_the_rows_that_changed(context: Context) -> None:
    run_steps(context, append("t", "select 9000 as id, 'more' as s", 0))
    hide(context, version=1, start=5, step=1000)

    found = Keeper(context).diff("t@v0", "t")

    assert (found.left, found.right) == ("shop.main.t@v0", "shop.main.t@v2")
    assert (found.rows_left, found.rows_right) == (3000, 3001)
    assert found.removed == (("5", "old"), ("1005", "old"), ("2005", "old"))
    assert found.added == (("5", "new"), ("1005", "new"), ("2005", "new"), ("9000", "more"))
    assert not found.is_equal


def test_rows_are_compared_with_how_often_they_are_there(context: Context) -> None:
    run_steps(context, build("u", f"{START} union all select 1, 'old'"))

    found = Keeper(context).diff("t", "u")

    assert (found.rows_removed, found.rows_added, found.added) == (0, 1, (("1", "old"),))


def test_columns_that_differ_are_named_and_not_compared(context: Context) -> None:
    run_steps(context, build("u", "select i::varchar as id, 1 as n from range(3000) t(i)"))

    found = Keeper(context).diff("t", "u")

    assert found.columns_removed == ("s",)
    assert found.columns_added == ("n",)
    assert found.columns_changed == ("id: BIGINT -> VARCHAR",)
    assert (found.compared, found.rows_removed, found.rows_added) == ((), 0, 0)


def test_tables_without_a_common_column_are_not_compared_by_their_rows(context: Context) -> None:
    run_steps(context, build("other", "select 'x' as id, 1.5 as amount from range(10) t(i)"))

    found = Keeper(context).diff("t", "other")

    assert found.compared == ()
    assert (found.rows_left, found.rows_right) == (3000, 10)
    assert (found.rows_removed, found.rows_added, found.is_equal) == (0, 0, False)


def test_a_table_does_not_differ_from_itself_or_its_clone(context: Context) -> None:
    Keeper(context).clone("t", "copy")

    assert Keeper(context).diff("t", "t@0").is_equal
    assert Keeper(context).diff("t", "copy").is_equal


def test_a_side_that_is_none_is_refused(context: Context) -> None:
    with pytest.raises(Invalid) as caught:
        Keeper(context).diff("", "t")

    assert caught.value.code == "diff-side"
