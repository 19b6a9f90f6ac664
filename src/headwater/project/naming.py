"""How the relation of one node is written: the project's way, and what the node says of quoting.

Apart from the node, because the same node is written differently for another warehouse.
"""

from headwater.base.relations import TableName
from headwater.base.warehouses import Naming, naming_of
from headwater.jinja.relation import Relation
from headwater.project.node import Node


def relation_of(naming: Naming, node: Node, instead: TableName | None = None) -> Relation | None:
    """Return the relation that templates see; None for a node without one.

    Args:
        naming: How the project writes names.
        node: The node.
        instead: The table that is read in its place.
    """
    table = instead or node.relation
    if table is None:
        return None
    quoting = node.declared.get("quoting") or node.config.get("quoting")
    if node.resource_type == "source":  # which `quoting` of dbt_project.yml is not about
        naming = naming_of(naming.warehouse)
    return Relation.of_table(table, naming=naming.with_quoting(quoting))


def relation_name(naming: Naming, node: Node) -> str | None:
    """Return ``relation_name`` of artifacts; None for a node without relation."""
    if node.resource_type == "function":
        return None  # as in dbt, though it has a place
    if node.resource_type == "source" and node.relation is not None:
        # Unlike `source()` in SQL, dbt's manifest quotes it as dbt_project.yml asks.
        asked = naming.with_quoting(node.declared.get("quoting"))
        return Relation.of_table(node.relation, naming=asked).render()
    found = relation_of(naming, node)
    return None if found is None else found.render()
