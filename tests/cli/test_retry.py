"""``hw retry``: what the last command left undone is asked for again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ended, Hw, write_files

from headwater import Workspace
from headwater.base.telemetry import Event
from headwater.dbt import RunExecutionResult, dbtRunner

BROKEN = "select customer, sum(amount) / no_such_column as revenue from {{ ref('stg_orders') }}\n"
MENDED = """\
select customer, sum(amount) as revenue, count(*) as orders
from {{ ref('stg_orders') }} group by customer
"""
FAILING = """\
version: 2
models:
  - name: revenue
    columns:
      - name: customer
        data_tests: [unique, not_null]
      - name: orders
        data_tests:
          - accepted_values: {arguments: {values: ["{{ var('orders', 7) }}"], quote: false}}
"""


def ends(ended: Ended) -> dict[str, str]:
    return {result["name"]: result["status"] for result in ended.document["results"]}


def fail_at_run_time(project: Path) -> None:
    """Let `revenue` fail when it runs, not when it is planned."""
    text = "select customer, error('broken') as revenue, 1 as orders from {{ ref('stg_orders') }}"
    write_files(project, {"models/revenue.sql": text, "models/after.sql": AFTER})


AFTER = "select customer from {{ ref('revenue') }}\n"


def test_what_failed_and_what_was_skipped_is_done_again(hw: Hw, project: Path) -> None:
    fail_at_run_time(project)
    assert hw("build").code == 1
    write_files(project, {"models/revenue.sql": MENDED})

    ended = hw("retry", "--output", "json")

    assert ended.code == 0
    assert "(hw build" in ended.err
    assert {name for name in ends(ended) if not name.startswith(("unique", "not_null"))} == {
        "revenue",
        "after",
    }
    assert "stg_orders" not in ends(ended)


def test_nothing_is_done_when_all_went_well(hw: Hw, project: Path) -> None:
    hw("build")

    ended = hw("retry", "--output", "json")

    assert (ended.code, ends(ended)) == (0, {})


def test_a_test_that_passed_on_unpublished_rows_gates_again(hw: Hw, project: Path) -> None:
    write_files(project, {"models/schema.yml": FAILING})
    assert hw("build", "-s", "+revenue").code == 1

    ended = hw("retry", "--vars", "{orders: 2}", "--output", "json", "--dry-run")

    tests = {step["name"] for step in ended.document["steps"] if step["action"] == "test"}
    assert {"unique_revenue_customer", "not_null_revenue_customer"} <= tests


def test_variables_of_the_run_hold_unless_given_anew(hw: Hw, project: Path) -> None:
    model = (
        "select cast('{{ var('b', '1') }}' || order_id as int) as n from {{ ref('raw_orders') }}"
    )
    write_files(project, {"models/sums.sql": model})
    hw("seed")
    assert hw("run", "-s", "sums", "--vars", "{a: '2', b: broken}").code == 1

    again = hw("retry", "--output", "json")
    write_files(project, {"models/sums.sql": "select {{ var('a', '1') }} as n"})
    mended = hw("retry", "--vars", "{a: '40'}", "--output", "json")
    kept = hw("sql", "select n from sums", "--output", "json")

    assert "broken" in again.document["results"][0]["message"]
    assert ends(mended) == {"sums": "success"}
    assert kept.document["rows"] == [[40]]


def test_the_full_refresh_of_the_run_holds(hw: Hw, project: Path) -> None:
    model = "{% if flags.FULL_REFRESH %}select error('full') as n{% else %}select 1 as n{% endif %}"
    write_files(project, {"models/sums.sql": model})
    assert hw("run", "-s", "sums", "--full-refresh").code == 1

    ended = hw("retry", "--output", "json")

    assert ends(ended) == {"sums": "error"}


def test_a_run_that_died_before_it_wrote_a_file_is_retried(hw: Hw, project: Path) -> None:
    assert hw("build", "-s", "raw_orders").code == 0

    class Killed(BaseException):
        pass

    def die(event: Event) -> None:
        raise Killed(event)

    with Workspace.open(project) as workspace, pytest.raises(Killed):
        workspace.apply(workspace.plan(), sink=die)
    results = json.loads((project / "target/run_results.json").read_text())["results"]
    assert [result["unique_id"] for result in results] == ["seed.shop.raw_orders"]

    ended = hw("retry", "--output", "json")

    assert ended.code == 0
    assert {"stg_orders", "revenue"} <= set(ends(ended))


def test_a_node_that_is_gone_is_told_and_the_others_are_retried(hw: Hw, project: Path) -> None:
    fail_at_run_time(project)
    assert hw("build").code == 1
    (project / "models/after.sql").unlink()
    write_files(project, {"models/revenue.sql": MENDED})

    ended = hw("retry")

    assert ended.code == 0
    assert "HW8213" in ended.out + ended.err


def test_artifacts_of_elsewhere_say_what_is_to_be_retried(hw: Hw, project: Path) -> None:
    fail_at_run_time(project)
    hw("build", "--target-path", "one")
    write_files(project, {"models/revenue.sql": MENDED})
    hw("build", "-s", "raw_orders")
    shutil.move(project / "one", project / "two")
    shutil.rmtree(project / ".headwater")
    hw("build", "-s", "stg_orders", "raw_orders")

    ended = hw("retry", "--state", "two", "--output", "json")

    assert ended.code == 0
    assert {"revenue", "after"} <= set(ends(ended))


def test_another_folder_of_artifacts_has_runs_of_its_own(hw: Hw, project: Path) -> None:
    assert hw("build", "-s", "+stg_orders").code == 0
    fail_at_run_time(project)
    assert hw("build", "--target-path", "other").code == 1

    here = hw("retry", "--output", "json")
    there = hw("retry", "--target-path", "other", "--output", "json")

    assert (here.code, ends(here)) == (0, {})
    assert there.code == 1


@pytest.mark.parametrize("content", [None, "{", "[]", '{"args": {}}', '{"results": 3}'])
def test_without_an_earlier_run_there_is_nothing_to_retry(
    hw: Hw, project: Path, content: str | None
) -> None:
    if content is not None:
        write_files(project, {"target/run_results.json": content})

    ended = hw("retry", "--output", "json")

    assert ended.code == 2
    assert ended.codes == ["HW8211"]


def test_a_command_that_builds_nothing_is_not_retried(hw: Hw, project: Path) -> None:
    document: dict[str, Any] = {"args": {"which": "compile"}, "metadata": {}, "results": []}
    write_files(project, {"target/run_results.json": json.dumps(document)})

    ended = hw("retry", "--output", "json")

    assert ended.code == 2
    assert ended.codes == ["HW8212"]


def test_results_tell_what_was_asked_by_dbts_names(hw: Hw, project: Path) -> None:
    hw("build", "-s", "+stg_orders", "--vars", "{a: 1}", "--fail-fast")

    args = json.loads((project / "target/run_results.json").read_text())["args"]

    asked = {key: args[key] for key in ("which", "select", "vars", "fail_fast", "full_refresh")}
    assert asked == {
        "which": "build",
        "select": ["+stg_orders"],
        "vars": {"a": 1},
        "fail_fast": True,
        "full_refresh": False,
    }


def test_programs_retry_by_dbts_runner(hw: Hw, project: Path) -> None:
    assert hw("seed").code == 0
    fail_at_run_time(project)
    runner = dbtRunner()
    assert not runner.invoke(["run"]).success
    write_files(project, {"models/revenue.sql": MENDED})

    ended = runner.invoke(["retry"])

    assert ended.success
    assert isinstance(ended.result, RunExecutionResult)
    assert {each.node.name for each in ended.result} == {"revenue", "after"}
