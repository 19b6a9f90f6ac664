"""Statements that write: each leaves the table that DuckDB would, in commits of the lake."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import duckdb
import pytest
from tests.runs.world import (
    build,
    check,
    node_id,
    open_context,
    opened,
    plan_of,
    relation,
    rows_of,
    run_steps,
    statuses,
)

from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId, RunId
from headwater.engines.engine import Session
from headwater.graph.graph import HookWrites
from headwater.runs.cancel import CancelToken
from headwater.runs.context import Context
from headwater.runs.pins import Pins, read_relation_or_none
from headwater.runs.work import Work
from headwater.runs.writes import Writer

ROOT = Path(__file__).parents[2]

FILL = (
    "create table items (id int, name varchar, price decimal(8,2))",
    "insert into items select i, 'n' || i, i * 1.5 from range(10) t(i)",
    "insert into items select i, 'n' || i, i * 1.5 from range(10, 20) t(i)",
    "insert into items (id) values (20), (21)",
)
"""A table of three files, as four hooks leave it."""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def make_work(context: Context) -> Work:
    return Work(
        context=context,
        plan=plan_of(),
        graph=None,
        run_id=RunId("run1"),
        plan_hash="",
        pins=Pins(context),
        producers={},
        cancel=CancelToken(),
        post=lambda _event: None,
    )


@pytest.fixture
def work(context: Context) -> Work:
    return make_work(context)


@pytest.fixture
def session(context: Context) -> Iterator[Session]:
    opened = context.engine.open_session(catalog="shop", schema="main")
    yield opened
    opened.close()


@pytest.fixture
def writer(work: Work, session: Session) -> Iterator[Writer]:
    made = Writer(work=work, session=session, node=NodeId("operation.shop.hook"))
    yield made
    made.abandon()


def send(writer: Writer, *scripts: str) -> None:
    """Run scripts, each published by itself."""
    for script in scripts:
        writer.run(script)
        writer.flush()


def in_duckdb(*scripts: str, table: str = "items") -> list[tuple[object, ...]]:
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as shop; use shop.main")
    for script in scripts:
        connection.execute(script)
    return connection.execute(f"from {table} order by all").fetchall()


@pytest.mark.parametrize(
    "script",
    [
        "insert into items values (30, 'x', 1)",
        "insert into main.items (name, id) select 'y', 31",
        "insert into items by name select 5 as price, 32 as id",
        "insert into items select * from items where id < 3",
        "insert into items select i, 'many', 0 from range(1000) t(i)",
        "update items set name = 'z' where id between 8 and 12",
        """update items set price = price + o.more from (select 15 as id, 2 as more) o
        where o.id = items.id""",
        "update items set price = null",
        "delete from items where id % 7 = 0",
        "delete from items using (select 3 as bad) b where b.bad = items.id",
        "delete from items",
        "truncate table items",
        """merge into items using (select 4 as id, 'new' as name union all select 99, 'more') s
        on items.id = s.id when matched then update set name = s.name
        when not matched then insert (id, name) values (s.id, s.name)""",
        "merge into items using (select 4 as id) s on items.id = s.id when matched then delete",
        "create or replace table items as select 1 as other",
        "create or replace table items as select * from items where id = 1",
        """create or replace table items as select 1 as id, 'a' as name, 2 as price;
        insert into items select id + 1, name, price from items""",
        """create or replace table items as select 1 as id, 'a' as name, 2 as price;
        update items set price = 3 where id = 1""",
        """create or replace table items as select 1 as id, 'a' as name, 2 as price;
        create table others as select * from items""",
        """drop table items; create table items as select 1 as id, 'a' as name, 2 as price;
        delete from items where id = 2""",
        "create table if not exists items (nothing int)",
        "drop table items; create table items as select 2 as id",
        "alter table items add column added int",
        "alter table items add column added int; update items set added = 7 where id = 5",
        "alter table items add column added int default 3",
        "alter table items drop column price",
        "alter table items rename column price to cost",
        "alter table items alter column id type varchar",
        "begin; delete from items where id = 1; insert into items values (1, 'again', 2); commit",
        "create temp table few as select 2 as id; delete from items where id in (from few)",
        "create table copy_of as from items; drop table items; alter table copy_of rename to items",
        "with few as (select 40 as id) insert into items (id) select id from few",
        'delete from "shop"."main"."items" where id > 3',
        "insert into items (id) values (1); delete from items; insert into items (id) values (2)",
        "select 1",
    ],
)
def test_a_statement_leaves_the_rows_that_duckdb_leaves(
    context: Context, writer: Writer, script: str
) -> None:
    send(writer, *FILL, script)

    assert rows_of(context, "items") == in_duckdb(*FILL, script)


def test_a_statement_rewrites_only_the_files_with_rows_that_it_changed(
    context: Context, writer: Writer
) -> None:
    send(writer, *FILL)
    table = context.tables.table(relation("items"))
    before = {file.path for file in table.snapshot().files}

    send(writer, "update items set name = 'z' where id = 3")
    after = {file.path for file in table.snapshot().files}

    assert (len(before), len(after), len(before & after)) == (3, 3, 2)


def test_what_changes_nothing_makes_no_commit(context: Context, writer: Writer) -> None:
    send(writer, *FILL)
    table = context.tables.table(relation("items"))
    version = table.snapshot().version

    send(writer, "delete from items where id = 1000", "create table if not exists items (a int)")

    assert table.snapshot().version == version


def test_a_unit_makes_one_commit_a_table_with_its_origin(context: Context, writer: Writer) -> None:
    writer.run("create table a as select 1 as x; insert into a values (2); delete from a where x=1")
    writer.run("create table b as select * from a")

    done = writer.flush()

    assert [(str(each), each.rows) for each in done] == [
        ("shop.main.a version 0", 1),
        ("shop.main.b version 0", 1),
    ]
    entry = context.tables.table(relation("b")).history()[0]
    kept = {key: entry.headwater[key] for key in ("run_id", "node", "action")}
    assert kept == {"run_id": "run1", "node": "operation.shop.hook", "action": "hook"}
    transactions = context.tables.table(relation("b")).snapshot().transactions
    assert transactions == {"headwater/operation.shop.hook": 0}


def test_nothing_is_seen_before_it_is_published(
    context: Context, writer: Writer, work: Work
) -> None:
    writer.run("create table a as select 1 as x")

    seen = read_relation_or_none(context, relation("a"))
    writer.abandon()

    assert seen is None
    assert writer.flush() == ()
    assert work.pins.find_or_none(relation("a")) is None


def test_a_script_that_fails_leaves_nothing(context: Context, writer: Writer) -> None:
    send(writer, *FILL)

    with pytest.raises(HeadwaterError):
        writer.run("delete from items; insert into items values ('no number', 1, 1)")
    writer.abandon()

    assert rows_of(context, "items") == in_duckdb(*FILL)
    assert writer.session.query("select count(*) from items", rows_max=1).rows == ((22,),)


def test_a_swap_of_tables_by_new_names_is_one_commit_of_the_one_that_stays(
    context: Context, writer: Writer
) -> None:
    send(writer, *FILL)

    writer.run("create table items__tmp as select 1 as id")
    writer.run("alter table items rename to items__backup")
    writer.run("alter table items__tmp rename to items")
    writer.run("drop table if exists items__backup cascade")
    done = writer.flush()

    assert [str(each) for each in done] == ["shop.main.items version 4"]
    assert rows_of(context, "items") == [(1,)]
    assert context.tables.table(relation("items__tmp")).version_or_none() is None
    assert context.tables.table(relation("items__backup")).version_or_none() is None


def test_a_dropped_table_is_gone_and_can_be_made_again(
    context: Context, writer: Writer, work: Work
) -> None:
    send(writer, *FILL, "drop table items")
    gone = read_relation_or_none(context, relation("items"))
    old = context.tables.table(relation("items")).snapshot(version=3)

    send(writer, "create table items as select 5 as id")

    assert gone is None
    assert len(old.files) == 3
    assert rows_of(context, "items") == [(5,)]
    assert work.pins.snapshot_or_none(relation("items")) is not None


def test_views_are_made_replaced_renamed_and_dropped(context: Context, writer: Writer) -> None:
    send(writer, *FILL, "create view v as select id from items", "alter view v rename to w")
    seen = writer.run("select max(id) from w", rows_max=1).rows
    made = context.metastore.find_relation_or_none(relation("w"))

    send(writer, "drop view w")

    assert seen == ((21,),)
    assert (made.sql, made.reads) == ("select id from items", (relation("items"),))  # type: ignore[union-attr] # it was made
    assert context.metastore.find_relation_or_none(relation("v")) is None
    assert context.metastore.find_relation_or_none(relation("w")) is None


def test_a_view_reads_what_the_unit_has_changed(context: Context, writer: Writer) -> None:
    send(writer, *FILL, "create view v as select id from items")

    writer.run("insert into items (id) values (500)")
    found = writer.run("select max(id), count(*) from v", rows_max=1).rows

    assert found == ((500, 23),)
    assert rows_of(context, "items") == in_duckdb(*FILL)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("create table a (x int default 3)", "write-unsupported"),
        ("create table a (x int, y int as (x + 1))", "write-unsupported"),
        ("insert or replace into items values (1, 'a', 2)", "write-unsupported"),
        ("insert into items values (1, 'a', 2) on conflict do nothing", "write-unsupported"),
        ("drop schema main cascade", "write-unsupported"),
        (f"insert into items select 1, 'a', 2 /*{'x' * 2_000_000}*/", "write-unreadable"),
        ("create view v(a) as select 1", "write-unsupported"),
        ("insert into nowhere values (1)", "sql-failed"),
        ("create view items as select 1", "sql-failed"),
        ("drop view items", "sql-failed"),
        ("create table items as select 1", "sql-failed"),
        ("alter table items alter column name type int", "sql-failed"),
        ("create table b as select {'a': 1}::variant as v", "type-not-storable"),
    ],
)
def test_what_the_lake_cannot_keep_is_refused(
    context: Context, writer: Writer, script: str, code: str
) -> None:
    send(writer, *FILL)

    with pytest.raises(HeadwaterError) as caught:
        send(writer, script)
    writer.abandon()

    assert caught.value.code == code
    assert rows_of(context, "items") == in_duckdb(*FILL)


def test_partitions_of_a_table_stay(context: Context, writer: Writer) -> None:
    run_steps(
        context,
        build("orders", "select i % 3 as k, i from range(9) t(i)", partition_by=("k",)),
    )

    send(writer, "update orders set i = 100 where k = 1", "insert into orders values (7, 7)")

    snapshot = context.tables.table(relation("orders")).snapshot()
    assert snapshot.partition_columns == ("k",)
    assert rows_of(context, "orders") == [
        (0, 0), (0, 3), (0, 6), (1, 100), (1, 100), (1, 100), (2, 2), (2, 5), (2, 8), (7, 7),
    ]  # fmt: skip


def test_what_could_not_be_published_is_not_seen_afterwards(
    context: Context, writer: Writer
) -> None:
    run_steps(
        context,
        build("orders", "select i % 3 as k, i from range(9) t(i)", partition_by=("k",)),
    )

    writer.run("alter table orders drop column k")
    with pytest.raises(HeadwaterError):
        writer.flush()

    seen = writer.run("select count(k) from orders", rows_max=1)
    assert seen.rows == ((9,),)


def test_hooks_of_many_nodes_add_to_one_table_at_once(context: Context, work: Work) -> None:
    def add(number: int) -> None:
        opened = context.engine.open_session(catalog="shop", schema="main")
        writer = Writer(work=work, session=opened, node=NodeId(f"model.shop.m{number}"))
        try:
            send(writer, *(f"insert into log values ({number}, {i})" for i in range(5)))
        finally:
            writer.abandon()
            opened.close()

    first = context.engine.open_session(catalog="shop", schema="main")
    send(Writer(work=work, session=first, node=NodeId("x")), "create table log (a int, b int)")
    first.close()

    threads = [Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert rows_of(context, "log") == [(a, b) for a in range(4) for b in range(5)]


def test_hooks_before_come_before_the_model_and_hooks_after_with_it(context: Context) -> None:
    step = build(
        "orders",
        "select count(*) as n from shop.main.audit",
        pre_hooks=(
            "create table if not exists audit (what varchar)",
            "insert into audit values ('before')",
        ),
        post_hooks=(
            "insert into audit select 'after ' || max(n) from shop.main.orders",
            "insert into shop.main.orders values (50)",
        ),
    )

    run = run_steps(context, step)

    assert statuses(run) == {"orders": "success"}
    assert rows_of(context, "orders") == [(1,), (50,)]
    assert rows_of(context, "audit") == [("after 1",), ("before",)]
    assert context.tables.table(relation("orders")).snapshot().version == 0


def test_tests_see_what_hooks_after_the_model_wrote(context: Context) -> None:
    step = build("orders", "select 1 as n", post_hooks=("insert into orders values (-1)",))
    test = check("positive", "select * from shop.main.orders where n < 0", gates="orders",
                 reads=["orders"])  # fmt: skip

    run = run_steps(context, step, test)

    assert statuses(run) == {"orders": "error", "positive": "fail"}
    assert context.tables.table(relation("orders")).version_or_none() is None


def test_a_failing_hook_after_the_model_publishes_neither(context: Context) -> None:
    step = build(
        "orders",
        "select 1 as n",
        pre_hooks=("create table if not exists audit (what varchar)",),
        post_hooks=("insert into audit values ('done')", "select 1 / 'x'"),
    )

    run = run_steps(context, step)

    assert statuses(run) == {"orders": "error"}
    assert context.tables.table(relation("orders")).version_or_none() is None
    assert rows_of(context, "audit") == []


def test_a_hook_that_drops_its_own_model_is_refused(context: Context) -> None:
    run = run_steps(
        context, build("orders", "select 1 as n", post_hooks=("drop table shop.main.orders",))
    )

    assert run.results[0].diagnostic is not None
    assert run.results[0].diagnostic.code == "HW6520"


def kill_build(folder: Path, point: str) -> None:
    """Build one model whose hook writes another table, and kill the process at a point."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.runs.test_writes", str(folder), point],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "src:."},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()


