"""Lineage judged by data: what changes in a result when an input changes must be claimed."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from tests.peer.harbor_models import open_harbor
from tests.peer.influences import Seen, Subject, observe, score
from tests.peer.public import peer_python
from tests.peer.tpcds import PACKAGES, generate, open_tpcds

from headwater.base.relations import Column, TableName
from headwater.sql.columns import trace
from headwater.sql.parse import parse_query

TABLE = TableName("memory", "main", "sales")
SQL = "select shop, sum(amount) as total from sales where day > 3 group by shop"
COLUMNS = tuple(Column(name, "INTEGER") for name in ("shop", "amount", "day", "note"))


def observed(sql: str = SQL) -> Seen:
    """Ask about a query over rows in which every column differs."""
    connection = duckdb.connect(config={"threads": "1"})
    connection.execute(
        "create table sales as select i % 3 as shop, i * i as amount, i as day, -i as note "
        "from range(12) r(i)"
    )
    columns = frozenset((TABLE, column.name) for column in COLUMNS)
    subject = Subject(name="totals", sql=sql, columns=columns)
    try:
        return observe(connection, {TABLE: COLUMNS}, [subject])["totals"]
    finally:
        connection.close()


def test_influences_are_seen_and_others_are_not() -> None:
    seen = observed()

    assert seen.influences == {
        (TABLE, "shop", 0),
        (TABLE, "shop", 1),
        (TABLE, "amount", 1),
        (TABLE, "day", 0),
        (TABLE, "day", 1),
    }
    assert (seen.rows, seen.width, seen.runs, seen.refused) == (3, 2, 16, 0)


def test_every_change_is_taken_back() -> None:
    assert observed().influences == observed().influences


def test_a_query_that_is_refused_on_changed_data_is_counted() -> None:
    seen = observed(
        "select case when shop is null then error('none')::int else shop end from sales"
    )

    assert seen.refused == 1


def test_a_claim_that_is_left_out_is_missed() -> None:
    lineage = trace(parse_query(SQL), {TABLE: COLUMNS})
    wrong = replace(lineage, row_set=())

    assert score(observed(), lineage).missed == []
    assert score(observed(), wrong).missed == [
        "sales.day -> column 1",
        "sales.day -> column 2",
        "sales.shop -> column 2",
    ]


@pytest.mark.slow
def test_every_influence_seen_in_the_example_project_is_explained(tmp_path: Path) -> None:
    models = open_harbor(tmp_path)
    try:
        seen = observe(
            models.connection,
            models.tables,
            models.subjects,
            is_key=lambda name: name.endswith("_id"),
        )
    finally:
        models.connection.close()
    scores = {name: score(own, models.lineages[name]) for name, own in seen.items()}

    assert {name: found.missed for name, found in scores.items() if found.missed} == {}
    assert sum(found.seen for found in scores.values()) > 500
    assert [name for name, each in models.lineages.items() if not each.complete] == []


@pytest.mark.peer
def test_every_influence_seen_in_a_part_of_tpc_ds_is_explained(tmp_path: Path) -> None:
    generate(peer_python(*PACKAGES), "0.01", tmp_path)
    connection, tables, subjects = open_tpcds(tmp_path)
    asked = subjects[::8]
    try:
        seen = observe(connection, tables, asked, is_key=lambda name: name.endswith("_sk"))
    finally:
        connection.close()
    scores = {
        each.name: score(seen[each.name], trace(parse_query(each.sql), tables)) for each in asked
    }

    assert {name: found.missed for name, found in scores.items() if found.missed} == {}
    assert sum(found.seen for found in scores.values()) > 300
