"""Public packages' own test projects, built by dbt-duckdb and by us: equal tables, equal ends.

First everything but tests, then the tests: a test that fails keeps a table from being published
here, and its readers from being built there, which would hide what is compared.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.peer.built import build, run_tests
from tests.peer.corpus import DATABASE, Subject, prepare, subject
from tests.peer.explained import known_ends
from tests.peer.freeze import dbt_python
from tests.peer.relations import Contents, as_stored, of_database, ours

NAMES = (
    "dbt-utils", "dbt-date", "dbt-expectations", "dbt-audit-helper", "dbt-codegen",
)  # fmt: skip
Ends = Mapping[str, str]
Tables = Mapping[str, Contents]
SAME_WORD = {"pass": "success"}


def build_theirs(home: Path) -> tuple[Ends, Ends]:
    """Build with dbt; return how each node ended, of the tables and of the tests."""
    built = _dbt(home, "build", "--exclude-resource-type", "test", "unit_test")
    return built, _dbt(home, "test")


def _dbt(home: Path, *command: str) -> Ends:
    subprocess.run(
        [str(dbt_python().parent / "dbt"), "--quiet", *command, "--profiles-dir", "."],
        cwd=home,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        check=False,
    )
    results = json.loads((home / "target/run_results.json").read_text(encoding="utf-8"))["results"]
    return {each["unique_id"]: _word(each["status"]) for each in results}


def _word(status: str) -> str:
    return SAME_WORD.get(status, status)


def build_ours(home: Path, project: Subject) -> tuple[Ends, Ends]:
    """Build with ours; return as ``build_theirs``. What cannot be compiled ends as an error."""
    runs, never = build(home, project)
    built = {str(each.node): _word(each.status) for run in runs for each in run.results}
    tests, untried = run_tests(home, project)
    tested = {str(each.node): _word(each.status) for each in tests.results}
    faults = {
        str(key): "error" for key in never if not key.startswith(("test.", "source.", "unit_"))
    }
    return {**faults, **built}, {**dict.fromkeys(map(str, untried), "error"), **tested}


def differences(mine: Ends, theirs: Ends) -> dict[str, tuple[str | None, str | None]]:
    return {
        key: (mine.get(key), theirs.get(key))
        for key in sorted({*mine, *theirs})
        if mine.get(key) != theirs.get(key)
    }


def unequal(mine: Tables, theirs: Tables) -> list[str]:
    """Name the tables that are not there for both, or hold other columns or rows."""
    return [
        name
        for name in sorted({*mine, *theirs})
        if name not in mine
        or name not in theirs
        or as_stored(mine[name]) != as_stored(theirs[name])
    ]


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_project_ends_as_with_dbt_and_holds_the_same_rows(name: str, tmp_path: Path) -> None:
    project = subject(name)
    home, theirs = prepare(project, tmp_path / "ours"), prepare(project, tmp_path / "theirs")

    wanted_built, wanted_tested = build_theirs(theirs)
    built, tested = build_ours(home, project)

    known = known_ends(name)
    assert differences(built, wanted_built) == known.built
    assert differences(tested, wanted_tested) == known.tested
    others = unequal(ours(home), of_database(theirs / DATABASE))
    assert [each for each in others if each not in known.tables] == []
