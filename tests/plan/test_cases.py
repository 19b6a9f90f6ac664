"""Literate cases under tests/cases/plan: the plan shown is the plan made."""

import os
from pathlib import Path

import pytest
from tests.plan.literate import cases, plan_of_case, render_case
from tests.plan.world import apply

from headwater.base.codec import decode, encode
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_case_shows_the_plan_it_tells_of(case: Path) -> None:
    text = case.read_text(encoding="utf-8")

    actual = render_case(text)

    if os.getenv("HEADWATER_UPDATE"):
        case.write_text(actual, encoding="utf-8")
    else:
        assert actual == text


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_plan_of_a_case_survives_json(case: Path) -> None:
    plan, _, _ = plan_of_case(case.read_text(encoding="utf-8"))

    assert decode(Plan, encode(plan)) == plan


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_after_a_plan_nothing_is_left_to_do(case: Path) -> None:
    _, graph, state = plan_of_case(case.read_text(encoding="utf-8"))
    try:
        after = apply(make_plan(graph, state, PlanOptions()), graph, state)
    except KeyError:
        pytest.skip("an input is missing in this case, so its plan cannot be applied")

    assert [
        s.reason for s in make_plan(graph, after, PlanOptions()).steps if s.action != "skip"
    ] == []
