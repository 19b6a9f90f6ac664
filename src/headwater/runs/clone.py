"""Clones what another target has built: views that read it, as dbt has where tables have no clone.

Delta's shallow clone names files by absolute path, which delta-rs and what builds on it cannot
read; a view is read by everything here, costs nothing, and is replaced when its node is built.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import Graph
from headwater.graph.previous import Previous
from headwater.plan.plan import BuildView, Plan, Read, Skip, Step, Target
from headwater.plan.totals import with_findings
from headwater.project.node import Node
from headwater.runs.context import Context
from headwater.runs.pins import Pins

_CLONED = frozenset({"model", "seed", "snapshot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """What a node is cloned from.

    Attributes:
        name: Where the other target has it.
        version: Its version; None when it is not there.
    """

    name: TableName
    version: str | None


def make_clone_plan(
    graph: Graph,
    previous: Previous,
    context: Context,
    chosen: Collection[NodeId],
    *,
    full_refresh: bool,
) -> Plan:
    """Plan a view on the other target's relation for each chosen node.

    Args:
        graph: The project with its references resolved.
        previous: Manifest of the other target.
        context: The world.
        chosen: Nodes to clone.
        full_refresh: Clone also over what exists.
    """
    pins = Pins(context)
    steps: list[Step] = []
    missing: list[Node] = []
    for node in (graph.nodes[key].node for key in graph.nodes if key in chosen):
        if node.resource_type not in _CLONED or node.relation is None:
            continue
        name = previous.relation_or_none(node.unique_id)
        origin = None if name is None else _Origin(name=name, version=pins.version_or_none(name))
        if origin is None or origin.version is None:
            missing.append(node)
            continue
        exists = pins.find_or_none(node.relation) is not None
        reason = "it exists already" if exists and not full_refresh else ""
        if node.relation == origin.name:
            reason = "it is the other target's own"
        steps.append(_skip(node, reason) if reason else _view(node, node.relation, origin))
    plan = Plan(
        project=graph.project,
        target=graph.target,
        checksum=graph.checksum,
        compared_with="",
        created_at=context.now(),
        steps=tuple(steps),
    )
    return with_findings(plan, tuple(_missing_findings(missing, previous)))


def _skip(node: Node, reason: str) -> Skip:
    return Skip(
        node=node.unique_id,
        name=node.name,
        resource_type=node.resource_type,
        action="skip",
        reason=reason,
    )


def _view(node: Node, relation: TableName, origin: _Origin) -> BuildView:
    sql = f"select * from {origin.name.quoted()}"  # noqa: S608 - a quoted name
    return BuildView(
        node=node.unique_id,
        name=node.name,
        resource_type=node.resource_type,
        action="add",
        reason=f"a view of {origin.name}",
        reads=(Read(name=origin.name, version=origin.version),),
        # Nothing that a node of the project can have, so that the next build replaces it.
        target=Target(
            relation=relation,
            fingerprint=f"clone of {origin.name}",
            version=None,
            materialized="view",
            columns=None,
            full_code=sql,
            depends_on=(),
        ),
        sql=sql,
    )


def _missing_findings(missing: list[Node], previous: Previous) -> Iterator[Diagnostic]:
    for node in missing:
        name = previous.relation_or_none(node.unique_id)
        yield Diagnostic(
            code="clone-without-origin",
            severity="warning",
            what=f"`{node.name}` is not cloned: the other target does not have it",
            why="the earlier manifest does not have the node, or it is no table or view"
            if name is None
            else f"`{name}` is not in this lake",
            fix="build it there first, or give --state its newest artifacts; then clone again",
            where=node.where,
            node=node.unique_id,
        )
