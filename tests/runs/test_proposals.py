"""Upkeep is proposed where it costs less than it saves, and done when asked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

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

from headwater.base.clock import FixedClock
from headwater.runs.context import Context
from headwater.runs.upkeep import Keeper

LATER = datetime.now(UTC) + timedelta(days=30)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", "select i as id, 'a' as s from range(2000) t(i)"))


def test_a_table_in_order_has_no_proposal(context: Context) -> None:
    assert Keeper(context).propose(reads=1000).proposals == ()


def test_many_small_files_are_worth_one_when_they_are_read_often_enough(context: Context) -> None:
    for version in range(8):
        run_steps(context, append("t", f"select {version} as id, 'b' as s", version))
    keeper = Keeper(context)

    (found,) = keeper.propose(reads=1000).proposals

    assert (found.verb, found.table, found.is_done) == ("optimize", "shop.main.t", False)
    assert found.pays_after is not None
    assert found.cost_seconds <= found.pays_after * found.saving_seconds
    assert found.cost_seconds > (found.pays_after - 1) * found.saving_seconds
    assert keeper.propose(reads=found.pays_after - 1).proposals == ()


def test_what_saves_next_to_nothing_is_not_proposed(context: Context) -> None:
    for version in range(3):
        run_steps(context, append("t", f"select {version} as id, 'b' as s", version))

    assert Keeper(context).propose(reads=15).proposals == ()
    assert len(Keeper(context).propose(reads=50).proposals) == 1


def test_what_pays_is_done_and_then_settled(context: Context) -> None:
    for version in range(8):
        run_steps(context, append("t", f"select {version} as id, 'b' as s", version))
    before = rows_of(context, "t")
    keeper = Keeper(context)

    (done,) = keeper.propose(reads=1000, does=True).proposals

    assert done.is_done
    assert rows_of(context, "t") == before
    assert len(context.tables.table(relation("t")).snapshot().files) == 1
    assert keeper.propose(reads=1000).proposals == ()


def test_hidden_rows_make_every_read_dearer(context: Context) -> None:
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    made = target("t", version=0, materialized="incremental", config=config)
    sql = "select i as id, 'new' as s from range(0, 2000, 20) t(i)"
    run_steps(context, merge("t", sql, 0, target=made))

    (found,) = Keeper(context).propose(reads=100_000).proposals

    assert "100 hidden rows" in found.why
    assert found.saving_seconds > 0


def test_space_is_freed_only_after_the_retention_time(context: Context) -> None:
    big = "select md5(i::varchar) as id, md5((i + 1)::varchar) as s from range(40000) t(i)"
    run_steps(context, build("t", big, version=0))
    run_steps(context, build("t", "select 1 as id", version=1))
    now, later = Keeper(context), Keeper(replace(context, clock=FixedClock(LATER)))

    assert now.propose(reads=1).proposals == ()
    (found,) = later.propose(reads=1).proposals
    later.propose(reads=1, does=True)

    assert (found.verb, found.pays_after) == ("vacuum", None)
    assert found.frees_bytes > 1024 * 1024
    assert later.propose(reads=1).proposals == ()


def test_a_table_that_cannot_be_read_is_left_alone(context: Context) -> None:
    (Path(context.tables.table(relation("t")).root) / "_delta_log" / f"{0:020}.json").unlink()
    fresh = replace(context, tables=type(context.tables)(context.tables.root))

    assert Keeper(fresh).propose(reads=1000).proposals == ()
