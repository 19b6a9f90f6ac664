"""Queries that the engine reads and Headwater does not are built as they are, and told of."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

ODD = (
    "from (values (1), (2)) k(id) join {{{{ ref('low') }}}} t on k.id = t.id select k.id, t.n{more}"
)
LOW = "{{ config(materialized='table') }} select 1 as id, 5 as n union all select 2, 6"


def files(kind: str, odd: str = "") -> dict[str, str]:
    return {
        "models/low.sql": LOW,
        "models/odd.sql": f"{{{{ config(materialized='{kind}') }}}} " + ODD.format(more=odd),
        "models/top.sql": "{{ config(materialized='table') }} "
        "select id, n + 1 as m from {{ ref('odd') }}",
        "models/odd.yml": "models: [{name: odd, columns: "
        "[{name: id, data_tests: [unique, not_null]}]}]",
    }


def rows(hw: Hw, sql: str) -> list[list[object]]:
    found: list[list[object]] = hw("sql", sql, "--output", "json").document["rows"]
    return found


@pytest.mark.parametrize("kind", ["table", "view", "incremental", "ephemeral"])
def test_it_is_built_tested_and_read(hw: Hw, project: Path, kind: str) -> None:
    write_files(project, files(kind))

    plan = hw("plan", "--select", "+top", "--output", "json")
    built = hw("build", "--select", "+top")
    again = hw("plan", "--select", "+top", "--output", "json").document

    assert (plan.code, "HW2109" in plan.codes) == (0, True), plan.err
    assert built.code == 0, built.err
    assert rows(hw, "select * from top order by id") == [[1, 6], [2, 7]]
    assert {step["action"] for step in again["steps"]} == {"skip"}


def test_a_change_of_what_it_reads_is_followed_by_the_table(hw: Hw, project: Path) -> None:
    write_files(project, files("table"))
    hw("build", "--select", "+top")

    write_files(project, {"models/low.sql": LOW.replace("6", "60")})
    plan = hw("plan", "--select", "+top", "--output", "json").document
    built = hw("build", "--select", "+top")

    actions = {step["name"]: step["action"] for step in plan["steps"]}
    assert [actions[name] for name in ("low", "odd", "top")] == ["rebuild"] * 3
    assert built.code == 0, built.err
    assert rows(hw, "select * from top order by id") == [[1, 6], [2, 61]]


def test_a_change_of_its_text_builds_it_anew(hw: Hw, project: Path) -> None:
    write_files(project, files("table"))
    hw("build", "--select", "+top")

    write_files(project, files("table", odd=" where k.id > 1"))
    built = hw("build", "--select", "+top")

    assert built.code == 0, built.err
    assert rows(hw, "select * from top order by id") == [[2, 7]]


def test_what_the_engine_cannot_read_either_is_a_fault(hw: Hw, project: Path) -> None:
    write_files(project, files("table", odd=" where ]"))

    plan = hw("plan", "--select", "+top", "--output", "json")

    assert (plan.code, plan.codes) == (2, ["HW2101"])


def test_a_name_that_the_engine_does_not_find_is_a_fault_too(hw: Hw, project: Path) -> None:
    write_files(project, files("table", odd=", t.nix"))

    plan = hw("plan", "--select", "+top", "--output", "json")

    assert (plan.code, "HW2107" in plan.codes) == (2, True)
