from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.base.codec import decode, encode
from headwater.base.errors import Invalid, NotFound
from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName
from headwater.base.units import Estimate, exact
from headwater.catalog.metastore import Metastore, open_metastore
from headwater.catalog.records import (
    AttemptRecord,
    LineageRecord,
    NodeEnd,
    NodeRecord,
    RunEnd,
    RunRecord,
    TableRecord,
    ViewRecord,
)
from headwater.testing.memory import MemoryMetastore

RUN = RunId("20261121T060200-00000001")
ORDERS = NodeId("model.shop.orders")


@pytest.fixture(params=["stored", "memory"])
def metastore(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Metastore]:
    opened: Metastore = (
        open_metastore(tmp_path / "workspace.db")
        if request.param == "stored"
        else MemoryMetastore()
    )
    yield opened
    opened.close()


def table(name: str) -> TableRecord:
    catalog, schema, last = name.split(".")
    return TableRecord(
        name=TableName(catalog, schema, last), location=f"/lake/{name}", run_id=RUN, updated_at="t"
    )


def run(run_id: str = RUN, status: str = "running", started_at: str = "2026-11-21") -> RunRecord:
    return RunRecord(
        run_id=RunId(run_id),
        project="shop",
        target="dev",
        command="build",
        status=status,  # type: ignore[arg-type] # a test may try any word
        started_at=started_at,
        finished_at="",
        process_id=7,
        host="here",
        plan_hash="abc",
        plan=b"{}",
    )


def attempt(**changes: object) -> AttemptRecord:
    first = AttemptRecord(
        run_id=RUN,
        node=ORDERS,
        attempt=1,
        action="add",
        status="started",
        fingerprint="f1",
        message="",
        rows=None,
        version=None,
        meter=Meter(),
        estimate=encode({"cpu_seconds": exact(2.0)}),
        input_bytes=None,
        started_at="2026-11-21T06:02:00+00:00",
        finished_at="",
        engine="duckdb 2.0.0",
    )
    return replace(first, **changes)  # type: ignore[arg-type] # keyword names are the fields'


def edge(to_column: str) -> LineageRecord:
    return LineageRecord(
        run_id=RUN,
        from_node="source.shop.raw",
        from_table=TableName("shop", "raw", "orders"),
        from_column="id",
        to_node=ORDERS,
        to_table=TableName("shop", "main", "orders"),
        to_column=to_column,
        kind="direct",
        subtype="identity",
    )


def test_a_bare_name_means_the_one_in_the_current_schema(metastore: Metastore) -> None:
    metastore.put_relation(table("shop.main.orders"))
    metastore.put_relation(table("shop.raw.orders"))

    found = metastore.resolve(["Orders"], catalog="shop", schema="main")

    assert found.name == TableName("shop", "main", "orders")


def test_a_bare_name_means_the_only_one_elsewhere(metastore: Metastore) -> None:
    metastore.put_relation(table("shop.raw.orders"))

    found = metastore.resolve(["orders"], catalog="shop", schema="main")

    assert found.name == TableName("shop", "raw", "orders")


def test_a_two_part_name_prefers_the_current_catalog(metastore: Metastore) -> None:
    metastore.put_relation(table("archive.raw.orders"))
    metastore.put_relation(table("shop.raw.orders"))

    found = metastore.resolve(["raw", "orders"], catalog="shop", schema="main")

    assert found.name == TableName("shop", "raw", "orders")


def test_an_ambiguous_name_is_refused_with_its_candidates(metastore: Metastore) -> None:
    metastore.put_relation(table("shop.raw.orders"))
    metastore.put_relation(table("shop.mart.orders"))

    with pytest.raises(Invalid) as caught:
        metastore.resolve(["orders"], catalog="shop", schema="main")

    assert caught.value.code == "relation-ambiguous"
    assert "`shop.mart.orders`, `shop.raw.orders`" in caught.value.why


def test_an_unknown_name_is_not_found(metastore: Metastore) -> None:
    metastore.put_relation(table("shop.raw.orders"))

    with pytest.raises(NotFound) as caught:
        metastore.resolve(["main", "orders"], catalog="shop", schema="raw")

    assert caught.value.code == "relation-not-found"


def test_a_name_with_quotes_and_wildcards_is_only_a_name(metastore: Metastore) -> None:
    odd = TableName("shop", "main", "a'; drop table relation; --%_")
    metastore.put_relation(replace(table("shop.main.x"), name=odd))

    assert metastore.relations_called("a'; drop table relation; --%_")[0].name == odd
    assert metastore.relations_called("%") == ()


