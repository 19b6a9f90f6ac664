"""``hw table optimize | vacuum | checkpoint | restore``, as a user calls them."""

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import FILES, Hw, write_files
from tests.cli.test_commands import check_schema
from tests.runs.mapping import make_mapped

KEPT = """\
{{ config(materialized='incremental') }}
select * from {{ ref('raw_orders') }}
{% if is_incremental() %}where order_id > (select max(order_id) from {{ this }}){% endif %}
"""
SEED = FILES["seeds/raw_orders.csv"]


def load_twice(hw: Hw) -> None:
    """Give the seed's table a second version."""
    assert hw("build").code == 0
    assert hw("build", "--full-refresh", "-s", "raw_orders").code == 0


def test_compacting_leaves_nothing_to_plan(hw: Hw, project: Path) -> None:
    write_files(project, {"seeds/raw_orders.csv": SEED, "models/kept.sql": KEPT})
    assert hw("build").code == 0
    write_files(project, {"seeds/raw_orders.csv": SEED + "4,zoe,1.0\n"})
    assert hw("build").code == 0

    told = hw("table", "optimize", "kept")
    planned = hw("plan", "--output", "json")

    assert told.code == 0, told.err
    assert told.out.startswith("version 2: 2 files of ")
    assert {step["kind"] for step in planned.document["steps"]} == {"skip"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("optimize", "raw_orders"),
        ("optimize", "raw_orders", "--dry-run"),
        ("vacuum", "raw_orders", "--retain-hours", "0", "--force"),
        ("vacuum", "raw_orders", "--delete"),
        ("checkpoint", "raw_orders"),
        ("fsck", "raw_orders"),
        ("fsck", "raw_orders", "--deep"),
        ("restore", "raw_orders", "--version", "0"),
        ("restore", "raw_orders", "--timestamp", "2999-01-01"),
    ],
)
def test_each_verb_writes_one_document(hw: Hw, arguments: tuple[str, ...]) -> None:
    load_twice(hw)

    ended = hw("table", *arguments, "--output", "json")

    assert ended.code == 0, ended.err
    check_schema(ended.document)
    assert ended.document["table"] == "shop.main.raw_orders"


def test_old_files_are_listed_then_deleted_then_gone(hw: Hw, project: Path) -> None:
    load_twice(hw)
    options = ("vacuum", "raw_orders", "--retain-hours", "0", "--force")

    listed = hw("table", *options)
    deleted = hw("table", *options, "--delete")
    after = hw("sql", "select count(*) as n from raw_orders", "--output", "json")

    assert listed.out.startswith("would delete 1 file, ")
    assert deleted.out.startswith("deleted 1 file, ")
    assert after.document["rows"] == [[3]]
    assert len(list(project.rglob("raw_orders/*.parquet"))) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("vacuum", "raw_orders", "--retain-hours", "0"), "HW6021"),
        (("restore", "raw_orders"), ""),
        (("restore", "raw_orders", "--version", "7"), "HW6002"),
        (("restore", "raw_orders", "--timestamp", "soon"), ""),
        (("optimize", "raw_orders", "--file-size", "big"), ""),
        (("optimize", "nobody"), ""),
    ],
)
def test_what_cannot_be_done_exits_with_2(hw: Hw, arguments: tuple[str, ...], code: str) -> None:
    load_twice(hw)

    ended = hw("table", *arguments, "--output", "json")

    assert ended.code == 2
    assert code in {"", *ended.codes}


