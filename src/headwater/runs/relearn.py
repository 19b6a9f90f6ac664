"""Learns again what the records have lost and the lake still knows.

Records lie in one file that can be deleted, or lose its last rows with the power. Planning reads
the logs then; a build that finds everything up to date also names the tables again, so that they
are listed and found by name.
"""

from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.catalog.records import TableRecord
from headwater.graph.graph import CompiledNode
from headwater.lake.snapshot import HistoryEntry
from headwater.lake.table import Table
from headwater.plan.plan import Skip
from headwater.runs.publish import is_node_commit
from headwater.runs.record import node_record
from headwater.runs.state import deployed_from_log
from headwater.runs.work import Work

COMMITS_SEARCHED_MAX = 20
"""How many of a table's newest commits are searched for the one that built its node."""


def relearn(work: Work) -> None:
    """Record the tables of nodes that are up to date and that no record names.

    Raises:
        HeadwaterError: As the metastore does.
    """
    if work.graph is None:
        return
    skipped = [step.node for step in work.plan.steps if isinstance(step, Skip)]
    named = {record.name for record in work.context.metastore.list_relations()}
    for node in skipped:
        compiled = work.graph.nodes.get(node)
        if compiled is None or compiled.node.relation in {None, *named}:
            continue
        if compiled.node.resource_type != "test" and compiled.node.materialized != "view":
            _record(work, node, compiled)


def _record(work: Work, node: NodeId, compiled: CompiledNode) -> None:
    relation, store = compiled.node.relation, work.context.metastore
    if relation is None:
        return
    table = work.context.tables.table(relation)
    entry = next((each for each in _entries(table) if is_node_commit(each.headwater, node)), None)
    if entry is None:
        return
    deployed = deployed_from_log(compiled, entry)
    store.put_nodes([node_record(deployed, work.plan)])
    store.put_relation(
        TableRecord(
            name=relation,
            location=table.root,
            run_id=deployed.run_id,
            updated_at=deployed.built_at,
        )
    )


def _entries(table: Table) -> tuple[HistoryEntry, ...]:
    try:
        return table.history(COMMITS_SEARCHED_MAX)
    except HeadwaterError:
        return ()
