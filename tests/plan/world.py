"""A small world to plan in: nodes written as SQL, traced for real, and a pure 'apply'.

Names in braces stand for relations: ``select id from {stg_orders}``; ``{this}`` is the model's own
table. ``apply`` does to a State what running a plan would do, without any engine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName
from headwater.base.spans import Span
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.plan import BuildView, Plan, RunTest, Skip
from headwater.plan.state import DeployedNode, NodeRun, State, TableState, VersionChange
from headwater.project.node import ColumnInfo, Node, ResourceType, SourceInfo, TestInfo
from headwater.sql.columns import trace
from headwater.sql.fingerprint import fingerprint as sql_fingerprint
from headwater.sql.lineage import QueryLineage
from headwater.sql.parse import parse_query

PROJECT = "shop"
TODAY = "2026-11-21"
BYTES_PER_COLUMN = 1000


def relation(name: str) -> TableName:
    return TableName(PROJECT, "main", name)


def columns(text: str) -> tuple[Column, ...]:
    """Read ``id BIGINT, amount DECIMAL(12,2)``."""
    parts = re.split(r",\s*(?![^(]*\))", text.strip())
    return tuple(Column(*part.strip().split(" ", 1)) for part in parts if part.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One node as a test writes it."""

    name: str
    kind: ResourceType = "model"
    sql: str = ""
    incremental: str | None = None
    columns: tuple[Column, ...] = ()
    config: Mapping[str, Json] = field(default_factory=dict)
    reads_clock: Literal["", "day", "always"] = ""
    attached: str | None = None
    test: str = ""
    column: str | None = None
    depends_on: Sequence[str] = ()
    declared: Mapping[str, Json] = field(default_factory=dict)
    checksum: str = "1"
    arguments: Mapping[str, Json] = field(default_factory=dict)
    documented: Mapping[str, ColumnInfo] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @property
    def node_id(self) -> NodeId:
        return NodeId(f"{self.kind}.{PROJECT}.{self.name}")


