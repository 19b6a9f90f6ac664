"""The ledger: every second that a run used has a row, and the rows add up."""

from dataclasses import replace

import pytest

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.catalog.ledger import ledger_rows, short_name
from headwater.catalog.records import AttemptRecord, RunRecord

RUN = RunRecord(
    run_id=RunId("r1"),
    project="shop",
    target="dev",
    command="build",
    status="failed",
    started_at="2026-11-21T06:00:00",
    finished_at="2026-11-21T06:00:09",
    process_id=7,
    host="here",
    plan_hash="",
    plan=b"",
    user="ann",
    cpus=2,
    cpu_seconds=5.0,
    wall_seconds=9.0,
)
ATTEMPT = AttemptRecord(
    run_id=RUN.run_id,
    node=NodeId("model.shop.orders"),
    attempt=1,
    action="rebuild",
    status="error",
    fingerprint="",
    message="",
    rows=None,
    version=None,
    meter=Meter(cpu_seconds=1.5, bytes_read=100),
    estimate=b"",
    input_bytes=None,
    started_at="2026-11-21T06:00:01",
    finished_at="2026-11-21T06:00:03",
    engine="duckdb",
)


def test_failed_and_repeated_attempts_count_and_the_rest_is_overhead() -> None:
    again = replace(ATTEMPT, attempt=2, status="success", meter=Meter(cpu_seconds=2.0))

    rows = list(ledger_rows([RUN], [ATTEMPT, again]))

    cpu = [(row.kind, row.attempt, row.quantity) for row in rows if row.meter == "cpu_seconds"]
    assert cpu == [("statement", 1, 1.5), ("statement", 2, 2.0), ("overhead", 0, 1.5)]
    assert sum(quantity for *_, quantity in cpu) == RUN.cpu_seconds
    assert [(row.meter, row.quantity) for row in rows if row.meter == "bytes_read"] == [
        ("bytes_read", 100.0)
    ]
    assert {(row.user, row.host, row.command) for row in rows} == {("ann", "here", "build")}


def test_a_crashed_run_has_the_rows_of_its_attempts_and_no_invented_overhead() -> None:
    crashed = replace(RUN, status="crashed", cpu_seconds=None, wall_seconds=None)

    rows = list(ledger_rows([crashed], [ATTEMPT]))

    assert {row.kind for row in rows} == {"statement"}


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("model.shop.orders", "orders"),
        ("model.shop.orders.v2", "orders.v2"),
        ("test.shop.not_null_orders_id.1a2b3c", "not_null_orders_id"),
        ("test.shop.no_negative_orders", "no_negative_orders"),
        ("shop.main.landed", "landed"),
        ("odd", "odd"),
    ],
)
def test_nodes_are_called_as_people_call_them(node: str, name: str) -> None:
    assert short_name(node) == name
