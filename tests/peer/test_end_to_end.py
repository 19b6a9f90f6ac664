"""Public packages' own test projects, built by dbt-duckdb and by us: equal tables, equal ends.

First everything but tests, then the tests: a test that fails keeps a table from being published
here, and its readers from being built there, which would hide what is compared. The queries that
dbt sends to its engine are looked for among ours.
"""

import json
import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.peer.built import build, run_tests
from tests.peer.corpus import DATABASE, Subject, prepare, subject
from tests.peer.explained import known_ends
from tests.peer.freeze import dbt_python
from tests.peer.relations import Contents, as_stored, of_database, ours, without
from tests.peer.statements import Sent, not_sent, recorded, sent_by_dbt
from tests.peer.synthetic import write_inputs

NAMES = (
    "dbt-utils", "dbt-date", "dbt-expectations", "dbt-audit-helper", "dbt-codegen",
    "dbt-project-evaluator", "dbt-project-evaluator-2", "elementary", "dbt_artifacts", "tuva",
)  # fmt: skip
Ends = Mapping[str, str]
Tables = Mapping[str, Contents]
SAME_WORD = {"pass": "success"}
BUILD = ("build", "--exclude-resource-type", "test", "unit_test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What building and testing a project came to.

    Attributes:
        built: How each node ended but tests.
        tested: How each test ended.
        codes: Exit codes of the two commands.
    """

    built: Ends
    tested: Ends
    codes: tuple[int, int]


def build_theirs(home: Path, project: Subject) -> tuple[Done, Sequence[Sent]]:
    """Build with dbt; return also the statements that it sent."""
    first, built = _dbt(home, project.environment, *BUILD)
    second, tested = _dbt(home, project.environment, "test")
    sent = [each for name in ("build", "test") for each in sent_by_dbt(home / name / "dbt.log")]
    return Done(built=built, tested=tested, codes=(first, second)), sent


def _dbt(home: Path, environment: Mapping[str, str], *command: str) -> tuple[int, Ends]:
    log = (
        *("--log-path", command[0], "--log-level-file", "debug", "--log-format-file", "json"),
        *("--log-file-max-bytes", "0"),  # one file, however long
    )
    ended = subprocess.run(
        [str(dbt_python().parent / "dbt"), "--quiet", *command, "--profiles-dir", ".", *log],
        cwd=home,
        env={**os.environ, **environment, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        check=False,
    )
    results = json.loads((home / "target/run_results.json").read_text(encoding="utf-8"))["results"]
    # An exposure is noted as a result, though nothing is done about it.
    done = [each for each in results if each["status"] != "no-op"]
    return ended.returncode, {each["unique_id"]: _word(each["status"]) for each in done}


def _word(status: str) -> str:
    return SAME_WORD.get(status, status)


def build_ours(home: Path, project: Subject) -> Done:
    """Build with ours. What cannot be compiled ends as an error."""
    runs, never = build(home, project)
    built = {str(each.node): _word(each.status) for run in runs for each in run.results}
    tests, untried = run_tests(home, project)
    tested = {str(each.node): _word(each.status) for each in tests.results}
    faults = {
        str(key): "error" for key in never if not key.startswith(("test.", "source.", "unit_"))
    }
    codes = max(run.exit_code for run in runs), tests.exit_code
    return Done(
        built={**faults, **built},
        tested={**dict.fromkeys(map(str, untried), "error"), **tested},
        codes=(1 if faults else codes[0], 1 if untried else codes[1]),
    )


def differences(mine: Ends, theirs: Ends) -> dict[str, tuple[str | None, str | None]]:
    return {
        key: (mine.get(key), theirs.get(key))
        for key in sorted({*mine, *theirs})
        if mine.get(key) != theirs.get(key)
    }


def unequal(mine: Tables, theirs: Tables, left_out: Collection[str] = ()) -> list[str]:
    """Name the tables that are not there for both, or hold other columns or rows.

    Args:
        mine: Ours.
        theirs: dbt's.
        left_out: Columns that are not compared.
    """

    def compared(contents: Contents) -> Contents:
        return without(as_stored(contents), *left_out)

    return [
        name
        for name in sorted({*mine, *theirs})
        if name not in mine or name not in theirs or compared(mine[name]) != compared(theirs[name])
    ]


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_project_ends_as_with_dbt_and_holds_the_same_rows(name: str, tmp_path: Path) -> None:
    project = subject(name)
    home, theirs = prepare(project, tmp_path / "ours"), prepare(project, tmp_path / "theirs")
    for each in (home, theirs) if project.has_made_rows else ():
        write_inputs(each, tmp_path / "inputs")

    wanted, sent = build_theirs(theirs, project)
    with recorded() as texts:
        done = build_ours(home, project)

    known = known_ends(name)
    assert differences(done.built, wanted.built) == known.built
    tested = differences(done.tested, wanted.tested)
    assert {key: ends for key, ends in tested.items() if key not in known.unsure} == known.tested
    assert done.codes == wanted.codes
    others = unequal(ours(home), of_database(theirs / DATABASE), known.columns)
    assert [each for each in others if each not in known.tables] == []
    failed = {key for key, end in {**wanted.built, **wanted.tested}.items() if end == "error"}
    unsent = {each.node for each in not_sent(sent, texts)}
    assert sorted(unsent - failed - known.unsent) == []
