"""Clustering: the same rows, in files of which a filter on any of its columns needs few."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.runs.world import (
    append,
    build,
    opened,
    relation,
    run_steps,
    target,
)

from headwater.base.errors import Invalid
from headwater.lake.compaction import CLUSTER_TAG, choose_kept
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.runs.context import Context
from headwater.runs.proposals import find_proposals
from headwater.runs.upkeep import Keeper

pytestmark = pytest.mark.slow  # kept out of the default suite for its time alone

ROWS = 700_000
SCATTERED = (
    f"select hash(i) % 100000 as a, hash(i + 7) % 100000 as b, i % 7 as s, i as id"
    f" from range({ROWS}) t(i)"
)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", SCATTERED))


def snapshot_of(context: Context) -> Snapshot:
    return context.tables.table(relation("t")).snapshot()


def files_for(snapshot: Snapshot, column: str, low: int, high: int) -> list[DataFile]:
    """Return the files that a filter between two values must read, by their statistics."""
    return [
        file
        for file in snapshot.files
        if int(str(file.stats[column].minimum)) <= high
        and int(str(file.stats[column].maximum)) >= low
    ]


def content(context: Context) -> tuple[int, int]:
    """Return a fingerprint of the rows, whatever their order."""
    frame = pl.read_delta(snapshot_of(context).root)
    return len(frame), int(frame.select(pl.all().cast(pl.String)).hash_rows().sum())


@pytest.mark.parametrize("columns", [("a",), ("a", "b")], ids=["sorted", "by-two"])
def test_a_filter_on_any_column_reads_few_files(context: Context, columns: tuple[str, ...]) -> None:
    before = content(context)

    done = Keeper(context).optimize("t", file_bytes=400_000, cluster_by=columns)

    after = snapshot_of(context)
    assert content(context) == before
    assert len(after.files) == done.files_added >= 5
    for column in columns:
        needed = files_for(after, column, 10_000, 11_000)
        assert len(needed) <= (2 if len(columns) == 1 else 4)


def test_a_clustered_table_stays_so_and_only_new_files_are_written_again(context: Context) -> None:
    keeper = Keeper(context)
    keeper.optimize("t", file_bytes=400_000, cluster_by=("A", "b"))
    old = {file.path for file in snapshot_of(context).files}
    version = snapshot_of(context).version
    later = SCATTERED.replace(f"range({ROWS}", "range(900000, 901000")
    run_steps(context, append("t", later, version))

    settled = keeper.optimize("t", file_bytes=400_000)

    after = snapshot_of(context)
    assert settled.files_removed == 1
    assert old < {file.path for file in after.files}
    assert {file.tags[CLUSTER_TAG] for file in after.files} == {"a,b"}
    assert after.properties[CLUSTER_TAG] == "a,b"
    assert keeper.optimize("t", file_bytes=400_000).version is None


def test_small_files_of_a_clustered_table_stay_few(context: Context) -> None:
    keeper = Keeper(context)
    run_steps(context, build("t", "select 0 as a", version=0))
    keeper.optimize("t", cluster_by=("a",))
    for number in range(1, 20):
        version = snapshot_of(context).version
        run_steps(context, append("t", f"select {number} as a", version))
        keeper.optimize("t")

    after = snapshot_of(context)

    assert len(after.files) < 8
    assert content(context)[0] == 20
    assert {file.tags[CLUSTER_TAG] for file in after.files} == {"a"}


def test_nothing_is_proposed_for_a_clustered_table_that_would_not_be_done(context: Context) -> None:
    keeper = Keeper(context)
    run_steps(context, build("t", "select 0 as a", version=0))
    keeper.optimize("t", cluster_by=("a",))
    run_steps(context, append("t", "select 1 as a", snapshot_of(context).version))
    keeper.optimize("t")

    assert find_proposals(context, reads=100) == ()
    assert keeper.optimize("t").version is None


def test_clustering_changes_no_rows_to_those_who_follow_changes(context: Context) -> None:
    Keeper(context).optimize("t", cluster_by=("a", "b"))

    entry = context.tables.table(relation("t")).history(1)[0]
    assert (entry.operation, entry.changes_data) == ("OPTIMIZE", False)


def test_rows_stay_in_their_partition(context: Context) -> None:
    made = target("t", version=0, partition_by=("p",))
    step = build("t", f"select *, id % 3 as p from ({SCATTERED})")
    run_steps(context, replace(step, target=made))

    Keeper(context).optimize("t", cluster_by=("a", "b"))

    after = snapshot_of(context)
    assert sorted(str(file.partition_values["p"]) for file in after.files) == ["0", "1", "2"]
    assert content(context)[0] == ROWS


@pytest.mark.parametrize(
    "columns", [("nope",), ("a", "A"), ("a", "b", "s", "id", "a")], ids=["none", "twice", "many"]
)
def test_columns_that_cannot_cluster_are_refused(
    context: Context, columns: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid) as caught:
        Keeper(context).optimize("t", cluster_by=columns)

    assert caught.value.code == "cluster-by"
    assert snapshot_of(context).version == 0


def test_a_column_that_has_gone_does_not_stop_compaction(context: Context) -> None:
    Keeper(context).optimize("t", cluster_by=("a",))
    run_steps(context, build("t", "select 1 as other", version=1))
    run_steps(context, append("t", "select 2 as other", 2))

    done = Keeper(context).optimize("t")

    assert (done.files_removed, done.files_added) == (2, 1)


def layout(cluster_by: object) -> dict[str, Any]:
    return {"config": {"cluster_by": cluster_by}}


@pytest.mark.parametrize("cluster_by", ["a", ["A", "b"], "a, b"])
def test_a_model_is_written_in_the_order_that_it_asks_for(
    context: Context, cluster_by: object
) -> None:
    run_steps(context, build("m", SCATTERED, **layout(cluster_by)))

    snapshot = context.tables.table(relation("m")).snapshot()

    names = "a" if cluster_by == "a" else "a,b"
    assert snapshot.properties[CLUSTER_TAG] == names
    assert {file.tags.get(CLUSTER_TAG) for file in snapshot.files} == {names}
    if names == "a":
        rows = pl.read_parquet(f"{snapshot.root}/{snapshot.files[0].path}")
        steps = rows["a"].cast(pl.Int64).diff().drop_nulls()
        assert (steps < 0).sum() < 10  # a part written by another thread may be a little ahead
    assert choose_kept(snapshot).groups == ()


def test_a_model_that_asks_no_more_takes_its_mark_back(context: Context) -> None:
    run_steps(context, build("m", SCATTERED, **layout("a")))

    run_steps(context, build("m", SCATTERED, version=0))

    snapshot = context.tables.table(relation("m")).snapshot()
    assert not [name for name in snapshot.properties if "cluster" in name]
    assert choose_kept(snapshot).groups == ()


def test_what_was_asked_by_hand_outlives_a_build(context: Context) -> None:
    run_steps(context, build("m", SCATTERED, **layout("a")))
    Keeper(context).optimize("m", cluster_by=("b",))

    run_steps(context, build("m", SCATTERED, version=1))

    snapshot = context.tables.table(relation("m")).snapshot()
    assert snapshot.properties[CLUSTER_TAG] == "b"
    assert choose_kept(snapshot).cluster_by == ("b",)


def test_rows_that_are_appended_are_ordered_likewise(context: Context) -> None:
    run_steps(context, build("m", "select 1 as a, 2 as b", **layout("b")))
    more = append("m", "select i as a, 100 - i as b from range(50) r(i)", 0)
    run_steps(context, replace(more, target=target("m", version=0, **layout("b"))))

    files = context.tables.table(relation("m")).snapshot().files

    new = max(files, key=lambda file: file.rows or 0)
    root = context.tables.table(relation("m")).root
    assert pl.read_parquet(f"{root}/{new.path}")["b"].is_sorted()
    assert {file.tags.get(CLUSTER_TAG) for file in files} == {"b"}


@pytest.mark.parametrize("cluster_by", ["to_date(at)", ["a", "a"], list("abcde"), ["a", "nowhere"]])
def test_a_model_is_built_where_its_clustering_means_nothing_here(
    context: Context, cluster_by: object
) -> None:
    run_steps(context, build("m", "select 1 as a, 2 as b, 3 as c, 4 as d, 5 as e",
                             **layout(cluster_by)))  # fmt: skip

    snapshot = context.tables.table(relation("m")).snapshot()

    assert CLUSTER_TAG not in snapshot.properties
    assert len(snapshot.files) == 1
