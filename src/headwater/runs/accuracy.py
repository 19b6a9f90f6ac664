"""How right the predictions were: what plans said beside what was measured, of this project.

The q-error of a prediction is how many times too high or too low it was, never below 1. Small
figures are off by much and matter little, so that the error weighted by size stands beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import decode
from headwater.base.meters import Meter
from headwater.base.units import Estimate, Grade
from headwater.catalog.records import AttemptRecord
from headwater.plan.plan import Cost
from headwater.runs.context import Context
from headwater.runs.ledger import Span

Quantity = Literal["cpu_seconds", "bytes_read", "bytes_written"]
QUANTITIES: tuple[Quantity, ...] = ("cpu_seconds", "bytes_read", "bytes_written")

LEAST: Mapping[Quantity, float] = MappingProxyType(
    {"cpu_seconds": 0.001, "bytes_read": 4096.0, "bytes_written": 4096.0}
)
"""What is less counts as this much: a ratio to next to nothing says nothing."""

ATTEMPTS_MAX = 100_000
"""Attempts that are looked at, the newest of a span; more would say the same more slowly."""

_ENDED_WELL = frozenset({"success", "pass", "warn", "fail"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLine:
    """How right predictions of one quantity and grade were.

    Attributes:
        quantity: What was predicted.
        grade: How the predictions were known; ``all`` for all but unknown ones.
        count: How many of them have a measurement.
        q_median: Median q-error.
        q_p90: The q-error that nine of ten do not exceed.
        weighted: Sum of the errors by the sum of what was measured.
        bias: What was predicted in all by what was measured in all.
        covered: Share of measurements within their interval; the intervals claim 0.9.
        above: How many measurements exceed an upper bound of grade ``exact`` or ``bound``.
        exact: How many predictions were the measurement itself.
    """

    quantity: Quantity
    grade: Grade | Literal["all"]
    count: int
    q_median: float
    q_p90: float
    weighted: float
    bias: float
    covered: float
    above: int
    exact: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReport:
    """How right the predictions of a span were.

    Attributes:
        since: ISO 8601 time; empty for the beginning.
        until: Likewise; empty for now.
        lines: By quantity and grade.
        attempts: Attempts that ended well.
        unknown: How many of them had no prediction of CPU time.
        schema: Name and version of the document.
    """

    since: str
    until: str
    lines: tuple[ErrorLine, ...]
    attempts: int
    unknown: int
    schema: str = "headwater.accuracy/1"


@dataclass(frozen=True, slots=True)
class Pair:
    """A prediction and its measurement."""

    estimate: Estimate
    measured: float


def read_accuracy(context: Context, span: Span) -> AccuracyReport:
    """Compare what was predicted with what was measured.

    Raises:
        DataDamaged: ``store-damaged``.
    """
    records = [
        record
        for record in context.metastore.attempts_between(
            span.since, span.until or "9999", limit=ATTEMPTS_MAX
        )
        if record.status in _ENDED_WELL and record.run_id.startswith(span.run)
    ]
    costs = [(_cost_of(record), record) for record in records]
    lines: list[ErrorLine] = []
    for quantity in QUANTITIES:
        pairs = list(_pairs(costs, quantity))
        by_grade: dict[Grade, list[Pair]] = {}
        for pair in pairs:
            by_grade.setdefault(pair.estimate.grade, []).append(pair)
        lines += [line_of(quantity, grade, by_grade[grade]) for grade in sorted(by_grade)]
        if len(by_grade) > 1:
            lines.append(line_of(quantity, "all", pairs))
    return AccuracyReport(
        since=span.since,
        until=span.until,
        lines=tuple(lines),
        attempts=len(records),
        unknown=sum(cost.cpu_seconds.value is None for cost, _ in costs),
    )


def _cost_of(record: AttemptRecord) -> Cost:
    try:
        return decode(Cost, record.estimate)
    except ValueError:  # recorded after a crash, or by another release
        return Cost()


def _pairs(costs: Iterable[tuple[Cost, AttemptRecord]], quantity: Quantity) -> Iterable[Pair]:
    for cost, record in costs:
        estimate: Estimate = getattr(cost, quantity)
        measured = _measured(record.meter, quantity)
        if estimate.value is not None and measured is not None:
            yield Pair(estimate, float(measured))


def _measured(meter: Meter, quantity: Quantity) -> float | None:
    """Return what there is to compare with a prediction; None when nothing was measured.

    Plans predict what queries have to read, not what caches and readers make of it.
    """
    if quantity != "bytes_read":
        return float(getattr(meter, quantity))
    return meter.logical_bytes if meter.statements else None


def q_error(predicted: float, measured: float, least: float) -> float:
    """Return how many times too high or too low a prediction was: 1 when it was right."""
    one, other = max(predicted, least), max(measured, least)
    return max(one / other, other / one)


def line_of(quantity: Quantity, grade: Grade | Literal["all"], pairs: list[Pair]) -> ErrorLine:
    """Sum up how right some predictions were; there is at least one."""
    least = LEAST[quantity]
    errors = sorted(q_error(pair.estimate.value or 0.0, pair.measured, least) for pair in pairs)
    predicted = sum(pair.estimate.value or 0.0 for pair in pairs)
    measured = sum(pair.measured for pair in pairs)
    apart = sum(abs((pair.estimate.value or 0.0) - pair.measured) for pair in pairs)
    return ErrorLine(
        quantity=quantity,
        grade=grade,
        count=len(pairs),
        q_median=median(errors),
        q_p90=errors[min(len(errors) - 1, int(len(errors) * 0.9))],
        weighted=apart / max(measured, least),
        bias=max(predicted, least) / max(measured, least),
        covered=sum(map(_is_covered, pairs)) / len(pairs),
        above=sum(map(_is_above, pairs)),
        exact=sum(pair.estimate.value == pair.measured for pair in pairs),
    )


def _is_covered(pair: Pair) -> bool:
    low, high = pair.estimate.low, pair.estimate.high
    return (low is None or low <= pair.measured) and (high is None or pair.measured <= high)


def _is_above(pair: Pair) -> bool:
    high = pair.estimate.high
    is_proved = pair.estimate.grade in {"exact", "bound"}
    return is_proved and high is not None and pair.measured > high
