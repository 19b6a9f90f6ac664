"""``hw source freshness``: how old sources are, by column, query, commit or file."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Hw, write_files

from headwater import Workspace
from headwater.dbt import dbtRunner
from headwater.dbt.freshness import FreshnessResult, SourceFreshnessResult

DAY = 86_400
EVENTS = """\
version: 2
sources:
  - name: events
    schema: main
    freshness: {warn_after: {count: 12, period: hour}, error_after: {count: 2, period: day}}
    loaded_at_field: loaded_at
    tables:
      - name: clicks
"""


def load(project: Path, name: str, sql: str) -> None:
    with Workspace.open(project) as workspace:
        workspace.load(f"shop.main.{name}", sql, mode="overwrite")


def sources(project: Path, text: str) -> None:
    write_files(project, {"models/sources.yml": text})


def only(ended: Any) -> dict[str, Any]:
    (result,) = ended.document["results"]
    found: dict[str, Any] = result
    return found


@pytest.mark.parametrize(
    ("age", "status", "code"),
    [("1 hour", "pass", 0), ("13 hours", "warn", 0), ("3 days", "error", 1)],
)
def test_a_source_is_as_old_as_its_newest_row(
    hw: Hw, project: Path, age: str, status: str, code: int
) -> None:
    sources(project, EVENTS)
    load(
        project,
        "clicks",
        f"select unnest([now() - interval {age}, now() - interval 9 days]) as loaded_at",
    )

    ended = hw("source", "freshness", "--output", "json")

    assert ended.code == code
    assert (only(ended)["status"], only(ended)["measured_by"]) == (status, "column")


def test_sources_json_is_as_dbt_writes_it(hw: Hw, project: Path) -> None:
    sources(project, EVENTS)
    load(project, "clicks", "select timestamp '2016-09-19 14:45:51' as loaded_at")

    ended = hw("source", "freshness", "-o", "kept/mine.json")

    document = json.loads((project / "kept/mine.json").read_text())
    (result,) = document["results"]
    assert ended.code == 1
    assert document["metadata"]["dbt_schema_version"].endswith("/sources/v3.json")
    assert result["max_loaded_at"] == "2016-09-19T14:45:51+00:00"
    assert result["max_loaded_at_time_ago_in_s"] > 10 * 365 * DAY
    assert result["criteria"] == {
        "warn_after": {"count": 12, "period": "hour"},
        "error_after": {"count": 2, "period": "day"},
        "filter": None,
    }
    assert result["thread_id"].startswith("Thread-")
    assert [step["name"] for step in result["timing"]] == ["compile", "execute"]


def test_a_filter_with_jinja_leaves_rows_out(hw: Hw, project: Path) -> None:
    text = EVENTS.replace("    loaded_at_field", "    loaded_at_field").replace(
        "day}}", "day}, filter: \"kind = '{{ var('kind') }}'\"}"
    )
    sources(project, text)
    load(
        project,
        "clicks",
        "select now() as loaded_at, 'test' as kind union all select now() - interval 1 day, 'real'",
    )

    ended = hw("source", "freshness", "--output", "json", "--vars", "{kind: real}")

    assert only(ended)["status"] == "warn"


def test_a_query_tells_the_age_and_may_name_the_source(hw: Hw, project: Path) -> None:
    sources(
        project,
        EVENTS.replace(
            "loaded_at_field: loaded_at",
            'loaded_at_query: "select max(seen) from {{ this }} where seen < now()"',
        ),
    )
    load(project, "clicks", "select unnest([now() + interval 5 days, now()]) as seen")

    ended = hw("source", "freshness", "--output", "json")

    assert (only(ended)["message"], only(ended)["measured_by"]) == ("", "query")
    assert only(ended)["status"] == "pass"


def test_without_a_column_the_last_commit_tells(hw: Hw, project: Path) -> None:
    sources(project, EVENTS.replace("    loaded_at_field: loaded_at\n", ""))
    load(project, "clicks", "select 1 as id")

    ended = hw("source", "freshness", "--output", "json")

    assert (only(ended)["status"], only(ended)["measured_by"]) == ("pass", "commit")
    assert 0 <= only(ended)["age_seconds"] < DAY


def test_without_a_column_a_file_is_as_old_as_its_last_change(hw: Hw, project: Path) -> None:
    text = EVENTS.replace(
        "    loaded_at_field: loaded_at\n", "    meta: {external_location: a.csv}\n"
    )
    sources(project, text)
    write_files(project, {"a.csv": "id\n1\n"})
    os.utime(project / "a.csv", (0, 0))

    ended = hw("source", "freshness", "--output", "json")

    assert ended.code == 1
    assert only(ended)["max_loaded_at"] == "1970-01-01T00:00:00+00:00"
    assert only(ended)["measured_by"] == "file"


def test_a_table_without_rows_was_never_loaded(hw: Hw, project: Path) -> None:
    sources(project, EVENTS)
    load(project, "clicks", "select now() as loaded_at where false")

    ended = hw("source", "freshness")

    assert ended.code == 1
    assert "has no rows" in ended.out


def test_what_cannot_be_measured_fails_alone(hw: Hw, project: Path) -> None:
    sources(
        project,
        EVENTS + "      - name: gone\n      - name: texts\n        loaded_at_field: kind\n",
    )
    load(project, "clicks", "select now() as loaded_at")
    load(project, "texts", "select 'yesterday' as kind")

    ended = hw("source", "freshness", "--output", "json")

    found = {each["name"]: each for each in ended.document["results"]}
    assert ended.code == 1
    assert found["events.clicks"]["status"] == "pass"
    assert found["events.gone"]["status"] == "runtime error"
    assert found["events.gone"]["diagnostic"]["code"] == "HW7101"
    assert found["events.texts"]["diagnostic"]["code"] == "HW8201"
    entries = json.loads((project / "target/sources.json").read_text())["results"]
    assert [entry["status"] for entry in entries] == ["pass", "runtime error", "runtime error"]


def test_sources_without_a_rule_are_not_measured(hw: Hw, project: Path) -> None:
    sources(project, EVENTS + "        config: {freshness: null}\n")

    ended = hw("source", "freshness")

    assert (ended.code, ended.out) == (0, "")
    assert "no selected source" in ended.err


def test_only_selected_sources_are_measured(hw: Hw, project: Path) -> None:
    sources(project, EVENTS + "      - name: views\n")
    load(project, "clicks", "select now() as loaded_at")

    ended = hw("source", "freshness", "-s", "source:events.clicks", "--output", "json")

    assert only(ended)["name"] == "events.clicks"


def test_a_filter_that_nothing_applies_is_told(hw: Hw, project: Path) -> None:
    text = EVENTS.replace("    loaded_at_field: loaded_at\n", "").replace(
        "day}}", "day}, filter: id > 1}"
    )
    sources(project, text)
    load(project, "clicks", "select 1 as id")

    ended = hw("source", "freshness", "--output", "json")

    assert ended.codes == ["HW8202"]


def test_the_macro_that_asks_can_be_overridden(hw: Hw, project: Path) -> None:
    sources(project, EVENTS)
    macro = """\
{% macro collect_freshness(source, loaded_at_field, filter) %}
  {% call statement('mine', fetch_result=true) %}
    select max({{ loaded_at_field }}) + interval 3 days, now() from {{ source }}
  {% endcall %}
  {{ return(load_result('mine').table) }}
{% endmacro %}
"""
    write_files(project, {"macros/mine.sql": macro})
    load(project, "clicks", "select now() - interval 3 days as loaded_at")

    ended = hw("source", "freshness", "--output", "json")

    assert only(ended)["status"] == "pass"


def test_many_sources_are_measured_at_once(hw: Hw, project: Path) -> None:
    names = [f"t{number}" for number in range(24)]
    sources(
        project,
        EVENTS.replace("      - name: clicks\n", "")
        + "".join(f"      - name: {name}\n        identifier: clicks\n" for name in names),
    )
    load(project, "clicks", "select now() as loaded_at")

    ended = hw("source", "freshness", "--output", "json", "--threads", "4")

    found = {each["name"]: each["status"] for each in ended.document["results"]}
    assert found == {f"events.{name}": "pass" for name in names}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("period: hour", "period: fortnight"),
        ("count: 12", "count: twelve"),
        ("warn_after", "warned_after"),
        ("{warn_after: {count: 12, period: hour}, error_after: {count: 2, period: day}}", "daily"),
        ("loaded_at_field: loaded_at", "loaded_at_field: a\n    loaded_at_query: select 1"),
    ],
)
def test_a_rule_that_cannot_be_read_is_a_fault(hw: Hw, project: Path, old: str, new: str) -> None:
    sources(project, EVENTS.replace(old, new))

    ended = hw("source", "freshness", "--output", "json")

    assert ended.code == 2
    assert ended.codes == ["HW1005"]


def test_programs_get_ages_by_dbts_runner(hw: Hw, project: Path) -> None:
    assert hw("seed").code == 0
    sources(project, EVENTS + "      - name: gone\n")
    load(project, "clicks", "select now() - interval 13 hours as loaded_at")

    ended = dbtRunner().invoke(["source", "freshness", "-o", "elsewhere.json"])

    assert not ended.success
    assert isinstance(ended.result, FreshnessResult)
    old, gone = ended.result
    assert (old.node.name, old.status) == ("clicks", "warn")
    assert isinstance(old, SourceFreshnessResult)
    assert old.age > 12 * 3600
    assert (gone.node.name, gone.status) == ("gone", "runtime error")
    assert not hasattr(gone, "max_loaded_at")
    assert (project / "elsewhere.json").exists()
