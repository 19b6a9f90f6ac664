"""The plan on a terminal: colour where it is wanted, the same words everywhere, seeds estimated."""

import re
from pathlib import Path

import pytest
from tests.cli.conftest import Hw

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_colour_only_adds_to_the_words(hw: Hw, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = hw("plan").out
    monkeypatch.setenv("FORCE_COLOR", "1")

    coloured = hw("plan").out

    assert ESCAPE.sub("", coloured) == plain
    assert "\x1b[32m+ revenue" in coloured
    assert "\x1b[1mCOST" in coloured
    assert "\x1b" not in plain


def test_a_first_plan_estimates_seeds_and_what_reads_them(hw: Hw) -> None:
    plan = hw("plan", "--output", "json").document

    seeds = [step for step in plan["steps"] if step["kind"] == "seed"]
    assert [step["cost"]["bytes_read"]["grade"] for step in seeds] == ["exact"]
    assert plan["totals"]["not_estimated"] == 0


def test_a_new_input_is_said_to_change_in_this_plan(hw: Hw) -> None:
    hw("build")
    with Path("seeds/raw_orders.csv").open("a", encoding="utf-8") as file:
        file.write("4,grace,1.0\n")

    shown = hw("plan").out

    assert "rebuild: reads raw_orders, which changes in this plan" in shown
