"""Tests that their macros render, run or judge while they run, as dbt does all of them."""

from pathlib import Path

from tests.cli.conftest import Hw, write_files

BELOW_KEPT = """
{% test below_kept(model, column_name) %}
  {% do adapter.create_schema(api.Relation.create(database=model.database, schema='kept')) %}
  {% set kept = api.Relation.create(database=model.database, schema='kept', identifier='highest') %}
  {% do run_query('create or replace table ' ~ kept ~ ' as select max(' ~ column_name
      ~ ') as top from ' ~ model) %}
  {% set top = run_query('select top from ' ~ kept).columns[0].values()[0] %}
  select * from {{ model }} where {{ column_name }} < {{ top }} - 10
{% endtest %}
"""
WITHIN_SEEN = """
{% test within_seen(model, column_name) %}
  {% set top = run_query('select max(' ~ column_name ~ ') from ' ~ model).columns[0].values()[0] %}
  select * from {{ model }} where {{ column_name }} <> {{ top }}
{% endtest %}
"""
COUNTED = """
{% materialization test, default %}
  {% set found = dbt.materialization_test_default() %}
  {% do run_query('create table if not exists kept_results (name varchar, failures int)') %}
  {% do run_query("insert into kept_results values ('" ~ model.name ~ "', "
      ~ load_result('main').table.columns['failures'].values()[0] ~ ')') %}
  {% do return(found) %}
{% endmaterialization %}
"""


LOGGED = """
{% test logged(model, column_name, number) %}
  {% if execute %}
    {% do run_query('create table if not exists log (number int)') %}
    {% do run_query('insert into log values (' ~ number ~ ')') %}
  {% endif %}
  select * from {{ model }} where {{ column_name }} < 0
{% endtest %}
"""


def model(rows: str, test: str) -> dict[str, str]:
    return {
        "models/mine.sql": "{{ config(materialized='table') }} "
        f"select * from (values {rows}) t(id)",
        "models/mine.yml": "models: [{name: mine, columns: [{name: id, data_tests: ["
        + test
        + "]}]}]",
    }


def rows(hw: Hw, sql: str) -> list[list[object]]:
    found: list[list[object]] = hw("sql", sql, "--output", "json").document["rows"]
    return found


def test_a_test_may_write_while_it_is_rendered(hw: Hw, project: Path) -> None:
    write_files(project, {"macros/tests.sql": BELOW_KEPT, **model("(1), (5)", "below_kept")})

    plan = hw("plan", "--select", "mine")
    built = hw("build", "--select", "mine")

    assert plan.code == 0, plan.err
    assert built.code == 0, built.err
    assert rows(hw, "select top from kept.highest") == [[5]]


def test_it_sees_what_its_node_is_about_to_publish_and_stops_it(hw: Hw, project: Path) -> None:
    write_files(project, {"macros/tests.sql": BELOW_KEPT, **model("(1), (5)", "below_kept")})
    hw("build", "--select", "mine")

    write_files(project, model("(1), (50)", "below_kept"))
    built = hw("build", "--select", "mine")

    assert built.code == 1
    assert "got 1 failures" in built.err + built.out
    assert rows(hw, "select max(id) from mine") == [[5]]
    assert rows(hw, "select top from kept.highest") == [[50]]


def test_rows_that_a_test_asks_for_are_those_of_its_run(hw: Hw, project: Path) -> None:
    write_files(project, {"macros/tests.sql": WITHIN_SEEN, **model("(1)", "within_seen")})
    first = hw("build", "--select", "mine")

    write_files(project, model("(2)", "within_seen"))
    second = hw("build", "--select", "mine")

    assert (first.code, second.code) == (0, 0), second.err


def test_a_project_runs_its_tests_in_its_own_way(hw: Hw, project: Path) -> None:
    write_files(project, {"macros/counted.sql": COUNTED, **model("(1), (1)", "unique")})
    built = hw("build", "--select", "mine")

    write_files(project, model("(1), (2)", "unique"))
    again = hw("build", "--select", "mine")

    assert (built.code, again.code) == (1, 0)
    assert rows(hw, "select * from kept_results order by failures") == [
        ["unique_mine_id", 0],
        ["unique_mine_id", 1],
    ]


def test_a_failing_macro_is_an_error_of_its_test(hw: Hw, project: Path) -> None:
    text = "{{ run_query('select * from not_there') }}"
    macro = f"{{% test broken(model, column_name) %}}{text}{{% endtest %}}"
    write_files(project, {"macros/tests.sql": macro, **model("(1)", "broken")})

    built = hw("build", "--select", "mine", "--output", "json")

    assert built.code == 1
    assert "not_there" in built.out + built.err


def test_tests_of_one_node_may_write_to_one_table(hw: Hw, project: Path) -> None:
    tests = ", ".join(f"{{logged: {{number: {number}}}}}" for number in (1, 2, 3))
    first = model("(1)", tests)
    second = "{{ config(materialized='table') }} select id from {{ ref('mine') }}"
    others = "models: [{name: next, columns: [{name: id, data_tests: [" + tests + "]}]}]"
    files = {"models/next.sql": second, "models/next.yml": others}
    write_files(project, {"macros/tests.sql": LOGGED, **first, **files})

    built = hw("build", "--select", "mine next")

    assert built.code == 0, built.err
    found = rows(hw, "select number, count(*) from log group by number order by number")
    assert found == [[1, 2], [2, 2], [3, 2]]


def test_a_test_cannot_change_what_its_node_is_about_to_publish(hw: Hw, project: Path) -> None:
    text = "{% if execute %}{% do run_query('delete from ' ~ model ~ ' where id > 1') %}{% endif %}"
    macro = f"{{% test cut(model, column_name) %}}{text}select * from {{{{ model }}}} where id > 1"
    write_files(project, {"macros/tests.sql": f"{macro}{{% endtest %}}"})
    write_files(project, model("(1), (2)", "cut"))
    files = {"models/mine.yml": "models: [{name: mine}]"}
    write_files(project, files)
    hw("build", "--select", "mine")
    write_files(project, model("(1), (2), (3)", "cut"))

    built = hw("build", "--select", "mine")

    assert built.code == 1
    assert "changes it before it is published" in built.err
    assert rows(hw, "select id from mine order by id") == [[1], [2]]
