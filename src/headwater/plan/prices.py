"""Money from quantities: CPU time at the declared price, and a month of runs.

Quantities are what is recorded; a price is applied when they are shown, so another price re-reads
the same history.
"""

from headwater.base.settings import Settings
from headwater.base.units import UNKNOWN, Estimate
from headwater.plan.state import Prices

SECONDS_PER_HOUR = 3600.0


def declared_prices(settings: Settings) -> Prices | None:
    """Return the prices that the settings declare; None when there is none for CPU time."""
    cpu_hour = settings.number("prices.cpu_hour")
    if cpu_hour is None:
        return None
    return Prices(
        name=settings.text("prices.name") or "declared",
        cpu_hour=cpu_hour,
        source=settings.text("prices.source") or "",
        runs_per_month=settings.number("prices.runs_per_month"),
        budget_month=settings.number("prices.budget_month"),
    )


def times(estimate: Estimate, factor: float) -> Estimate:
    """Multiply an estimate by a proved factor."""
    if estimate.value is None or estimate.low is None:
        return UNKNOWN
    return Estimate(
        value=estimate.value * factor,
        low=estimate.low * factor,
        high=None if estimate.high is None else estimate.high * factor,
        grade=estimate.grade,
        runs=estimate.runs,
    )


def price_of(cpu_seconds: Estimate, prices: Prices | None) -> Estimate:
    """Return the dollars of CPU time; unknown when no price is declared."""
    if prices is None:
        return UNKNOWN
    return times(cpu_seconds, prices.cpu_hour / SECONDS_PER_HOUR)


def month_of(dollars: Estimate, prices: Prices | None) -> Estimate:
    """Return the dollars of a month of runs; unknown when no number of runs is declared."""
    if prices is None or prices.runs_per_month is None:
        return UNKNOWN
    return times(dollars, prices.runs_per_month)
