"""How long a plan takes on some threads: chains wait, the rest goes side by side."""

from dataclasses import replace

import pytest
from tests.runs.world import build

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.units import UNKNOWN, ZERO, exact
from headwater.plan.plan import Build, Cost
from headwater.plan.state import NodeRun, State
from headwater.plan.wall import predict_wall


def timed(name: str, seconds: float, *reads: str) -> Build:
    return replace(build(name, "", reads=reads), cost=Cost(cpu_seconds=exact(seconds)))


def wall(steps: list[Build], threads: int, state: State | None = None) -> float:
    found = predict_wall(steps, state or State(), threads)
    assert found.value is not None
    return found.value


def test_independent_steps_share_the_threads() -> None:
    steps = [timed(f"m{place}", 10.0) for place in range(4)]

    assert wall(steps, 1) == pytest.approx(40, abs=1)
    assert wall(steps, 2) == pytest.approx(20, abs=1)
    assert wall(steps, 8) == pytest.approx(10, abs=1)


def test_a_chain_takes_as_long_on_any_number_of_threads() -> None:
    steps = [timed("a", 5.0), timed("b", 5.0, "a"), timed("c", 5.0, "b")]

    assert wall(steps, 1) == wall(steps, 4) == pytest.approx(15, abs=1)


def test_the_longest_way_starts_first() -> None:
    steps = [timed("x", 10.0), timed("y", 10.0), timed("a", 5.0), timed("b", 15.0, "a")]

    assert wall(steps, 2) == pytest.approx(20, abs=1)  # 25 or more when `a` waits


def test_statements_wait_as_they_did_before() -> None:
    run = NodeRun(
        run_id=RunId("r"),
        action="rebuild",
        fingerprint="f",
        meter=Meter(cpu_seconds=1.0, wall_seconds=3.0),
        rows=1,
        input_bytes=None,
        at="",
    )
    state = State(history={NodeId(f"model.shop.m{place}"): (run,) for place in range(10)})

    assert wall([timed("a", 10.0)], 1, state) == pytest.approx(30, abs=1)


def test_no_steps_take_no_time_and_unknown_ones_an_unknown_time() -> None:
    assert predict_wall([], State(), 2) == ZERO
    assert predict_wall([build("a", "")], State(), 2) == UNKNOWN
