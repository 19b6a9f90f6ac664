"""Which faults stand in the way of what was wanted, and which only lie beside it.

A model whose macro asks for a table that is not built yet must not keep its own seed from loading.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.graph.walk import descendants, edges_of
from headwater.project.node import ResourceType


def nodes_of_types(
    graph: Graph, types: Collection[ResourceType], selected: Collection[NodeId] | None
) -> frozenset[NodeId]:
    """Return the nodes of some kinds, of those that were selected unless None."""
    return frozenset(
        key
        for key, compiled in graph.nodes.items()
        if compiled.node.resource_type in types and (selected is None or key in selected)
    )


def weigh_faults(
    diagnostics: Iterable[Diagnostic], graph: Graph, wanted: frozenset[NodeId]
) -> tuple[Diagnostic, ...]:
    """Make warnings of errors in nodes that are neither wanted nor read by wanted ones.

    Args:
        diagnostics: What compiling found.
        graph: The compiled project.
        wanted: Nodes that will be acted on.
    """
    needed = wanted | descendants(edges_of(graph).inputs, wanted)
    return tuple(
        replace(found, severity="warning")
        if found.severity == "error" and found.node and found.node not in needed
        else found
        for found in diagnostics
    )


OF_ONE_QUERY = ("sql-refused", "sql-syntax", "sql-not-a-query")
"""Faults of one node's compiled query: the node fails when it runs, and all else can be built."""


def soften(diagnostics: Iterable[Diagnostic], accepted: Collection[str]) -> tuple[Diagnostic, ...]:
    """Make warnings of faults of one query whose code is accepted: such a node fails alone.

    Args:
        diagnostics: What compiling found.
        accepted: Numbers of codes.
    """
    return tuple(
        replace(found, severity="warning")
        if found.code in accepted and found.name in OF_ONE_QUERY and found.node
        else found
        for found in diagnostics
    )


def is_refusal(diagnostic: Diagnostic) -> bool:
    """Say whether the engine refuses one node's query, which leaves the others as they are."""
    return (
        diagnostic.severity == "error"
        and diagnostic.name == "sql-refused"
        and bool(diagnostic.node)
    )
