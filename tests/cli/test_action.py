"""The action of pull requests and the pre-commit hook: what they call exists and does its work."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from tests.cli.conftest import RENAMED, SOURCE, git, write_files

from headwater.cli.main import COMMANDS, Commands, hw

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
SCRIPTS = {name: step["run"] for name, step in STEPS.items() if "run" in step}

GH = """\
#!/usr/bin/env bash
echo "$*" >> "$CALLS"
case "$*" in
  *--paginate*) echo "$KNOWN" ;;
  *PATCH*) exit "${PATCH:-0}" ;;
  *POST*) exit "${POST:-0}" ;;
esac
"""


def command_of(verb: str) -> click.Command:
    assert isinstance(hw, Commands)
    found = hw.get_command(click.Context(hw), verb)
    assert found is not None
    return found


def flags_of(script: str) -> list[tuple[str, list[str]]]:
    """Return the verb and the flags of each call of ``hw`` in a script."""
    found = []
    for call in re.findall(r'bin/hw" (.*?)(?:\|\||$)', script.replace("\\\n", " "), re.MULTILINE):
        words = shlex.split(call)
        found.append((words[0], [word for word in words if word.startswith("--")]))
    return found


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_every_verb_and_flag_exists(script: str) -> None:
    for verb, flags in flags_of(script):
        known = {option for each in command_of(verb).params for option in each.opts}

        assert verb in COMMANDS
        assert set(flags) <= known


def test_the_script_calls_a_plan() -> None:
    assert [verb for verb, _ in flags_of(SCRIPTS["Plan"])] == ["plan"]


def test_the_hook_calls_a_verb_without_files() -> None:
    [hook] = HOOKS

    program, verb = hook["entry"].split()
    assert (program, verb in COMMANDS, hook["pass_filenames"]) == ("hw", True, False)
    assert re.search(hook["files"], "models/orders.sql")


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_nothing_of_a_pull_request_is_written_into_a_script(script: str) -> None:
    assert "${{" not in script


def test_every_input_is_described_and_used() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")

    for name, given in ACTION["inputs"].items():
        assert given["description"].strip()
        assert f"inputs.{name}" in text


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as a runner does, with the variables of a job."""
    temporary = folder / "runner"
    bin_ = temporary / "headwater" / "bin"
    bin_.mkdir(parents=True, exist_ok=True)
    program = bin_ / "hw"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m headwater "$@"\n')
    program.chmod(0o755)
    (folder / "gh").write_text(GH)
    (folder / "gh").chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": SOURCE,
        "RUNNER_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(folder / "output.txt"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_REPOSITORY": "acme/shop",
        "CALLS": str(folder / "calls.txt"),
        **variables,
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=variables.get("WORKSPACE", folder),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def outputs(folder: Path) -> dict[str, str]:
    lines = (folder / "output.txt").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def checkout(repository: Path, project: Path, tmp_path: Path) -> Path:
    """Make the shallow checkout of a pull request's merge that a job begins with."""
    git(repository, "checkout", "-q", "-b", "change")
    write_files(project, {"models/revenue.sql": RENAMED})
    git(repository, "commit", "-qam", "rename")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "merge", "change")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    folder = tmp_path / "checkout"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(folder))
    return folder


def plan(folder: Path, checkout: Path, **variables: str) -> dict[str, str]:
    given: dict[str, Any] = {
        "WORKSPACE": str(checkout),
        "PROJECT_DIR": "shop",
        "BASE": "",
        "BEFORE": "",
        "ARGUMENTS": "",
        "PULL_REQUEST": "7",
        "GITHUB_SHA": git(checkout, "rev-parse", "HEAD"),
    }
    done = shell(SCRIPTS["Plan"], folder, **{**given, **variables})
    assert done.returncode == 0, done.stderr
    return outputs(folder)


def test_a_pull_request_is_compared_with_what_it_is_merged_into(
    checkout: Path, repository: Path, tmp_path: Path
) -> None:
    found = plan(tmp_path, checkout)

    comment = Path(found["comment"]).read_text(encoding="utf-8")
    base = git(repository, "rev-parse", "HEAD^1")
    assert found["exit-code"] == "3"
    assert comment.startswith("<!-- headwater-plan shop/")
    assert f"Compared with {base[:7]}" in comment
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == comment
    assert Path(found["plan"]).stat().st_size
    assert Path(found["sarif"]).stat().st_size


