"""``--output sarif``: findings that a code host shows beside the lines they are about."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest
from tests.cli.conftest import RENAMED, Hw, git, write_files
from tests.peer.public import fetch

from headwater.base.codes import CODES, find_code
from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import Span
from headwater.cli import sarif
from headwater.cli.sarif import RESULTS_MAX, fingerprint, sarif_of

OFFICIAL = "oasis-tcs/sarif-spec", "e0583813964ec43cea53b6b531b402866095ed1f"


def finding(what: str = "`a` is gone", **more: Any) -> Diagnostic:
    where = more.pop("where", Span(file="models/a.sql", line=3, column=5, end_column=9))
    return Diagnostic(
        code=more.pop("code", "ref-not-found"),
        severity=more.pop("severity", "error"),
        what=what,
        where=where,
        fix="mend it",
        **more,
    )


def run_of(document: Any) -> Any:
    """Return the one run of a log, having looked at what a code host asks of it."""
    assert document["version"] == "2.1.0"
    [run] = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        for located in (*result["locations"], *result.get("relatedLocations", ())):
            physical = located["physicalLocation"]
            assert not physical["artifactLocation"]["uri"].startswith(("/", ".."))
            assert physical["region"]["startLine"] >= 1
        assert set(result["partialFingerprints"]) == {"primaryLocationLineHash"}
    return run


def test_each_rule_is_a_code_with_its_page(tmp_path: Path) -> None:
    found = [finding(code=code.number) for code in CODES]

    run = run_of(sarif_of(found, tmp_path, verb="check"))

    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert len(rules) == len(CODES)
    assert rules["HW1203"]["name"] == "ref-not-found"
    assert rules["HW1203"]["help"]["markdown"] == find_code("HW1203").explain.strip()


@pytest.mark.parametrize(
    ("severity", "level"), [("error", "error"), ("warning", "warning"), ("info", "note")]
)
def test_severities_are_levels(tmp_path: Path, severity: str, level: str) -> None:
    run = run_of(sarif_of([finding(severity=severity)], tmp_path, verb="check"))

    assert run["results"][0]["level"] == level


def test_a_place_has_its_file_line_and_columns(tmp_path: Path) -> None:
    [result] = run_of(sarif_of([finding()], tmp_path, verb="check"))["results"]

    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "models/a.sql", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 5, "endColumn": 9},
    }


def test_paths_begin_at_the_top_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    project = tmp_path / "data team" / "shop"
    project.mkdir(parents=True)

    run = run_of(sarif_of([finding()], project, verb="check"))

    [location] = run["results"][0]["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "data%20team/shop/models/a.sql"
    assert run["automationDetails"]["id"] == "headwater-check/data%20team/shop/"


@pytest.mark.parametrize("where", [None, Span(file="/etc/profiles.yml"), Span(file="../../x.sql")])
def test_what_is_in_no_file_of_the_repository_is_shown_at_the_project(
    tmp_path: Path, where: Span | None
) -> None:
    run = run_of(sarif_of([finding(where=where)], tmp_path, verb="check"))

    [location] = run["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "dbt_project.yml"


def test_a_fingerprint_outlives_moved_lines_and_other_figures() -> None:
    first = finding("1.8 % of rows of `orders` come late", node="model.shop.orders")
    moved = finding(
        "2.4 % of rows of `orders` come late",
        node="model.shop.orders",
        where=Span(file="models/a.sql", line=90),
    )
    other = finding("1.8 % of rows of `visits` come late", node="model.shop.orders")

    assert fingerprint(first) == fingerprint(moved)
    assert fingerprint(first) != fingerprint(other)


def test_equal_findings_are_told_apart_by_their_order(tmp_path: Path) -> None:
    run = run_of(sarif_of([finding(), finding()], tmp_path, verb="check"))

    prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert [each.rpartition(":")[2] for each in prints] == ["1", "2"]


def test_text_of_users_is_neither_placeholder_nor_link(tmp_path: Path) -> None:
    hostile = "{0} of `{{ ref('a') }}` [click](https://evil.example)"

    run = run_of(sarif_of([finding(hostile)], tmp_path, verb="check"))

    text = run["results"][0]["message"]["text"]
    assert text.startswith("{{0}} of `{{ ref('a') }}` \\[click](https")


def test_more_than_a_host_takes_is_counted(tmp_path: Path) -> None:
    run = run_of(sarif_of([finding()] * (RESULTS_MAX + 7), tmp_path, verb="check"))

    assert len(run["results"]) == RESULTS_MAX
    [said] = run["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"].startswith("7 more findings")


def test_what_is_left_out_are_the_least(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "RESULTS_MAX", 1)
    findings = [finding(severity="info"), finding(severity="error")]

    run = run_of(sarif_of(findings, tmp_path, verb="check"))

    assert [result["level"] for result in run["results"]] == ["error"]


def test_a_check_that_finds_nothing_is_a_run_without_results(hw: Hw) -> None:
    ended = hw("check", "--output", "sarif")

    assert run_of(ended.document)["results"] == []
    assert ended.code == 0


def test_faults_of_the_project_are_results(hw: Hw, project: Path) -> None:
    write_files(project, {"models/bad.sql": "select 1 as a,\n  x from {{ ref('gone') }}"})

    for verb in ("check", "plan"):
        ended = hw(verb, "--output", "sarif")

        [result] = run_of(ended.document)["results"]
        assert result["ruleId"] == "HW1203"
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
        assert ended.code == 2


def test_a_breaking_change_shows_each_way_line_by_line(
    hw: Hw, repository: Path, project: Path
) -> None:
    write_files(project, {"models/revenue.sql": RENAMED})

    ended = hw("plan", "--base", "main", "--output", "sarif")

    [result] = [each for each in run_of(ended.document)["results"] if each["ruleId"] == "HW3002"]
    [flow] = result["codeFlows"]
    files = [
        step["location"]["physicalLocation"]["artifactLocation"]["uri"]
        for step in flow["threadFlows"][0]["locations"]
    ]
    assert files == ["shop/models/revenue.sql", "shop/models/schema.yml"]
    assert git(repository, "rev-parse", "--abbrev-ref", "HEAD") == "main"


@pytest.mark.peer
def test_the_official_schema_takes_it(
    hw: Hw, repository: Path, project: Path, tmp_path: Path
) -> None:
    name, revision = OFFICIAL
    fetch(name, tmp_path / "sarif", revision, under="sarif-2.1/schema")
    schema = json.loads(
        (tmp_path / "sarif/sarif-2.1/schema/sarif-schema-2.1.0.json").read_text("utf-8")
    )
    validator = jsonschema.Draft7Validator(schema)
    write_files(project, {"models/revenue.sql": RENAMED})

    documents = [
        hw("plan", "--base", "main", "--output", "sarif").document,
        hw("check", "--output", "sarif").document,
        sarif_of([finding(code=code.number) for code in CODES], project, verb="check"),
        sarif_of([finding(where=None, related=((Span(file="b.sql"), "x"),))], project, verb="x"),
    ]

    for document in documents:
        assert [error.message for error in validator.iter_errors(document)] == []
