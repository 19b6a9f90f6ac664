"""Killed and racing writers: every version is whole, nothing is lost or doubled."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.lake.crashing import POINTS
from tests.lake.writing import append, create, open_table

from headwater.lake.maintain import find_orphans, remove_orphans

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"}
PUBLISHED = {"after-link", "after-unlink", "after-folder-sync"}

APPENDER = """
import sys
from headwater.base.errors import Conflict
from headwater.base.relations import Column
from headwater.lake.commit import AddFile, SetTransaction, TransactionBelow, commit
from headwater.lake.snapshot import DataFile
from tests.lake.writing import make_commit, open_table
root, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
table = open_table(root)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    path = f"{name}-{number}.parquet"
    open(f"{root}/{path}", "wb").write(b"x")
    while True:
        state = table.transaction_or_none("counter") or 0
        try:
            version = commit(table, make_commit(
                AddFile(file=DataFile(path=path, size_bytes=1, rows=1)),
                SetTransaction(app_id="counter", version=state + 1),
                requirements=(TransactionBelow(app_id="counter", version=state + 1),),
            ))
        except Conflict:
            continue
        break
    print(version, flush=True)
"""


@pytest.mark.parametrize("point", POINTS)
def test_a_writer_killed_anywhere_leaves_the_old_or_the_new_version(
    tmp_path: Path, point: str
) -> None:
    table = open_table(tmp_path)
    create(table, "select 1 as a")

    died = subprocess.run(
        [sys.executable, "-m", "tests.lake.crashing", str(tmp_path), point],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        check=False,
    )

    expected = [1, 2] if point in PUBLISHED else [1]
    assert died.returncode == -signal.SIGKILL
    assert sorted(pl.read_delta(tmp_path)["a"].to_list()) == expected
    assert open_table(tmp_path).snapshot().rows == len(expected)
    append(table, "select 3 as a")
    assert sorted(pl.read_delta(tmp_path)["a"].to_list()) == [*expected, 3]

    remove_orphans(table, find_orphans(table))

    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    named = {file.path for file in table.snapshot().files}
    assert {name for name in left if name.endswith(".parquet")} == named
    assert not [name for name in left if name.startswith(".tmp-")]


@pytest.mark.parametrize("writers", [2, 4])
def test_racing_processes_lose_and_double_nothing(tmp_path: Path, writers: int) -> None:
    count = 10
    create(open_table(tmp_path), "select 1 as a")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(tmp_path), f"w{number}", str(count)],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    versions = [int(line) for process in processes for line in process.communicate()[0].split()]

    table = open_table(tmp_path)
    entries = table.history(1000)
    assert [process.returncode for process in processes] == [0] * writers
    assert sorted(versions) == list(range(1, writers * count + 1))
    assert table.snapshot().rows == writers * count + 1
    assert table.transaction_or_none("counter") == writers * count
    assert all(entry.files_added == 1 for entry in entries)