def test_a_push_is_compared_with_the_commit_before(
    checkout: Path, repository: Path, tmp_path: Path
) -> None:
    before = git(repository, "rev-parse", "HEAD^1")

    found = plan(tmp_path, checkout, PULL_REQUEST="", BEFORE=before)

    assert found["exit-code"] == "3"


@pytest.mark.parametrize("before", ["", "0" * 40])
def test_without_a_commit_before_the_plan_is_that_of_what_is_deployed(
    checkout: Path, tmp_path: Path, before: str
) -> None:
    found = plan(tmp_path, checkout, PULL_REQUEST="", BEFORE=before)

    comment = Path(found["comment"]).read_text(encoding="utf-8")
    assert found["exit-code"] == "0"
    assert "Compared with nothing" in comment or "has not been built" in comment


def test_arguments_are_words_and_no_script(checkout: Path, tmp_path: Path) -> None:
    arguments = "--accept HW3002 --vars {a:$(touch$IFS/tmp/x);b} `id`"

    allowed = plan(tmp_path, checkout, ARGUMENTS="--accept HW3002")
    (tmp_path / "output.txt").unlink()
    refused = plan(tmp_path, checkout, ARGUMENTS=arguments)

    assert allowed["exit-code"] == "0"
    assert refused["exit-code"] == "2"


def test_a_base_that_does_not_exist_ends_with_its_code_and_without_a_comment(
    checkout: Path, tmp_path: Path
) -> None:
    found = plan(tmp_path, checkout, BASE="no-such-branch")

    assert found == {"exit-code": "2"}


def comment(folder: Path, **variables: str) -> tuple[list[str], str]:
    (folder / "comment.md").write_text("<!-- headwater-plan shop/dev -->\n### Headwater\n")
    given = {"COMMENT": str(folder / "comment.md"), "PULL_REQUEST": "7", "KNOWN": ""}
    done = shell(SCRIPTS["Comment"], folder, **{**given, **variables})
    assert done.returncode == 0, done.stderr
    calls = (folder / "calls.txt").read_text().splitlines()
    return [call for call in calls if "--paginate" not in call], done.stdout


def test_the_first_comment_is_posted(tmp_path: Path) -> None:
    calls, _ = comment(tmp_path)

    place = "repos/acme/shop/issues/7/comments"
    assert calls == [f"api --silent --method POST {place} --field body=@{tmp_path}/comment.md"]


def test_the_next_one_replaces_it(tmp_path: Path) -> None:
    calls, _ = comment(tmp_path, KNOWN="41\n" + "42\n" * 40_000)

    [call] = calls
    assert "--method PATCH repos/acme/shop/issues/comments/41" in call


def test_a_comment_of_somebody_else_is_left_alone_and_another_posted(tmp_path: Path) -> None:
    calls, _ = comment(tmp_path, KNOWN="41", PATCH="1")

    assert [call.split()[3] for call in calls] == ["PATCH", "POST"]


def test_a_token_that_may_not_write_is_a_warning(tmp_path: Path) -> None:
    _, said = comment(tmp_path, POST="1")

    assert said.startswith("::warning::")


@pytest.mark.parametrize("code", ["0", "2", "3"])
def test_the_job_ends_as_the_plan_did(tmp_path: Path, code: str) -> None:
    done = shell(SCRIPTS["End as the plan did"], tmp_path, EXIT_CODE=code)

    assert done.returncode == int(code)


def test_the_action_itself_is_what_is_installed(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\nprintf \'#!/bin/sh\\necho "$*" > "%s/installed"\\n\' '
        f'"{tmp_path}" > "$3/bin/python"\nchmod +x "$3/bin/python"\n'
    )
    python.chmod(0o755)

    done = shell(SCRIPTS["Install Headwater"], tmp_path, GITHUB_ACTION_PATH="/actions/headwater")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "installed").read_text().split()[-1] == "/actions/headwater"
