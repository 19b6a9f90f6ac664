"""Which faults stand in the way of what was wanted, and which only lie beside it.

A model whose macro asks for a table that is not built yet must not keep its own seed from loading.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from headwater.base.codes import code_numbers
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import NotFound
from headwater.base.ids import NodeId
from headwater.base.spans import Span
from headwater.graph.graph import Graph
from headwater.graph.walk import descendants, edges_of
from headwater.project.node import Node, ResourceType
from headwater.sql.parse import SqlFault


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

    A fault of a node's own query is none as long as that query is not sent: where a node is read
    and not built, it is read as it was built before. An ephemeral model is sent with its readers.

    Args:
        diagnostics: What compiling found.
        graph: The compiled project.
        wanted: Nodes that will be acted on.
    """
    inputs = edges_of(graph).inputs
    needed = wanted | descendants(inputs, wanted)
    sent = frozenset(key for key in wanted if not _is_inlined(graph, key))
    read = sent | _inlined_into(graph, inputs, sent)

    def is_harmless(found: Diagnostic) -> bool:
        if found.severity != "error" or not found.node:
            return False
        if found.name == "ref-not-found" and _is_declared(graph, NodeId(found.node)):
            return False  # it is never built, so this is the only time to say that it breaks
        return found.node not in (read if found.name in OF_ONE_QUERY else needed)

    return tuple(
        replace(found, severity="warning") if is_harmless(found) else found for found in diagnostics
    )


def _is_declared(graph: Graph, node: NodeId) -> bool:
    compiled = graph.nodes.get(node)
    return compiled is not None and compiled.node.resource_type in DECLARED


def not_traced(node: Node, fault: SqlFault, where: Span | None) -> Diagnostic:
    """Say that a query is run as it is, though nothing is known of it but what it refers to."""
    return Diagnostic(
        code="query-not-traced",
        severity="warning",
        what=f"the engine reads `{node.name}` and Headwater cannot: its columns have no lineage",
        why=fault.what,
        fix="write that place in another way, when plans shall follow its columns",
        where=where or node.where,
        node=node.unique_id,
    )


def _inlined_into(
    graph: Graph, inputs: Mapping[NodeId, Collection[NodeId]], nodes: Collection[NodeId]
) -> frozenset[NodeId]:
    """Return the ephemeral models whose queries are parts of those of some nodes."""
    found: set[NodeId] = set()
    rest = list(nodes)
    while rest:
        below = {key for key in inputs.get(rest.pop(), ()) if _is_inlined(graph, key)} - found
        found |= below
        rest += below
    return frozenset(found)


def _is_inlined(graph: Graph, key: NodeId) -> bool:
    compiled = graph.nodes.get(key)
    return compiled is not None and compiled.node.materialized == "ephemeral"


DECLARED = frozenset({"exposure", "metric", "semantic_model", "saved_query"})
"""Who reads nodes and has no query of its own."""
OF_ONE_QUERY = ("sql-refused", "sql-syntax", "sql-not-a-query", "sql-empty")
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


def accepted_numbers(codes: tuple[str, ...]) -> frozenset[str]:
    """Return the numbers of codes given by number or name.

    Raises:
        NotFound: ``code-unknown``.
    """
    try:
        return code_numbers(codes)
    except KeyError as error:
        what = f"no code is called `{error.args[0]}`"
        raise NotFound("code-unknown", what, fix="hw explain --list") from error
