"""How much CPU does it take to parse and compile a project of many models, beside dbt?

Run: ``python benchmarks/compile.py [--models 1000] [--repeat 5] [--peer-venv DIR]``. Cold means
without any file of an earlier run; warm means that nothing changed; edited means that one model
did. Both tools write the compiled SQL, and the files are compared, so that the figures are of the
same work.
"""

import argparse
import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import measure
from project_of_models import write_project

import peer

QUESTION = "CPU to parse and to compile a generated project: cold, nothing changed, one file edited"
EDITED = Path("models/marts/mart_0000.sql")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One of the two: how it is called and what it keeps between runs."""

    name: str
    command: list[str]
    env: dict[str, str]
    project: Path
    kept: tuple[str, ...]

    def run(self, verb: str) -> measure.Usage:
        """Run one command on the project."""
        return measure.run([*self.command, verb], cwd=self.project, env=self.env)

    def forget(self) -> None:
        """Remove what earlier runs left."""
        for name in self.kept:
            shutil.rmtree(self.project / name, ignore_errors=True)

    def edit(self, number: int) -> None:
        """Change one model, each time to something it never was."""
        path = self.project / EDITED
        text = path.read_text(encoding="utf-8").partition("\n-- edit ")[0].rstrip("\n")
        path.write_text(f"{text}\n-- edit {number}\n", encoding="utf-8")


def measure_tool(tool: Tool, repeat: int) -> dict[str, dict[str, object]]:
    """Return a summary for each verb and state of the caches."""

    def cold(verb: str) -> Callable[[], measure.Usage]:
        def once() -> measure.Usage:
            tool.forget()
            return tool.run(verb)

        return once

    results: dict[str, dict[str, object]] = {}
    for verb in ("parse", "compile"):
        results[f"{tool.name} {verb}, cold"] = measure.summary(measure.repeat(repeat, cold(verb)))
        warm = measure.repeat(repeat, lambda verb=verb: tool.run(verb))
        results[f"{tool.name} {verb}, nothing changed"] = measure.summary(warm)
        edited = []
        for number in range(repeat):
            tool.edit(number)
            edited.append(tool.run(verb))
        results[f"{tool.name} {verb}, one file edited"] = measure.summary(edited)
    return results


def compare_compiled(ours: Path, theirs: Path) -> dict[str, int]:
    """Count the compiled models that both wrote, and those that are the same text.

    Generic tests, in folders named after their properties file, are each tool's own macros.
    """
    folder = Path("target/compiled/bench/models")
    written = {path.relative_to(theirs) for path in (theirs / folder).rglob("*.sql")}
    names = {name for name in written if not name.parent.name.endswith(".yml")}
    both = [name for name in names if (ours / name).exists()]
    same = [name for name in both if _text(ours / name) == _text(theirs / name)]
    return {"theirs": len(names), "both": len(both), "same": len(same)}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def main() -> None:
    """Measure and write ``results/compile.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peer-repeat", type=int, default=3)
    parser.add_argument("--peer-venv", type=Path)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        hw, environment = measure.hw_command()
        ours = Tool(
            name="hw",
            command=hw,
            env={**environment, "HEADWATER_CACHE_DIR": str(folder / "ours" / "cache")},
            project=folder / "ours",
            kept=("target", ".headwater", "cache"),
        )
        write_project(ours.project, arguments.models)
        peer.write_profile(
            ours.project, profile="bench", database=folder / "ours" / "bench.duckdb", threads=2
        )
        body: dict[str, object] = {
            "models": arguments.models,
            "versions": {"ours": measure.versions(sys.executable, ["jinja2", "sqlglot"])},
        }
        results = measure_tool(ours, arguments.repeat)
        if arguments.peer_venv:
            programs = peer.install(arguments.peer_venv)
            theirs = Tool(
                name="dbt",
                command=[str(programs / "dbt"), "--quiet"],
                env=peer.QUIET,
                project=folder / "theirs",
                kept=("target",),
            )
            write_project(theirs.project, arguments.models)
            peer.write_profile(
                theirs.project, profile="bench", database=folder / "bench.duckdb", threads=2
            )
            results |= measure_tool(theirs, arguments.peer_repeat)
            body["peer_versions"] = measure.versions(str(programs / "python"), peer.NAMES)
            body["compiled_files"] = compare_compiled(ours.project, theirs.project)
            print(body["compiled_files"])
    measure.show(QUESTION, results)
    print(measure.write("compile", QUESTION, {**body, "results": results}))


if __name__ == "__main__":
    main()
