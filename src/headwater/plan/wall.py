"""How long a plan takes: its units laid out on the run's threads, as the executor will do it.

A statement's time is its CPU time, stretched as the project's statements were in earlier runs;
opening a session, committing and recording come on top.
"""

import heapq
from collections.abc import Iterable, Sequence
from statistics import median

from headwater.base.units import UNKNOWN, ZERO, Estimate
from headwater.plan.plan import RunTest, Step
from headwater.plan.schedule import Schedule, Unit, make_units
from headwater.plan.state import NodeRun, State

SECONDS_PER_RUN = 0.09
"""What a run takes besides its steps: a prior, measured once on two busy cores, as the next two."""
SECONDS_PER_BUILD = 0.013
SECONDS_PER_TEST = 0.002
FACTOR_WALL = 2.0
"""Half width of the interval: elapsed time on a shared machine varies up to twofold."""
STRETCH_RUNS_MIN = 10
"""So many earlier runs of steps say how much longer a statement takes than its CPU time."""
STRETCH_RUNS_MAX = 500


def predict_wall(steps: Sequence[Step], state: State, threads: int) -> Estimate:
    """Return the seconds from the first step's start to the last one's end.

    Args:
        steps: Priced steps of a plan.
        state: With earlier runs.
        threads: How many units run at once.
    """
    units = make_units(steps)
    if not units:
        return ZERO
    if any(step.cost.cpu_seconds.value is None for unit in units for step in unit.steps):
        return UNKNOWN
    stretch = _stretch(run for runs in state.history.values() for run in runs[:1])
    seconds = SECONDS_PER_RUN + _end_of(units, stretch, max(1, threads))
    return Estimate(
        value=seconds, low=seconds / FACTOR_WALL, high=seconds * FACTOR_WALL, grade="modelled"
    )


def _stretch(runs: Iterable[NodeRun]) -> float:
    """Return how many times its CPU time a statement takes."""
    ratios = [
        run.meter.wall_seconds / run.meter.cpu_seconds for run in runs if run.meter.cpu_seconds > 0
    ][:STRETCH_RUNS_MAX]
    return median(ratios) if len(ratios) >= STRETCH_RUNS_MIN else 1.0


def _end_of(units: Sequence[Unit], stretch: float, threads: int) -> float:
    """Return when the last unit ends, each thread taking the next ready one."""
    schedule = Schedule(units)
    now, place = 0.0, 0
    running: list[tuple[float, int, Unit]] = []
    while True:
        while len(running) < threads and (unit := schedule.next_or_none()) is not None:
            heapq.heappush(running, (now + _seconds(unit, stretch), place, unit))
            place += 1
        if not running:
            return now
        now, _, ended = heapq.heappop(running)
        schedule.finish(ended)


def _seconds(unit: Unit, stretch: float) -> float:
    total = 0.0
    for step in unit.steps:
        total += (step.cost.cpu_seconds.value or 0.0) * stretch
        total += SECONDS_PER_TEST if isinstance(step, RunTest) else SECONDS_PER_BUILD
    return total
