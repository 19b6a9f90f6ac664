"""``--store-failures``: failing rows of tests are kept in tables of their own."""

from pathlib import Path

import pytest
from tests.cli.conftest import Ended, Hw, write_files

AUDIT = "shop.main_dbt_test__audit"
ORDERS = "select order_id, customer from {{ ref('raw_orders') }}"
DOUBLED = f"{ORDERS} union all {ORDERS} where order_id <> 2"


def schema(config: str = "") -> str:
    return f"""\
version: 2
models:
  - name: orders
    columns:
      - name: order_id
        data_tests:
          - unique: {{config: {{{config}}}}}
"""


def start(project: Path, sql: str = DOUBLED, config: str = "") -> None:
    write_files(project, {"models/orders.sql": sql, "models/orders.yml": schema(config)})


def rows(hw: Hw, table: str) -> list[list[object]]:
    ended = hw("sql", f"select * from {AUDIT}.{table} order by 1", "--output", "json")
    assert ended.code == 0, ended.err
    found: list[list[object]] = ended.document["rows"]
    return found


def kinds(hw: Hw) -> dict[str, str]:
    tables = hw("table", "list", "--output", "json").document["tables"]
    return {each["name"]: each["kind"] for each in tables if AUDIT in each["name"]}


def status(ended: Ended, name: str) -> str:
    statuses: dict[str, str] = {each["name"]: each["status"] for each in ended.document["results"]}
    return statuses[name]


def test_a_gate_that_fails_keeps_its_rows_although_nothing_is_published(
    hw: Hw, project: Path
) -> None:
    start(project)

    ended = hw("build", "-s", "+orders", "--store-failures", "--output", "json")

    assert ended.code == 1
    assert status(ended, "orders") == "error"
    assert rows(hw, "unique_orders_order_id") == [[1, 2], [3, 2]]
    assert f"kept in `{AUDIT}.unique_orders_order_id`" in ended.out
    assert hw("sql", "select * from orders").code != 0


def test_the_next_run_replaces_them(hw: Hw, project: Path) -> None:
    start(project)
    hw("build", "-s", "+orders", "--store-failures")
    start(project, ORDERS)

    ended = hw("build", "-s", "+orders", "--store-failures")

    assert ended.code == 0
    assert rows(hw, "unique_orders_order_id") == []


def test_the_limit_of_a_test_holds(hw: Hw, project: Path) -> None:
    start(project, config="limit: 1, store_failures: true")

    assert hw("build", "-s", "+orders").code == 1

    assert len(rows(hw, "unique_orders_order_id")) == 1


@pytest.mark.parametrize(
    ("config", "flags", "kind"),
    [
        ("", (), None),
        ("", ("--store-failures",), "table"),
        ("", ("--no-store-failures",), None),
        ("store_failures: true", (), "table"),
        ("store_failures: true", ("--no-store-failures",), "table"),
        ("store_failures: false", ("--store-failures",), None),
        ("store_failures_as: view", (), "view"),
        ("store_failures_as: view, store_failures: false", (), "view"),
        ("store_failures_as: table, store_failures: false", (), "table"),
        ("store_failures_as: ephemeral, store_failures: true", ("--store-failures",), None),
    ],
)
def test_config_counts_before_the_option(
    hw: Hw, project: Path, config: str, flags: tuple[str, ...], kind: str | None
) -> None:
    hw("seed")
    start(project, config=config)
    hw("run", "-s", "orders")

    assert hw("test", "-s", "orders", *flags).code == 1

    assert kinds(hw) == ({f"{AUDIT}.unique_orders_order_id": kind} if kind else {})
    if kind:
        assert rows(hw, "unique_orders_order_id") == [[1, 2], [3, 2]]


def test_a_view_of_a_gate_that_fails_is_a_table(hw: Hw, project: Path) -> None:
    start(project, config="store_failures_as: view")

    assert hw("build", "-s", "+orders").code == 1

    assert kinds(hw) == {f"{AUDIT}.unique_orders_order_id": "table"}
    assert rows(hw, "unique_orders_order_id") == [[1, 2], [3, 2]]


def test_a_table_becomes_a_view_once_its_gate_passes(hw: Hw, project: Path) -> None:
    start(project, config="store_failures_as: view")
    hw("build", "-s", "+orders")
    start(project, ORDERS, config="store_failures_as: view")

    assert hw("build", "-s", "+orders").code == 0

    assert kinds(hw) == {f"{AUDIT}.unique_orders_order_id": "view"}
    assert rows(hw, "unique_orders_order_id") == []


def test_schema_and_alias_say_where_they_are_kept(hw: Hw, project: Path) -> None:
    start(project, config="store_failures: true, schema: kept, alias: doubled")

    hw("build", "-s", "+orders")

    ended = hw("sql", "select * from shop.main_kept.doubled", "--output", "json")
    assert len(ended.document["rows"]) == 2


def test_another_kind_of_keeping_is_a_fault(hw: Hw, project: Path) -> None:
    start(project, config="store_failures_as: spreadsheet")

    ended = hw("check", "--output", "json")

    assert ended.codes == ["HW1007"]
