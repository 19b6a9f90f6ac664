"""dbt's artifacts as files: manifest, catalog, run results, compiled and run SQL.

Each file is replaced in one step, so that a reader never sees half of one.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from headwater.base.codec import encode
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.manifest import ArtifactFacts, CatalogTable, compiled_path, make_manifest
from headwater.plan.plan import BuildStep, Plan, RunTest
from headwater.project.node import Node
from headwater.runs.answers import CompiledSql, Planned
from headwater.runs.describe import TableDescription
from headwater.runs.results import make_run_results
from headwater.runs.run import Run

_NAMED_BY_PACKAGE = frozenset({
    "exposure", "metric", "saved_query", "semantic_model", "unit_test",
})  # fmt: skip


def write_document(folder: Path, name: str, document: object) -> Path:
    """Write one JSON artifact and return its path."""
    path = folder / name
    _replace(path, encode(document))
    return path


def write_compiled(folder: Path, nodes: Iterable[CompiledNode]) -> tuple[CompiledSql, ...]:
    """Write compiled SQL to ``compiled/<package>/<path>`` as dbt does."""
    written = []
    for compiled in nodes:
        if not compiled.code or compiled.node.resource_type in {"seed", "source"}:
            continue
        path = _sql_path(folder / "compiled", compiled)
        _replace(path, compiled.code.encode())
        written.append(
            CompiledSql(
                unique_id=compiled.node.unique_id,
                name=compiled.node.name,
                compiled_code=compiled.code,
                path=str(path),
            )
        )
    return tuple(written)


def write_run_sql(folder: Path, graph: Graph, plan: Plan) -> None:
    """Write the SQL that a plan's steps run to ``run/<package>/<path>`` as dbt does."""
    for step in plan.steps:
        sql = getattr(step, "sql", None)
        if sql and isinstance(step, BuildStep | RunTest) and step.node in graph.nodes:
            _replace(_sql_path(folder / "run", graph.nodes[step.node]), sql.encode())


def write_all(folder: Path, planned: Planned, run: Run, facts: ArtifactFacts) -> None:
    """Write what dbt leaves after a run: compiled and run SQL, the manifest, the run's results."""
    project, graph = planned.project, planned.graph
    if project is None or graph is None:
        return
    write_compiled(folder, graph.nodes.values())
    write_run_sql(folder, graph, planned.plan)
    write_document(folder, "manifest.json", make_manifest(project, graph, facts))
    write_document(folder, "run_results.json", make_run_results(run, graph, facts))


def artifact_facts(environment: Mapping[str, str], at: datetime) -> ArtifactFacts:
    """Return what artifacts say of a command: its time, an id of its own, the environment.

    Args:
        environment: Environment variables; those that begin with ``DBT_ENV_CUSTOM_ENV_`` are kept.
        at: UTC time.
    """
    prefix = "DBT_ENV_CUSTOM_ENV_"
    return ArtifactFacts(
        generated_at=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        invocation_id=str(uuid4()),
        environment={
            name.removeprefix(prefix): value
            for name, value in environment.items()
            if name.startswith(prefix)
        },
    )


def _sql_path(folder: Path, compiled: CompiledNode) -> Path:
    ending = ".py" if compiled.node.original_path.endswith(".py") else ".sql"
    return (folder / compiled_path(compiled.node)).with_suffix(ending)


def catalog_tables(graph: Graph, tables: Iterable[TableDescription]) -> tuple[CatalogTable, ...]:
    """Return what is known of the nodes' tables, for catalog.json."""
    known = {table.name.lower(): table for table in tables}
    found = []
    for key, compiled in graph.nodes.items():
        table = known.get(str(compiled.node.relation).lower())
        if table is None or compiled.node.resource_type == "test":
            continue
        statistics = {"row_count": table.rows, "bytes": table.size_bytes, "version": table.version}
        found.append(
            CatalogTable(
                node=key,
                kind="VIEW" if table.kind == "view" else "BASE TABLE",
                columns=table.columns,
                statistics={k: v for k, v in statistics.items() if v is not None},
            )
        )
    return tuple(found)


def _replace(path: Path, data: bytes) -> None:
    with suppress(OSError):
        # Replacing costs a disk ten times what reading does, and most SQL stays as it was.
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def list_rows(
    manifest: Mapping[str, Any], graph: Graph, chosen: Collection[NodeId]
) -> tuple[dict[str, object], ...]:
    """Return what ``hw ls`` shows of the chosen nodes, from their entries in the manifest.

    They are in the order of their unique_ids, as dbt has them. Each row has the manifest's keys and
    ``selector``: the name that selects it, as dbt writes it (``source:`` and the like in front).
    """
    entries = {
        **manifest["nodes"],
        **manifest["sources"],
        **manifest["exposures"],
        **manifest["metrics"],
        **manifest["semantic_models"],
        **manifest["saved_queries"],
        **manifest["unit_tests"],
    }
    rows = []
    for key in sorted(graph.nodes):
        if key not in chosen or key not in entries:
            continue
        node = graph.nodes[key].node
        rows.append({**entries[key], "selector": _selector(node)})
    return tuple(rows)


def _selector(node: Node) -> str:
    if node.resource_type == "source":
        return "source:" + ".".join(node.fqn)
    if node.resource_type in _NAMED_BY_PACKAGE:
        return f"{node.resource_type}:{node.package}.{node.name}"
    return ".".join(node.fqn)
