"""Hooks of seeds, which have no text of their own."""

import json
from pathlib import Path

from tests.cli.conftest import Hw, write_files


def _configure(project: Path, hooks: str) -> None:
    text = f"name: shop\nmodels:\n  shop:\n    +materialized: table\nseeds:\n  {hooks}\n"
    write_files(project, {"dbt_project.yml": text})


def _rows(hw: Hw, sql: str) -> object:
    return hw("sql", sql, "--output", "json").document["rows"]


def test_a_post_hook_changes_the_seed_before_it_is_published(hw: Hw, project: Path) -> None:
    _configure(
        project,
        "+post-hook: ['alter table {{ this }} add column extra int', "
        "'update {{ this }} set extra = 7']",
    )

    ended = hw("seed")

    assert ended.code == 0, ended.err
    assert _rows(hw, "select distinct extra from raw_orders") == [[7]]
    assert _rows(hw, "select count(*) from raw_orders") == [[3]]


def test_readers_may_use_a_column_that_a_hook_adds(hw: Hw, project: Path) -> None:
    _configure(project, "+post-hook: 'alter table {{ this }} add column extra int default 7'")
    write_files(project, {"models/extras.sql": "select extra from {{ ref('raw_orders') }}"})

    ended = hw("build", "--select", "+extras")

    assert ended.code == 0, ended.err


def test_a_pre_hook_of_a_seed_writes_its_own_table(hw: Hw, project: Path) -> None:
    _configure(project, "+pre-hook: 'create table if not exists audit as select 1 as a'")

    hw("seed")

    assert _rows(hw, "select * from audit") == [[1]]


def test_a_changed_hook_loads_the_seed_again(hw: Hw, project: Path) -> None:
    _configure(project, "+post-hook: 'select 1'")
    hw("seed")
    _configure(project, "+post-hook: 'select 2'")

    steps = hw("plan", "--output", "json").document["steps"]

    actions = {step["name"]: step["action"] for step in steps}
    assert actions["raw_orders"] == "rebuild"


def test_the_hook_of_a_seed_may_not_refer_to_other_nodes(hw: Hw, project: Path) -> None:
    _configure(project, "+post-hook: \"select * from {{ ref('revenue') }}\"")

    ended = hw("parse", "--output", "json")

    assert ended.code == 2
    assert "a hook of seed `raw_orders` refers to ref('revenue')" in json.dumps(ended.document)


def test_vacuum_and_analyze_of_a_hook_have_nothing_to_do(hw: Hw, project: Path) -> None:
    _configure(project, "+post-hook: ['vacuum {{ this }}', 'analyze {{ this }}']")

    ended = hw("seed")

    assert ended.code == 0, ended.err
    assert "unsupported syntax" not in ended.err
