"""Public projects are read and compiled as dbt reads and compiles them; dbt need not be there.

Each is compared with what dbt-core 1.11.16 said once (``tests/peer/freeze.py``): which nodes there
are, what is known of each, what it depends on, its config, and its compiled SQL byte by byte.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.peer.built import build
from tests.peer.corpus import CORPUS, Subject, prepare
from tests.peer.explained import explanations
from tests.peer.facts import facts_of, ids_of
from tests.peer.golden import FOLDER, differences, read_golden

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import encode
from headwater.base.relations import parse_table_name
from headwater.graph.manifest import make_manifest
from headwater.workspace import Workspace

FACTS = ArtifactFacts(generated_at="2026-11-21T00:00:00Z", invocation_id="corpus")
FROZEN = [each for each in CORPUS if (FOLDER / f"{each.name}.json.xz").exists()]
LARGE = frozenset({"spellbook-hourly", "tuva"})
SECTIONS_OF_IDS = ("macros", "docs", "groups", "disabled")


def manifest_of(home: Path, project: Subject) -> dict[str, Any]:
    """Read and compile a project, built before where dbt had built it, and return its manifest."""
    if project.is_built:
        build(home, project)
    with Workspace.open(home, environment=dict(project.environment)) as workspace:
        read = workspace.read("compile")
        assert read.project is not None, [each.what for each in read.diagnostics]
        compiled = workspace.compile_project(read)
        assert compiled is not None
        document: dict[str, Any] = json.loads(
            encode(make_manifest(read.project, compiled.graph, FACTS))
        )
        there = {parse_table_name(table.name) for table in workspace.tables()}
    for key, node in compiled.graph.nodes.items():
        # dbt compiles an incremental model for the table as it is; a plan chooses between both.
        if node.incremental_code is not None and node.node.relation in there:
            document["nodes"][key]["compiled_code"] = node.incremental_code
    return document


def parameters() -> list[Any]:
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.name in LARGE else [])
        for each in FROZEN
    ]


@pytest.mark.peer
@pytest.mark.timeout(600)
@pytest.mark.parametrize("project", parameters())
def test_project_is_read_and_compiled_as_dbt_does(project: Subject, tmp_path: Path) -> None:
    golden = read_golden(project.name)
    assert golden.commit == project.source.commit
    home = prepare(project, tmp_path / "work", frozenset(golden.absent))

    manifest = manifest_of(home, project)

    known = explanations(project.name)
    found = differences(facts_of(manifest), golden)
    assert [each for each in found if (each.node, each.facet) not in known] == []
    ids = ids_of(manifest)
    assert {key: ids[key] for key in SECTIONS_OF_IDS} == dict(golden.ids)
