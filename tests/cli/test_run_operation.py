"""``hw run-operation``: a macro called by itself."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

from headwater.dbt import RunExecutionResult, dbtRunner

MACROS = {
    "macros/operations.sql": """\
{% macro greet(name, times=1) %}
  {% for _ in range(times) %}{{ log('hello ' ~ name, info=true) }}{% endfor %}
  {% do log('kept for the log file') %}
{% endmacro %}
{% macro count_orders() %}
  {% set found = run_query('select count(*) as n from ' ~ ref('raw_orders')) %}
  {% do print(found.rows[0][0]) %}
{% endmacro %}
{% macro make_table() %}
  {% do run_query('create table t as select 1 as a') %}
  {% if run_query('select a from t').rows[0][0] == 1 %}{% do print('made') %}{% endif %}
{% endmacro %}
""",
}


@pytest.fixture(autouse=True)
def macros(project: Path) -> None:
    write_files(project, MACROS)


def test_what_a_macro_logs_is_the_result(hw: Hw) -> None:
    ended = hw("run-operation", "greet", "--args", "{name: ada, times: 2}")

    assert (ended.code, ended.out) == (0, "hello ada\nhello ada\n")


def test_a_macro_may_ask_the_lake(hw: Hw) -> None:
    hw("seed")

    ended = hw("run-operation", "shop.count_orders", "--output", "json")

    assert ended.document["said"] == ["3"]


@pytest.mark.parametrize("name", ["%} {{ 1 }}", "'quoted' \"twice\"", "back\\\\slash", "naïve 😀"])
def test_arguments_reach_the_macro_as_they_are(hw: Hw, name: str) -> None:
    ended = hw("run-operation", "greet", "--args", json.dumps({"name": name}, ensure_ascii=False))

    assert ended.out == f"hello {name}\n"


def test_what_a_macro_writes_is_committed_by_a_run(hw: Hw) -> None:
    ended = hw("run-operation", "make_table")
    again = hw("run-operation", "make_table")

    assert (ended.code, ended.out) == (0, "made\n"), ended.err
    assert hw("sql", "select * from t", "--output", "json").document["rows"] == [[1]]
    assert (again.code, "already exists" in again.err) == (2, True)


@pytest.mark.parametrize("name", ["nowhere", "greet() }} {{ greet", ""])
def test_a_macro_that_there_is_not_is_a_fault(hw: Hw, name: str) -> None:
    assert hw("run-operation", name).code == 2


def test_the_runner_calls_macros_too(hw: Hw) -> None:
    hw("ls")
    said: list[str] = []

    def listen(event: object) -> None:
        info = event.info  # type: ignore[attr-defined]
        if info.name == "JinjaLogInfo":
            said.append(info.msg)

    ended = dbtRunner(callbacks=[listen]).invoke(
        ["run-operation", "greet", "--args", "{name: ada}"]
    )

    assert isinstance(ended.result, RunExecutionResult)
    assert (ended.success, said) == (True, ["hello ada"])


def test_a_query_is_run_instead_of_a_macro(hw: Hw) -> None:
    hw("seed")

    sound = hw("run-operation", "--sql", "select * from {{ ref('raw_orders') }}")
    broken = hw("run-operation", "--sql", "select no_such_column from {{ ref('raw_orders') }}")
    writing = hw("run-operation", "--sql", "drop table {{ ref('raw_orders') }}")
    shown = hw("sql", "select * from raw_orders")

    assert (sound.code, sound.out) == (0, "")
    assert broken.code == 2
    assert "no_such_column" in broken.err
    assert (writing.code, shown.code) == (0, 2), writing.err


@pytest.mark.parametrize("given", [(), ("greet", "--sql", "select 1")])
def test_a_macro_or_a_query_is_wanted(hw: Hw, given: tuple[str, ...]) -> None:
    assert "HW1902" in hw("run-operation", *given).err


def test_the_results_of_a_macro_are_left_for_other_tools(hw: Hw, project: Path) -> None:
    hw("run-operation", "greet", "--args", "{name: ada}")

    document = json.loads((project / "target/run_results.json").read_text())

    assert document["args"]["which"] == "run-operation"
    assert [(each["unique_id"], each["status"]) for each in document["results"]] == [
        ("macro.shop.greet", "success")
    ]


def test_the_results_of_a_macro_that_fails_say_why(hw: Hw, project: Path) -> None:
    text = "{% macro fail() %}{% do exceptions.raise_compiler_error('no') %}{% endmacro %}"
    write_files(project, {"macros/fail.sql": text})

    ended = hw("run-operation", "fail")
    entry = json.loads((project / "target/run_results.json").read_text())["results"][0]

    assert (ended.code, entry["status"], entry["message"], entry["failures"]) == (
        2,
        "error",
        "no",
        1,
    )
