"""Enforced contracts: columns before anything runs, rows before anything is published."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

PROMISE = """\
models:
  - name: priced
    config: {materialized: %s, contract: {enforced: true}}
%s    columns:
      - name: customer
        data_type: text
        constraints: [{type: not_null}]
      - name: AMOUNT
        data_type: numeric(12, 2)
        constraints: [{type: check, name: positive, expression: "amount > 0"}]
"""
QUERY = "select amount, customer from {{ ref('stg_orders') }}"


def _write(
    project: Path, query: str = QUERY, kind: str = "table", more: str = "", promise: str = PROMISE
) -> None:
    write_files(
        project,
        {"models/priced.sql": query, "models/priced.yml": promise % (kind, more)},
    )


def test_a_contract_that_is_kept_is_built(hw: Hw, project: Path) -> None:
    _write(project)

    ended = hw("build", "--output", "json")

    assert (ended.code, ended.document["status"]) == (0, "success")


def test_every_column_that_differs_is_listed_before_anything_runs(hw: Hw, project: Path) -> None:
    _write(project, "select 1 as customer, 2 as extra")

    ended = hw("build", "--output", "json")
    found = next(d for d in ended.document["diagnostics"] if d["code"] == "HW2237")

    assert ended.code == 2
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in found["why"].splitlines()]
    assert rows[1] == ["column_name", "definition_type", "contract_type", "mismatch_reason"]
    assert rows[3:] == [
        ["AMOUNT", "", "DECIMAL(12,2)", "missing in definition"],
        ["customer", "INTEGER", "VARCHAR", "data type mismatch"],
        ["extra", "INTEGER", "", "missing in contract"],
    ]
    assert not (project / ".headwater/lake").exists()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("select null::varchar as customer, 1::decimal(12, 2) as amount", "not_null (customer)"),
        ("select 'ada' as customer, -1::decimal(12, 2) as amount", "check positive"),
    ],
)
def test_rows_that_break_a_constraint_are_not_published(
    hw: Hw, project: Path, row: str, told: str
) -> None:
    _write(project)
    hw("build")
    _write(project, f"{QUERY} union all by name {row}")

    ended = hw("build", "--output", "json")
    result = next(r for r in ended.document["results"] if r["name"] == "priced")

    assert (ended.code, result["status"]) == (1, "error")
    assert f"{told}: 1 rows" in result["message"]
    assert result["diagnostic"]["name"] == "constraint-violated"
    count = hw("sql", "select count(*) from priced", "--output", "json").document
    assert count["rows"] == [[3]]


def test_an_increment_that_breaks_a_constraint_is_not_published(hw: Hw, project: Path) -> None:
    more = "materialized: incremental, on_schema_change: fail"
    query = (
        "select 'ada' as customer, {% if is_incremental() %}-1{% else %}1{% endif %}"
        "::decimal(12, 2) as amount"
    )
    promise = PROMISE.replace("materialized: %s", more).replace("\n%s", "\n%s%s")
    _write(project, query, "", promise=promise)
    first = hw("build", "--select", "priced")
    again = hw("build", "--select", "priced", "--force", "--output", "json")

    assert first.code == 0, first.err
    assert again.code == 1
    assert "check positive" in again.document["results"][0]["message"]


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        ("ephemeral", PROMISE),
        ("incremental", PROMISE),
        ("table", PROMISE.replace("        data_type: text\n", "")),
        ("table", PROMISE.partition("    columns:")[0]),
    ],
)
def test_a_contract_that_could_not_be_checked_is_refused(
    hw: Hw, project: Path, kind: str, promise: str
) -> None:
    _write(project, kind=kind, promise=promise)

    ended = hw("plan", "--output", "json")

    assert (ended.code, "HW2238" in ended.codes) == (2, True)


def test_keys_warn_unless_a_test_proves_them(hw: Hw, project: Path) -> None:
    key = "    constraints: [{type: primary_key, columns: [customer]}]\n"
    _write(project, more=key)
    bare = hw("plan", "--output", "json")
    proved = PROMISE.replace("data_type: text", "data_type: text\n        data_tests: [unique]")
    _write(project, more=key, promise=proved)
    tested = hw("plan", "--output", "json")

    assert ("HW3011" in bare.codes, "HW3011" in tested.codes) == (True, False)


def test_breaking_a_deployed_contract_is_told_by_the_plan(hw: Hw, project: Path) -> None:
    _write(project)
    hw("build")
    promise = PROMISE.replace("numeric(12, 2)", "double")
    _write(project, QUERY.replace("amount", "amount::double as amount"), promise=promise)

    ended = hw("plan", "--output", "json")
    found = next(d for d in ended.document["diagnostics"] if d["code"] == "HW3012")

    assert "column amount: DECIMAL(12,2) -> DOUBLE" in found["what"]


def test_a_contract_over_what_is_not_known_yet_is_only_warned_of(hw: Hw, project: Path) -> None:
    source = "sources: [{name: raw, tables: [{name: absent}]}]\n"
    write_files(project, {"models/sources.yml": source})
    _write(project, "select * from {{ source('raw', 'absent') }}")

    ended = hw("check", "--output", "json")

    assert {d["name"] for d in ended.document["diagnostics"]} == {"contract-not-checked"}
