import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from headwater.base.errors import DataDamaged, Denied, HeadwaterError, Invalid, Unavailable
from headwater.catalog import store as store_module
from headwater.catalog.store import Store, Value, migration_files, split_statements

NOBODY = 65534
"""The user that may do nothing, on Linux."""

ALL_RUNS: dict[str, str | int | float | bytes | None] = {"status": "", "limit": 9}
RUN_ROW: dict[str, Value] = {
    "run_id": "r1",
    "project": "p",
    "target": "t",
    "command": "build",
    "status": "running",
    "started_at": "1",
    "finished_at": "",
    "process_id": 1,
    "host": "h",
    "plan_hash": "",
    "plan": b"",
    "user": "u",
    "cpus": 2,
}


def test_a_store_of_the_first_release_is_brought_up_to_date_with_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    old = sqlite3.connect(path)
    old.executescript(migration_files()[0].read_text(encoding="utf-8"))
    old.execute(
        "insert into run values ('r0', 'p', 't', 'build', 'success', '1', '2', 1, 'h', '', x'')"
    )
    old.execute("pragma application_id = 1213682770")
    old.execute("pragma user_version = 1")
    old.commit()
    old.close()

    opened = Store(path)

    (row,) = opened.run("list_runs", ALL_RUNS)
    assert (row[0], row[4], row[11:]) == ("r0", "success", ("", 0, None, None))
    opened.close()


def test_a_store_opened_again_has_what_was_kept(tmp_path: Path) -> None:
    first = Store(tmp_path / "workspace.db")
    first.run("put_run", RUN_ROW)
    first.close()

    second = Store(tmp_path / "workspace.db")

    assert second.run("list_runs", ALL_RUNS)[0][0] == "r1"
    second.close()


