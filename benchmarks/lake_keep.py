"""What does upkeep of a table cost, beside delta-rs?

Run: ``python benchmarks/lake_keep.py [--files 200] [--rows 50000] [--repeat 3]``. A table of many
small files is compacted, gets a checkpoint, and is searched for files that can be deleted.
"""

import argparse
import shutil
import sys
import tempfile
from itertools import product
from pathlib import Path

import measure

QUESTION = "CPU, time and memory to compact a table of small files, to make a checkpoint, to vacuum"
TASKS = Path(__file__).parent / "lake_tasks.py"


def main() -> None:
    """Measure and write ``results/lake_keep.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rows", type=int, default=50_000, help="rows of a file")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    runs: dict[str, list[measure.Usage]] = {}
    with tempfile.TemporaryDirectory() as name:
        base, folder = Path(name) / "base", Path(name) / "lake"
        make = [sys.executable, str(TASKS), "append", "small", str(base), "wide"]
        measure.run([*make, str(arguments.files), str(arguments.rows)])
        pairs = list(product(("checkpoint", "vacuum", "optimize"), ("hw", "delta-rs")))
        for verb, subject in pairs * arguments.repeat:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(base, folder)
            command = [sys.executable, str(TASKS), "keep", subject, str(folder), verb]
            runs.setdefault(f"{verb}, {subject}", []).append(measure.run(command))
    results = {subject: measure.summary(usages) for subject, usages in runs.items()}
    body = {
        "files": arguments.files,
        "rows": arguments.files * arguments.rows,
        "versions": measure.versions(sys.executable, ["duckdb", "deltalake"]),
        "results": results,
    }
    measure.write("lake_keep", QUESTION, body)
    measure.show(QUESTION, results)


if __name__ == "__main__":
    main()
