"""dbt's artifacts as files: manifest, catalog, run results, compiled and run SQL.

Each file is replaced in one step, so that a reader never sees half of one.
"""

from collections.abc import Iterable
from pathlib import Path

from headwater.base.artifacts import ArtifactFacts
from headwater.base.periods import period_or_none
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.manifest import CatalogTable, compiled_path, make_manifest
from headwater.plan.batches import batch_label
from headwater.plan.plan import Batch, BuildStep, Plan, ReplaceBatches, RunTest
from headwater.runs.answers import CompiledSql, Operation, Planned
from headwater.runs.describe import TableDescription
from headwater.runs.documents import replace_file, write_document
from headwater.runs.results import make_operation_results, make_run_results
from headwater.runs.run import Run


def write_compiled(
    folder: Path, nodes: Iterable[CompiledNode], *, injects: bool = True
) -> tuple[CompiledSql, ...]:
    """Write compiled SQL to ``compiled/<package>/<path>`` as dbt does.

    Args:
        folder: The target folder.
        nodes: Whose.
        injects: With the ephemeral models that a text reads, as CTEs.
    """
    written = []
    for compiled in nodes:
        if not compiled.code or compiled.node.resource_type in {"seed", "source"}:
            continue
        path = _sql_path(folder / "compiled", compiled)
        code = compiled.code if injects else compiled.own_code or compiled.code
        replace_file(path, code.encode())
        written.append(
            CompiledSql(
                unique_id=compiled.node.unique_id,
                name=compiled.node.name,
                compiled_code=code,
                path=str(path),
            )
        )
    return tuple(written)


def without_sql(nodes: Iterable[CompiledNode]) -> tuple[CompiledSql, ...]:
    """Return the seeds among nodes, which dbt compiles, too, to nothing."""
    return tuple(
        CompiledSql(unique_id=each.node.unique_id, name=each.node.name, compiled_code="")
        for each in nodes
        if each.node.resource_type == "seed"
    )


def write_run_sql(folder: Path, graph: Graph, plan: Plan) -> None:
    """Write the SQL that a plan's steps run to ``run/<package>/<path>`` as dbt does."""
    for step in plan.steps:
        sql = getattr(step, "sql", None)
        if sql and isinstance(step, BuildStep | RunTest) and step.node in graph.nodes:
            replace_file(_sql_path(folder / "run", graph.nodes[step.node]), sql.encode())
        if isinstance(step, ReplaceBatches) and step.node in graph.nodes:
            _write_batches(folder, graph.nodes[step.node], step.batches)


def _write_batches(folder: Path, compiled: CompiledNode, batches: Iterable[Batch]) -> None:
    """Write the query of each batch to a folder that is called as the model's file."""
    size = period_or_none(compiled.node.config.get("batch_size"))
    if size is None:
        return
    for batch in batches:
        for kind in ("compiled", "run"):
            place = _sql_path(folder / kind, compiled).with_suffix("")
            name = f"{compiled.node.name}_{batch_label(batch.start, size)}.sql"
            replace_file(place / name, batch.sql.encode())


def write_all(folder: Path, planned: Planned, run: Run, facts: ArtifactFacts) -> None:
    """Write what dbt leaves after a run: compiled and run SQL, the manifest, the run's results."""
    project, graph = planned.project, planned.graph
    if project is None or graph is None:
        return
    write_compiled(folder, graph.nodes.values())
    write_run_sql(folder, graph, planned.plan)
    manifest = make_manifest(project, graph, facts, is_packed=True)
    write_document(folder, "manifest.json", manifest)
    write_document(folder, "run_results.json", make_run_results(run, graph, facts, planned.plan))


def write_operation(folder: Path, done: Operation, facts: ArtifactFacts) -> None:
    """Write the results of a macro called by itself."""
    write_document(folder, "run_results.json", make_operation_results(done, facts))


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