class World:
    """A project written node by node, inputs first."""

    def __init__(self) -> None:
        self.made: dict[str, Made] = {}

    def add(self, made: Made) -> World:
        self.made[made.name] = made
        return self

    def source(self, name: str, spec: str) -> World:
        return self.add(Made(name=name, kind="source", columns=columns(spec)))

    def seed(self, name: str, spec: str, checksum: str = "1") -> World:
        made = Made(name=name, kind="seed", columns=columns(spec), checksum=checksum)
        return self.add(replace(made, config={"materialized": "seed"}))

    def model(
        self, name: str, sql: str, *, incremental: str | None = None, **config: Json
    ) -> World:
        kind = "incremental" if incremental is not None else "table"
        config = {"materialized": kind, **config}
        return self.add(Made(name=name, sql=sql, incremental=incremental, config=config))

    def view(self, name: str, sql: str, **config: Json) -> World:
        return self.add(Made(name=name, sql=sql, config={"materialized": "view", **config}))

    def snapshot(self, name: str, sql: str, **config: Json) -> World:
        config = {"materialized": "snapshot", "unique_key": "id", **config}
        return self.add(Made(name=name, kind="snapshot", sql=sql, config=config))

    def test(self, name: str, attached: str, sql: str, *, test: str = "", **more: Json) -> World:
        column = more.pop("column", None)
        config: dict[str, Json] = {"materialized": "test", "severity": "ERROR", **more}
        return self.add(
            Made(
                name=name,
                kind="test",
                sql=sql,
                attached=attached,
                test=test,
                column=str(column) if column else None,
                config=config,
            )
        )

    def not_null(self, model: str, column: str) -> World:
        sql = f"select {column} from {{{model}}} where {column} is null"
        name = f"not_null_{model}_{column}"
        return self.test(name, model, sql, test="not_null", column=column)

    def unique(self, model: str, column: str) -> World:
        sql = f"select {column} from {{{model}}} group by {column} having count(*) > 1"
        return self.test(f"unique_{model}_{column}", model, sql, test="unique", column=column)

    def relationships(self, model: str, column: str, to: str, to_column: str) -> World:
        sql = (
            f"select {column} from {{{model}}} where {column} is not null "
            f"and {column} not in (select {to_column} from {{{to}}})"
        )
        name = f"relationships_{model}_{column}"
        self.test(name, model, sql, test="relationships", column=column)
        made = replace(self.made[name], arguments={"field": to_column})
        return self.add(made)

    def exposure(self, name: str, *depends_on: str, **declared: Json) -> World:
        made = Made(name=name, kind="exposure", depends_on=depends_on, declared=declared)
        return self.add(made)

    def without(self, name: str) -> World:
        del self.made[name]
        return self

    def copy(self) -> World:
        other = World()
        other.made = dict(self.made)
        return other

    def graph(self) -> Graph:
        nodes: dict[NodeId, CompiledNode] = {}
        gates: dict[NodeId, tuple[NodeId, ...]] = {}
        for made in self.made.values():
            compiled = self._compile(made, nodes)
            nodes[made.node_id] = compiled
            if made.attached and made.attached in self.made:
                gate = self.made[made.attached].node_id
                gates[gate] = (*gates.get(gate, ()), made.node_id)
        return Graph(
            project=PROJECT,
            target="prod",
            nodes=MappingProxyType(nodes),
            gates=MappingProxyType(gates),
            checksum="c",
        )

    def _compile(self, made: Made, nodes: Mapping[NodeId, CompiledNode]) -> CompiledNode:
        code = self._render(made, made.sql)
        depends_on = tuple(
            self.made[name].node_id
            for name in dict.fromkeys([*re.findall(r"\{(\w+)\}", made.sql), *made.depends_on])
            if name in self.made and name != made.name
        )
        lineage = self._trace(code, nodes) if code else None
        traced = lineage.columns if lineage else ()
        found = tuple(Column(column.name, column.type) for column in traced)
        all_reads = lineage.reads if lineage else ()
        reads = tuple(read for read in all_reads if read != relation(made.name))
        return CompiledNode(
            node=self._node(made),
            code=code,
            incremental_code=None
            if made.incremental is None
            else self._render(made, made.incremental),
            depends_on=tuple(sorted(depends_on)),
            reads=reads,
            columns=found or made.columns or None,
            lineage=lineage,
            fingerprint=fingerprint(made, code),
            reads_clock=made.reads_clock,
        )

    def _render(self, made: Made, sql: str) -> str:
        def quoted(match: re.Match[str]) -> str:
            name = made.name if match[1] == "this" else match[1]
            return relation(name).quoted()

        return re.sub(r"\{(\w+)\}", quoted, sql)

    def _trace(self, code: str, nodes: Mapping[NodeId, CompiledNode]) -> QueryLineage:
        schemas = {
            node.node.relation: node.columns or ()
            for node in nodes.values()
            if node.node.relation is not None
        }
        return trace(parse_query(code), schemas)

    def _node(self, made: Made) -> Node:
        folder = {"seed": "seeds", "test": "tests", "snapshot": "snapshots"}.get(
            made.kind, "models"
        )
        ending = {"seed": "csv", "exposure": "yml", "source": "yml"}.get(made.kind, "sql")
        path = f"{folder}/{made.name}.{ending}"
        has_relation = made.kind in {"model", "seed", "snapshot", "source"}
        is_ephemeral = made.config.get("materialized") == "ephemeral"
        attached = self.made.get(made.attached or "")
        test = None
        if made.test:
            test = TestInfo(
                name=made.test,
                namespace=None,
                arguments=made.arguments,
                column=made.column,
                attached_node=attached.node_id if attached else None,
            )
        meta = made.config.get("meta")
        return Node(
            unique_id=made.node_id,
            resource_type=made.kind,
            package=PROJECT,
            name=made.name,
            path=f"{made.name}.{ending}",
            original_path=path,
            fqn=(PROJECT, made.name),
            config=MappingProxyType(dict(made.config)),
            relation=relation(made.name) if has_relation and not is_ephemeral else None,
            checksum=made.checksum,
            meta=meta if isinstance(meta, dict) else {},
            declared=made.declared,
            columns=made.documented,
            tags=made.tags,
            test=test,
            source=SourceInfo(source_name="raw", identifier=made.name)
            if made.kind == "source"
            else None,
            where=Span(file=path),
        )


def fingerprint(made: Made, code: str) -> str:
    """Hash the meaning as the graph does: the tree, not its layout, and the config that counts."""
    meaning = sql_fingerprint(code) if code else made.checksum
    if made.incremental is not None:
        meaning += sql_fingerprint(made.incremental.replace("{", "").replace("}", ""))
    config = {key: value for key, value in sorted(made.config.items()) if key != "meta"}
    return hashlib.sha256(f"{meaning}{config}".encode()).hexdigest()[:12]


def table(name: str, spec: tuple[Column, ...], *, rows: int = 100, version: int = 0) -> TableState:
    sizes = {column.name: BYTES_PER_COLUMN for column in spec}
    change = VersionChange(
        version=version,
        operation="WRITE",
        at="2026-11-20T00:00:00Z",
        rows_added=rows,
        bytes_added=sum(sizes.values()),
        files_added=1,
        files_removed=0,
    )
    return TableState(
        name=relation(name),
        kind="table",
        version=str(version),
        columns=spec,
        rows=rows,
        size_bytes=sum(sizes.values()),
        files=1,
        column_bytes=sizes,
        changes=(change,),
    )


