"""Builds a project's tables as far as they can be built, so that both sides start from the same.

dbt compiles a node just before it runs it, and a node that cannot be compiled fails alone. Here all
is compiled first; so what cannot be compiled yet is left out, the rest is built, and then it is
tried again, until nothing more is gained; so is what asks for tables that are yet to be built, as
its warning says (HW2242). Tests are not run: what they compile to is compared.
"""

from pathlib import Path

from tests.peer.corpus import Subject

from headwater.base.ids import NodeId
from headwater.graph.faults import OF_ONE_QUERY
from headwater.graph.gates import TESTS
from headwater.graph.graph import Graph
from headwater.graph.walk import descendants, edges_of
from headwater.runs.answers import PlanRequest, Verb
from headwater.runs.run import Run
from headwater.workspace import Workspace

FAILS_ALONE = ("input-not-built", *OF_ONE_QUERY)
"""As with dbt: a node whose input is not there, or whose query is none, fails by itself."""
ROUNDS_MAX = 12


def build(home: Path, project: Subject) -> tuple[tuple[Run, ...], frozenset[NodeId]]:
    """Build the tables of a prepared project in rounds.

    Returns:
        The runs, one a round, and the nodes that never could be compiled or that read one of these;
        without ephemeral ones, which are built in no case.
    """
    runs: list[Run] = []
    tried: frozenset[NodeId] | None = None
    late: frozenset[NodeId] = frozenset()
    for _ in range(ROUNDS_MAX):
        with _opened(home, project) as workspace:
            graph, left_out, early = _compiled(workspace)
            nodes = frozenset(graph.nodes)
            if left_out == tried:
                nodes, early = late | descendants(edges_of(graph).readers, late), frozenset()
            nodes -= left_out | _tests(graph)
            if not nodes:
                break
            tried, late = left_out, early
            runs.append(_run(workspace, "build", nodes))
        if not left_out and not late:
            break
    never = {key for key in left_out if graph.nodes[key].node.materialized != "ephemeral"}
    return tuple(runs), frozenset(never)


def run_tests(home: Path, project: Subject) -> tuple[Run, frozenset[NodeId]]:
    """Run the tests of what was built; return the run, and the tests that cannot be compiled."""
    with _opened(home, project) as workspace:
        graph, left_out, _ = _compiled(workspace)
        tests = _tests(graph)
        return _run(workspace, "test", tests - left_out), tests & left_out


def _opened(home: Path, project: Subject) -> Workspace:
    return Workspace.open(home, environment=dict(project.environment))


def _run(workspace: Workspace, verb: Verb, nodes: frozenset[NodeId]) -> Run:
    request = PlanRequest(verb=verb, nodes=tuple(sorted(nodes)), accept=FAILS_ALONE)
    planned = workspace.plan(request)
    assert planned.project is not None, [each.what for each in planned.plan.diagnostics]
    return workspace.apply(planned)


def _compiled(workspace: Workspace) -> tuple[Graph, frozenset[NodeId], frozenset[NodeId]]:
    """Return the graph, what cannot be compiled, and what asks for tables yet to be built."""
    compiled = workspace.compile_project(workspace.read("build"))
    assert compiled is not None
    faulty = frozenset(
        NodeId(each.node)
        for each in compiled.diagnostics
        if each.severity == "error" and each.node and each.name not in FAILS_ALONE
    )
    early = frozenset(
        NodeId(each.node)
        for each in compiled.diagnostics
        if each.name == "compiled-too-early" and each.node
    )
    return compiled.graph, faulty | descendants(edges_of(compiled.graph).readers, faulty), early


def _tests(graph: Graph) -> frozenset[NodeId]:
    return frozenset(key for key, each in graph.nodes.items() if each.node.resource_type in TESTS)
