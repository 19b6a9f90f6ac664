"""Environment variables, `.env` and ``flags:`` in place of options."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw

from headwater.cli.environment import option_values, parse_env_file, with_engine_names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nexport B = two words # a comment\n", {"A": "1", "B": "two words"}),
        ("A='${B} #'\nB=\"x\\ny\"\n", {"A": "${B} #", "B": "x\ny"}),
        ("A=1\nB=${A}/${C}/${D:-d}\n", {"A": "1", "B": "1/set/d"}),
        ("A=\nA=x#y\n", {"A": "x#y"}),
        ("# A=1\nnot a line\n=1\n1A=2\nA\n", {}),
        ("", {}),
    ],
)
def test_an_env_file_is_read_line_by_line(text: str, expected: dict[str, str]) -> None:
    assert parse_env_file(text, {"C": "set"}) == expected


def test_a_long_env_file_is_read_in_linear_time() -> None:
    text = "A=" + '"' * 50_000 + "\n" + "B=" + " #" * 50_000

    assert set(parse_env_file(text, {})) <= {"A", "B"}


def test_newer_names_of_dbt_win_over_the_older() -> None:
    environment = with_engine_names({"DBT_ENGINE_TARGET": "prod", "DBT_TARGET": "dev"})

    assert environment["DBT_TARGET"] == "prod"


def test_variables_win_over_flags_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "name: shop\nflags:\n  fail_fast: true\n  indirect_selection: cautious\n  other: 1\n"
    )

    values = option_values(
        {"DBT_INDIRECT_SELECTION": "empty", "DBT_RESOURCE_TYPES": "model seed"}, str(tmp_path)
    )

    assert values == {
        "fail_fast": True,
        "indirect_selection": "empty",
        "resource_type": ["model", "seed"],
    }


def test_options_come_from_the_environment_the_env_file_and_the_project(
    hw: Hw, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    everything = hw("ls").out.split()
    (project / ".env").write_text("DBT_ENGINE_RESOURCE_TYPES=seed\nDBT_SCHEMA_=x\n")

    from_file = hw("ls").out.split()
    monkeypatch.setenv("DBT_RESOURCE_TYPES", "model")
    from_environment = hw("ls").out.split()

    assert from_file == hw("ls", "--resource-type", "seed").out.split()
    assert from_environment == hw("ls", "--resource-type", "model").out.split()
    assert len({*from_file, *from_environment}) < len(everything)


def test_a_variable_that_is_no_value_of_its_option_is_said(
    hw: Hw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_FULL_REFRESH", "perhaps")

    ended = hw("build")

    assert ended.code == 2
    assert "perhaps" in ended.err


def test_folders_of_the_project_file_may_ask_for_variables(
    hw: Hw, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "dbt_project.yml"
    folders = """
model-paths: ["{{ env_var('MODELS', 'models') }}"]
packages-install-path: "{{ var('packages', 'installed') }}"
target-path: "{{ env_var('ARTIFACTS') }}"
"""
    file.write_text(file.read_text() + folders)
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "only.sql").write_text("select 1 as id")
    (project / "installed" / "other").mkdir(parents=True)
    (project / "installed" / "other" / "dbt_project.yml").write_text("name: other\nprofile: x\n")

    unset = hw("ls", "--resource-type", "model")
    monkeypatch.setenv("ARTIFACTS", "made")
    usual = hw("ls", "--resource-type", "model").out.split()
    monkeypatch.setenv("MODELS", "elsewhere")
    there = hw("ls", "--resource-type", "model").out.split()
    parsed = hw("parse")

    assert unset.code == 2
    assert "ARTIFACTS" in unset.err
    assert len(usual) > 1
    assert there == ["shop.only"]
    assert parsed.code == 0
    assert (project / "made" / "manifest.json").is_file()


def test_projects_with_one_workspace_see_each_other_s_tables_and_views(
    hw: Hw, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    monkeypatch.setenv("HEADWATER_WORKSPACE", str(shared))
    (project / "models" / "seen.sql").write_text("{{ config(materialized='view') }} select 7 as n")
    hw("build", "--select", "seen")
    other = tmp_path / "other"
    other.mkdir()
    (other / "dbt_project.yml").write_text("name: other\nprofile: x\n")
    (other / "macros").mkdir()
    (other / "macros" / "ask.sql").write_text(
        "{% macro ask() %}{% set n = run_query('select n from shop.main.seen') %}"
        "{% do log(n.columns[0].values()[0], info=true) %}{% endmacro %}"
    )

    asked = hw("run-operation", "ask", "--project-dir", str(other))

    assert (asked.code, asked.out.strip()) == (0, "7")
    assert not (project / ".headwater").exists()
    assert (shared / "workspace.db").is_file()