def test_a_failed_transaction_keeps_nothing(tmp_path: Path) -> None:
    opened = Store(tmp_path / "workspace.db")

    def fail_half_way() -> None:
        with opened.transaction():
            opened.run("put_run", RUN_ROW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()

    assert opened.run("list_runs", ALL_RUNS) == []
    opened.close()


@pytest.mark.parametrize("content", [b"not a database at all, only text " * 40, b"\x00" * 8192])
def test_a_file_that_is_no_store_says_that_no_table_is_lost(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "workspace.db"
    path.write_bytes(content)

    with pytest.raises(HeadwaterError) as caught:
        Store(path)

    assert isinstance(caught.value, DataDamaged)
    assert caught.value.code == "store-damaged"
    assert "no table is lost" in caught.value.why


def test_a_store_with_damaged_pages_says_so(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    opened = Store(path)
    opened.run_for_each("put_run", [RUN_ROW | {"run_id": f"r{n}"} for n in range(2000)])
    opened.run("put_run", RUN_ROW)
    opened.close()
    content = bytearray(path.read_bytes())
    content[8192 : len(content) // 2] = os.urandom(len(content) // 2 - 8192)
    path.write_bytes(content)

    with pytest.raises(DataDamaged) as caught:
        Store(path).run("list_runs", {"status": "", "limit": 5000})

    assert caught.value.code == "store-damaged"


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    other = sqlite3.connect(path)
    other.execute("create table songs (title text)")
    other.commit()
    other.close()

    with pytest.raises(DataDamaged) as caught:
        Store(path)

    assert "another program" in caught.value.why


def test_a_store_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    Store(path).close()
    later = sqlite3.connect(path)
    later.execute(f"pragma user_version = {len(migration_files()) + 1}")
    later.close()

    with pytest.raises(Invalid) as caught:
        Store(path)

    assert caught.value.code == "store-newer"
    assert "upgrade" in caught.value.fix


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; run the suite as a user")
def test_a_folder_that_may_not_be_written_is_denied(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)

    with pytest.raises(Denied) as caught:
        Store(folder / "workspace.db")

    assert caught.value.code == "store-read-only"


@contextmanager
def only_readable(folder: Path) -> Iterator[None]:
    """Let this process look at a folder and write nothing there; root is nobody meanwhile."""
    user = os.geteuid()
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)
        folder.chmod(0o755)


def test_a_store_that_may_only_be_read_is_read_and_refuses_to_be_written() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = Store(folder / "workspace.db")
        first.run("put_run", RUN_ROW)
        first.close()

        with only_readable(folder):
            store = Store(folder / "workspace.db")
            found = store.run("list_runs", ALL_RUNS)
            with pytest.raises(Denied) as caught:
                store.run("put_run", {**RUN_ROW, "run_id": "r2"})
            store.close()

    assert [row[0] for row in found] == ["r1"]
    assert caught.value.code == "store-read-only"


def test_a_store_with_records_not_yet_in_its_file_is_not_read_without_them() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = Store(folder / "workspace.db")
        first.run("put_run", RUN_ROW)
        kept = (folder / "workspace.db-wal").read_bytes()
        first.close()
        (folder / "workspace.db-wal").write_bytes(kept)

        with only_readable(folder), pytest.raises(Denied) as caught:
            Store(folder / "workspace.db")

    assert kept
    assert caught.value.code == "store-read-only"


def test_a_folder_that_is_a_file_is_denied(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(Denied) as caught:
        Store(tmp_path / "file" / "workspace.db")

    assert caught.value.code == "store-read-only"


def test_a_lock_held_too_long_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "workspace.db"
    Store(path).close()
    monkeypatch.setattr(store_module, "BUSY_WAIT_MS", 50)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")
    opened = Store(path)

    with pytest.raises(Unavailable) as caught:
        opened.run("put_run", RUN_ROW)

    assert caught.value.code == "store-busy"
    holder.close()
    opened.close()


def test_many_threads_write_without_losing_a_row(tmp_path: Path) -> None:
    opened = Store(tmp_path / "workspace.db")

    def write(thread: int) -> None:
        for number in range(50):
            with opened.transaction():
                opened.run("put_run", RUN_ROW | {"run_id": f"{thread}-{number}"})

    threads = [Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened.run("list_runs", {"status": "", "limit": 1000})) == 400
    opened.close()


def test_two_processes_that_open_a_new_store_together_both_succeed(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from headwater.catalog.store import Store; "
    script += "Store(Path(sys.argv[1])).close()"
    command = [sys.executable, "-c", script, str(tmp_path / "workspace.db")]
    environment = os.environ | {"PYTHONPATH": "src"}

    processes = [subprocess.Popen(command, env=environment) for _ in range(4)]

    assert [process.wait(timeout=30) for process in processes] == [0, 0, 0, 0]


def test_a_process_killed_while_writing_leaves_whole_transactions(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    script = textwrap.dedent(f"""
        from pathlib import Path
        from headwater.catalog.store import Store
        row = {RUN_ROW!r}
        store = Store(Path({str(path)!r}))
        number = 0
        while True:
            with store.transaction():
                for part in range(3):
                    store.run("put_run", row | {{"run_id": f"{{number:06}}-{{part}}"}})
            number += 1
            print(number, flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    acknowledged = int(process.stdout.read().split()[-1])
    process.wait()
    process.stdout.close()

    opened = Store(path)
    rows = opened.run("list_runs", {"status": "", "limit": 1_000_000})
    opened.close()

    assert len(rows) % 3 == 0
    assert len(rows) // 3 >= acknowledged


def test_a_semicolon_inside_a_text_does_not_end_a_statement() -> None:
    script = "create table a (b text default 'x;\ny');\nselect 1;\n"

    assert [part.strip() for part in split_statements(script)] == [
        "create table a (b text default 'x;\ny');",
        "select 1;",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes are limited by POSIX")
def test_a_store_that_may_not_grow_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        from headwater.base.errors import Unavailable
        from headwater.catalog.store import Store

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = Store(Path(sys.argv[1]))
        row = {
            "project": "p", "target": "t", "command": "build", "status": "running",
            "started_at": "1", "finished_at": "", "process_id": 1, "host": "h", "plan_hash": "",
            "user": "u", "cpus": 2,
        }
        store.run("put_run", {**row, "run_id": "kept", "plan": b""})
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            store.run("put_run", {**row, "run_id": "large", "plan": bytes(10_000_000)})
        except Unavailable as error:
            print(error.code)
        """
    )
    path = tmp_path / "workspace.db"

    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={"PYTHONPATH": str(Path(store_module.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout.strip() == "store-full", ended.stderr
    reopened = Store(path)
    assert [row[0] for row in reopened.run("list_runs", ALL_RUNS)] == ["kept"]
    reopened.close()
