"""`hw parse` as the parser of dbt-core 1.12: it lists, compiles and builds as with its own."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.harbor.test_peer import copy_harbor, load_peer
from tests.peer.public import fetch, peer_python
from tests.peer.test_jaffle import LARGE, SMALL, SOURCE, prepare, write_profile

__all__ = ["prepare"]  # the fixture that gives the two shops

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]

PEER = ("dbt-core==1.12.6", "dbt-duckdb==1.11.1", "duckdb==2.0.0")
STUBS = {"dbt-core-experimental-parser": "2.0.0"}
"""dbt-core 1.12 asks for its own parser, which the index holds for no machine without network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What dbt-core made of a project.

    Attributes:
        listed: unique_ids of `dbt ls`.
        compiled: Compiled SQL by unique_id.
        ends: How each node of `dbt build` ended.
        refused: Nodes that `dbt compile` could not compile.
    """

    listed: tuple[str, ...]
    compiled: Mapping[str, str]
    ends: Mapping[str, str]
    refused: list[str]


@dataclass(slots=True, kw_only=True)
class Case:
    """A project in a folder of its own.

    Attributes:
        folder: Its folder.
        options: Options of every command.
        first: Commands before anything is compared.
        database: Is removed between the two parsers, and made anew.
        load: Fills the database.
    """

    folder: Path
    options: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    database: Path
    load: Callable[[], None] = field(default=lambda: None)

    def see(self, parser: Path | None) -> Seen:
        """List, compile and build with dbt's own parser, or with another."""
        delegate = () if parser is None else ("--use-v2-parser", "--v2-parser", f"{parser} parse")
        target = self.folder / f"target-{'own' if parser is None else 'hw'}"
        self.database.unlink(missing_ok=True)
        self.load()

        def dbt(*words: str, status: tuple[int, ...] = (0,)) -> str:
            ended = subprocess.run(
                [peer_dbt(), "--quiet", *delegate, *words, *self.options],
                cwd=self.folder,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "PYTHON"))},
                    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
                    "DBT_TARGET_PATH": str(target),
                },
                capture_output=True,
                text=True,
                check=False,
            )
            assert ended.returncode in status, ended.stdout[-4000:] + ended.stderr[:1000]
            return ended.stdout

        listed = dbt("ls", "--output", "json", "--output-keys", "unique_id")
        for command in self.first:
            dbt(command)
        dbt("build", status=(0, 1))
        results = json.loads((target / "run_results.json").read_bytes())["results"]
        manifest = json.loads((target / "manifest.json").read_bytes())
        # A macro that looks into another table may refuse what it finds there, with both parsers;
        # then dbt-duckdb on DuckDB 2.0 may die of a signal at its end.
        said = dbt("compile", status=(0, 2, -signal.SIGABRT))
        lines = [line for line in listed.splitlines() if line.startswith("{")]
        return Seen(
            listed=tuple(sorted(json.loads(line)["unique_id"] for line in lines)),
            compiled={
                key: node["compiled_code"]
                for key, node in manifest["nodes"].items()
                if node.get("compiled_code") is not None
            },
            ends={each["unique_id"]: each["status"] for each in results},
            refused=sorted(set(re.findall(r"Error in (\w+ \w+)", said))),
        )


def peer_dbt() -> str:
    return str(peer_python(*PEER, stubs=STUBS).parent / "dbt")


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that is `hw`, wherever it is started."""
    program = tmp_path_factory.mktemp("bin") / "hw"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{SOURCE}" exec "{sys.executable}" -m headwater "$@"\n',
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def compare(case: Case, parser: Path) -> Seen:
    theirs, ours = case.see(None), case.see(parser)
    assert ours.listed == theirs.listed
    different = [
        key
        for key in sorted({*theirs.compiled, *ours.compiled})
        if ours.compiled.get(key) != theirs.compiled.get(key)
    ]
    assert different == []
    assert ours.ends == theirs.ends
    assert bool(ours.refused) == bool(theirs.refused)  # dbt stops at the first one
    return ours


@pytest.mark.parametrize(("shop", "nodes"), [(SMALL, 28), (LARGE, 40)], ids=["small", "large"])
def test_the_jaffle_shops(shop: Any, nodes: int, prepare: Any, parser: Path) -> None:
    folder = prepare(shop)
    case = Case(folder=folder, options=shop.options, database=write_profile(folder, shop))
    case.first = ("seed",)

    seen = compare(case, parser)

    assert len(seen.listed) >= nodes


def test_the_integration_tests_of_dbt_utils(tmp_path: Path, parser: Path) -> None:
    fetch("dbt-labs/dbt-utils", tmp_path / "utils")
    folder = tmp_path / "utils" / "integration_tests"
    database = write_outputs(folder, "integration_tests")
    (folder / "dbt_packages").mkdir()
    shutil.copytree(
        tmp_path / "utils",
        folder / "dbt_packages" / "dbt_utils",
        ignore=shutil.ignore_patterns("integration_tests"),
    )

    # Those two look into information_schema, which dbt-duckdb does not find on DuckDB 2.0.
    unknown = ("test_get_relations_by_pattern+", "test_get_relations_by_prefix_and_union+")
    options = ("--exclude", *unknown)

    seen = compare(Case(folder=folder, database=database, first=("seed",), options=options), parser)

    assert len(seen.listed) > 200


def test_the_harbor(tmp_path: Path, parser: Path) -> None:
    folder = copy_harbor(tmp_path / "harbor")
    database = write_outputs(folder, "harbor")
    with (folder / "dbt_project.yml").open("a", encoding="utf-8") as settings:
        settings.write("\nprofile: harbor\n")
    case = Case(
        folder=folder,
        options=("--vars", "{partition_strategy: delete+insert}"),
        database=database,
        load=lambda: load_peer(database, 0, 7),
    )

    seen = compare(case, parser)

    assert len(seen.listed) > 100


def write_outputs(folder: Path, name: str) -> Path:
    """Write a profile that builds into a DuckDB file beside the project, and return the file."""
    database = folder / f"{name}.duckdb"
    outputs = {"dev": {"type": "duckdb", "path": str(database), "threads": 2}}
    profile = {name: {"target": "dev", "outputs": outputs}}
    (folder / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")
    return database


def test_a_fault_of_the_project_is_told_by_dbt(tmp_path: Path, parser: Path) -> None:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: broken\nprofile: broken\n", encoding="utf-8")
    (folder / "models" / "lost.sql").write_text("select * from {{ ref('nowhere') }}")
    write_outputs(folder, "broken")

    ended = subprocess.run(
        [peer_dbt(), "--use-v2-parser", "--v2-parser", f"{parser} parse", "ls"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "PYTHON"))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "refers to `nowhere`" in ended.stdout
