"""Budgets of templates: how many steps, how long, how much memory one rendering may take.

A template is a program, often one that came with a package. Without an end it would take the whole
command, or the machine, with it; here it is stopped with the place in the template and the name of
the budget. See docs/decisions/0019-budgets-of-templates.md.
"""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from headwater.base.errors import Invalid
from headwater.base.settings import Settings

_STEPS_BETWEEN_LOOKS = 64
_STEPS_BEFORE_MEMORY = 4096
_BIG = 65_536
_BIG_BETWEEN_LOOKS = 64_000_000
_MEGABYTE = 1_000_000
_PARTS_MAX = 10_000_000
_DIGITS_MAX = 100_000
_STATUS = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one rendering may take.

    Attributes:
        steps: Calls and iterations of loops.
        seconds: CPU seconds of its thread; queries that it asks are not counted.
        text_mb: Million characters of one text.
        memory_mb: Megabytes by which the process may grow.
    """

    steps: int = 10_000_000
    seconds: float = 60.0
    text_mb: int = 64
    memory_mb: int = 2000


def limits_of(settings: Settings) -> Limits:
    """Return the limits that a project's settings give."""
    default = Limits()
    return Limits(
        steps=settings.whole("jinja.steps") or default.steps,
        seconds=settings.number("jinja.seconds") or default.seconds,
        text_mb=settings.whole("jinja.text_mb") or default.text_mb,
        memory_mb=settings.whole("jinja.memory_mb") or default.memory_mb,
    )


class OverBudgetError(Invalid):
    """A template took more than a budget gives it."""

    def __init__(self, what: str, setting: str, why: str = "") -> None:
        fix = f"Look for a loop or a macro without an end; else raise the setting `{setting}`"
        super().__init__("jinja-over-budget", what, why=why, fix=fix)


