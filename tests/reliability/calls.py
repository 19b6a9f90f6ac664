"""Kills at system calls: what the lake's own points cannot see, DuckDB's and SQLite's writes too.

strace kills a writing process as it enters the n-th call of a kind in one of its threads. Which
calls touch the lake or its records, and how many there are, is learned from an undisturbed write.
"""

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.reliability.cases import Bench
from tests.reliability.lake import Subject

CALLS = (
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "link",
    "unlink",
    "rename",
    "mkdir",
)
ROOT = Path(__file__).parents[2]

_CALL = re.compile(r"^(?P<process>\d+)\s+(?P<call>\w+)\(")


def is_available() -> bool:
    """Say whether processes can be traced here."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0


def kills(
    bench: Bench, subject: Subject, seed: int, sample: int
) -> Iterator[tuple[str, list[str]]]:
    """Kill a write at some of its system calls; yield where, and what it violates."""
    bench.prepare(subject)
    bench.reset(subject)
    counts = _counted(bench.folder, subject)
    dice = random.Random(f"{seed} calls {subject.name}")  # noqa: S311
    places = [(call, number + 1) for call, count in counts.items() for number in range(count)]
    for call, number in sorted(dice.sample(places, min(sample, len(places)))):
        bench.reset(subject)
        done = _traced(
            bench.folder,
            subject,
            "-o",
            os.devnull,
            "-e",
            f"inject={call}:signal=KILL:when={number}",
        )
        said = {0: "done", 1: "failed"}.get(done, "killed")
        yield f"{subject.name}: {said} at {call} {number}", bench.check(subject, said)


def _counted(folder: Path, subject: Subject) -> dict[str, int]:
    """Return how often some thread makes each call on a file in the folder."""
    log = folder.parent / "calls.log"
    assert _traced(folder, subject, "-y", "-o", str(log)) == 0, subject.name
    last: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        found = _CALL.match(line)
        if found is None:
            continue
        seen[found["process"], found["call"]] += 1
        if str(folder) in line:
            last[found["call"]] = max(last[found["call"]], seen[found["process"], found["call"]])
    return dict(last)


def _traced(folder: Path, subject: Subject, *options: str) -> int:
    command = ["strace", "-f", "-qq", "-e", f"trace={','.join(CALLS)}", *options]
    act = [sys.executable, "-m", "tests.reliability.act", subject.name, str(folder)]
    done = subprocess.run(
        [*command, *act],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode
