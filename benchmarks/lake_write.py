"""What does it take to write many rows as a table, beside DuckDB's bare COPY and delta-rs?

Run: ``python benchmarks/lake_write.py [--rows 20000000] [--repeat 3]``. The source is one Parquet
file of eight columns; every subject reads it in the same way. Each also writes ten rows: what that
takes is its start (imports, records, the commit), which is no part of writing many.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

import duckdb
import measure
from lake_subject import ROW

QUESTION = "CPU, time, memory and bytes written to write many rows as a table, beside COPY"
TASKS = Path(__file__).parent / "lake_tasks.py"
FEW = 10
SUBJECTS = {"hw": "hw", "duckdb COPY": "copy", "delta-rs": "delta-rs"}


def main() -> None:
    """Measure and write ``results/lake_write.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    subjects = {
        (name, rows): word for name, word in SUBJECTS.items() for rows in (arguments.rows, FEW)
    }
    results: dict[str, dict[str, object]] = {}
    runs: dict[tuple[str, int], list[measure.Usage]] = {subject: [] for subject in subjects}
    sizes: dict[tuple[str, int], dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "table"
        for rows in (arguments.rows, FEW):
            _make_source(Path(name) / f"{rows}.parquet", rows)
        # By turns, so that what else the machine does hits all alike.
        for _ in range(arguments.repeat):
            for subject, word in subjects.items():
                shutil.rmtree(folder, ignore_errors=True)
                source = Path(name) / f"{subject[1]}.parquet"
                command = [sys.executable, str(TASKS), "write", word, str(folder), str(source)]
                runs[subject].append(measure.run(command))
                files = list(folder.rglob("*.parquet"))
                written = sum(path.stat().st_size for path in files)
                sizes[subject] = {"bytes_written": written, "files": len(files)}
    for subject, usages in runs.items():
        title = subject[0] if subject[1] != FEW else f"{subject[0]}, {FEW} rows"
        results[title] = {**measure.summary(usages), **sizes[subject]}
    net = {
        name: _median(runs[name, arguments.rows]) - _median(runs[name, FEW]) for name in SUBJECTS
    }
    over = net["hw"] / net["duckdb COPY"] - 1
    body = {
        "rows": arguments.rows,
        "versions": measure.versions(sys.executable, ["duckdb", "deltalake"]),
        "cpu_seconds_without_start": {name: round(each, 4) for name, each in net.items()},
        "over_copy_without_start": round(over, 4),
        "results": results,
    }
    measure.write("lake_write", QUESTION, body)
    measure.show(QUESTION, results)
    print(f"  without their start: hw {over:+.1%} over COPY")


def _make_source(path: Path, rows: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT {ROW} FROM range({rows}) r(i)"
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")


def _median(usages: list[measure.Usage]) -> float:
    return median(usage.cpu_seconds for usage in usages)


if __name__ == "__main__":
    main()
