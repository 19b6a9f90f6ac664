"""What is answered about a project as read, before any of its SQL is compiled."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.project.node import Node

_NAMED_BY_PACKAGE = frozenset({
    "exposure", "metric", "saved_query", "semantic_model", "unit_test",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Nodes of a selection as dbt lists them.

    Attributes:
        rows: Entries of the manifest, by unique_id.
        diagnostics: Findings.
        outlines: Files that may be edited and the same nodes are selected, from ``outlines_of``.
    """

    rows: tuple[dict[str, object], ...]
    diagnostics: tuple[Diagnostic, ...]
    outlines: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)


def list_rows(
    manifest: Mapping[str, Any], graph: Graph, chosen: Collection[NodeId]
) -> tuple[dict[str, object], ...]:
    """Return what ``hw ls`` shows of the chosen nodes, from their entries in the manifest.

    They are in the order of their unique_ids, as dbt has them. Each row has the manifest's keys and
    ``selector``: the name that selects it, as dbt writes it (``source:`` and the like in front).
    """
    entries = {
        **manifest["nodes"],
        **manifest["sources"],
        **manifest["exposures"],
        **manifest["metrics"],
        **manifest["semantic_models"],
        **manifest["saved_queries"],
        **manifest["unit_tests"],
        **manifest["functions"],
    }
    rows = []
    for key in sorted(graph.nodes):
        if key not in chosen or key not in entries:
            continue
        node = graph.nodes[key].node
        rows.append({**entries[key], "selector": _selector(node)})
    return tuple(rows)


def _selector(node: Node) -> str:
    if node.resource_type == "source":
        group = node.source.source_name if node.source else ""
        return f"source:{node.package}.{group}.{node.name}"
    if node.resource_type in _NAMED_BY_PACKAGE:
        return f"{node.resource_type}:{node.package}.{node.name}"
    return ".".join(node.fqn)
