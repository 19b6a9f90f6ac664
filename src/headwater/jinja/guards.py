"""Guards: how large the result of an operator, a method or a filter would be, asked beforehand.

One call such as ``'x'.center(10 ** 12)`` makes gigabytes without a single step in between, so these
are judged by their arguments. A guard gets the meter and the arguments, and raises or returns.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from itertools import islice
from string import Formatter
from types import BuiltinMethodType, MappingProxyType, MethodType
from typing import Protocol

from jinja2 import pass_environment
from jinja2.sandbox import MAX_RANGE, SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup

from headwater.jinja.budget import Meter, size_as_text, stopwatch

_NUMBERS = re.compile(r"\d+")
_SEQUENCES = (str, bytes, list, tuple)
_ESCAPE_GROWTH = 6
_ITEMS_MAX = 10_000_001


Guard = Callable[..., None]
"""Judges a call before it is made: gets the meter and the call's arguments, raises or returns."""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _written(meter: Meter, value: object) -> int:
    return len(value) if isinstance(value, str) else size_as_text(value, meter.text_max)


def _widths(text: str) -> int:
    """Return at most how many characters the widths of a format ask for."""
    return sum(int(digits[:18]) for digits in _NUMBERS.findall(text))


# -- operators -----------------------------------------------------------------------------------


def guard_times(meter: Meter, left: object, right: object) -> None:
    """Judge ``left * right``."""
    if isinstance(left, int) and isinstance(right, _SEQUENCES):
        left, right = right, left
    if isinstance(right, int):
        if isinstance(left, (str, bytes)):
            meter.allow(len(left) * max(right, 0))
        elif isinstance(left, (list, tuple)):
            meter.allow_parts(len(left) * max(right, 0))
        elif isinstance(left, int):
            meter.allow_digits(left.bit_length() + right.bit_length())


def guard_power(meter: Meter, left: object, right: object) -> None:
    """Judge ``left ** right``."""
    if isinstance(left, int) and isinstance(right, int) and right > 0:
        meter.allow_digits(max(abs(left).bit_length() - 1, 0) * right)


def guard_plus(meter: Meter, left: object, right: object) -> None:
    """Judge ``left + right``."""
    if isinstance(left, (str, bytes)) and isinstance(right, (str, bytes)):
        meter.allow(len(left) + len(right))
    elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        meter.allow_parts(len(left) + len(right))


def guard_percent(meter: Meter, left: object, right: object) -> None:
    """Judge ``format % values``."""
    if isinstance(left, (str, bytes)):
        text = left if isinstance(left, str) else left.decode("latin-1")
        values = list(right.values()) if isinstance(right, Mapping) else [right]
        values = [*right] if isinstance(right, tuple) else values
        size = len(text) + _widths(text)
        if "*" in text:
            size += sum(abs(_number(value)) for value in values)
        longest = max((_written(meter, value) for value in values), default=0)
        meter.allow(size + longest * text.count("%"))


OPERATORS: Mapping[str, Callable[[Meter, object, object], None]] = MappingProxyType(
    {"*": guard_times, "**": guard_power, "+": guard_plus, "%": guard_percent}
)


# -- methods and filters -------------------------------------------------------------------------


def _guard_width(
    meter: Meter, text: object = "", width: object = 80, *_rest: object, **_named: object
) -> None:
    meter.allow(_written(meter, text) + abs(_number(width)))


def _guard_replace(
    meter: Meter,
    text: object = "",
    old: object = "",
    new: object = "",
    *_rest: object,
    **_named: object,
) -> None:
    if isinstance(old, (str, bytes)) and isinstance(new, (str, bytes)):
        whole = meter.text(text) if isinstance(old, str) else text
        count = whole.count(old) if isinstance(whole, (str, bytes)) else 0  # type: ignore[arg-type]
        length = len(whole) if isinstance(whole, (str, bytes)) else 0
        meter.allow(length + count * max(len(new) - len(old), 0))


def _guard_tabs(meter: Meter, text: object = "", tabsize: object = 8) -> None:
    if isinstance(text, (str, bytes)):
        tabs = text.count("\t") if isinstance(text, str) else text.count(b"\t")
        meter.allow(len(text) + tabs * abs(_number(tabsize)))


def _guard_translate(meter: Meter, text: object = "", table: object = None) -> None:
    if isinstance(text, str) and isinstance(table, Mapping):
        longest = max((_written(meter, value) for value in table.values()), default=1)
        meter.allow(len(text) * max(longest, 1))


def _guard_bytes(
    meter: Meter, _value: object = 0, length: object = 1, *_rest: object, **_named: object
) -> None:
    meter.allow(_number(length))


def _guard_extend(meter: Meter, items: object = (), more: object = ()) -> None:
    if isinstance(items, list) and isinstance(more, (list, tuple, str, set, dict)):
        meter.allow_parts(len(items) + len(more))


def _guard_indent(
    meter: Meter, text: object = "", width: object = 4, *_rest: object, **_named: object
) -> None:
    step = _written(meter, width) if isinstance(width, str) else abs(_number(width))
    lines = text.count("\n") + 1 if isinstance(text, str) else 1
    meter.allow(_written(meter, text) + lines * step)


