"""How near do predictions come? Simulated days and changes of two projects, frozen before each run.

Run: ``python benchmarks/accuracy.py [--folder DIR] [--days 30] [--changes 200] [--steps N]``.
Harbor and a TPC-H-shaped project get a day of data at a time; between days a script changes their
models. Every plan's predictions are written to a file before the plan is applied and scored against
what was measured. All state is kept in the folder, so that a run goes on where the last one
stopped; each step is a process of its own, as a build is. Every tenth step is followed by two
forced builds of the same inputs: how they differ is the noise that no prediction can beat.

``--replay`` predicts every recorded step again with today's code, from the State that was kept
beside it, and scores that: a way to compare predictors on the same runs. It writes no result.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import accuracy_score
import accuracy_supply
import measure

QUESTION = "how near come predictions of CPU time, rows and bytes, frozen before each run?"
PROJECTS = ("harbor", "supply")
FIRST_DAYS = 7
"""So many days of data lie there when a project is built for the first time."""
FIRST_CHANGE_DAY = 2
NOISE_EVERY = 10
HARBOR = measure.ROOT / "examples" / "harbor"
STEP = Path(__file__).with_name("accuracy_step.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One plan that is made and applied.

    Attributes:
        project: Name of the project.
        kind: ``day``: data arrived; ``change``: models changed; ``repeat``: built once more.
        day: The simulated day.
        change: Number of the change.
        number: Its place.
    """

    project: str
    kind: str
    day: int
    change: int = 0
    number: int = 0


def timeline(days: int, changes: int) -> Iterator[Step]:
    """Yield the steps: the data of a day, then that day's changes, one project after another."""
    slots = max(1, days - FIRST_CHANGE_DAY) * len(PROJECTS)
    change = 0
    for day, project in product(range(days), PROJECTS):
        yield Step(project=project, kind="day", day=day)
        slot = (day - FIRST_CHANGE_DAY) * len(PROJECTS) + PROJECTS.index(project)
        for _ in range(0 if slot < 0 else changes * (slot + 1) // slots - changes * slot // slots):
            yield Step(project=project, kind="change", day=day, change=change)
            change += 1


def with_repeats(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps numbered, every tenth of them followed by two builds of the same inputs."""
    number = 0
    for regular, step in enumerate(steps, start=1):
        repeats = [] if regular % NOISE_EVERY else [replace(step, kind="repeat")] * 2
        for each in (step, *repeats):
            yield replace(each, number=number)
            number += 1


def make_projects(folder: Path, threads: int) -> None:
    """Write both projects into a new folder."""
    ignored = shutil.ignore_patterns(".headwater", "target", "logs", "__pycache__", "headwater.yml")
    shutil.copytree(HARBOR, folder / "harbor", ignore=ignored)
    accuracy_supply.write_project(folder / "supply")
    for project in PROJECTS:
        settings = folder / project / "headwater.yml"
        settings.write_text(f"threads: {threads}\n", encoding="utf-8")
    (folder / "steps").mkdir()


def read_steps(folder: Path, *, replay: bool) -> list[dict[str, Any]]:
    """Return every step that has ended, in order."""
    steps = []
    for path in sorted((folder / "steps").glob("*.measured.json")):
        step = json.loads((folder / "steps" / f"{path.name[:4]}.predicted.json").read_bytes())
        step["measured"] = json.loads(path.read_bytes())
        if replay:
            again = folder / "steps" / f"{path.name[:4]}.replayed.json"
            step["predicted"] = json.loads(again.read_bytes())
        steps.append(step)
    return steps


def call_step(*words: str) -> None:
    """Run ``accuracy_step.py`` with Headwater and harbor's generator on its path."""
    path = os.pathsep.join([str(measure.ROOT / "src"), str(HARBOR)])
    command = [sys.executable, str(STEP), *words]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path})


def go_on(arguments: argparse.Namespace) -> None:
    """Run the steps that have not ended yet."""
    folder: Path = arguments.folder
    if not (folder / "steps").exists():
        make_projects(folder, arguments.threads)
    done = len(list((folder / "steps").glob("*.measured.json")))
    steps = list(with_repeats(timeline(arguments.days, arguments.changes)))[done:]
    for step in steps[: arguments.steps]:
        words = [json.dumps(asdict(step)), str(arguments.scale), str(arguments.seed)]
        call_step("run", str(folder), *words)


def show(figures: Mapping[str, Any]) -> None:
    """Print the figures."""
    for part, found in figures.items():
        print(f"{part}:" if isinstance(found, dict) else f"{part}: {found}")
        for name, values in found.items() if isinstance(found, dict) else ():
            print(f"  {name:<28} {values}")


def main() -> None:
    """Run what is asked for, score everything so far and write ``results/accuracy.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("accuracy"))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--steps", type=int, help="stop after so many steps")
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--output", default="accuracy", help="name of the result")
    arguments = parser.parse_args()
    if arguments.replay:
        call_step("replay", str(arguments.folder))
    else:
        go_on(arguments)
    steps = read_steps(arguments.folder, replay=arguments.replay)
    figures = accuracy_score.score(steps)
    show(figures)
    if arguments.replay:
        return
    body = {
        "days": arguments.days,
        "changes": sum(step["kind"] == "change" for step in steps),
        "steps": len(steps),
        "scale": arguments.scale,
        "seed": arguments.seed,
        "threads": arguments.threads,
        "models": len({(s["project"], n) for s in steps for n in s["measured"]["nodes"]}),
        "versions": measure.versions(sys.executable, ["duckdb"]),
        "results": figures,
    }
    print(measure.write(arguments.output, QUESTION, body))


if __name__ == "__main__":
    main()
