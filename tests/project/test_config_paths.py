"""Config paths that apply to nothing, and configs whose values no node can have."""

from dataclasses import replace

import pytest
from tests.project.conftest import Read, found, project_of

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.graph.manifest import make_manifest
from headwater.graph.references import resolve_graph
from headwater.project.naming import relation_name, relation_of
from headwater.project.project import Project

PROJECT = """\
name: shop
models:
  shop:
    staging:
      +materialized: view
      meta: {a: 1}
    marts: {enabled: true}
    stagging:
      +materialized: table
seeds:
  +quote_columns: true
data_tests:
  shop: {severity: warn}
"""
FACTS = ArtifactFacts(generated_at="2026-11-21T03:22:49Z", invocation_id="abc")


def test_a_folder_of_configs_to_which_no_node_belongs_is_warned_of(read: Read) -> None:
    files = {
        "dbt_project.yml": PROJECT,
        "models/staging/a.sql": "select 1 as id",
        "models/marts/b.sql": "select 1 as id",
    }

    result = read(files)

    assert found(result) == [
        ("config-path-unused", "dbt_project.yml:8:5"),
        ("config-path-unused", "dbt_project.yml:13:3"),
    ]
    assert result.diagnostics[0].fix == "did you mean `staging`?"
    assert {each.severity for each in result.diagnostics} == {"warning"}


def test_configs_of_nodes_that_are_turned_off_have_an_effect(read: Read) -> None:
    files = {
        "dbt_project.yml": "name: shop\nmodels: {shop: {old: {enabled: false}}}\n",
        "models/old/a.sql": "select 1 as id",
    }

    assert found(read(files)) == []


@pytest.mark.parametrize(
    ("colour", "is_fault"),
    [("purple", False), ("#a0f", False), ("#A0B1C2", False), ("purpel", True), ("#12345", True)],
)
def test_the_colour_of_a_node_is_a_colour(read: Read, colour: str, is_fault: bool) -> None:
    config = f"{{{{ config(docs={{'node_color': '{colour}'}}) }}}}"

    result = read({"models/a.sql": f"{config} select 1 as id"})

    assert [code for code, _ in found(result)] == ["config-type"] * is_fault


def test_a_seed_is_never_materialized_as_something_else(read: Read) -> None:
    properties = "seeds: [{name: a, config: {materialized: table}}]"

    result = read({"seeds/a.csv": "id\n1\n", "seeds/p.yml": properties})

    assert [code for code, _ in found(result)] == ["config-type"]


def test_foreign_keys_lead_to_a_reference(read: Read) -> None:
    model = "models: [{name: a, constraints: [{type: foreign_key, columns: [id], to: %s}]}]"
    files = {"models/a.sql": "select 1 as id", "models/b.sql": "select 1 as id"}

    wrong = read({**files, "models/p.yml": model % "b"})
    right = read({**files, "models/p.yml": model % "ref('b')"})

    assert [code for code, _ in found(wrong)] == ["properties-shape"]
    assert found(right) == []
    project = project_of(right)
    resolved = resolve_graph(project).graph
    key = NodeId("model.shop.a")
    compiled = replace(resolved.nodes[key], code="select 1 as id")
    graph = replace(resolved, nodes={**resolved.nodes, key: compiled})
    assert [_target(project, each) for each in (resolved, graph)] == [
        "ref('b')",
        '"shop"."main"."b"',
    ]


def _target(project: Project, graph: Graph) -> Json:
    nodes = make_manifest(project, graph, FACTS)["nodes"]
    assert isinstance(nodes, dict)
    entry = nodes["model.shop.a"]
    assert isinstance(entry, dict)
    constraints = entry["constraints"]
    assert isinstance(constraints, list)
    assert isinstance(constraints[0], dict)
    return constraints[0]["to"]


def test_the_manifest_says_how_macros_are_shown(read: Read) -> None:
    macros = (
        "macros:\n"
        "  - {name: a, docs: {show: false}, config: {docs: {node_color: purple}, meta: {b: 1}}}\n"
    )

    project = project_of(
        read({"macros/a.sql": "{% macro a() %}{% endmacro %}", "macros/p.yml": macros})
    )

    entries = make_manifest(project, resolve_graph(project).graph, FACTS)["macros"]
    assert isinstance(entries, dict)
    entry = entries["macro.shop.a"]
    assert isinstance(entry, dict)
    assert entry["docs"] == {"show": False, "node_color": "purple"}
    assert entry["config"] == {"meta": {"b": 1}, "docs": entry["docs"]}


def test_a_unit_test_whose_versions_are_empty_tests_every_version(read: Read) -> None:
    tests = (
        "models: [{name: a, versions: [{v: 1}, {v: 2}]}]\n"
        "unit_tests:\n"
        "  - {name: t, model: a, given: [], expect: {rows: [{id: 1}]}, "
        "versions: {include: null, exclude: null}}\n"
    )
    models = {f"models/a_v{version}.sql": "select 1 as id" for version in (1, 2)}

    result = read({**models, "models/p.yml": tests})

    assert found(result) == []
    names = [key for key in project_of(result).nodes if key.startswith("unit_test.")]
    assert names == ["unit_test.shop.a.t_v1", "unit_test.shop.a.t_v2"]


def test_the_manifest_lists_every_node_that_is_turned_off(read: Read) -> None:
    files = {
        "dbt_project.yml": "name: shop\nmodels: {shop: {old: {enabled: false}}}\n",
        "models/old/a.sql": "select 1 as id",
        "models/new/a.sql": "select 2 as id",
    }

    project = project_of(read(files))

    disabled = make_manifest(project, resolve_graph(project).graph, FACTS)["disabled"]
    assert isinstance(disabled, dict)
    listed = disabled["model.shop.a"]
    assert isinstance(listed, list)
    assert [each["path"] for each in listed if isinstance(each, dict)] == ["old/a.sql"]


def test_quoting_of_the_project_is_about_sources_in_the_manifest_alone(read: Read) -> None:
    quoting = "{database: false, schema: false, identifier: false}"
    files = {
        "dbt_project.yml": f"name: shop\nquoting: {quoting}\n",
        "models/a.sql": "select * from {{ source('raw', 'orders') }}",
        "models/s.yml": "sources: [{name: raw, tables: [{name: orders}]}]",
    }

    project = project_of(read(files))

    naming = project.context_values.naming
    shown = [relation_name(naming, node) for node in project.nodes.values()]
    called = [str(relation_of(naming, node)) for node in project.nodes.values()]
    assert shown == ["shop.main.a", "shop.raw.orders"]
    assert called == ["shop.main.a", '"shop"."raw"."orders"']


def test_the_description_of_a_test_may_name_a_docs_block(read: Read) -> None:
    tests = (
        "models: [{name: a, columns: [{name: id, data_tests: "
        "[unique: {description: \"{{ doc('key') }}\"}]}]}]"
    )
    files = {"models/a.sql": "select 1 as id", "models/p.yml": tests}

    project = project_of(read({**files, "models/d.md": "{% docs key %}one row each{% enddocs %}"}))

    (test,) = [node for node in project.nodes.values() if node.resource_type == "test"]
    assert test.description == "one row each"
