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
_BEGINNING = dt.datetime(1800, 1, 1)  # noqa: DTZ001 - of every zone
"""Before any zone was agreed on."""


class Zone(dt.tzinfo):
    """A time zone as pytz has them: one offset, of a time that it was given by ``localize``.

    A zone that was given no time has the first offset of its place, the sun's, as pytz's have:
    that is what ``datetime(..., tzinfo=zone)`` gets, in dbt too.
    """

    __slots__ = ("_dst", "_name", "_offset", "_places")

    def __init__(self, places: dt.tzinfo, at: dt.datetime | None = None) -> None:
        """Take the offset that the zone has at a time; of its beginning when None."""
        self._places = places
        moment = (at or _BEGINNING).replace(tzinfo=places)
        offset = moment.utcoffset() or dt.timedelta()
        minutes = (offset + dt.timedelta(seconds=30)) // dt.timedelta(minutes=1)
        self._offset = offset if at else dt.timedelta(minutes=minutes)
        self._dst = moment.dst() or dt.timedelta()
        self._name = moment.tzname() or ""

    @property
    def zone(self) -> str:
        """Name of the zone."""
        return str(self._places)

    def utcoffset(self, value: dt.datetime | None) -> dt.timedelta | None:
        """Return the offset from UTC; None for no time."""
        return None if value is None else self._offset

    def dst(self, value: dt.datetime | None) -> dt.timedelta | None:
        """Return what daylight saving adds; None for no time."""
        return None if value is None else self._dst

    def tzname(self, value: dt.datetime | None) -> str | None:
        """Return the abbreviation, such as ``PDT``."""
        del value
        return self._name

    def fromutc(self, value: dt.datetime) -> dt.datetime:
        """Turn a time of UTC into one of this zone."""
        local = value.replace(tzinfo=dt.UTC).astimezone(self._places)
        return local.replace(tzinfo=Zone(self._places, local.replace(tzinfo=None)), fold=0)

    def localize(self, value: dt.datetime, is_dst: bool | None = False) -> dt.datetime:  # noqa: FBT001, FBT002 - pytz's signature
        """Give a bare time this zone; of two readings the one with or without daylight saving.

        Raises:
            CompilerFault: The time has a zone already.
        """
        if value.tzinfo is not None:
            message = "localize() takes a time without a zone; normalize() one that has some"
            raise CompilerFault(message)
        readings = [value.replace(fold=fold) for fold in (0, 1)]
        saving = [bool(each.replace(tzinfo=self._places).dst()) for each in readings]
        chosen = readings[saving.index(bool(is_dst))] if bool(is_dst) in saving else readings[0]
        return value.replace(tzinfo=Zone(self._places, chosen))

    def normalize(self, value: dt.datetime) -> dt.datetime:
        """Express a time in this zone."""
        return value.astimezone(dt.UTC).astimezone(self)

    def __str__(self) -> str:
        """Return the name."""
        return self.zone

    def __repr__(self) -> str:
        """Return the name."""
        return f"<Zone {self.zone!r}>"


_UTC = Zone(dt.UTC)


def find_zone(name: str) -> Zone:
    """Return a time zone by its name, such as ``America/Los_Angeles``.

    Raises:
        CompilerFault: There is no such zone.
    """
    try:
        return Zone(ZoneInfo(name))
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
                    "utc": _UTC,
                    "UTC": _UTC,
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
