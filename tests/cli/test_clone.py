"""``hw clone``: views on what another target has built."""

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Ended, Hw, write_files

from headwater.dbt import RunExecutionResult, dbtRunner

PROFILE = """\
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, schema: dev}
    prod: {type: duckdb, path: shop.duckdb, schema: prod}
"""


@pytest.fixture
def prod(hw: Hw, project: Path) -> Path:
    """Build production, and keep its artifacts."""
    text = (project / "dbt_project.yml").read_text()
    write_files(project, {"profiles.yml": PROFILE, "dbt_project.yml": f"{text}profile: shop\n"})
    assert hw("build", "--target", "prod").code == 0
    shutil.copytree(project / "target", project / "state")
    return project / "state"


def ends(ended: Ended) -> dict[str, str]:
    return {each["name"]: each["status"] for each in ended.document["results"]}


def kinds(hw: Hw) -> dict[str, str]:
    tables = hw("table", "list", "--output", "json").document["tables"]
    return {each["name"]: each["kind"] for each in tables if ".dev." in each["name"]}


def test_every_node_becomes_a_view_of_the_other_targets(hw: Hw, prod: Path) -> None:
    ended = hw("clone", "--state", str(prod), "--output", "json")

    assert ended.code == 0
    assert ends(ended) == dict.fromkeys(("raw_orders", "stg_orders", "revenue"), "success")
    assert set(kinds(hw).values()) == {"view"}
    rows = hw("sql", "select customer, orders from dev.revenue order by 1", "--output", "json")
    assert rows.document["rows"] == [["ada", 2], ["grace", 1]]


def test_what_exists_is_left_unless_all_is_asked_for(hw: Hw, prod: Path) -> None:
    assert hw("seed").code == 0

    first = hw("clone", "--state", str(prod), "--output", "json")
    again = hw("clone", "--state", str(prod), "--output", "json")
    over = hw("clone", "--state", str(prod), "--full-refresh", "--output", "json")

    assert set(ends(first)) == {"stg_orders", "revenue"}
    assert ends(again) == {}
    assert set(ends(over)) == {"raw_orders", "stg_orders", "revenue"}


def test_only_the_selected_are_cloned(hw: Hw, prod: Path) -> None:
    ended = hw("clone", "--state", str(prod), "-s", "revenue", "--output", "json")

    assert set(ends(ended)) == {"revenue"}


def test_building_a_clone_replaces_it(hw: Hw, prod: Path) -> None:
    hw("clone", "--state", str(prod))

    ended = hw("build", "-s", "revenue", "--output", "json")

    assert ended.code == 0
    assert ends(ended)["revenue"] == "success"
    assert {name.rpartition(".")[2]: kind for name, kind in kinds(hw).items()} == {
        "raw_orders": "view",
        "stg_orders": "view",
        "revenue": "table",
    }


def test_a_dry_run_makes_nothing(hw: Hw, prod: Path) -> None:
    ended = hw("clone", "--state", str(prod), "--dry-run")

    assert ended.code == 0
    assert "a view of" in ended.out
    assert kinds(hw) == {}


def test_a_node_that_the_other_target_lacks_is_told(hw: Hw, project: Path, prod: Path) -> None:
    write_files(project, {"models/young.sql": "select 1 as id"})

    ended = hw("clone", "--state", str(prod))

    assert ended.code == 0
    assert "HW8231" in ended.err
    assert "young" in ended.err


def test_the_other_target_is_not_cloned_onto_itself(hw: Hw, prod: Path) -> None:
    ended = hw("clone", "--state", str(prod), "--target", "prod", "--full-refresh")

    assert ended.code == 0
    assert "nothing to clone" in ended.err
    rows = hw("sql", "select count(*) from prod.revenue", "--output", "json")
    assert rows.document["rows"] == [[2]]


@pytest.mark.parametrize("given", [(), ("--state", "nowhere")])
def test_without_a_manifest_there_is_nothing_to_clone(hw: Hw, given: tuple[str, ...]) -> None:
    ended = hw("clone", *given)

    assert ended.code == 2


def test_programs_clone_by_dbts_runner(prod: Path) -> None:
    ended = dbtRunner().invoke(["clone", "--state", str(prod)])

    assert ended.success
    assert isinstance(ended.result, RunExecutionResult)
    made = {each.node.name for each in ended.result if each.status == "success"}
    assert made == {"raw_orders", "stg_orders", "revenue"}
