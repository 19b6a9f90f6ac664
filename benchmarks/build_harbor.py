"""What does building the harbor take, phase by phase, beside dbt-duckdb on the same rows?

Run: ``python benchmarks/build_harbor.py [--scale 0.1] [--repeat 3] [--peer-venv DIR]``. Phases:
load 30 days of raw data, build from nothing, build again with nothing to do, load two more days,
build what they changed. Headwater writes Delta tables and publishes only what passed its tests;
dbt-duckdb writes tables of a DuckDB file. Tables of both are compared at the end, so that the
figures are of the same work.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import measure

import peer

QUESTION = "CPU, time and memory to build the harbor: from nothing, again, and after two more days"
HARBOR = measure.ROOT / "examples" / "harbor"
DAYS = 30
MORE_DAYS = 2
THREADS = 2
COMPARED = (
    "marts.fct_container_moves",
    "marts.port_day_activity",
    "marts.moves_without_key",
    "marts.revenue_by_carrier",
    "marts.demurrage",
    "ml.turnaround_features",
)
PEER_LOAD = """
import sys
sys.path.insert(0, sys.argv[1])
import duckdb
from generator.raw import TABLES, Knobs, raw_sql
database, scale, first, stop = sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
with duckdb.connect(database) as engine:
    engine.execute("create schema if not exists raw").fetchall()
    for table in TABLES:
        rows = raw_sql(table, Knobs(scale=scale), range(first, stop))
        start = f"create table raw.{table} as" if first == 0 else f"insert into raw.{table}"
        engine.execute(f"{start} {rows}").fetchall()
"""
CHECKSUM = "select count(*) as n, sum(hash(t)::hugeint)::varchar as h from {table} as t"

Phases = dict[str, Callable[[], measure.Usage]]


def copy_project(folder: Path) -> Path:
    """Copy the example without what runs have left in it."""
    ignored = shutil.ignore_patterns(".headwater", "target", "logs", "__pycache__")
    return Path(shutil.copytree(HARBOR, folder / "harbor", ignore=ignored))


def our_phases(project: Path, scale: float) -> Phases:
    """Return Headwater's phases, in order."""
    hw, env = measure.hw_command()
    build = [*hw, "build", "--threads", str(THREADS)]

    def load(first: int, days: int) -> measure.Usage:
        command = [sys.executable, "generate.py", "--scale", str(scale), "--batch-days", str(days)]
        return measure.run(
            [*command, "--from-day", str(first), "--days", str(days)], cwd=project, env=env
        )

    return {
        "load 30 days": lambda: load(0, DAYS),
        "build from nothing": lambda: measure.run(build, cwd=project, env=env),
        "build again": lambda: measure.run(build, cwd=project, env=env),
        "load 2 days": lambda: load(DAYS, MORE_DAYS),
        "build 2 days": lambda: measure.run(build, cwd=project, env=env),
    }


def peer_phases(project: Path, scale: float, programs: Path) -> Phases:
    """Return dbt-duckdb's phases, in order. It has no notion of nothing to do."""
    database = project.parent / "harbor.duckdb"
    peer.write_profile(project, profile="harbor", database=database, threads=THREADS)
    settings = project / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f"{text}\nprofile: harbor\n", encoding="utf-8")
    build = [str(programs / "dbt"), "--quiet", "build"]
    build += ["--vars", "{partition_strategy: delete+insert}"]

    def load(first: int, days: int) -> measure.Usage:
        values = [str(HARBOR), str(database), str(scale), str(first), str(first + days)]
        return measure.run([str(programs / "python"), "-c", PEER_LOAD, *values])

    return {
        "load 30 days": lambda: load(0, DAYS),
        "build from nothing": lambda: measure.run(build, cwd=project, env=peer.QUIET),
        "build again": lambda: measure.run(build, cwd=project, env=peer.QUIET),
        "load 2 days": lambda: load(DAYS, MORE_DAYS),
        "build 2 days": lambda: measure.run(build, cwd=project, env=peer.QUIET),
    }


def our_checksums(project: Path) -> dict[str, list[object]]:
    """Return rows and hash of each compared table of the lake."""
    hw, env = measure.hw_command()
    found: dict[str, list[object]] = {}
    for table in COMPARED:
        answer = subprocess.run(
            [*hw, "sql", CHECKSUM.format(table=table), "--output", "json"],
            check=True,
            capture_output=True,
            text=True,
            cwd=project,
            env={**os.environ, **env},
        )
        found[table] = json.loads(answer.stdout)["rows"][0]
    return found


def peer_checksums(project: Path, programs: Path) -> dict[str, list[object]]:
    """Return the same of the DuckDB file."""
    code = (
        "import duckdb, json, sys\n"
        "engine = duckdb.connect(sys.argv[1], read_only=True)\n"
        f"tables, query = {COMPARED!r}, {CHECKSUM!r}\n"
        "print(json.dumps({t: engine.execute(query.format(table=t)).fetchall()[0] "
        "for t in tables}))"
    )
    answer = subprocess.run(
        [str(programs / "python"), "-c", code, str(project.parent / "harbor.duckdb")],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, list[object]] = json.loads(answer.stdout)
    return found


def run_once(
    scratch: Path, scale: float, programs: Path | None, runs: dict[str, list[measure.Usage]]
) -> dict[str, bool]:
    """Run all phases of both once, add to ``runs``, and say which tables came out equal."""
    ours = copy_project(scratch / "ours")
    for phase, once in our_phases(ours, scale).items():
        runs.setdefault(f"hw {phase}", []).append(once())
    if programs is None:
        return {}
    theirs = copy_project(scratch / "theirs")
    for phase, once in peer_phases(theirs, scale, programs).items():
        runs.setdefault(f"dbt {phase}", []).append(once())
    mine, other = our_checksums(ours), peer_checksums(theirs, programs)
    return {table: mine[table] == other[table] for table in COMPARED}


def main() -> None:
    """Measure and write ``results/build_harbor.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer-venv", type=Path)
    arguments = parser.parse_args()
    programs = peer.install(arguments.peer_venv) if arguments.peer_venv else None

    runs: dict[str, list[measure.Usage]] = {}
    body: dict[str, object] = {"scale": arguments.scale, "days": DAYS, "threads": THREADS}
    for _ in range(arguments.repeat):
        with tempfile.TemporaryDirectory() as scratch:
            equal = run_once(Path(scratch), arguments.scale, programs, runs)
        body["tables_equal"] = equal

    body["versions"] = {"ours": measure.versions(sys.executable, ["duckdb", "deltalake"])}
    if programs:
        body["peer_versions"] = measure.versions(str(programs / "python"), peer.NAMES)
        print(body["tables_equal"])
    results = {name: measure.summary(used) for name, used in runs.items()}
    measure.show(QUESTION, results)
    print(measure.write("build_harbor", QUESTION, {**body, "results": results}))


if __name__ == "__main__":
    main()
