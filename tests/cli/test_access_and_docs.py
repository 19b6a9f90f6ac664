"""Groups and access of models, and descriptions that are kept in the table."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

GROUPS = """\
groups:
  - name: finance
    owner: {name: ada}
models:
  - name: revenue
    access: private
    group: finance
    columns:
      - name: customer
        data_tests: [unique]
  - name: reader
    %s
"""
PROPERTIES = """\
models:
  - name: revenue
    description: What each customer brings.
    config: {persist_docs: {relation: true, columns: true}, materialized: %s}
    columns:
      - name: CUSTOMER
        description: Who "bought".
"""


@pytest.mark.parametrize(
    ("config", "codes"),
    [("config: {group: finance}", 0), ("group: finance", 0), ("description: x", 1)],
)
def test_a_private_model_is_read_inside_its_group_only(
    hw: Hw, project: Path, config: str, codes: int
) -> None:
    write_files(
        project,
        {
            "models/schema.yml": GROUPS % config,
            "models/reader.sql": "select * from {{ ref('revenue') }}",
        },
    )

    ended = hw("plan", "--output", "json")
    found = [d for d in ended.document["diagnostics"] if d["code"] == "HW2239"]

    assert len(found) == codes
    assert [d["where"]["file"] for d in found] == ["models/reader.sql"] * codes


def test_protected_models_of_a_restricting_package_are_its_own(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "packages.yml": "packages: [{local: other}]\n",
            "other/dbt_project.yml": "name: other\nrestrict-access: true\n",
            "other/models/inner.sql": "select 1 as a",
            "other/models/outer.sql": "{{ config(access='public') }} select 1 as b",
            "models/one.sql": "select * from {{ ref('inner') }}",
            "models/two.sql": "select * from {{ ref('outer') }}",
        },
    )
    assert hw("deps").code == 0

    ended = hw("plan", "--output", "json")
    found = [d["node"] for d in ended.document["diagnostics"] if d["code"] == "HW2239"]

    assert found == ["model.shop.one"]


@pytest.mark.parametrize("kind", ["table", "incremental"])
def test_descriptions_are_kept_in_the_table(hw: Hw, project: Path, kind: str) -> None:
    write_files(project, {"models/docs.yml": PROPERTIES % kind, "models/schema.yml": ""})
    hw("build")
    first = hw("table", "describe", "revenue", "--output", "json").document["table"]
    changed = (PROPERTIES % kind).replace("brings", "brought").replace('Who "bought".', "")
    write_files(project, {"models/docs.yml": changed})
    hw("build", "--force")
    second = hw("table", "describe", "revenue", "--output", "json").document["table"]
    text = hw("table", "describe", "revenue").out

    assert (first["description"], first["comments"]) == (
        "What each customer brings.",
        {"customer": 'Who "bought".'},
    )
    assert (second["description"], second["comments"]) == ("What each customer brought.", {})
    assert "about       What each customer brought." in text


def test_without_persist_docs_nothing_is_written(hw: Hw, project: Path) -> None:
    text = (PROPERTIES % "table").replace("relation: true, columns: true", "relation: false")
    write_files(project, {"models/docs.yml": text, "models/schema.yml": ""})

    hw("build")
    logs = sorted((project / ".headwater/lake/shop/main/revenue/_delta_log").glob("*.json"))
    entries = [json.loads(line) for line in logs[0].read_text().splitlines()]
    metadata = next(entry["metaData"] for entry in entries if "metaData" in entry)

    assert "brings" not in json.dumps(metadata)
    assert "bought" not in metadata["schemaString"]
