"""Incremental models whose text has a variable of the run: each run adds its own rows."""

from pathlib import Path

from tests.cli.conftest import Hw, write_files

DAILY = "{{ config(materialized='incremental') }} select {{ var('day', 1) }} as day"


def days(hw: Hw) -> list[list[object]]:
    found: list[list[object]] = hw(
        "sql", "select day from daily order by 1", "--output", "json"
    ).document["rows"]
    return found


def test_another_value_of_a_variable_leaves_stored_rows(hw: Hw, project: Path) -> None:
    write_files(project, {"models/daily.sql": DAILY})
    hw("build", "--select", "daily", "--vars", "day: 1")

    plan = hw("plan", "--select", "daily", "--vars", "day: 2", "--output", "json").document
    hw("build", "--select", "daily", "--vars", "day: 2")
    hw("build", "--select", "daily", "--vars", "day: 3")

    [reason] = [step["reason"] for step in plan["steps"] if step["name"] == "daily"]
    assert "stored rows stay as they are" in reason
    assert days(hw) == [[1], [2], [3]]


def test_another_text_builds_the_table_anew(hw: Hw, project: Path) -> None:
    write_files(project, {"models/daily.sql": DAILY})
    hw("build", "--select", "daily", "--vars", "day: 1")

    write_files(project, {"models/daily.sql": DAILY.replace("as day", "* 10 as day")})
    hw("build", "--select", "daily", "--vars", "day: 2")

    assert days(hw) == [[20]]


def test_a_full_refresh_builds_it_anew_all_the_same(hw: Hw, project: Path) -> None:
    write_files(project, {"models/daily.sql": DAILY})
    hw("build", "--select", "daily", "--vars", "day: 1")

    hw("build", "--select", "daily", "--vars", "day: 2", "--full-refresh")

    assert days(hw) == [[2]]
