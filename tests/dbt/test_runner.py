"""Calling Headwater by dbt's Python API: what a program written for dbtRunner gets."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import FILES, write_files

from headwater.base.clock import FixedClock
from headwater.base.errors import HeadwaterError
from headwater.base.warning_rules import EVENTS_OF_CODE
from headwater.dbt import EventMsg, RunExecutionResult, dbtRunner, dbtRunnerResult
from headwater.dbt.events import EVENT_CODES
from headwater.dbt.records import Record

Invoke = Callable[..., dbtRunnerResult]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, in whose folder the test runs."""
    folder = tmp_path / "shop"
    write_files(folder, FILES)
    for name in list(os.environ):
        if name.startswith(("DBT_", "HEADWATER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder)
    return folder


def results_of(ended: dbtRunnerResult) -> RunExecutionResult:
    assert isinstance(ended.result, RunExecutionResult), ended.exception
    return ended.result


def record_of(ended: dbtRunnerResult) -> Record:
    assert isinstance(ended.result, Record), ended.exception
    return ended.result


def test_a_build_gives_the_result_of_every_node(project: Path) -> None:
    ended = dbtRunner().invoke(["build"])

    results = results_of(ended)
    assert (ended.success, ended.exception) == (True, None)
    statuses = {result.node.unique_id: result.status for result in results}
    assert statuses["seed.shop.raw_orders"] == "success"
    assert statuses["model.shop.revenue"] == "success"
    assert {s for key, s in statuses.items() if key.startswith("test.")} == {"pass"}
    revenue = next(r for r in results if r.node.name == "revenue")
    assert revenue.node.config.materialized == "table"
    assert revenue.adapter_response.rows_affected == 2
    assert revenue.failures is None
    assert [each.name for each in revenue.timing] == ["compile", "execute"]
    assert revenue.to_dict()["node"]["resource_type"] == "model"


def test_what_has_not_changed_is_told_as_reused(project: Path) -> None:
    dbtRunner().invoke(["build"])

    again = results_of(dbtRunner().invoke(["run"]))

    assert {r.node.name: r.status.value for r in again} == {
        "stg_orders": "reused",
        "revenue": "reused",
    }


def test_a_failing_test_is_no_success_and_no_exception(project: Path) -> None:
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n1,a,1\n1,a,2\n"})

    ended = dbtRunner().invoke(["build"])

    assert (ended.success, ended.exception) == (False, None)
    failed = {r.node.name: r.failures for r in results_of(ended) if r.status == "fail"}
    assert failed == {"unique_stg_orders_order_id": 1}
    assert {r.node.name for r in results_of(ended) if r.skipped} >= {"revenue"}


def test_a_node_whose_input_is_not_built_fails_alone(project: Path) -> None:
    ended = dbtRunner().invoke(["run"])

    assert (ended.success, ended.exception) == (False, None)
    assert {r.node.name: r.status.value for r in results_of(ended)} == {
        "stg_orders": "error",
        "revenue": "skipped",
    }


def test_a_table_named_by_its_schema_is_found(project: Path) -> None:
    write_files(project, {"models/by_hand.sql": "select customer from {{ this.schema }}.revenue"})
    dbtRunner().invoke(["build", "--exclude", "by_hand"])

    ended = dbtRunner().invoke(["run", "--select", "by_hand"])

    assert [r.adapter_response.rows_affected for r in results_of(ended)] == [2]


def test_faults_of_the_project_are_the_exception_all_of_them(project: Path) -> None:
    write_files(
        project,
        {
            "models/lost.sql": "select * from {{ ref('nowhere') }}",
            "models/lost_too.sql": "select * from {{ ref('neither') }}",
        },
    )

    ended = dbtRunner().invoke(["run"])

    assert ended.success is False
    assert isinstance(ended.exception, HeadwaterError)
    said = "\n".join([str(ended.exception), *ended.exception.__notes__])
    assert "nowhere" in said
    assert "neither" in said


@pytest.mark.parametrize("words", [["biuld"], ["run", "--no-such"], [], ["run", "--sqlparse", "x"]])
def test_a_wrong_command_line_is_the_exception(project: Path, words: list[str]) -> None:
    ended = dbtRunner().invoke(words)

    assert ended.success is False
    assert isinstance(ended.exception, HeadwaterError)


def test_ls_gives_lines(project: Path) -> None:
    ended = dbtRunner().invoke(["ls", "--resource-type", "model", "--output", "name"])

    assert ended.result == ["revenue", "stg_orders"]


def test_options_may_be_given_by_name(project: Path) -> None:
    ended = dbtRunner().invoke(
        ["--no-use-colors", "--log-format", "json", "ls"],
        select=["stg_orders", "revenue"],
        exclude="revenue",
        resource_types=["model"],
        vars={"a": 1},
        no_partial_parse=True,
        full_refresh=False,
        project_dir=str(project),
    )

    assert ended.result == ["shop.stg_orders"]


def test_parse_gives_the_manifest_which_may_be_given_back(project: Path) -> None:
    manifest = record_of(dbtRunner().invoke(["parse"]))

    assert manifest.nodes["model.shop.revenue"].depends_on.nodes == ["model.shop.stg_orders"]
    assert "seed.shop.raw_orders" in manifest.nodes
    assert manifest.to_dict()["metadata"]["adapter_type"] == "duckdb"
    assert dbtRunner(manifest=manifest).invoke(["compile"]).success


def test_a_manifest_that_is_too_old_gives_no_old_answer(project: Path) -> None:
    manifest = record_of(dbtRunner().invoke(["parse"]))
    write_files(project, {"models/newer.sql": "select 1 as one"})

    listed = dbtRunner(manifest=manifest).invoke(["ls", "--select", "newer"])

    assert listed.result == ["shop.newer"]


def test_compile_gives_the_sql(project: Path) -> None:
    compiled = results_of(dbtRunner().invoke(["compile", "--select", "revenue"]))

    sql = {r.node.name: r.node.compiled_code for r in compiled}["revenue"]
    assert 'from "shop"."main"."stg_orders"' in sql
    inline = results_of(dbtRunner().invoke(["compile", "--inline", "select {{ 1 + 1 }}"]))
    assert inline[0].node.compiled_code == "select 2"


def test_docs_debug_and_clean_answer_as_dbt_does(project: Path) -> None:
    dbtRunner().invoke(["build"])

    assert "model.shop.revenue" in record_of(dbtRunner().invoke(["docs", "generate"])).nodes
    assert dbtRunner().invoke(["debug"]).result is True
    assert dbtRunner().invoke(["clean"]) == dbtRunnerResult(success=True)
    assert not (project / "target").exists()


def test_callbacks_are_given_dbts_events(project: Path) -> None:
    events: list[EventMsg] = []

    dbtRunner(callbacks=[events.append]).invoke(["build"])

    names = [event.info.name for event in events]
    assert names[0] == "MainReportVersion"
    assert names[-1] == "CommandCompleted"
    finished = {
        event.data.node_info.unique_id: event.data.node_info.node_status
        for event in events
        if event.info.name == "NodeFinished"
    }
    assert finished["model.shop.revenue"] == "success"
    tests = {key.split(".")[2]: status for key, status in finished.items() if "test." in key}
    assert tests["unique_revenue_customer"] == "pass"
    assert len({event.info.invocation_id for event in events}) == 1
    assert {event.info.level for event in events} <= {"debug", "info"}


def test_warnings_are_told_by_dbts_names(project: Path) -> None:
    write_files(project, {"models/loud.sql": "select 1 as id -- {{ exceptions.warn('mind') }}"})
    events: list[EventMsg] = []

    dbtRunner(callbacks=[events.append]).invoke(["compile", "-s", "loud", "nobody"])

    told = {(e.info.name, e.info.code, e.info.level) for e in events if e.info.level == "warn"}
    assert told == {
        ("JinjaLogWarning", "I061", "warn"),
        ("NoNodesForSelectionCriteria", "M030", "warn"),
    }


def test_faults_are_told_with_the_group_that_answers_for_them(project: Path) -> None:
    properties = (
        "groups: [{name: money, owner: {name: ada, slack: m}}]\n"
        "models: [{name: broken, config: {group: money}}]\n"
    )
    files = {"models/g.yml": properties, "models/broken.sql": "select missing as id"}
    write_files(project, files)
    events: list[EventMsg] = []

    dbtRunner(callbacks=[events.append]).invoke(["run", "-s", "broken"])

    (told,) = [each.data for each in events if each.info.name == "RunResultError"]
    assert told.group.to_dict() == {
        "name": "money",
        "package_name": "shop",
        "owner": {"name": "ada", "slack": "m"},
    }


def test_rows_that_a_test_lets_pass_are_no_failures(project: Path) -> None:
    properties = (
        "models: [{name: gaps, columns: [{name: id, data_tests: "
        "[not_null: {config: {error_if: '>5', warn_if: '>5'}}]}]}]"
    )
    files = {"models/g.yml": properties, "models/gaps.sql": "select cast(null as int) as id"}
    write_files(project, files)

    ended = results_of(dbtRunner().invoke(["build", "-s", "gaps"]))

    (test,) = [each for each in ended if each.node.resource_type == "test"]
    assert (test.status, test.failures) == ("pass", 0)


def test_show_inline_direct_leaves_jinja_as_it_is(project: Path) -> None:
    shown = results_of(dbtRunner().invoke(["show", "--inline-direct", "select '{{ 1 + 1 }}' as a"]))

    table = shown[0].agate_table
    assert table is not None
    assert [row["a"] for row in table.rows] == ["{{ 1 + 1 }}"]


def test_compile_shows_what_is_named_and_not_its_tests(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--log-format", "text", "--quiet", "compile", "-s", "revenue", "--output", "json"]

    ended = results_of(dbtRunner().invoke(words))

    assert len(ended) == 3
    assert json.loads(capsys.readouterr().out)["node"] == "revenue"


def test_docs_may_be_written_without_compiling_and_without_tables(project: Path) -> None:
    dbtRunner().invoke(["build"])

    written = record_of(dbtRunner().invoke(["docs", "generate", "--no-compile", "--empty-catalog"]))

    manifest = json.loads((project / "target" / "manifest.json").read_text())
    assert (written.nodes.to_dict(), written.sources.to_dict()) == ({}, {})
    assert "compiled_code" not in manifest["nodes"]["model.shop.revenue"]


def test_packages_yml_may_hold_jinja(project: Path) -> None:
    write_files(
        project,
        {
            "packages.yml": "packages:\n  - local: '{{ var(''where'') }}'\n",
            "lib/dbt_project.yml": "name: lib\n",
        },
    )

    without = dbtRunner().invoke(["deps"])
    fetched = dbtRunner().invoke(["deps", "--vars", "{where: lib}"])

    assert isinstance(without.exception, HeadwaterError)
    assert without.exception.code == "var-not-found"
    assert fetched.success
    assert (project / "dbt_packages" / "lib" / "dbt_project.yml").is_file()


def test_every_event_of_a_finding_has_dbts_code() -> None:
    assert {names[0] for names in EVENTS_OF_CODE.values()} < set(EVENT_CODES)


def test_callbacks_hear_of_faults(project: Path) -> None:
    write_files(project, {"models/lost.sql": "select * from {{ ref('nowhere') }}"})
    events: list[EventMsg] = []

    dbtRunner(callbacks=[events.append]).invoke(["run"])

    errors = [event.info.msg for event in events if event.info.level == "error"]
    assert any("nowhere" in line for line in errors)


def test_two_runners_do_not_share_anything(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_files(other, {**FILES, "models/only_here.sql": "select 1 as one"})

    here = dbtRunner().invoke(["ls", "--resource-type", "model"])
    there = dbtRunner().invoke(["ls", "--resource-type", "model", "--project-dir", str(other)])

    assert isinstance(here.result, list)
    assert isinstance(there.result, list)
    assert set(there.result) - set(here.result) == {"shop.only_here"}


@pytest.mark.parametrize(
    "query",
    [
        "select no_such_column",
        "select 1 from where",
        "drop table kept",
        "select 1 as n); drop table kept; (select 1 as n",
        "select 1 as n) to 'out.csv'; copy (select 1 as n",
    ],
)
def test_a_model_whose_query_is_none_fails_alone(project: Path, query: str) -> None:
    (project / "models" / "sound.sql").write_text("select 1 as id")
    (project / "models" / "broken.sql").write_text(query)

    ended = dbtRunner().invoke(["run", "-s", "sound", "broken"])

    assert isinstance(ended.result, RunExecutionResult)
    assert {each.node.name: each.status for each in ended.result} == {
        "sound": "success",
        "broken": "error",
    }
    assert not (project / "out.csv").exists()


def test_show_gives_rows_and_tells_them(project: Path) -> None:
    dbtRunner().invoke(["build"])
    events: list[EventMsg] = []

    shown = results_of(dbtRunner(callbacks=[events.append]).invoke(["show", "-s", "revenue"]))

    assert shown[0].node.config.materialized == "table"
    assert shown[0].agate_table is not None
    assert len(shown[0].agate_table.rows) == 2
    assert shown[0].node.compiled_code.endswith("\nlimit 5")
    told = next(event for event in events if event.info.name == "ShowNode")
    assert told.info.msg.startswith("Previewing node 'revenue':\n")
    assert told.data.unique_id == "model.shop.revenue"


def test_show_in_json_is_a_document(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--quiet", "--log-format", "text", "show", "--output", "json"]

    dbtRunner().invoke([*words, "--inline", "select 1 as one, cast('a' as text) as two"])

    assert json.loads(capsys.readouterr().out) == {"show": [{"one": 1, "two": "a"}]}


def test_show_must_be_told_what_to_show(project: Path) -> None:
    ended = dbtRunner().invoke(["show"])

    assert isinstance(ended.exception, HeadwaterError)
    assert ended.exception.code == "show-needs-one"


def test_compile_gives_whole_nodes_their_sql_and_the_manifest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--log-format", "text", "compile", "-s", "revenue"]

    compiled = results_of(dbtRunner().invoke(words))

    node = {result.node.name: result.node for result in compiled}["revenue"]
    assert node.depends_on.nodes == ["model.shop.stg_orders"]
    told = capsys.readouterr().out
    assert "Compiled node 'revenue' is:\n" in told
    manifest = json.loads((project / "target" / "manifest.json").read_bytes())
    assert manifest["nodes"]["model.shop.revenue"]["compiled_code"] == node.compiled_code


def test_listed_keys_may_lead_into_a_value(project: Path) -> None:
    words = ["ls", "-s", "revenue", "--resource-type", "model", "--output", "json"]

    ended = dbtRunner().invoke([*words, "--output-keys", "name config.materialized nothing.here"])

    assert ended.result == ['{"name": "revenue", "config.materialized": "table"}']


def test_an_operation_is_told_by_the_macros_unique_id(project: Path) -> None:
    write_files(project, {"macros/greet.sql": "{% macro greet() %}{{ return(1) }}{% endmacro %}"})

    ended = dbtRunner().invoke(["run-operation", "greet"])
    query = dbtRunner().invoke(["run-operation", "--sql", "select 1"])

    assert [each.unique_id for each in results_of(ended)] == ["macro.shop.greet"]
    assert [each.unique_id for each in results_of(query)] == ["operation.shop.sql"]


def test_results_tell_what_was_asked_and_are_a_list(project: Path) -> None:
    ended = dbtRunner().invoke(["run", "-s", "tag:none", "--threads", "3"])

    assert results_of(ended).results == []
    assert results_of(ended).args["threads"] == 3


def test_compile_gives_the_sql_of_a_query_that_the_engine_would_refuse(project: Path) -> None:
    write_files(project, {"models/wrong.sql": "select no_such_column from {{ ref('revenue') }}"})

    compiled = dbtRunner().invoke(["compile", "-s", "wrong"])

    assert compiled.success is True
    assert [result.node.name for result in results_of(compiled)] == ["wrong"]


def test_show_says_only_the_rows_when_it_shall_be_quiet(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "select * from range(7) as t(number)"

    dbtRunner().invoke(["-q", "--log-format", "text", "show", "--inline", query, "--limit", -1])  # type: ignore[list-item] # dbt takes numbers, too

    told = capsys.readouterr().out
    assert "Previewing" not in told
    assert "(7 rows)" in told


def test_what_a_model_logs_is_told_when_it_runs(project: Path) -> None:
    told: list[EventMsg] = []
    query = "select 1 as n{{ log('hello ' ~ is_incremental(), info=true) }}{{ log('quiet') }}"
    text = "{{ config(materialized='incremental') }}" + query
    write_files(project, {"models/talks.sql": text})
    run = ["run", "--select", "talks", "--force"]

    dbtRunner(callbacks=[told.append]).invoke(run)
    dbtRunner(callbacks=[told.append]).invoke(run)

    said = [(e.info.name, e.info.msg, e.info.level) for e in told if e.info.name[:8] == "JinjaLog"]
    assert said == [
        ("JinjaLogInfo", "hello False", "info"),
        ("JinjaLogDebug", "quiet", "debug"),
        ("JinjaLogInfo", "hello True", "info"),
        ("JinjaLogDebug", "quiet", "debug"),
    ]


def test_what_hooks_log_is_told_while_their_node_runs(project: Path) -> None:
    told: list[EventMsg] = []
    macro = (
        "{% macro talk() %}{% if execute %}{% do run_query('create table said as select 1 as n') %}"
        "{{ log('there are ' ~ run_query('select n from said').rows[0][0], info=true) }}"
        "{{ log('quiet') }}{% endif %}{% endmacro %}"
    )
    text = "{{ config(materialized='table', post_hook='{{ talk() }}') }} select 1 as n"
    write_files(project, {"macros/talk.sql": macro, "models/talks.sql": text})

    dbtRunner(callbacks=[told.append]).invoke(["run", "--select", "talks"])

    wanted = {"NodeStart", "NodeFinished"}
    said = [
        e.info.msg if e.info.name.startswith("JinjaLog") else e.info.name
        for e in told
        if e.info.name in wanted or e.info.name.startswith("JinjaLog")
    ]
    assert said == ["NodeStart", "there are 1", "quiet", "NodeFinished"]


def test_what_nobody_asked_for_stays_silent(project: Path) -> None:
    told: list[EventMsg] = []
    write_files(project, {"models/talks.sql": "select 1 as n {{ log('hello', info=true) }}"})

    dbtRunner(callbacks=[told.append]).invoke(["build", "--select", "revenue"])

    assert [each.info.name for each in told if each.info.name == "JinjaLogInfo"] == []


def test_templates_see_what_the_command_acts_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[EventMsg] = []
    monkeypatch.setenv("DBT_ENV_CUSTOM_ENV_TEAM", "blue")
    asks = (
        "select 1 as n {{ log(selected_resources ~ invocation_args_dict.which"
        " ~ invocation_args_dict.select ~ dbt_metadata_envs, info=true) }}"
    )
    write_files(project, {"models/talks.sql": asks})

    dbtRunner(callbacks=[told.append]).invoke(["run", "--select", "talks"])

    [said] = [each.info.msg for each in told if each.info.name == "JinjaLogInfo"]
    assert said == "['model.shop.talks']run['talks']{'TEAM': 'blue'}"


BATCHES = """
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at_time',
          batch_size='day', begin=modules.datetime.datetime(2026, 1, 1), lookback=0) }}
select 1 as id, timestamp '2026-01-02 01:00' as at_time
{{ 'where no_such' if '2026-01-02' in
   (model.config.__dbt_internal_microbatch_event_time_start | string) }}
"""


def test_batches_end_one_by_one_and_a_part_is_no_success(project: Path) -> None:
    told: list[EventMsg] = []
    clock = FixedClock(datetime(2026, 1, 3, 12, tzinfo=UTC))
    write_files(project, {"models/daily.sql": BATCHES})

    ended = dbtRunner(callbacks=[told.append], clock=clock).invoke(["run", "--select", "daily"])

    [result] = results_of(ended)
    kept = json.loads((project / "target/run_results.json").read_text())["results"][0]
    first, second = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
    assert (ended.success, result.status) == (False, "partial success")
    assert kept["status"] == "partial success"
    assert kept["batch_results"] == {
        "successful": [[first, second], ["2026-01-03T00:00:00+00:00", "2026-01-04T00:00:00+00:00"]],
        "failed": [[second, "2026-01-03T00:00:00+00:00"]],
    }
    assert result.batch_results is not None
    assert [e.data.status for e in told if e.info.name == "LogBatchResult"] == [
        "success",
        "error",
        "success",
    ]
    said = "\n".join(each.info.msg for each in told)
    assert "PARTIAL SUCCESS (2/3)" in said
    assert "Completed with 1 partial success" in said
    folder = project / "target/compiled/shop/models/daily"
    assert sorted(path.name for path in folder.iterdir()) == [
        "daily_2026-01-01.sql",
        "daily_2026-01-02.sql",
        "daily_2026-01-03.sql",
    ]


def test_a_retry_builds_the_batches_of_the_run_that_it_retries(project: Path) -> None:
    clock = FixedClock(datetime(2026, 1, 3, 12, tzinfo=UTC))
    write_files(project, {"models/daily.sql": BATCHES})
    dbtRunner(clock=clock).invoke(["run", "--select", "daily"])
    clock.advance(timedelta(days=10))
    write_files(project, {"models/daily.sql": BATCHES.partition("{{ 'where")[0]})

    ended = dbtRunner(clock=clock).invoke(["retry"])

    [result] = results_of(ended)
    assert result.batch_results is not None
    assert ended.success
    assert max(end for _start, end in result.batch_results.successful)[:10] == "2026-01-04"


def test_an_option_that_is_false_is_said(project: Path) -> None:
    dbtRunner().invoke(["docs", "generate"], compile=False)

    document = json.loads((project / "target/manifest.json").read_text())
    assert document["nodes"]["model.shop.revenue"].get("compiled_code") is None


def test_results_tell_the_options_that_a_caller_gave_by_name(project: Path) -> None:
    ended = dbtRunner().invoke(["run"], log_format="json", version_check=False)

    args = results_of(ended).args
    assert (args["log_format"], args["version_check"]) == ("json", False)


def test_compile_has_seeds_among_its_results_without_sql(project: Path) -> None:
    results = results_of(dbtRunner().invoke(["compile"]))

    assert results[0].node.unique_id == "seed.shop.raw_orders"
    assert results[0].node.compiled_code is None


def test_secrets_among_the_variables_are_not_told(project: Path) -> None:
    words = ["run", "--vars", "{DBT_ENV_SECRET_key: abc, other: def}"]

    dbtRunner().invoke(words)

    document = json.loads((project / "target/run_results.json").read_text())
    assert document["args"]["vars"] == {"DBT_ENV_SECRET_key": "*****", "other": "def"}


def test_events_tell_what_the_environment_says_of_the_command(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_ENV_CUSTOM_ENV_JOB", "nightly")
    heard: list[EventMsg] = []

    dbtRunner(callbacks=[heard.append]).invoke(["ls"])

    assert {tuple(event.info.extra.items()) for event in heard} == {(("JOB", "nightly"),)}


def test_compile_has_no_result_of_an_ephemeral_model_that_nobody_names(project: Path) -> None:
    text = "{{ config(materialized='ephemeral') }} select 1 as a"
    write_files(project, {"models/hidden.sql": text})

    every = results_of(dbtRunner().invoke(["compile"]))
    named = results_of(dbtRunner().invoke(["compile", "--select", "hidden"]))

    assert "hidden" not in {each.node.name for each in every}
    assert [each.node.name for each in named] == ["hidden"]


def test_the_result_of_a_unit_test_names_the_model_that_it_tests(project: Path) -> None:
    test = (
        "unit_tests:\n  - name: t\n    model: revenue\n    given:\n"
        "      - {input: ref('stg_orders'), rows: []}\n    expect: {rows: []}\n"
    )
    write_files(project, {"models/unit.yml": test})

    results = results_of(dbtRunner().invoke(["build"]))

    tested = [each.node.get("tested_node_unique_id") for each in results]
    assert [each for each in tested if each] == ["model.shop.revenue"]


def test_entries_of_the_manifest_have_no_keys_that_dbts_schema_forbids(project: Path) -> None:
    source = "sources:\n  - name: raw\n    tables: [{name: orders}]\n"
    write_files(project, {"models/sources.yml": source})

    document = record_of(dbtRunner().invoke(["parse"]))

    assert "group" not in document["sources"]["source.shop.raw.orders"]
    assert "language" not in document["nodes"]["seed.shop.raw_orders"]
    assert not {"functions", "group"} & set(document["exposures"]["exposure.shop.board"])
