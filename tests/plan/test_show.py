"""The plan as text: readable without colour, at any width, with nothing that is not in the plan."""

import re
from dataclasses import replace
from types import MappingProxyType

import pytest
from tests.plan.literate import cases, plan_of_case
from tests.plan.world import World, apply, commit, relation, with_sources

from headwater.base.ids import NodeId
from headwater.base.meters import Meter
from headwater.base.units import UNKNOWN, Estimate, exact
from headwater.plan.build import make_plan
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Change, Cost, Driver, Plan
from headwater.plan.show import show_plan, style_plan
from headwater.plan.state import Prices

CASES = [case.read_text(encoding="utf-8") for case in cases()]
EMPTY = Plan(
    project="shop", target="prod", checksum="c", compared_with="run-1", created_at="", steps=()
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


def test_text_of_users_does_not_steer_the_terminal() -> None:
    (line,) = show_plan(replace(EMPTY, base="\x1b[31mmain\r\n\u202e"))

    assert line == "Nothing to do: 0 unchanged. Compared with \\u001b[31mmain  \\u202e"


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


PRICE = Prices(name="list", cpu_hour=3.6, runs_per_month=100, budget_month=5.0)


def priced(seconds: float) -> str:
    made = World().source("raw", "a BIGINT").model("fct", "select a from {raw}")
    graph = made.graph()
    state = with_sources(graph)
    state = apply(make_plan(graph, state, PlanOptions()), graph, state)
    [run] = state.history[NodeId("model.shop.fct")]
    run = replace(run, meter=Meter(cpu_seconds=seconds))
    history = MappingProxyType({NodeId("model.shop.fct"): (run,)})
    state = commit(replace(state, history=history, prices=PRICE), "raw", size=0)
    return "\n".join(show_plan(make_plan(graph, state, PlanOptions())))


def test_below_a_cent_the_rows_are_told_apart_by_cpu_time() -> None:
    shown = priced(0.0042)

    assert " 4 ms   measured x1" in shown
    assert "4 ms CPU, $0.0000042   measured x1" in shown
    assert "$0.00042    $0.00042          $0   measured x1, +-35 %, budget $5.00" in shown


def test_from_a_cent_on_the_rows_say_dollars() -> None:
    shown = priced(41.0)

    assert " $0.041   measured x1" in shown
    assert "CPU" not in shown
    assert "$4.10       $4.10          $0   measured x1" in shown


@pytest.mark.parametrize("seconds", [1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e9])
def test_money_is_never_written_in_exponents(seconds: float) -> None:
    assert not re.search(r"\$[\d.]+e", priced(seconds))


def test_changed_tests_are_folded_and_models_are_not() -> None:
    changes = tuple(
        Change(node=NodeId(f"{kind}.shop.{kind}_{index}"), sign="~", lines=("x",), breaking=False)
        for kind in ("model", "test")
        for index in range(5)
    )

    shown = show_plan(replace(EMPTY, changes=changes))

    assert sum(line.startswith("~ model_") for line in shown) == 5
    assert [line for line in shown if line.startswith("~ 5 tests")] == [
        "~ 5 tests              changed: test_0, test_1, test_2 and 2 more"
    ]


def test_a_driver_says_what_is_read_and_what_was() -> None:
    driver = Driver(
        relation=relation("stg_orders"),
        before=exact(0.6 * 1024**3),
        after=exact(18.2 * 1024**3),
        is_full_scan=True,
    )
    graph = World().model("a", "select 1 as x").graph()
    plan = make_plan(graph, with_sources(graph), PlanOptions())
    [change] = plan.changes

    shown = show_plan(replace(plan, changes=(replace(change, drivers=(driver,)),)))

    line = "  driver: a now full-scans stg_orders (18.2 GiB, was 614.4 MiB; exact)"
    assert line in shown
