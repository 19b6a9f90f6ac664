"""How the process of a command ends: at once, and without losing anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import SOURCE


def _run_in_python(text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", text], cwd=folder, env={"PYTHONPATH": SOURCE},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def _program(*arguments: str, after: str = "") -> str:
    return (
        "import atexit, sys, threading, time, weakref\n"
        f"sys.argv = ['hw', *{arguments!r}]\n"
        "from headwater.__main__ import main\n"
        f"status = main()\n{after}\nsys.exit(status)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("schema", "plan"), 0), (("explain", "HW0000"), 2), (("--nonsense",), 2)],
)
def test_the_status_is_the_commands(
    arguments: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    ended = _run_in_python(_program(*arguments), tmp_path)

    assert ended.returncode == status


def test_what_waits_for_the_end_is_called_and_threads_are_awaited(tmp_path: Path) -> None:
    waiting = """
atexit.register(print, "a function")
value = threading.Event()
weakref.finalize(value, print, "a value")
threading.Thread(target=lambda: (time.sleep(0.2), print("a thread"))).start()
"""

    ended = _run_in_python(_program("explain", "HW4002", after=waiting), tmp_path)

    assert ended.stdout.splitlines()[-3:] == ["a thread", "a value", "a function"]


def test_values_are_not_freed_one_by_one(tmp_path: Path) -> None:
    kept = "class Kept:\n    def __del__(self): print('freed')\nkept = Kept()"

    ended = _run_in_python(_program("explain", "HW4002", after=kept), tmp_path)

    assert (ended.returncode, "freed" in ended.stdout) == (0, False)


def test_a_reader_that_left_is_no_fault(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "headwater", "schema", "plan"],
            cwd=tmp_path, env={"PYTHONPATH": SOURCE},
            stdout=closed, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "")


def test_all_of_a_long_text_comes_out(tmp_path: Path) -> None:
    ended = _run_in_python(_program("schema", "plan"), tmp_path)

    assert ended.stdout.endswith("}\n")
