"""A project of another warehouse at the command line: read without credentials, run translated."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Hw, write_files
from tests.warehouses.projects import profile_of

FLAVOURS = {
    "snowflake": (
        "select customer, sum(amount)::number(12, 2) as revenue, count(*) as orders,\n"
        "  min(iff(amount > 5, 'big', 'small')) as kind\n"
        "from {{ ref('stg_orders') }} group by customer"
    ),
    "bigquery": (
        "select customer, safe_cast(sum(amount) as numeric) as revenue, count(*) as orders,\n"
        "  min(if(amount > 5, 'big', 'small')) as kind\n"
        "from {{ ref('stg_orders') }} group by customer"
    ),
    "postgres": (
        "select customer, sum(amount)::numeric(12, 2) as revenue, count(*) as orders,\n"
        "  min(case when amount > 5 then 'big' else 'small' end) as kind\n"
        "from {{ ref('stg_orders') }} group by customer"
    ),
}


def make(project: Path, warehouse: str, model: str) -> None:
    text = (project / "dbt_project.yml").read_text(encoding="utf-8")
    write_files(
        project,
        {
            "dbt_project.yml": text + "profile: shop\n",
            "profiles.yml": profile_of(warehouse),
            "models/revenue.sql": model,
        },
    )


def revenue_rows(hw: Hw) -> Any:
    asked = hw(
        "sql", "select customer, revenue, orders, kind from sch.revenue order by 1",
        "--on", "duckdb", "--output", "json",
    )  # fmt: skip
    assert asked.code == 0, asked.err
    return asked.document["rows"]


@pytest.mark.parametrize("warehouse", FLAVOURS)
def test_project_is_checked_compiled_and_planned_without_credentials(
    warehouse: str, hw: Hw, project: Path
) -> None:
    make(project, warehouse, FLAVOURS[warehouse])

    assert (hw("check").code, hw("compile").code, hw("parse").code) == (0, 0, 0)
    compiled = project / "target" / "compiled" / "shop" / "models" / "revenue.sql"
    assert FLAVOURS[warehouse].splitlines()[1] in compiled.read_text(encoding="utf-8")
    manifest = json.loads((project / "target" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["metadata"]["adapter_type"] == warehouse
    planned = hw("plan", "--output", "json")
    assert (planned.code, planned.codes) == (0, ["HW1120"])


def test_project_is_not_run_on_its_own_warehouse(hw: Hw, project: Path) -> None:
    make(project, "snowflake", FLAVOURS["snowflake"])

    ended = hw("build")

    assert ended.code == 2
    assert "error[warehouse-not-run]" in ended.err
    assert "--on duckdb" in ended.err


@pytest.mark.parametrize("warehouse", FLAVOURS)
def test_project_is_built_on_the_engine(warehouse: str, hw: Hw, project: Path) -> None:
    make(project, warehouse, FLAVOURS[warehouse])

    built = hw("build", "--on", "duckdb")

    assert built.code == 0, built.err
    rows = [[row[0], float(row[1]), *row[2:]] for row in revenue_rows(hw)]
    assert rows == [
        ["ada", 13.0, 2, "big"],
        ["grace", 4.0, 1, "small"],
    ]
    again = hw("plan", "--on", "duckdb", "--output", "json")
    assert {step["action"] for step in again.document["steps"]} == {"skip"}


UNKNOWN = """\
select
  customer,
  farm_fingerprint(customer) as print,
  st_geogpoint(1, 2) as place
from {{ ref('stg_orders') }}
"""


def test_every_untranslatable_place_is_reported_and_nothing_runs(hw: Hw, project: Path) -> None:
    make(project, "bigquery", UNKNOWN)

    ended = hw("build", "--on", "duckdb", "--output", "json")

    found = [each for each in ended.document["diagnostics"] if each["severity"] == "error"]
    assert ended.code == 2
    assert [(each["code"], each["where"]["line"], each["where"]["column"]) for each in found] == [
        ("HW2151", 3, 3),
        ("HW2151", 4, 3),
    ]
    assert not (project / ".headwater" / "lake").exists()
    assert hw("build", "--on", "duckdb", "--exclude", "revenue").code == 0
    assert (project / ".headwater" / "lake" / "db" / "sch" / "raw_orders").exists()


def test_reader_of_an_untranslatable_ephemeral_model_does_not_run_either(
    hw: Hw, project: Path
) -> None:
    make(project, "bigquery", "select customer from {{ ref('prints') }}")
    write_files(
        project,
        {
            "models/prints.sql": "{{ config(materialized='ephemeral') }}\n"
            "select farm_fingerprint(customer) as customer from {{ ref('stg_orders') }}"
        },
    )

    found = hw("plan", "--on", "duckdb", "--select", "revenue", "--output", "json")

    assert found.code == 2
    assert "HW2151" in found.codes


def test_division_of_unknown_types_is_warned_of(hw: Hw, project: Path) -> None:
    make(
        project,
        "postgres",
        "select customer, amount / order_id as part from {{ ref('stg_orders') }}",
    )

    planned = hw("plan", "--on", "duckdb", "--output", "json")

    assert (planned.code, planned.codes) == (0, ["HW2152"])


def test_macros_questions_are_translated_and_asked_of_the_lake(hw: Hw, project: Path) -> None:
    model = (
        "select 1 as one\n"
        "{% set kinds = run_query('select distinct iff(amount > 5, 1, 0) as k from '"
        " ~ ref('stg_orders') ~ ' order by 1') %}"
        "{% for k in kinds.columns[0].values() %}, {{ k }} as k{{ k }}{% endfor %}"
    )
    make(project, "snowflake", model)
    assert hw("build", "--on", "duckdb", "--exclude", "revenue").code == 0

    hw("compile", "--on", "duckdb", "--select", "revenue")

    compiled = project / "target" / "compiled" / "shop" / "models" / "revenue.sql"
    assert " ".join(compiled.read_text(encoding="utf-8").split()) == (
        "SELECT 1 AS one, 0 AS k0, 1 AS k1"
    )
