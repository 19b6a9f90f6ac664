"""``hw migrate plan`` as a user calls it, and what Headwater does then beside what it said."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files
from tests.cli.test_commands import check_schema

KEPT = """\
{{{{ config(materialized='incremental', on_schema_change='{mode}') }}}}
select {columns} from {{{{ ref('raw_orders') }}}}
{{% if is_incremental() %}}where order_id > (select max(order_id) from {{{{ this }}}}){{% endif %}}
"""
SEED = "order_id,customer,amount\n1,ada,2.5\n2,bob,4.0\n3,cy,1.5\n"


@pytest.fixture
def built(hw: Hw, project: Path) -> Hw:
    write_kept(project, "order_id::int as id, customer, amount, order_id")
    assert hw("build").code == 0
    return hw


def write_kept(project: Path, columns: str, seed: str = SEED) -> None:
    text = KEPT.format(mode="sync_all_columns", columns=columns)
    reader = "select id, upper(customer) as name from {{ ref('kept') }}\n"
    write_files(
        project,
        {
            "seeds/raw_orders.csv": seed,
            "models/kept.sql": text,
            "models/reader.sql": reader,
            "models/uses.yml": "exposures:\n  - name: pane\n    type: dashboard\n"
            "    owner: {name: ann}\n    depends_on: [ref('reader')]\n",
        },
    )


def effort(hw: Hw, *arguments: str) -> str:
    ended = hw("migrate", "plan", "kept", *arguments, "--output", "json")
    assert ended.code == 0, ended.err
    check_schema(ended.document)
    return str(ended.document["engines"][0]["effort"])


def test_a_plan_says_what_a_drop_would_write_and_whom_it_breaks(built: Hw) -> None:
    ended = built("migrate", "plan", "kept", "--drop", "customer", "--output", "json")

    ours, spark = ended.document["engines"]
    assert (ours["effort"], spark["effort"]) == ("rewrite", "metadata")
    assert ours["bytes_read"]["value"] == ended.document["size_bytes"]
    assert [(each["node"], each["effect"]) for each in ended.document["affected"]] == [
        ("model.shop.reader", "breaks"),
        ("exposure.shop.pane", "breaks"),
    ]


def test_people_read_the_same(built: Hw) -> None:
    ended = built("migrate", "plan", "kept", "--retype", "id=BIGINT", "--add", "note VARCHAR")

    assert ended.code == 0, ended.err
    assert "give `id` the type BIGINT" in ended.out
    assert "headwater  rewrite: every file holds INTEGER" in ended.out
    assert "spark      metadata, after typeWidening: " in ended.out
    assert "back: `hw table restore kept --version 0`" in ended.out


def test_no_data_is_read(built: Hw, project: Path) -> None:
    for file in project.rglob("kept/*.parquet"):
        file.unlink()

    assert effort(built, "--rename", "customer=client") == "rewrite"
    assert effort(built, "--not-null", "customer") == "metadata"


def test_nothing_is_changed(built: Hw) -> None:
    effort(built, "--drop", "customer")

    planned = built("plan", "--output", "json")

    assert {step["kind"] for step in planned.document["steps"]} == {"skip"}


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (
            ("--add", "day DATE"),
            "order_id::int as id, customer, amount, order_id, null::date as day",
        ),
        (("--retype", "id=BIGINT"), "order_id::bigint as id, customer, amount, order_id"),
        (("--drop", "customer"), "order_id::int as id, amount, order_id"),
    ],
)
def test_what_a_build_does_is_what_was_said(
    built: Hw, project: Path, arguments: tuple[str, ...], columns: str
) -> None:
    said = effort(built, *arguments)
    before = active_files(project)

    write_kept(project, columns, SEED + "4,dee,9.5\n")
    reader = "select id from {{ ref('kept') }}\n"
    write_files(project, {"models/reader.sql": reader, "models/uses.yml": "version: 2\n"})
    ended = built("build", "--output", "json")

    assert ended.code == 0, ended.err
    assert (before <= active_files(project)) == (said == "metadata")


def active_files(project: Path) -> set[str]:
    """Return the files that the table has by its log."""
    found: set[str] = set()
    [log] = project.rglob("kept/_delta_log")
    for entry in sorted(log.glob("*.json")):
        for line in map(json.loads, entry.read_text(encoding="utf-8").splitlines()):
            found |= {line["add"]["path"]} if "add" in line else set()
            found -= {line["remove"]["path"]} if "remove" in line else set()
    return found


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "migration-empty"),
        (("--add", "note"), "usage-invalid"),
        (("--rename", "note"), "usage-invalid"),
        (("--retype", "id="), "usage-invalid"),
        (("--enable", "magic"), "usage-invalid"),
    ],
)
def test_what_cannot_be_read_is_refused(built: Hw, arguments: tuple[str, ...], code: str) -> None:
    ended = built("migrate", "plan", "kept", *arguments)

    assert (ended.code, f"error[{code}]" in ended.err) == (2, True)


def test_a_table_that_is_not_there_is_not_found(built: Hw) -> None:
    ended = built("migrate", "plan", "nowhere", "--drop", "id")

    assert (ended.code, "relation-not-found" in ended.err) == (2, True)
