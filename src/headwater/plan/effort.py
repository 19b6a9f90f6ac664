"""How much work a step is, as a few amounts, and how many CPU seconds a unit of each takes.

The units' prices are learned from the project's own runs. Until there are enough of them a prior
counts, measured once on two cores of an AMD EPYC with DuckDB 2.0 and scaled by the first runs to
the machine. A price is never negative: more work never takes less time.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from typing import Literal

from headwater.base.units import Estimate
from headwater.graph.graph import CompiledNode
from headwater.plan.history import Mode
from headwater.plan.plan import Cost
from headwater.plan.state import NodeRun
from headwater.plan.strategy import strategy_of
from headwater.sql.lineage import QueryLineage, Subtype

Kind = Literal["build", "test"]

MILLION = 1e6
BYTES_PER_NEW_ROW = 10.0
"""Compressed bytes of a row that an incremental run reads, to tell rows from bytes."""

PRIOR: Mapping[Kind, tuple[float, ...]] = MappingProxyType(
    {
        "build": (1.8e-3, 0.9e-3, 0.2e-3, 4.1e-3, 0.39, 0.04, 0.013, 0.092, 8e-3, 14e-3),
        "test": (1.0e-3, 0.1e-3, 1e-3, 0.01),
    }
)
"""CPU seconds of a unit; see ``amounts_of`` for the units."""

PRIOR_WEIGHT = 1.0
"""The prior of a unit's price counts as much as one run that is all of that unit."""

RUNS_ENOUGH = 20
"""So many runs of a kind make a prediction modelled instead of guessed."""

RUNS_PER_NODE_MAX = 3
"""So many newest runs of a node are learned from."""

SAMPLES_MAX = 1500
"""So many runs of a kind are learned from at most."""

SECONDS_MIN = 1e-3
"""Below this all runs weigh the same: the clock's noise is of that size."""

ROUNDS = 60
"""Rounds of coordinate descent; eight amounts settle within some twenty."""

