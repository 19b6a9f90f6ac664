"""The contract of every verb: its exit code, and one document that keeps its schema."""

import json
import signal
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Hw, start, write_files
from tests.cli.test_commands import check_schema

from headwater.cli.main import COMMANDS

VERBS = {
    "check": ("check",),
    "parse": ("parse",),
    "compile": ("compile",),
    "plan": ("plan",),
    "build": ("build",),
    "apply": ("apply",),
    "run": ("run",),
    "seed": ("seed",),
    "snapshot": ("snapshot",),
    "test": ("test",),
    "retry": ("retry",),
    "clone": ("clone", "--state", "target"),
    "lineage": ("lineage",),
    "migrate": ("migrate", "plan", "raw_orders", "--drop", "amount"),
    "run-operation": ("run-operation", "current_timestamp"),
    "docs": ("docs", "generate"),
    "debug": ("debug",),
    "clean": ("clean",),
    "deps": ("deps",),
    "config": ("config", "show"),
    "source": ("source", "freshness"),
    "cost": ("cost",),
    "price": ("price", "list"),
    "calibrate": ("calibrate", "--rows", "1000"),
    "table": ("table", "list"),
    "ingest": ("ingest", "loaded", "seeds/raw_orders.csv"),
    "sql": ("sql", "select count(*) from revenue"),
    "diff": ("diff", "revenue", "revenue"),
    "show": ("show", "-s", "revenue"),
    "explain": ("explain", "HW1203"),
    "schema": ("schema", "--output", "json"),
    "init": ("init", "fresh"),
}

# Exit codes of style.md, by verb: 0 ok, 1 a node or test failed, 2 usage, config or compile,
# 3 blocked by policy. What needs no compiled project does not mind a fault in a model.
WHEN_MODEL_FAULTY = dict.fromkeys(VERBS, 0) | dict.fromkeys(
    ("check", "compile", "plan", "build", "apply", "run", "lineage", "docs", "show"), 2
)
WHEN_PROFILE_FAULTY = dict.fromkeys(VERBS, 2) | dict.fromkeys(
    ("deps", "explain", "schema", "init", "price"), 0
)
WHEN_NO_PROJECT = dict.fromkeys(VERBS, 2) | dict.fromkeys(
    ("deps", "explain", "schema", "init", "config", "clean", "price"), 0
)


def test_every_verb_is_in_the_table() -> None:
    assert set(VERBS) | {"ls"} == set(COMMANDS)


@pytest.mark.parametrize("verb", VERBS)
def test_success_exits_with_0_and_writes_one_document(hw: Hw, verb: str) -> None:
    hw("build")

    ended = hw(*VERBS[verb], "--output", "json")

    assert ended.code == 0, ended.err
    check_schema(ended.document)


@pytest.mark.parametrize("verb", VERBS)
def test_a_fault_in_a_model_exits_with_2_and_writes_one_document(
    hw: Hw, project: Path, verb: str
) -> None:
    hw("build")
    write_files(project, {"models/typo.sql": "select nope from {{ ref('revenue') }}"})

    ended = hw(*VERBS[verb], "--output", "json")

    assert ended.code == WHEN_MODEL_FAULTY[verb], ended.err
    check_schema(ended.document)
    if ended.code:
        assert "HW2107" in ended.codes


@pytest.mark.parametrize("verb", VERBS)
def test_a_fault_in_the_profile_exits_with_2_and_writes_one_document(
    hw: Hw, project: Path, verb: str
) -> None:
    write_files(
        project,
        {
            "dbt_project.yml": "name: shop\nprofile: shop\n",
            "profiles.yml": "shop:\n  outputs:\n    default: {type: headwater, engine: dukdb}\n",
        },
    )

    ended = hw(*VERBS[verb], "--output", "json")

    assert ended.code == WHEN_PROFILE_FAULTY[verb], ended.err
    check_schema(ended.document)


