"""How much CPU does it take to read and list large public projects, beside dbt?

Run from the repository's root, on a quiet machine, with clones of the projects in a folder:
``HEADWATER_TEST_PROJECTS=DIR python benchmarks/public.py --project tuva [--peer-venvs DIR]``.
The projects, their commits and packages are those of ``tests/peer/corpus.py``, on its DuckDB
profile. A peer that cannot read a project is named in the result with what it said, and has no
figures. States and peers are those of ``compile.py``.
"""

import argparse
import dataclasses
import itertools
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import measure
from compile import Tool, peers

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from tests.peer.corpus import prepare, subject  # noqa: E402 - the root was not on the path before

QUESTION = "CPU to read and list a public project: cold, unchanged, after one edit"
_MARK = re.compile(r"\{#- edit \d+ -#\}|\n-- edit \d+\n$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What is edited in a project: a model, and a macro that models call."""

    model: str
    macro: str


EDITED = {
    "jaffle-shop": Edited(model="models/marts/orders.sql", macro="macros/cents_to_dollars.sql"),
    "tuva": Edited(model="models/patient.sql", macro="macros/limit_zero.sql"),
    "spellbook-hourly": Edited(
        model="models/thorchain/gold/thorchain_defi_gas_events.sql",
        macro="../../dbt_macros/dune/incremental_predicate.sql",
    ),
}


def edit(path: Path, number: int, *, is_macro: bool) -> None:
    """Change a file, each time to something it never was; a macro renders what it did."""
    text = _MARK.sub("", path.read_text(encoding="utf-8"))
    if is_macro:
        head, tag, rest = text.partition("%}")
        text = f"{head}{tag}{{#- edit {number} -#}}{rest}"
    else:
        text = f"{text}\n-- edit {number}\n"
    path.write_text(text, encoding="utf-8")


def name_packages_locally(home: Path) -> None:
    """Let packages.yml name the installed packages as folders: dbt 2 resolves them by itself."""
    (home / "package-lock.yml").unlink(missing_ok=True)
    lines = ["packages:"]
    for folder in sorted((home / "dbt_packages").iterdir()):
        kept = home.parent / "packages_as_folders" / folder.name
        shutil.copytree(folder, kept)
        (kept / "packages.yml").unlink(missing_ok=True)
        lines.append(f"  - local: {kept}")
    (home / "packages.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure_tool(tool: Tool, edited: Edited, repeat: int) -> dict[str, dict[str, object]]:
    """Return a summary for each verb and state of the caches.

    Raises:
        measure.CommandFailedError: The tool cannot read the project.
    """
    model, macro = tool.project / edited.model, tool.project / edited.macro
    states: dict[str, Callable[[int], object]] = {
        "cold": lambda _number: tool.forget(),
        "nothing changed": lambda _number: None,
        "one model edited": lambda number: edit(model, number, is_macro=False),
        "one macro edited": lambda number: edit(macro, number, is_macro=True),
    }
    results: dict[str, dict[str, object]] = {}
    numbers = itertools.count(1)
    for verb in ("parse", "ls"):
        for state, before in states.items():
            runs = []
            for _ in range(repeat):
                before(next(numbers))
                runs.append(tool.run(verb))
            results[f"{tool.name}: {verb}, {state}"] = measure.summary(runs)
    return results


def main() -> None:
    """Measure and write ``results/public_PROJECT.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", choices=sorted(EDITED), required=True)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer-repeat", type=int, default=1)
    parser.add_argument("--peer-venvs", type=Path, help="folder for the peers' environments")
    parser.add_argument("--without", nargs="*", default=[], help="peers to leave out, by name")
    arguments = parser.parse_args()
    project = subject(arguments.project)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        command, environment = measure.hw_command()
        cache = folder / "hw" / "cache"
        ours = Tool(
            name="hw",
            command=command,
            env={**environment, "HEADWATER_CACHE_DIR": str(cache)},
            project=folder / "hw",
            kept=("target", ".headwater", str(cache)),
        )
        others = peers(folder, arguments.peer_venvs) if arguments.peer_venvs else []
        results: dict[str, dict[str, object]] = {}
        unread: dict[str, str] = {}
        for tool in (ours, *others):
            if tool.name in arguments.without:
                continue
            home = prepare(project, tool.project)
            name_packages_locally(home)
            repeat = arguments.repeat if tool is ours else arguments.peer_repeat
            there = dataclasses.replace(tool, project=home)
            try:
                results |= measure_tool(there, EDITED[project.name], repeat)
            except measure.CommandFailedError as error:
                unread[tool.name] = str(error)[:2000]
    body = {
        "project": dataclasses.asdict(project.source),
        "versions": {"ours": measure.versions(sys.executable, ["jinja2", "sqlglot"])},
        "cannot_read": unread,
        "results": results,
    }
    measure.show(QUESTION, results)
    print(unread)
    print(measure.write(f"public_{project.name}", QUESTION, body))


if __name__ == "__main__":
    main()
