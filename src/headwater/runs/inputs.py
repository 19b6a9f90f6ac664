"""Finds what nodes read in place of their inputs, from what was asked and what the lake has.

dbt's rule of deferral: an input that is not built here is read where the earlier manifest says.
What this very command builds counts as built, because compiling comes before building.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import Graph
from headwater.graph.previous import Previous
from headwater.graph.substitutes import InputRequest, Substitutes, read_sample
from headwater.graph.walk import descendants, edges_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command asks of inputs.

    Attributes:
        request: What its command line says.
        selected: Nodes that it is about; None for all.
        built: Nodes that it builds.
    """

    request: InputRequest
    selected: Collection[NodeId] | None = None
    built: Collection[NodeId] = ()


def find_substitutes(
    asked: Asked,
    graph: Graph,
    *,
    previous: Callable[[], Previous],
    exists: Callable[[TableName], bool],
    now: datetime,
) -> Substitutes:
    """Find what is read in place of inputs.

    Args:
        asked: What the command asks.
        graph: The project with its references resolved.
        previous: Reads the earlier manifest.
        exists: Says whether a relation is in the lake.
        now: Time of the command.

    Raises:
        Invalid: ``usage-invalid``, or what reading the earlier manifest raises.
    """
    request = asked.request
    deferred = _find_deferred(asked, graph, previous(), exists) if request.defer else {}
    return Substitutes(
        deferred=MappingProxyType(deferred),
        keys_elsewhere=MappingProxyType(
            {
                key: name
                for key, name in deferred.items()
                if asked.selected is not None and key not in asked.selected
            }
        ),
        is_empty=request.empty,
        sample=read_sample(request.sample, now) if request.sample else None,
    )


def _find_deferred(
    asked: Asked, graph: Graph, previous: Previous, exists: Callable[[TableName], bool]
) -> dict[NodeId, TableName]:
    found: dict[NodeId, TableName] = {}
    for key in sorted(_inputs(asked, graph)):
        own, other = graph.nodes[key].node.relation, previous.relation_or_none(key)
        if own is None or other is None or other == own:
            continue
        is_selected = asked.selected is None or key in asked.selected
        is_favoured = asked.request.favor_state and not is_selected
        if is_favoured or not (key in asked.built or exists(own)):
            found[key] = other
    return found


def _inputs(asked: Asked, graph: Graph) -> Collection[NodeId]:
    """Return what the selected nodes may read, which alone is worth looking for."""
    if asked.selected is None:
        return frozenset(graph.nodes)
    return descendants(edges_of(graph).inputs, frozenset(asked.selected))


def deferral_findings(graph: Graph, instead: Substitutes) -> tuple[Diagnostic, ...]:
    """Say which inputs are read elsewhere, one finding each."""
    return tuple(
        Diagnostic(
            code="input-deferred",
            severity="info",
            what=f"`{graph.nodes[key].node.name}` is read from `{relation}`",
            why="it is not selected, and it is not built here or the earlier state is favoured",
            fix="select it too, to build it here",
            node=key,
        )
        for key, relation in instead.deferred.items()
    )


def no_state() -> Invalid:
    """Make the fault of a deferral without a folder to defer to."""
    return Invalid(
        "usage-invalid",
        "`--defer` does not say where the earlier manifest is",
        fix="give --state DIR, or --defer-state DIR",
    )
