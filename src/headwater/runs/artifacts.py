"""dbt's artifacts as files: manifest, catalog, run results, compiled and run SQL.

Each file is replaced in one step, so that a reader never sees half of one.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.base.codec import encode
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.manifest import CatalogTable, compiled_path
from headwater.plan.plan import BuildStep, Plan, RunTest
from headwater.runs.describe import TableDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSql:
    """A node's compiled SQL.

    Attributes:
        unique_id: dbt's unique_id; empty for a query that is no node.
        name: Short name.
        compiled_code: The SQL.
        path: File that it was written to; empty when none.
    """

    unique_id: str
    name: str
    compiled_code: str
    path: str = ""


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


def _sql_path(folder: Path, compiled: CompiledNode) -> Path:
    return (folder / compiled_path(compiled.node)).with_suffix(".sql")


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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def list_rows(
    manifest: Mapping[str, Any], graph: Graph, chosen: Collection[NodeId]
) -> tuple[dict[str, object], ...]:
    """Return what ``hw ls`` shows of the chosen nodes, from their entries in the manifest.

    Each row has the manifest's keys and ``selector``: the fully qualified name that selects it,
    as dbt writes it (``source:`` and ``exposure:`` in front for those kinds).
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
    for key in graph.nodes:
        if key not in chosen or key not in entries:
            continue
        node = graph.nodes[key].node
        dotted = ".".join(node.fqn)
        prefix = {"source": "source:", "exposure": "exposure:", "metric": "metric:"}
        selector = prefix.get(node.resource_type, "") + dotted
        rows.append({**entries[key], "selector": selector})
    return tuple(rows)
