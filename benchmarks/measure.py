"""Runs a command and says what the operating system charged it; writes results as JSON.

It is here so that all benchmarks measure alike: CPU by the kernel's clock for the child and its
children (wait4), never a timer of the program that is measured, and always with the machine,
the versions and the spread beside the figure.
"""

import dataclasses
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
OUTPUT_TAIL_CHARS = 2000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one run of a command used.

    Attributes:
        cpu_seconds: User and system time of the process and its children.
        wall_seconds: Elapsed time.
        peak_bytes: Largest resident set of the process.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


class CommandFailedError(Exception):
    """A measured command did not end as expected; a figure of it would mean nothing."""


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    expected: tuple[int, ...] = (0,),
) -> Usage:
    """Run a command to its end and return what it used.

    Raises:
        CommandFailedError: Its exit code is not among ``expected``; carries the end of its output.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        tail = output.decode(errors="replace")[-OUTPUT_TAIL_CHARS:]
        message = f"{' '.join(command)}\nexit code {process.returncode}\n{tail}"
        raise CommandFailedError(message)
    peak_unit = 1 if sys.platform == "darwin" else 1024
    return Usage(
        cpu_seconds=used.ru_utime + used.ru_stime,
        wall_seconds=wall,
        peak_bytes=used.ru_maxrss * peak_unit,
    )


def repeat(times: int, once: Callable[[], Usage]) -> list[Usage]:
    """Run something ``times`` times."""
    return [once() for _ in range(times)]


def summary(runs: Sequence[Usage]) -> dict[str, object]:
    """Return minimum, median, maximum and every value of each quantity."""

    def spread(values: Sequence[float], digits: int) -> dict[str, object]:
        return {
            "min": round(min(values), digits),
            "median": round(statistics.median(values), digits),
            "max": round(max(values), digits),
            "all": [round(value, digits) for value in values],
        }

    return {
        "runs": len(runs),
        "cpu_seconds": spread([run.cpu_seconds for run in runs], 4),
        "wall_seconds": spread([run.wall_seconds for run in runs], 4),
        "peak_bytes": spread([run.peak_bytes for run in runs], 0),
    }


def machine() -> dict[str, object]:
    """Return what a reader needs to judge the figures by."""
    return {
        "system": platform.platform(),
        "processor": _first_field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _first_field("/proc/meminfo", "MemTotal"),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def _first_field(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def versions(python: str, packages: Sequence[str]) -> dict[str, str]:
    """Ask an interpreter for its own version and those of packages installed beside it."""
    code = (
        "import sys, json, importlib.metadata as m\n"
        "found = {'python': sys.version.split()[0]}\n"
        f"for name in {list(packages)!r}:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    answer = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def hw_command() -> tuple[list[str], dict[str, str]]:
    """Return how this clone's `hw` is run: a command and the environment that it needs."""
    return [sys.executable, "-m", "headwater"], {"PYTHONPATH": str(ROOT / "src")}


def write(name: str, question: str, body: Mapping[str, object]) -> Path:
    """Write a result beside the earlier ones' names and return its path."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": "headwater.benchmark/1",
        "benchmark": name,
        "question": question,
        "at": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine(),
        **body,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


def _commit() -> str:
    answer = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return answer.stdout.strip()


def show(title: str, results: Mapping[str, Mapping[str, object]]) -> None:
    """Print the medians, one line a subject."""
    print(title)
    for name, result in results.items():
        cpu, wall, peak = (
            result[quantity] for quantity in ("cpu_seconds", "wall_seconds", "peak_bytes")
        )
        assert isinstance(cpu, dict)  # noqa: S101 - made by summary()
        assert isinstance(wall, dict)  # noqa: S101
        assert isinstance(peak, dict)  # noqa: S101
        print(
            f"  {name:<34} cpu {cpu['median']:>9.3f} s ({cpu['min']:.3f} to {cpu['max']:.3f})"
            f"  wall {wall['median']:>9.3f} s  peak {peak['max'] / 1e6:>7.0f} MB"
        )
