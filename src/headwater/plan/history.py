"""What a node will use, from what it used: earlier runs scaled to today's inputs.

The order of trust: runs of the same SQL, runs of an earlier version of it, constants per byte.
Each has its own interval; a number from constants is a guess and says so.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
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
FACTOR_GUESS = 6.0
"""Likewise around constants per byte."""
RUNS_MANY = 3

CPU_SECONDS_PER_BYTE = 1.5e-8
"""CPU time to read, compute and write one compressed byte of input; a prior, not a measurement of
this machine."""
CPU_SECONDS_PER_STEP = 0.005
"""CPU time of a step over next to no rows; likewise a prior."""
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


def find_basis(history: tuple[NodeRun, ...], fingerprint: str, mode: Mode) -> Basis:
    """Choose the runs to learn from: the same SQL, or else the newest earlier version of it."""
    fitting = [run for run in history if run.action in _ACTIONS[mode]]
    same = tuple(run for run in fitting if run.fingerprint == fingerprint)
    if same or not fitting:
        return Basis(same, is_same=True)
    newest = fitting[0].fingerprint
    return Basis(tuple(run for run in fitting if run.fingerprint == newest), is_same=False)


def cpu_from_runs(runs: Iterable[NodeRun], growths: Iterable[float], *, is_same: bool) -> Estimate:
    """Predict CPU time from runs; what their statements take anyway is not scaled."""
    meters = [run.meter for run in runs]
    seconds = [meter.cpu_seconds for meter in meters]
    fixed = [
        min(meter.cpu_seconds, meter.statements * CPU_SECONDS_PER_STATEMENT) for meter in meters
    ]
    return from_runs(seconds, growths, is_same=is_same, fixed=fixed)


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
        value=median(scaled),
        low=min(scaled) / factor,
        high=max(scaled) * factor,
        grade=grade,
        runs=len(scaled) if is_same else 0,
    )


def guess_cpu(bytes_read: Estimate) -> Estimate:
    """Guess CPU time from bytes alone; unknown when the bytes are."""
    if bytes_read.value is None:
        return UNKNOWN
    seconds = CPU_SECONDS_PER_STEP + bytes_read.value * CPU_SECONDS_PER_BYTE
    return around(seconds, FACTOR_GUESS, "guess")


def around(value: float, factor: float, grade: Grade) -> Estimate:
    """Return an estimate whose interval is the value divided and multiplied by a factor."""
    return Estimate(value=value, low=value / factor, high=value * factor, grade=grade)
