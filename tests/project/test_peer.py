"""What dbt-core makes of a project full of peculiarities, beside what is made of it here."""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.project.conftest import options, project_of

from headwater.project.files import read_files
from headwater.project.node import Node
from headwater.project.profiles import ProfileRequest, read_target
from headwater.project.read import read_project

PROJECT = Path(__file__).parents[1] / "cases/project/peculiar"
PROFILES = "default: {outputs: {default: {type: duckdb, path: w.duckdb, schema: main}}}\n"
DBT = ("dbt-core==1.11.16", "dbt-duckdb")
# Ours by decision: a source's files are bound to its name and not written into the SQL.
EXTERNAL = "source.peculiar.raw.a"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("peer")
    venv.create(folder / "venv", with_pip=True)
    scripts = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "-q", *DBT], check=True)
    shutil.copytree(PROJECT, folder / "project")
    (folder / "profiles.yml").write_text(PROFILES, encoding="utf-8")
    subprocess.run(
        [scripts / "dbt", "--no-version-check", "parse", "--profiles-dir", folder],
        cwd=folder / "project",
        check=True,
    )
    text = (folder / "project/target/manifest.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_nodes_equal_those_of_dbt(manifest: dict[str, Any]) -> None:
    request = ProfileRequest(
        project="peculiar", profile="default", text=PROFILES, environment={}, vars={}
    )
    result = read_project(read_files(PROJECT), options(read_target(request).target))
    ours = project_of(result).nodes
    theirs = {
        key: node
        for group in ("nodes", "sources", "exposures", "unit_tests")
        for key, node in manifest[group].items()
    }

    assert result.diagnostics == ()
    assert sorted(ours) == sorted(theirs)
    assert set(project_of(result).disabled) == set(manifest["disabled"])
    for key, node in ours.items():
        assert _of_ours(node) == _of_dbt(theirs[key]), key


def _of_ours(node: Node) -> dict[str, object]:
    relation = node.relation.quoted() if node.relation else None
    is_unit_test = node.resource_type == "unit_test"  # dbt keeps no refs for these
    return {
        "fqn": list(node.fqn),
        "tags": sorted(node.tags),
        "meta": dict(node.meta),
        "description": node.description,
        "relation": "" if node.unique_id == EXTERNAL else relation,
        "refs": [] if is_unit_test else sorted((ref.name, ref.package or "") for ref in node.refs),
        "sources": sorted([item.source_name, item.name] for item in node.sources),
        "columns": {name: column.description for name, column in node.columns.items()},
        "config": _config(node.config),
    }


def _of_dbt(node: Mapping[str, Any]) -> dict[str, object]:
    return {
        "fqn": node["fqn"],
        "tags": sorted(node.get("tags") or node["config"].get("tags") or ()),
        "meta": node.get("meta") or node["config"].get("meta") or {},
        "description": node.get("description") or "",
        "relation": "" if node["unique_id"] == EXTERNAL else node.get("relation_name"),
        "refs": sorted((ref["name"], ref["package"] or "") for ref in node.get("refs", ())),
        "sources": sorted(node.get("sources", ())),
        "columns": {
            name: column["description"] for name, column in node.get("columns", {}).items()
        },
        "config": _config(node["config"]),
    }


def _config(config: Mapping[str, Any]) -> dict[str, object]:
    """Leave out what is empty, and a source's freshness, which dbt fills with nulls."""
    result = {}
    for key, value in config.items():
        name = key.replace("-", "_")
        plain = value
        if isinstance(value, dict):
            plain = {part: inner for part, inner in value.items() if inner is not None}
        if name in {"pre_hook", "post_hook"}:
            plain = [{k: v for k, v in hook.items() if v is not None} for hook in value]
        if name == "tags":
            plain = sorted(value)
        if plain not in (None, [], {}) and name != "freshness":
            result[name] = plain
    return result
