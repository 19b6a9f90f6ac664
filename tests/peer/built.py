"""Builds a project as far as it can be built, so that a comparison starts from the same tables.

dbt compiles a node just before it runs it, and a node that cannot be compiled fails alone. Here all
is compiled first; so what cannot be compiled yet is left out, the rest is built, and then it is
tried again, until nothing more is gained.
"""

from pathlib import Path

from tests.peer.corpus import Subject

from headwater.base.ids import NodeId
from headwater.graph.faults import OF_ONE_QUERY
from headwater.graph.walk import descendants, edges_of
from headwater.runs.answers import PlanRequest
from headwater.runs.run import Run
from headwater.workspace import Workspace

FAILS_ALONE = ("input-not-built", *OF_ONE_QUERY)
"""As with dbt: a node whose input is not there, or whose query is none, fails by itself."""
ROUNDS_MAX = 12


def build(home: Path, project: Subject) -> tuple[tuple[Run, ...], frozenset[NodeId]]:
    """Build a prepared project in rounds.

    Returns:
        The runs, one a round, and the nodes that never could be compiled or that read one of these.
    """
    runs: list[Run] = []
    tried: frozenset[NodeId] | None = None
    for _ in range(ROUNDS_MAX):
        with Workspace.open(home, environment=dict(project.environment)) as workspace:
            left_out, nodes = _compilable(workspace)
            if left_out == tried:
                break
            tried = left_out
            planned = workspace.plan(PlanRequest(nodes=tuple(sorted(nodes)), accept=FAILS_ALONE))
            assert planned.project is not None, [each.what for each in planned.plan.diagnostics]
            runs.append(workspace.apply(planned))
        if not left_out:
            break
    return tuple(runs), tried or frozenset()


def _compilable(workspace: Workspace) -> tuple[frozenset[NodeId], frozenset[NodeId]]:
    compiled = workspace.compile_project(workspace.read("build"))
    assert compiled is not None
    faulty = frozenset(
        NodeId(each.node) for each in compiled.diagnostics if each.severity == "error" and each.node
    )
    left_out = faulty | descendants(edges_of(compiled.graph).readers, faulty)
    return left_out, frozenset(compiled.graph.nodes) - left_out
