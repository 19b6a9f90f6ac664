"""Set up a clone and run things in it; needs only Python 3.11 and its standard library.

    ./dev setup [--extra NAME]   make .venv and install the package into it
    ./dev setup --dev --group slow   also what slow tests need
    ./dev demo                   set up, then run the main job on a copy of examples/harbor
    ./dev test [PYTEST ARGS]     set up with the test tools, then run the default suite
    ./dev check                  set up with the test tools, then lint, types and import contracts
    ./dev hw ...                 set up, then run the command line

Uses uv when it is on PATH, else venv and pip.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")


def run(command: list[object], **options: object) -> int:
    """Run a command in the clone and return its exit code."""
    return subprocess.call([str(part) for part in command], cwd=ROOT, **options)


def must(command: list[object], hint: str) -> None:
    """Run a command; on failure print a hint and stop with exit code 2."""
    code = run(command)
    if code:
        print(
            f"error: `{' '.join(str(part) for part in command)}` ended with {code}", file=sys.stderr
        )
        print(f"hint: {hint}", file=sys.stderr)
        sys.exit(2)


def setup(*, dev: bool, extras: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> None:
    """Make .venv hold the package, editable, with the wanted extras; quick when it already does."""
    pyproject = (ROOT / "pyproject.toml").read_bytes()
    groups = tomllib.loads(pyproject.decode())["dependency-groups"]
    wanted = {"dev"} if dev else set()
    stamp = VENV / ".headwater"
    known = stamp.read_text().split() if stamp.exists() and PYTHON.exists() else []
    digest = hashlib.sha256(pyproject + sys.version.encode()).hexdigest()[:16]
    have = set(known[1:]) if known[:1] == [digest] else set()
    known_extras = tomllib.loads(pyproject.decode())["project"].get("optional-dependencies", {})
    for name in extras:
        if name not in known_extras:
            listed = ", ".join(sorted(known_extras)) or "none yet"
            print(f"error: there is no extra `{name}`; there are: {listed}", file=sys.stderr)
            sys.exit(2)
    wanted |= {f"extra:{name}" for name in extras} | {f"group:{name}" for name in more}
    if have >= wanted and have | {"base"} and known[:1] == [digest]:
        return
    wanted |= have
    names = sorted(part.removeprefix("extra:") for part in wanted if part.startswith("extra:"))
    package = f".[{','.join(names)}]" if names else "."
    requirements = list(groups["dev"]) if "dev" in wanted else []
    for part in sorted(wanted):
        if part.startswith("group:"):
            requirements += groups[part.removeprefix("group:")]
    print(
        f"setting up {VENV.name} ({'uv' if shutil.which('uv') else 'venv and pip'}) ...",
        file=sys.stderr,
    )
    install(["-e", package, *requirements])
    stamp.write_text(" ".join([digest, *sorted(wanted)]))


def install(requirements: list[str]) -> None:
    """Install requirements into .venv, making it first if need be."""
    uv = shutil.which("uv")
    if uv:
        if not PYTHON.exists():
            must([uv, "venv", "-q", "--python", sys.executable, VENV], "is the folder writable?")
        must(
            [uv, "pip", "install", "-q", "--python", PYTHON, *requirements],
            "is a package index reachable?",
        )
        return
    if not PYTHON.exists():
        must(
            [sys.executable, "-m", "venv", VENV],
            "on Debian and Ubuntu: apt-get install python3-venv",
        )
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check"]
    must([*pip, "install", "-q", *requirements], "is a package index reachable?")


def main(arguments: list[str]) -> int:
    """Run one of the commands above."""
    command, rest = (arguments or ["help"])[0], arguments[1:]
    # The environment is ours: without its bytecode every command would compile everything anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    match command:
        case "setup":
            extras = tuple(name for flag, name in pairwise(rest) if flag == "--extra")
            more = tuple(name for flag, name in pairwise(rest) if flag == "--group")
            setup(dev="--dev" in rest, extras=extras, more=more)
            print(f"ready: {BIN / 'hw'}", file=sys.stderr)
            return 0
        case "hw":
            setup(dev=False)
            return subprocess.call([str(PYTHON), "-m", "headwater", *rest])
        case "demo":
            setup(dev=False)
            return run([PYTHON, ROOT / "tools" / "demo.py", *rest])
        case "test":
            setup(dev=True)
            return run([PYTHON, "-m", "pytest", *(rest or ["-n", "auto", "--dist", "loadgroup"])])
        case "check":
            setup(dev=True)
            return check()
        case _:
            print(__doc__)
            return 0 if command in {"help", "-h", "--help"} else 2


def check() -> int:
    """Run lint, format, types and import contracts; all of them, then say which failed."""
    checks = {
        "ruff check": [BIN / "ruff", "check", "."],
        "ruff format": [BIN / "ruff", "format", "--check", "."],
        "mypy": [BIN / "mypy"],
        "import contracts": [BIN / "lint-imports", "--no-logo"],
        "generated docs": [PYTHON, ROOT / "tools" / "reference.py", "--check"],
    }
    failed = [name for name, command in checks.items() if run(command)]
    print(f"checks failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