def with_sources(graph: Graph, state: State | None = None) -> State:
    """Return a State in which every source of the graph exists at version 0."""
    state = state or State(today=TODAY)
    tables = dict(state.tables)
    for compiled in graph.nodes.values():
        if compiled.node.resource_type == "source":
            name = compiled.node.name
            tables.setdefault(str(relation(name)), table(name, compiled.columns or ()))
    return replace(state, tables=MappingProxyType(tables))


def commit(state: State, name: str, *, rows: int = 10, size: int = 100, **more: object) -> State:
    """Return a State in which somebody has committed to a table."""
    key = str(relation(name))
    now = state.tables[key]
    version = int(now.version) + 1
    change = VersionChange(
        version=version,
        operation=str(more.get("operation", "WRITE")),
        at=f"{TODAY}T01:00:00Z",
        rows_added=rows,
        bytes_added=size,
        files_added=1,
        files_removed=0,
        changes_data=bool(more.get("changes_data", True)),
    )
    after = replace(
        now,
        version=str(version),
        rows=(now.rows or 0) + rows,
        size_bytes=(now.size_bytes or 0) + size,
        column_bytes=grown(now.column_bytes, size),
        changes=(change, *now.changes),
        written_by=str(more.get("written_by", "")),
    )
    tables = with_views_moved({**state.tables, key: after})
    return replace(state, tables=MappingProxyType(tables))


def grown(column_bytes: Mapping[str, int], size: int) -> dict[str, int]:
    """Return the bytes of columns once a file of some size is added, alike in all columns."""
    return {name: bytes_ + size // len(column_bytes) for name, bytes_ in column_bytes.items()}


def with_views_moved(
    tables: Mapping[str, TableState], views: frozenset[str] | None = None
) -> dict[str, TableState]:
    """Give views another version, as they have when what they read was written; all by default.

    A view's version is a fingerprint of its SQL and of the versions behind it.
    """
    return {
        key: replace(table, version=f"{table.version}'")
        if table.kind == "view" and (views is None or key in views)
        else table
        for key, table in tables.items()
    }


def views_over(graph: Graph, written: str) -> frozenset[str]:
    """Return the views that read a relation, directly or through views."""
    found = {written}
    for compiled in graph.nodes.values():
        is_view = compiled.node.materialized == "view" and compiled.node.resource_type == "model"
        if is_view and found & {str(read) for read in compiled.reads}:
            found.add(str(compiled.node.relation))
    return frozenset(found - {written})


def apply(plan: Plan, graph: Graph, state: State, *, run: str = "run-1") -> State:
    """Return the State after the plan has run without a failure."""
    tables, deployed, history = dict(state.tables), dict(state.deployed), dict(state.history)
    for step in plan.steps:
        if isinstance(step, Skip):
            continue
        compiled = graph.nodes[step.node]
        inputs = {str(read.name): tables[str(read.name)].version for read in step.reads}
        version = None
        if not isinstance(step, RunTest):
            after = _written(step, compiled, tables.get(str(step.target.relation)), run)
            key = str(step.target.relation)
            tables = with_views_moved({**tables, key: after}, views_over(graph, key))
            version = int(after.version) if after.kind == "table" else None
        deployed[step.node] = DeployedNode(
            node=step.node,
            relation=compiled.node.relation,
            materialized=compiled.node.materialized,
            fingerprint=compiled.fingerprint,
            code=compiled.code,
            columns=compiled.columns,
            lineage=compiled.lineage,
            version=version,
            inputs=MappingProxyType(inputs),
            run_id=RunId(run),
            built_at=f"{state.today}T06:02:00Z",  # one minute for all: run ids tell runs apart
            status="pass" if isinstance(step, RunTest) else "success",
            config=compiled.node.config,
            incremental_code=compiled.incremental_code or "",
        )
        one = NodeRun(
            run_id=RunId(run),
            action=step.action,
            fingerprint=compiled.fingerprint,
            meter=Meter(cpu_seconds=0.5, bytes_read=2000, bytes_written=1000, statements=1),
            rows=100,
            input_bytes=sum(tables[name].size_bytes or 0 for name in inputs) or None,
            at=f"{state.today}T06:02:00Z",
        )
        history[step.node] = (one, *history.get(step.node, ()))
    return replace(
        state,
        tables=MappingProxyType(tables),
        deployed=MappingProxyType(deployed),
        history=MappingProxyType(history),
        compared_with=run,
    )


def _written(step: object, compiled: CompiledNode, now: TableState | None, run: str) -> TableState:
    name = compiled.node.name
    if isinstance(step, BuildView):
        return TableState(
            name=relation(name),
            kind="view",
            version=compiled.fingerprint,
            columns=compiled.columns or (),
        )
    version = int(now.version) + 1 if now is not None and now.kind == "table" else 0
    made = table(name, compiled.columns or (), version=version)
    earlier = now.changes if now is not None else ()
    return replace(made, changes=(*made.changes, *earlier), written_by=run)
