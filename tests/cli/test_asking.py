"""``hw sql``, ``hw config show``, ``hw check --select``: what is asked, and faults in asking."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

from headwater.base.spans import offset_of, span_at


@pytest.mark.parametrize("statement", ["show tables", "SHOW TABLES;"])
def test_show_tables_lists_tables_and_views(hw: Hw, project: Path, statement: str) -> None:
    hw("build")

    shown = hw("sql", statement, "--output", "json").document

    assert [column["name"] for column in shown["columns"]] == ["catalog", "schema", "name", "kind"]
    assert ["shop", "main", "revenue", "table"] in shown["rows"]
    assert ["shop", "main", "stg_orders", "view"] in shown["rows"]


@pytest.mark.parametrize(
    ("query", "code", "column"),
    [
        ("selec 1", "HW6503", 1),
        ("select 1 +", "HW2101", 10),
        ("select nope from revenue", "HW6503", 8),
        ("select 1 from revenue r join revenue s on r.customer = nix", "HW6503", 56),
        ("select * from revenue@v", "HW2101", 22),
        ("select * from revenue@vx", "HW2101", 22),
    ],
)
def test_a_fault_in_a_query_is_one_of_usage_and_shows_its_place(
    hw: Hw, query: str, code: str, column: int
) -> None:
    hw("build")

    ended = hw("sql", query, "--output", "json")

    [fault] = ended.document["diagnostics"]
    assert (ended.code, fault["code"]) == (2, code)
    assert (fault["where"]["file"], fault["where"]["column"]) == ("<sql>", column)
    lines = ended.err.splitlines()
    shown = next(place for place, line in enumerate(lines) if line.endswith(query))
    assert lines[shown + 1].index("^") - lines[shown].index(query) == column - 1


def test_the_place_of_a_fault_in_a_long_query_is_that_of_the_text_as_typed(hw: Hw) -> None:
    hw("build")
    query = "select 1\nfrom revenue -- first\njoin revenue as other on true\nwhere broken = 1"

    [fault] = hw("sql", query, "--output", "json").document["diagnostics"]

    assert (fault["where"]["line"], fault["where"]["column"]) == (4, 7)


@pytest.mark.parametrize("offset", range(12))
def test_offset_and_place_are_each_others_reverse(offset: int) -> None:
    text = "ab\n\ncdef\ngh\n"
    span = span_at("f", text, offset)

    assert offset_of(text, span.line, span.column) == offset


def test_config_show_says_what_is_in_force(hw: Hw) -> None:
    shown = hw("config", "show", "--threads", "3", "--output", "json").document["settings"]

    found = {row["name"]: (row["value"], row["origin"]) for row in shown}
    assert found["threads"] == (3, "flag")
    assert found["target"] == ("default", "default")
    assert found["catalog"] == ("shop", "default")
    assert str(found["lake"][0]).endswith(".headwater/lake")


def test_check_of_a_selection_leaves_other_nodes_findings_out(hw: Hw, project: Path) -> None:
    write_files(project, {"models/faulty.sql": "select nope from {{ ref('stg_orders') }}"})

    whole, chosen = (
        hw("check", "--output", "json"),
        hw("check", "-s", "revenue", "--output", "json"),
    )

    assert (whole.code, chosen.code) == (2, 0)
    assert chosen.document["nodes"] > 0
    assert chosen.document["diagnostics"] == []


def test_compile_as_a_full_refresh_would(hw: Hw, project: Path) -> None:
    write_files(project, {"models/asks.sql": "select {{ flags.FULL_REFRESH }} as refreshed"})

    plain = hw("compile", "-s", "asks")
    full = hw("compile", "-s", "asks", "--full-refresh")

    assert (plain.out.strip(), full.out.strip()) == (
        "select False as refreshed",
        "select True as refreshed",
    )


@pytest.mark.parametrize("verb", ["plan", "build", "seed", "debug"])
def test_nothing_is_made_in_a_folder_that_is_no_project(
    hw: Hw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    ended = hw(verb)

    assert ended.code == 2
    assert "there is no `dbt_project.yml`" in ended.out + ended.err
    assert list(empty.iterdir()) == []


def test_paths_can_be_queried_outside_of_a_project(
    hw: Hw, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hw("build")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    path = project / ".headwater/lake/shop/main/revenue"

    ended = hw("sql", f"select count(*) from delta.`{path}`", "--output", "json")

    assert ended.document["rows"] == [[2]]
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "said"),
    [("--project-dir", "there is no folder"), ("--profiles-dir", "there is no folder")],
)
def test_a_folder_that_is_not_there_is_named(
    hw: Hw, tmp_path: Path, option: str, said: str
) -> None:
    ended = hw("plan", option, str(tmp_path / "nowhere"))

    assert ended.code == 2
    assert said in ended.err
    assert str(tmp_path / "nowhere") in ended.err
    assert not (tmp_path / "nowhere").exists()


def test_progress_calls_tests_by_what_they_test(hw: Hw) -> None:
    ended = hw("build")

    lines = [line.split()[1:3] for line in ended.err.splitlines() if line.lstrip()[:1].isdigit()]
    assert ["success", "revenue"] in lines
    assert ["pass", "revenue.unique(customer)"] in lines


def test_a_query_is_shown_as_it_stands(hw: Hw) -> None:
    hw("build")

    ended = hw("show", "--inline-direct", "select '{{ x }}' as text", "--output", "json")

    assert ended.document["rows"] == [["{{ x }}"]]
