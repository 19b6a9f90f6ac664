"""The main job, shown: build the example from nothing, make a tempting edit, see what it would do.

    ./dev demo [--dir FOLDER] [--scale 0.01] [--days 30]

Works on a copy of ``examples/harbor`` in a scratch folder; running it again starts afresh.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "harbor"
OURS = ".headwater-demo"


def main() -> int:
    """Run the demo and return 0 when every step ended as it should."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--dir", type=Path, help="scratch folder (made anew each time)")
    arguments.add_argument("--scale", default="0.01", help="size of the generated data")
    arguments.add_argument("--days", default="30", help="days of generated data")
    chosen = arguments.parse_args()
    folder = (chosen.dir or Path(tempfile.gettempdir()) / "headwater-demo").resolve()
    if not _make(folder):
        return 2
    started = time.monotonic()
    demo = _Demo(folder)
    demo.say("A port's data is generated: 30 days of arrivals, with the mess of reality.")
    demo.run(0, sys.executable, "generate.py", "--scale", chosen.scale, "--days", chosen.days)
    demo.say("Build everything: seeds, models and tests, into Delta tables.")
    demo.hw(0, "build")
    demo.say("Ask the result.")
    demo.hw(0, "sql", "select * from harbor.marts.late_by_carrier order by 2 desc limit 3")
    demo.say("Two more days arrive; only what reads them is brought up to date.")
    demo.run(
        0,
        sys.executable,
        "generate.py",
        "--scale",
        chosen.scale,
        "--from-day",
        chosen.days,
        "--days",
        "2",
    )
    demo.hw(0, "build")
    demo.say("A tempting edit: a cheaper merge window, a tidier type, one new model.")
    demo.edit("tempting")
    demo.say("What would it cost, what would it break, is it safe? (exit 3: blocked)")
    demo.hw(3, "plan")
    demo.say("The repair keeps what is good and undoes what is not.")
    demo.edit("repair")
    demo.say("Apply: only what changed is built.")
    demo.hw(0, "apply")
    demo.say("Nothing is left to do.")
    demo.hw(0, "plan")
    demo.say(f"Done in {time.monotonic() - started:.0f} s, in {folder}")
    return 1 if demo.failed else 0


def _make(folder: Path) -> bool:
    """Copy the example into an empty folder; only ever remove a folder that a demo has made."""
    if folder.exists() and any(folder.iterdir()) and not (folder / OURS).exists():
        print(f"error: {folder} has files that no demo has made", file=sys.stderr)
        return False
    shutil.rmtree(folder, ignore_errors=True)
    ignore = shutil.ignore_patterns("target", ".headwater", "__pycache__", "dbt_packages", "logs")
    shutil.copytree(EXAMPLE, folder, ignore=ignore)
    (folder / OURS).write_text("made by ./dev demo, which removes this folder\n", encoding="utf-8")
    return True


class _Demo:
    """Runs commands in the scratch folder, shows them, and remembers what went wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed = False

    def say(self, line: str) -> None:
        """Show what comes next."""
        print(f"\n# {line}", flush=True)

    def hw(self, expected: int, *arguments: str) -> None:
        """Run ``hw`` in the scratch folder."""
        print(f"$ hw {shlex.join(arguments)}", flush=True)
        self._call(expected, [sys.executable, "-m", "headwater", *arguments])

    def run(self, expected: int, *command: str) -> None:
        """Run another command in the scratch folder."""
        shown = ["python" if part == sys.executable else part for part in command]
        print(f"$ {shlex.join(shown)}", flush=True)
        self._call(expected, list(command))

    def edit(self, name: str) -> None:
        """Copy the files of one edit over the project."""
        source = self.folder / "edits" / name
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            target = self.folder / file.relative_to(source)
            print(
                f"$ cp edits/{name}/{file.relative_to(source)} {file.relative_to(source)}",
                flush=True,
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)

    def _call(self, expected: int, command: list[str]) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DBT_")
        }
        code = subprocess.call(command, cwd=self.folder, env=environment)
        if code or expected:
            print(f"exit {code}", flush=True)
        if code != expected:
            print(f"error: expected exit {expected}", file=sys.stderr, flush=True)
            self.failed = True


if __name__ == "__main__":
    sys.exit(main())
