"""Reading projects: what nodes come of which files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.project.conftest import Read, found, node_of, options, project_of, write

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.project.files import read_files
from headwater.project.node import Ref, SourceRef
from headwater.project.read import read_project


def test_model_is_named_placed_and_located_by_its_file(read: Read) -> None:
    result = read({"models/staging/stg_a.sql": "select 1 as id"})

    node = node_of(result, "model.shop.stg_a")

    assert result.diagnostics == ()
    assert node.fqn == ("shop", "staging", "stg_a")
    assert (node.path, node.original_path) == ("staging/stg_a.sql", "models/staging/stg_a.sql")
    assert node.relation == TableName("shop", "main", "stg_a")
    assert node.materialized == "view"


def test_refs_sources_and_macros_are_found_by_running_the_text(read: Read) -> None:
    result = read(
        {
            "macros/m.sql": "{% macro both() %}{{ ref('a') }}"
            " {{ source('raw', 't') }}{% endmacro %}",
            "models/a.sql": "select 1",
            "models/b.sql": "select {{ both() }} {% if false %}{{ ref('no') }}{% endif %}",
            "models/c.sql": "select *\nfrom {{ ref('shop', 'a') }}, {{ ref('b', v=2) }}",
        }
    )

    b, c = node_of(result, "model.shop.b"), node_of(result, "model.shop.c")

    assert [ref.name for ref in b.refs] == ["a"]
    assert b.sources == (SourceRef(source_name="raw", name="t"),)
    assert b.macros == ("macro.shop.both",)
    assert [(ref.package, ref.name, ref.version) for ref in c.refs] == [
        ("shop", "a", None),
        (None, "b", 2),
    ]
    assert str(c.refs[0].where) == "models/c.sql:2:22"


def test_config_is_merged_from_folder_properties_and_file(read: Read) -> None:
    result = read(
        {
            "dbt_project.yml": (
                "name: shop\nmodels:\n  +tags: root\n  shop:\n"
                "    marts:\n      +materialized: table\n"
                "      +tags: [folder]\n      +meta: {a: 1, b: 1}\n      +schema: marts\n"
                "    mart: {+enabled: false}\n"
            ),
            "models/marts/mart.sql": (
                "{{ config(materialized='incremental', tags='file', meta={'b': 3}) }}select 1"
            ),
            "models/p.yml": (
                "models:\n  - name: mart\n    config: {materialized: view, tags: [yaml], "
                "meta: {b: 2, c: 2}}\n"
            ),
        }
    )

    node = node_of(result, "model.shop.mart")

    assert node.materialized == "incremental"
    assert node.config["tags"] == ["root", "folder", "yaml", "file"]
    assert node.tags == ("root", "folder", "file", "yaml")
    assert node.meta == {"a": 1, "b": 3, "c": 2}
    assert node.relation == TableName("shop", "main_marts", "mart")
    assert node.config_call["materialized"] == "incremental"


def test_root_project_has_the_last_word_on_nodes_of_packages(read: Read) -> None:
    result = read(
        {
            "dbt_project.yml": "name: shop\nmodels: {tools: {+materialized: table}}\n",
            "dbt_packages/tools/dbt_project.yml": "name: tools\nmodels: {tools: {+tags: t}}\n",
            "dbt_packages/tools/models/m.sql": "{{ config(materialized='view') }}select 1",
        }
    )

    node = node_of(result, "model.tools.m")

    assert (node.materialized, node.tags) == ("table", ("t",))


def test_disabled_model_is_kept_apart(read: Read) -> None:
    result = read({"models/a.sql": "{{ config(enabled=false) }}select 1"})

    assert NodeId("model.shop.a") not in project_of(result).nodes
    assert NodeId("model.shop.a") in project_of(result).disabled


def test_generic_tests_have_dbts_names_and_hashes(read: Read) -> None:
    # The expected ids were made by dbt-core 1.11.16.
    result = read(
        {
            "dbt_project.yml": "name: jaffle_shop\n",
            "models/customers.sql": "select 1 as customer_id",
            "models/orders.sql": "select 1 as customer_id, 'a' as status",
            "models/schema.yml": (
                "models:\n  - name: customers\n    columns:\n      - name: customer_id\n"
                "        tests: [unique, not_null]\n"
                "  - name: orders\n    columns:\n      - name: customer_id\n        tests:\n"
                "          - relationships:\n              to: ref('customers')\n"
                "              field: customer_id\n"
                "      - name: status\n        tests:\n          - accepted_values:\n"
                "              values: ['placed', 'shipped', 'completed', 'return_pending', "
                "'returned']\n"
            ),
        }
    )

    tests = {key: node for key, node in project_of(result).nodes.items() if node.test}

    assert sorted(tests) == [
        "test.jaffle_shop.accepted_values_orders_status__placed__shipped__completed__return_pending__returned.be6b5b5ec3",
        "test.jaffle_shop.not_null_customers_customer_id.5c9bf9911d",
        "test.jaffle_shop.relationships_orders_customer_id__customer_id__ref_customers_.c6ec7f58f2",
        "test.jaffle_shop.unique_customers_customer_id.c5af1ff4b1",
    ]
    long = next(node for node in tests.values() if node.name.startswith("accepted"))
    assert long.path == "accepted_values_orders_1ce6ab157c285f7cd2ac656013faf758.sql"
    assert long.config["alias"] == "accepted_values_orders_1ce6ab157c285f7cd2ac656013faf758"
    relationships = next(node for node in tests.values() if node.name.startswith("relation"))
    assert {ref.name for ref in relationships.refs} == {"orders", "customers"}


def test_generic_test_keeps_arguments_config_and_place(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/p.yml": (
                "models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n"
                "          - accepted_values:\n              name: given\n"
                "              arguments: {values: [1], quote: false}\n"
                "              config: {severity: warn, where: 'id > 0', tags: nightly}\n"
            ),
        }
    )

    test = next(node for node in project_of(result).nodes.values() if node.test)

    assert test.test is not None
    assert test.name == "given"
    assert test.test.arguments["values"] == [1]
    assert test.test.attached_node == "model.shop.a"
    assert (test.config["severity"], test.config["where"]) == ("warn", "id > 0")
    assert test.tags == ("nightly",)
    assert str(test.where) == "models/p.yml:6:13"


@pytest.mark.parametrize("name", ["get_where_subquery", "default__get_where_subquery"])
def test_a_projects_own_where_subquery_is_run_for_every_test(read: Read, name: str) -> None:
    macro = f"{{% macro {name}(relation) %}}{{{{ config(limit=7) }}}}{{{{ return(relation) }}}}"
    result = read(
        {
            "macros/own.sql": macro + "{% endmacro %}",
            "models/a.sql": "select 1 as id",
            "models/a.yml": "models: [{name: a, columns: [{name: id, data_tests: ["
            "{accepted_values: {arguments: {values: [1]}}}]}]}]\n",
        }
    )

    (test,) = [node for node in project_of(result).nodes.values() if node.test]

    assert test.config["limit"] == 7


def test_place_of_a_test_is_its_own_line_and_not_the_word_in_a_description(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/p.yml": (
                "models:\n  - name: a\n    columns:\n      - name: id\n"
                "        description: The unique key.\n        data_tests:\n"
                "          - not_null\n          - unique\n"
            ),
        }
    )

    tests = {node.name: node for node in project_of(result).nodes.values() if node.test}

    assert str(tests["unique_a_id"].where) == "models/p.yml:8:13"
    assert str(tests["not_null_a_id"].where) == "models/p.yml:7:13"


def test_source_table_has_its_own_node(read: Read) -> None:
    result = read(
        {
            "models/s.yml": (
                "sources:\n  - name: raw\n    schema: landing\n    tags: [s]\n"
                "    meta: {external_location: 'data/{name}.parquet'}\n    tables:\n"
                "      - name: t\n        identifier: t_v1\n        tags: [t]\n"
                "        columns: [{name: id, data_tests: [not_null]}]\n"
            ),
        }
    )

    node = node_of(result, "source.shop.raw.t")

    assert node.relation == TableName("shop", "landing", "t_v1")
    assert node.source is not None
    assert node.source.external_location == "data/t.parquet"
    assert node.tags == ("s", "t")
    test = next(node for node in project_of(result).nodes.values() if node.test)
    assert test.name == "source_not_null_raw_t_id"
    assert test.sources == (SourceRef(source_name="raw", name="t"),)


def test_seed_snapshot_analysis_singular_test_and_hooks(read: Read) -> None:
    result = read(
        {
            "dbt_project.yml": "name: shop\non-run-start: select 1\n"
            "on-run-end: [\"{{ log('x') }}\"]\n",
            "seeds/s.csv": "id\n1\n",
            "snapshots/old.sql": (
                "{% snapshot old %}{{ config(unique_key='id', strategy='check', check_cols='all', "
                "target_schema='hist') }}select * from {{ ref('s') }}{% endsnapshot %}"
            ),
            "snapshots/new.yml": (
                "snapshots:\n  - name: new\n    relation: ref('s')\n"
                "    config: {unique_key: id, strategy: check, check_cols: all}\n"
            ),
            "analyses/a.sql": "select * from {{ ref('s') }}",
            "tests/t.sql": "select * from {{ ref('s') }}",
        }
    )

    project = project_of(result)

    assert result.diagnostics == ()
    assert sorted(project.nodes) == [
        "analysis.shop.a",
        "operation.shop.shop-on-run-end-0",
        "operation.shop.shop-on-run-start-0",
        "seed.shop.s",
        "snapshot.shop.new",
        "snapshot.shop.old",
        "test.shop.t",
    ]
    assert node_of(result, "snapshot.shop.old").relation == TableName("shop", "hist", "old")
    assert node_of(result, "snapshot.shop.new").refs[0].name == "s"
    assert project.on_run_start == ("operation.shop.shop-on-run-start-0",)


def test_exposures_and_unit_tests_know_what_they_depend_on(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/p.yml": (
                "exposures:\n  - name: dash\n    type: dashboard\n    owner: {name: me}\n"
                "    depends_on:\n      - ref('a')\n      - source('raw', 't')\n"
                "unit_tests:\n  - name: ut\n    model: a\n    given:\n      - input: ref('b')\n"
                "    expect: {rows: []}\n"
            ),
        }
    )

    dash = node_of(result, "exposure.shop.dash")

    assert dash.refs == (Ref(name="a"),)
    assert dash.sources == (SourceRef(source_name="raw", name="t"),)
    assert node_of(result, "unit_test.shop.a.ut").refs == (Ref(name="b"),)


def test_descriptions_use_docs_blocks(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/d.md": "{% docs about %}\nAbout {{ it }}.\n{% enddocs %}",
            "models/p.yml": (
                "models:\n  - name: a\n    description: \"{{ doc('about') }}!\"\n"
                "    columns: [{name: id, description: the id, tests: []}]\n"
            ),
        }
    )

    node = node_of(result, "model.shop.a")

    assert node.description == "About .!"
    assert node.columns["id"].description == "the id"


def test_project_may_place_its_nodes_by_its_own_macro(read: Read) -> None:
    result = read(
        {
            "macros/names.sql": (
                "{% macro generate_schema_name(custom, node) %}"
                "{{ custom if custom else node.resource_type }}{% endmacro %}"
                "{% macro generate_alias_name(custom, node) %}{{ node.name }}_x{% endmacro %}"
            ),
            "models/a.sql": "{{ config(schema='s') }}select 1",
            "models/b.sql": "select 1",
        }
    )

    assert node_of(result, "model.shop.a").relation == TableName("shop", "s", "a_x")
    assert node_of(result, "model.shop.b").relation == TableName("shop", "model", "b_x")


def test_variables_come_from_the_command_line_then_the_root_then_the_package(read: Read) -> None:
    model = "{{ config(meta={'v': [var('a'), var('b'), var('c')]}) }}select 1"
    result = read(
        {
            "dbt_project.yml": "name: shop\nvars: {a: root, b: root, tools: {b: scoped}}\n",
            "dbt_packages/tools/dbt_project.yml": "name: tools\nvars: {a: p, b: p, c: p}\n",
            "dbt_packages/tools/models/m.sql": model,
        },
        variables={"a": "cli"},
    )

    assert node_of(result, "model.tools.m").meta == {"v": ["cli", "scoped", "p"]}


def test_hooks_are_kept_unrendered_and_their_refs_found(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "{{ config(post_hook=\"insert into x select * from {{ ref('b') }}\") }}"
            "select 1",
            "models/b.sql": "select 1",
        }
    )

    node = node_of(result, "model.shop.a")

    assert node.config["post_hook"] == [
        {"sql": "insert into x select * from {{ ref('b') }}", "transaction": True}
    ]
    assert [ref.name for ref in node.refs] == ["b"]


def test_ignored_and_hidden_files_are_not_read(read: Read) -> None:
    result = read(
        {
            ".dbtignore": "# comment\nmodels/old/\n*.tmp.sql\n!keep.tmp.sql\n",
            "models/old/a.sql": "{% broken",
            "models/b.tmp.sql": "{% broken",
            "models/.hidden.sql": "{% broken",
            "models/keep.tmp.sql": "select 1",
        }
    )

    assert result.diagnostics == ()
    assert list(project_of(result).nodes) == ["model.shop.keep.tmp"]


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "dbt_project.yml": "name: shop\n",
            "models/a.sql": "select {{ 1 }} from {{ ref('b') }}",
            "models/b.sql": "select 1",
        },
    )

    first = read_project(read_files(tmp_path), options())
    second = read_project(read_files(tmp_path), options())

    assert project_of(first).nodes == project_of(second).nodes
    assert project_of(first).checksum == project_of(second).checksum
    third = read_project(read_files(tmp_path), options(variables={"x": 1}))
    assert project_of(third).checksum != project_of(first).checksum
    (tmp_path / "models/b.sql").write_text("select 2", encoding="utf-8")
    assert read_files(tmp_path).checksum != project_of(first).checksum


def test_two_projects_do_not_share_anything(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(
            tmp_path / name,
            {
                "dbt_project.yml": f"name: {name}\n",
                "macros/m.sql": f"{{% macro f() %}}{name}{{% endmacro %}}",
                "models/a.sql": "{{ config(alias=f()) }}select 1",
            },
        )

    results = [read_project(read_files(tmp_path / name), options()) for name in ("one", "two")]

    assert [
        node_of(r, f"model.{n}.a").relation for r, n in zip(results, ("one", "two"), strict=True)
    ] == [
        TableName("shop", "main", "one"),
        TableName("shop", "main", "two"),
    ]


def test_started_at_is_what_templates_see(read: Read) -> None:
    result = read({"models/a.sql": "{{ config(alias=run_started_at.strftime('%Y')) }}select 1"})

    assert node_of(result, "model.shop.a").relation == TableName("shop", "main", "2026")
    assert options().started_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_everything_in_the_project_that_was_read_is_free_of_findings(read: Read) -> None:
    assert found(read({})) == []


def test_docs_block_may_hold_jinja_of_its_own_and_sees_nothing(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/d.md": "{% docs d %}\n{% raw %}{{ ref('x') }}{% endraw %} {{ gone }}!\n"
            "{% enddocs %}\n{% docs bad %}\n\n{{ ref('x') }}{% enddocs %}",
            "models/p.yml": "models: [{name: a, description: \"{{ doc('d') }}\"}]\n",
        }
    )

    assert node_of(result, "model.shop.a").description == "{{ ref('x') }} !"
    assert found(result) == [("jinja-undefined", "models/d.md:6:1")]


@pytest.mark.parametrize(
    ("written", "order"),
    [
        ("{arguments: {values: [1]}}", ["column_name", "values", "model"]),
        ("{values: [1]}", ["values", "column_name", "model"]),
    ],
)
def test_arguments_of_a_test_are_in_dbts_order(read: Read, written: str, order: list[str]) -> None:
    column = f"{{name: id, data_tests: [{{accepted_values: {written}}}]}}"
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/a.yml": f"models: [{{name: a, columns: [{column}]}}]\n",
        }
    )

    test = next(node.test for node in project_of(result).nodes.values() if node.test)
    assert list(test.arguments) == order
