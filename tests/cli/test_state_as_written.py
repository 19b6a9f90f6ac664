"""Configs that depend on the environment are no change of a project that compares what is written.

dbt's flag ``state_modified_compare_more_unrendered_values``.
"""

import json
import shutil
from pathlib import Path

import pytest

from headwater.graph.choose import Selection
from headwater.reader import Reader

FLAG = "flags: {state_modified_compare_more_unrendered_values: true}\n"
IN_TEXT = "{{ config(materialized=env_var('KIND')) }} select 1 as id"
CASES = {
    "sql": {"models/a.sql": IN_TEXT},
    "properties": {
        "models/a.sql": "select 1 as id",
        "models/a.yml": "models:\n  - name: a\n    config:\n"
        "      materialized: \"{{ env_var('KIND') }}\"\n"
        "      meta: {kept: 1, by: \"{{ env_var('KIND') }}\"}\n",
    },
    "version": {
        "models/a_v1.sql": "select 1 as id",
        "models/a.yml": "models:\n  - name: a\n    versions:\n      - v: 1\n"
        "        config: {materialized: \"{{ env_var('KIND') }}\"}\n",
    },
    "seed": {
        "seeds/a.csv": "id\n1\n",
        "seeds/a.yml": "seeds:\n  - name: a\n    config: {alias: \"{{ env_var('KIND') }}\"}\n",
    },
    "both": {
        "models/a.sql": IN_TEXT,
        "models/a.yml": "models:\n  - {name: a, config: {alias: \"{{ env_var('KIND') }}\"}}\n",
    },
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def written_config(root: Path) -> dict[str, object]:
    nodes = json.loads((root / "target/manifest.json").read_text())["nodes"]
    found: dict[str, object] = next(iter(nodes.values()))["unrendered_config"]
    return found


def modified_in(root: Path, kind: str) -> list[str]:
    """Return what is modified since the manifest that was kept, for a value of the variable."""
    with Reader.open(root, environment={"KIND": kind}) as reader:
        chosen = reader.ls(Selection(include=("state:modified",), state="kept"))
    return [str(row["name"]) for row in chosen.rows]


def keep(root: Path, files: dict[str, str], kind: str) -> None:
    write(root, files)
    with Reader.open(root, environment={"KIND": kind}) as reader:
        reader.parse()
    shutil.copytree(root / "target", root / "kept", dirs_exist_ok=True)


@pytest.mark.parametrize("case", CASES)
def test_another_variable_of_the_environment_modifies_nothing(tmp_path: Path, case: str) -> None:
    keep(tmp_path, {"dbt_project.yml": f"name: shop\n{FLAG}", **CASES[case]}, "table")

    assert modified_in(tmp_path, "view") == []


@pytest.mark.parametrize("case", CASES)
def test_without_the_flag_it_does_as_in_dbt(tmp_path: Path, case: str) -> None:
    keep(tmp_path, {"dbt_project.yml": "name: shop\n", **CASES[case]}, "table")

    assert modified_in(tmp_path, "view") == ["a"]


@pytest.mark.parametrize("case", CASES)
def test_another_text_of_the_config_modifies(tmp_path: Path, case: str) -> None:
    files = {"dbt_project.yml": f"name: shop\n{FLAG}", **CASES[case]}
    keep(tmp_path, files, "table")
    write(tmp_path, {name: text.replace("'KIND'", "'KIND', 'x'") for name, text in files.items()})

    assert modified_in(tmp_path, "table") == ["a"]


def test_the_manifest_says_what_is_written(tmp_path: Path) -> None:
    text = "{{ config(tags=['a', var('b', 'c')]) }} select 1 as id"
    project = {"dbt_project.yml": f"name: shop\n{FLAG}"}
    keep(tmp_path, {**project, **CASES["properties"], "models/a.sql": text}, "table")

    assert written_config(tmp_path) == {
        "materialized": "{{ env_var('KIND') }}",
        "meta": {"kept": 1, "by": "{{ env_var('KIND') }}"},
        "tags": "['a', var('b', 'c')]",
    }


def test_a_macro_that_configures_is_compared_by_what_it_gave(tmp_path: Path) -> None:
    macro = "{% macro kind() %}{{ config(materialized=env_var('KIND')) }}{% endmacro %}"
    files = {"macros/kind.sql": macro, "models/a.sql": "{{ kind() }} select 1 as id"}
    keep(tmp_path, {"dbt_project.yml": f"name: shop\n{FLAG}", **files}, "table")

    assert modified_in(tmp_path, "view") == ["a"]
