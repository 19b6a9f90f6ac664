"""Faulty projects, and exactly what is said of each: code, place, words and what to do.

The cases are `tests/cases/bad_input.txt`; `HEADWATER_UPDATE=1` writes what is said now, to be read.
What dbt refuses in its own functional tests is among them.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.conftest import write_files

from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.workspace import Workspace

CASES = Path(__file__).parent.parent / "cases" / "bad_input.txt"
UPDATE = bool(os.environ.get("HEADWATER_UPDATE"))
BASE = {
    "dbt_project.yml": 'name: shop\nversion: "1.0"\n',
    "models/model_one.sql": "select 1 as id\n",
}


@dataclass(frozen=True)
class Case:
    name: str
    files: dict[str, str]
    said: tuple[str, ...]
    written: str


def read_cases() -> Iterator[Case]:
    _, *parts = CASES.read_text(encoding="utf-8").split("\n--- ")
    for part in parts:
        written, _, said = part.partition("\n>>>\n")
        name, _, rest = written.partition("\n")
        files = {}
        for file in ("\n" + rest).split("\n=== ")[1:]:
            path, _, text = file.partition("\n")
            files[path] = text + "\n"
        yield Case(name, files, tuple(said.strip().splitlines()), written)


ALL = list(read_cases())


def said_of(folder: Path, files: dict[str, str]) -> list[str]:
    write_files(folder, {**BASE, **files})
    try:
        with Workspace.open(folder, environment={"HEADWATER_CACHE_DIR": "off"}) as workspace:
            return [line_of(found) for found in workspace.check().diagnostics]
    except HeadwaterError as error:  # the project's settings are read before anything else
        return [line_of(diagnostic_of(error))]


def line_of(found: Diagnostic) -> str:
    parts = [f"{found.severity} {found.name} {found.where}", found.what, found.why, found.fix]
    parts += [f"{span} {note}" for span, note in found.related]
    return " | ".join(part.replace("\n", " ") for part in parts if part)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_a_faulty_project_is_told_what_is_wrong_and_where(case: Case, tmp_path: Path) -> None:
    said = said_of(tmp_path, case.files)

    assert said == list(case.said)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_every_fault_has_a_place_and_advice(case: Case) -> None:
    for line in case.said:
        severity, code, place = line.split(" | ")[0].split(" ")
        assert severity in {"error", "warning"}
        assert code != "internal-error"
        assert place.count(":") >= 2  # file, line and column
        assert len(line.split(" | ")) > 2


def test_ten_faults_in_ten_files_are_told_at_once(tmp_path: Path) -> None:
    wanted = [
        "a ref to a model that does not exist", "a source that does not exist",
        "a block that is not closed", "a macro that raises", "an unknown materialization",
        "SQL that cannot be parsed", "a doc that does not exist", "two exposures of one name",
        "a docs block that is not closed", "a snapshot without a strategy",
    ]  # fmt: skip
    chosen = [case for case in ALL if case.name in wanted]
    files = {}
    for number, case in enumerate(chosen):
        for path, text in case.files.items():
            folder, _, name = path.rpartition("/")
            files[f"{folder}/f{number}_{name}"] = text

    said = said_of(tmp_path, files)

    errors = {line.split(" ")[1] for line in said if line.startswith("error")}
    assert len(chosen) == len(wanted)
    assert errors == {
        "ref-not-found", "source-not-found", "jinja-syntax", "jinja-raised",
        "materialization-unknown", "sql-syntax", "doc-not-found", "duplicate-name",
        "config-required",
    }  # fmt: skip
    assert sum(line.startswith("error") for line in said) == len(wanted)


@pytest.mark.skipif(not UPDATE, reason="set HEADWATER_UPDATE=1 to write the cases anew")
def test_update(tmp_path: Path) -> None:
    head = CASES.read_text(encoding="utf-8").split("\n--- ")[0]
    parts = [head]
    for number, case in enumerate(ALL):
        said = said_of(tmp_path / str(number), case.files)
        parts.append("\n>>>\n".join((case.written, "\n".join(said))).rstrip())
    CASES.write_text("\n--- ".join(parts) + "\n", encoding="utf-8")
