"""Models that are merged on read: what is published is what other readers of Delta see, too."""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder
from tests.runs.world import (
    build,
    check,
    merge,
    node_id,
    opened,
    quoted,
    relation,
    rows_of,
    run_steps,
    statuses,
    target,
)

from headwater.lake.maintain import find_orphans
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import Table
from headwater.plan.plan import Merge
from headwater.runs.context import Context

START = "select i as id, 'old' as s, i * 1.5 as amount from range(5000) t(i) order by i"
NEW = "select i as id, 'new' as s, 0.0 as amount from range(4, 5500, 11) t(i)"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", START))


def table_of(context: Context) -> Table:
    return context.tables.table(relation("t"))


def snapshot_of(context: Context) -> Snapshot:
    return table_of(context).snapshot()


def merging(sql: str, version: int, mode: str = "merge_on_read", **changes: object) -> Merge:
    config = MappingProxyType({"merge_mode": mode})
    made = target("t", version=version, materialized="incremental", config=config)
    return merge("t", sql, version, target=made, **changes)


@pytest.mark.parametrize("delete_matching", [False, True], ids=["merge", "delete+insert"])
def test_a_merged_table_reads_alike_everywhere(
    context: Context, tmp_path: Path, *, delete_matching: bool
) -> None:
    run = run_steps(context, merging(NEW, 0, delete_matching=delete_matching))

    assert statuses(run) == {"t": "success"}
    assert sorted(len(file.deleted_rows) for file in snapshot_of(context).files) == [0, 455]
    changed = set(range(4, 5500, 11))
    wanted = sorted(
        [(i, "old", i * 1.5) for i in range(5000) if i not in changed]
        + [(i, "new", 0.0) for i in changed]
    )
    root = str(tmp_path / "lake" / "shop" / "main" / "t")
    frames = [
        pl.read_delta(root),
        pl.scan_delta(root).filter(pl.col("id") >= 0).collect(),
        pl.DataFrame(
            QueryBuilder().register("t", DeltaTable(root)).execute("select * from t").read_all()
        ),
    ]
    for frame in frames:
        rows = [(i, s, float(amount)) for i, s, amount in frame.rows()]
        assert sorted(rows) == wanted
    assert [(i, s, float(str(a))) for i, s, a in rows_of(context, "t")] == wanted


def test_other_tools_delete_from_it_and_we_read_on(context: Context, tmp_path: Path) -> None:
    run_steps(context, merging(NEW, 0))
    DeltaTable(str(tmp_path / "lake" / "shop" / "main" / "t")).delete("id >= 4990")

    run = run_steps(context, merging("select 1 as id, 'last' as s, 1.0 as amount", 2))

    assert statuses(run) == {"t": "success"}
    found = rows_of(context, "t")
    assert len(found) == 4990
    assert found[1][:2] == (1, "last")


def test_a_failing_test_publishes_nothing_and_leaves_no_vectors(
    context: Context, tmp_path: Path
) -> None:
    sql = f"select * from {quoted('t')} where s = 'new'"
    gate = check("no_new", sql, gates="t", reads=["t"])

    run = run_steps(context, merging(NEW, 0), gate)

    assert statuses(run)["t"] == "error"
    assert snapshot_of(context).version == 0
    assert list(tmp_path.rglob("deletion_vector_*")) == []
    assert find_orphans(table_of(context)) == ()


def test_a_test_sees_the_rows_that_would_be_published(context: Context) -> None:
    sql = f"select id from {quoted('t')} group by id having count(*) > 1"
    gate = check("unique_id", sql, gates="t", reads=["t"])

    run = run_steps(context, merging(NEW, 0), gate)

    assert statuses(run) == {"t": "success", "unique_id": "pass"}


def test_hidden_rows_are_written_off_when_they_become_many(context: Context) -> None:
    run_steps(context, merging("select i as id, 'a' as s, 0.0 as amount from range(400) t(i)", 0))
    assert len(snapshot_of(context).files) == 2

    sql = "select i as id, 'b' as s, 0.0 as amount from range(400, 800) t(i)"
    run_steps(context, merging(sql, 1))

    assert sum(len(file.deleted_rows) for file in snapshot_of(context).files) == 0
    assert snapshot_of(context).rows == 5000
    assert len(rows_of(context, "t")) == 5000


@pytest.mark.parametrize("mode", ["auto", "copy_on_write"])
def test_small_tables_stay_readable_to_every_reader(context: Context, mode: str) -> None:
    run_steps(context, merging(NEW, 0, mode=mode))

    assert snapshot_of(context).features == ()
    assert snapshot_of(context).rows == len(rows_of(context, "t"))


def test_a_new_column_and_hidden_rows_come_in_one_commit(context: Context) -> None:
    sql = "select 7 as id, 'new' as s, 1.0 as amount, 'x' as extra"

    run = run_steps(context, merging(sql, 0, on_schema_change="append_new_columns"))

    assert statuses(run) == {"t": "success"}
    rows = rows_of(context, "t")
    assert (len(rows), rows[7][3], rows[8][3]) == (5000, "x", None)


def test_the_log_says_what_a_merge_did(context: Context) -> None:
    run_steps(context, merging(NEW, 0))

    newest = table_of(context).history(1)[0]

    assert (newest.operation, newest.rows_added, newest.files_added) == ("MERGE", 500, 2)
    assert newest.headwater["node"] == node_id("t")