def test_verbs_in_a_copy_of_a_project_leave_the_tables_of_the_first_alone(
    hw: Hw, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hw("build").code == 0
    copy = project.parent / "copied"
    shutil.copytree(project, copy)
    monkeypatch.chdir(copy)

    described = hw("table", "describe", "raw_orders", "--output", "json").document
    assert hw("table", "checkpoint", "raw_orders").code == 0

    assert str(described).count(str(copy)) == 1
    assert not list(project.glob(".headwater/lake/**/*.checkpoint.parquet"))
    assert len(list(copy.glob(".headwater/lake/**/*.checkpoint.parquet"))) == 1


def test_a_table_whose_folder_was_removed_can_be_forgotten(hw: Hw, project: Path) -> None:
    load_twice(hw)
    described = hw("table", "describe", "raw_orders", "--output", "json").document
    shutil.rmtree(described["table"]["location"])

    told = hw("sql", "select * from raw_orders")
    done = hw("table", "forget", "raw_orders", "--output", "json")
    listed = hw("table", "list").out

    assert "hw table forget" in told.err
    check_schema(done.document)
    assert (done.code, done.document["verb"]) == (0, "forget")
    assert "raw_orders" not in listed


def test_columns_of_a_mapped_table_are_renamed_and_dropped(hw: Hw) -> None:
    load_twice(hw)
    location = hw("table", "describe", "raw_orders", "--output", "json").document["table"][
        "location"
    ]
    plain = hw("table", "rename-column", "raw_orders", "order_id", "id")
    shutil.rmtree(location)
    make_mapped(Path(location), "name")

    renamed = hw("table", "rename-column", "raw_orders", "word", "text", "--output", "json")
    dropped = hw("table", "drop-column", "raw_orders", "nested")

    assert (plain.code, "columns-not-mapped" in plain.err) == (2, True)
    check_schema(renamed.document)
    assert (renamed.document["verb"], renamed.document["version"]) == ("rename-column", 1)
    assert dropped.out == "version 2: `nested` is dropped\n"
    assert "old 3" in hw("sql", "select text from raw_orders").out


def append_often(hw: Hw, project: Path) -> None:
    """Leave a table with nine small files."""
    sql = "{{ config(materialized='incremental') }} select 1 as id"
    write_files(project, {"models/kept.sql": sql})
    for _ in range(9):
        assert hw("build", "--force", "-s", "kept").code == 0


def files_of(hw: Hw, name: str) -> int:
    return int(hw("table", "describe", name, "--output", "json").document["table"]["files"])


def test_a_plan_says_which_upkeep_pays_and_a_build_does_it_when_asked(
    hw: Hw, project: Path
) -> None:
    append_often(hw, project)

    told = hw("plan", "-s", "kept")
    proposed = hw("build", "-s", "kept")
    left = files_of(hw, "kept")
    write_files(project, {"headwater.yml": "upkeep: auto\n"})
    done = hw("build", "-s", "kept")
    after = hw("plan", "-s", "kept", "--output", "json").document

    said = " ".join(told.out.split())  # where lines break depends on the figures
    assert "9 files that would be 1" in said
    assert "hw table upkeep --do does it" in said
    assert (told.code, proposed.code, left) == (0, 0, 9)
    assert "upkeep: optimize shop.main.kept" in done.err
    assert (done.code, files_of(hw, "kept")) == (0, 1)
    assert after["upkeep"] == {"proposals": [], "does": True}
    assert {step["kind"] for step in after["steps"]} == {"skip"}


def test_upkeep_can_be_left_out_of_plans(hw: Hw, project: Path) -> None:
    append_often(hw, project)

    write_files(project, {"headwater.yml": "upkeep: off\n"})
    silent = hw("plan", "-s", "kept")
    write_files(project, {"headwater.yml": "upkeep: sometimes\n"})
    wrong = hw("plan")

    assert "upkeep" not in silent.out
    assert (wrong.code, "setting-invalid" in wrong.err) == (2, True)


def test_clustering_by_nothing_is_no_way_to_ask(hw: Hw) -> None:
    load_twice(hw)

    for columns in ("", "order_id,", ","):
        ended = hw("table", "optimize", "raw_orders", "--cluster-by", columns)
        assert (ended.code, "usage-invalid" in ended.err) == (2, True)
