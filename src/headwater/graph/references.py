"""Resolving a whole project: its graph without compiled SQL, all that a listing or manifest needs.

Apart from compiling, so that asking what a project holds costs no SQL parser.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.graph.deprecations import find_deprecations
from headwater.graph.gates import make_gates
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.packages import package_uses
from headwater.graph.resolve import Resolution, resolve, topological_order
from headwater.graph.said import NodeSaid
from headwater.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphResult:
    """What came of compiling.

    Attributes:
        graph: Every enabled node; those with faults have no code.
        diagnostics: Everything found, in the order of the nodes.
        inline: Compiled SQL of the inline query; None when there was none or it has faults.
        said: What its macros printed, and logged for the terminal.
        sends: The inline query's macros would send statements that do more than read.
        logged: What the macros of nodes said; nodes that said nothing are left out.
    """

    graph: Graph
    diagnostics: tuple[Diagnostic, ...]
    inline: str | None = None
    said: tuple[str, ...] = ()
    sends: bool = False
    logged: Mapping[NodeId, NodeSaid] = field(default_factory=lambda: MappingProxyType({}))


def resolve_graph(project: Project) -> GraphResult:
    """Resolve every reference of a project without compiling SQL: for listing and manifests.

    Nodes have no code, columns or fingerprints; this is a fraction of the work of compiling.
    """
    found = resolve_references(project)

    def bare(key: NodeId) -> CompiledNode:
        return CompiledNode(node=project.nodes[key], depends_on=found.depends_on[key])

    return GraphResult(graph=make_graph(project, found, bare), diagnostics=found.diagnostics)


def resolve_references(project: Project) -> Resolution:
    """Find every node's inputs, under the rules of all packages."""
    restricted = {package.name for package in project.packages if package.restricts_access}
    found = resolve(project.name, project.nodes, project.disabled.values(), restricted)
    if any("deprecation_date" in node.declared for node in project.nodes.values()):
        project.templates.on_clock()
    now = project.context_values.run_started_at
    deprecated = find_deprecations(project.nodes, found.depends_on, now)
    return replace(found, diagnostics=(*found.diagnostics, *deprecated))


def make_graph(
    project: Project, found: Resolution, compile_node: Callable[[NodeId], CompiledNode]
) -> Graph:
    """Put the nodes in the order in which they are built, with what gates and what waits.

    Args:
        project: The project as read.
        found: Its references, resolved.
        compile_node: Makes one node of the graph; asked in the order of building.
    """
    gates = make_gates(project.nodes, found.depends_on, found.order)
    edges = {key: (*inputs, *gates.waits.get(key, ())) for key, inputs in found.depends_on.items()}
    order, left = topological_order(edges)
    return Graph(
        project=project.name,
        target=project.target.name,
        nodes={key: compile_node(key) for key in (*order, *sorted(left))},
        gates=gates.tests,
        checksum=project.checksum,
        waits=gates.waits,
        on_run_start=tuple(key for key in project.on_run_start if key in edges),
        on_run_end=tuple(key for key in project.on_run_end if key in edges),
        packages=package_uses(project),
    )
