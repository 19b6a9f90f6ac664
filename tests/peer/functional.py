"""Runs dbt-core's own functional tests against our runner and counts what passes, by folder.

    HEADWATER_DBT_SUITE=/path/to/dbt-core python tests/peer/functional.py [FOLDER ...]

The suite is dbt-core's repository, which is fetched by whoever runs this and never committed. It
needs a Python of its own with dbt-core 1.11.16, dbt-duckdb, dbt-tests-adapter, pytest-xdist,
pytest-mock, freezegun, opentelemetry-sdk and what Headwater needs: HEADWATER_DBT_PYTHON.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
FOLDERS = (
    "graph_selection", "selectors", "test_selection", "configs", "schema_tests", "sources",
    "exposures", "list", "context_methods", "macros", "ref_override", "custom_aliases",
)  # fmt: skip
Counts = dict[str, Counter[str]]


def run_suite(suite: Path, python: str, folders: Iterable[str]) -> Counts:
    """Run folders of the suite and count how their tests ended."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run(
            [
                *(python, "-m", "pytest", "-p", "functional_plugin", "-q", "-n", "2", "--tb=line"),
                *("-p", "no:cacheprovider", "--continue-on-collection-errors"),
                f"--junitxml={report}",
                *(f"tests/functional/{name}" for name in folders),
            ],
            cwd=suite,
            env={**os.environ, "PYTHONPATH": f"{SOURCE}:{Path(__file__).parent}"},
            stdout=sys.stderr,
            check=False,
        )
        return count(ET.parse(report).getroot())  # noqa: S314 - see above


def count(report: ET.Element) -> Counts:
    """Count the tests of a JUnit report by folder of the suite and how they ended."""
    ends: dict[tuple[str, str], str] = {}
    for case in report.iter("testcase"):
        place = case.get("classname") or case.get("name") or ""
        words = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
        key = (place, case.get("name") or "")
        ends[key] = words[0] if words else ends.get(key, "passed")
    counts: Counts = {}
    for (place, _name), end in ends.items():
        parts = place.split(".")
        folder = parts[2] if len(parts) > 2 else "?"
        counts.setdefault(folder, Counter())[end] += 1
    return counts


def show(counts: Counts) -> str:
    """Write the counts as a table of Markdown, with their sum."""
    total: Counter[str] = sum(counts.values(), Counter())
    lines = ["| folder | passed | of |", "|---|---|---|"]
    for folder, ends in [*sorted(counts.items()), ("all", total)]:
        lines.append(f"| {folder} | {ends['passed']} | {ends.total() - ends['skipped']} |")
    return "\n".join(lines)


@pytest.mark.peer
@pytest.mark.timeout(1800)
def test_selection_answers_dbts_own_tests() -> None:
    suite = os.environ.get("HEADWATER_DBT_SUITE")
    if not suite:
        pytest.skip("set HEADWATER_DBT_SUITE to a checkout of dbt-core, see the module's head")
    python = os.environ.get("HEADWATER_DBT_PYTHON", sys.executable)

    counts = run_suite(Path(suite), python, ["test_selection", "selectors"])

    passed = sum(ends["passed"] for ends in counts.values())
    wanted = sum(ends.total() - ends["skipped"] for ends in counts.values())
    assert passed / wanted > 0.5, show(counts)


if __name__ == "__main__":
    suite_python = os.environ.get("HEADWATER_DBT_PYTHON", sys.executable)
    asked = sys.argv[1:] or FOLDERS
    sys.stdout.write(show(run_suite(Path(os.environ["HEADWATER_DBT_SUITE"]), suite_python, asked)))
    sys.stdout.write("\n")
