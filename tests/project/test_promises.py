"""Properties that promise something: access, keys, foreign keys; and docs blocks that are shown."""

import pytest
from tests.project.conftest import Read, found, node_of, project_of

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json
from headwater.graph.manifest import make_manifest
from headwater.graph.references import resolve_graph
from headwater.project.node import Ref, SourceRef

FACTS = ArtifactFacts(generated_at="2026-11-21T03:22:49Z", invocation_id="abc")
KEY = "constraints: [{type: primary_key}]"


def _model(text: str) -> dict[str, str]:
    return {"models/a.sql": "select 1 as id", "models/p.yml": f"models:\n  - name: a\n{text}"}


@pytest.mark.parametrize(
    "text",
    [
        "    access: public\n    config: {materialized: ephemeral}\n",
        f"    columns: [{{name: id, {KEY}}}, {{name: b, {KEY}}}]\n",
        f"    {KEY}\n    columns: [{{name: id, {KEY}}}]\n",
    ],
)
def test_a_promise_that_cannot_be_kept_is_a_fault(text: str, read: Read) -> None:
    assert [name for name, _ in found(read(_model(text)))] == ["properties-shape"]


def test_foreign_keys_are_references(read: Read) -> None:
    files = _model(
        "    constraints:\n"
        "      - {type: foreign_key, columns: [id], to: \"ref('b', v=2)\", to_columns: [id]}\n"
        "    columns:\n"
        "      - name: id\n"
        "        constraints: [{type: foreign_key, to: \"source('raw', 't')\"}]\n"
    )

    node = node_of(read(files), "model.shop.a")

    assert node.refs == (Ref(name="b", version=2),)
    assert node.sources == (SourceRef(source_name="raw", name="t"),)


def _documents(read: Read, files: dict[str, str]) -> dict[str, dict[str, Json]]:
    project = project_of(read(files))
    manifest = make_manifest(project, resolve_graph(project).graph, FACTS)
    sections = [manifest[name] for name in ("nodes", "sources", "groups", "macros", "exposures")]
    return {
        key: entry
        for section in sections
        if isinstance(section, dict)
        for key, entry in section.items()
        if isinstance(entry, dict)
    }


def test_the_manifest_names_the_docs_blocks_of_descriptions(read: Read) -> None:
    files = _model(
        "    description: \"{{ doc('d') }}, {{ doc('shop', 'e') }}\"\n"
        "    columns: [{name: id, granularity: day, description: \"{{ doc('e') }}\"}]\n"
    )
    docs = "{% docs d %}D{% enddocs %}{% docs e %}E{% enddocs %}"

    node = _documents(read, {**files, "models/d.md": docs})["model.shop.a"]

    assert node["doc_blocks"] == ["doc.shop.d", "doc.shop.e"]
    columns = node["columns"]
    assert isinstance(columns, dict)
    column = columns["id"]
    assert isinstance(column, dict)
    assert (column["doc_blocks"], column["granularity"]) == (["doc.shop.e"], "day")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "    columns: [{name: id, tests: [unique]}, {name: b, tests: [unique, not_null]}]\n",
            ["b"],
        ),
        ("    columns: [{name: id, tests: [unique]}, {name: b, tests: [not_null]}]\n", ["id"]),
        (f"    columns: [{{name: id, {KEY}}}, {{name: b, tests: [unique, not_null]}}]\n", ["id"]),
        ("    constraints: [{type: primary_key, columns: [x, y]}]\n", ["x", "y"]),
        (
            "    columns: [{name: id, tests: [{unique: {config: {enabled: false}}}]}]\n",
            ["id"],
        ),
        ("    columns: [{name: id, tests: [not_null]}]\n", []),
    ],
)
def test_a_primary_key_is_inferred_as_dbt_does(text: str, expected: list[str], read: Read) -> None:
    assert _documents(read, _model(text))["model.shop.a"]["primary_key"] == expected


def test_tests_have_the_group_of_their_model_and_the_text_of_dbt(read: Read) -> None:
    files = _model(
        "    group: g\n"
        "    columns:\n      - name: id\n"
        "        tests: [{unique: {config: {where: 'id > 1', severity: warn, tags: [u]}}}]\n"
        "groups: [{name: g, owner: {name: me}, config: {meta: {a: 1}}, description: us}]\n"
    )

    documents = _documents(read, files)

    test = next(entry for key, entry in documents.items() if key.startswith("test.shop.unique_a"))
    assert test["group"] == "g"
    assert test["raw_code"] == (
        "{{ test_unique(**_dbt_generic_test_kwargs) }}"
        '{{ config(severity="warn",tags=[\'u\'],where="id > 1") }}'
    )
    group = documents["group.shop.g"]
    assert (group["description"], group["config"]) == ("us", {"meta": {"a": 1}})
    assert group["owner"] == {"email": None, "name": "me"}


def test_the_manifest_keeps_what_is_said_of_macros_and_sources(read: Read) -> None:
    documents = _documents(
        read,
        {
            "macros/m.sql": "{% macro m(x) %}{{ x }}{% endmacro %}",
            "macros/m.yml": (
                "macros:\n  - name: m\n    config: {meta: {a: 1}}\n"
                "    arguments: [{name: x, type: text}]\n"
            ),
            "models/s.yml": (
                'sources:\n  - name: raw\n    schema: "{{ target.schema }}_raw"\n'
                "    meta: {o: 1}\n    tables:\n"
                "      - {name: t, external: {location: here}, quoting: {identifier: true}}\n"
            ),
        },
    )

    macro, source = documents["macro.shop.m"], documents["source.shop.raw.t"]
    assert (macro["meta"], macro["patch_path"]) == ({"a": 1}, "shop://macros/m.yml")
    assert macro["arguments"] == [{"name": "x", "type": "text"}]
    assert (source["schema"], source["unrendered_schema"]) == (
        "main_raw",
        "{{ target.schema }}_raw",
    )
    assert source["source_meta"] == {"o": 1}
    external, quoting = source["external"], source["quoting"]
    assert isinstance(external, dict)
    assert isinstance(quoting, dict)
    assert (external["location"], quoting["identifier"]) == ("here", True)


def test_versions_of_references_are_kept_as_they_are_written(read: Read) -> None:
    files = {
        **_model("    versions: [{v: 1}]\n    columns: [{name: id, tests: [unique]}]\n"),
        "models/b.sql": "select * from {{ ref('a', v=1) }} union {{ ref('a', version='1') }}",
        "models/e.yml": (
            "exposures:\n  - name: e\n    type: dashboard\n    owner: {name: me}\n"
            "    depends_on:\n      - ref('a', v=1)\n"
        ),
    }

    documents = _documents(read, files)

    named = [entry["refs"] for key, entry in sorted(documents.items()) if "refs" in entry]
    number: Json = {"name": "a", "package": None, "version": 1}
    text: Json = {"name": "a", "package": None, "version": "1"}
    assert named == [[number], [], [number, text], [number]]
