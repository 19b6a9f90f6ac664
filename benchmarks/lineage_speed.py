"""How much CPU does lineage take: a model traced cold, and a question about a column?

Run: ``python benchmarks/lineage_speed.py [--folder DIR]``. Models of the example project, of
generated projects of 1,000 and 5,000 models and, with clones of public projects in
``HEADWATER_TEST_PROJECTS``, of tuva are parsed and traced one by one, nothing kept; then the edges
around one column are asked for.
"""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import measure
from project_of_models import write_project

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.peer.corpus import prepare, subject  # noqa: E402 - the paths were not set before

from headwater.base.relations import Column, TableName  # noqa: E402
from headwater.graph.around import edges_around  # noqa: E402
from headwater.graph.graph import CompiledNode, Graph  # noqa: E402
from headwater.planner import Planner  # noqa: E402
from headwater.sql.columns import trace  # noqa: E402
from headwater.sql.parse import parse_query  # noqa: E402

QUESTION = "CPU to parse and trace a model cold, and to answer what a column flows into"
QUESTIONS_MAX = 50
"""Columns that are asked about, spread over the project."""


def compiled(project: Path) -> Graph:
    """Compile a project.

    Raises:
        SystemExit: It has faults that keep it from being compiled.
    """
    with Planner.open(flags={"project_dir": str(project)}, environment=dict(os.environ)) as planner:
        result = planner.compile_project(planner.read("compile"))
    if result is None:
        raise SystemExit(f"{project} cannot be compiled")
    return result.graph


def milliseconds(values: list[float]) -> Mapping[str, float]:
    """Return median, 99th of a hundred and maximum, in milliseconds."""
    ordered = sorted(values)
    found = {
        "mean": statistics.mean(ordered),
        "median": statistics.median(ordered),
        "p99": ordered[int(len(ordered) * 0.99)],
        "max": ordered[-1],
    }
    return {name: round(1000 * value, 3) for name, value in found.items()}


def trace_all(graph: Graph) -> list[float]:
    """Parse and trace each model anew; returns CPU seconds of each."""
    columns: dict[TableName, tuple[Column, ...]] = {
        node.node.relation: node.columns
        for node in graph.nodes.values()
        if node.node.relation is not None and node.columns
    }
    spent: list[float] = []
    for node in _models(graph):
        schemas = {table: columns[table] for table in node.reads if table in columns}
        started = time.process_time()
        trace(parse_query(node.code), schemas)
        spent.append(time.process_time() - started)
    return spent


def ask_all(graph: Graph) -> list[float]:
    """Ask what a column flows into, for columns of models all over the project."""
    models = [node for node in _models(graph) if node.lineage is not None and node.lineage.columns]
    spent: list[float] = []
    for node in models[:: max(1, len(models) // QUESTIONS_MAX)]:
        assert node.lineage is not None  # noqa: S101 - chosen so
        name = f"{node.node.unique_id}.{node.lineage.columns[0].name}"
        started = time.process_time()
        edges_around(graph, name, direction="down")
        spent.append(time.process_time() - started)
    return spent


def _models(graph: Graph) -> list[CompiledNode]:
    return [
        node
        for node in graph.nodes.values()
        if node.node.resource_type == "model" and node.code and node.lineage is not None
    ]


def main() -> None:
    """Measure and write ``results/lineage_speed.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the projects there")
    arguments = parser.parse_args()
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        projects = {"harbor": ROOT / "examples" / "harbor"}
        for models in (1000, 5000):
            projects[f"{models} models"] = folder / f"models_{models}"
            if not projects[f"{models} models"].exists():
                write_project(projects[f"{models} models"], models)
        if os.environ.get("HEADWATER_TEST_PROJECTS"):
            projects["tuva"] = prepare(subject("tuva"), folder / "tuva")
        for title, project in projects.items():
            graph = compiled(project)
            gc.collect()
            gc.freeze()  # a pass over all that was compiled is no part of an answer
            traced, asked = trace_all(graph), ask_all(graph)
            results[title] = {
                "models": len(traced),
                "nodes": len(graph.nodes),
                "trace_milliseconds": milliseconds(traced),
                "question_milliseconds": milliseconds(asked),
            }
            print(title, results[title])
            gc.unfreeze()
    measure.write("lineage_speed", QUESTION, {"results": results})


if __name__ == "__main__":
    main()
