"""What dbt's options of its verbs do here, apart from those that build."""

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files


def test_documents_may_read_another_targets_tables(hw: Hw, project: Path) -> None:
    hw("build")
    shutil.copytree(project / "target", project / "state")
    profile = "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, schema: elsewhere}\n"
    write_files(project, {"profiles.yml": profile})

    ended = hw("docs", "generate", "--defer", "--state", "state", "--select", "revenue")

    document = json.loads((project / "target/manifest.json").read_text())
    assert ended.code == 0, ended.err
    assert '"main"."stg_orders"' in document["nodes"]["model.shop.revenue"]["compiled_code"]


def test_compile_may_leave_ephemeral_models_out(hw: Hw, project: Path) -> None:
    ephemeral = "{{ config(materialized='ephemeral') }} select 1 as a"
    reader = "select * from {{ ref('one') }}"
    write_files(project, {"models/one.sql": ephemeral, "models/two.sql": reader})

    whole = hw("compile", "--select", "two").out
    bare = hw("compile", "--select", "two", "--no-inject-ephemeral-ctes").out

    assert "select 1 as a" in whole
    assert bare == "select * from __dbt__cte__one\n"


def test_debug_may_try_only_the_connection(hw: Hw) -> None:
    document = hw("debug", "--connection", "--output", "json").document

    assert [check["name"] for check in document["checks"]] == ["profile", "lake", "engine", "query"]


def test_clone_takes_dbts_option_to_defer(hw: Hw, project: Path) -> None:
    hw("build")
    shutil.copytree(project / "target", project / "state")

    assert hw("clone", "--defer", "--state", "state").code == 0


def test_tests_below_the_wrong_kind_of_node_run_all_the_same(hw: Hw, project: Path) -> None:
    text = (
        "models:\n  - name: raw_orders\n    columns:\n      - {name: order_id, tests: [unique]}\n"
    )
    write_files(project, {"models/wrong.yml": text})

    listed = hw("ls", "--select", "raw_orders", "--resource-type", "test")

    assert listed.out.split() == ["shop.unique_raw_orders_order_id"]
    assert "Its tests run on the seed of that name" in hw("check").err


def test_the_target_folder_may_be_written_in_jinja(hw: Hw, project: Path) -> None:
    text = "name: shop\ntarget-path: \"{{ env_var('WHERE', 'made') ~ '-' ~ (1 + 1) }}\"\n"
    write_files(project, {"dbt_project.yml": text})

    hw("parse")

    assert (project / "made-2/manifest.json").is_file()


def test_foreign_keys_lead_to_the_deferred_table(hw: Hw, project: Path) -> None:
    text = (
        "models:\n  - name: revenue\n    constraints:\n"
        "      - {type: foreign_key, columns: [customer], to: ref('stg_orders'),"
        " to_columns: [customer]}\n"
    )
    write_files(project, {"models/schema.yml": text})
    hw("build")
    shutil.copytree(project / "target", project / "state")
    profile = "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, schema: elsewhere}\n"
    write_files(project, {"profiles.yml": profile})

    def target(*words: str) -> str:
        assert hw("docs", "generate", "--defer", "--state", "state", *words).code == 0
        document = json.loads((project / "target/manifest.json").read_text())
        return str(document["nodes"]["model.shop.revenue"]["constraints"][0]["to"])

    assert target("--select", "revenue") == '"shop"."main"."stg_orders"'
    assert target("--select", "+revenue").endswith('"elsewhere"."stg_orders"')


def test_analyses_have_a_config_of_their_own_by_dbts_flag(hw: Hw, project: Path) -> None:
    text = "name: shop\nanalyses:\n  shop:\n    monthly:\n      +enabled: false\n"
    files = {"analyses/monthly/a.sql": "select 1 as a", "analyses/b.sql": "select 1 as b"}
    write_files(project, {**files, "dbt_project.yml": text})

    before = hw("ls", "--resource-type", "analysis").out.split()
    flag = "flags:\n  require_corrected_analysis_fqns: true\n"
    write_files(project, {"dbt_project.yml": text + flag})
    after = hw("ls", "--resource-type", "analysis").out.split()

    assert set(before) == {"shop.analysis.b", "shop.analysis.monthly.a"}
    assert after == ["shop.b"]


@pytest.mark.parametrize("option", ["--select", "--selector"])
@pytest.mark.parametrize("verb", ["compile", "show"])
def test_a_query_and_a_selection_exclude_each_other(hw: Hw, verb: str, option: str) -> None:
    ended = hw(verb, "--inline", "select 1 as a", option, "revenue")

    assert ended.code == 2
    assert "nodes are selected, and a query is given besides" in ended.err


