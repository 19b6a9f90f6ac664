"""How much CPU does it take to read, list and compile a project of many models, beside dbt?

Run: ``python benchmarks/compile.py [--models 1000] [--repeat 5] [--peer-venvs DIR]``. Cold means
without any file of an earlier run; otherwise nothing changed, or one model or one macro did since
the run before. Where two tools write compiled SQL the files are compared, so that the figures are
of the same work; the fifth of the models that reads sources differs, because dbt-duckdb writes the
path of a source's file where Headwater binds its name. dbt 2 is run with its hidden
``--partial-parse`` too: without it the comparison would flatter us.
"""

import argparse
import dataclasses
import re
import shutil
import sys
import tempfile
from pathlib import Path

import measure
from project_of_models import write_project

import peer

QUESTION = "CPU to read, list and compile a generated project: cold, unchanged, after one edit"
MODEL = Path("models/marts/mart_0000.sql")
MACRO = Path("macros/columns.sql")
_EDIT = re.compile(r"\{#- edit \d+ -#\}|-- edit \d+\n")
LISTED = ("ls", "--select", "mart_0001+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One of those measured: how it is called, what it can do, what it keeps between runs."""

    name: str
    command: list[str]
    env: dict[str, str]
    project: Path
    kept: tuple[str, ...] = ("target",)
    options: tuple[str, ...] = ()
    compiles: bool = True

    def run(self, *words: str) -> measure.Usage:
        """Run one command on the project."""
        return measure.run([*self.command, *words, *self.options], cwd=self.project, env=self.env)

    def forget(self) -> None:
        """Remove what earlier runs left."""
        for name in self.kept:
            shutil.rmtree(self.project / name, ignore_errors=True)

    def edit(self, file: Path, number: int) -> None:
        """Change one file, each time to something it never was."""
        path = self.project / file
        text = _EDIT.sub("", path.read_text(encoding="utf-8"))
        if file == MACRO:  # inside of a macro, where it changes the macro and not what it renders
            text = text.replace("round(", f"round({{#- edit {number} -#}}", 1)
        else:
            text = f"{text}-- edit {number}\n"
        path.write_text(text, encoding="utf-8")


def measure_tool(tool: Tool, repeat: int) -> dict[str, dict[str, object]]:
    """Return a summary for each verb and state of the caches."""
    results: dict[str, dict[str, object]] = {}

    def take(state: str, verb: tuple[str, ...], before: object) -> None:
        runs = []
        for number in range(repeat):
            if callable(before):
                before(number)
            runs.append(tool.run(*verb))
        results[f"{tool.name}: {' '.join(verb)}, {state}"] = measure.summary(runs)

    for verb in (("parse",), ("compile",)):
        if verb == ("compile",) and not tool.compiles:
            continue
        take("cold", verb, lambda _number: tool.forget())
        take("nothing changed", verb, None)
        take("one model edited", verb, lambda number: tool.edit(MODEL, number))
        take("one macro edited", verb, lambda number: tool.edit(MACRO, number))
    tool.run("ls")
    take("nothing changed", ("ls",), None)
    tool.run(*LISTED)
    take("nothing changed", LISTED, None)
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
    return _EDIT.sub("", path.read_text(encoding="utf-8") + "\n").strip()


def peers(folder: Path, environments: Path) -> list[Tool]:
    """Install the peers and return them, each with the same way to call it."""
    found = []
    for version, packages in (("1.12.6", peer.PACKAGES_12), ("2.0.0a4", peer.PACKAGES_2)):
        programs = peer.install(environments / version, packages)
        is_old = version.startswith("1")
        found.append(
            Tool(
                name=f"dbt {version}",
                command=[str(programs / "dbt"), *(["--quiet"] if is_old else [])],
                env=peer.QUIET,
                project=folder / version,
                compiles=is_old,
            )
        )
    two = found[-1]
    partial = dataclasses.replace(
        two,
        name=f"{two.name} --partial-parse",
        options=("--partial-parse",),
        project=folder / "partial",
    )
    return [*found, partial]


def main() -> None:
    """Measure and write ``results/compile_MODELS.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peer-repeat", type=int, default=3)
    parser.add_argument("--peer-venvs", type=Path, help="folder for the peers' environments")
    parser.add_argument("--parse-only", action="store_true", help="leave compiling out")
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
        others = peers(folder, arguments.peer_venvs) if arguments.peer_venvs else []
        body: dict[str, object] = {
            "models": arguments.models,
            "versions": {"ours": measure.versions(sys.executable, ["jinja2", "sqlglot"])},
        }
        results: dict[str, dict[str, object]] = {}
        for tool in (ours, *others):
            write_project(tool.project, arguments.models)
            peer.write_profile(
                tool.project, profile="bench", database=tool.project / "bench.duckdb", threads=2
            )
            repeat = arguments.repeat if tool is ours else arguments.peer_repeat
            measured = dataclasses.replace(tool, compiles=False) if arguments.parse_only else tool
            results |= measure_tool(measured, repeat)
        if others and not arguments.parse_only:
            body["compiled_files"] = compare_compiled(ours.project, others[0].project)
            print(body["compiled_files"])
    measure.show(QUESTION, results)
    name = f"compile_{arguments.models}"
    print(measure.write(name, QUESTION, {**body, "results": results}))


if __name__ == "__main__":
    main()
