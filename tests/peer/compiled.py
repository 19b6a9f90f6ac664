"""A project of the corpus as ours reads and compiles it, from the state that dbt has, too."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.peer.built import build
from tests.peer.corpus import Subject
from tests.peer.staged import Kind, stage, staged_lookup

from headwater.base.artifacts import ArtifactFacts
from headwater.base.clock import FixedClock
from headwater.base.codec import encode
from headwater.base.relations import TableName, parse_table_name
from headwater.graph.compile import compile_graph
from headwater.graph.graph import Graph
from headwater.graph.manifest import make_manifest
from headwater.project.project import Project
from headwater.workspace import Workspace

FACTS = ArtifactFacts(generated_at="2026-11-21T00:00:00Z", invocation_id="corpus")
MOMENT = datetime(2026, 11, 21, 0, 0, 0, 123456, tzinfo=UTC)
"""When both commands begin: ``run_started_at``."""
INVOCATION = "00000000-0000-0000-0000-000000000000"
"""What stands in place of the id of the command, which is another each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiled:
    project: Project
    graph: Graph
    there: frozenset[TableName]


def manifest_of(home: Path, project: Subject) -> dict[str, Any]:
    """Read and compile a project and return its manifest.

    It is built before, or tables are staged, where that is done for dbt.
    """
    if project.is_built:
        build(home, project)
    with _opened(home, project) as workspace:
        compiled = _compiled(workspace, home, project)
    text = encode(make_manifest(compiled.project, compiled.graph, FACTS)).decode()
    own_id = compiled.project.context_values.invocation_id
    document: dict[str, Any] = json.loads(text.replace(own_id, INVOCATION))
    for key, node in compiled.graph.nodes.items():
        # dbt compiles an incremental model for the table as it is; a plan chooses between both.
        if node.incremental_code is not None and node.node.relation in compiled.there:
            code = node.incremental_code.replace(own_id, INVOCATION)
            document["nodes"][key]["compiled_code"] = code
    return document


def stage_for_dbt(home: Path, project: Subject) -> Mapping[TableName, Kind]:
    """Create the tables that dbt is to find."""
    with _opened(home, project) as workspace:
        read = workspace.read("compile")
        found = workspace.compile_project(read)
    assert found is not None, [each.what for each in read.diagnostics]
    return stage(home, found.graph)


def _opened(home: Path, project: Subject) -> Workspace:
    environment = dict(project.environment)
    return Workspace.open(home, environment=environment, clock=FixedClock(MOMENT))


def _compiled(workspace: Workspace, home: Path, project: Subject) -> _Compiled:
    read = workspace.read("compile")
    first = workspace.compile_project(read)
    assert read.project is not None, [each.what for each in read.diagnostics]
    assert first is not None
    if not project.is_staged:
        there = frozenset(parse_table_name(table.name) for table in workspace.tables())
        return _Compiled(project=read.project, graph=first.graph, there=there)
    kinds = stage(home, first.graph)
    world = workspace._world
    with (
        world.lookup_of(read.project) as inner,
        staged_lookup(home, inner, kinds) as lookup,
    ):
        graph = compile_graph(read.project, lookup).graph
    tables = frozenset(name for name, kind in kinds.items() if kind == "table")
    return _Compiled(project=read.project, graph=graph, there=tables)
