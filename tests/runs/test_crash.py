"""Builds are killed at every point of a node's way; the next one must end right."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runs.project import build_project, load_raw, plan_project, project_graph
from tests.runs.world import close_context, node_id, open_context, opened, relation, rows_of

from headwater.base.errors import Unavailable
from headwater.runs.context import Context
from headwater.runs.journal import open_journal

ROOT = Path(__file__).parents[2]
POINTS = ["attempt-started", "files-written", "tests-passed", "committed", "recorded"]


def cases(names: list[str], fast: set[tuple[str, str]]) -> list[object]:
    """Every node at every point; all but a few run only with the slow tests."""
    return [
        pytest.param(name, point, marks=() if (name, point) in fast else pytest.mark.slow)
        for name in names
        for point in POINTS
    ]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def start_driver(folder: Path, point: str, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.runs.project", str(folder), point, name],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "src"},
        stderr=subprocess.PIPE,
    )


def run_driver(folder: Path, point: str, name: str) -> None:
    process = start_driver(folder, point, name)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors.decode()


def assert_whole(context: Context, folder: Path, rows: int) -> None:
    """Everything holds what raw says, nothing twice; no file that no version names is left."""
    assert rows_of(context, "events") == [(i, i % 5, i * 1.5) for i in range(rows)]
    assert rows_of(context, "latest") == [(k, max(range(k, rows, 5))) for k in range(5)]
    newest = sum(max(range(k, rows, 5)) for k in range(5))
    assert [tuple(map(int, map(str, row))) for row in rows_of(context, "total")] == [
        (rows * 5, newest * rows)
    ]
    for name in ("raw", "events", "latest", "total"):
        root = folder / "lake" / "shop" / "main" / name
        table = context.tables.table(relation(name))
        versions = range(table.snapshot().version + 1)
        named = {file.path for version in versions for file in table.snapshot(version).files}
        assert {str(path.relative_to(root)) for path in root.rglob("*.parquet")} == named
        assert sorted(p.name for p in (root / "_delta_log").iterdir() if p.is_file()) == [
            f"{version:020}.json" for version in versions
        ]


@pytest.mark.parametrize(
    ("name", "point"), cases(["events", "latest"], fast={("events", "files-written")})
)
def test_a_first_build_killed_anywhere_is_finished_by_the_next(
    context: Context, tmp_path: Path, point: str, name: str
) -> None:
    load_raw(context, 0, 50)
    run_driver(tmp_path, point, name)

    run = build_project(context)

    assert run.status == "success"
    assert [finding.name for finding in run.findings] == ["run-crashed"]
    assert_whole(context, tmp_path, 50)
    assert plan_project(context, project_graph()).is_empty


@pytest.mark.parametrize(
    ("name", "point"), cases(["events", "latest", "total"], fast={("latest", "files-written")})
)
def test_an_increment_killed_anywhere_loses_and_doubles_nothing(
    context: Context, tmp_path: Path, point: str, name: str
) -> None:
    load_raw(context, 0, 50)
    build_project(context)
    load_raw(context, 50, 80)
    run_driver(tmp_path, point, name)

    build_project(context)

    assert_whole(context, tmp_path, 80)
    assert plan_project(context, project_graph()).is_empty


def test_a_node_killed_after_its_commit_is_not_run_again(context: Context, tmp_path: Path) -> None:
    load_raw(context, 0, 50)
    run_driver(tmp_path, "committed", "events")

    run = build_project(context)

    assert node_id("events") not in {result.node for result in run.results}
    recorded = context.metastore.attempts_of_node(node_id("events"))[0]
    assert (recorded.status, recorded.version) == ("success", 0)
    assert recorded.meter.rows_written == 50


@pytest.mark.slow
def test_files_of_a_write_killed_half_way_are_removed(context: Context, tmp_path: Path) -> None:
    load_raw(context, 0, 50)
    run_driver(tmp_path, "during-write", "slow")
    left = list((tmp_path / "lake").rglob("*slow*/*"))

    run = build_project(context)

    assert left
    assert [finding.name for finding in run.findings] == ["run-crashed"]
    assert list((tmp_path / "lake").rglob("slow/*.parquet")) == []
    assert_whole(context, tmp_path, 50)


def test_a_second_build_is_told_who_holds_the_workspace(context: Context, tmp_path: Path) -> None:
    load_raw(context, 0, 50)
    process = start_driver(tmp_path, "never", "slow")
    holder = tmp_path / ".headwater" / "lock.holder"
    deadline = time.monotonic() + 30
    while not holder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)

    with pytest.raises(Unavailable) as caught:
        build_project(context)

    process.kill()
    process.communicate()
    assert (caught.value.code, caught.value.exit_code) == ("workspace-busy", 4)
    assert f"process {process.pid}" in caught.value.why


@pytest.mark.slow
def test_a_lock_goes_with_its_process(context: Context, tmp_path: Path) -> None:
    load_raw(context, 0, 50)
    run_driver(tmp_path, "files-written", "events")

    with open_journal(context, "build") as journal:
        assert len(journal.findings) == 1
    with open_journal(context, "build") as journal:
        assert journal.findings == ()


def test_a_build_after_the_store_was_lost_names_the_tables_again(
    context: Context, tmp_path: Path
) -> None:
    load_raw(context, 0, 50)
    build_project(context)
    close_context(context)
    for path in (tmp_path / ".headwater").glob("workspace.db*"):
        path.unlink()
    fresh = open_context(tmp_path)

    run = build_project(fresh)

    named = [str(record.name) for record in fresh.metastore.list_relations()]
    nodes = [record.node for record in fresh.metastore.list_nodes("shop", "dev")]
    assert run.results == ()
    assert named == ["shop.main.events", "shop.main.latest", "shop.main.total"]
    assert nodes == [node_id("events"), node_id("latest"), node_id("total")]
    close_context(fresh)


def test_losing_the_store_loses_no_table(context: Context, tmp_path: Path) -> None:
    load_raw(context, 0, 50)
    build_project(context)
    close_context(context)
    for path in (tmp_path / ".headwater").glob("workspace.db*"):
        path.unlink()

    fresh = open_context(tmp_path)

    assert plan_project(fresh, project_graph()).is_empty
    assert_whole(fresh, tmp_path, 50)
    close_context(fresh)
