"""``hw check`` of another warehouse's project, as a hook before commits calls it."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import write_files
from tests.cli.test_sarif import run_of

from headwater.cli.main import run

OUTPUTS = {
    "snowflake": "{type: snowflake, account: a, user: u, password: p, database: d, schema: s}",
    "bigquery": "{type: bigquery, method: oauth, project: d, dataset: s}",
    "databricks": "{type: databricks, host: h, http_path: x, token: t, catalog: d, schema: s}",
    "redshift": "{type: redshift, host: h, user: u, password: p, dbname: d, schema: s}",
}
PROJECT = "name: shop\nversion: '1.0'\nconfig-version: 2\nprofile: shop\n"


@pytest.mark.parametrize("kind", OUTPUTS)
def test_faults_are_found_without_a_connection_and_told_as_sarif(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    profile = f"shop: {{target: dev, outputs: {{dev: {OUTPUTS[kind]}}}}}\n"
    files = {
        "dbt_project.yml": PROJECT,
        "profiles.yml": profile,
        "models/good.sql": "select 1 as id",
        "models/bad.sql": "select * from {{ ref('gone') }}",
    }
    write_files(tmp_path / "shop", files)
    arguments = ["check", "--project-dir", str(tmp_path / "shop"), "--output", "sarif"]

    code = run(arguments)

    results = run_of(json.loads(capsys.readouterr().out))["results"]
    assert code == 2
    assert [each["ruleId"] for each in results if each["level"] == "error"] == ["HW1203"]
    assert not list((tmp_path / "shop").glob(".headwater/lake/*"))
