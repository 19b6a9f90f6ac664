"""The plan as text: readable without colour, at any width, with nothing that is not in the plan."""

from dataclasses import replace

import pytest
from tests.plan.literate import cases, plan_of_case
from tests.plan.world import World, with_sources

from headwater.base.ids import NodeId
from headwater.base.units import UNKNOWN, Estimate
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Change, Cost, Plan, Totals
from headwater.plan.show import show_markdown, show_plan, style_plan

CASES = [case.read_text(encoding="utf-8") for case in cases()]
EMPTY = Plan(
    project="shop", target="prod", checksum="", compared_with="run-1", created_at="", steps=()
)


def test_an_empty_plan_is_one_line() -> None:
    assert show_plan(EMPTY) == ("Nothing to do: 0 unchanged. Compared with prod @ run-1",)


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("width", [40, 72, 100, 200])
def test_every_width_says_the_same_words(text: str, width: int) -> None:
    plan, _, _ = plan_of_case(text)

    shown = " ".join(" ".join(show_plan(plan, width=width)).split())

    for finding in plan.diagnostics if not plan.is_empty else ():
        assert " ".join(finding.what.split()) in shown
        assert finding.code in shown
    for change in plan.changes:
        assert change.lines[0].split()[0] in shown


@pytest.mark.parametrize("text", CASES)
def test_styles_only_add_to_the_text(text: str) -> None:
    plan, _, _ = plan_of_case(text)

    styled = tuple("".join(part.text for part in line).rstrip() for line in style_plan(plan))

    assert styled == show_plan(plan)
    assert not any("\x1b" in line or "\n" in line for line in styled)


def test_an_unknown_is_a_question_mark_never_nothing() -> None:
    graph = World().seed("codes", "code VARCHAR").graph()
    plan = make_plan(graph, with_sources(graph), PlanOptions())

    shown = "\n".join(show_plan(plan))

    assert "$0" not in shown
    assert "?   unknown" in shown
    assert "1 step not estimated" in shown


def test_a_sum_with_an_unknown_part_is_a_lower_bound() -> None:
    partly = Estimate(value=1.5, low=1.0, high=None, grade="unknown")
    graph = World().model("a", "select 1 as x").graph()
    plan = make_plan(graph, with_sources(graph), PlanOptions())
    totals = replace(plan.totals, cost=Cost(cpu_seconds=partly, dollars=UNKNOWN))

    shown = "\n".join(show_plan(replace(plan, totals=totals)))

    assert ">=1.5 s   unknown in part" in shown


def test_markdown_cannot_be_broken_out_of() -> None:
    change = Change(
        node=NodeId("model.shop.x"),
        sign="~",
        lines=("config note: a | b ``` </details>",),
        breaking=True,
    )
    plan = replace(EMPTY, changes=(change,), totals=Totals(rebuild=1))

    text = show_markdown(plan)

    table, _, fence = text.partition("<details>")
    assert "a \\| b" in table
    assert fence.count("```") == 2
    assert "**breaking**" in table


def test_markdown_folds_the_whole_plan_away() -> None:
    plan, _, _ = plan_of_case(CASES[0])

    text = show_markdown(plan)

    assert text.startswith("### Plan: ")
    for line in show_plan(plan):
        assert line in text
