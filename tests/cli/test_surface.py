"""Smaller parts of dbt's language: fixtures, snapshot settings, materialized views, on_error."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

UNIT_TEST = """\
unit_tests:
  - name: adds_up
    model: revenue
    given:
      - input: ref('stg_orders')
        format: csv
        fixture: three_orders
    expect: {format: %s, fixture: sums}
"""
SUMS = "select 'ada' as customer, 13::decimal(38, 2) as revenue, %s::bigint as orders"
SNAPSHOT = """\
{%% snapshot kept %%}{{ config(unique_key='id', strategy='check', check_cols='all', %s
  dbt_valid_to_current="'9999-12-31'", hard_deletes='new_record',
  snapshot_meta_column_names={'dbt_valid_to': 'ended', 'dbt_scd_id': 'version id'}) }}
%s{%% endsnapshot %%}
"""


@pytest.mark.parametrize(("orders", "code"), [(2, 0), (3, 1)])
def test_unit_tests_read_fixture_files(hw: Hw, project: Path, orders: int, code: int) -> None:
    write_files(
        project,
        {
            "models/unit.yml": UNIT_TEST % "sql",
            "tests/fixtures/deep/three_orders.csv": "customer,amount\nada,10.5\nada,2.5\n",
            "tests/fixtures/sums.sql": SUMS % orders,
        },
    )

    ended = hw("build")

    assert ended.code == code, ended.err


def test_a_fixture_that_is_not_there_is_named(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "models/unit.yml": UNIT_TEST % "csv",
            "tests/fixtures/three_order.csv": "customer,amount\nada,1\n",
            "tests/fixtures/sums.sql": SUMS % 1,
        },
    )

    ended = hw("plan", "--output", "json")
    found = [d for d in ended.document["diagnostics"] if d["code"] == "HW2240"]

    assert ended.code == 2
    assert [("sums" in d["what"], d["fix"]) for d in found] == [
        (False, "did you mean `three_order`?"),
        (True, "write `tests/fixtures/sums.csv` and say `format: csv`"),
    ]


def test_snapshots_keep_history_under_other_names_and_ends(hw: Hw, project: Path) -> None:
    def take(query: str) -> None:
        write_files(project, {"snapshots/kept.sql": SNAPSHOT % ("", query)})
        ended = hw("snapshot")
        assert ended.code == 0, ended.err

    take("select 1 as id, 'a' as word union all select 2, 'b'")
    take("select 1 as id, 'c' as word union all select 2, 'b'")
    take("select 1 as id, 'c' as word")
    rows = hw(
        "sql",
        "select id, word, ended = '9999-12-31' as is_current, dbt_is_deleted, "
        'count(*) over (partition by "version id") as same '
        "from kept order by id, dbt_valid_from, word",
        "--output",
        "json",
    ).document["rows"]

    assert rows == [
        [1, "a", False, "False", 1],
        [1, "c", True, "False", 1],
        [2, "b", False, "False", 1],
        [2, "b", True, "True", 1],
    ]


def test_a_snapshot_whose_names_change_is_refused_and_left_alone(hw: Hw, project: Path) -> None:
    query = "select 1 as id, 'a' as word"
    write_files(project, {"snapshots/kept.sql": SNAPSHOT % ("", query)})
    hw("snapshot")
    text = (SNAPSHOT % ("", query)).replace("'ended'", "'closed'")
    write_files(project, {"snapshots/kept.sql": text})

    ended = hw("snapshot", "--output", "json")

    assert ended.code == 1
    assert "has no column `closed`" in ended.document["results"][0]["message"]
    assert hw("sql", "select count(*) from kept", "--output", "json").document["rows"] == [[1]]


def test_a_materialized_view_is_built_as_a_table_with_a_warning(hw: Hw, project: Path) -> None:
    text = "{{ config(materialized='materialized_view') }} select 1 as a"
    write_files(project, {"models/live.sql": text})

    planned = hw("plan", "--output", "json")
    built = hw("build")
    described = hw("table", "describe", "live", "--output", "json").document["table"]

    assert "HW3013" in planned.codes
    assert (built.code, described["kind"], described["version"]) == (0, "table", 0)


def test_on_error_continue_lets_readers_run_on_the_last_version(hw: Hw, project: Path) -> None:
    def write(value: str) -> None:
        text = f"{{{{ config(on_error='continue') }}}} select cast({value} as integer) as a"
        reader = f"select a, '{value[1]}' as mark from {{{{ ref('source_model') }}}}"
        write_files(project, {"models/source_model.sql": text, "models/reader.sql": reader})

    write("'1'")
    hw("build")
    write("'x'")

    ended = hw("build", "--output", "json")
    status = {r["name"]: r["status"] for r in ended.document["results"]}

    assert (ended.code, status["source_model"], status["reader"]) == (1, "error", "success")
    rows = hw("sql", "select * from reader", "--output", "json").document["rows"]
    assert rows == [[1, "x"]]


def test_without_on_error_readers_of_a_failed_node_are_skipped(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "models/source_model.sql": "select cast('x' as integer) as a",
            "models/reader.sql": "select a from {{ ref('source_model') }}",
        },
    )

    ended = hw("build", "--output", "json")
    status = {r["name"]: r["status"] for r in ended.document["results"]}

    assert (status["source_model"], status["reader"]) == ("error", "skipped")
