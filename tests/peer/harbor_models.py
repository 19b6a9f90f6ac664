"""The example project's models over its own data, each as a query that can be asked about."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
from deltalake import DeltaTable
from tests.peer.influences import Subject, quoted

from headwater.base.relations import Column, TableName
from headwater.planner import Planner
from headwater.sql.lineage import QueryLineage

ROOT = Path(__file__).parents[2]
DAYS = 28


@dataclass(slots=True, kw_only=True)
class Models:
    """The models of a project, ready to be asked.

    Attributes:
        connection: Holds every relation of the project as a table.
        tables: Their columns.
        subjects: A query for each model.
        lineages: What the compiled project says of each.
    """

    connection: duckdb.DuckDBPyConnection
    tables: dict[TableName, tuple[Column, ...]]
    subjects: list[Subject]
    lineages: dict[str, QueryLineage]


def open_harbor(folder: Path, scale: str = "0.001") -> Models:
    """Build the project in a folder and load all that its models read."""
    project = folder / "harbor"
    ignored = shutil.ignore_patterns(".headwater", "target", "logs", "__pycache__")
    shutil.copytree(ROOT / "examples" / "harbor", project, ignore=ignored)
    _python(project, "generate.py", "--scale", scale, "--days", str(DAYS))
    _python(project, "-m", "headwater", "build")
    models = Models(
        connection=duckdb.connect(config={"threads": "1"}), tables={}, subjects=[], lineages={}
    )
    with Planner.open(flags={"project_dir": str(project)}, environment={}) as planner:
        compiled = planner.compile_project(planner.read("compile"))
    assert compiled is not None
    for node in compiled.graph.nodes.values():
        relation = node.node.relation
        if relation is None:
            continue
        if node.node.resource_type == "model":
            _load(models, relation, node.code)
            _ask(models, node.node.name, node.code, node.lineage)
        elif node.node.resource_type in {"source", "seed", "snapshot"}:
            stored = (
                project / ".headwater" / "lake" / relation.catalog / relation.schema / relation.name
            )
            rows = DeltaTable(str(stored)).to_pyarrow_table()
            models.connection.register("stored", rows)
            _load(models, relation, "from stored")
    return models


def _python(project: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=True,
        capture_output=True,
    )


def _load(models: Models, relation: TableName, sql: str) -> None:
    connection = models.connection
    connection.execute(f"attach if not exists ':memory:' as \"{relation.catalog}\"")
    connection.execute(f'create schema if not exists "{relation.catalog}"."{relation.schema}"')
    connection.execute(f"create table {quoted(relation)} as {sql}")
    described = connection.execute(f"describe {quoted(relation)}").fetchall()
    models.tables[relation] = tuple(Column(row[0], row[1]) for row in described)


def _ask(models: Models, name: str, sql: str, lineage: QueryLineage | None) -> None:
    """Ask about every column of every relation that the text names: more than the trace says."""
    assert lineage is not None
    text = sql.lower()
    read = [table for table in models.tables if table.name in text and table.schema in text]
    columns = frozenset(
        (table, column.name.lower()) for table in read for column in models.tables[table]
    )
    models.subjects.append(Subject(name=name, sql=sql, columns=columns))
    models.lineages[name] = lineage
