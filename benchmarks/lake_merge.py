"""What does it take to merge a few changed keys into a large table, beside delta-rs?

Run: ``python benchmarks/lake_merge.py [--rows 20000000] [--keys 200000] [--repeat 3]``. Half of
the keys are in the table, half are new. ``recent`` changes keys among the newest rows, which lie
in few files; ``random`` keys lie in all of them. Each run starts from a fresh copy of the table;
afterwards Polars must read the same rows whoever wrote them.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import measure
from lake_subject import ROW

QUESTION = "CPU, time, memory and bytes written to merge changed keys into a table, beside delta-rs"
SUBJECT = Path(__file__).parent / "lake_subject.py"
SUBJECTS = {
    "hw, opening only": ("hw", "open"),
    "hw merge_on_read": ("hw", "merge_on_read"),
    "hw copy_on_write": ("hw", "copy_on_write"),
    "hw auto": ("hw", "auto"),
    "delta-rs, opening only": ("delta-rs", "open"),
    "delta-rs": ("delta-rs", "whole"),
    "delta-rs streamed": ("delta-rs", "streamed"),
}


def write_source(path: Path, kind: str, rows: int, keys: int) -> None:
    """Write the changed rows: half of them update, half are new."""
    half = keys // 2
    if kind == "recent":
        old = f"SELECT {rows} - 4 * {half} + 4 * j AS i FROM range({half}) q(j)"
    else:
        step = rows // half
        old = f"SELECT j * {step} + (j * 7919) % {step} AS i FROM range({half}) q(j)"
    new = f"SELECT {rows} + j AS i FROM range({half}) q(j)"
    changed = ROW.replace("((i * 7", "-((i * 7")
    sql = f"SELECT {changed} FROM ({old} UNION ALL {new}) k"
    duckdb.execute("SET TimeZone = 'UTC'")
    duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")


def files_of(folder: Path) -> dict[Path, int]:
    """Return the size of every file below a folder."""
    return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def fingerprint(folder: Path) -> str:
    """Return what the rows of a table add up to; in a process of its own, to keep this one small.

    A measured process counts what its parent held when it was forked.
    """
    command = [sys.executable, str(SUBJECT), "fingerprint", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure_kind(scratch: Path, kind: str, repeat: int) -> dict[str, dict[str, object]]:
    """Measure every subject on one kind of keys."""
    base, folder, source = scratch / "base", scratch / "table", scratch / f"{kind}.parquet"
    results: dict[str, dict[str, object]] = {}
    seen: set[str] = set()
    for name, words in SUBJECTS.items():
        runs, written = [], 0
        for _ in range(repeat):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(base, folder)
            before = files_of(folder)
            command = [sys.executable, str(SUBJECT), *words, str(folder), str(source)]
            runs.append(measure.run(command))
            after = files_of(folder)
            written = sum(size for path, size in after.items() if path not in before)
        if "open" not in words:
            seen.add(fingerprint(folder))
        results[f"{kind} keys, {name}"] = {**measure.summary(runs), "bytes_written": written}
    assert len(seen) == 1, seen  # noqa: S101 - a figure of wrong rows would mean nothing
    return results


def main() -> None:
    """Measure and write ``results/lake_merge.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--keys", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        make = [sys.executable, str(SUBJECT), "make"]
        measure.run([*make, str(scratch / "base"), str(arguments.rows)])
        for kind in ("recent", "random"):
            source = scratch / f"{kind}.parquet"
            write_source(source, kind, arguments.rows, arguments.keys)
            results |= measure_kind(scratch, kind, arguments.repeat)
    body = {
        "rows": arguments.rows,
        "keys": arguments.keys,
        "versions": measure.versions(sys.executable, ["duckdb", "deltalake", "polars"]),
        "results": results,
    }
    measure.write("lake_merge", QUESTION, body)
    measure.show(QUESTION, results)


if __name__ == "__main__":
    main()
