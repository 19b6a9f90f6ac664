"""Time as an argument: what reads a clock is given one, so that tests can hold it still."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Protocol


class Clock(Protocol):
    """Where code gets the time from."""

    def now(self) -> datetime:
        """Return the current time, in UTC and aware of it."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never go backwards."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current UTC time."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the machine's clock

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return monotonic()


@dataclass(slots=True)
class FixedClock:
    """A clock that moves only when told to; for tests and replays."""

    time: datetime

    def now(self) -> datetime:
        """Return the time it was last set to."""
        return self.time

    def monotonic(self) -> float:
        """Return the set time as seconds."""
        return self.time.timestamp()

    def advance(self, step: timedelta) -> None:
        """Move the clock on by ``step``."""
        self.time += step
