"""One step of ``accuracy.py``, as a process of its own: predict, freeze, build, keep what it took.

Run: ``python benchmarks/accuracy_step.py run FOLDER STEP SCALE SEED`` or ``... replay FOLDER``,
with Headwater's sources and harbor's generator on the path. It is apart so that a build meets the
same cold process as a user's.
"""

import gzip
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import accuracy_changes
import accuracy_supply
from accuracy import FIRST_DAYS, Step
from generator.raw import TABLES, Knobs, raw_sql

from headwater.base.codec import decode, encode, from_builtins
from headwater.graph.graph import Graph
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Cost, Plan
from headwater.plan.state import State
from headwater.runs.answers import Planned, PlanRequest
from headwater.runs.run import NodeResult, Run
from headwater.runs.sources import seed_sizes
from headwater.runs.state import read_state
from headwater.workspace import Workspace

TRIES = 5
"""A change that breaks another one's model is taken back, and another one made."""


def load_days(folder: Path, step: Step, scale: float, seed: int) -> None:
    """Append the rows of a step's day; those of the first days at once."""
    last = FIRST_DAYS + step.day
    days = range(0 if step.day == 0 else last - 1, last)
    knobs = Knobs(scale=scale, seed=seed)
    tables = TABLES if step.project == "harbor" else accuracy_supply.TABLES
    with Workspace.open(folder / step.project) as workspace:
        for table in tables:
            if step.project == "harbor":
                sql = raw_sql(table, knobs, days)
            else:
                sql = accuracy_supply.raw_sql(table, days, scale)
            mode: Literal["append", "overwrite"] = "overwrite" if step.day == 0 else "append"
            workspace.load(f"{step.project}.raw.{table}", sql, mode=mode)


def changeable(planned: Planned, folder: Path) -> list[accuracy_changes.Model]:
    """Return the models that a script may change: tables that are built whole."""
    graph = planned.graph
    assert graph is not None  # noqa: S101 - the projects have no faults
    found = []
    for node, compiled in graph.nodes.items():
        config = compiled.node.config
        if compiled.node.resource_type != "model" or config.get("materialized") != "table":
            continue
        if compiled.columns is None or compiled.node.name.startswith("added_"):
            continue
        readers = [
            key
            for key, other in graph.nodes.items()
            if node in other.depends_on and other.node.resource_type in {"model", "snapshot"}
        ]
        found.append(
            accuracy_changes.Model(
                name=compiled.node.name,
                file=folder / str(compiled.node.original_path),
                columns=tuple(column.name for column in compiled.columns),
                is_leaf=not readers,
            )
        )
    return found


def change_project(project: Path, number: int) -> str:
    """Make a change that leaves the project without faults, and say what it was."""
    for attempt in range(TRIES):
        with Workspace.open(project) as workspace:
            models = changeable(workspace.plan(PlanRequest()), project)
        made = accuracy_changes.change(project, models, number + attempt * 1_000_000)
        with Workspace.open(project) as workspace:
            if workspace.plan(PlanRequest()).graph is not None:
                return made.what
        made.undo()
    return "no change"


def run_step(folder: Path, step: Step, scale: float, seed: int) -> None:
    """Prepare a step, freeze what is predicted, apply the plan, and keep what was measured."""
    project = folder / step.project
    what = f"day {step.day}"
    if step.kind == "day":
        load_days(folder, step, scale, seed)
    if step.kind == "change":
        what = change_project(project, seed * 1000 + step.change)
    with Workspace.open(project) as workspace:
        is_forced = step.kind == "repeat"
        planned = workspace.plan(PlanRequest(force=is_forced, accept=("HW3002",)))
        keep_world(folder, step, workspace, planned, is_forced=is_forced)
        document = {**asdict(step), "what": what, "predicted": predicted_of(planned.plan)}
        freeze(folder / "steps" / f"{step.number:04}.predicted.json", document)
        started = time.perf_counter()
        run = workspace.apply(planned)
        wall = time.perf_counter() - started
        measured = {"nodes": measured_of(run, workspace), "wall_seconds": wall}
        freeze(folder / "steps" / f"{step.number:04}.measured.json", measured)
        failed = [f"{r.name}: {r.message}" for r in run.results if r.status in {"error", "fail"}]
    print(f"{step.number:4} {step.project:7} {what[:100]}", *failed[:3], sep="\n       ")


