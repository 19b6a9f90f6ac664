"""Upkeep of tables: rows stay as they are, what nobody needs goes, older versions come back."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest
from tests.runs.world import (
    append,
    build,
    close_context,
    merge,
    open_context,
    quoted,
    relation,
    rows_of,
    run_steps,
    target,
)

from headwater.base.errors import Conflict, Invalid, NotFound, Unavailable
from headwater.base.ids import RunId
from headwater.catalog.records import ViewRecord
from headwater.lake.commit import AddFile, Commit, RemoveFile, commit
from headwater.lake.compaction import choose_files
from headwater.lake.table import Table
from headwater.runs.context import Context
from headwater.runs.describe import describe_name
from headwater.runs.journal import open_journal
from headwater.runs.rearrange import rearrange
from headwater.runs.upkeep import Keeper

RUN = RunId("20261121T060200-0000000a")
NOTHING = timedelta(0)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    opened = open_context(tmp_path)
    run_steps(opened, build("t", "select i as id, 'a' as s from range(1000) t(i)"))
    for number in range(1, 4):
        sql = f"select i as id, 'b' as s from range({number * 1000}, {number * 1000 + 1000}) t(i)"
        run_steps(opened, append("t", sql, number - 1))
    yield opened
    close_context(opened)


@pytest.fixture
def keeper(context: Context) -> Keeper:
    return Keeper(context)


def table_of(context: Context) -> Table:
    return context.tables.table(relation("t"))


def hide(context: Context, ids: str) -> None:
    version = table_of(context).snapshot().version
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    made = target("t", version=version, materialized="incremental", config=config)
    sql = f"select unnest({ids})::bigint as id, 'new' as s"
    run_steps(context, merge("t", sql, version, target=made))


def total(context: Context) -> tuple[object, ...]:
    session = context.engine.open_session(catalog="shop", schema="main")
    session.bind(relation("t"), table_of(context).snapshot())
    sql = f"select count(*), sum(id)::bigint, count(distinct id) from {quoted('t')}"
    row = session.query(sql, rows_max=1).rows[0]
    session.close()
    return row


def test_small_files_and_hidden_rows_become_one_file(context: Context, keeper: Keeper) -> None:
    hide(context, "[1, 1500, 2500, 9999]")
    before = total(context)

    done = keeper.optimize("t")

    assert (done.files_removed, done.files_added, done.hidden_rows) == (5, 1, 3)
    assert total(context) == before
    snapshot = table_of(context).snapshot()
    assert [file.deleted_rows for file in snapshot.files] == [()]
    newest = table_of(context).history(1)[0]
    assert (newest.operation, newest.changes_data, newest.version) == ("OPTIMIZE", False, 5)
    assert pl.read_delta(snapshot.root).height == before[0]


def test_doing_it_again_does_nothing(context: Context, keeper: Keeper) -> None:
    keeper.optimize("t")
    version = table_of(context).snapshot().version

    again = keeper.optimize("t")

    assert (again.version, again.files_removed) == (None, 0)
    assert table_of(context).snapshot().version == version


def test_a_dry_run_only_says_what_it_would_do(context: Context, keeper: Keeper) -> None:
    told = keeper.optimize("t", dry_run=True)

    assert (told.files_removed, told.version, len(told.files)) == (4, None, 4)
    assert table_of(context).snapshot().version == 3


def test_rows_that_others_append_meanwhile_are_kept(context: Context) -> None:
    table = table_of(context)
    snapshot = table.snapshot()
    run_steps(context, append("t", "select 77777 as id, 'late' as s", 3))

    done = rearrange(context, table, snapshot, choose_files(snapshot), RUN)

    assert done.version == 5
    assert total(context)[0] == 4001
    assert len(table.snapshot().files) == 2


@pytest.mark.parametrize("change", ["removed", "hidden"])
def test_a_file_that_others_change_meanwhile_is_a_conflict(context: Context, change: str) -> None:
    table = table_of(context)
    snapshot = table.snapshot()
    if change == "removed":
        remove = RemoveFile(path=snapshot.files[0].path)
        commit(table, Commit(operation="DELETE", requirements=(), actions=(remove,)))
    else:
        hide(context, "[5]")
    rows = total(context)

    with pytest.raises(Conflict) as caught:
        rearrange(context, table, snapshot, choose_files(snapshot), RUN)

    assert caught.value.code == "commit-conflict"
    assert total(context) == rows
    assert not list(Path(table.root).rglob(f"{RUN}*"))


def test_a_busy_workspace_is_left_alone(context: Context, keeper: Keeper) -> None:
    with open_journal(context, "build"), pytest.raises(Unavailable) as caught:
        keeper.optimize("t")

    assert caught.value.code == "workspace-busy"
    assert table_of(context).snapshot().version == 3


def test_a_vacuum_lists_first_and_deletes_when_told(context: Context, keeper: Keeper) -> None:
    keeper.optimize("t")
    files = {path.name for path in Path(table_of(context).root).glob("*.parquet")}

    told = keeper.vacuum("t", retain=NOTHING, force=True)
    kept = {path.name for path in Path(table_of(context).root).glob("*.parquet")}
    done = keeper.vacuum("t", retain=NOTHING, force=True, dry_run=False)

    assert (told.files_removed, told.dry_run, kept) == (4, True, files)
    assert (done.files, done.bytes_removed) == (told.files, told.bytes_removed)
    left = {path.name for path in Path(table_of(context).root).glob("*.parquet")}
    assert left == files - set(told.files)
    assert total(context)[0] == 4000
    assert keeper.vacuum("t", retain=NOTHING, force=True).files_removed == 0


def test_a_vacuum_keeps_what_hides_rows(context: Context, keeper: Keeper) -> None:
    hide(context, "range(0, 4000, 11)")
    hide(context, "range(0, 4000, 23)")
    rows = total(context)

    keeper.vacuum("t", retain=NOTHING, force=True, dry_run=False)

    context.tables._open.clear()
    assert total(context) == rows


def test_files_stay_as_long_as_the_table_promises(keeper: Keeper) -> None:
    keeper.optimize("t")

    with pytest.raises(Invalid) as caught:
        keeper.vacuum("t", retain=NOTHING, dry_run=False)

    assert caught.value.code == "retention-too-short"
    assert keeper.vacuum("t").files_removed == 0


def test_an_older_version_comes_back_as_a_new_one(context: Context, keeper: Keeper) -> None:
    hide(context, "[1, 2, 5000]")
    hide(context, "[3]")

    keeper.restore("t", version=4)
    with_hidden = rows_of(context, "t")[:4]
    back = keeper.restore("t", version=0)

    assert [row[1] for row in with_hidden] == ["a", "new", "new", "a"]
    assert (back.version, total(context)) == (7, (1000, 499_500, 1000))
    assert table_of(context).history(1)[0].operation == "RESTORE"
    root = table_of(context).root
    assert sorted(pl.read_delta(root)["id"].to_list()) == list(range(1000))


def test_restoring_what_the_table_says_makes_no_version(keeper: Keeper) -> None:
    assert keeper.restore("t", version=3).version is None


def test_a_version_whose_files_are_gone_is_not_restored(context: Context, keeper: Keeper) -> None:
    keeper.optimize("t")
    keeper.vacuum("t", retain=NOTHING, force=True, dry_run=False)

    with pytest.raises(NotFound) as caught:
        keeper.restore("t", version=1)

    assert caught.value.code == "file-not-found"
    assert total(context)[0] == 4000


def test_an_older_schema_comes_back_with_its_rows(context: Context, keeper: Keeper) -> None:
    run_steps(context, build("t", "select 1 as other", version=3))

    keeper.restore("t", version=3)

    snapshot = table_of(context).snapshot()
    assert [column.name for column in snapshot.columns] == ["id", "s"]
    assert total(context)[0] == 4000


def test_a_checkpoint_is_read_when_the_entries_before_are_gone(
    context: Context, keeper: Keeper
) -> None:
    root = Path(table_of(context).root)

    done = keeper.checkpoint("t")

    for entry in (root / "_delta_log").glob("*.json"):
        entry.unlink()
    context.tables._open.clear()
    assert done.version == 3
    assert total(context)[0] == 4000


def test_a_sound_table_has_no_faults(context: Context, keeper: Keeper) -> None:
    hide(context, "[1, 2, 5000]")

    for deep in (False, True):
        found = keeper.fsck("t", deep=deep)
        assert (found.faults, found.files, found.rows) == ((), 5, 4001)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda path: path.unlink(), "it is not there"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "bytes, the log says"),
        (lambda path: path.write_bytes(b"x" * path.stat().st_size), "it cannot be read"),
    ],
    ids=["gone", "longer", "overwritten"],
)
def test_a_damaged_file_is_found(
    context: Context, keeper: Keeper, damage: Callable[[Path], object], what: str
) -> None:
    snapshot = table_of(context).snapshot()
    damage(Path(snapshot.root) / snapshot.files[1].path)

    found = keeper.fsck("t", deep=True)

    assert [fault.file for fault in found.faults] == [snapshot.files[1].path]
    assert what in found.faults[0].what
    assert found.exit_code == 1


def test_a_log_that_miscounts_is_found(context: Context, keeper: Keeper) -> None:
    table = table_of(context)
    file = table.snapshot().files[0]
    stats = {**file.stats, "id": replace(file.stats["id"], null_count=7)}
    wrong = replace(file, rows=999, stats=stats)
    commit(table, Commit(operation="WRITE", requirements=(), actions=(AddFile(file=wrong),)))

    shallow, deep = keeper.fsck("t"), keeper.fsck("t", deep=True)

    assert [fault.what for fault in shallow.faults] == ["it has 1000 rows, the log says 999"]
    assert [fault.what for fault in deep.faults] == [
        "it has 1000 rows, the log says 999",
        "`id` has 0 nulls, the log says 7",
    ]


def test_a_file_that_does_not_hold_what_the_log_says_is_not_spread(
    context: Context,
) -> None:
    table = table_of(context)
    snapshot = table.snapshot()
    wrong = replace(snapshot.files[0], rows=999)
    lying = replace(snapshot, files=(wrong, *snapshot.files[1:]))

    with pytest.raises(Exception, match="hold 4000 rows, not 3999"):
        rearrange(context, table, lying, choose_files(lying), RUN)

    assert table.snapshot().version == 3


def test_a_name_is_forgotten_when_its_table_is_gone_and_not_before(
    context: Context, keeper: Keeper
) -> None:
    with pytest.raises(Invalid) as there:
        keeper.forget("t")
    shutil.rmtree(table_of(context).root)

    done = keeper.forget("t")

    assert there.value.code == "forget-target"
    assert (done.verb, done.table) == ("forget", "shop.main.t")
    assert context.metastore.list_relations() == ()
    with pytest.raises(NotFound) as gone:
        keeper.forget("t")
    assert gone.value.code == "relation-not-found"


def test_the_name_of_a_view_is_not_forgotten(context: Context, keeper: Keeper) -> None:
    view = ViewRecord(
        name=relation("v"), sql="select 1 as id", columns=(), run_id=RUN, updated_at="2026-11-21"
    )
    context.metastore.put_relation(view)

    with pytest.raises(Invalid) as error:
        keeper.forget("v")

    assert error.value.code == "forget-target"


def test_a_description_says_by_what_a_table_is_clustered(context: Context, keeper: Keeper) -> None:
    before = describe_name(context, relation("t")).cluster_by
    keeper.optimize("t", cluster_by=("S", "id"))

    assert (before, describe_name(context, relation("t")).cluster_by) == ((), ("s", "id"))
