"""Runs dbt-core's own functional tests against our runner and counts what passes, by folder.

    HEADWATER_DBT_SUITE=/path/to/dbt-core python tests/peer/functional.py [FOLDER ...]

The suite is dbt-core's repository, which is fetched by whoever runs this and never committed. It
needs a Python of its own with dbt-core 1.12.6, dbt-duckdb, dbt-postgres, dbt-tests-adapter,
pytest-xdist, pytest-timeout, pytest-mock, freezegun, opentelemetry-sdk and what Headwater needs:
HEADWATER_DBT_PYTHON. With ``--failed FILE`` the failures are written there with their first line.

``--adapter`` runs the base classes of dbt-tests-adapter instead, which an adapter's authors run.

What cannot pass is declared in ``functional_declared.toml``, each with its reason. A declared test
that passes is told, so that the list shrinks.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import pytest

SOURCE = Path(__file__).parents[2] / "src"
DECLARED = Path(__file__).with_name("functional_declared.toml")
End = Literal["passed", "failed", "skipped"]
Counts = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one test ended.

    Attributes:
        name: Its name, from the folder of the suite on: ``list.test_list.TestList::test_models``.
        end: How it ended; an error is a failure.
        why: First line of the failure.
    """

    name: str
    end: End
    why: str = ""

    @property
    def folder(self) -> str:
        """The folder of the suite."""
        return self.name.split("::", maxsplit=1)[0].split(".")[0]


def run_suite(suite: Path, python: str, folders: Iterable[str]) -> list[Ended]:
    """Run folders of the suite, or all of it, and say how each test ended."""
    named = [f"tests/functional/{name}" for name in folders] or ["tests/functional"]
    return run_tests(suite, python, named)


def run_adapter_suite(python: str, folders: Iterable[str]) -> list[Ended]:
    """Run dbt-tests-adapter's base classes, all or those of some folders (``adapter_basic``)."""
    with tempfile.TemporaryDirectory() as folder:
        writer = Path(__file__).with_name("adapter_classes.py")
        subprocess.run([python, str(writer), folder], check=True)
        return run_tests(Path(folder), python, [*folders] or ["."])


def run_tests(suite: Path, python: str, named: Iterable[str]) -> list[Ended]:
    """Run files or folders of a suite against our runner, and say how each test ended."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run(
            [
                *(python, "-m", "pytest", "-p", "functional_plugin", "-q", "-n", "2"),
                *("--tb=short", "-p", "no:cacheprovider", "--continue-on-collection-errors"),
                *("--timeout=120", f"--junitxml={report}"),
                *named,
            ],
            cwd=suite,
            env={
                **os.environ,
                "PYTHONPATH": f"{SOURCE}:{Path(__file__).parent}",
                "HOME": folder,  # dbt and we look for profiles there
            },
            stdout=sys.stderr,
            check=False,
        )
        return read_report(ET.parse(report).getroot())  # noqa: S314 - see above


def read_report(report: ET.Element) -> list[Ended]:
    """Read how each test of a JUnit report ended: the worst, where it stands there twice."""
    ends: dict[str, Ended] = {}
    for case in report.iter("testcase"):
        place = (case.get("classname") or case.get("name") or "").removeprefix("tests.functional.")
        name = f"{place}::{case.get('name')}"
        bad = [child for child in case if child.tag in {"failure", "error"}]
        if bad:
            ends[name] = Ended(name=name, end="failed", why=_reason(bad[0]))
        elif any(child.tag == "skipped" for child in case):
            ends.setdefault(name, Ended(name=name, end="skipped"))
        else:
            ends.setdefault(name, Ended(name=name, end="passed"))
    return list(ends.values())


def _reason(failure: ET.Element) -> str:
    lines = [line for line in (failure.text or "").splitlines() if line.startswith("E ")]
    said = lines[0][1:].strip() if lines else failure.get("message") or ""
    return " ".join(said.split())[:200]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Tests that cannot pass.

    Attributes:
        reason: Why.
        tests: Patterns of their names.
        said: Patterns of the first line of their failure.
    """

    reason: str
    tests: tuple[str, ...]
    said: tuple[str, ...]

    def holds(self, ended: Ended) -> bool:
        """Say whether a test is among them."""
        return any(fnmatchcase(ended.name, pattern) for pattern in self.tests) or any(
            fnmatchcase(ended.why, pattern) for pattern in self.said
        )


