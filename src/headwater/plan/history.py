"""What a node will use, from what it used: earlier runs scaled to today's inputs.

The order of trust: runs of the same SQL, runs of an earlier version of it, what other steps of the
project took, a prior. Each has its own interval until ``plan.spread`` knows a better one.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from headwater.base.units import UNKNOWN, Estimate, Grade
from headwater.plan.state import NodeRun

Mode = Literal["full", "incremental", "test"]

FACTOR_MANY = 1.15
"""Half width of the interval around three or more runs of the same SQL. Run-to-run variation of
CPU time is 2-3 % (14 % at most) when the inputs are the same."""
FACTOR_FEW = 1.35
"""Likewise around one or two runs."""
FACTOR_OTHER = 1.8
"""Likewise around runs of an earlier version of the SQL."""
FACTOR_LEARNED = 2.5
"""Likewise around what other steps of the project took."""
FACTOR_GUESS = 6.0
"""Likewise around a prior."""
RUNS_MANY = 3
AGE_WEIGHT = 0.7
"""A run counts so many times as much as the next newer one."""

CPU_SECONDS_PER_STATEMENT = 0.002
"""CPU time that each statement takes however little it reads, so that it is never scaled. Builds
of a few hundred rows take 5-8 ms for their three statements."""

_ACTIONS: dict[Mode, frozenset[str]] = {
    "full": frozenset({"add", "rebuild"}),
    "incremental": frozenset({"incremental"}),
    "test": frozenset({"test"}),
}


@dataclass(frozen=True, slots=True)
class Basis:
    """Earlier runs to learn from.

    Attributes:
        runs: Newest first; empty when there are none.
        is_same: True when they ran the SQL that is to run now.
    """

    runs: tuple[NodeRun, ...]
    is_same: bool


def mode_of_run(run: NodeRun) -> Mode | None:
    """Return how an earlier run ran its node."""
    return next((mode for mode, actions in _ACTIONS.items() if run.action in actions), None)


def find_basis(history: tuple[NodeRun, ...], fingerprint: str, mode: Mode) -> Basis:
    """Choose the runs to learn from: the same SQL, or else the newest earlier version of it."""
    fitting = [run for run in history if run.action in _ACTIONS[mode]]
    same = tuple(run for run in fitting if run.fingerprint == fingerprint)
    if same or not fitting:
        return Basis(same, is_same=True)
    newest = fitting[0].fingerprint
    return Basis(tuple(run for run in fitting if run.fingerprint == newest), is_same=False)


def fixed_seconds(run: NodeRun) -> float:
    """Return the CPU time of a run that its statements take anyway."""
    return min(run.meter.cpu_seconds, run.meter.statements * CPU_SECONDS_PER_STATEMENT)


def from_runs(
    values: Iterable[float],
    growths: Iterable[float],
    *,
    is_same: bool,
    fixed: Iterable[float] | None = None,
) -> Estimate:
    """Predict from measured values, each scaled by how much more its input is today.

    Args:
        values: What the runs used.
        growths: How many times as much each would read today.
        is_same: True when the runs ran the SQL that is to run now.
        fixed: The part of each value that does not grow with its input; none when left out.
    """
    scales, amounts = list(growths), list(values)
    bases = [0.0] * len(amounts) if fixed is None else list(fixed)
    scaled = [
        base + (amount - base) * growth
        for amount, base, growth in zip(amounts, bases, scales, strict=True)
    ]
    if not scaled:
        return UNKNOWN
    few_or_many = FACTOR_MANY if len(scaled) >= RUNS_MANY else FACTOR_FEW
    factor = few_or_many if is_same else FACTOR_OTHER
    stretch = max(abs(math.log(growth)) if growth > 0 else 0.0 for growth in scales)
    factor *= 1 + 0.3 * stretch  # 0.3: p90 of q-error over a 5x jump of the data is 1.33
    grade: Grade = "measured" if is_same else "modelled"
    return Estimate(
        value=weighted_median(scaled),
        low=min(scaled) / factor,
        high=max(scaled) * factor,
        grade=grade,
        runs=len(scaled) if is_same else 0,
    )


def weighted_median(values: list[float]) -> float:
    """Return the middle of values of which the first is the newest and counts most."""
    ordered = sorted((value, AGE_WEIGHT**age) for age, value in enumerate(values))
    half = sum(weight for _, weight in ordered) / 2
    below = 0.0
    for place, (value, weight) in enumerate(ordered):
        below += weight
        if math.isclose(below, half) and place + 1 < len(ordered):
            return (value + ordered[place + 1][0]) / 2
        if below > half:
            return value
    return ordered[-1][0]


def around(value: float, factor: float, grade: Grade) -> Estimate:
    """Return an estimate whose interval is the value divided and multiplied by a factor."""
    return Estimate(value=value, low=value / factor, high=value * factor, grade=grade)
