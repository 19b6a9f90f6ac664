"""on-run-start and on-run-end: shown by the plan with what they write, run with the run."""

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Hw, write_files

PROJECT = "name: shop\nmodels:\n  shop:\n    +materialized: table\n"


def _write(project: Path, hooks: str, **files: str) -> None:
    write_files(project, {"dbt_project.yml": PROJECT + hooks, **files})


def _results(project: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((project / "target/run_results.json").read_text())
    return {entry["unique_id"]: entry for entry in document["results"]}


def test_hooks_stand_in_the_plan_and_run_around_the_steps(hw: Hw, project: Path) -> None:
    _write(project, "on-run-start: ['select 1']\non-run-end: ['select 2']\n")

    plan = hw("plan", "--output", "json").document
    built = hw("build", "--output", "json").document

    assert [hook["name"] for hook in plan["on_run_start"]] == ["shop.on-run-start.0"]
    assert [hook["sql"] for hook in plan["on_run_end"]] == ["select 2"]
    assert "shop.on-run-start.0: select 1" in hw("plan", "--full-refresh").out
    nodes = [result["node"] for result in built["results"]]
    assert nodes[0] == "operation.shop.shop-on-run-start-0"
    assert nodes[-1] == "operation.shop.shop-on-run-end-0"
    entry = _results(project)["operation.shop.shop-on-run-end-0"]
    assert (entry["status"], entry["message"], entry["failures"], entry["thread_id"]) == (
        "success",
        "shop.on-run-end.0 passed",
        0,
        "main",
    )


def test_nothing_to_do_runs_no_hooks(hw: Hw, project: Path) -> None:
    _write(project, "on-run-start: ['select 1']\n")
    hw("build")

    again = hw("build", "--output", "json").document

    assert again["results"] == []


def test_what_a_start_hook_prepares_is_there_for_every_model(hw: Hw, project: Path) -> None:
    hooks = (
        "on-run-start:\n"
        "  - create or replace macro doubled(x) as x * 2\n"
        "  - create temp table limits as select 5 as largest\n"
    )
    text = "select doubled(21) as answer, (select max(largest) from limits) as largest"
    _write(project, hooks, **{"models/answers.sql": text})

    ended = hw("build", "--select", "answers")

    assert ended.code == 0
    assert hw("sql", "select * from answers", "--output", "json").document["rows"] == [[42, 5]]


def test_a_failing_start_hook_skips_the_nodes_and_the_hooks_after_it(hw: Hw, project: Path) -> None:
    _write(project, "on-run-start: ['select 1 / nothing', 'select 2']\non-run-end: ['select 3']\n")

    ended = hw("build")
    results = _results(project)

    assert ended.code == 1
    assert results["operation.shop.shop-on-run-start-0"]["status"] == "error"
    assert results["operation.shop.shop-on-run-start-1"]["status"] == "skipped"
    assert results["model.shop.revenue"]["status"] == "skipped"
    assert results["operation.shop.shop-on-run-end-0"]["status"] == "success"


def test_dbts_flag_lets_nodes_run_after_a_failed_start_hook(hw: Hw, project: Path) -> None:
    flag = "flags:\n  skip_nodes_if_on_run_start_fails: false\n"
    _write(project, flag + "on-run-start: ['select 1 / nothing']\n")

    ended = hw("build")

    assert ended.code == 1
    assert _results(project)["model.shop.revenue"]["status"] == "success"


def test_end_hooks_see_the_results_and_the_schemas(hw: Hw, project: Path) -> None:
    hook = 'on-run-end:\n  - "{{ check_results(results, schemas, database_schemas) }}"\n'
    macro = (
        "{% macro check_results(results, schemas, database_schemas) %}"
        "{% for r in results if r.node.name == 'revenue' %}"
        "{% do exceptions.raise_compiler_error(r.status ~ '/' ~ r.to_dict().unique_id ~ '/' "
        "~ r.node.config.materialized ~ '/' ~ schemas ~ '/' ~ database_schemas) %}"
        "{% endfor %}{% endmacro %}"
    )
    _write(project, hook, **{"macros/check_results.sql": macro})

    ended = hw("build")
    message = _results(project)["operation.shop.shop-on-run-end-0"]["message"]

    assert ended.code == 1
    assert "success/model.shop.revenue/table/['main']/[('shop', 'main')]" in message


def test_the_plan_says_what_hooks_write(hw: Hw, project: Path) -> None:
    hooks = (
        "on-run-start: ['create table if not exists audit (what varchar)']\n"
        "on-run-end: [\"insert into main.audit values ('end')\", '{{ note() }}']\n"
    )
    macro = (
        "{% macro note() %}{% if execute %}"
        "{% do run_query('insert into main.audit values (1)') %}"
        "{% set n = run_query('select count(*) from main.audit').columns[0].values()[0] %}"
        "{% endif %}{% endmacro %}"
    )
    model = "{{ config(post_hook=['delete from {{ this }}', '{{ note() }}']) }} select 1 as a"
    _write(project, hooks, **{"macros/note.sql": macro, "models/noted.sql": model})

    plan = hw("plan", "--output", "json").document
    shown = hw("plan").out

    assert [hook["writes"]["tables"] for hook in plan["on_run_start"]] == [["audit"]]
    assert plan["on_run_end"][1]["writes"] == {
        "tables": ["main.audit"],
        "is_live": True,
        "is_known": False,
    }
    (step,) = (step for step in plan["steps"] if step["name"] == "noted")
    assert step["target"]["post_writes"]["tables"] == ["shop.main.noted", "main.audit"]
    assert "hooks after noted: writes `shop.main.noted`, `main.audit`, unknown ?" in shown
    assert "writes `audit`" in shown


def test_hooks_fill_tables_and_the_next_plan_is_empty(hw: Hw, project: Path) -> None:
    hooks = (
        "on-run-start: ['create table if not exists audit (what varchar)']\n"
        "on-run-end: ['{{ note(results) }}']\n"
    )
    macro = (
        "{% macro note(results) %}{% if execute %}{% for r in results %}{% set sql %}"
        "insert into main.audit values ('{{ r.node.name }} {{ r.status }}'){% endset %}"
        "{% do run_query(sql) %}{% endfor %}{% endif %}{% endmacro %}"
        "{% macro fill(table) %}{% call statement('fill') %}"
        "insert into {{ table }} values (2), (3){% endcall %}{% endmacro %}"
    )
    model = "{{ config(materialized='table', post_hook='{{ fill(this) }}') }} select 1 as a"
    _write(project, hooks, **{"macros/note.sql": macro, "models/noted.sql": model})

    built = hw("build", "--select", "noted")
    rows = hw("sql", "select * from noted order by a", "--output", "json").document["rows"]
    audit = hw("sql", "select * from audit", "--output", "json").document["rows"]

    assert built.code == 0, built.err
    assert rows == [[1], [2], [3]]
    assert audit == [["noted success"]]
    again = hw("plan", "--select", "noted", "--output", "json").document
    assert [step["action"] for step in again["steps"] if step["name"] == "noted"] == ["skip"]


def test_a_table_that_hooks_of_others_change_is_not_taken_for_another_writers(
    hw: Hw, project: Path
) -> None:
    _write(
        project,
        "on-run-end: ['insert into main.noted values (9)']\n",
        **{"models/noted.sql": "select 1 as a"},
    )

    hw("build", "--select", "noted")

    plan = hw("plan", "--select", "noted", "--output", "json").document
    assert [step["reason"] for step in plan["steps"] if step["name"] == "noted"] == [
        "nothing it reads has changed"
    ]


def test_what_the_lake_cannot_keep_fails_the_hook(hw: Hw, project: Path) -> None:
    _write(project, "on-run-end: ['create table audit (a int default 1)']\n")

    ended = hw("build", "--output", "json")
    entry = _results(project)["operation.shop.shop-on-run-end-0"]

    assert (ended.code, entry["status"]) == (1, "error")
    assert "error[write-unsupported] HW6520" in ended.err


def test_hooks_of_a_run_share_what_they_keep_in_graph(hw: Hw, project: Path) -> None:
    hooks = (
        "on-run-start: [\"{% do graph.setdefault('mine', {}).update({'seen': 7}) %}\"]\n"
        'on-run-end: ["insert into main.audit values ({{ graph.mine.seen }})"]\n'
    )
    model = "{{ config(pre_hook='create table if not exists main.audit (n int)') }} select 1 as a"
    _write(project, hooks, **{"models/noted.sql": model})

    built = hw("build", "--select", "noted")

    assert built.code == 0, built.err
    assert hw("sql", "select * from audit", "--output", "json").document["rows"] == [[7]]


def test_macros_see_the_projects_packages_and_results_as_dicts(hw: Hw, project: Path) -> None:
    macro = (
        "{% macro note(results) %}{% if execute and results %}{% set r = results[0] %}"
        "{% set found = run_query('select 1 as A').rename({'A': 'a'}) %}"
        '{% do run_query("/* note */ insert into main.audit values (\'" '
        "~ builtins.ref.config.project_name ~ ' ' "
        "~ builtins.ref.config.dependencies['shop'].version"
        " ~ ' ' ~ r.node.to_dict().name ~ ' ' ~ r.timing[0].to_dict().name ~ ' ' "
        "~ found.rows[0]['a'] ~ \"')\") %}{% endif %}{% endmacro %}"
    )
    hooks = (
        "version: 1.2.3\non-run-start: ['create table if not exists audit (what varchar)']\n"
        "on-run-end: ['{{ note(results) }}']\n"
    )
    _write(project, hooks, **{"macros/note.sql": macro, "models/noted.sql": "select 1 as a"})

    built = hw("build", "--select", "noted")

    assert built.code == 0, built.err
    rows = hw("sql", "select * from audit", "--output", "json").document["rows"]
    assert rows == [["shop 1.2.3 noted compile 1"]]


TALKS = """\
{% macro count_up(step) %}
  {% if execute %}
    {% set found = run_query("insert into main.audit values ('" ~ step ~ "')") %}
    {% set n = run_query('select count(*) from main.audit').columns[0].values()[0] %}
    {{ log(step ~ ' sees ' ~ n, info=true) }}{{ log('kept for the log') }}
    {% if step == 'breaks' %}{% do run_query('select nothing_there') %}{% endif %}
  {% endif %}
{% endmacro %}
{% materialization talking, default %}
  {{ log('building ' ~ this.name, info=true) }}
  {% call statement('main') %}create or replace table {{ this }} as {{ sql }}{% endcall %}
  {{ run_hooks(post_hooks) }}{{ return({'relations': [this]}) }}
{% endmaterialization %}
"""
AUDIT = "on-run-start: ['create table if not exists main.audit (what varchar)']\n"


def test_what_macros_say_while_they_run_is_shown_once_and_as_it_is_then(
    hw: Hw, project: Path
) -> None:
    hooks = AUDIT + "on-run-end: [\"{{ count_up('end') }}\"]\n"
    model = "{{ config(materialized='talking', post_hook=\"{{ count_up('hook') }}\") }} select 1"
    _write(project, hooks, **{"macros/talks.sql": TALKS, "models/noted.sql": model})

    ended = hw("build", "--select", "noted")

    assert ended.code == 0, ended.err
    said = [line for line in ended.err.splitlines() if "sees" in line or "building" in line]
    assert said == ["building noted", "hook sees 1", "end sees 2"]
    assert "kept for the log" not in ended.err


def test_what_a_macro_said_before_it_failed_is_shown(hw: Hw, project: Path) -> None:
    model = "{{ config(post_hook=\"{{ count_up('breaks') }}\") }} select 1 as a"
    _write(project, AUDIT, **{"macros/talks.sql": TALKS, "models/noted.sql": model})

    ended = hw("build", "--select", "noted")

    assert ended.code == 1
    assert "breaks sees 1" in ended.err.splitlines()
