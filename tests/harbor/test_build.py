"""The harbor through the command line: built, brought up to date, edited and repaired."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HARBOR = ROOT / "examples" / "harbor"
DAYS = 28
"""Days that the built project starts with; two more come later."""

TABLES = (
    "intermediate.int_exchange_rates_daily",
    "intermediate.int_invoice_lines",
    "intermediate.int_vessel_calls",
    "marts.berth_utilisation",
    "marts.demurrage",
    "marts.dim_vessel_history",
    "marts.fct_container_moves",
    "marts.invoice_reconciliation",
    "marts.late_by_carrier",
    "marts.moves_without_key",
    "marts.port_day_activity",
    "marts.revenue_by_carrier",
    "ml.turnaround_features",
    "staging.stg_container_moves",
    "staging.stg_invoices",
    "staging.stg_port_calls",
    "staging.stg_weather",
)


def call(project: Path, *command: str, expected: int = 0) -> str:
    """Run Python with the package importable; return stdout."""
    answer = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == expected, answer.stdout[-3000:] + answer.stderr[-3000:]
    return answer.stdout


def hw(project: Path, *arguments: str, expected: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        call(project, "-m", "headwater", *arguments, "--output", "json", expected=expected)
    )
    return document


def generate(project: Path, first: int, days: int, *options: str) -> None:
    span = ["--scale", "0.001", "--from-day", str(first), "--days", str(days)]
    call(project, "generate.py", *span, *options)


def contents(project: Path) -> dict[str, tuple[int, str]]:
    """Return rows and a hash of all of them, in any order, of each table."""
    union = " union all ".join(
        f"select '{table}', count(*), sum(hash(t)::hugeint)::varchar from {table} as t"
        for table in TABLES
    )
    return {name: (rows, total) for name, rows, total in hw(project, "sql", union)["rows"]}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project built from four weeks of data; tests that change it take a copy."""
    project = tmp_path_factory.mktemp("built") / "harbor"
    ignored = shutil.ignore_patterns(".headwater", "target", "logs", "__pycache__")
    shutil.copytree(HARBOR, project, ignore=ignored)
    generate(project, 0, DAYS)
    (project / "built.json").write_text(
        call(project, "-m", "headwater", "build", "--output", "json"), encoding="utf-8"
    )
    return project


@pytest.fixture
def harbor(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "harbor"))


def apply_edit(project: Path, name: str) -> None:
    call(project, "edits/apply.py", name)


def test_every_model_and_test_passes(built: Path) -> None:
    results = json.loads((built / "built.json").read_text(encoding="utf-8"))["results"]

    kinds = [result["node"].partition(".")[0] for result in results]
    failed = [result for result in results if result["status"] not in {"success", "pass"}]

    assert failed == []
    assert kinds.count("model") >= 14
    assert kinds.count("test") >= 30


def test_after_a_build_nothing_is_left_to_do(harbor: Path) -> None:
    steps = hw(harbor, "plan")["steps"]

    assert [step for step in steps if step["action"] != "skip"] == []


def test_the_harbor_has_no_finding_even_when_every_model_has_changed(harbor: Path) -> None:
    file = harbor / "dbt_project.yml"
    text = file.read_text(encoding="utf-8")
    with_hook = text.replace(
        "models:\n  harbor:\n", "models:\n  harbor:\n    +post-hook: select 1\n"
    )
    assert with_hook != text
    file.write_text(with_hook, encoding="utf-8")

    plan = hw(harbor, "plan")

    unchanged = {step["node"] for step in plan["steps"] if step["action"] == "skip"}
    assert {node for node in unchanged if node.startswith("model.")} == set()
    assert plan["diagnostics"] == []


@pytest.mark.slow
def test_two_more_days_brought_in_equal_a_full_rebuild(harbor: Path) -> None:
    generate(harbor, DAYS, 2, "--batch-days", "1")
    plan = hw(harbor, "plan")
    hw(harbor, "build")
    incremental = contents(harbor)
    hw(harbor, "build", "--full-refresh")

    rebuilt = contents(harbor)

    actions = {step["node"]: step["action"] for step in plan["steps"]}
    assert actions["model.harbor.fct_container_moves"] == "incremental"
    assert actions["model.harbor.port_day_activity"] == "incremental"
    assert actions["model.harbor.moves_without_key"] == "incremental"
    assert incremental == rebuilt


def test_the_tempting_edit_is_refused_with_its_reasons(harbor: Path) -> None:
    apply_edit(harbor, "tempting")

    plan = hw(harbor, "plan", expected=3)

    actions = {step["node"]: step["action"] for step in plan["steps"]}
    broken = {item["node"] for item in plan["impact"] if item["effect"] == "breaks"}
    errors = {found["code"] for found in plan["diagnostics"] if found["severity"] == "error"}
    assert actions["model.harbor.dim_region"] == "add"
    assert "exposure.harbor.invoice_feed" in broken
    assert {"HW3002", "HW4002"} <= errors  # breaking-change, late-rows-lost


def test_the_tempting_edit_is_priced_by_what_it_reads(harbor: Path) -> None:
    generate(harbor, DAYS, 2)
    hw(harbor, "build")
    apply_edit(harbor, "tempting")

    changes = {change["node"]: change for change in hw(harbor, "plan", expected=3)["changes"]}

    narrowed = changes["model.harbor.fct_container_moves"]
    unfiltered = changes["model.harbor.port_day_activity"]
    [driver] = unfiltered["drivers"]
    assert narrowed["lines"] == ["incremental window: 10 days -> 3 days"]
    assert 0.1 < ratio(narrowed, "bytes_read") < 0.9
    assert 0.1 < ratio(narrowed, "cpu_seconds") < 1.0
    assert ratio(unfiltered, "bytes_read") > 1.5
    assert ratio(unfiltered, "cpu_seconds") > 1.0
    assert (driver["relation"]["name"], driver["is_full_scan"]) == ("fct_container_moves", True)


def ratio(change: dict[str, Any], quantity: str) -> float:
    after, before = change["cost_after"][quantity], change["cost_before"][quantity]
    return float(after["value"]) / float(before["value"])


@pytest.mark.slow
def test_the_repair_is_planned_and_applied(harbor: Path) -> None:
    before = contents(harbor)
    apply_edit(harbor, "tempting")
    apply_edit(harbor, "repair")

    hw(harbor, "apply")

    assert contents(harbor) == before
    assert hw(harbor, "sql", "select count(*) from marts.dim_region")["rows"] == [[8]]