def freeze(path: Path, document: Mapping[str, Any]) -> None:
    """Write a file that is kept as it is; only a step that died half-way is done again."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(document, file)


def predicted_of(plan: Plan) -> dict[str, Any]:
    """Return what a plan predicts, node by node."""
    nodes = {}
    for step in plan.steps:
        if step.kind == "skip":
            continue
        print_of = step.fingerprint if step.kind == "test" else step.target.fingerprint
        nodes[step.node] = {
            "action": step.action,
            "kind": step.kind,
            "fingerprint": print_of,
            "cost": asdict(step.cost),
        }
    total = asdict(plan.totals.cost)
    wall = getattr(plan.totals, "wall_seconds", None)
    if wall is not None:
        total["wall_seconds"] = asdict(wall)
    return {"nodes": nodes, "total": total}


def measured_of(run: Run, workspace: Workspace) -> dict[str, Any]:
    """Return what a run measured, node by node; rows are those of the table afterwards."""
    return {
        result.node: {
            "status": result.status,
            "rows": _rows_of(result, workspace),
            **asdict(result.cost),
            # What plans predict: the bytes of the columns read, not what a cache left of them.
            "bytes_read": result.cost.logical_bytes if result.cost.statements else None,
            "physical_bytes": result.cost.bytes_read,
        }
        for result in run.results
        if result.status not in {"skipped", "cancelled"} and result.action != "skip"
    }


def _rows_of(result: NodeResult, workspace: Workspace) -> int | None:
    if result.action != "incremental" or not result.relation:
        return result.rows
    return workspace.describe(result.relation).rows


def keep_world(
    folder: Path, step: Step, workspace: Workspace, planned: Planned, *, is_forced: bool
) -> None:
    """Keep what a plan was made of, so that it can be made again by another predictor."""
    assert planned.graph is not None  # noqa: S101 - the projects have no faults
    assert planned.project is not None  # noqa: S101
    context = workspace._world.context_of(planned.project)  # noqa: SLF001 - no verb shows State
    world = {
        "graph": planned.graph,
        "state": read_state(planned.graph, context),
        "options": PlanOptions(
            force=is_forced,
            project_root=str(workspace.root),
            seed_bytes=seed_sizes(planned.project, workspace.root),
            created_at=planned.plan.created_at,
        ),
    }
    with gzip.open(folder / "steps" / f"{step.number:04}.world.gz", "wb", compresslevel=1) as file:
        file.write(encode({key: encode(value).decode() for key, value in world.items()}))


Past = dict[tuple[str, float], Cost]
"""What was expected of a run of a node, by what it then measured."""


def replayed(world: Mapping[str, str], past: Past) -> dict[str, Any]:
    """Predict a recorded step again, as if today's code had predicted all steps before it."""
    graph, state = decode(Graph, world["graph"]), decode(State, world["state"])
    history = {
        node: tuple(replace(run, expected=past.get((node, run.meter.cpu_seconds))) for run in runs)
        for node, runs in state.history.items()
    }
    state = replace(state, history=history)
    return predicted_of(make_plan(graph, state, decode(PlanOptions, world["options"])))


def replay(folder: Path) -> None:
    """Predict every recorded step again and leave that beside it."""
    past: Past = {}
    for path in sorted((folder / "steps").glob("*.world.gz")):
        with gzip.open(path, "rb") as file:
            predicted = replayed(json.loads(file.read()), past)
        number = path.name[:4]
        path.with_name(f"{number}.replayed.json").write_text(json.dumps(predicted))
        measured = json.loads(path.with_name(f"{number}.measured.json").read_bytes())
        for node, found in measured["nodes"].items():
            past[node, found["cpu_seconds"]] = from_builtins(Cost, predicted["nodes"][node]["cost"])


def main() -> None:
    """Do what the words of the command line say."""
    task, folder, *words = sys.argv[1:]
    if task == "replay":
        replay(Path(folder))
        return
    step, scale, seed = words
    run_step(Path(folder), Step(**json.loads(step)), float(scale), int(seed))


if __name__ == "__main__":
    main()
