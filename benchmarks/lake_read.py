"""What does a table cost its readers: TPC-H by ``hw sql`` beside DuckDB on the same Parquet files.

Run: ``python benchmarks/lake_read.py --tpch-venv DIR [--scale 1] [--repeat 5]``. DuckDB 2.0 has no
extension to install from a package registry, so that the data is made by 1.5.5 in a virtual
environment of its own, which is made when it is not there. ``hidden`` tables hide a thousand rows
of their first file by a deletion vector; their answers differ, their work is the same.
"""

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import measure

QUESTION = "CPU, time and memory of TPC-H's 22 queries over tables, beside the bare Parquet files"
TASKS = Path(__file__).parent / "lake_tasks.py"
GENERATE = """
import json, sys
import duckdb, duckdb_extension_tpch
from pathlib import Path
scale, folder = sys.argv[1], Path(sys.argv[2])
found = next(Path(duckdb_extension_tpch.__file__).parent.rglob("tpch.duckdb_extension"))
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute(f"LOAD '{found}'")
connection.execute(f"CALL dbgen(sf={scale})")
for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
    connection.execute(f"COPY {name} TO '{folder / name}.parquet' (FORMAT parquet)")
queries = connection.execute("SELECT query FROM tpch_queries() ORDER BY query_nr").fetchall()
(folder / "queries.json").write_text(json.dumps([text for (text,) in queries]))
"""


def generate(environment: Path, scale: str, folder: Path) -> None:
    """Make TPC-H's data and queries by the last DuckDB with an extension for it."""
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        packages = ["duckdb==1.5.5", "duckdb-extension-tpch==1.5.5"]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    folder.mkdir()
    subprocess.run([str(python), "-c", GENERATE, scale, str(folder)], check=True)


def main() -> None:
    """Measure and write ``results/lake_read.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpch-venv", type=Path, required=True)
    parser.add_argument("--scale", default="1")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    runs: dict[str, list[measure.Usage]] = {}
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "tpch"
        generate(arguments.tpch_venv, arguments.scale, source)
        for kind in ("plain", "hidden"):
            load = [sys.executable, str(TASKS), "load_tpch", kind, f"{name}/{kind}", str(source)]
            measure.run(load)
        queries, nothing = f"{source}/queries.json", f"{source}/nothing.json"
        Path(nothing).write_text("[]", encoding="utf-8")
        subjects = {
            "duckdb, opening only": ("parquet", f"{name}/plain", nothing),
            "duckdb on the Parquet files": ("parquet", f"{name}/plain", queries),
            "hw, opening only": ("hw", f"{name}/plain", nothing),
            "hw sql": ("hw", f"{name}/plain", queries),
            "hw sql, every table hides rows": ("hw", f"{name}/hidden", queries),
        }
        for _ in range(arguments.repeat):  # by turns: pairs meet the machine in the same state
            for subject, words in subjects.items():
                command = [sys.executable, str(TASKS), "read", *words]
                runs.setdefault(subject, []).append(measure.run(command))
    results = {subject: measure.summary(usages) for subject, usages in runs.items()}
    body = {
        "scale": arguments.scale,
        "versions": measure.versions(sys.executable, ["duckdb"]),
        "results": results,
    }
    measure.write("lake_read", QUESTION, body)
    measure.show(QUESTION, results)


if __name__ == "__main__":
    main()
