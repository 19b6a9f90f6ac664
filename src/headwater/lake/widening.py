"""Which type holds the values of two types, each exactly: what a column may be widened to.

Here because the pairs are Delta's (PROTOCOL.md, *Type Widening*): a column never gets a type to
which a reader that knows the feature could not have come from the old one.
"""

import re

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_FIT_DOUBLES = frozenset({"TINYINT", "SMALLINT", "INTEGER", "FLOAT"})
_DIGITS = {"TINYINT": 10, "SMALLINT": 10, "INTEGER": 10, "BIGINT": 20}
"""Digits before the point that the protocol wants of a decimal in place of an integer."""

_DIGITS_MAX = 38
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def widened_or_none(stored: str, given: str) -> str | None:
    """Return the type to which a column is widened so that it holds values of another, too.

    None when it holds them already, or when no type holds both exactly: not every BIGINT is a
    DOUBLE, and text is no number.

    Args:
        stored: The column's type, as the embedded engine spells it.
        given: The stored type of the values that come.
    """
    both = {stored, given}
    if stored == given:
        return None
    if both <= set(_INTEGERS):
        wider: str | None = max(both, key=_INTEGERS.index)
    elif both & {"FLOAT", "DOUBLE"} and both - {"DOUBLE"} <= _FIT_DOUBLES:
        wider = "DOUBLE"
    elif both == {"DATE", "TIMESTAMP"}:
        wider = "TIMESTAMP"
    else:
        wider = _decimal_or_none(stored, given)
    return None if wider == stored else wider


def _decimal_or_none(stored: str, given: str) -> str | None:
    """Return the decimal with the digits of both before and behind the point."""
    parts = [_digits_or_none(kind) for kind in (stored, given)]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or not any(_DECIMAL.fullmatch(kind) for kind in (stored, given)):
        return None
    before, behind = (max(part[place] for part in known) for place in (0, 1))
    return f"DECIMAL({before + behind},{behind})" if before + behind <= _DIGITS_MAX else None


def _digits_or_none(kind: str) -> tuple[int, int] | None:
    match = _DECIMAL.fullmatch(kind)
    if match is not None:
        return int(match[1]) - int(match[2]), int(match[2])
    return (_DIGITS[kind], 0) if kind in _DIGITS else None
