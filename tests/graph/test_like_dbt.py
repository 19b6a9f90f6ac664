"""Projects read and compiled from their files: what public projects showed that dbt does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.project.conftest import PROJECT_FILE, options, write

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import encode
from headwater.graph.compile import compile_graph
from headwater.graph.manifest import make_manifest
from headwater.graph.references import GraphResult
from headwater.project.files import read_files
from headwater.project.project import Project
from headwater.project.read import read_project

FACTS = ArtifactFacts(generated_at="2026-11-21T03:22:49Z", invocation_id="abc")
FOLDED = """
version: 2
seeds:
  - name: codes
    config:
      column_types:
        code: |
          integer
        description: |
          {% if target.type == 'duckdb' %}varchar(9){% else %}string{% endif %}
"""
DISABLED = """
version: 2
models:
  - name: orders
    config: {enabled: false}
    columns: [{name: id, data_tests: [unique]}]
  - name: items
    columns:
      - {name: id, policy_tags: [pii], owner_team: sales}
      - name: order_id
        data_tests: [{relationships: {arguments: {to: "ref('gone')", field: id}}}]
"""
SOURCES = """
version: 2
sources:
  - name: raw
    tables: [{name: orders}]
"""


def compiled(root: Path, files: Mapping[str, str]) -> tuple[Project, GraphResult]:
    write(root, {"dbt_project.yml": PROJECT_FILE, **files})
    read = read_project(read_files(root), options())
    assert read.project is not None, read.diagnostics
    return read.project, compile_graph(read.project)


def manifest(root: Path, files: Mapping[str, str]) -> dict[str, Any]:
    project, found = compiled(root, files)
    document: dict[str, Any] = json.loads(encode(make_manifest(project, found.graph, FACTS)))
    return document


def code(found: GraphResult, name: str) -> str:
    (text,) = (each.code for key, each in found.graph.nodes.items() if key.endswith(f".{name}"))
    return text


def test_project_names_schemas_by_its_default_implementation_alone(tmp_path: Path) -> None:
    files = {
        "macros/names.sql": "{% macro default__generate_schema_name(custom, node) %}"
        "{{ custom or 'plain' }}{% endmacro %}",
        "models/a.sql": "{{ config(schema='marts') }} select 1 as id",
        "models/b.sql": "select * from {{ ref('a') }}",
    }

    _, found = compiled(tmp_path, files)

    assert code(found, "b") == 'select * from "shop"."marts"."a"'
    assert {str(each.node.relation) for each in found.graph.nodes.values()} == {
        "shop.marts.a",
        "shop.plain.b",
    }


def test_texts_of_a_config_are_rendered_whatever_they_are_called(tmp_path: Path) -> None:
    files = {"seeds/codes.csv": "code,description\n1,a\n", "seeds/codes.yml": FOLDED}

    document = manifest(tmp_path, files)

    types = document["nodes"]["seed.shop.codes"]["config"]["column_types"]
    assert types == {"code": "integer", "description": "varchar(9)"}


def test_variable_tells_when_the_command_began(tmp_path: Path) -> None:
    variable = "vars: {began: '{{ run_started_at.strftime(\"%Y\") }}'}\n"
    files = {
        "dbt_project.yml": PROJECT_FILE + variable,
        "models/a.sql": "select {{ var('began') }} as year",
    }

    _, found = compiled(tmp_path, files)

    assert code(found, "a") == "select 2026 as year"


def test_test_of_what_is_not_there_is_kept_disabled_and_stops_nothing(tmp_path: Path) -> None:
    files = {
        "models/orders.sql": "select 1 as id",
        "models/items.sql": "select 1 as id, 1 as order_id",
        "models/all.yml": DISABLED,
    }

    project, found = compiled(tmp_path, files)
    document: dict[str, Any] = json.loads(encode(make_manifest(project, found.graph, FACTS)))

    tests = {key: node for key, node in document["nodes"].items() if key.startswith("test.")}
    assert [node["config"]["enabled"] for node in tests.values()] == [False, False]
    assert all(document["parent_map"][key] == [] for key in tests)
    assert sorted((each.name, each.severity) for each in found.diagnostics) == [
        ("ref-disabled", "info"),
        ("ref-not-found", "warning"),
    ]
    assert [key for key in found.graph.nodes if key.startswith("test.")] == []


def test_column_keeps_keys_that_nobody_knows(tmp_path: Path) -> None:
    files = {
        "models/orders.sql": "select 1 as id",
        "models/items.sql": "select 1 as id, 1 as order_id",
        "models/all.yml": DISABLED,
    }

    column = manifest(tmp_path, files)["nodes"]["model.shop.items"]["columns"]["id"]

    assert (column["policy_tags"], column["owner_team"]) == (["pii"], "sales")


def test_quoting_of_the_project_is_not_that_of_its_sources(tmp_path: Path) -> None:
    files = {
        "dbt_project.yml": PROJECT_FILE + "quoting: {schema: false, identifier: false}\n",
        "models/raw.yml": SOURCES,
        "models/a.sql": "select * from {{ source('raw', 'orders') }}",
        "models/b.sql": "select * from {{ ref('a') }}",
    }

    _, found = compiled(tmp_path, files)

    assert code(found, "a") == 'select * from "shop"."raw"."orders"'
    assert code(found, "b") == 'select * from "shop".main.a'


def test_source_may_be_named_only_while_compiling(tmp_path: Path) -> None:
    files = {
        "models/raw.yml": SOURCES,
        "models/a.sql": "{% if execute %}select '{{ source('raw', 'orders') }}' as name{% endif %}",
    }

    _, found = compiled(tmp_path, files)

    assert code(found, "a") == 'select \'"shop"."raw"."orders"\' as name'
    assert found.diagnostics == ()


def test_snapshot_has_the_text_of_its_block_and_the_checksum_of_its_file(tmp_path: Path) -> None:
    text = "-- one\n-- two\n{% snapshot s %}{{ config(unique_key='id', strategy='check', "
    text += "check_cols='all') }}\nselect {{ model.raw_code | length }} as id\n{% endsnapshot %}"
    project, found = compiled(tmp_path, {"snapshots/s.sql": text})

    node: dict[str, Any] = json.loads(encode(make_manifest(project, found.graph, FACTS)))["nodes"][
        "snapshot.shop.s"
    ]

    assert node["raw_code"] == text.partition("%}")[2].removesuffix("{% endsnapshot %}")
    assert node["compiled_code"] == f"\nselect {len(node['raw_code'])} as id"
    assert project.nodes[node["unique_id"]].where is not None


def test_hook_that_fails_leaves_what_the_model_compiles_to(tmp_path: Path) -> None:
    hook = "{{ exceptions.raise_compiler_error('no') }}"
    files = {"models/a.sql": f'{{{{ config(post_hook="{hook}") }}}}select 1 as id'}

    _, found = compiled(tmp_path, files)

    assert code(found, "a") == "select 1 as id"
    assert [(each.name, each.severity) for each in found.diagnostics] == [("jinja-raised", "error")]


def test_hooks_tell_the_macros_of_all_of_them(tmp_path: Path) -> None:
    files = {
        "macros/m.sql": "{% macro one() %}select 1{% endmacro %}"
        "{% macro two() %}select 2{% endmacro %}",
        "models/a.sql": "{{ config(post_hook=['{{ one() }}', '{{ two() }}']) }}select 1 as id",
    }

    project, _ = compiled(tmp_path, files)

    (node,) = project.nodes.values()
    assert node.macros == ("macro.shop.one", "macro.shop.two")


def test_macros_see_of_a_source_what_dbt_tells_of_it(tmp_path: Path) -> None:
    files = {
        "models/raw.yml": SOURCES,
        "models/a.sql": "{% for each in graph.sources.values() %}"
        "{{ each.freshness.filter }} {{ each.loader | length }} {{ each.copy().source_meta }}"
        "{% endfor %}",
    }

    _, found = compiled(tmp_path, files)

    assert code(found, "a") == "None 0 {}"


def test_singular_test_that_stores_its_failures_names_their_table(tmp_path: Path) -> None:
    files = {
        "models/a.sql": "select 1 as id",
        "tests/t.sql": "{{ config(store_failures=true) }} select * from {{ ref('a') }}",
    }

    document = manifest(tmp_path, files)

    assert document["nodes"]["test.shop.t"]["relation_name"] == '"shop"."main_dbt_test__audit"."t"'