def audited() -> tuple[object, ...]:
    return (
        build(
            "orders",
            "select 1 as n",
            pre_hooks=("create table if not exists audit as select 0 as n",),
            post_hooks=("insert into audit select n from shop.main.orders",),
            post_writes=HookWrites(tables=("audit",)),
        ),
    )


@pytest.mark.parametrize(
    ("point", "orders", "audit"),
    [
        ("tests-passed", None, [(0,)]),
        ("committed", [(1,)], [(0,)]),
        ("hook-committed", None, [(0,)]),
        ("recorded", [(1,)], [(0,), (1,)]),
    ],
)
def test_a_run_killed_around_its_commits_leaves_whole_tables_and_is_done_again(
    context: Context,
    tmp_path: Path,
    point: str,
    orders: list[tuple[int]] | None,
    audit: list[tuple[int]],
) -> None:
    kill_build(tmp_path, point)

    found = context.tables.table(relation("orders")).version_or_none()
    left = (None if found is None else rows_of(context, "orders"), rows_of(context, "audit"))
    version = 0 if found is not None else None
    step = replace(audited()[0], target=replace(audited()[0].target, version=version))  # type: ignore[attr-defined,type-var] # a Build
    run = run_steps(context, step)  # type: ignore[arg-type] # a Build

    assert left == (orders, audit)
    assert statuses(run) == {"orders": "success"}
    assert rows_of(context, "orders") == [(1,)]
    assert rows_of(context, "audit") == sorted([*audit, (1,)])
    recorded = context.metastore.attempts_of_node(node_id("orders"))
    assert [attempt.status for attempt in recorded] == [
        "success",
        "success" if point == "recorded" else "error",
    ]


def main() -> None:
    """Build the audited model and kill this process at a point."""
    folder, point = Path(sys.argv[1]), sys.argv[2]

    def observe(passed: str, _node: NodeId) -> None:
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    run_steps(open_context(folder, observer=observe), *audited())  # type: ignore[arg-type] # Builds


if __name__ == "__main__":
    main()
