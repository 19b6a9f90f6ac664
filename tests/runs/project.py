"""A project of three models over a raw table, planned by the real planner; for crash tests.

``events`` is incremental and appends what is new in ``raw``; ``latest`` merges by key; ``total``
reads both. What each must hold is known from ``raw`` alone.
"""

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from tests.runs.world import (
    append,
    build,
    close_context,
    node_id,
    open_context,
    quoted,
    relation,
    run_steps,
)

from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.project.node import Node
from headwater.runs.context import Context
from headwater.runs.execute import execute
from headwater.runs.run import Run
from headwater.runs.state import read_state

EVENTS = f"select id, id % 5 as key, id * 1.5 as amount from {quoted('raw')}"
NEWER = f"{EVENTS} where id > (select max(id) from {quoted('events')})"
LATEST = f"select key as id, max(id) as newest from {quoted('events')} group by key"
TOTAL = f"select count(*) as n, sum(l.newest) as s from {quoted('events')} e, {quoted('latest')} l"
SLOW = "select i as id, md5(i::varchar) as a, md5((i + 1)::varchar) as b from range(400000000) t(i)"


def model(
    name: str, sql: str, reads: tuple[str, ...], newer: str | None = None, **config: str
) -> CompiledNode:
    kind = "table" if newer is None else "incremental"
    return CompiledNode(
        node=Node(
            unique_id=node_id(name),
            resource_type="model",
            package="shop",
            name=name,
            path=f"{name}.sql",
            original_path=f"models/{name}.sql",
            fqn=("shop", name),
            relation=relation(name),
            config=MappingProxyType({"materialized": kind, **config}),
        ),
        code=sql,
        incremental_code=newer,
        depends_on=tuple(node_id(read) for read in reads if read != "raw"),
        reads=tuple(sorted(relation(read) for read in reads)),
        fingerprint=f"{name}-1",
    )


def project_graph(extra: tuple[CompiledNode, ...] = ()) -> Graph:
    source = CompiledNode(
        node=Node(
            unique_id=NodeId("source.shop.raw.raw"),
            resource_type="source",
            package="shop",
            name="raw",
            path="",
            original_path="",
            fqn=(),
            relation=relation("raw"),
        )
    )
    models = (
        model("events", EVENTS, ("raw",), NEWER, incremental_strategy="append"),
        model("latest", LATEST, ("events",), LATEST, unique_key="id"),
        model("total", TOTAL, ("events", "latest")),
    )
    nodes = {compiled.node.unique_id: compiled for compiled in (source, *models, *extra)}
    return Graph(project="shop", target="dev", nodes=nodes, gates={}, checksum="c1")


def plan_project(context: Context, graph: Graph) -> Plan:
    return make_plan(graph, read_state(graph, context), PlanOptions())


def build_project(context: Context, graph: Graph | None = None) -> Run:
    known = graph or project_graph()
    return execute(plan_project(context, known), context, graph=known)


def load_raw(context: Context, start: int, stop: int) -> None:
    sql = f"select i as id from range({start}, {stop}) as t(i)"
    version = context.tables.table(relation("raw")).version_or_none()
    step = build("raw", sql) if version is None else append("raw", sql, version=version)
    run = run_steps(context, replace(step, node=NodeId("source.shop.raw.raw")))
    assert run.status == "success"


def kill_now() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Build the project and die at a point: ``project.py FOLDER POINT NODE``."""
    folder, point, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

    def observer(passed: str, node: NodeId) -> None:
        if node != node_id(name):
            return
        if point == "during-write" and passed == "attempt-started":
            threading.Timer(0.6, kill_now).start()
        elif passed == point:
            kill_now()

    context = open_context(folder, observer=observer)
    extra = (model("slow", SLOW, ("raw",)),) if name == "slow" else ()
    build_project(context, project_graph(extra))
    close_context(context)


if __name__ == "__main__":
    main()
