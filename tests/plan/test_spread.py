"""Intervals from how far earlier predictions were off, of steps and of whole plans."""

import math
import random

import pytest

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.units import UNKNOWN, Estimate, exact
from headwater.plan.plan import Cost
from headwater.plan.spread import Spread, measure_spread, total_of
from headwater.plan.state import NodeRun, State


def measured(value: float, runs: int = 3, factor: float = 1.5) -> Estimate:
    low, high = value / factor, value * factor
    return Estimate(value=value, low=low, high=high, grade="measured", runs=runs)


def history(ratios: list[float], run: str = "") -> State:
    found = {
        NodeId(f"model.shop.m{place}"): (
            NodeRun(
                run_id=RunId(run or f"r{place}"),
                action="rebuild",
                fingerprint="f",
                meter=Meter(cpu_seconds=2.0 * ratio),
                rows=1,
                input_bytes=None,
                at="",
                expected=Cost(cpu_seconds=measured(2.0)),
            ),
        )
        for place, ratio in enumerate(ratios)
    }
    return State(history=found)


def spread_of(state: State) -> Spread:
    return measure_spread(state, dict.fromkeys(state.history, "build"))


def test_few_earlier_predictions_leave_the_interval_as_it_is() -> None:
    assert spread_of(history([2.0] * 19)).around("build", measured(1.0)) == measured(1.0)


def test_the_interval_is_what_held_nine_of_ten() -> None:
    spread = spread_of(history([0.5] + [1.0] * 48 + [1.1] * 49 + [3.0, 4.0]))

    found = spread.around("build", measured(10.0))

    assert found.low == pytest.approx(10.0)
    assert found.high == pytest.approx(11.0)
    assert spread.around("test", measured(10.0)) == measured(10.0)
    assert spread.around("build", measured(10.0, runs=1)) == measured(10.0, runs=1)


def test_intervals_that_held_too_little_grow() -> None:
    ratios = [0.2, 0.25, *[1.0] * 76, 4.0, 5.0, *[1.6] * 10]  # 14 of 90 lie outside of factor 1.5

    found = spread_of(history(ratios)).around("build", measured(1.0))

    assert found.low == pytest.approx(0.25)
    assert found.high == pytest.approx(4.0)


def test_a_value_is_never_outside_its_own_interval() -> None:
    found = spread_of(history([2.0] * 40)).around("build", measured(1.0))

    assert (found.low, found.value) == (1.0, 1.0)
    assert found.high == pytest.approx(2.0)


def test_intervals_hold_nine_of_ten_of_what_comes() -> None:
    chance = random.Random(3)  # noqa: S311 - a generator of cases
    held = 0
    for _ in range(300):
        drawn = [math.exp(chance.gauss(0, 0.3)) for _ in range(60)]
        found = spread_of(history(drawn)).around("build", measured(1.0))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= math.exp(chance.gauss(0, 0.3)) <= found.high

    assert 255 <= held <= 290


def test_parts_that_deviate_independently_cancel_out_in_part() -> None:
    total = total_of([measured(1.0, factor=1.5)] * 100, Spread())

    assert total.value == pytest.approx(100)
    assert total.high is not None
    assert 110 < total.high < 120  # the sum of all ends would be 150


def test_one_part_is_its_own_total() -> None:
    assert total_of([measured(2.0)], Spread()) == measured(2.0)


def test_earlier_totals_give_the_interval_of_a_total() -> None:
    errors = tuple(math.log(1 + share / 100) for share in range(-10, 11))

    total = total_of([measured(50.0), measured(50.0)], Spread(totals=errors))

    assert total.low == pytest.approx(90)
    assert total.high == pytest.approx(110)


def test_steps_of_one_run_are_one_total() -> None:
    spread = spread_of(history([1.0, 1.5, 0.5], run="r"))

    [total] = spread.totals
    assert total == pytest.approx(0.0)


def test_what_is_unknown_stays_unknown() -> None:
    assert total_of([UNKNOWN], Spread()) == UNKNOWN
    assert total_of([], Spread()) == exact(0)
    assert total_of([UNKNOWN, measured(1.0)], Spread()).grade == "unknown"
    assert spread_of(history([1.0] * 30)).around("build", UNKNOWN) == UNKNOWN


def test_clocks_that_went_wrong_teach_nothing() -> None:
    assert spread_of(history([0.0] * 30 + [-1.0] * 30)) == Spread()
