"""The harness in small: a few points of a few writes; ``python -m tests.reliability`` for all.

It runs in a process of its own, which opens nothing before it forks.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.reliability.calls import is_available

ROOT = Path(__file__).parents[2]


def tried(folder: Path, *options: str) -> dict[str, Any]:
    """Run the harness; return its report."""
    output = folder / "report.json"
    command = [sys.executable, "-m", "tests.reliability", *options]
    done = subprocess.run(
        [*command, "--folder", str(folder / "bench"), "--output", str(output)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_no_scenario_breaks_an_invariant(tmp_path: Path) -> None:
    report = tried(tmp_path, "--scenarios")

    assert report["scenarios"]["tried"] >= 11


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["ingest", pytest.param("merge_hide", marks=pytest.mark.slow)])
def test_no_fault_at_a_point_breaks_an_invariant(tmp_path: Path, subject: str) -> None:
    report = tried(tmp_path, "--faults", "--power", "--sample", "1", "--subject", subject)

    assert report["points"][subject] > 20
    assert {name for name, part in report["faults"].items() if part["tried"]} == {
        f"{subject} {fault}" for fault in ("kill", "error", "full", "hang")
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_fault_at_any_sampled_point_breaks_an_invariant(tmp_path: Path) -> None:
    report = tried(tmp_path, "--faults", "--power", "--sample", "3")

    assert len(report["points"]) == 13


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not is_available(), reason="needs strace and the right to trace processes")
def test_no_kill_at_a_system_call_breaks_an_invariant(tmp_path: Path) -> None:
    report = tried(tmp_path, "--calls", "--sample", "8", "--subject", "merge_hide")

    assert report["calls"]["merge_hide"]["tried"] == 8


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_random_kills_break_no_invariant(tmp_path: Path) -> None:
    report = tried(tmp_path, "--kills", "50", "--seed", "7")

    assert report["kills"]["violated"] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_bugs_of_safety_are_noticed(tmp_path: Path) -> None:
    report = tried(tmp_path, "--mutants", "--sample", "10")

    caught, all_of_them = len(report["mutants"]["caught"]), report["mutants"]["tried"]
    assert caught / all_of_them >= 0.95, report["mutants"]["survived"]
