"""What a plan shows once, what it shows of a broken reader, and what cleaning leaves alone."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, start, write_files

DOWN = "select customer, orders from {{ ref('revenue') }}"


def test_after_a_build_the_plan_says_nothing_of_comments_and_of_models_that_left(
    hw: Hw, project: Path
) -> None:
    write_files(project, {"models/down.sql": DOWN})
    hw("build")
    (project / "models/down.sql").unlink()
    model = project / "models/revenue.sql"
    model.write_text("-- only said\n" + model.read_text())

    shown = hw("plan", "--output", "json").document["changes"]
    built = hw("build")
    after = hw("plan", "--output", "json").document

    assert {change["sign"] for change in shown} == {"~", "-"}
    assert built.code == 0
    assert after["changes"] == []
    assert hw("sql", "select count(*) from down", "--output", "json").document["rows"] == [[2]]


def test_a_model_that_names_a_renamed_column_is_shown_broken_and_blocks(
    hw: Hw, project: Path
) -> None:
    write_files(project, {"models/down.sql": DOWN})
    hw("build")
    model = project / "models/revenue.sql"
    model.write_text(model.read_text().replace("as orders", "as order_count"))

    ended = hw("plan", "--output", "json")

    broken = [each for each in ended.document["impact"] if each["effect"] == "breaks"]
    assert ended.code == 3
    assert ("model.shop.down", "orders") in {(each["node"], each["column"]) for each in broken}
    assert {"HW2107", "HW3002"} <= set(ended.codes)
    assert hw("build").code == 3


def test_a_model_that_names_a_column_wrongly_by_itself_is_a_fault_of_the_project(
    hw: Hw, project: Path
) -> None:
    hw("build")
    write_files(project, {"models/down.sql": "select nix from {{ ref('revenue') }}"})

    ended = hw("plan", "--output", "json")
    github = hw("plan", "--output", "github")

    assert (ended.code, ended.codes) == (2, ["HW2107"])
    assert "### Headwater: no plan, 1 error\n" in github.out
    assert "Compared with" not in github.out


def test_json_leaves_the_plan_to_people_on_stderr(hw: Hw) -> None:
    ended = hw("build", "--output", "json")

    assert ended.document["schema"] == "headwater.run/1"
    assert "Plan: 3 to add" in ended.err


@pytest.mark.slow
def test_cleaning_is_refused_while_a_build_runs_and_takes_none_of_its_files(
    hw: Hw, project: Path
) -> None:
    hw("build")
    slow = "select count(*) as n from range(400000000) t(i) where hash(i) % 7 = 3"
    write_files(project, {"models/slow.sql": slow})
    with start(project, "build", "-s", "slow") as building:
        while not (project / ".headwater/lock.holder").exists() and building.poll() is None:
            pass
        ended = hw("clean")
        building.wait()

    assert (ended.code, "HW8001" in ended.err) == (4, True)
    assert building.returncode == 0
    assert hw("sql", "select n > 0 from slow", "--output", "json").document["rows"] == [[True]]


@pytest.mark.slow
@pytest.mark.parametrize("dry_run", [True, False])
def test_cleaning_names_what_a_killed_run_left(hw: Hw, project: Path, *, dry_run: bool) -> None:
    hw("build")
    slow = "select count(*) as n from range(40000000000) t(i) where hash(i) % 7 = 3"
    write_files(project, {"models/slow.sql": slow})
    with start(project, "build", "-s", "slow") as building:
        while "orphan files of run" not in hw("clean", "--dry-run").out:
            assert building.poll() is None
        building.kill()

    ended = hw("clean", *(["--dry-run"] if dry_run else []))

    assert ended.code == 0
    assert "orphan files" in ended.out
