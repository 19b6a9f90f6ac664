"""What does it take to open a table of very many files, beside delta-rs?

Run: ``python benchmarks/lake_open.py [--files 1000000] [--repeat 3]``. The checkpoint is made up:
its files do not exist, which nobody who only opens the table finds out.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import duckdb
import measure

QUESTION = "CPU, time and memory to open a table of very many files from a checkpoint"
TASKS = Path(__file__).parent / "lake_tasks.py"
VERSION = 10
COLUMNS = {"id": "long", "at": "timestamp", "amount": "decimal(12,2)", "word": "string"}
STATS = (
    """'{"numRecords":10000,"minValues":{"id":' || i * 10000 ||"""
    """ ',"at":"2024-01-01T00:00:00.000Z","amount":0.01,"word":"category 1"},'"""
    """ || '"maxValues":{"id":' || (i * 10000 + 9999) ||"""
    """ ',"at":"2024-12-31T00:00:00.000Z","amount":999.99,"word":"category 9"},"nullCount":'"""
    """ || '{"id":0,"at":0,"amount":0,"word":0},"tightBounds":true}'"""
)
TEXTS = "MAP(VARCHAR, VARCHAR)"
TYPES = {
    "txn": 'STRUCT("appId" VARCHAR, version BIGINT, "lastUpdated" BIGINT)',
    "add": f'STRUCT(path VARCHAR, "partitionValues" {TEXTS}, size BIGINT,'
    f' "modificationTime" BIGINT, "dataChange" BOOLEAN, stats VARCHAR, tags {TEXTS})',
    "metaData": "STRUCT(id VARCHAR, name VARCHAR, description VARCHAR,"
    f' format STRUCT(provider VARCHAR, options {TEXTS}), "schemaString" VARCHAR,'
    f' "partitionColumns" VARCHAR[], configuration {TEXTS}, "createdTime" BIGINT)',
    "protocol": 'STRUCT("minReaderVersion" INTEGER, "minWriterVersion" INTEGER)',
    "remove": 'STRUCT(path VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN)',
}


def line(**actions: str) -> str:
    """Write a query whose rows are one kind of action."""
    parts = ", ".join(
        f'CAST({actions.get(name, "NULL")} AS {kind}) AS "{name}"' for name, kind in TYPES.items()
    )
    return f"SELECT {parts}"


def make(root: Path, files: int) -> None:
    """Write a log that begins with a checkpoint of many files."""
    log = root / "_delta_log"
    log.mkdir(parents=True)
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in COLUMNS.items()
    ]
    schema = json.dumps({"type": "struct", "fields": fields})
    add = f"ROW(uuid() || '.parquet', MAP {{}}, 300000 + i, 1700000000000 + i, true, {STATS}, NULL)"
    table = (
        "ROW('7c0d1dd4-5b73-4c4e-8d0c-111111111111', NULL, NULL, ROW('parquet', MAP {}),"
        f" '{schema}', [], MAP {{}}, 1700000000000)"
    )
    query = " UNION ALL ".join(
        (
            f"{line(add=add)} FROM range({files}) r(i)",
            line(metaData=table),
            line(protocol="ROW(1, 2)"),
            line(txn="ROW('app', 7, NULL)"),
        )
    )
    place = log / f"{VERSION:020d}.checkpoint.parquet"
    duckdb.execute(f"COPY ({query}) TO '{place}' (FORMAT parquet)")
    (log / "_last_checkpoint").write_text(json.dumps({"version": VERSION, "size": files + 3}))
    info = {"commitInfo": {"timestamp": 1700000000000, "operation": "WRITE"}}
    (log / f"{VERSION:020d}.json").write_text(json.dumps(info))


def main() -> None:
    """Measure and write ``results/lake_open.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        for files in (1, arguments.files):
            root = Path(name) / f"table{files}"
            make(root, files)
            for subject in ("hw", "delta-rs"):
                command = [sys.executable, str(TASKS), "open", subject, str(root)]
                runs = measure.repeat(
                    arguments.repeat, lambda command=command: measure.run(command)
                )
                results[f"{subject}, {files} files"] = measure.summary(runs)
    body = {
        "files": arguments.files,
        "versions": measure.versions(sys.executable, ["deltalake", "arro3-core"]),
        "results": results,
    }
    measure.write("lake_open", QUESTION, body)
    measure.show(QUESTION, results)


if __name__ == "__main__":
    main()