class Meter:
    """Counts what one rendering takes; shared by all environments of a ``Templates``.

    Used as a context manager around each rendering; one inside of another belongs to it.
    """

    __slots__ = ("_big", "_depth", "_left", "_limits", "_memory", "_started", "_steps", "text_max")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.text_max = limits.text_mb * _MEGABYTE
        self._depth = 0
        self._left = _STEPS_BETWEEN_LOOKS
        self._steps = 0
        self._big = 0
        self._memory = 0
        self._started: float | None = None

    def __enter__(self) -> None:
        """Begin to count, unless the rendering is part of another one."""
        if self._depth == 0:
            self._left = _STEPS_BETWEEN_LOOKS
            self._steps = self._big = self._memory = 0
            self._started = None
        self._depth += 1

    def __exit__(self, *_fault: object) -> None:
        """Stop to count."""
        self._depth -= 1

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Leave out what a query takes that a template asks."""
        started = time.thread_time()
        self._started = self._started or started
        memory = memory_bytes() if self._memory else 0
        try:
            yield
        finally:
            self._started += time.thread_time() - started
            if self._memory:
                self._memory += max(memory_bytes() - memory, 0)

    def tick(self) -> None:
        """Count one step.

        Raises:
            OverBudgetError: There were too many, or they took too long or too much memory.
        """
        self._left -= 1
        if self._left <= 0:
            self._look()

    def made(self, size: int) -> None:
        """Count a value of so many characters or items that was just made."""
        if size > _BIG:
            self._big += size
            if self._big > _BIG_BETWEEN_LOOKS:
                self._big = 0
                self._look_at_memory()

    def allow(self, size: int) -> None:
        """Say that a text of so many characters is about to be made.

        Raises:
            OverBudgetError: It would be too long.
        """
        if size > self.text_max:
            self.refuse_size(size)
        self.made(size)

    def refuse_size(self, size: int) -> NoReturn:
        """Give up before a value is made.

        Raises:
            OverBudgetError: Always.
        """
        what = f"a text of {_shown(size)} would be made, more than {self._limits.text_mb} million"
        raise OverBudgetError(what, "jinja.text_mb")

    def allow_parts(self, count: int) -> None:
        """Say that a value of so many items is about to be made.

        Raises:
            OverBudgetError: These are too many.
        """
        if count > _PARTS_MAX:
            what = f"a list of {_shown(count, 'items')} would be made, more than {_PARTS_MAX:,}"
            raise OverBudgetError(what, "jinja.memory_mb")
        self.made(count * 8)

    def refuse_range(self, most: int) -> NoReturn:
        """Give up because of a range that is too long.

        Raises:
            OverBudgetError: Always.
        """
        what = f"`range` of more than {most:,} numbers"
        fix = "Loop over fewer numbers, or make the rows in SQL: `from range(...)`"
        raise Invalid("jinja-over-budget", what, why="dbt allows no more either", fix=fix)

    def allow_repeats(self, count: int, name: str) -> None:
        """Say that a function of ``itertools`` repeats or combines so many times.

        Raises:
            OverBudgetError: These are too many for the memory that it takes beforehand.
        """
        if abs(count) > _PARTS_MAX:
            what = f"`{name}` of {_shown(abs(count), 'items')}, more than {_PARTS_MAX:,}"
            raise OverBudgetError(what, "jinja.memory_mb")

    def allow_digits(self, bits: float) -> None:
        """Say that a whole number of so many binary digits is about to be made.

        Raises:
            OverBudgetError: It would be too large.
        """
        if bits > _DIGITS_MAX:
            what = f"a number of more than {_DIGITS_MAX:,} binary digits would be made"
            raise OverBudgetError(what, "jinja.memory_mb")

    def joined(self, values: Iterable[object]) -> str:
        """Join values to one text.

        Raises:
            OverBudgetError: It would be too long.
        """
        texts = [value if value.__class__ is str else self.text(value) for value in values]
        size = sum(map(len, texts))
        if size > _BIG:
            self.allow(size)
        return "".join(texts)

    def concat(self, texts: list[str]) -> str:
        """Join the parts of a macro, a call or a block.

        Raises:
            OverBudgetError: It would be too long.
        """
        size = sum(map(len, texts))
        if size > _BIG:
            self.allow(size)
        return "".join(texts)

    def text(self, value: object) -> str:
        """Return a value as text, as ``str`` does.

        Raises:
            OverBudgetError: Lists inside of lists would be written out too often.
        """
        if value.__class__ is str:
            return value
        if isinstance(value, (list, tuple, dict, set, frozenset)):
            self.allow(size_as_text(value, self.text_max))
        return str(value)

    def seconds_left(self) -> float:
        """Return how much time the running rendering still has.

        The clock starts when it is first looked at, so that short templates never look.
        """
        now = time.thread_time()
        self._started = self._started or now
        return self._limits.seconds - (now - self._started)

    def refuse_time(self) -> NoReturn:
        """Give up because the time is over.

        Raises:
            OverBudgetError: Always.
        """
        what = f"rendering took more than {self._limits.seconds:g} CPU seconds"
        raise OverBudgetError(what, "jinja.seconds")

    def _look(self) -> None:
        self._steps += _STEPS_BETWEEN_LOOKS - self._left
        self._left = _STEPS_BETWEEN_LOOKS
        if self._steps > self._limits.steps:
            what = f"rendering took more than {self._limits.steps:,} steps"
            raise OverBudgetError(what, "jinja.steps", "a call and a turn of a loop are a step")
        if self.seconds_left() < 0:
            self.refuse_time()
        if self._steps > _STEPS_BEFORE_MEMORY:
            self._look_at_memory()

    def _look_at_memory(self) -> None:
        now = memory_bytes()
        if not self._memory:
            self._memory = now
        elif now - self._memory > self._limits.memory_mb * _MEGABYTE:
            what = f"rendering took more than {self._limits.memory_mb:,} MB of memory"
            raise OverBudgetError(what, "jinja.memory_mb")


def _shown(size: int, unit: str = "characters") -> str:
    return f"{size:,} {unit}" if size < 10**18 else f"more than 10^18 {unit}"


def memory_bytes() -> int:
    """Return the memory of this process; 0 where the system does not tell, so nothing is judged."""
    with suppress(OSError, ValueError, IndexError):
        return int(_STATUS.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def size_as_text(value: object, most: int) -> int:
    """Return at least how many characters a value takes when written out.

    A list that holds itself twice, and so on forty times, is a small value and an endless text:
    parts are counted as often as they are written, and counting stops above ``most``.
    """
    size = 0
    waiting = [value]
    while waiting and size <= most:
        part = waiting.pop()
        size += 1
        if isinstance(part, (str, bytes)):
            size += len(part)
        elif isinstance(part, Mapping):
            waiting += part.keys()
            waiting += part.values()
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting += part
    return size


@contextmanager
def stopwatch(meter: Meter) -> Iterator[None]:
    """Stop what Python cannot count, such as a regular expression, when the time is over.

    Only the main thread can be interrupted so; elsewhere nothing is watched.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if (
        not is_main
        or not hasattr(signal, "setitimer")
        or signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0
    ):
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        meter.refuse_time()

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, max(meter.seconds_left(), 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _can_watch() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    has_timers = hasattr(signal, "setitimer")  # Windows has none
    return has_timers and signal.getitimer(signal.ITIMER_VIRTUAL)[0] <= 0


def counted(meter: Meter, values: Iterable[object]) -> Iterator[object]:
    """Yield values and count a step for each."""
    for value in values:
        meter.tick()
        yield value