def _guard_batch(
    meter: Meter, _items: object = (), linecount: object = 1, *_rest: object, **_named: object
) -> None:
    meter.allow_parts(abs(_number(linecount)))


def _guard_slice(
    meter: Meter, _items: object = (), slices: object = 1, *_rest: object, **_named: object
) -> None:
    meter.allow_parts(abs(_number(slices)))


def _guard_escape(meter: Meter, text: object = "", *_rest: object, **_named: object) -> None:
    meter.allow(_written(meter, text) * _ESCAPE_GROWTH)


def _guard_text(meter: Meter, text: object = "", *_rest: object, **_named: object) -> None:
    meter.allow(_written(meter, text))


def _guard_json(meter: Meter, value: object = None, indent: object = None) -> None:
    size = _written(meter, value)
    step = _written(meter, indent) if isinstance(indent, str) else abs(_number(indent))
    meter.allow(size + size * step)


def _guard_round(
    meter: Meter, number: object = 0, precision: object = 0, *_rest: object, **_named: object
) -> None:
    if isinstance(number, int):
        meter.allow_digits(abs(_number(precision)) * 4)


def _guard_sum(meter: Meter, items: object = (), *_rest: object, **_named: object) -> None:
    if isinstance(items, (list, tuple)):
        sizes = [len(item) for item in items if isinstance(item, (list, tuple))]
        if sizes and sum(sizes) * len(sizes) > meter.text_max:
            meter.refuse_size(sum(sizes) * len(sizes))


def _guard_percent_filter(
    meter: Meter, text: object = "", *values: object, **named: object
) -> None:
    guard_percent(meter, text, named or values)


METHODS: Mapping[str, Guard] = MappingProxyType(
    {
        "center": _guard_width,
        "ljust": _guard_width,
        "rjust": _guard_width,
        "zfill": _guard_width,
        "replace": _guard_replace,
        "expandtabs": _guard_tabs,
        "translate": _guard_translate,
        "to_bytes": _guard_bytes,
        "extend": _guard_extend,
    }
)
"""By name of a method of Python's own types; the object comes first."""

FILTERS: Mapping[str, Guard] = MappingProxyType(
    {
        "center": _guard_width,
        "replace": _guard_replace,
        "indent": _guard_indent,
        "batch": _guard_batch,
        "slice": _guard_slice,
        "escape": _guard_escape,
        "e": _guard_escape,
        "forceescape": _guard_escape,
        "urlize": _guard_escape,
        "xmlattr": _guard_escape,
        "striptags": _guard_text,
        "wordwrap": _guard_text,
        "string": _guard_text,
        "pprint": _guard_text,
        "upper": _guard_text,
        "tojson": _guard_json,
        "round": _guard_round,
        "sum": _guard_sum,
        "format": _guard_percent_filter,
    }
)
"""By name of a filter; what is filtered comes first, keywords after the positional arguments."""


def guarded_method(meter: Meter, value: object) -> Callable[..., object] | None:
    """Return a method of Python's own types with its guard; None when it needs none."""
    if not isinstance(value, (BuiltinMethodType, MethodType)):
        return None
    name, owner = value.__name__, value.__self__
    if name == "join" and isinstance(owner, str):
        return _guarded_join(meter, owner)
    if isinstance(owner, re.Pattern):
        return _guarded_search(meter, name, value)
    guard = METHODS.get(name)
    if guard is None or not isinstance(owner, (str, bytes, int, list)):
        return None

    @wraps(value)
    def call(*positional: object, **named: object) -> object:
        guard(meter, owner, *positional, **named)
        return value(*positional, **named)

    return call


def _guarded_search(
    meter: Meter, name: str, function: Callable[..., object]
) -> Callable[..., object]:
    @wraps(function)
    def call(*positional: object, **named: object) -> object:
        return guarded_pattern_call(meter, name, function, *positional, **named)

    return call


def guarded_pattern_call(
    meter: Meter,
    name: str,
    function: Callable[..., object],
    *positional: object,
    **named: object,
) -> object:
    """Call a function of ``re`` or a method of a pattern; an endless search is stopped."""
    with stopwatch(meter):
        if name in {"sub", "subn"}:
            _guard_substitution(meter, function, positional, named)
        result = function(*positional, **named)
        # `finditer` would search later, unwatched.
        return iter(take(meter, result)) if name == "finditer" else result  # type: ignore[arg-type]


def _guard_substitution(
    meter: Meter,
    function: Callable[..., object],
    positional: tuple[object, ...],
    named: Mapping[str, object],
) -> None:
    """Judge how long a text becomes, of which every match is replaced by another."""
    pattern = getattr(function, "__self__", None)
    if not isinstance(pattern, re.Pattern):
        first, *positional_rest = positional or (named.get("pattern"),)
        pattern, positional = re.compile(first), tuple(positional_rest)
    texts = [value for value in (*positional, *named.values()) if isinstance(value, str)]
    if len(texts) < 2:  # noqa: PLR2004 - the replacement and the text; else a function replaces
        return
    replacement, text = named.get("repl", texts[0]), named.get("string", texts[-1])
    if not isinstance(replacement, str) or not isinstance(text, str):
        return
    references = replacement.count("\\") * len(text)
    if (len(text) + 1) * len(replacement) + references > meter.text_max:
        matches = sum(1 for _ in pattern.finditer(text))
        meter.allow(len(text) + matches * len(replacement) + references)


