"""What the global macros write for each warehouse: the same bytes as dbt with its adapter.

The texts are frozen from dbt-core 1.11.16 with dbt-snowflake, -bigquery, -postgres, -redshift,
-trino and -databricks; ``dbt compile`` of one model a call.
"""

import json
from pathlib import Path

import pytest
from tests.warehouses.projects import code_of, compile_project

CASES = Path(__file__).parents[1] / "cases" / "warehouses"
SOURCES = """\
version: 2
sources:
  - name: s
    tables:
      - name: t
      - name: q
        quoting: {identifier: true, database: false}
"""


@pytest.mark.parametrize("warehouse", [file.stem for file in sorted(CASES.glob("*.json"))])
def test_calls_compile_as_in_dbt(warehouse: str, tmp_path: Path) -> None:
    expected = json.loads((CASES / f"{warehouse}.json").read_text(encoding="utf-8"))
    names = {call: f"m{number}" for number, call in enumerate(expected)}
    files = {
        f"models/{name}.sql": f"select 1 as c /*|{{{{ {call} }}}}|*/"
        for call, name in names.items()
    }

    result = compile_project(tmp_path, {**files, "models/s.yml": SOURCES}, warehouse)

    actual = {call: code_of(result, name).split("|", 1)[1][:-3] for call, name in names.items()}
    assert actual == expected


@pytest.mark.parametrize(
    ("warehouse", "call", "expected"),
    [
        ("redshift", "dbt.any_value('x')", "min(x)"),
        ("databricks", "dbt.concat(['a', 'b'])", "concat(a, b)"),
        ("spark", "dbt.dateadd('day', 1, 'd')", "timestampadd(day, 1, d)"),
        ("athena", "dbt.concat(['a', 'b'])", "a || b"),
        ("databricks", "dbt_spark.spark__any_value('x')", "first(x)"),
        ("snowflake", "adapter.type()", "snowflake"),
        ("snowflake", "adapter.quote_seed_column('a', none)", "a"),
        ("postgres", "adapter.quote_seed_column('a', none)", '"a"'),
        ("snowflake", "adapter.quote_as_configured('a', 'schema')", "a"),
        ("spark", "adapter.quote('a`b')", "`a``b`"),
    ],
)
def test_call_is_answered_in_the_warehouses_words(
    warehouse: str, call: str, expected: str, tmp_path: Path
) -> None:
    files = {"models/m.sql": f"select 1 as c /*|{{{{ {call} }}}}|*/"}

    assert code_of(compile_project(tmp_path, files, warehouse), "m") == (
        f"select 1 as c /*|{expected}|*/"
    )


def test_projects_own_macro_of_a_prefix_is_dispatched_to(tmp_path: Path) -> None:
    files = {
        "models/m.sql": "select {{ seven() }} as c",
        "macros/m.sql": "{% macro seven() %}{{ return(adapter.dispatch('seven')()) }}{% endmacro %}"
        "{% macro default__seven() %}7{% endmacro %}"
        "{% macro spark__seven() %}six + 1{% endmacro %}",
    }

    assert code_of(compile_project(tmp_path, files, "databricks"), "m") == "select six + 1 as c"
    assert code_of(compile_project(tmp_path, files, "trino"), "m") == "select 7 as c"


def test_projects_quoting_is_kept(tmp_path: Path) -> None:
    files = {
        "dbt_project.yml": "name: shop\nversion: '1.0'\nquoting: {identifier: true}\n",
        "models/a.sql": "select 1 as x",
        "models/b.sql": "select * from {{ ref('a') }}",
    }
    result = compile_project(tmp_path, files, "snowflake")

    assert code_of(result, "b") == 'select * from db.sch."a"'
