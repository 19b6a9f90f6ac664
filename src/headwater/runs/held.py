"""What tables of models with ``refresh`` have read of their inputs, by their own logs.

Each commit of such a table carries one transaction for each input, with the version that it has
read. Records may be lost or late; the log that has the rows has this, too.
"""

from collections.abc import Mapping
from types import MappingProxyType

from headwater.base.errors import NotFound
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode, Graph
from headwater.lake.changes import net_changes
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import Table
from headwater.plan.inputs import index_inputs
from headwater.plan.refresh import is_refreshed
from headwater.plan.state import Held
from headwater.runs.context import Context
from headwater.runs.pins import Pins


def consumed_app(node: NodeId, table_id: str) -> str:
    """Return the application whose transaction says which version of an input a table holds."""
    return f"headwater/{node}/{table_id}"


def read_held(graph: Graph, context: Context, pins: Pins) -> Mapping[NodeId, Mapping[str, Held]]:
    """Read what the built models with ``refresh`` hold of each input table.

    Raises:
        HeadwaterError: When storage cannot be read.
    """
    kept = [compiled for compiled in graph.nodes.values() if is_refreshed(compiled)]
    if not kept:
        return MappingProxyType({})
    reads = index_inputs(graph).reads
    found: dict[NodeId, Mapping[str, Held]] = {}
    for compiled in kept:
        own = _table_or_none(compiled, context, pins)
        if own is None:
            continue
        node = compiled.node.unique_id
        inputs = ((name, pins.snapshot_or_none(name)) for name in reads[node])
        found[node] = MappingProxyType(
            {
                str(name): read_held_of(context, own, node, snapshot)
                for name, snapshot in inputs
                if snapshot is not None
            }
        )
    return MappingProxyType(found)


def read_held_of(context: Context, own: Table, node: NodeId, snapshot: Snapshot) -> Held:
    """Read what a table holds of one input.

    Args:
        context: The world.
        own: The table.
        node: The model that builds it.
        snapshot: The input as it is now.
    """
    since = own.transaction_or_none(consumed_app(node, snapshot.table_id))
    if since is None:
        return Held(since=None, why="which version of it was read is not recorded")
    if since == snapshot.version:
        return Held(since=since)
    try:
        net = net_changes(context.tables.at(snapshot.root), since, snapshot)
    except NotFound as error:
        return Held(since=since, why=f"what changed in it is not kept: {error.why}")
    return Held(since=since, rows_added=net.rows_added, rows_removed=net.rows_removed)


def _table_or_none(compiled: CompiledNode, context: Context, pins: Pins) -> Table | None:
    relation = compiled.node.relation
    if relation is None or pins.snapshot_or_none(relation) is None:
        return None
    return context.tables.table(relation)
