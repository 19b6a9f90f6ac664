"""What would be deployed if a revision of the project had just been built.

A plan for a pull request compares the project with the one that it is merged into, not with what
this checkout happens to have built. Tables, their statistics and earlier runs stay what they are:
they say what the change costs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.compare import has_step
from headwater.plan.inputs import index_inputs, is_test, is_view
from headwater.plan.state import DeployedNode, NeededFiles, State, TableState

_EVER = "0001-01-01T00:00:00+00:00"


def deployed_as(graph: Graph, state: State, *, now: str) -> State:
    """Return the state as it would be had ``graph`` just been built on the tables of today.

    Args:
        graph: The project to compare with, compiled.
        state: The world.
        now: ISO 8601 time of planning.
    """
    built = {key: node for key, node in graph.nodes.items() if has_step(node)}
    tables = {**state.tables, **dict(_missing_tables(built.values(), state))}
    index = index_inputs(graph)
    deployed = {
        key: _record(node, index.reads[key], tables, now=now) for key, node in built.items()
    }
    same = {
        key
        for key, record in deployed.items()
        if key in state.deployed and state.deployed[key].fingerprint == record.fingerprint
    }
    return replace(
        state,
        deployed=MappingProxyType(deployed),
        tables=MappingProxyType(tables),
        held=MappingProxyType({}),
        needed_before=_only(state.needed_before, same),
    )


def _missing_tables(
    nodes: Iterable[CompiledNode], state: State
) -> Iterable[tuple[str, TableState]]:
    """Yield tables and views that the lake does not have, without any figure."""
    for compiled in nodes:
        relation = compiled.node.relation
        if relation is None or is_test(compiled) or str(relation) in state.tables:
            continue
        yield (
            str(relation),
            TableState(
                name=relation,
                kind="view" if is_view(compiled) else "table",
                version="0",
                columns=compiled.columns or (),
            ),
        )


def _record(
    compiled: CompiledNode,
    reads: Iterable[TableName],
    tables: Mapping[str, TableState],
    *,
    now: str,
) -> DeployedNode:
    node = compiled.node
    relation = None if is_test(compiled) else node.relation
    table = tables.get(str(relation))
    is_table = table is not None and table.kind == "table" and table.version.isdecimal()
    return DeployedNode(
        node=node.unique_id,
        relation=relation,
        materialized=node.materialized,
        fingerprint=compiled.fingerprint,
        code=compiled.code,
        columns=compiled.columns,
        lineage=compiled.lineage,
        version=int(table.version) if table is not None and is_table else None,
        inputs={str(name): tables[str(name)].version for name in reads if str(name) in tables},
        built_at=now,
        incremental_code=compiled.incremental_code or "",
        config=node.config,
        covered=((_EVER, now),),
    )


def _only(
    found: Mapping[NodeId, Mapping[str, NeededFiles]], kept: set[NodeId]
) -> Mapping[NodeId, Mapping[str, NeededFiles]]:
    return MappingProxyType({key: value for key, value in found.items() if key in kept})
