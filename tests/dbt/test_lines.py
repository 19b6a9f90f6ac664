"""dbt's log lines: what a program that starts `dbt` or `hw` reads on stdout and in dbt.log."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import FILES, write_files

from headwater.cli.dbt_options import speaks_dbt
from headwater.dbt import EventMsg, dbtRunner, shell
from headwater.dbt.shell import run

SOURCE = str(Path(shell.__file__).parents[2])


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


def events_of(text: str) -> list[dict[str, Any]]:
    """Read lines, every one of which must be an event."""
    return [json.loads(line) for line in text.splitlines()]


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["info"]["name"] == name]


def test_a_build_in_json_tells_what_programs_read(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["--log-format", "json", "--log-level", "debug", "build"])

    events = events_of(capsys.readouterr().out)
    assert code == 0
    assert {"info", "data"} == set(events[0])
    assert {*events[0]["info"]} == {
        *("category", "code", "extra", "invocation_id", "level", "msg", "name", "pid", "thread"),
        "ts",
    }
    names = [event["info"]["name"] for event in events]
    assert names[0] == "MainReportVersion"
    assert names[-1] == "CommandCompleted"
    model = next(
        e
        for e in named(events, "LogModelResult")
        if e["data"]["node_info"]["node_name"] == "revenue"
    )
    assert model["info"]["code"] == "Q012"
    assert model["data"]["description"] == "sql table model main.revenue"
    assert model["data"]["node_info"] == {
        **model["data"]["node_info"],
        "unique_id": "model.shop.revenue",
        "resource_type": "model",
        "materialized": "table",
        "node_path": "revenue.sql",
        "node_status": "success",
        "node_relation": {
            "database": "shop",
            "schema": "main",
            "alias": "revenue",
            "relation_name": '"shop"."main"."revenue"',
        },
    }
    assert (
        model["data"]["node_info"]["node_finished_at"]
        >= model["data"]["node_info"]["node_started_at"]
    )
    assert named(events, "LogSeedResult")[0]["data"]["relation"] == "raw_orders"
    test = named(events, "LogTestResult")[0]["data"]
    assert (test["status"], test["num_failures"]) == ("pass", 0)
    started = [e["data"]["node_info"]["unique_id"] for e in named(events, "NodeStart")]
    finished = [e["data"]["node_info"]["unique_id"] for e in named(events, "NodeFinished")]
    assert sorted(started) == sorted(finished)
    assert [e["data"]["index"] for e in named(events, "LogStartLine")] == [
        *range(1, len(started) + 1)
    ]
    stats = named(events, "StatsLine")[0]["data"]["stats"]
    assert (stats["pass"], stats["error"], stats["total"]) == (len(started), 0, len(started))
    assert named(events, "CommandCompleted")[0]["data"]["success"] is True


def test_what_is_up_to_date_is_told_as_reused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["build"])
    capsys.readouterr()

    run(["--log-format", "json", "run"])

    events = events_of(capsys.readouterr().out)
    ended = {
        event["data"]["node_info"]["node_name"]: event["data"]["node_info"]["node_status"]
        for event in named(events, "LogModelResult")
    }
    assert ended == {"stg_orders": "reused", "revenue": "reused"}
    assert {e["data"]["total"] for e in named(events, "LogModelResult")} == {2}
    assert named(events, "StatsLine")[0]["data"]["stats"]["reused"] == 2


def test_a_failure_is_told_when_it_happens_and_again_at_the_end(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n1,a,1\n1,a,2\n"})

    code = run(["--log-format", "json", "build"])

    events = events_of(capsys.readouterr().out)
    assert code == 1
    failed = next(e for e in named(events, "LogTestResult") if e["data"]["status"] == "fail")
    assert failed["info"]["level"] == "error"
    assert failed["data"]["num_failures"] == 1
    assert named(events, "SkippingDetails")[0]["data"]["node_info"]["node_status"] == "skipped"
    again = {event["data"]["node_name"] for event in named(events, "RunResultFailure")}
    assert "unique_stg_orders_order_id" in again
    assert named(events, "RunResultError")
    assert named(events, "EndOfRunSummary")[0]["data"]["num_errors"] > 0
    assert named(events, "StatsLine")[0]["data"]["stats"]["skip"] > 0


def test_faults_of_the_project_are_told_and_end_with_two(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(project, {"models/lost.sql": "select * from {{ ref('nowhere') }}"})

    code = run(["--log-format", "json", "run"])

    events = events_of(capsys.readouterr().out)
    assert code == 2
    assert "nowhere" in named(events, "MainEncounteredError")[0]["data"]["exc"]


def test_text_looks_as_dbt_has_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["run", "--select", "+revenue"])
    run(["build"])

    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if "seed file main.raw_orders" in line]
    assert told[0][2::3][:2] == "::"
    assert "START seed file main.raw_orders ..." in told[0]
    assert told[0].endswith("... [RUN]")
    assert any("Done. PASS=" in line for line in lines)


def test_listed_nodes_are_bare_lines_and_come_through_quiet(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["-q", "--log-format", "text", "ls", "--resource-type", "model"])

    assert (code, capsys.readouterr().out.split()) == (0, ["shop.revenue", "shop.stg_orders"])


def test_listed_nodes_are_events_in_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["--log-format", "json", "list", "--resource-type", "model", "--output", "name"])

    events = events_of(capsys.readouterr().out)
    assert [e["data"]["msg"] for e in named(events, "PrintEvent")] == ["revenue", "stg_orders"]


def test_the_log_file_has_its_own_format_and_level(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--log-path", "lines", "--log-format-file", "json", "--log-level", "none"]

    run([*options, "--log-level-file", "debug", "build"])
    run([*options, "--log-level-file", "warn", "build"])

    assert capsys.readouterr().out == ""
    events = events_of((project / "lines" / "dbt.log").read_text(encoding="utf-8"))
    assert len(named(events, "MainReportVersion")) == 1
    assert named(events, "NodeFinished")


def test_a_full_log_file_is_put_aside(project: Path) -> None:
    (project / "logs").mkdir()
    (project / "logs" / "dbt.log").write_text("x" * 200)

    run(["--log-path", "logs", "--log-file-max-bytes", "100", "ls"])

    assert (project / "logs" / "dbt.log.1").read_text() == "x" * 200
    assert "MainReportVersion" not in (project / "logs" / "dbt.log.1").read_text()
    assert "Running with dbt=" in (project / "logs" / "dbt.log").read_text()


def test_secrets_of_the_environment_are_never_written(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_TOKEN", "nowhere_secret")
    write_files(project, {"models/lost.sql": "select * from {{ ref('nowhere_secret') }}"})

    run(["--log-format", "json", "--log-path", "logs", "run"])

    told = capsys.readouterr().out + (project / "logs" / "dbt.log").read_text()
    assert "nowhere_secret" not in told
    assert "*****" in told


@pytest.mark.parametrize(
    "words",
    [
        ["--log-format", "xml", "ls"],
        ["--log-level", "loud", "ls"],
        ["--log-file-max-bytes", "many", "--log-path", "logs", "ls"],
        ["--log-path", "dbt_project.yml", "ls"],
    ],
)
def test_logging_that_cannot_be_is_refused(
    project: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(words)

    assert code == 2
    assert "usage-invalid" in capsys.readouterr().err
    assert dbtRunner().invoke(words).success is False


def test_the_environment_asks_for_lines_as_words_do(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_LOG_FORMAT", "json")
    monkeypatch.setenv("DBT_LOG_PATH", "elsewhere")

    run(["ls"])

    assert named(events_of(capsys.readouterr().out), "PrintEvent")
    assert (project / "elsewhere" / "dbt.log").exists()


def test_a_caller_of_python_gets_lines_only_when_it_asks(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[EventMsg] = []

    dbtRunner(callbacks=[events.append]).invoke(["ls"])
    silent = capsys.readouterr().out
    dbtRunner(callbacks=[events.append]).invoke(["--log-format", "json", "ls"])

    assert silent == ""
    assert events_of(capsys.readouterr().out)[-1]["info"]["name"] == "PrintEvent"
    assert json.loads(json.dumps(events[0].to_dict()))["info"]["name"] == "MainReportVersion"


@pytest.mark.parametrize(
    ("program", "words", "environment", "expected"),
    [
        ("hw", ["build"], {}, False),
        ("hw", ["build", "--quiet"], {}, False),
        ("hw", ["--log-format", "json", "build"], {}, True),
        ("hw", ["build", "--log-level=debug"], {}, True),
        ("hw", ["build"], {"DBT_LOG_FORMAT": "json"}, True),
        ("/usr/bin/dbt", ["build"], {}, True),
        ("dbt.exe", ["build"], {}, True),
        ("hw", ["parse", "--log-format", "otel", "--log-level-file", "off"], {}, False),
    ],
)
def test_who_is_answered_in_dbts_manner(
    program: str, words: list[str], environment: dict[str, str], expected: bool
) -> None:
    assert speaks_dbt(program, words, environment) is expected


def test_it_can_be_called_as_dbt_is(project: Path) -> None:
    def dbt(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "headwater.dbt", *words],
            env={**os.environ, "PYTHONPATH": SOURCE},
            capture_output=True,
            text=True,
            check=False,
        )

    version = dbt("--version")
    plain = dbt("config", "show")

    assert "- installed: 1." in version.stdout
    assert plain.returncode == 0  # what dbt has not is answered as `hw` does
    assert "threads" in plain.stdout


def test_an_interrupted_command_ends_with_130(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT)
    original = dbtRunner.invoke

    def stopped(self: dbtRunner, args: Any, **options: object) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return original(self, args, **options)

    monkeypatch.setattr(dbtRunner, "invoke", stopped)

    code = run(["build"])

    assert code == 130
    assert "OK created" not in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before


def test_the_age_of_a_source_is_told_with_its_node(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
version: 2
sources:
  - name: shop
    schema: main
    freshness: {warn_after: {count: 1, period: day}}
    loaded_at_field: "timestamp '2020-01-01'"
    tables: [{name: raw_orders}]
"""
    write_files(project, {"models/sources.yml": source})
    run(["seed"])
    capsys.readouterr()

    run(["--log-format", "json", "source", "freshness"])

    told = named(events_of(capsys.readouterr().out), "LogFreshnessResult")
    assert [(e["info"]["level"], e["data"]["status"], e["data"]["index"]) for e in told] == [
        ("warn", "warn", 1)
    ]
    assert told[0]["data"]["node_info"]["unique_id"] == "source.shop.shop.raw_orders"


def test_secrets_reach_the_logger_of_programs_no_more_than_the_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_KEY", "hush-4711")
    monkeypatch.chdir(tmp_path)

    dbtRunner().invoke(["ls", "--project-dir", "hush-4711"])

    assert "*****" in caplog.text
    assert "hush-4711" not in caplog.text
