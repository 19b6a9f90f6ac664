"""Materializations and strategies of the project's own: macros build, commits publish."""

from pathlib import Path

from tests.cli.conftest import Hw, write_files

SWAPPED = """
{% materialization swapped, default %}
  {%- set target = this.incorporate(type='table') -%}
  {%- set tmp = make_intermediate_relation(target) -%}
  {%- set old = load_cached_relation(this) -%}
  {%- set backup = make_backup_relation(target) -%}
  {{ drop_relation_if_exists(load_cached_relation(tmp)) }}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}{{ get_create_table_as_sql(False, tmp, sql) }}{%- endcall %}
  {% if old is not none %}{{ adapter.rename_relation(old, backup) }}{% endif %}
  {{ adapter.rename_relation(tmp, target) }}
  {{ run_hooks(post_hooks) }}
  {{ adapter.commit() }}
  {{ drop_relation_if_exists(backup) }}
  {{ return({'relations': [target]}) }}
{% endmaterialization %}
"""
FACADE = """
{% materialization facade, adapter='duckdb' %}
  {% call statement('main') -%}create or replace view {{ this }} as {{ sql }}{%- endcall %}
  {{ return({'relations': [this]}) }}
{% endmaterialization %}
"""
NEWEST = """
{% macro get_incremental_newest_sql(args) %}
delete from {{ args.target_relation }} where {{ args.unique_key }} in
  (select {{ args.unique_key }} from {{ args.temp_relation }});
insert into {{ args.target_relation }} select * from {{ args.temp_relation }}
{% endmacro %}
"""


def rows(hw: Hw, sql: str) -> list[list[object]]:
    found: list[list[object]] = hw("sql", sql, "--output", "json").document["rows"]
    return found


def versions(hw: Hw, name: str) -> int:
    return len(hw("table", "history", name, "--output", "json").document["versions"])


def test_a_materialization_of_the_project_swaps_its_table_in_one_commit(
    hw: Hw, project: Path
) -> None:
    hooks = "post_hook='insert into {{ this }} values (2)'"
    files = {
        "macros/swapped.sql": SWAPPED,
        "models/mine.sql": f"{{{{ config(materialized='swapped', {hooks}) }}}} select 1 as id",
    }
    write_files(project, files)

    plan = hw("plan", "--select", "mine").out
    built = hw("build", "--select", "mine")
    hw("build", "--select", "mine", "--force")

    assert built.code == 0, built.err
    assert "mine: built by macro.shop.materialization_swapped_default" in plan
    assert rows(hw, "select * from mine order by id") == [[1], [2]]
    assert versions(hw, "mine") == 2
    names = [table["name"] for table in hw("table", "list", "--output", "json").document["tables"]]
    assert not [name for name in names if "__dbt" in name]
    again = hw("plan", "--select", "mine", "--output", "json").document
    assert {step["action"] for step in again["steps"]} == {"skip"}


def test_a_changed_macro_builds_its_models_anew(hw: Hw, project: Path) -> None:
    model = "{{ config(materialized='swapped') }} select 1 as id"
    write_files(project, {"macros/swapped.sql": SWAPPED, "models/mine.sql": model})
    hw("build", "--select", "mine")

    write_files(project, {"macros/swapped.sql": SWAPPED.replace("sql)", "sql ~ ' limit 0')")})
    hw("build", "--select", "mine")

    assert rows(hw, "select * from mine") == []


def test_tests_gate_what_a_materialization_made(hw: Hw, project: Path) -> None:
    model = "{{ config(materialized='swapped') }} select 1 as id union all select 1"
    test = "models: [{name: mine, columns: [{name: id, data_tests: [unique]}]}]"
    write_files(project, {"macros/swapped.sql": SWAPPED, "models/mine.sql": model,
                          "models/mine.yml": test})  # fmt: skip

    built = hw("build", "--select", "mine")

    assert built.code == 1
    assert hw("sql", "select * from mine").code == 2


def test_a_materialization_may_make_a_view(hw: Hw, project: Path) -> None:
    model = "{{ config(materialized='facade') }} select 7 as id"
    write_files(project, {"macros/facade.sql": FACADE, "models/mine.sql": model})

    built = hw("build", "--select", "mine")

    assert built.code == 0, built.err
    assert rows(hw, "select * from mine") == [[7]]


def test_a_materialization_may_make_nothing(hw: Hw, project: Path) -> None:
    macro = "{% materialization nothing, default %}{{ return({'relations': []}) }}"
    model = "{{ config(materialized='nothing') }} select 7 as id"
    write_files(project, {"macros/nothing.sql": macro + "{% endmaterialization %}",
                          "models/mine.sql": model})  # fmt: skip

    built = hw("build", "--select", "mine")

    assert built.code == 0, built.err
    assert hw("sql", "select * from mine").code == 2