@pytest.mark.parametrize("verb", VERBS)
def test_no_project_exits_with_2_and_writes_one_document(
    hw: Hw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    ended = hw(*VERBS[verb], "--output", "json")

    assert ended.code == WHEN_NO_PROJECT[verb], ended.err
    check_schema(ended.document)


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_that_there_is_not_exits_with_2_and_writes_one_document(
    hw: Hw, verb: str
) -> None:
    ended = hw(*VERBS[verb], "--nonsense", "--output", "json")

    assert (ended.code, ended.codes) == (2, ["HW1902"])
    check_schema(ended.document)


@pytest.mark.parametrize("verb", ["build", "run", "apply"])
def test_a_blocked_plan_exits_with_3_and_is_the_document(hw: Hw, project: Path, verb: str) -> None:
    write_files(project, {"models/x.sql": "{{ config(materialized='external') }} select 1 as a"})

    ended = hw(verb, "--output", "json")

    assert ended.code == 3
    assert ended.document["schema"] == "headwater.plan/1"
    check_schema(ended.document)


def test_a_failing_test_exits_with_1_and_the_run_is_the_document(hw: Hw, project: Path) -> None:
    hw("build")
    write_files(project, {"tests/never.sql": "select * from {{ ref('revenue') }}"})

    for verb in ("build", "test"):
        ended = hw(verb, "--output", "json")
        assert ended.code == 1
        assert ended.document["schema"] == "headwater.run/1"
        check_schema(ended.document)


def test_a_moved_input_exits_with_4_and_writes_one_document(hw: Hw) -> None:
    hw("plan", "-o", "plan.json")
    hw("build")

    ended = hw("apply", "plan.json", "--output", "json")

    assert ended.code == 4
    check_schema(ended.document)


def test_work_to_do_exits_with_5_where_that_is_asked_for(hw: Hw) -> None:
    assert hw("plan", "--detailed-exitcode").code == 5
    hw("build")
    assert hw("plan", "--detailed-exitcode").code == 0


def test_an_interrupted_build_exits_with_130_and_writes_one_document(project: Path) -> None:
    slow = "select count(*) as n from range(3000000) a join range(3000000) b on a.range < b.range"
    write_files(project, {"models/slow.sql": slow})
    process = start(project, "build", "--output", "json", "--threads", "1", "-s", "slow")
    deadline = time.monotonic() + 20
    while not list((project / ".headwater").glob("**/*slow*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    check_schema(json.loads(out))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_a_locale_cannot_show_is_still_one_document(
    hw: Hw, project: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    process = start(project, "sql", "select 'é→漢😀' as x", "--output", "json")
    out, err = process.communicate(timeout=30)

    assert process.returncode == 0, err
    assert json.loads(out)["rows"] == [["é→漢😀"]]


@pytest.mark.parametrize("arguments", [("--help",), ("explain", "--list"), ("build",), ("ls",)])
def test_a_reader_that_leaves_early_ends_nothing(project: Path, arguments: tuple[str, ...]) -> None:
    process = start(project, *arguments)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stream:
        err = stream.read()

    assert process.wait(timeout=30) == 0, err
    assert "Traceback" not in err
    if arguments == ("build",):
        assert (project / ".headwater/lake/shop/main/revenue/_delta_log").is_dir()


@pytest.mark.parametrize("name", ["my-shop", "my_shop", "shop2"])
def test_a_new_project_builds_at_once(
    hw: Hw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert hw("init", name).code == 0
    monkeypatch.chdir(tmp_path / name)
    assert hw("build").code == 0


def test_a_new_project_may_be_made_in_a_fresh_repository(
    hw: Hw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "fresh"
    write_files(folder, {".git/HEAD": "ref: refs/heads/main", "README.md": "mine\n"})
    monkeypatch.chdir(folder)

    assert hw("init", ".").code == 0
    assert (folder / "README.md").read_text() == "mine\n"
    assert hw("build").code == 0
    assert hw("init", ".").code == 2
