"""elementary watches a project that Headwater builds: its tests, its tables, its report.

Its tests write tables while they are rendered, and its macro runs every other test; its command
line is a program of its own that calls ``dbt`` for each part of the report.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.peer.corpus import ELEMENTARY as PACKAGE
from tests.peer.corpus import UTILS
from tests.peer.public import fetch, peer_python
from tests.peer.test_clients import ELEMENTARY, program

__all__ = ["program"]  # a fixture
pytestmark = [pytest.mark.peer, pytest.mark.timeout(1800)]

SETTINGS = """
  elementary:
    +schema: elementary
flags:
  require_explicit_package_overrides_for_builtin_materializations: false
"""
PROFILES = """
{name}:
  target: dev
  outputs: {{dev: {{type: duckdb, path: shop.duckdb, schema: {schema}, threads: 2}}}}
"""
WATCHED = """
models:
  - name: orders
    data_tests:
      - elementary.volume_anomalies:
          arguments:
            timestamp_column: order_date
            time_bucket: {period: day, count: 1}
            training_period: {period: day, count: 90}
            detection_period: {period: day, count: 2}
      - elementary.schema_changes
    columns:
      - name: status
        data_tests:
          - elementary.column_anomalies:
              arguments:
                column_anomalies: [null_count, max_length]
                timestamp_column: order_date
                training_period: {period: day, count: 90}
          - accepted_values: {arguments: {values: [placed]}, config: {severity: warn}}
"""
WARNED = 1


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The small jaffle shop with elementary installed and some of its tests declared."""
    home = tmp_path / "shop"
    fetch("dbt-labs/jaffle_shop_duckdb", home)
    install(home / "dbt_packages")
    (home / "packages.yml").write_text("packages: []\n", encoding="utf-8")
    (home / "models" / "schema.yml").write_text(WATCHED, encoding="utf-8")
    with (home / "dbt_project.yml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    profiles = [
        PROFILES.format(name="jaffle_shop", schema="main"),
        PROFILES.format(name="elementary", schema="main_elementary"),
    ]
    (home / "profiles.yml").write_text("".join(profiles), encoding="utf-8")
    return home


def install(folder: Path) -> None:
    """Put the packages where `deps` would."""
    shutil.rmtree(folder, ignore_errors=True)
    for package in (PACKAGE, UTILS):
        fetch(package.repository, folder / package.repository.split("/")[-1], package.commit)
    (folder / "dbt-data-reliability").rename(folder / "elementary")
    (folder / "dbt-utils").rename(folder / "dbt_utils")


def run(*command: str | Path, at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "PYTHON"))}
    return subprocess.run(
        [str(each) for each in command],
        cwd=at,
        env={**inherited, "HOME": str(at.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_elementary_keeps_what_it_keeps_beside_dbt(
    shop: Path, program: Path, tmp_path: Path
) -> None:
    python = peer_python(*ELEMENTARY)
    theirs = tmp_path / "theirs"
    shutil.copytree(shop, theirs)

    for words in (("build", "--exclude-resource-type", "test"), ("test",)):
        mine = run(program, *words, at=shop)
        other = run(python.parent / "dbt", *words, "--profiles-dir", ".", at=theirs)
        assert (mine.returncode, other.returncode) == (0, 0), mine.stderr + other.stdout[-3000:]

    ask = (
        "import duckdb, json, sys; c = duckdb.connect('shop.duckdb');"
        "print(json.dumps([c.execute(q).fetchall() for q in sys.argv[1:]]))"
    )
    queries = [
        (
            "select test_short_name, status, failures from main_elementary.elementary_test_results"
            " order by all"
        ),
        (
            "select metric_name, count(*), sum(metric_value)"
            " from main_elementary.data_monitoring_metrics group by all order by all"
        ),
        (
            "select full_column_name, data_type from main_elementary.schema_columns_snapshot"
            " order by all"
        ),
    ]
    expected = json.loads(run(python, "-c", ask, *queries, at=theirs).stdout)
    found = [
        json.loads(run(program, "sql", query, "--output", "json", at=shop).stdout)["rows"]
        for query in queries
    ]
    assert found == expected
    assert [row[1] for row in found[0]].count("warn") == WARNED


def test_its_command_line_writes_the_report(shop: Path, program: Path, tmp_path: Path) -> None:
    python = peer_python(*ELEMENTARY)
    folder = tmp_path / "bin"
    folder.mkdir()
    text = program.read_text(encoding="utf-8").replace("-m headwater ", "-m headwater.dbt ")
    (folder / "dbt").write_text(text, encoding="utf-8")
    (folder / "dbt").chmod(0o755)
    where = run(python, "-c", "import elementary; print(elementary.__path__[0])", at=shop)
    install(Path(where.stdout.strip()) / "monitor" / "dbt_project" / "dbt_packages")
    run(program, "build", "--exclude-resource-type", "test", at=shop)
    run(program, "test", at=shop)

    done = run(
        *(python.parent / "edr", "report", "--project-dir", shop, "--profiles-dir", shop),
        *("--open-browser", "false"),
        at=shop,
        PATH=f"{folder}:{os.environ['PATH']}",
        DBT_RUNNER_METHOD="subprocess",
        HEADWATER_WORKSPACE=str(shop / ".headwater"),
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((shop / "edr_target" / "elementary_output.json").read_text("utf-8"))
    results = [each for found in report["test_results"].values() for each in found]
    states = [each["metadata"]["latest_run_status"] for each in results]
    assert (shop / "edr_target" / "elementary_report.html").is_file()
    assert states.count("warn") == WARNED
    assert len(states) == len(report["tests"])