Amounts = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One earlier run: how much work it was and what it took."""

    amounts: Amounts
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuModel:
    """Prices of the units of work, in CPU seconds.

    Attributes:
        prices: By kind of step.
        runs: How many runs they were learned from.
    """

    prices: dict[Kind, Amounts]
    runs: dict[Kind, int]

    def seconds(self, kind: Kind, amounts: Amounts) -> float:
        """Return the CPU seconds of so much work."""
        return sum(price * amount for price, amount in zip(self.prices[kind], amounts, strict=True))


def kind_of(mode: Mode) -> Kind:
    """Return which prices count."""
    return "test" if mode == "test" else "build"


def amounts_of(compiled: CompiledNode, mode: Mode, cost: Cost) -> Amounts | None:
    """Return how much work a step is; None when the bytes that it reads are not known.

    For a build: the step itself, operators, columns, MB read, million values computed, MB written,
    million rows joined or grouped, million rows numbered by windows, whether stored rows are
    replaced, whether a seed is read. For a test: the step, operators, MB read, million rows.
    """
    if cost.bytes_read.value is None:
        return None
    bytes_read, rows_in = cost.bytes_read.value, _known(cost.rows_in)
    rows = _known(cost.rows)
    if mode == "incremental":
        rows_in = rows = min(rows_in, bytes_read / BYTES_PER_NEW_ROW)
    lineage = compiled.lineage
    compared, windows = _operators(lineage)
    if mode == "test":
        return (1.0, compared + windows, bytes_read / MILLION, rows_in / MILLION)
    computed = _computed_columns(lineage)
    # Windows of a query that groups mostly look at its groups.
    numbered = min(rows, rows_in) if is_shaped(lineage, "group_by") else rows_in
    is_rewrite = mode == "incremental" and strategy_of(compiled) != "append"
    return (
        1.0,
        compared + windows,
        float(len(compiled.columns or ())),
        bytes_read / MILLION,
        rows * computed / MILLION,
        _known(cost.bytes_written) / MILLION,
        rows_in * compared / MILLION,
        numbered * windows / MILLION,
        float(is_rewrite),
        float(compiled.node.resource_type == "seed"),
    )


def _known(estimate: Estimate) -> float:
    return estimate.value or 0.0


def _operators(lineage: QueryLineage | None) -> tuple[float, float]:
    """Return how many joins and groupings a query has, and how many windows."""
    if lineage is None:
        return 1.0, 0.0
    uses = [each.subtype for each in lineage.row_set]
    joins = (uses.count("join") + 1) // 2
    windows = sum(
        any(each.subtype == "window" for each in column.influences) for column in lineage.columns
    )
    return float(joins + ("group_by" in uses)), float(windows + ("window" in uses))


def is_shaped(lineage: QueryLineage | None, subtype: Subtype) -> bool:
    """Say whether a query groups its rows (``group_by``), filters them (``filter``) ..."""
    return lineage is not None and any(each.subtype == subtype for each in lineage.row_set)


def _computed_columns(lineage: QueryLineage | None) -> int:
    if lineage is None:
        return 0
    return sum(
        any(each.subtype == "transformation" for each in column.influences)
        for column in lineage.columns
    )


def learn(samples: Mapping[Kind, list[Sample]]) -> CpuModel:
    """Return the prices that fit earlier runs best, each run by its relative error.

    Args:
        samples: Runs by kind.
    """
    return CpuModel(
        prices={kind: fitted(samples[kind][:SAMPLES_MAX], prior) for kind, prior in PRIOR.items()},
        runs={kind: len(samples[kind]) for kind in PRIOR},
    )


def fitted(samples: Sequence[Sample], prior: Amounts) -> Amounts:
    """Return non-negative prices by least squares of relative errors, drawn to a prior.

    Coordinate descent on the normal equations: they are small, and need no library.
    """
    if not samples:
        return prior
    prior = _as_fast(samples, prior)
    matrix, target = _normal_equations(samples, [1.0] * len(samples), prior)
    prices = _descend(matrix, target, prior)
    # Runs that were disturbed are far off; they count less in a second pass.
    weights = [1.0 / max(1.0, 2.0 * _relative_error(each, prices)) for each in samples]
    matrix, target = _normal_equations(samples, weights, prior)
    return _descend(matrix, target, prices)


def _as_fast(samples: Sequence[Sample], prior: Amounts) -> Amounts:
    """Scale a prior to a machine: by the middle of how runs compare with it, one run little."""
    ratios = []
    for sample in samples:
        expected = sum(price * amount for price, amount in zip(prior, sample.amounts, strict=True))
        if expected > 0:
            ratios.append(math.log(max(sample.seconds, SECONDS_MIN) / max(expected, SECONDS_MIN)))
    if not ratios:
        return prior
    factor = math.exp(median(ratios) * len(ratios) / (len(ratios) + 2))
    return tuple(price * factor for price in prior)


def _relative_error(sample: Sample, prices: Sequence[float]) -> float:
    found = sum(price * amount for price, amount in zip(prices, sample.amounts, strict=True))
    return abs(found - sample.seconds) / max(sample.seconds, SECONDS_MIN)


def _normal_equations(
    samples: Sequence[Sample], weights: Sequence[float], prior: Amounts
) -> tuple[list[list[float]], list[float]]:
    places = range(len(prior))
    matrix = [[0.0] * len(prior) for _ in places]
    target = [0.0] * len(prior)
    for sample, weight in zip(samples, weights, strict=True):
        scale = weight / max(sample.seconds, SECONDS_MIN)
        scaled = [amount * scale for amount in sample.amounts]
        used = [place for place in places if scaled[place]]
        for one in used:
            target[one] += scaled[one] * sample.seconds * scale
            row = matrix[one]
            for other in used:
                row[other] += scaled[one] * scaled[other]
    for place in places:
        strength = PRIOR_WEIGHT / prior[place] ** 2
        matrix[place][place] += strength
        target[place] += strength * prior[place]
    return matrix, target


def _descend(matrix: list[list[float]], target: list[float], start: Iterable[float]) -> Amounts:
    prices = list(start)
    for _ in range(ROUNDS):
        for place, row in enumerate(matrix):
            others = (
                sum(value * price for value, price in zip(row, prices, strict=True))
                - row[place] * prices[place]
            )
            prices[place] = max(0.0, (target[place] - others) / row[place])
    return tuple(prices)


def sample_of(compiled: CompiledNode, mode: Mode, run: NodeRun) -> Sample | None:
    """Return what an earlier run of a node teaches; None when its plan kept no amounts."""
    expected = run.expected
    amounts = None if expected is None else amounts_of(compiled, mode, expected)
    if amounts is None or run.meter.cpu_seconds <= 0:
        return None
    return Sample(amounts=amounts, seconds=run.meter.cpu_seconds)
