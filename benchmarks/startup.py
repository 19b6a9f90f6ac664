"""How much CPU does it take to start, beside an empty Python and dbt?

Run: ``python benchmarks/startup.py [--repeat 20] [--peer-venv DIR]``. With ``--peer-venv`` dbt is
measured too; it is installed there when it is not.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import measure

import peer

QUESTION = "CPU to start: hw --help, hw --version, python -c pass, dbt --help"


def main() -> None:
    """Measure and write ``results/startup.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--peer-venv", type=Path)
    arguments = parser.parse_args()

    hw, environment = measure.hw_command()
    subjects: dict[str, partial[measure.Usage]] = {
        "python -c pass": partial(measure.run, [sys.executable, "-c", "pass"]),
        "hw --help": partial(measure.run, [*hw, "--help"], env=environment),
        "hw --version": partial(measure.run, [*hw, "--version"], env=environment),
    }
    found = {"ours": measure.versions(sys.executable, ["click", "duckdb", "deltalake"])}
    if arguments.peer_venv:
        programs = peer.install(arguments.peer_venv)
        subjects["dbt --help"] = partial(
            measure.run, [str(programs / "dbt"), "--help"], env=peer.QUIET
        )
        found["peer"] = measure.versions(str(programs / "python"), peer.NAMES)

    for once in subjects.values():
        once()  # byte code is compiled and files are read once before anything counts
    # Round by round, so that a busy minute of the machine touches all subjects alike.
    runs: dict[str, list[measure.Usage]] = {name: [] for name in subjects}
    for _ in range(arguments.repeat):
        for name, once in subjects.items():
            runs[name].append(once())

    results = {name: measure.summary(used) for name, used in runs.items()}
    measure.show(QUESTION, results)
    print(measure.write("startup", QUESTION, {"versions": found, "results": results}))


if __name__ == "__main__":
    main()
