"""Python models: read without being run, run under the same gates as every other model."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

HEAD = "def model(dbt, session):\n"
LARGE = "dbt.ref('stg_orders').filter('amount > 3')"


def _rows(hw: Hw, query: str) -> list[list[object]]:
    rows: list[list[object]] = hw("sql", query, "--output", "json").document["rows"]
    return rows


@pytest.mark.parametrize(
    ("needs", "body"),
    [
        ("duckdb", f"return {LARGE}"),
        ("duckdb", "return dbt.ref('shop', 'stg_orders').filter('amount > 3')"),
        ("duckdb", "return session.sql('select 5 as amount union all select 6')"),
        ("polars", "import polars; return polars.DataFrame({'amount': [5, 6]})"),
        pytest.param("pandas", f"return {LARGE}.df()", marks=pytest.mark.slow),
        pytest.param("pyarrow", f"return {LARGE}.pl()", marks=pytest.mark.slow),
        pytest.param("pyarrow", f"return {LARGE}.to_arrow_table()", marks=pytest.mark.slow),
    ],
)
def test_a_model_returns_what_the_engine_can_read(
    hw: Hw, project: Path, needs: str, body: str
) -> None:
    pytest.importorskip(needs, reason=f"needs {needs}: ./dev setup --dev --group slow")
    write_files(
        project,
        {
            "models/large.py": f"{HEAD}    {body}\n",
            "models/after.sql": "select count(*) as n from {{ ref('large') }}",
        },
    )

    ended = hw("build")
    again = hw("plan", "--output", "json").document

    assert ended.code == 0, ended.err
    assert _rows(hw, "select n from after") == [[2]]
    assert (project / "target/compiled/shop/models/large.py").is_file()
    assert {step["action"] for step in again["steps"]} == {"skip"}


def test_an_incremental_python_model_adds_to_its_table(hw: Hw, project: Path) -> None:
    text = HEAD + (
        "    dbt.config(materialized='incremental', unique_key='id')\n"
        "    dbt.config(answer=42, meta={'step': 42})\n"
        "    if dbt.is_incremental:\n"
        "        return session.sql(f'select max(id) + 1 as id, 0 as answer from {dbt.this}')\n"
        "    answer = min(dbt.config.get('answer'), dbt.config.meta_require('step'))\n"
        "    return session.sql(f'select 1 as id, {answer} as answer')\n"
    )
    write_files(project, {"models/grows.py": text})

    hw("build", "--select", "grows")
    ended = hw("build", "--select", "grows", "--force")

    assert ended.code == 0, ended.err
    assert _rows(hw, "select * from grows order by id") == [[1, 42], [2, 0]]


def test_tests_gate_a_python_model(hw: Hw, project: Path) -> None:
    properties = "models: [{name: p, columns: [{name: a, data_tests: [not_null]}]}]\n"
    write_files(
        project,
        {
            "models/p.py": f"{HEAD}    return session.sql('select null::int as a')\n",
            "models/p.yml": properties,
        },
    )

    ended = hw("build", "--select", "p")

    assert ended.code == 1
    assert hw("sql", "select * from p").code != 0


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise ValueError('no')", "in line 2: ValueError: no"),
        ("return 42", "python-model-failed"),
        ("import not_there", "ModuleNotFoundError"),
    ],
)
def test_a_failing_model_is_told_by_its_line(hw: Hw, project: Path, body: str, told: str) -> None:
    write_files(project, {"models/p.py": f"{HEAD}    {body}\n"})

    ended = hw("build", "--select", "p", "--output", "json")

    assert ended.code == 1
    assert told in ended.out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def model(dbt):\n    return 1\n", 1),
        ("x = 1\n", 1),
        (f"{HEAD}    return dbt.ref(name)\n", 2),
        (f"{HEAD}    return dbt.ref(\n", 2),
    ],
)
def test_a_file_that_is_no_model_is_refused_without_running(
    hw: Hw, project: Path, text: str, line: int
) -> None:
    write_files(project, {"models/p.py": text})

    ended = hw("plan", "--output", "json")
    found = [d for d in ended.document["diagnostics"] if d["code"] == "HW1011"]

    assert [(d["where"]["file"], d["where"]["line"]) for d in found] == [("models/p.py", line)]


def test_a_python_model_cannot_be_ephemeral(hw: Hw, project: Path) -> None:
    text = f"{HEAD}    dbt.config(materialized='ephemeral')\n    return 1\n"
    write_files(project, {"models/p.py": text})

    ended = hw("plan", "--output", "json")

    assert "python-model-not-built" in {d["name"] for d in ended.document["diagnostics"]}


def test_hooks_of_a_python_model_run_around_it(hw: Hw, project: Path) -> None:
    text = HEAD + (
        "    dbt.config(materialized='table', pre_hook='create table before_it as select 1 as a',\n"
        "        post_hook='update {{ this }} set b = 9')\n"
        "    return session.sql('select 2 as b')\n"
    )
    write_files(project, {"models/hooked.py": text})

    ended = hw("run", "--select", "hooked")

    assert ended.code == 0, ended.err
    assert _rows(hw, "select a, b from before_it, hooked") == [[1, 9]]
