"""A small world for run tests: a real lake, a real engine, a metastore, and plans made by hand."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.telemetry import Event
from headwater.catalog.metastore import open_metastore
from headwater.engines.engine import EngineSettings
from headwater.engines.registry import open_engine
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.plan import (
    Append,
    Build,
    BuildView,
    Merge,
    Plan,
    Read,
    RunTest,
    Step,
    Target,
)
from headwater.project.node import Node
from headwater.runs.cancel import CancelToken
from headwater.runs.context import Context, Observer, Tables, observe_nothing
from headwater.runs.execute import execute
from headwater.runs.run import Run

NOW = datetime(2026, 11, 21, 6, 2, tzinfo=UTC)


def relation(name: str) -> TableName:
    return TableName("shop", "main", name)


def node_id(name: str) -> NodeId:
    return NodeId(f"model.shop.{name}")


def quoted(name: str) -> str:
    return relation(name).quoted()


def open_context(
    folder: Path, *, threads: int = 2, observer: Observer = observe_nothing
) -> Context:
    settings = EngineSettings(kind="duckdb", threads=threads, memory_limit_bytes=512 * 1024**2)
    return Context(
        engine=open_engine(settings),
        metastore=open_metastore(folder / ".headwater" / "workspace.db"),
        tables=Tables(str(folder / "lake")),
        folder=folder / ".headwater",
        catalog="shop",
        schema="main",
        threads=threads,
        project_root=str(folder),
        observer=observer,
    )


def close_context(context: Context) -> None:
    context.engine.close()
    context.metastore.close()


def opened(folder: Path, *steps: Step) -> Iterator[Context]:
    """Give a world in which some steps have run, and close it; for fixtures."""
    context = open_context(folder)
    if steps:
        run_steps(context, *steps)
    yield context
    close_context(context)


def target(name: str, **changes: object) -> Target:
    made = Target(
        relation=relation(name),
        fingerprint="f1",
        version=None,
        materialized="table",
        columns=None,
        full_code="",
        depends_on=(),
    )
    return replace(made, **changes)  # type: ignore[arg-type] # keyword names are the fields'


def build(name: str, sql: str, *, reads: Iterable[str] = (), **changes: object) -> Build:
    return Build(
        node=node_id(name),
        name=name,
        resource_type="model",
        action="add",
        reason="new",
        after=tuple(node_id(read) for read in reads),
        reads=tuple(Read(name=relation(read), version=None) for read in reads),
        target=target(name, full_code=sql, **changes),
        sql=sql,
    )


def view(name: str, sql: str, *, reads: Iterable[str] = ()) -> BuildView:
    made = build(name, sql, reads=reads, materialized="view")
    return BuildView(
        node=made.node,
        name=name,
        resource_type="model",
        action="add",
        reason="new",
        after=made.after,
        reads=made.reads,
        target=made.target,
        sql=sql,
    )


def append(name: str, sql: str, version: int, **changes: object) -> Append:
    made = Append(
        node=node_id(name),
        name=name,
        resource_type="model",
        action="incremental",
        reason="",
        target=target(name, version=version, materialized="incremental"),
        sql=sql,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # keyword names are the fields'


def merge(name: str, sql: str, version: int, **changes: object) -> Merge:
    made = Merge(
        node=node_id(name),
        name=name,
        resource_type="model",
        action="incremental",
        reason="",
        target=target(name, version=version, materialized="incremental"),
        sql=sql,
        unique_key=("id",),
    )
    return replace(made, **changes)  # type: ignore[arg-type] # keyword names are the fields'


def check(
    name: str, sql: str, *, gates: str | None, reads: Iterable[str], **changes: object
) -> RunTest:
    made = RunTest(
        node=NodeId(f"test.shop.{name}"),
        name=name,
        resource_type="test",
        action="test",
        reason="new",
        after=(),
        reads=tuple(Read(name=relation(read), version=None) for read in reads),
        sql=sql,
        fingerprint="t1",
        gates=None if gates is None else node_id(gates),
    )
    return replace(made, **changes)  # type: ignore[arg-type] # keyword names are the fields'


def graph_of(steps: Iterable[Step]) -> Graph:
    nodes: dict[NodeId, CompiledNode] = {}
    gates: dict[NodeId, tuple[NodeId, ...]] = {}
    for step in steps:
        where = None if isinstance(step, RunTest) else step.target.relation  # type: ignore[union-attr] # no Skip here
        nodes[step.node] = CompiledNode(
            node=Node(
                unique_id=step.node,
                resource_type=step.resource_type,
                package="shop",
                name=step.name,
                path="",
                original_path="",
                fqn=(),
                relation=where,
            ),
            depends_on=step.after,
        )
        if isinstance(step, RunTest) and step.gates:
            gates[step.gates] = (*gates.get(step.gates, ()), step.node)
    return Graph(project="shop", target="dev", nodes=nodes, gates=gates, checksum="c1")


def plan_of(*steps: Step, **changes: object) -> Plan:
    made = Plan(
        project="shop",
        target="dev",
        checksum="c1",
        compared_with="",
        created_at="",
        steps=steps,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # keyword names are the fields'


def run_steps(
    context: Context,
    *steps: Step,
    events: list[Event] | None = None,
    cancel: CancelToken | None = None,
    **changes: object,
) -> Run:
    taken: list[Event] = [] if events is None else events
    plan = plan_of(*steps, **changes)
    return execute(plan, context, graph=graph_of(steps), sink=taken.append, cancel=cancel)


def rows_of(context: Context, name: str) -> list[tuple[object, ...]]:
    session = context.engine.open_session(catalog="shop", schema="main")
    try:
        session.bind(relation(name), context.tables.table(relation(name)).snapshot())
        result = session.query(f"select * from {quoted(name)} order by all", rows_max=10_000)
        return list(result.rows)
    finally:
        session.close()


def statuses(run: Run) -> Mapping[str, str]:
    return MappingProxyType({result.name: result.status for result in run.results})


def data_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in (folder / "lake").rglob("*.parquet"))
