"""``modules`` in Jinja: the few Python modules that dbt lets templates reach, as plain mappings.

Mappings and not the modules themselves: a module leads to everything it imported, and the sandbox
would only stop at names that start with an underscore. ``pytz`` is answered by the standard
library's zones under pytz's names.
"""

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import pass_environment

from headwater.jinja.budget import counted
from headwater.jinja.guards import HasMeter, guarded_pattern_call
from headwater.jinja.render import CompilerFault

_DATETIME = ("date", "datetime", "time", "timedelta", "tzinfo")
_ITERTOOLS = (
    "accumulate", "chain", "combinations", "combinations_with_replacement", "compress", "count",
    "cycle", "dropwhile", "filterfalse", "groupby", "islice", "permutations", "product", "repeat",
    "starmap", "takewhile", "tee", "zip_longest",
)  # fmt: skip


class Zone(ZoneInfo):
    """A time zone with the methods that pytz's zones have."""

    @property
    def zone(self) -> str:
        """Name of the zone."""
        return self.key

    def localize(self, value: dt.datetime, is_dst: bool | None = None) -> dt.datetime:  # noqa: FBT001 - pytz's signature
        """Give a bare time this zone; ``is_dst`` false takes the later of two readings."""
        return value.replace(tzinfo=self, fold=1 if is_dst is False else 0)

    def normalize(self, value: dt.datetime) -> dt.datetime:
        """Express a time in this zone."""
        return value.astimezone(self)


def find_zone(name: str) -> Zone:
    """Return a time zone by its name, such as ``America/Los_Angeles``.

    Raises:
        CompilerFault: There is no such zone.
    """
    try:
        return Zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"there is no time zone `{name}`"
        raise CompilerFault(message) from error


class Clockwork(Mapping[str, object]):
    """``modules.datetime``: what is in it can tell the time, so its use is noted."""

    __slots__ = ("_on_clock",)

    def __init__(self, on_clock: Callable[[], None]) -> None:
        self._on_clock = on_clock

    def __getitem__(self, name: str) -> object:
        if name not in _DATETIME:
            raise KeyError(name)
        self._on_clock()
        return getattr(dt, name)

    def __iter__(self) -> Iterator[str]:
        return iter(_DATETIME)

    def __len__(self) -> int:
        return len(_DATETIME)


def make_modules(
    on_clock: Callable[[], None] = lambda: None,
) -> Mapping[str, Mapping[str, object]]:
    """Return ``datetime``, ``pytz``, ``re`` and ``itertools`` with the names that dbt exposes.

    Args:
        on_clock: Called when a template reaches for something that can tell the time.
    """
    return MappingProxyType(
        {
            "datetime": Clockwork(on_clock),
            "pytz": MappingProxyType(
                {
                    "timezone": find_zone,
                    "utc": dt.UTC,
                    "UTC": dt.UTC,
                    "FixedOffset": _fixed_offset,
                }
            ),
            "re": MappingProxyType({name: _regular(name) for name in re.__all__}),
            "itertools": MappingProxyType({name: _iterating(name) for name in _ITERTOOLS}),
        }
    )


def _regular(name: str) -> object:
    """Return a part of ``re``; what runs an expression is stopped when the time is over."""
    part: object = getattr(re, name)
    if not callable(part) or isinstance(part, type):
        return part
    return _watched(name, part)


def _watched(name: str, function: Callable[..., object]) -> Callable[..., object]:
    @pass_environment
    @wraps(function)
    def call(environment: HasMeter, *positional: object, **named: object) -> object:
        return guarded_pattern_call(environment.meter, name, function, *positional, **named)

    return call


def _iterating(name: str) -> Callable[..., object]:
    """Return a function of ``itertools``; every item that it gives is a step."""
    made = _counting(getattr(itertools, name))
    if name == "chain":
        made.from_iterable = _counting(itertools.chain.from_iterable)  # type: ignore[attr-defined]
    return made


def _counting(function: Callable[..., Iterable[object]]) -> Callable[..., object]:
    @pass_environment
    @wraps(function)
    def call(environment: HasMeter, *positional: object, **named: object) -> object:
        for value in (*positional, *named.values()):
            if isinstance(value, int):
                environment.meter.allow_repeats(value, function.__name__)
        result = function(*positional, **named)
        if isinstance(result, tuple):
            return tuple(counted(environment.meter, part) for part in result)
        return counted(environment.meter, result)

    return call


def _fixed_offset(minutes: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(minutes=minutes))
