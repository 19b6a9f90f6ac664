"""Hours, days, months and years of the calendar: shifting, cutting off and counting them.

All times are UTC. Sampling and microbatch models both speak of such periods.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import Literal, assert_never, cast, get_args

Period = Literal["hour", "day", "month", "year"]
"""dbt's words for the size of a batch."""

MONTHS_OF_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time.

    Attributes:
        start: First moment in it.
        end: First moment after it.
    """

    start: datetime
    end: datetime


def period_or_none(text: object) -> Period | None:
    """Read the name of a period; None when there is none of that name."""
    return cast("Period", text) if text in get_args(Period) else None


def in_utc(moment: datetime) -> datetime:
    """Return a moment with the time zone UTC; one without any is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def shift(moment: datetime, period: Period, count: int) -> datetime:
    """Move a moment by whole periods; the 31st becomes the last day of a shorter month.

    Raises:
        OverflowError: The calendar ends before.
    """
    match period:
        case "hour":
            return moment + timedelta(hours=count)
        case "day":
            return moment + timedelta(days=count)
        case "month" | "year":
            months = count * (MONTHS_OF_YEAR if period == "year" else 1)
            years, month = divmod(moment.month - 1 + months, MONTHS_OF_YEAR)
            year = moment.year + years
            if not MINYEAR <= year <= MAXYEAR:
                message = f"year {year} is out of range"
                raise OverflowError(message)
            day = min(moment.day, monthrange(year, month + 1)[1])
            return moment.replace(year=year, month=month + 1, day=day)
        case _:
            assert_never(period)


def floor(moment: datetime, period: Period) -> datetime:
    """Return the start of the period that a moment lies in."""
    start = moment.replace(minute=0, second=0, microsecond=0)
    match period:
        case "hour":
            return start
        case "day":
            return start.replace(hour=0)
        case "month":
            return start.replace(hour=0, day=1)
        case "year":
            return start.replace(hour=0, day=1, month=1)
        case _:
            assert_never(period)


def ceiling(moment: datetime, period: Period) -> datetime:
    """Return the start of the next period, or the moment itself when one starts there."""
    start = floor(moment, period)
    return start if start == moment else shift(start, period, 1)


def split(window: Window, period: Period) -> Iterator[Window]:
    """Cut a window into periods; the first and the last one may be shorter."""
    start = window.start
    while start < window.end:
        end = min(shift(floor(start, period), period, 1), window.end)
        yield Window(start=start, end=end)
        start = end
