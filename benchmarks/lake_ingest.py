"""How many rows a second can be appended in small commits, and does that last?

Run: ``python benchmarks/lake_ingest.py [--commits 1000] [--rows 10000] [--peer-commits 300]``.
Every call is a commit with the same rows; ours compacts and checkpoints on the way, delta-rs makes
checkpoints only. ``wide`` rows have eight columns, ``narrow`` ones four.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import measure

QUESTION = "Rows a second in small commits, latency of a commit and how it changes, beside delta-rs"
TASKS = Path(__file__).parent / "lake_tasks.py"


def measure_one(folder: Path, words: list[str], rows: int) -> dict[str, object]:
    """Run one subject once."""
    shutil.rmtree(folder, ignore_errors=True)
    subject, shape, commits = words
    command = [sys.executable, str(TASKS), "append", subject, str(folder), shape, commits]
    used = measure.run([*command, str(rows)])
    said = json.loads(Path(f"{folder}.json").read_text(encoding="utf-8"))
    per_second = round(said["rows"] / said["seconds"])
    return {**measure.summary([used]), "rows_per_second": per_second, **said}


def main() -> None:
    """Measure and write ``results/lake_ingest.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=10_000, help="commits of 1,000 rows")
    parser.add_argument("--peer-commits", type=int, default=300)
    arguments = parser.parse_args()
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lake"
        for shape in ("narrow", "wide"):
            for subject, commits in (
                ("hw", arguments.commits),
                ("delta-rs", arguments.peer_commits),
            ):
                key = f"{subject}, {commits} x {arguments.rows} {shape} rows"
                words = [subject, shape, str(commits)]
                results[key] = measure_one(folder, words, arguments.rows)
        key = f"hw, {arguments.many} x 1000 narrow rows"
        results[key] = measure_one(folder, ["hw", "narrow", str(arguments.many)], 1000)
    body = {
        "versions": measure.versions(sys.executable, ["duckdb", "deltalake", "arro3-core"]),
        "results": results,
    }
    measure.write("lake_ingest", QUESTION, body)
    measure.show(QUESTION, results)
    for key, found in results.items():
        print(f"  {key:<40} {found['rows_per_second']:>12,} rows/s  {found['latency_ms']}")


if __name__ == "__main__":
    main()
