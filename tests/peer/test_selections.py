"""500 selections made up from the grammar, with what dbt-core 1.11.16 answered (``dbt ls``).

Half are of a project that ``benchmarks/project_of_models.py`` writes and need nothing else; half
are of a public project, dbt-project-evaluator's integration tests.
"""

import json
import lzma
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.peer.corpus import prepare, subject
from tests.peer.golden import FOLDER

from headwater.graph.graph import Graph
from headwater.graph.references import resolve_graph
from headwater.graph.select import select
from headwater.reader import Reader

WRITER = Path(__file__).parents[2] / "benchmarks" / "project_of_models.py"
MODELS = 120


def generated(folder: Path) -> Path:
    runpy.run_path(str(WRITER))["write_project"](folder / "project", MODELS)
    return folder / "project"


def public(folder: Path) -> Path:
    return prepare(subject("dbt-project-evaluator"), folder / "work")


def graph_of(home: Path) -> Graph:
    with Reader.open(home) as reader:
        read = reader.read("list")
    assert read.project is not None
    return resolve_graph(read.project).graph


@pytest.mark.parametrize(
    ("name", "write", "wrong_known"),
    [
        pytest.param("bench", generated, 0, id="generated"),
        pytest.param("evaluator", public, 9, id="public", marks=pytest.mark.peer),
    ],
)
def test_250_made_up_selections_list_what_dbt_lists(
    name: str, write: Callable[[Path], Path], wrong_known: int, tmp_path: Path
) -> None:
    file = FOLDER / f"selections-{name}.json.xz"
    golden: dict[str, Any] = json.loads(lzma.decompress(file.read_bytes()))
    graph = graph_of(write(tmp_path))

    wrong = []
    for case in golden["cases"]:
        found = select(graph, case["select"], case["exclude"], indirect=case["indirect"])
        expected = [golden["ids"][at] for at in case["expected"]]
        # As `dbt ls`, which lists no hooks.
        listed = sorted(each for each in found.nodes if not each.startswith("operation."))
        if listed != expected:
            wrong.append((case["select"], case["exclude"], case["indirect"]))

    assert len(wrong) <= wrong_known, wrong
    assert len(golden["cases"]) == 250
