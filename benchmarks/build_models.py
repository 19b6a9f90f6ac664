"""How much CPU does it take to build many small models and run their tests, beside dbt-duckdb?

Run: ``python benchmarks/build_models.py [--models 1000] [--repeat 2] [--peer-venv DIR]``. Every
model has 200 rows, so the figure is what a node costs besides its rows: a Delta commit each here,
a table in one database file there. From nothing means without any file of an earlier run.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import measure
from project_of_models import write_project

import peer

QUESTION = "CPU to build a generated project of small models and run its tests, and to do it again"
THREADS = 2


def measure_builds(
    name: str, project: Path, repeat: int, build: Callable[[], measure.Usage], kept: Sequence[str]
) -> dict[str, dict[str, object]]:
    """Return summaries of building from nothing, and again."""
    first, again = [], []
    for _ in range(repeat):
        for left in kept:
            path = project / left
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        first.append(build())
        again.append(build())
    return {
        f"{name} build from nothing": measure.summary(first),
        f"{name} build again": measure.summary(again),
    }


def main() -> None:
    """Measure and write ``results/build_models.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--peer-venv", type=Path)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = Path(scratch) / "ours", Path(scratch) / "theirs"
        write_project(ours, arguments.models)
        command, environment = measure.hw_command()
        environment = {**environment, "HEADWATER_CACHE_DIR": str(ours / "cache")}
        results = measure_builds(
            "hw",
            ours,
            arguments.repeat,
            lambda: measure.run(
                [*command, "build", "--threads", str(THREADS)], cwd=ours, env=environment
            ),
            ("target", ".headwater", "cache"),
        )
        body: dict[str, object] = {
            "models": arguments.models,
            "versions": {"ours": measure.versions(sys.executable, ["duckdb", "jinja2", "sqlglot"])},
        }
        if arguments.peer_venv:
            programs = peer.install(arguments.peer_venv, peer.PACKAGES_12)
            write_project(theirs, arguments.models)
            peer.write_profile(
                theirs, profile="bench", database=theirs / "bench.duckdb", threads=THREADS
            )
            dbt = [str(programs / "dbt"), "--quiet", "build"]
            results |= measure_builds(
                "dbt 1.12.6",
                theirs,
                arguments.repeat,
                lambda: measure.run(dbt, cwd=theirs, env=peer.QUIET),
                ("target", "bench.duckdb"),
            )
            body["peer_versions"] = measure.versions(str(programs / "python"), peer.NAMES)
    measure.show(QUESTION, results)
    print(measure.write("build_models", QUESTION, {**body, "results": results}))


if __name__ == "__main__":
    main()
