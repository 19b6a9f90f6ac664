"""Writes values and names as SQL text, for the statements that are ours.

Bound parameters come first; these are for places that take none (view bodies, reader options).
"""

import math
from datetime import date, datetime, time
from decimal import Decimal

from headwater.base.relations import quote_identifier

__all__ = ["literal", "quote_identifier", "quote_literal"]


def quote_literal(text: str) -> str:
    """Write text as a SQL string; a single quote inside is doubled.

    Raises:
        ValueError: The text has a null character, which no SQL string can hold.
    """
    if "\x00" in text:
        message = "a SQL string cannot hold a null character"
        raise ValueError(message)
    return "'" + text.replace("'", "''") + "'"


def literal(value: object) -> str:
    """Write a Python value as a SQL literal of the type that it has in the embedded engine.

    Raises:
        TypeError: There is no literal for a value of this type.
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            return _float_literal(value)
        case Decimal():
            return format(value, "f")
        case str():
            return quote_literal(value)
        case bytes():
            return f"from_hex('{value.hex()}')"
        case _:
            return _time_literal(value)


def _float_literal(value: float) -> str:
    if math.isfinite(value):
        text = repr(value)
        return text if "e" in text else f"{text}e0"
    return f"CAST('{value}' AS DOUBLE)"


def _time_literal(value: object) -> str:
    match value:
        case datetime() if value.tzinfo is not None:
            return f"TIMESTAMPTZ '{value.isoformat(sep=' ')}'"
        case datetime():
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case time():
            return f"TIME '{value.isoformat()}'"
        case _:
            message = f"no SQL literal for a value of type {type(value).__name__}"
            raise TypeError(message)
