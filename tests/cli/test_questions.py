"""Questions in SQL and their faults: what there is, and what is wrong with a text and where."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw


@pytest.fixture
def built(hw: Hw) -> Hw:
    """Build the project first."""
    assert hw("build").code == 0
    return hw


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("show tables", ["raw_orders", "revenue", "stg_orders"]),
        ("SHOW TABLES;", ["raw_orders", "revenue", "stg_orders"]),
        ("show all tables", ["raw_orders", "revenue", "stg_orders"]),
        ("show views", ["stg_orders"]),
        ("show tables from main", ["raw_orders", "revenue", "stg_orders"]),
        ("show tables in nowhere", []),
        ("describe", ["raw_orders", "revenue", "stg_orders"]),
    ],
)
def test_what_there_is_can_be_asked_in_sql(built: Hw, query: str, expected: list[str]) -> None:
    document = built("sql", query, "--output", "json").document

    place = [column["name"] for column in document["columns"]].index("name")
    assert [row[place] for row in document["rows"]] == expected


@pytest.mark.parametrize("query", ["show schemas", "show catalogs", "show databases"])
def test_schemas_and_catalogs_are_the_projects(built: Hw, query: str) -> None:
    assert built("sql", query, "--output", "json").document["rows"][0][0] == "shop"


@pytest.mark.parametrize(
    "query",
    ["describe revenue", "desc main.revenue", "show revenue", "show columns from revenue;",
     'describe table "revenue"'],
)  # fmt: skip
def test_every_way_to_ask_for_columns_is_understood(built: Hw, query: str) -> None:
    rows = built("sql", query, "--output", "json").document["rows"]

    assert [row[0] for row in rows] == ["customer", "revenue", "orders"]


def test_rows_may_be_asked_for_by_from_alone(built: Hw) -> None:
    assert len(built("sql", "from revenue", "--output", "json").document["rows"]) == 2


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [
        ("selec 1", "HW6503", (1, 1)),
        ("select * from revenue where", "HW2101", (1, 23)),
        ("select nope from revenue", "HW6503", (1, 8)),
        ("select 1\nfrom revenue r\njoin stg_orders s on r.customer = s.nope", "HW6503", (3, 35)),
        ("select customer from main.revenue where\n nope = 1", "HW6503", (2, 2)),
        ("select * from revenue@v", "HW2101", (1, 22)),
        ("select * from revenue@3", "HW2101", (1, 22)),
        ("select * from revenue@", "HW2101", (1, 22)),
        ("select * from revenue r@v0", "HW2101", (1, 24)),
        ("select * from revenue r version as of 0", "HW2101", (1, 25)),
        ("select 1 / cast('a' as int)", "HW6503", None),
        ("select * from revenu", "HW7101", None),
        ("select * from '/etc/passwd'", "HW8054", None),
        ("select * from revenue version as of 99", "HW6002", None),
        ("drop table revenue", "HW6517", None),
        ("select 1; select 2", "HW6517", None),
        ("", "HW6517", None),
    ],
)
def test_a_fault_of_a_query_exits_with_2_and_shows_its_place(
    built: Hw, query: str, code: str, place: tuple[int, int] | None
) -> None:
    ended = built("sql", query, "--output", "json")

    assert ended.code == 2
    [found] = ended.document["diagnostics"]
    assert found["code"] == code
    if place is not None:
        assert (found["where"]["line"], found["where"]["column"]) == place
        line = query.splitlines()[place[0] - 1]
        assert f" {place[0]} | {line}" in ended.err


def test_a_folder_that_is_a_delta_table_is_told_how_to_query_it(built: Hw, project: Path) -> None:
    path = project / ".headwater/lake/shop/main/revenue"

    ended = built("sql", f"select * from '{path}'")

    assert ended.code == 2
    assert f"delta.`{path}`" in ended.err


def test_no_library_shows_through_a_syntax_error(built: Hw) -> None:
    assert "sqlglot" not in built("sql", "select * from revenue where").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "--project-dir", "/nope"), ("folder-not-found", "/nope", "--project-dir")),
        (("plan", "--profiles-dir", "/nope"), ("folder-not-found", "/nope", "--profiles-dir")),
        (("plan", "--project-dir", "dbt_project.yml"), ("folder-not-found", "is a file")),
        (("sql", "-f", "nope.sql"), ("file-unusable", "nope.sql", "no such file")),
        (("sql", "-f", "models"), ("file-unusable", "models", "folder")),
        (("apply", "models"), ("file-unusable", "models", "folder")),
        (("plan", "-o", "nope/plan.json"), ("file-unusable", "nope/plan.json", "mkdir")),
        (("plan", "-o", "models"), ("file-unusable", "models", "folder")),
        (("sql", "-f", "latin.sql"), ("file-unusable", "UTF-8")),
    ],
)
def test_a_path_that_cannot_be_used_is_named(
    hw: Hw, project: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    (project / "latin.sql").write_bytes(b"select '\xe9'")

    ended = hw(*arguments)

    assert ended.code == 2
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.err