def test_a_failing_materialization_leaves_the_table(hw: Hw, project: Path) -> None:
    model = "{{ config(materialized='swapped') }} select 1 as id"
    write_files(project, {"macros/swapped.sql": SWAPPED, "models/mine.sql": model})
    hw("build", "--select", "mine")

    failing = SWAPPED.replace("{{ adapter.commit() }}", "{% do run_query('select * from gone') %}")
    write_files(project, {"macros/swapped.sql": failing})
    built = hw("build", "--select", "mine")

    assert built.code == 1
    assert rows(hw, "select * from mine") == [[1]]
    assert versions(hw, "mine") == 1


def test_a_strategy_of_the_project_writes_an_increment(hw: Hw, project: Path) -> None:
    model = (
        "{{ config(materialized='incremental', incremental_strategy='newest', unique_key='id') }}"
        "select i as id, {{ 2 if is_incremental() else 1 }} as round from range(3) t(i)"
        "{% if is_incremental() %} where i > 1{% endif %}"
    )
    write_files(project, {"macros/newest.sql": NEWEST, "models/mine.sql": model})

    first = hw("build", "--select", "mine")
    again = hw("build", "--select", "mine", "--force")
    later = rows(hw, "select * from mine order by id")
    hw("build", "--select", "mine", "--full-refresh")

    assert (first.code, again.code) == (0, 0), first.err
    assert later == [[0, 1], [1, 1], [2, 2]]
    assert rows(hw, "select * from mine order by id") == [[0, 1], [1, 1], [2, 1]]


def test_the_project_may_replace_a_strategy_that_is_known(hw: Hw, project: Path) -> None:
    macro = (
        "{% macro get_incremental_append_sql(args) %}"
        "insert into {{ args.target_relation }} select id + 100 from {{ args.temp_relation }}"
        "{% endmacro %}"
    )
    model = "{{ config(materialized='incremental', incremental_strategy='append') }} select 1 as id"
    write_files(project, {"macros/append.sql": macro, "models/mine.sql": model})

    hw("build", "--select", "mine")
    hw("build", "--select", "mine", "--force")

    assert rows(hw, "select * from mine order by id") == [[1], [101]]


def test_a_strategy_may_ask_for_new_columns(hw: Hw, project: Path) -> None:
    model = (
        "{{ config(materialized='incremental', incremental_strategy='newest', unique_key='id',"
        " on_schema_change='append_new_columns') }}"
        "select 1 as id{% if is_incremental() %}, 'new' as more{% endif %}"
    )
    strategy = NEWEST.replace("select * from", "by name select * from")
    write_files(project, {"macros/newest.sql": strategy, "models/mine.sql": model})

    hw("build", "--select", "mine")
    hw("build", "--select", "mine", "--force")

    assert rows(hw, "select id, more from mine") == [[1, "new"]]


VIEW = """
{% materialization view, default %}
  {% call statement('main') -%}create or replace view {{ this }} as select 8 as id{%- endcall %}
  {{ return({'relations': [this]}) }}
{% endmaterialization %}
"""
FLAG = "flags: {require_explicit_package_overrides_for_builtin_materializations: false}\n"


def with_package(project: Path, macro: str, flags: str, kind: str) -> None:
    settings = project / "dbt_project.yml"
    settings.write_text(settings.read_text() + flags)
    model = f"{{{{ config(materialized='{kind}') }}}} select 7 as id"
    write_files(
        project,
        {
            "dbt_packages/ways/dbt_project.yml": "name: ways\n",
            "dbt_packages/ways/macros/ways.sql": macro,
            "models/mine.sql": model,
        },
    )


def test_a_package_replaces_what_is_built_in_only_where_the_project_allows_it(
    hw: Hw, project: Path
) -> None:
    with_package(project, VIEW, "", "view")
    assert hw("build", "--select", "mine").code == 0
    assert rows(hw, "select * from mine") == [[7]]

    settings = project / "dbt_project.yml"
    settings.write_text(settings.read_text() + FLAG)

    assert hw("build", "--select", "mine").code == 0
    assert rows(hw, "select * from mine") == [[8]]


def test_a_default_of_a_package_is_farther_off_than_what_dbt_duckdb_has(
    hw: Hw, project: Path
) -> None:
    with_package(project, VIEW.replace("view, default", "table, default"), FLAG, "table")

    assert hw("build", "--select", "mine").code == 0
    assert rows(hw, "select * from mine") == [[7]]
