"""dbt's artifacts."""

import dataclasses
import json
from typing import Any

import pytest
from tests.graph.builders import generic_test, model, source, source_ref
from tests.graph.projects import key, project_of, sql

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import encode
from headwater.base.ids import NodeId
from headwater.base.relations import Column
from headwater.graph.compile import compile_graph
from headwater.graph.manifest import (
    CatalogTable,
    compiled_path,
    make_catalog,
    make_manifest,
)
from headwater.graph.manifest_contract import contract_document
from headwater.project.node import ColumnInfo
from headwater.project.project import Project

FACTS = ArtifactFacts(generated_at="2026-11-21T03:22:49Z", invocation_id="abc")
V12_KEYS = """metadata nodes sources exposures metrics semantic_models saved_queries unit_tests
macros docs groups selectors disabled parent_map child_map group_map functions"""


def project() -> Project:
    stg = sql(
        "stg",
        "select id from {{ source('raw', 'orders') }}",
        sources=(source_ref("raw", "orders"),),
    )
    config = {"materialized": "incremental", "unique_key": "id", "pre_hook": ["select 1"]}
    off = model("off", config={"enabled": False})
    read = project_of(
        source("raw", "orders"),
        stg,
        sql("mart", "select id from {{ ref('stg') }}", "stg", config=config),
        sql("dim", "select 1 as id", version=2),
        generic_test("unique_stg", "unique", "stg", raw_code="select 1 as a"),
    )
    return dataclasses.replace(read, disabled={off.unique_id: off})


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    read = project()
    document: dict[str, Any] = json.loads(
        encode(make_manifest(read, compile_graph(read).graph, FACTS))
    )
    return document


def test_manifest_has_every_section_of_version_12(manifest: dict[str, Any]) -> None:
    assert sorted(manifest) == sorted(V12_KEYS.split())
    assert manifest["metadata"]["dbt_schema_version"].endswith("/manifest/v12.json")
    assert manifest["metadata"]["project_name"] == "shop"


def test_a_manifest_that_is_only_written_has_the_same_bytes() -> None:
    read = project()
    graph = compile_graph(read).graph

    packed = make_manifest(read, graph, FACTS, is_packed=True)

    assert encode(packed) == encode(make_manifest(read, graph, FACTS))


def test_maps_point_both_ways(manifest: dict[str, Any]) -> None:
    assert manifest["parent_map"]["model.shop.mart"] == ["model.shop.stg"]
    assert manifest["child_map"]["model.shop.stg"] == [
        "model.shop.mart",
        "test.shop.unique_stg.abc",
    ]
    assert set(manifest["parent_map"]) == {*manifest["nodes"], *manifest["sources"]}


def test_model_entry_has_config_with_defaults_and_compiled_code(manifest: dict[str, Any]) -> None:
    entry = manifest["nodes"]["model.shop.mart"]

    assert entry["config"]["materialized"] == "incremental"
    assert entry["config"]["on_schema_change"] == "ignore"
    assert entry["config"]["pre-hook"] == [{"sql": "select 1", "transaction": True, "index": None}]
    assert entry["compiled_code"] == 'select id from "shop"."main"."stg"'
    assert entry["relation_name"] == '"shop"."main"."mart"'
    assert entry["depends_on"]["nodes"] == ["model.shop.stg"]


def test_versioned_disabled_and_test_entries(manifest: dict[str, Any]) -> None:
    assert manifest["nodes"]["model.shop.dim.v2"]["version"] == "2"
    assert [item["name"] for item in manifest["disabled"]["model.shop.off"]] == ["off"]
    test = manifest["nodes"]["test.shop.unique_stg.abc"]
    assert test["test_metadata"]["name"] == "unique"
    assert test["attached_node"] == "model.shop.stg"
    assert test["config"]["severity"] == "ERROR"


def test_catalog_names_columns_in_order_with_statistics() -> None:
    read = project()
    tables = [
        CatalogTable(
            node=key("mart"),
            kind="BASE TABLE",
            columns=(Column("id", "INTEGER"), Column("at", "DATE")),
            statistics={"rows": 3},
        ),
        CatalogTable(node=NodeId("source.shop.raw.orders"), kind="BASE TABLE", columns=()),
    ]

    catalog: Any = make_catalog(compile_graph(read).graph, tables, FACTS)

    entry = catalog["nodes"]["model.shop.mart"]
    assert [(c["name"], c["index"]) for c in entry["columns"].values()] == [("id", 1), ("at", 2)]
    assert entry["stats"]["rows"]["value"] == 3
    assert list(catalog["sources"]) == ["source.shop.raw.orders"]


def test_compiled_path_of_a_generic_test_is_below_its_properties_file() -> None:
    node = generic_test("unique_stg", "unique", "stg")

    assert compiled_path(node) == "shop/models/schema.yml/unique_stg.sql"
    assert compiled_path(model("stg")) == "shop/models/stg.sql"


def test_an_enforced_contract_has_the_checksum_that_dbt_gives_it() -> None:
    node = model(
        "a",
        config={"materialized": "table", "contract": {"enforced": True}},
        columns={"id": ColumnInfo(name="id", data_type="integer")},
    )

    # Of dbt-core 1.11.16 for the same columns, no constraints, and a table.
    assert contract_document(node)["checksum"] == (
        "47500062c7b7f9def7e4d1d33257a1a3e563582ec2f5ea609d094e6f557b1206"
    )
