"""How far predictions of this project have been off, and the intervals that follow from it.

Split conformal prediction: the interval around a prediction is what held nine of ten earlier
predictions of its kind, whatever the model behind it; where fewer held of late, it takes in more.
Until there are enough of them the constants of ``plan.history`` stand in.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from headwater.base.units import Estimate, Grade, worst_grade
from headwater.plan.effort import Kind
from headwater.plan.history import RUNS_MANY
from headwater.plan.state import NodeRun, State

COUNT_MIN = 20
"""So many earlier predictions of a kind are needed for its interval."""

TOTALS_MIN = 10
"""So many earlier totals are needed for the interval of a total."""

SHARE = 0.9
"""Share of values that an interval shall hold."""

SHARE_MAX = 0.98
"""Share of earlier errors that an interval takes in at most."""

SIGMAS = 1.645
"""Standard deviations to each side of the middle that hold this share of a normal distribution."""

COMMON_SHARE = 0.07
"""What all steps of a run are slower or faster together: runs of the same work on the same inputs
differed by 4 % in the middle and 20 % at p90."""

Group = tuple[Kind, Grade, bool]
"""Kind of step, grade, and whether the prediction rests on three or more runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Logarithms of measured over expected CPU time, sorted.

    Attributes:
        steps: By group of step.
        totals: Of whole runs.
    """

    steps: Mapping[Group, tuple[float, ...]] = field(default_factory=dict)
    totals: tuple[float, ...] = ()
    shares: Mapping[Group, float] = field(default_factory=dict)

    def around(self, kind: Kind, estimate: Estimate) -> Estimate:
        """Return a prediction with the interval that held nine of ten like it."""
        group = _group(kind, estimate)
        found = self.steps.get(group, ())
        if estimate.value is None or len(found) < COUNT_MIN:
            return estimate
        return _around(estimate, found, self.shares.get(group, SHARE))


def _around(estimate: Estimate, found: tuple[float, ...], share: float) -> Estimate:
    """Put the ends of the middle part of earlier errors around a value."""
    value, count, tail = estimate.value or 0.0, len(found), (1 - share) / 2
    first = max(0, math.floor((count + 1) * tail) - 1)
    last = min(count - 1, math.ceil((count + 1) * (1 - tail)) - 1)
    low, high = value * math.exp(found[first]), value * math.exp(found[last])
    return replace(estimate, low=min(low, value), high=max(high, value))


def measure_spread(state: State, kinds: Mapping[str, Kind]) -> Spread:
    """Compare what was expected of earlier runs with what they used.

    Args:
        state: With the runs of every node.
        kinds: Kind of step by node; others are left out.
    """
    steps: dict[Group, list[float]] = defaultdict(list)
    held: Counter[Group] = Counter()
    runs: dict[str, list[NodeRun]] = defaultdict(list)
    for node, history in state.history.items():
        for run in history if node in kinds else ():
            expected = None if run.expected is None else run.expected.cpu_seconds
            if expected is None or not expected.value or run.meter.cpu_seconds <= 0:
                continue
            error = math.log(run.meter.cpu_seconds / expected.value)
            group = _group(kinds[node], expected)
            steps[group].append(error)
            held[group] += _holds(expected, run.meter.cpu_seconds)
            runs[run.run_id].append(run)
    return Spread(
        steps={group: tuple(sorted(found)) for group, found in steps.items()},
        totals=tuple(sorted(_total_error(found) for found in runs.values())),
        shares={group: _share_wanted(held[group] / len(found)) for group, found in steps.items()},
    )


def _holds(expected: Estimate, seconds: float) -> bool:
    return (
        (expected.low or 0.0) <= seconds <= (math.inf if expected.high is None else expected.high)
    )


def _share_wanted(held: float) -> float:
    """Return the share of earlier errors to take in, where so large a share of intervals held.

    A machine that grows busier makes errors of yesterday too small for today: what was missing is
    added, as adaptive conformal inference does.
    """
    return min(SHARE_MAX, max(SHARE, SHARE + (SHARE - held)))


def _group(kind: Kind, estimate: Estimate) -> Group:
    return kind, estimate.grade, estimate.runs >= RUNS_MANY


def _total_error(runs: Iterable[NodeRun]) -> float:
    measured = expected = 0.0
    for run in runs:
        measured += run.meter.cpu_seconds
        expected += (run.expected.cpu_seconds.value or 0.0) if run.expected else 0.0
    return math.log(measured / expected)


def total_of(parts: Iterable[Estimate], spread: Spread) -> Estimate:
    """Add up CPU times of the steps of a plan.

    The interval is that of earlier totals where there are ten. Otherwise the parts' deviations are
    taken to be independent, which gives the root of the sum of their squares and not the sum of
    all ends, with a share on top that a run's steps have in common.
    """
    found = list(parts)
    known = [part for part in found if part.value is not None]
    grade = worst_grade([part.grade for part in found])
    if not known:
        unknown = Estimate(value=None, low=None, high=None, grade="unknown")
        return unknown if found else Estimate(value=0.0, low=0.0, high=0.0, grade="exact")
    value = sum(part.value or 0.0 for part in known)
    runs = min((part.runs for part in known if part.grade == "measured"), default=0)
    total = Estimate(value=value, low=value, high=value, grade=grade, runs=runs)
    if len(spread.totals) >= TOTALS_MIN:
        return _around(total, spread.totals, SHARE)
    below = [(part.value or 0.0) - (part.low or 0.0) for part in known]
    above = [(part.high or 0.0) - (part.value or 0.0) for part in known]
    common = COMMON_SHARE * SIGMAS * value if len(known) > 1 and grade != "exact" else 0.0
    is_open = any(part.high is None for part in known)
    return replace(
        total,
        low=max(0.0, value - math.hypot(common, *below)),
        high=None if is_open else value + math.hypot(common, *above),
    )