def test_a_view_comes_back_as_it_was_kept(metastore: Metastore) -> None:
    view = ViewRecord(
        name=TableName("shop", "main", "open_orders"),
        sql="select 1 as id",
        columns=(Column("id", "INTEGER"),),
        run_id=RUN,
        updated_at="t",
        reads=(TableName("shop", "raw", "orders"),),
    )

    metastore.put_relation(view)

    assert metastore.find_relation_or_none(view.name) == view
    assert metastore.list_relations() == (view,)


def test_a_table_takes_the_name_of_the_view_that_it_replaces(metastore: Metastore) -> None:
    name = TableName("shop", "main", "orders")
    metastore.put_relation(
        ViewRecord(name=name, sql="select 1", columns=(), run_id=RUN, updated_at="t")
    )

    metastore.put_relation(table("shop.main.orders"))

    assert metastore.list_relations() == (table("shop.main.orders"),)


def test_a_nodes_end_is_kept_whole(metastore: Metastore) -> None:
    ended = attempt(status="success", rows=3, version=4, meter=Meter(cpu_seconds=1.5, rows_read=9))
    node = NodeRecord(
        project="shop", target="dev", node=ORDERS, run_id=RUN, updated_at="t", document=b"{}"
    )
    metastore.start_run(run())
    metastore.start_attempt(attempt())

    metastore.finish_nodes(
        [
            NodeEnd(
                attempt=ended,
                node=node,
                relation=table("shop.main.orders"),
                lineage=(edge("a"), edge("b")),
            )
        ]
    )

    assert metastore.attempts_of_run(RUN) == (ended,)
    assert metastore.list_nodes("shop", "dev") == (node,)
    assert metastore.list_nodes("shop", "prod") == ()
    assert metastore.nodes_called(node.node) == (node,)
    assert metastore.nodes_called(NodeId("model.shop.gone")) == ()
    assert metastore.list_lineage(to_node=ORDERS) == (edge("a"), edge("b"))


def test_newer_lineage_of_a_node_replaces_the_older(metastore: Metastore) -> None:
    metastore.finish_nodes([NodeEnd(attempt=attempt(), lineage=(edge("a"), edge("b")))])

    metastore.finish_nodes([NodeEnd(attempt=attempt(), lineage=(edge("c"),))])

    assert [found.to_column for found in metastore.list_lineage()] == ["c"]


def test_history_of_a_node_is_newest_first_and_only_of_what_ended_well(
    metastore: Metastore,
) -> None:
    for number, status in enumerate(["success", "error", "success", "started"], start=1):
        run_id = RunId(f"2026112{number}T000000-00000000")
        metastore.start_run(run(run_id))
        metastore.start_attempt(
            attempt(run_id=run_id, status=status, started_at=f"2026-11-2{number}T00:00:00")
        )

    history = metastore.newest_attempts("shop", "dev", limit=20)[ORDERS]

    assert [found.started_at[:10] for found in history] == ["2026-11-23", "2026-11-21"]
    assert len(metastore.newest_attempts("shop", "dev", limit=1)[ORDERS]) == 1
    assert metastore.newest_attempts("shop", "prod", limit=20) == {}
    assert len(metastore.attempts_of_node(ORDERS)) == 4


def test_what_ran_between_two_times_is_listed_by_when_its_run_began(metastore: Metastore) -> None:
    metastore.start_run(run("1", started_at="2026-11-20"))
    metastore.start_run(replace(run("2", started_at="2026-11-21"), user="ann", cpus=4))
    end = RunEnd(status="success", finished_at="t", cpu_seconds=2.5, wall_seconds=3.0)
    metastore.finish_run(RunId("2"), end)
    metastore.start_attempt(attempt(run_id=RunId("1"), status="error", started_at="2026-11-22"))
    metastore.start_attempt(attempt(run_id=RunId("2"), status="success"))
    metastore.start_attempt(attempt(run_id=RunId("2"), attempt=2))  # has not ended

    (found,) = metastore.runs_between("2026-11-21", "2026-11-22")
    ended = metastore.attempts_between("2026-11-21")

    assert (found.user, found.cpus, found.cpu_seconds, found.wall_seconds) == ("ann", 4, 2.5, 3.0)
    assert found.plan == b""
    assert [(each.run_id, each.attempt) for each in ended] == [("2", 1)]
    assert len(metastore.attempts_between()) == 2
    (newest,) = metastore.attempts_between(limit=1)
    assert newest.started_at == "2026-11-22"


