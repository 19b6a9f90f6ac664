"""Functions of a project, built: made in every session that calls them, and kept up to date."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

PROPERTIES = """
functions:
  - name: double_it
    arguments: [{name: value, data_type: double}]
    returns: {data_type: double}
  - name: add
    arguments: [{name: a, data_type: integer}, {name: b, data_type: integer, default_value: 10}]
    returns: {data_type: integer}
  - name: total
    config: {type: aggregate}
    arguments: [{name: amounts, data_type: double}]
    returns: {data_type: double}
  - name: orders
    returns: {data_type: integer}
  - name: either
    arguments: [{name: val, data_type: integer}]
    returns: {data_type: varchar}
    overloads:
      - {defined_in: either_text, arguments: [{name: val, data_type: varchar}],
         returns: {data_type: varchar}}
"""
FILES = {
    "functions/f.yml": PROPERTIES,
    "functions/double_it.sql": "SELECT value * 2",
    "functions/add.sql": "a + b  -- an expression",
    "functions/total.sql": "select {{ function('double_it') }}(sum(amounts))",
    "functions/orders.sql": "select count(*) from {{ ref('stg_orders') }}",
    "functions/either.sql": "'a number: ' || val",
    "functions/either_text.sql": "'a text: ' || val",
    "models/called.sql": (
        "select {{ function('double_it') }}('1.5') as twice, {{ function('add') }}(1) as ten,\n"
        "  {{ function('add') }}(1, 2) as three, {{ function('orders') }}() as orders,\n"
        "  {{ function('either') }}(1) as one, {{ function('either') }}('x') as two,\n"
        "  {{ function('total') }}(amount) as total\n"
        "from {{ ref('stg_orders') }}\n"
    ),
}
ROW = [3.0, 11, 3, 3, "a number: 1", "a text: x"]


def rows_of(hw: Hw, query: str) -> list[list[object]]:
    rows: list[list[object]] = hw("sql", query, "--output", "json").document["rows"]
    return rows


@pytest.mark.parametrize("materialized", ["view", "table"])
def test_models_call_functions(hw: Hw, project: Path, materialized: str) -> None:
    text = f"{{{{ config(materialized='{materialized}') }}}}\n{FILES['models/called.sql']}"
    write_files(project, {**FILES, "models/called.sql": text})

    ended = hw("build")
    [row] = rows_of(hw, "select * from called")
    again = hw("plan", "--output", "json").document

    assert ended.code == 0, ended.err
    assert row[:-1] == ROW
    assert rows_of(hw, "select cast(sum(amount) * 2 as double) from stg_orders") == [[row[-1]]]
    assert {step["action"] for step in again["steps"]} == {"skip"}


def test_a_query_calls_a_function_by_its_name(hw: Hw, project: Path) -> None:
    write_files(project, FILES)
    hw("build", "--select", "+orders", "double_it")

    assert rows_of(hw, "select double_it(4), main.orders()") == [[8.0, 3]]
    assert hw("show", "--inline", "select {{ function('double_it') }}(1) as n").code == 0
    tables = hw("table", "list", "--output", "json").document["tables"]
    assert {each["name"].split(".")[-1]: each["kind"] for each in tables}["orders"] == "function"


def test_a_changed_function_builds_again_what_calls_it(hw: Hw, project: Path) -> None:
    model = "{{ config(materialized='table') }}select {{ function('double_it') }}(2) as n"
    write_files(project, {**FILES, "models/called.sql": model})
    hw("build")
    write_files(project, {"functions/double_it.sql": "value * 200"})

    planned = hw("plan", "--output", "json").document
    hw("build")

    actions = {step["name"]: step["action"] for step in planned["steps"]}
    assert (actions["double_it"], actions["called"]) == ("rebuild", "rebuild")
    assert rows_of(hw, "select n from called") == [[400.0]]


def test_a_body_that_the_engine_refuses_fails_its_function_alone(hw: Hw, project: Path) -> None:
    write_files(project, {**FILES, "functions/add.sql": "a + nothing"})

    ended = hw("build", "--output", "json")

    ends = {each["node"].split(".")[-1]: each["status"] for each in ended.document["results"]}
    assert ended.code == 1
    assert (ends["add"], ends["called"], ends["double_it"]) == ("error", "skipped", "success")


def test_a_unit_test_of_a_model_calls_its_functions(hw: Hw, project: Path) -> None:
    unit = (
        "unit_tests:\n"
        "  - name: doubles\n"
        "    model: called\n"
        "    given: [{input: ref('stg_orders'), rows: [{amount: 2}]}]\n"
        "    expect: {rows: [{n: 4}]}\n"
    )
    model = "select {{ function('double_it') }}(amount) as n from {{ ref('stg_orders') }}"
    write_files(project, {**FILES, "models/called.sql": model, "models/u.yml": unit})

    ended = hw("build", "--output", "json")

    ends = {each["node"]: each["status"] for each in ended.document["results"]}
    assert ends["unit_test.shop.called.doubles"] == "pass", ended.err


@pytest.mark.slow
def test_a_function_in_python(hw: Hw, project: Path) -> None:
    pytest.importorskip("numpy", reason="needs numpy: ./dev setup --dev --group slow")
    properties = (
        "functions:\n"
        "  - name: shout\n"
        "    config: {entry_point: main}\n"
        "    arguments: [{name: text, data_type: varchar}]\n"
        "    returns: {data_type: varchar}\n"
    )
    body = "def main(text):\n    return text.upper() + '{{ '!' }}'\n"
    model = "select {{ function('shout') }}('hey') as said"
    write_files(
        project,
        {"functions/f.yml": properties, "functions/shout.py": body, "models/a.sql": model},
    )

    ended = hw("build")

    assert ended.code == 0, ended.err
    assert rows_of(hw, "select said from a") == [["HEY!"]]


def test_a_python_function_that_cannot_be_made_says_why(hw: Hw, project: Path) -> None:
    properties = "functions: [{name: f, config: {entry_point: main}, arguments: [{name: a}]}]"
    body = "def main():\n    return 1\n"
    write_files(project, {"functions/f.yml": properties, "functions/f.py": body})

    ended = hw("build", "--output", "json")

    [failed] = [each for each in ended.document["results"] if each["status"] == "error"]
    assert failed["diagnostic"]["code"] == "HW6528"
