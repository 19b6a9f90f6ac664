"""The faults of a command line, each caused by doing the thing, and by their codes."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import SOURCE, Hw, write_files

from headwater.base.codes import find_code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["bild"], "usage-invalid"),
        (["build", "--no-such-option"], "usage-invalid"),
        (["init", "."], "folder-not-empty"),
        (["init", "7up"], "project-name-invalid"),
        (["explain", "no-such-code"], "code-unknown"),
        (["schema", "no-such-schema"], "schema-unknown"),
        (["apply", "no-such-plan.json"], "plan-not-found"),
        (["apply", "dbt_project.yml"], "plan-unreadable"),
        (["lineage", "no_such_model"], "lineage-not-found"),
        (["lineage", "revenue.no_such_column"], "lineage-not-found"),
        (["show"], "show-needs-one"),
        (["show", "-s", "stg_orders", "revenue"], "show-needs-one"),
        (["ls", "--selector", "no_such_selector"], "selector-not-found"),
        (["sql", "select 1; select 2"], "statement-unusable"),
        (["sql", "create table t as select 1 as i"], "statement-unusable"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_command_that_cannot_be_carried_out_says_why(
    arguments: list[str], code: str, hw: Hw
) -> None:
    ended = hw(*arguments)

    assert ended.code == 2, ended.err
    assert f"[{code}] {find_code(code).number}" in ended.err


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select * from stg_orders version as of 0", "view-has-no-versions"),
        ("select * from revenue timestamp as of 'yesterday'", "timestamp-unreadable"),
    ],
)
def test_version_that_cannot_be_read_says_why(sql: str, code: str, hw: Hw) -> None:
    hw("build", "--exclude", "resource_type:test")

    ended = hw("sql", sql)

    assert ended.code == 2
    assert f"[{code}]" in ended.err


def pile_up_views(project: Path, height: int) -> None:
    before = "{{ config(materialized='view') }} select"
    texts = [f"{before} * from {{{{ ref('v{i}') }}}}" for i in range(height)]
    texts = [f"{before} 1 as id", *texts]
    write_files(project, {f"models/v{i}.sql": text for i, text in enumerate(texts)})


@pytest.mark.timeout(60)
def test_views_upon_views_are_built_in_time_that_grows_with_their_number(
    hw: Hw, project: Path
) -> None:
    pile_up_views(project, 40)

    assert hw("build", "-s", "+v40").code == 0
    assert hw("sql", "select * from v40", "--output", "json").document["rows"] == [[1]]


@pytest.mark.slow
def test_views_upon_views_end_somewhere(hw: Hw, project: Path) -> None:
    pile_up_views(project, 103)
    hw("build", "-s", "+v103")

    ended = hw("sql", "select * from v103")

    assert ended.code == 2
    assert "[view-too-deep]" in ended.err


@pytest.mark.parametrize(
    ("package", "code"), [("duckdb", "engine-extra-missing"), ("yaml", "internal")]
)
def test_installation_that_lacks_a_package_is_told(package: str, code: str, project: Path) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from headwater.cli.main import run\n"
        "sys.exit(run(['sql', 'select 1']))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project,
        env={"PYTHONPATH": SOURCE, "HOME": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode in {1, 2}
    assert f"[{code}]" in ended.stderr
