"""Is column lineage true? TPC-DS and the example project, judged by data that is changed.

Run: ``python benchmarks/lineage.py --tpcds-venv DIR [--scale 0.01]``. One input column at a time is
changed, every query that mentions it is run again, and what differs must be claimed by the trace of
``headwater.sql``. DuckDB 2.0 has no extension to install from a package registry, so that TPC-DS's
data and queries are made by 1.5.5 in a virtual environment of its own, which is made when it is not
there; they are kept in it and in no other place.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping
from pathlib import Path

import duckdb
import measure

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.peer.harbor_models import open_harbor  # noqa: E402 - the paths were not set before
from tests.peer.influences import Score, Subject, observe, score  # noqa: E402
from tests.peer.tpcds import PACKAGES, Tables, generate, open_tpcds  # noqa: E402

from headwater.sql.columns import trace  # noqa: E402
from headwater.sql.lineage import QueryLineage  # noqa: E402
from headwater.sql.parse import parse_query  # noqa: E402

QUESTION = "influences seen in changed data that column lineage explains, and claims confirmed"


def python_of(environment: Path) -> Path:
    """Return the interpreter of an environment that can make TPC-DS; it is made when missing."""
    python = environment / "bin" / "python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return python


def judge(
    connection: duckdb.DuckDBPyConnection,
    tables: Tables,
    subjects: list[Subject],
    traces: Mapping[str, QueryLineage],
) -> dict[str, object]:
    """Observe and compare; returns the figures of all queries together."""
    started = time.process_time()
    seen = observe(connection, tables, subjects, is_key=lambda name: name.endswith(("_sk", "_id")))
    spent = time.process_time() - started
    total, claims, missed = Score(), Score(), {}
    for name, own in seen.items():
        judged = score(own, traces[name])
        if judged.missed:
            missed[name] = judged.missed
        total.add(judged)
        if own.rows:  # without rows little of what is claimed can be seen
            claims.add(judged)
    return {
        "queries": len(subjects),
        "queries_with_rows": sum(1 for own in seen.values() if own.rows),
        "incomplete_traces": sorted(name for name, each in traces.items() if not each.complete),
        "runs": sum(own.runs for own in seen.values()),
        "runs_refused": sum(own.refused for own in seen.values()),
        "output_columns": sum(own.width for own in seen.values()),
        "influences_seen": total.seen,
        "explained": total.seen - len(total.missed),
        "explained_by_direct_alone": total.direct,
        "claimed_direct": claims.claimed_direct,
        "claimed": claims.claimed,
        "recall": ratio(total.seen - len(total.missed), total.seen),
        "recall_of_direct_alone": ratio(total.direct, total.seen),
        "precision_of_direct": ratio(claims.direct, claims.claimed_direct),
        "precision": ratio(claims.confirmed, claims.claimed),
        "missed": missed,
        "observing_cpu_seconds": round(spent, 1),
    }


def ratio(part: int, whole: int) -> float:
    """Return a share, 1 of nothing."""
    return round(part / whole, 4) if whole else 1.0


def main() -> None:
    """Measure and write ``results/lineage.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tpcds-venv", type=Path, required=True)
    parser.add_argument("--scale", default="0.01")
    arguments = parser.parse_args()
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = open_harbor(folder)
        results["harbor"] = judge(
            models.connection, models.tables, models.subjects, models.lineages
        )
        models.connection.close()
        (folder / "tpcds").mkdir()
        generate(python_of(arguments.tpcds_venv), arguments.scale, folder / "tpcds")
        connection, tables, subjects = open_tpcds(folder / "tpcds")
        started = time.process_time()
        traces = {each.name: trace(parse_query(each.sql), tables) for each in subjects}
        spent = time.process_time() - started
        results["tpcds"] = judge(connection, tables, subjects, traces)
    print(json.dumps(results, indent=2))
    body = {
        "scale": arguments.scale,
        "versions": measure.versions(sys.executable, ["duckdb", "sqlglot"]),
        "parsing_and_tracing_cpu_milliseconds_a_query": round(1000 * spent / len(subjects), 3),
        "results": results,
    }
    measure.write("lineage", QUESTION, body)


if __name__ == "__main__":
    main()
