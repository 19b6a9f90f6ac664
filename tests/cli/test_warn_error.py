"""``--warn-error`` and its options: which warnings are errors, and which are not told."""

from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ended, Hw, write_files

ORPHAN = "version: 2\nmodels: [{name: nowhere}]\n"
WARNING = """\
version: 2
models:
  - name: revenue
    columns:
      - name: orders
        data_tests:
          - unique: {config: {severity: warn}}
          - accepted_values: {arguments: {values: [7], quote: false}, config: {severity: warn}}
"""


@pytest.fixture
def orphan(project: Path) -> None:
    """A properties file that describes a model that there is not, which is a warning."""
    write_files(project, {"models/orphan.yml": ORPHAN})


def severities(ended: Ended) -> dict[str, str]:
    found: list[dict[str, Any]] = ended.document["diagnostics"]
    return {each["code"]: each["severity"] for each in found}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((), "warning"),
        (("--warn-error",), "error"),
        (("--no-warn-error",), "warning"),
        (("--warn-error-options", "{error: all}"), "error"),
        (("--warn-error-options", "{include: all}"), "error"),
        (("--warn-error-options", "{include: '*', exclude: [NoNodeForYamlKey]}"), "warning"),
        (("--warn-error-options", "{error: [NoNodeForYamlKey]}"), "error"),
        (("--warn-error-options", "{error: [properties-orphan]}"), "error"),
        (("--warn-error-options", "{error: [HW1008]}"), "error"),
        (("--warn-error-options", "{error: [HW1010]}"), "warning"),
        (("--warn-error-options", "{error: all, warn: [properties-orphan]}"), "warning"),
        (("--warn-error-options", "{error: all, silence: [NoNodeForYamlKey]}"), None),
        (("--warn-error-options", "{silence: [properties-orphan]}"), None),
        (("--warn-error-options", "{error: null, warn: null}"), "warning"),
        (("--warn-error-options", "{error: [JinjaLogWarning, DepsUnpinned]}"), "warning"),
    ],
)
def test_a_warning_is_what_the_rules_say(
    hw: Hw, orphan: None, given: tuple[str, ...], wanted: str | None
) -> None:
    ended = hw("check", *given, "--output", "json")

    assert severities(ended).get("HW1008") == wanted
    assert ended.code == (2 if wanted == "error" else 0)


@pytest.mark.parametrize("verb", ["parse", "ls", "compile", "build"])
def test_every_verb_stops_at_it(hw: Hw, orphan: None, verb: str) -> None:
    assert hw("--warn-error", verb).code == 2
    assert hw(verb).code == 0
    assert hw(verb, "--warn-error").code == 2


def test_the_projects_flags_hold_unless_the_command_says_otherwise(
    hw: Hw, project: Path, orphan: None
) -> None:
    file = project / "dbt_project.yml"
    file.write_text(file.read_text() + "flags: {warn_error_options: {error: [NoNodeForYamlKey]}}\n")

    assert hw("check").code == 2
    assert hw("check", "--no-warn-error").code == 0
    assert hw("check", "--warn-error-options", "{}").code == 0


def test_the_environment_says_it_too(hw: Hw, orphan: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hw("parse").code == 0
    monkeypatch.setenv("DBT_WARN_ERROR", "true")

    assert hw("parse").code == 2


def test_a_test_that_warns_fails_and_stops_the_commit(hw: Hw, project: Path) -> None:
    write_files(project, {"models/schema.yml": WARNING})

    ended = hw("build", "--warn-error", "--output", "json")

    ends = {each["name"]: each["status"] for each in ended.document["results"]}
    assert ended.code == 1
    assert ends["accepted_values_revenue_orders__False__7"] == "fail"
    assert ends["unique_revenue_orders"] == "pass"
    assert ends["revenue"] == "error"


def test_a_test_that_has_warned_is_run_again_to_fail(hw: Hw, project: Path) -> None:
    write_files(project, {"models/schema.yml": WARNING})
    assert hw("build").code == 0
    assert hw("build").code == 0

    assert hw("build", "--warn-error-options", "{error: [LogTestResult]}").code == 1


def test_a_retry_takes_what_warned_when_warnings_are_errors(hw: Hw, project: Path) -> None:
    write_files(project, {"models/schema.yml": WARNING})
    assert hw("build").code == 0

    assert hw("retry").code == 0
    assert hw("build").code == 0
    hw("test")
    assert hw("--warn-error", "retry").code == 1


def test_what_the_planner_advises_is_an_error_only_by_its_name(hw: Hw, project: Path) -> None:
    model = "{{ config(materialized='materialized_view') }}\nselect 1 as id"
    write_files(project, {"models/more.sql": model})
    plan = hw("plan", "--output", "json").document
    advice = [each["code"] for each in plan["diagnostics"] if each["severity"] == "warning"]
    assert advice
    assert all(code.startswith(("HW3", "HW4")) for code in advice)

    assert hw("plan", "--warn-error").code == 0
    assert hw("plan", "--warn-error-options", f"{{error: [{advice[0]}]}}").code == 3


@pytest.mark.parametrize(
    "options",
    [
        "{error: [TotallyBogusName]}",
        "{errors: all}",
        "{error: all, include: all}",
        "{warn: [macro-warned], exclude: [macro-warned]}",
        "{error: some}",
        "{silence: all}",
        "[error]",
        "{",
    ],
)
def test_rules_that_cannot_be_read_are_refused(hw: Hw, options: str) -> None:
    ended = hw("check", "--warn-error-options", options, "--output", "json")

    assert ended.code == 2
    assert ended.codes[0] in {"HW1915", "HW1901", "HW1004", "HW1001", "HW1002", "HW1003"}


@pytest.mark.parametrize("options", ["{error: all, include: all}", "{include: all, error: all}"])
def test_two_words_of_one_meaning_are_both_named(hw: Hw, options: str) -> None:
    ended = hw("check", "--warn-error-options", options, "--output", "json")

    assert "`include` and `error` mean the same" in ended.out


def test_both_ways_at_once_are_refused(hw: Hw) -> None:
    ended = hw("check", "--warn-error", "--warn-error-options", "{}", "--output", "json")

    assert ended.codes == ["HW1915"]
