"""What dbt's options of its verbs do here, apart from those that build."""

import json
import shutil
from pathlib import Path

from tests.cli.conftest import Hw, write_files


def test_documents_may_read_another_targets_tables(hw: Hw, project: Path) -> None:
    hw("build")
    shutil.copytree(project / "target", project / "state")
    profile = "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, schema: elsewhere}\n"
    write_files(project, {"profiles.yml": profile})

    ended = hw("docs", "generate", "--defer", "--state", "state", "--select", "revenue")

    document = json.loads((project / "target/manifest.json").read_text())
    assert ended.code == 0, ended.err
    assert '"main"."stg_orders"' in document["nodes"]["model.shop.revenue"]["compiled_code"]


def test_compile_may_leave_ephemeral_models_out(hw: Hw, project: Path) -> None:
    ephemeral = "{{ config(materialized='ephemeral') }} select 1 as a"
    reader = "select * from {{ ref('one') }}"
    write_files(project, {"models/one.sql": ephemeral, "models/two.sql": reader})

    whole = hw("compile", "--select", "two").out
    bare = hw("compile", "--select", "two", "--no-inject-ephemeral-ctes").out

    assert "select 1 as a" in whole
    assert bare == "select * from __dbt__cte__one\n"


def test_debug_may_try_only_the_connection(hw: Hw) -> None:
    document = hw("debug", "--connection", "--output", "json").document

    assert [check["name"] for check in document["checks"]] == ["profile", "lake", "engine", "query"]


def test_clone_takes_dbts_option_to_defer(hw: Hw, project: Path) -> None:
    hw("build")
    shutil.copytree(project / "target", project / "state")

    assert hw("clone", "--defer", "--state", "state").code == 0


def test_tests_below_the_wrong_kind_of_node_run_all_the_same(hw: Hw, project: Path) -> None:
    text = (
        "models:\n  - name: raw_orders\n    columns:\n      - {name: order_id, tests: [unique]}\n"
    )
    write_files(project, {"models/wrong.yml": text})

    listed = hw("ls", "--select", "raw_orders", "--resource-type", "test")

    assert listed.out.split() == ["shop.unique_raw_orders_order_id"]
    assert "Its tests run on the seed of that name" in hw("check").err
