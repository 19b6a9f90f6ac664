"""Conditions on the columns of one table that every row which a query needs surely meets.

The language wing finds them in SQL, the storage wing leaves out files by them: this is the word
that both know. A condition may be weaker than the query's own, never stronger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ConstantKind = Literal["integer", "decimal", "text", "date", "timestamp", "zoned"]
"""How a constant is written: a bare number or text, or a text under the name of a type."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant as a query writes it.

    Attributes:
        kind: How it is written.
        text: The number or the text itself.
    """

    kind: ConstantKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """The column is no null and lies between two constants, both included.

    Attributes:
        column: Its name in lower case.
        low: Smallest value; None for no bound.
        high: Largest value; None for no bound.
    """

    column: str
    low: Constant | None = None
    high: Constant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IsNull:
    """The column is null.

    Attributes:
        column: Its name in lower case.
    """

    column: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of these holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    parts: "tuple[Condition, ...]"


Condition = Within | IsNull | AllOf | AnyOf


def all_of(parts: "Iterable[Condition | None]") -> Condition | None:
    """Join conditions that all hold; None stands for one that says nothing."""
    known = tuple(part for part in parts if part is not None)
    return known[0] if len(known) == 1 else AllOf(known) if known else None


def any_of(parts: "Iterable[Condition | None]") -> Condition | None:
    """Join conditions of which one holds; None as soon as one of them says nothing."""
    listed = tuple(parts)
    known = tuple(dict.fromkeys(part for part in listed if part is not None))
    if not known or None in listed:
        return None
    return known[0] if len(known) == 1 else AnyOf(known)