def test_what_runs_used_is_added_up_where_the_records_are(metastore: Metastore) -> None:
    for name, day in (("a1", "2026-11-20"), ("a2", "2026-11-20"), ("b1", "2026-11-21")):
        metastore.start_run(run(name, started_at=f"{day}T06:00"))
        read = None if name == "a1" else 10
        seen = {"a1": None, "a2": 0, "b1": None}[name]
        used = Meter(cpu_seconds=1.5, bytes_read=read, logical_bytes=seen, bytes_written=4)
        metastore.start_attempt(attempt(run_id=RunId(name), status="error", meter=used))
        metastore.start_attempt(attempt(run_id=RunId(name), attempt=2))  # has not ended
    end = RunEnd(status="failed", finished_at="t", cpu_seconds=2.0, wall_seconds=9.0)
    metastore.finish_run(RunId("a1"), end)

    days = metastore.usage_totals()
    runs = metastore.usage_totals(run="a", by_run=True)

    assert [(each.day, each.node, each.kind, each.attempts, each.cpu_seconds) for each in days] == [
        ("2026-11-20", "", "overhead", 0, 0.5),
        ("2026-11-20", ORDERS, "statement", 2, 3.0),
        ("2026-11-21", ORDERS, "statement", 1, 1.5),
    ]
    assert [each.logical_bytes for each in days] == [None, 0, None]
    assert [(each.bytes_read, each.bytes_written) for each in days] == [(0, 0), (10, 8), (10, 4)]
    assert [(each.run_id, each.kind) for each in runs] == [
        ("a1", "overhead"),
        ("a1", "statement"),
        ("a2", "statement"),
    ]
    assert metastore.usage_totals(since="2026-11-21", until="2026-11-21T05") == ()


def test_stores_are_told_apart(tmp_path: Path) -> None:
    one, other = (open_metastore(tmp_path / name) for name in ("a.db", "b.db"))

    assert len(one.identity) == 16
    assert one.identity != other.identity
    one.close()
    again = open_metastore(tmp_path / "a.db")
    assert again.identity != other.identity
    again.close()
    other.close()


def test_ends_are_numbered_in_their_order_so_that_each_is_told_once(metastore: Metastore) -> None:
    for name in ("1", "2", "3"):
        metastore.start_run(run(name, started_at=name))
    for name in ("3", "1", "3"):  # the last one has ended already
        metastore.finish_run(RunId(name), RunEnd(status="success", finished_at="t"))

    first = metastore.runs_ended_after(0, limit=1)
    later = metastore.runs_ended_after(first[-1][0])

    assert [(number, found.run_id) for number, found in (*first, *later)] == [(1, "3"), (2, "1")]
    assert metastore.runs_ended_after(2) == ()


def test_a_run_that_has_ended_stays_as_it_ended(metastore: Metastore) -> None:
    metastore.start_run(run())
    metastore.finish_run(RUN, RunEnd(status="success", finished_at="later"))

    metastore.finish_run(RUN, RunEnd(status="crashed", finished_at="much later"))

    assert [(found.status, found.finished_at) for found in metastore.list_runs()] == [
        ("success", "later")
    ]


def test_runs_are_listed_newest_first_and_by_status(metastore: Metastore) -> None:
    metastore.start_run(run("1", started_at="2026-11-20"))
    metastore.start_run(run("2", started_at="2026-11-21"))
    metastore.finish_run(RunId("1"), RunEnd(status="failed", finished_at="t"))

    assert [found.run_id for found in metastore.list_runs()] == ["2", "1"]
    assert [found.run_id for found in metastore.list_runs(status="failed")] == ["1"]
    assert len(metastore.list_runs(limit=1)) == 1


def test_attempts_that_a_crash_left_open_are_closed(metastore: Metastore) -> None:
    metastore.start_attempt(attempt())
    metastore.start_attempt(attempt(node=NodeId("model.shop.done"), status="success"))

    metastore.close_attempts(RUN, "the process died", "later")

    found = {record.node: record.status for record in metastore.attempts_of_run(RUN)}
    assert found == {ORDERS: "error", NodeId("model.shop.done"): "success"}


def test_the_ledger_shows_the_estimate_beside_what_was_measured(metastore: Metastore) -> None:
    metastore.start_attempt(attempt(status="success", meter=Meter(cpu_seconds=2.5)))

    row = metastore.attempts_of_run(RUN)[0]

    assert decode(dict[str, Estimate], row.estimate)["cpu_seconds"] == exact(2.0)
    assert row.meter.cpu_seconds == 2.5
