"""Who may refer to a model: dbt's groups and access, checked where references become edges."""

from collections.abc import Collection, Mapping

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.spans import Span
from headwater.project.node import Node


def check_access(
    node: Node,
    target: Node,
    nodes: Mapping[NodeId, Node],
    restricted: Collection[str],
    where: Span | None,
) -> Diagnostic | None:
    """Report a reference that the model's access forbids; None when it is allowed.

    A private model may be read inside its group only, a protected one inside its package when the
    package says ``restrict-access: true``. A generic test belongs to the group of its model.

    Args:
        node: Who refers.
        target: What it refers to.
        nodes: All nodes, for the model that a test is attached to.
        restricted: Packages that say ``restrict-access: true``.
        where: Place of the reference.
    """
    if target.resource_type != "model" or node.resource_type == "unit_test":
        return None
    access = target.config.get("access") or "protected"
    group = target.config.get("group")
    is_foreign = node.package != target.package and target.package in restricted
    if access == "private":
        own = _group_of(node, nodes)
        if own and own == group and not is_foreign:
            return None
        why = f"it is private to group `{group}`" if group else "it is private and has no group"
        fix = f"put `{node.name}` into that group, or make the model `access: protected`"
    elif access == "protected" and is_foreign:
        why = f"it is protected, and package `{target.package}` says `restrict-access: true`"
        fix = "ask the package's owner to make the model `access: public`"
    else:
        return None
    return Diagnostic(
        code="ref-not-allowed",
        severity="error",
        what=f"`{node.name}` must not refer to `{target.name}`",
        why=why,
        fix=fix,
        where=where,
        node=node.unique_id,
    )


def _group_of(node: Node, nodes: Mapping[NodeId, Node]) -> object:
    attached = node.test.attached_node if node.test else None
    owner = nodes.get(attached, node) if attached else node
    return owner.config.get("group")
