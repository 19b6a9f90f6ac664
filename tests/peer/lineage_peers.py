"""Fetches labelled lineage and the tools that made it, and asks the tools."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.peer.lineage_scores import Case, case_of
from tests.peer.public import fetch, peer_python

TOOLS = ("sqlglot[c]==30.30.0", "sqllineage==1.5.9", "openlineage-sql==1.54.0", "pytest==9.0.1")
TESTS = (
    ("reata/sqllineage", "sqllineage", "cc86b662", "tests/sql/column"),
    ("OpenLineage/OpenLineage", "openlineage", "8f02abfb", "integration/sql/impl/tests"),
    ("tobymao/sqlglot", "sqlglot", "37362f4f", "tests/test_lineage.py"),
)
HERE = Path(__file__).parent
ASKING_SECONDS_MAX = 300

Answers = Mapping[str, Iterable[Iterable[Iterable[str]] | None]]


def gather(folder: Path) -> tuple[list[Case], Answers]:
    """Return every labelled query and what the tools answer to it, in the same order."""
    for repository, name, revision, under in TESTS:
        fetch(repository, folder / name, revision, under=under)
    python = peer_python(*TOOLS)
    cases, answers = folder / "cases.json", folder / "answers.json"
    _run(python, HERE / "lineage_labels.py", folder, cases)
    _run(python, HERE / "lineage_answers.py", cases, answers)
    asked = json.loads(answers.read_text(encoding="utf-8"))
    return (
        [case_of(document) for document in json.loads(cases.read_text(encoding="utf-8"))],
        {tool: found["edges"] for tool, found in asked.items()},
    )


def _run(python: Path, *arguments: Path) -> None:
    subprocess.run(
        [str(python), *map(str, arguments)],
        check=True,
        capture_output=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        timeout=ASKING_SECONDS_MAX,
    )
