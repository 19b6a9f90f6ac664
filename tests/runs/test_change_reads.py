"""What versions of a table changed, read by ``table_changes``; and the sum of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.runs.world import (
    append,
    build,
    close_context,
    merge,
    open_context,
    opened,
    relation,
    run_steps,
    target,
    view,
)

from headwater.base.errors import Invalid, NotFound
from headwater.lake.changes import NetChanges, net_changes
from headwater.lake.table import Table
from headwater.runs.change_reads import bind_parts
from headwater.runs.context import Context
from headwater.runs.query import run_sql
from headwater.runs.upkeep import Keeper

START = "select i as id, 'old' as s from range(20) t(i)"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", START))


def table_of(context: Context) -> Table:
    return context.tables.table(relation("t"))


def version_of(context: Context) -> int:
    return table_of(context).snapshot().version


def change(context: Context, sql: str, *, mode: str = "merge_on_read", key: str = "id") -> None:
    version = version_of(context)
    config = MappingProxyType({"merge_mode": mode})
    made = target("t", version=version, materialized="incremental", config=config)
    run = run_steps(context, merge("t", sql, version, target=made, unique_key=(key,)))
    assert run.status == "success"


def add(context: Context, sql: str) -> None:
    assert run_steps(context, append("t", sql, version_of(context))).status == "success"


def rows(context: Context, sql: str) -> list[tuple[object, ...]]:
    return sorted(run_sql(context, sql, rows_max=10_000).rows)


def test_appended_rows_are_inserts_of_their_version(context: Context) -> None:
    add(context, "select 100 as id, 'new' as s")
    add(context, "select 101 as id, 'new' as s")

    found = rows(context, "select id, s, _change_type, _commit_version from table_changes('t', 1)")

    assert found == [(100, "new", "insert", 1), (101, "new", "insert", 2)]


def test_the_last_version_is_part_of_what_is_asked_for(context: Context) -> None:
    for number in (100, 101, 102):
        add(context, f"select {number} as id, 'new' as s")

    found = rows(context, "select id from table_changes('main.t', 2, 2) as c where c.s = 'new'")

    assert found == [(101,)]


def test_the_first_version_is_told_as_inserts(context: Context) -> None:
    found = rows(context, "select count(*), min(_change_type) from table_changes('t', 0, 0)")

    assert found == [(20, "insert")]


def test_rows_that_a_deletion_vector_hides_are_deletes(context: Context) -> None:
    change(context, "select 3 as id, 'new' as s")

    found = rows(context, "select id, s, _change_type from table_changes('t', 1)")

    assert found == [(3, "new", "insert"), (3, "old", "delete")]


def test_compaction_changes_nothing(context: Context) -> None:
    add(context, "select 100 as id, 'new' as s")
    Keeper(context).optimize("t")

    found = rows(context, "select id from table_changes('t', 2)")

    assert found == []


def test_a_time_is_given_for_each_row(context: Context) -> None:
    found = rows(
        context, "select distinct year(_commit_timestamp) > 2000 from table_changes('t', 0)"
    )

    assert found == [(True,)]


def test_change_data_files_of_another_writer_are_what_is_read(
    context: Context, tmp_path: Path
) -> None:
    root = tmp_path / "lake" / "shop" / "main" / "fed"
    frame = pl.DataFrame({"id": [2, 3], "s": ["old", "old"]})
    write_deltalake(root, frame, configuration={"delta.enableChangeDataFeed": "true"})
    DeltaTable(root).update(updates={"s": "'new'"}, predicate="id = 3")

    found = rows(context, "select id, s, _change_type from table_changes('fed', 1)")

    assert found == [(3, "new", "update_postimage"), (3, "old", "update_preimage")]


def test_versions_in_the_wrong_order_are_refused(context: Context) -> None:
    with pytest.raises(Invalid) as caught:
        rows(context, "select * from table_changes('t', 5)")

    assert caught.value.code == "changes-unreadable"


def test_a_view_has_no_changes(context: Context) -> None:
    run_steps(context, view("v", "select 1 as id"))

    with pytest.raises(Invalid) as caught:
        rows(context, "select * from table_changes('v', 0)")

    assert caught.value.code == "changes-unreadable"


@pytest.mark.parametrize(
    "call", ["table_changes(t, 1)", "table_changes('t')", "table_changes('t', 1, 2, 3)"]
)
def test_a_call_that_says_no_table_or_version_is_refused(context: Context, call: str) -> None:
    with pytest.raises(Invalid) as caught:
        rows(context, f"select * from {call}")

    assert caught.value.code == "sql-syntax"


def test_files_that_a_vacuum_deleted_are_named(context: Context) -> None:
    change(context, "select 3 as id, 'new' as s", mode="copy_on_write")
    table = table_of(context)
    gone = {file.path for file in table.snapshot(version=0).files}
    for path in gone:
        table.storage.delete(path)

    with pytest.raises(NotFound) as caught:
        rows(context, "select * from table_changes('t', 1)")

    assert (caught.value.code, "vacuum" in caught.value.why) == ("changes-not-kept", True)


def test_other_columns_are_named(context: Context) -> None:
    table_version = version_of(context)
    made = append("t", "select 7 as id, 'x' as s, 1 as more", table_version)
    run_steps(context, replace(made, on_schema_change="append_new_columns"))

    with pytest.raises(NotFound) as caught:
        rows(context, "select * from table_changes('t', 1)")

    assert "columns" in caught.value.why


# Any history: what came and went between two versions turns the rows of one into the other's.

ROWS = st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ROWS),
        st.tuples(st.just("hide"), ROWS),
        st.tuples(st.just("rewrite"), ROWS),
        st.tuples(st.just("optimize"), st.just([])),
        st.tuples(st.just("restore"), st.just([])),
    ),
    min_size=1,
    max_size=6,
)


def perform(context: Context, step: tuple[str, list[int]], number: int) -> None:
    kind, ids = step
    sql = " union all ".join(f"select {i}::bigint as id, 'r{number}' as s" for i in ids)
    match kind:
        case "add":
            add(context, sql)
        case "hide":
            change(context, sql)
        case "rewrite":
            change(context, sql, mode="copy_on_write")
        case "optimize":
            Keeper(context).optimize("t")
        case _:
            Keeper(context).restore("t", version=max(0, version_of(context) - 1))


def summed(context: Context, changes: NetChanges) -> Counter[tuple[object, ...]]:
    session = context.engine.open_session(catalog="shop", schema="main")
    total: Counter[tuple[object, ...]] = Counter()
    for kind, parts, sign in (("added", changes.added, 1), ("removed", changes.removed, -1)):
        for name in bind_parts(session, kind, parts):
            found = session.query(f"select * from {name.quoted()}", rows_max=10_000)
            for row in found.rows:
                total[row] += sign
    session.close()
    return total


@example(steps=[("add", [0]), ("optimize", []), ("restore", [])], since=0)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, since=st.integers(0, 3))
def test_the_sum_of_changes_is_the_difference(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int]]], since: int
) -> None:
    context = open_context(tmp_path_factory.mktemp("history"))
    try:
        run_steps(context, build("t", START))
        for number, step in enumerate(steps):
            perform(context, step, number)
        now = table_of(context).snapshot()
        first = min(since, now.version)

        changes = summed(context, net_changes(table_of(context), first, now))

        wanted = Counter(rows(context, f"select * from t@v{now.version}"))
        wanted.subtract(Counter(rows(context, f"select * from t@v{first}")))
        assert {row: n for row, n in changes.items() if n} == {r: n for r, n in wanted.items() if n}
    finally:
        close_context(context)