def test_a_name_of_a_schema_needs_its_variables(hw: Hw, project: Path) -> None:
    macro = (
        "{% macro generate_schema_name(custom_schema_name, node) %}"
        "{{ var('prefix') }}_main{% endmacro %}"
    )
    write_files(project, {"macros/names.sql": macro})

    refused = hw("parse")
    taken = hw("parse", "--vars", "{prefix: mine}")

    assert (refused.code, taken.code) == (2, 0)
    assert "variable `prefix` is not set" in refused.err


def test_two_fixtures_of_one_name_are_refused(hw: Hw, project: Path) -> None:
    test = (
        "unit_tests:\n  - name: t\n    model: stg_orders\n    given:\n"
        "      - {input: ref('raw_orders'), format: csv, fixture: rows}\n"
        "    expect: {format: csv, fixture: rows}\n"
    )
    rows = "order_id,customer,amount\n1,ada,2.5\n"
    folders = {f"tests/fixtures/{name}/rows.csv": rows for name in ("a", "b")}
    write_files(project, {"models/unit.yml": test, **folders})

    ended = hw("parse")

    assert ended.code == 2
    assert "2 fixtures are called `rows`" in ended.err


def test_half_of_a_freshness_is_refused(hw: Hw, project: Path) -> None:
    config = "{{ config(freshness={'build_after': {'count': 1}}) }} select 1 as a"
    write_files(project, {"models/fresh.sql": config})

    ended = hw("parse")

    assert ended.code == 2
    assert "`build_after` of `fresh` says one of `count` and `period`" in ended.err


def test_a_snapshot_is_stored_as_nothing_else(hw: Hw, project: Path) -> None:
    config = "unique_key='id', strategy='check', check_cols='all', materialized='view'"
    text = f"{{% snapshot s %}}{{{{ config({config}) }}}} select 1 as id {{% endsnapshot %}}"
    write_files(project, {"snapshots/s.sql": text})

    assert "snapshot `s` is to be materialized as `view`" in hw("parse").err


def test_a_manifest_of_a_dbt_before_1_3_shows_no_model_as_modified(hw: Hw, project: Path) -> None:
    hw("parse")
    document = json.loads((project / "target/manifest.json").read_text())
    document["metadata"]["dbt_schema_version"] = "https://schemas.getdbt.com/dbt/manifest/v6.json"
    for entry in document["nodes"].values():
        entry["raw_sql"] = entry.pop("raw_code")
        entry.pop("access", None)
    write_files(project, {"state/manifest.json": json.dumps(document)})

    words = ("ls", "--resource-type", "model", "--state", "state", "--select")

    assert hw(*words, "state:unmodified").out.split() == ["shop.revenue", "shop.stg_orders"]
    assert hw(*words, "state:modified").out == ""


def test_a_variable_may_refer_to_a_node(hw: Hw, project: Path) -> None:
    text = "name: shop\nvars:\n  from_where: \"{{ ref('raw_orders') }}\"\n"
    model = "select count(*) as n from {{ var('from_where') }}"
    write_files(project, {"dbt_project.yml": text, "models/counted.sql": model})

    hw("seed")
    ended = hw("run", "--select", "counted")

    assert ended.code == 0, ended.err
    assert hw("sql", "select n from counted", "--output", "json").document["rows"] == [[3]]
    listed = hw("ls", "--select", "+counted", "--exclude", "counted").out.split()
    assert listed == ["shop.raw_orders"]


def test_a_variable_that_asks_for_itself_is_stopped(hw: Hw, project: Path) -> None:
    text = "name: shop\nvars:\n  again: \"{{ var('again') }}\"\n"
    write_files(
        project, {"dbt_project.yml": text, "models/a.sql": "select {{ var('again') }} as a"}
    )

    ended = hw("compile")

    assert ended.code == 2
    assert "HW1305" in ended.err


def test_an_ephemeral_model_knows_its_schema(hw: Hw, project: Path) -> None:
    hidden = "{{ config(materialized='ephemeral') }} select * from {{ this.schema }}.raw_orders"
    reader = "select count(*) as n from {{ ref('hidden') }}"
    write_files(project, {"models/hidden.sql": hidden, "models/reader.sql": reader})

    hw("seed")
    ended = hw("run", "--select", "reader")

    assert ended.code == 0, ended.err
