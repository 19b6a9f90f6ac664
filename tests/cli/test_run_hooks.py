"""on-run-start and on-run-end: shown by the plan, run with the run, never writing a table."""

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Hw, write_files

PROJECT = "name: shop\nmodels:\n  shop:\n    +materialized: table\n"


def _write(project: Path, hooks: str, **files: str) -> None:
    write_files(project, {"dbt_project.yml": PROJECT + hooks, **files})


def _results(project: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((project / "target/run_results.json").read_text())
    return {entry["unique_id"]: entry for entry in document["results"]}


def test_hooks_stand_in_the_plan_and_run_around_the_steps(hw: Hw, project: Path) -> None:
    _write(project, "on-run-start: ['select 1']\non-run-end: ['select 2']\n")

    plan = hw("plan", "--output", "json").document
    built = hw("build", "--output", "json").document

    assert [hook["name"] for hook in plan["on_run_start"]] == ["shop.on-run-start.0"]
    assert [hook["sql"] for hook in plan["on_run_end"]] == ["select 2"]
    assert "shop.on-run-start.0: select 1" in hw("plan", "--full-refresh").out
    nodes = [result["node"] for result in built["results"]]
    assert nodes[0] == "operation.shop.shop-on-run-start-0"
    assert nodes[-1] == "operation.shop.shop-on-run-end-0"
    entry = _results(project)["operation.shop.shop-on-run-end-0"]
    assert (entry["status"], entry["message"], entry["failures"], entry["thread_id"]) == (
        "success",
        "shop.on-run-end.0 passed",
        0,
        "main",
    )


def test_nothing_to_do_runs_no_hooks(hw: Hw, project: Path) -> None:
    _write(project, "on-run-start: ['select 1']\n")
    hw("build")

    again = hw("build", "--output", "json").document

    assert again["results"] == []


def test_what_a_start_hook_prepares_is_there_for_every_model(hw: Hw, project: Path) -> None:
    hooks = (
        "on-run-start:\n"
        "  - create or replace macro doubled(x) as x * 2\n"
        "  - create temp table limits as select 5 as largest\n"
    )
    text = "select doubled(21) as answer, (select max(largest) from limits) as largest"
    _write(project, hooks, **{"models/answers.sql": text})

    ended = hw("build", "--select", "answers")

    assert ended.code == 0
    assert hw("sql", "select * from answers", "--output", "json").document["rows"] == [[42, 5]]


def test_a_failing_start_hook_skips_the_nodes_and_the_hooks_after_it(hw: Hw, project: Path) -> None:
    _write(project, "on-run-start: ['select 1 / nothing', 'select 2']\non-run-end: ['select 3']\n")

    ended = hw("build")
    results = _results(project)

    assert ended.code == 1
    assert results["operation.shop.shop-on-run-start-0"]["status"] == "error"
    assert results["operation.shop.shop-on-run-start-1"]["status"] == "skipped"
    assert results["model.shop.revenue"]["status"] == "skipped"
    assert results["operation.shop.shop-on-run-end-0"]["status"] == "success"


def test_dbts_flag_lets_nodes_run_after_a_failed_start_hook(hw: Hw, project: Path) -> None:
    flag = "flags:\n  skip_nodes_if_on_run_start_fails: false\n"
    _write(project, flag + "on-run-start: ['select 1 / nothing']\n")

    ended = hw("build")

    assert ended.code == 1
    assert _results(project)["model.shop.revenue"]["status"] == "success"


def test_end_hooks_see_the_results_and_the_schemas(hw: Hw, project: Path) -> None:
    hook = 'on-run-end:\n  - "{{ check_results(results, schemas, database_schemas) }}"\n'
    macro = (
        "{% macro check_results(results, schemas, database_schemas) %}"
        "{% for r in results if r.node.name == 'revenue' %}"
        "{% do exceptions.raise_compiler_error(r.status ~ '/' ~ r.to_dict().unique_id ~ '/' "
        "~ r.node.config.materialized ~ '/' ~ schemas ~ '/' ~ database_schemas) %}"
        "{% endfor %}{% endmacro %}"
    )
    _write(project, hook, **{"macros/check_results.sql": macro})

    ended = hw("build")
    message = _results(project)["operation.shop.shop-on-run-end-0"]["message"]

    assert ended.code == 1
    assert "success/model.shop.revenue/table/['main']/[('shop', 'main')]" in message


def test_a_hook_that_writes_a_table_is_refused_before_anything_runs(hw: Hw, project: Path) -> None:
    for statement in (
        "create table audit as select 1 as a",
        "insert into main.revenue values (1)",
        "drop table if exists main.revenue",
    ):
        _write(project, f"on-run-end: ['{statement}']\n")

        ended = hw("plan", "--output", "json")

        assert (ended.code, "HW6520" in ended.codes) == (2, True), statement


def test_a_hook_that_turns_out_to_write_when_rendered_at_the_end_fails(
    hw: Hw, project: Path
) -> None:
    for statement in ("create table audit as select 1 as a", "copy (select 1) to ''x.csv''"):
        hook = f"on-run-end: ['{{% if results %}}{statement}{{% endif %}}']\n"
        _write(project, hook)

        ended = hw("build", "--force")
        entry = _results(project)["operation.shop.shop-on-run-end-0"]

        assert (ended.code, entry["status"]) == (1, "error")
        assert "would write" in entry["message"]
    assert not (project / "x.csv").exists()
