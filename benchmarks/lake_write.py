"""What does it take to write many rows as a table, beside DuckDB's bare COPY and delta-rs?

Run: ``python benchmarks/lake_write.py [--rows 20000000] [--repeat 3]``. The source is one Parquet
file of eight columns; every subject reads it in the same way.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb
import measure
from lake_subject import ROW

QUESTION = "CPU, time, memory and bytes written to write many rows as a table, beside COPY"
TASKS = Path(__file__).parent / "lake_tasks.py"
SUBJECTS = {"hw": "hw", "duckdb COPY": "copy", "delta-rs": "delta-rs"}


def main() -> None:
    """Measure and write ``results/lake_write.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    results: dict[str, dict[str, object]] = {name: {} for name in SUBJECTS}
    runs: dict[str, list[measure.Usage]] = {name: [] for name in SUBJECTS}
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name) / "source.parquet", Path(name) / "table"
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = f"SELECT {ROW} FROM range({arguments.rows}) r(i)"
            connection.execute(f"COPY ({rows}) TO '{source}' (FORMAT parquet)")
        # By turns, so that what else the machine does hits all alike.
        for _ in range(arguments.repeat):
            for subject, word in SUBJECTS.items():
                shutil.rmtree(folder, ignore_errors=True)
                command = [sys.executable, str(TASKS), "write", word, str(folder), str(source)]
                runs[subject].append(measure.run(command))
                files = list(folder.rglob("*.parquet"))
                written = sum(path.stat().st_size for path in files)
                results[subject] = {"bytes_written": written, "files": len(files)}
    for subject, usages in runs.items():
        results[subject] = {**measure.summary(usages), **results[subject]}
    body = {
        "rows": arguments.rows,
        "versions": measure.versions(sys.executable, ["duckdb", "deltalake"]),
        "results": results,
    }
    measure.write("lake_write", QUESTION, body)
    measure.show(QUESTION, results)


if __name__ == "__main__":
    main()
