"""What a run leaves behind: deployed nodes, lineage edges and ledger rows, as records.

The executor records through ``record`` alone, so that no way of ending leaves half of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from headwater.base.codec import decode, encode
from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId, RunId
from headwater.base.relations import TableName
from headwater.catalog.records import AttemptRecord, LineageRecord, NodeEnd, NodeRecord
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.plan import BuildStep, Plan, RunTest, Skip
from headwater.plan.state import DeployedNode
from headwater.runs.work import End, Work, engine_name
from headwater.sql.lineage import kind_of


def record_start(work: Work, step: BuildStep | RunTest, attempt: int, at: str) -> None:
    """Record that an attempt began, before it writes anything."""
    begun = End(step=step, attempt=attempt, status="error", message="", started_at=at)
    work.context.metastore.start_attempt(_attempt_record(work, begun, at="", status="started"))


def record(work: Work, ends: Iterable[End]) -> None:
    """Record how a unit's steps ended, in one transaction: whatever a run keeps passes here.

    Each end becomes an attempt, with what was measured beside what was estimated; one that
    published also becomes the deployed node, its name in the metastore and its lineage edges.

    Raises:
        HeadwaterError: Whatever the store raises; then nothing of it is kept.
    """
    at = work.context.now()
    work.context.metastore.finish_nodes([_node_end(work, end, at) for end in ends])


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
        checksum="" if compiled is None else compiled.node.checksum,
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


def settle(work: Work) -> None:
    """Take over what a whole plan showed and no step of it did, so that it is not shown again.

    A node whose text alone changed is deployed with its new text; one that left the project is no
    longer deployed. What it built stays where it is, under its name.
    """
    plan, graph, store = work.plan, work.graph, work.context.metastore
    if graph is None or not plan.changes:
        return
    skipped = {step.node for step in plan.steps if isinstance(step, Skip)}
    known = {each.node: each for each in store.list_nodes(plan.project, plan.target)}
    for change in plan.changes:
        record_now, compiled = known.get(change.node), graph.nodes.get(change.node)
        if record_now is None:
            continue
        if change.sign == "-":
            store.drop_node(plan.project, plan.target, change.node)
        elif compiled is not None and change.node in skipped:
            deployed = decode(DeployedNode, record_now.document)
            if deployed.fingerprint == compiled.fingerprint:
                later = compiled.incremental_code or ""
                deployed = replace(deployed, code=compiled.code, incremental_code=later)
                store.put_nodes([node_record(deployed, plan)])


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
        (influence, column.name) for column in lineage.columns for influence in column.influences
    ]
    edges += [(influence, "") for influence in lineage.row_set]
    return tuple(
        LineageRecord(
            run_id=run_id,
            from_node=producers.get(influence.table, ""),
            from_table=influence.table,
            from_column=influence.column,
            to_node=node,
            to_table=compiled.node.relation,
            to_column=column,
            kind=kind_of(influence.subtype) if column else "row",
            subtype=influence.subtype,
        )
        for influence, column in edges
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


def _node_end(work: Work, end: End, at: str) -> NodeEnd:
    deployed = end.deployed
    if deployed is not None:
        deployed = replace(deployed, run_id=work.run_id, built_at=at)
    return NodeEnd(
        attempt=_attempt_record(work, end, at=at, status=end.status),
        node=None if deployed is None else node_record(deployed, work.plan),
        relation=end.relation,
        lineage=None
        if deployed is None
        else lineage_records(work.graph, end.step.node, work.run_id, work.producers),
    )


def _attempt_record(work: Work, end: End, *, at: str, status: str) -> AttemptRecord:
    step = end.step
    fingerprint = step.fingerprint if isinstance(step, RunTest) else step.target.fingerprint
    return AttemptRecord(
        run_id=work.run_id,
        node=step.node,
        attempt=end.attempt,
        action=step.action,
        status=status,
        fingerprint=fingerprint,
        message=end.message,
        rows=end.rows,
        version=end.version,
        meter=end.meter,
        estimate=encode(step.cost),
        input_bytes=_input_bytes_or_none(work, step) if at else None,
        started_at=end.started_at,
        finished_at=at,
        engine=engine_name(work.context),
    )


def _input_bytes_or_none(work: Work, step: BuildStep | RunTest) -> int | None:
    """Return the bytes of a step's inputs; None when they cannot be looked at.

    A step that published has published: a quantity that is missing must not make it a failure.
    """
    try:
        return work.pins.input_bytes(read.name for read in step.reads)
    except HeadwaterError:
        return None