def bounded(function: Callable[..., object]) -> Callable[..., object]:
    """Return a function of one value whose size and time are judged: JSON and YAML."""

    @pass_environment
    @wraps(function)
    def call(environment: HasMeter, value: object, *rest: object, **named: object) -> object:
        environment.meter.allow(size_as_text(value, environment.meter.text_max))
        with stopwatch(environment.meter):
            return function(value, *rest, **named)

    return call


def _guarded_join(meter: Meter, separator: str) -> Callable[[Iterable[object]], str]:
    def join(parts: Iterable[object], /) -> str:
        texts = take(meter, parts)
        size = sum(len(text) for text in texts if isinstance(text, str))
        meter.allow(size + len(separator) * len(texts))
        return separator.join(texts)  # type: ignore[arg-type] # join itself refuses what is no text

    return join


def take(meter: Meter, parts: Iterable[object]) -> list[object]:
    """Return the items of anything iterable as a list of a bounded length."""
    items = list(islice(parts, _ITEMS_MAX))
    meter.allow_parts(len(items))
    return items


def guarded_filter(meter: Meter, name: str, apply: Callable[..., object]) -> Callable[..., object]:
    """Return a filter with its guard; every text that it makes is counted."""
    guard = FILTERS.get(name)
    skipped = 1 if hasattr(apply, "jinja_pass_arg") else 0

    @wraps(apply)
    def call(*positional: object, **named: object) -> object:
        if guard is not None:
            guard(meter, *positional[skipped:], **named)
        result = apply(*positional, **named)
        if result.__class__ is str:
            meter.made(len(result))
        return result

    return call


def guarded_join_filter(meter: Meter, apply: Callable[..., object]) -> Callable[..., object]:
    """Return the filter ``join`` with its guard, which must see all parts first."""

    @wraps(apply)
    def call(
        context: object, value: Iterable[object], d: object = "", attribute: object = None
    ) -> object:
        parts = take(meter, value)
        size = sum(_written(meter, part) for part in parts)
        meter.allow(size + _written(meter, d) * len(parts))
        return apply(context, parts, d, attribute)

    return call


class _BoundedFormatter(Formatter):
    """Judges every field of ``str.format`` before it is padded, and their sum."""

    meter: Meter
    size = 0

    def format_field(self, value: object, format_spec: str) -> str:
        """Write one field."""
        self.size += _widths(format_spec) + _written(self.meter, value)
        self.meter.allow(self.size)
        written: str = super().format_field(value, format_spec)
        return written


class TextFormatter(_BoundedFormatter, SandboxedFormatter):
    """``str.format`` in the sandbox."""


class MarkupFormatter(_BoundedFormatter, SandboxedEscapeFormatter):
    """``Markup.format`` in the sandbox."""


def guarded_format(
    environment: "HasMeter", owner: str, *, takes_mapping: bool
) -> Callable[..., str]:
    """Return ``owner.format`` or ``owner.format_map`` for use in the sandbox."""

    def call(*positional: object, **named: object) -> str:
        formatter: _BoundedFormatter
        if isinstance(owner, Markup):
            formatter = MarkupFormatter(environment, escape=owner.escape)  # type: ignore[arg-type]
        else:
            formatter = TextFormatter(environment)  # type: ignore[arg-type]
        formatter.meter = environment.meter
        if takes_mapping:
            (mapping,) = positional
            if not isinstance(mapping, Mapping):
                message = "format_map() takes a mapping"
                raise TypeError(message)
            return type(owner)(formatter.vformat(owner, (), mapping))
        return type(owner)(formatter.vformat(owner, positional, named))

    return call


class HasMeter(Protocol):
    """An environment that counts."""

    meter: Meter


def lipsum_of(meter: Meter, made: Callable[..., str]) -> Callable[..., str]:
    """Return Jinja's ``lipsum`` with a guard."""

    def lipsum(
        n: int = 5,
        html: bool = True,  # noqa: FBT001, FBT002 - Jinja's signature
        min: int = 20,  # noqa: A002 - Jinja's signature
        max: int = 100,  # noqa: A002
    ) -> str:
        meter.allow_parts(abs(n) * abs(max))
        return made(n, html, min, max)

    return lipsum


def range_of(meter: Meter) -> Callable[..., range]:
    """Return ``range`` for templates: at most so many numbers as the sandbox of dbt allows."""

    def bounded(*bounds: int) -> range:
        numbers = range(*bounds)
        # `len` of a range fails above what an index can be, so its emptiness is asked by slicing.
        if numbers[MAX_RANGE:]:
            meter.refuse_range(MAX_RANGE)
        return numbers

    return bounded
