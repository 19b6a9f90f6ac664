"""Ask dbt about the corpus again and write the goldens: ``python -m tests.peer.freeze [NAME ...]``.

Needs clones (``HEADWATER_TEST_PROJECTS``) or the network, and makes an environment for dbt unless
``HEADWATER_TEST_DBT`` names a Python that has it. From the repository's root.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tests.peer.source  # noqa: F401 - puts the package on the path, and comes before it
from tests.peer.compiled import INVOCATION, MOMENT, stage_for_dbt
from tests.peer.corpus import CORPUS, Subject, prepare, subject
from tests.peer.facts import SECTIONS, facts_of, ids_of
from tests.peer.golden import Golden, hashes_by_file, hashes_of, write_golden
from tests.peer.public import peer_python

PEER = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0")
ORACLE = Path(__file__).parent / "oracle.py"


def dbt_python() -> Path:
    """Return the Python that has dbt: the one that is named, else one made for it."""
    named = os.environ.get("HEADWATER_TEST_DBT")
    return Path(named) if named else peer_python(*PEER)


def ask_dbt(home: Path, folder: Path, **wanted: object) -> dict[str, Any]:
    """Run the oracle on a prepared project; artifacts go into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    request, answer = folder / "request.json", folder / "answer.json"
    places = {"project": str(home), "target": str(folder), "answer": str(answer)}
    places |= {"moment": MOMENT.isoformat(), "invocation": INVOCATION}
    request.write_text(json.dumps(places | wanted), encoding="utf-8")
    subprocess.run(
        [str(dbt_python()), str(ORACLE), str(request)],
        cwd=home,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        check=True,
        capture_output=True,
    )
    said: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return said


def freeze(project: Subject, folder: Path) -> Golden:
    """Make the golden of one project."""
    home = prepare(project, folder)
    if project.is_staged:
        stage_for_dbt(home, project)
    said = ask_dbt(home, folder / "dbt", compile=True, build=project.is_built)
    if "error" in said:
        raise SystemExit(f"{project.name}: dbt cannot read it: {said['error']}")
    manifest = json.loads((folder / "dbt/parsed.json").read_text(encoding="utf-8"))
    return golden_of(project, manifest, said["compile"], folder)


def golden_of(
    project: Subject, manifest: dict[str, Any], compiled: dict[str, Any], folder: Path
) -> Golden:
    """Put together what dbt read and what it compiled."""
    nodes = dict(facts_of(manifest))
    for key in manifest[SECTIONS[0]]:
        result = compiled.get(key)
        is_compiled = result is not None and result["status"] == "success" and result["code"]
        nodes[key] = {**nodes[key], "code": result["code"] if result and is_compiled else None}
    absent = json.loads((folder / "absent.json").read_text(encoding="utf-8"))
    uncompiled = sorted(key for key, facts in nodes.items() if facts["code"] is None)
    hashes = {key: hashes_of(facts) for key, facts in nodes.items()}
    if project.is_large:
        hashes = hashes_by_file(nodes, frozenset(uncompiled))
    return Golden(
        commit=project.source.commit,
        dbt=manifest["metadata"]["dbt_version"],
        absent=tuple(absent),
        ids=ids_of(manifest),
        nodes=hashes,
        uncompiled=tuple(uncompiled if project.is_large else ()),
        is_by_file=project.is_large,
    )


def main(names: list[str]) -> None:
    """Freeze the named projects, or all."""
    for project in [subject(name) for name in names] or CORPUS:
        with TemporaryDirectory() as folder:
            golden = freeze(project, Path(folder) / "work")
        write_golden(project.name, golden)
        sys.stdout.write(f"{project.name}: {len(golden.nodes)} nodes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
