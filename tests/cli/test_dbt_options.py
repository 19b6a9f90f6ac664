"""dbt's flags: supported, without effect, or refused by name with what to do instead."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

from headwater.cli.dbt_options import option_fault_or_none, prepare

# What dbt-core 1.11.16 prints for each verb (`dbt VERB --help`), without the aliases of one flag.
OF_DBT = {
    "compile": "--exclude --full-refresh --no-introspect --empty --select --selector --inline "
    "--target-path --threads --vars --profiles-dir --project-dir",
    "build": "--empty --event-time-start --event-time-end --exclude --export-saved-queries "
    "--full-refresh --include-saved-query --resource-type --exclude-resource-type --sqlparse "
    "--sample --select --model --selector --show --store-failures --target-path --threads --vars "
    "--fail-fast --no-fail-fast --defer --state --favor-state --warn-error --warn-error-options "
    "--quiet --log-format --log-level --log-path --debug --use-colors --no-use-colors "
    "--no-partial-parse --no-version-check --no-send-anonymous-usage-stats --single-threaded "
    "--indirect-selection --cache-selected-only --no-populate-cache --printer-width --no-print",
    "test": "--exclude --resource-type --select --selector --store-failures --threads --vars",
    "show": "--exclude --full-refresh --output --limit --select --inline --inline-direct",
    "docs generate": "--no-compile --exclude --select --selector --empty-catalog --static",
    "ls": "--exclude --models --output --output-keys --resource-type --exclude-resource-type",
    "deps": "--source --lock --upgrade --add-package",
    "debug": "--connection --config-dir",
    "clean": "--no-clean-project-files-only",
    "snapshot": "--empty --exclude --select",
    "seed": "--show --full-refresh",
}
WITH_VALUE = {"--select", "--exclude", "--models", "--model", "--selector", "--inline",
              "--inline-direct",
              "--target-path", "--threads", "--vars", "--profiles-dir", "--project-dir",
              "--resource-type", "--exclude-resource-type", "--output", "--output-keys",
              "--limit", "--indirect-selection", "--log-format", "--log-level", "--log-path",
              "--printer-width", "--warn-error-options", "--sample", "--state", "--defer-state",
              "--event-time-start", "--event-time-end"}  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "option"),
    [(verb, option) for verb, options in OF_DBT.items() for option in options.split()],
)
def test_every_option_of_dbt_is_known(hw: Hw, verb: str, option: str) -> None:
    value = ("none",) if option in WITH_VALUE else ()

    ended = hw(*verb.split(), option, *value, "--help")

    if option_fault_or_none(option, verb) is None:
        assert ended.code == 0, ended.err
    else:
        assert ended.code == 2
        assert "HW1914" in ended.err
        assert f"`{option}`" in ended.err
        assert "hint:" in ended.err


@pytest.mark.parametrize(
    ("command", "words"),
    [("freshness", "hw source"), ("lint", "hw check")],
)
def test_a_command_of_dbt_that_is_missing_says_what_to_use(
    hw: Hw, command: str, words: str
) -> None:
    ended = hw(command)

    assert ended.code == 2
    assert words in ended.err


def test_an_option_that_nobody_has_is_a_usage_error_with_the_nearest(hw: Hw) -> None:
    ended = hw("build", "--target-pth", "x")

    assert ended.code == 2
    assert "HW1902" in ended.err
    assert "--target-path" in ended.err


def test_global_options_may_stand_anywhere() -> None:
    prepared = prepare(["--no-use-colors", "build", "--no-partial-parse", "-s", "a", "--quiet"])

    assert prepared.arguments == ("build", "-s", "a")
    assert prepared.colour is False
    assert prepared.quiet


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("--target prod build -s a", "build --target prod -s a"),
        ("--log-format json --log-level debug run", "run"),
        ("run --log-format=json --log-path /tmp/x --debug --no-print", "run"),
        ("--profiles-dir p docs generate -s a", "docs generate --profiles-dir p -s a"),
        ("--version", "--version"),
        ("--target prod --help", "--target prod --help"),
        ("--no-version-check", ""),
        ("", ""),
    ],
)
def test_what_stands_before_the_verb_is_read(given: str, read: str) -> None:
    assert " ".join(prepare(given.split()).arguments) == read


def test_what_stands_after_two_hyphens_is_left_alone() -> None:
    assert prepare(["sql", "--", "--quiet"]).arguments == ("sql", "--", "--quiet")


def test_quiet_tells_only_errors(hw: Hw, project: Path) -> None:
    quiet = hw("build", "--quiet")
    write_files(project, {"models/lost.sql": "select * from {{ ref('nowhere') }}"})
    faulty = hw("build", "--quiet")

    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert faulty.code == 2
    assert "HW1203" in faulty.err


def test_list_is_ls_in_the_order_of_unique_ids(hw: Hw) -> None:
    listed = hw("list", "--output", "json")

    ids = [json.loads(line)["unique_id"] for line in listed.out.splitlines()]
    assert ids == sorted(ids)
    assert "model.shop.revenue" in ids


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (("--resource-type", "model", "seed"), {"model", "seed"}),
        (("--resource-type", "model", "--resource-type", "seed"), {"model", "seed"}),
        (("--exclude-resource-type", "test", "exposure"), {"model", "seed"}),
        (("--resource-type", "all"), {"model", "seed", "test", "exposure"}),
    ],
)
def test_kinds_of_nodes_are_chosen(hw: Hw, options: tuple[str, ...], kinds: set[str]) -> None:
    listed = hw("ls", "--output", "json", *options)

    assert {json.loads(line)["resource_type"] for line in listed.out.splitlines()} == kinds


def test_a_build_of_some_kinds_builds_only_these(hw: Hw) -> None:
    built = hw("build", "--resource-type", "seed", "--output", "json")

    done = {r["node"] for r in built.document["results"] if r["status"] == "success"}
    assert done == {"seed.shop.raw_orders"}


def test_a_kind_that_there_is_not_is_refused(hw: Hw) -> None:
    ended = hw("build", "--resource-type", "modle")

    assert ended.code == 2
    assert "snapshot" in ended.err


def test_check_and_docs_take_a_selection(hw: Hw, project: Path) -> None:
    hw("build")
    write_files(project, {"models/typo.sql": "select custmer from {{ ref('revenue') }}"})

    assert hw("check").code == 2
    assert hw("check", "-s", "stg_orders").code == 0
    write_files(project, {"models/typo.sql": "select 1 as one"})
    assert hw("docs", "generate", "-s", "revenue").code == 0
    catalog = json.loads((project / "target/catalog.json").read_text())
    assert set(catalog["nodes"]) == {"model.shop.revenue"}
