"""Faults of queries that are not sent stand in nobody's way, as in dbt."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

READER = "{{ config(materialized='table') }} select *, 3 as more from {{ ref('first') }}"


def model(kind: str, query: str) -> str:
    return f"{{{{ config(materialized='{kind}') }}}} {query}"


def rows(hw: Hw, sql: str) -> list[list[object]]:
    found: list[list[object]] = hw("sql", sql, "--output", "json").document["rows"]
    return found


@pytest.mark.parametrize("kind", ["view", "table"])
def test_a_faulty_model_that_is_not_selected_is_read_as_it_was_built(
    hw: Hw, project: Path, kind: str
) -> None:
    write_files(project, {"models/first.sql": model(kind, "select 1 as a")})
    assert hw("build", "--select", "first").code == 0
    write_files(project, {"models/first.sql": model(kind, "select nope( as a"),
                          "models/second.sql": READER})  # fmt: skip

    built = hw("build", "--select", "second", "--output", "json")

    assert built.code == 0, built.out
    assert rows(hw, "select * from second") == [[1, 3]]


def test_a_faulty_model_that_was_never_built_is_missed(hw: Hw, project: Path) -> None:
    write_files(project, {"models/first.sql": model("table", "select nope( as a"),
                          "models/second.sql": READER})  # fmt: skip

    planned = hw("plan", "--select", "second", "--output", "json")

    assert planned.code != 0
    assert "HW3003" in planned.out


@pytest.mark.parametrize("between", ["ephemeral", None])
def test_a_faulty_ephemeral_model_is_sent_with_its_readers(
    hw: Hw, project: Path, between: str | None
) -> None:
    files = {
        "models/first.sql": model("ephemeral", "select nope( as a"),
        "models/second.sql": READER,
    }
    if between:
        files["models/second.sql"] = READER.replace("first", "middle")
        files["models/middle.sql"] = model(between, "select * from {{ ref('first') }}")
    write_files(project, files)

    built = hw("build", "--select", "second", "--output", "json")

    assert built.code == 2
    assert "HW2101" in built.out


def test_an_exposure_of_a_model_that_is_gone_stops_the_plan(hw: Hw, project: Path) -> None:
    hw("build")
    (project / "models" / "gone.sql").write_text("select 1 as id")
    exposure = "exposures: [{name: seen, type: dashboard, owner: {email: a@b.c}, depends_on: "
    (project / "models" / "seen.yml").write_text(exposure + "[ref('gone')]}]")
    before = hw("build")
    (project / "models" / "gone.sql").unlink()

    ended = hw("plan", "--output", "json")

    assert before.code == 0
    assert (ended.code, ended.codes) == (2, ["HW1203"])


def test_upkeep_is_off_in_yaml_words(hw: Hw, project: Path) -> None:
    (project / "headwater.yml").write_text("upkeep: off\n")

    assert hw("plan").code == 0
    assert "upkeep" not in hw("plan").out


def test_a_break_is_seen_though_the_model_was_away_for_a_while(hw: Hw, project: Path) -> None:
    model = project / "models" / "kept.sql"
    write_files(
        project, {"models/kept.sql": "{{ config(materialized='table') }} select 1 as a, 2 as b"}
    )
    (project / "headwater.yml").write_text(
        "consumers: [{name: ep, kind: endpoint, owner: '@ml', "
        "reads: [{table: kept, columns: {b: integer}}]}]\n"
    )
    hw("build")
    text = model.read_text()
    model.unlink()
    hw("build")

    model.write_text(text.replace(", 2 as b", ""))
    ended = hw("plan", "--output", "json")

    assert (ended.code, "HW3051" in ended.codes) == (3, True)
