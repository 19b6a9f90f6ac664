"""``hw ingest``, as a user calls it."""

import io
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cli.conftest import Hw, write_files
from tests.cli.test_commands import check_schema


def count(hw: Hw, table: str) -> int:
    rows = hw("sql", f"select count(*) as n from {table}", "--output", "json").document["rows"]
    return int(rows[0][0])


def test_a_folder_is_loaded_and_can_be_queried_and_listed(hw: Hw, project: Path) -> None:
    write_files(project, {"in/a.csv": "id\n1\n", "in/b.csv": "id\n2\n3\n"})

    told = hw("ingest", "raw.things", "in", "--dry-run")
    done = hw("ingest", "raw.things", "in")

    assert (told.code, done.code) == (0, 0), done.err
    assert told.out.startswith("shop.raw.things: would load 3 rows of 2 files\n")
    assert "loaded 3 rows of 2 files, version 0" in done.out
    assert "loaded     a.csv  1 rows" in done.err
    assert count(hw, "raw.things") == 3
    assert "shop.raw.things" in hw("table", "list").out


def test_stdin_is_loaded_once(hw: Hw, monkeypatch: pytest.MonkeyPatch) -> None:
    def give() -> None:
        stream = SimpleNamespace(buffer=io.BytesIO(b'{"id": 1}\n{"id": 2}\n'))
        monkeypatch.setattr(sys, "stdin", stream)

    give()
    first = hw("ingest", "things", "-", "--output", "json")
    give()
    again = hw("ingest", "things", "-", "--output", "json")

    check_schema(first.document)
    assert [end["status"] for end in first.document["files"]] == ["loaded"]
    assert [end["status"] for end in again.document["files"]] == ["known"]
    assert count(hw, "things") == 2


def test_bad_rows_exit_with_1_and_are_kept(hw: Hw, project: Path) -> None:
    write_files(project, {"a.csv": "id\n1\n", "b.csv": "id\n2\nx\n"})
    hw("ingest", "things", "a.csv")

    refused = hw("ingest", "things", "b.csv", "--output", "json", "--rejects", "bad.jsonl")
    done = hw("ingest", "things", "b.csv", "--max-rejects", "any")

    assert (refused.code, done.code) == (1, 0)
    check_schema(refused.document)
    assert '"row": "{\\"id\\":\\"x\\"}"' in (project / "bad.jsonl").read_text("utf-8")
    assert "1 bad rows are in" in done.out
    assert count(hw, "things") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("things", "a.csv", "--max-rejects", "few"),
        ("things", "a.csv", "--delimiter", "::"),
        ("things", "a.csv", "--type", "id"),
        ("things", "nope.csv"),
        ("things", "a.xyz"),
        ("a.b.c.d", "a.csv"),
        ("things",),
    ],
)
def test_what_makes_no_sense_exits_with_2(
    hw: Hw, project: Path, arguments: tuple[str, ...]
) -> None:
    write_files(project, {"a.csv": "id\n1\n", "a.xyz": "id\n1\n"})

    assert hw("ingest", *arguments).code == 2


def test_nothing_is_loaded_into_a_view(hw: Hw, project: Path) -> None:
    write_files(project, {"a.csv": "id\n1\n"})
    hw("build")

    ended = hw("ingest", "stg_orders", "a.csv", "--output", "json")

    assert (ended.code, ended.codes) == (2, ["HW6026"])


def test_options_say_what_a_file_does_not(hw: Hw, project: Path) -> None:
    write_files(project, {"data": "id~when\n1~2026-01-01\n"})

    options = ("--format", "csv", "--delimiter", "~", "--type", "when=VARCHAR")
    done = hw("ingest", "things", "data", *options, "--output", "json")

    columns = {column["name"]: column["type"] for column in done.document["columns"]}
    assert columns == {"id": "BIGINT", "when": "VARCHAR"}


def test_a_table_that_was_read_and_is_gone_is_noticed_by_the_next_plan(
    hw: Hw, project: Path
) -> None:
    write_files(
        project,
        {
            "a.csv": "id\n1\n",
            "models/raw.yml": "sources: [{name: raw, tables: [{name: things}]}]\n",
            "models/counted.sql": "select count(*) as n from {{ source('raw', 'things') }}",
        },
    )
    hw("ingest", "raw.things", "a.csv")
    assert hw("build").code == 0

    shutil.rmtree(project / ".headwater/lake/shop/raw/things")
    planned = hw("plan", "--output", "json")
    built = hw("build", "--output", "json")

    assert "HW3003" in planned.codes
    assert built.code != 0
