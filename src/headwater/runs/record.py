"""What a run leaves behind: deployed nodes, lineage edges and ledger rows, as records."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from headwater.base.codec import encode
from headwater.base.ids import NodeId, RunId
from headwater.base.relations import TableName
from headwater.catalog.metastore import Metastore
from headwater.catalog.records import LineageRecord, NodeEnd, NodeRecord
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.plan import BuildStep, Plan, RunTest
from headwater.plan.state import DeployedNode
from headwater.runs.run import Run


def deployed_build(
    step: BuildStep, graph: Graph | None, inputs: Mapping[str, str], *, version: int | None
) -> DeployedNode:
    """Return a built node as the next plan compares with it; run and time are filled in later."""
    compiled, target = _compiled_or_none(graph, step.node), step.target
    return DeployedNode(
        node=step.node,
        relation=target.relation,
        materialized=target.materialized,
        fingerprint=target.fingerprint,
        code=target.full_code,
        columns=target.columns if compiled is None else compiled.columns,
        lineage=None if compiled is None else compiled.lineage,
        version=version,
        inputs=MappingProxyType(dict(inputs)),
        config=target.config,
        incremental_code=target.incremental_code,
    )


def deployed_test(
    step: RunTest, graph: Graph | None, inputs: Mapping[str, str], *, status: str
) -> DeployedNode:
    """Return a test as the next plan compares with it; run and time are filled in later."""
    compiled = _compiled_or_none(graph, step.node)
    return DeployedNode(
        node=step.node,
        relation=None,
        materialized="test",
        fingerprint=step.fingerprint,
        code=step.sql,
        lineage=None if compiled is None else compiled.lineage,
        inputs=MappingProxyType(dict(inputs)),
        status=status,
    )


def node_record(deployed: DeployedNode, plan: Plan | Graph) -> NodeRecord:
    """Wrap a deployed node for the store."""
    return NodeRecord(
        project=plan.project,
        target=plan.target,
        node=deployed.node,
        run_id=deployed.run_id,
        updated_at=deployed.built_at,
        document=encode(deployed),
    )


def lineage_records(
    graph: Graph | None, node: NodeId, run_id: RunId, producers: Mapping[TableName, NodeId]
) -> tuple[LineageRecord, ...]:
    """Return the column edges that lead to a node; none when its query could not be traced."""
    compiled = _compiled_or_none(graph, node)
    if compiled is None or compiled.lineage is None:
        return ()
    lineage = compiled.lineage
    edges = [
        (influence, column.name, "direct")
        for column in lineage.columns
        for influence in column.influences
    ]
    edges += [(influence, "", "row") for influence in lineage.row_set]
    return tuple(
        LineageRecord(
            run_id=run_id,
            from_node=producers.get(influence.table, ""),
            from_table=influence.table,
            from_column=influence.column,
            to_node=node,
            to_table=compiled.node.relation,
            to_column=column,
            kind="direct" if kind == "direct" else "row",
            subtype=influence.subtype,
        )
        for influence, column, kind in edges
    )


def producers_of(graph: Graph | None) -> Mapping[TableName, NodeId]:
    """Return the node that builds or declares each relation."""
    if graph is None:
        return MappingProxyType({})
    return MappingProxyType(
        {
            compiled.node.relation: node
            for node, compiled in graph.nodes.items()
            if compiled.node.relation is not None and compiled.node.resource_type != "test"
        }
    )


def _compiled_or_none(graph: Graph | None, node: NodeId) -> CompiledNode | None:
    return None if graph is None else graph.nodes.get(node)


def record(run: Run, ends: Iterable[NodeEnd], metastore: Metastore) -> None:
    """Keep a whole run at once: its nodes' ends, then its own; for replays and rebuilt ledgers.

    While a run executes, each node's end is kept as it happens, by the same call.
    """
    metastore.finish_nodes(tuple(ends))
    metastore.finish_run(run.run_id, run.status, run.finished_at)
