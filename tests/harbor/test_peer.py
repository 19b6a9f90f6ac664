"""The harbor beside dbt-core and dbt-duckdb: the same rows in every table of both."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from examples.harbor.generator.raw import TABLES as RAW_TABLES
from examples.harbor.generator.raw import Knobs, raw_sql
from tests.harbor.test_build import HARBOR, TABLES, contents, generate, hw
from tests.peer.public import peer_python

PEER = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0")


def copy_harbor(folder: Path) -> Path:
    ignored = shutil.ignore_patterns(".headwater", "target", "logs", "__pycache__")
    return Path(shutil.copytree(HARBOR, folder, ignore=ignored))


def load_peer(database: Path, first: int, stop: int) -> None:
    with duckdb.connect(database) as engine:
        engine.execute("create schema if not exists raw").fetchall()
        for table in RAW_TABLES:
            start = f"create table raw.{table} as" if first == 0 else f"insert into raw.{table}"
            rows = raw_sql(table, Knobs(scale=0.001), range(first, stop))
            engine.execute(f"{start} {rows}").fetchall()


def build_peer(project: Path, dbt: Path) -> None:
    subprocess.run(
        [dbt, "--quiet", "build", "--vars", "{partition_strategy: delete+insert}"],
        cwd=project,
        env={**os.environ, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        check=True,
    )


def peer_contents(database: Path, python: Path) -> dict[str, tuple[int, str]]:
    code = (
        "import duckdb, json, sys\n"
        "engine = duckdb.connect(sys.argv[1], read_only=True)\n"
        "query = 'select count(*), sum(hash(t)::hugeint)::varchar from {} as t'\n"
        f"print(json.dumps({{t: engine.execute(query.format(t)).fetchall()[0] for t in {TABLES}}}))"
    )
    answer = subprocess.run(
        [python, "-c", code, database], capture_output=True, text=True, check=True
    )
    return {table: (rows, total) for table, (rows, total) in json.loads(answer.stdout).items()}


@pytest.mark.peer
@pytest.mark.timeout(900)
def test_every_table_equals_what_dbt_builds_also_after_two_more_days(tmp_path: Path) -> None:
    python = peer_python(*PEER)
    ours, theirs = copy_harbor(tmp_path / "ours"), copy_harbor(tmp_path / "theirs")
    database = tmp_path / "harbor.duckdb"
    (theirs / "profiles.yml").write_text(
        f"harbor: {{target: dev, outputs: {{dev: {{type: duckdb, path: '{database}'}}}}}}\n",
        encoding="utf-8",
    )
    with (theirs / "dbt_project.yml").open("a", encoding="utf-8") as settings:
        settings.write("\nprofile: harbor\n")

    for first, days in ((0, 28), (28, 2)):
        generate(ours, first, days)
        hw(ours, "build")
        load_peer(database, first, first + days)
        build_peer(theirs, python.parent / "dbt")

    assert contents(ours) == peer_contents(database, python)