def read_declared(path: Path = DECLARED) -> list[Declared]:
    """Return what is declared not to pass."""
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["declared"]
    return [
        Declared(
            reason=group["reason"],
            tests=tuple(group.get("tests", ())),
            said=tuple(group.get("said", ())),
        )
        for group in groups
    ]


def declared_or_none(ended: Ended, declared: Iterable[Declared]) -> str | None:
    """Return why a test cannot pass; None when it should."""
    return next((each.reason for each in declared if each.holds(ended)), None)


def count(ends: Iterable[Ended], declared: Iterable[Declared]) -> Counts:
    """Count by folder: passed, declared (failed as declared), failed, skipped."""
    counts: Counts = {}
    for ended in ends:
        is_declared = ended.end == "failed" and declared_or_none(ended, declared) is not None
        counts.setdefault(ended.folder, Counter())["declared" if is_declared else ended.end] += 1
    return counts


def show(counts: Counts) -> str:
    """Write the counts as a table of Markdown, with their sum."""
    total: Counter[str] = sum(counts.values(), Counter())
    lines = ["| folder | passed | declared | of |", "|---|---|---|---|"]
    for folder, ends in [*sorted(counts.items()), ("all", total)]:
        of = ends.total() - ends["skipped"]
        lines.append(f"| {folder} | {ends['passed']} | {ends['declared']} | {of} |")
    return "\n".join(lines)


def show_reasons(ends: Iterable[Ended], declared: Iterable[Declared]) -> str:
    """Write how many tests fail for each declared reason, the commonest first."""
    reasons = Counter(
        reason
        for ended in ends
        if ended.end == "failed" and (reason := declared_or_none(ended, declared)) is not None
    )
    lines = [f"| {reason} | {number} |" for reason, number in reasons.most_common()]
    return "\n".join(["| why | tests |", "|---|---|", *lines])


@pytest.mark.peer
@pytest.mark.timeout(1800)
def test_selection_answers_dbts_own_tests() -> None:
    suite = os.environ.get("HEADWATER_DBT_SUITE")
    if not suite:
        pytest.skip("set HEADWATER_DBT_SUITE to a checkout of dbt-core, see the module's head")
    python = os.environ.get("HEADWATER_DBT_PYTHON", sys.executable)

    ends = run_suite(Path(suite), python, ["test_selection", "selectors"])

    declared = read_declared()
    failed = [each.name for each in ends if each.end == "failed"]
    assert [name for name in failed if name.startswith("test_selection")] == []
    assert sum(each.end == "passed" for each in ends) > 0.5 * len(ends), show(count(ends, declared))


def main() -> None:
    """Run what the command line names."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("folders", nargs="*", help="folders of tests/functional; all by default")
    reader.add_argument(
        "--adapter", action="store_true", help="run dbt-tests-adapter's base classes instead"
    )
    reader.add_argument("--failed", type=Path, help="file for the failures that are not declared")
    given = reader.parse_args()
    declared = read_declared()
    python = os.environ.get("HEADWATER_DBT_PYTHON", sys.executable)
    if given.adapter:
        ends = run_adapter_suite(python, given.folders)
    else:
        ends = run_suite(Path(os.environ["HEADWATER_DBT_SUITE"]), python, given.folders)
    failed = [
        f"{each.name}  {each.why}"
        for each in ends
        if each.end == "failed" and declared_or_none(each, declared) is None
    ]
    if given.failed is not None:
        given.failed.write_text("\n".join([*failed, ""]), encoding="utf-8")
    better = [e.name for e in ends if e.end == "passed" and declared_or_none(e, declared)]
    sys.stdout.write(f"{show(count(ends, declared))}\n\n{show_reasons(ends, declared)}\n")
    sys.stdout.writelines(f"\nno longer fails: {name}" for name in better)


if __name__ == "__main__":
    main()
