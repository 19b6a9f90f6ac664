"""How values flow: the small words in which a trace is kept while it is made.

An input is a pair (number of the relation, column); how it is used is a set of bits, so that
merging two traces is one `or`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from headwater.sql.lineage import Subtype

IDENTITY, TRANSFORMATION, AGGREGATION = 1, 2, 4
JOIN, FILTER, GROUP_BY, SORT, WINDOW, CONDITIONAL = 8, 16, 32, 64, 128, 256
DIRECT = IDENTITY | TRANSFORMATION | AGGREGATION
LEGIBLE, MASKED = 512, 1024
"""A use through which the value can still be read; a mode through which it no longer can."""

READ = IDENTITY | LEGIBLE
"""How a table's column is used where it is met."""

ROWS = "*"
"""The column that stands for the mere existence of rows."""

TEXT_LENGTH_MAX = 80
"""Longest canonical text that is kept as it is, in characters; longer ones are hashed."""

InputKey = tuple[int, str]
Uses = dict[InputKey, int]
"""Bits of use by input."""

_SUBTYPES: tuple[tuple[int, Subtype], ...] = (
    (JOIN, "join"),
    (FILTER, "filter"),
    (GROUP_BY, "group_by"),
    (SORT, "sort"),
    (WINDOW, "window"),
    (CONDITIONAL, "conditional"),
)


@dataclass(slots=True, kw_only=True)
class FlowColumn:
    """One column of a relation inside a query.

    Attributes:
        name: As written.
        text: What it computes, inputs resolved: equal when the meaning is.
        uses: Inputs that it depends on.
        type: SQL type, or empty.
        fields: Parts of a struct that was packed in the query, by lower-case name.
        is_guessed: It is of one of several tables whose columns are not known.
    """

    name: str
    text: str
    uses: Mapping[InputKey, int]
    type: str = ""
    fields: "Mapping[str, FlowColumn]" = field(default_factory=dict)
    is_guessed: bool = False


@dataclass(slots=True, kw_only=True)
class Relation:
    """Rows inside a query: a table, a subquery, a CTE, a join.

    Attributes:
        columns: Known columns, in order.
        text: What decides its rows; equal when the rows are.
        rows: Inputs that decide its rows.
        tables: Numbers of the base relations below.
        open_table: Number of the base relation whose unknown columns pass through, or None.
        is_opaque: Has columns that cannot be known (a table function, a dynamic pivot).
        order: Inputs that decide the order of its rows and nothing else of them; whoever takes
            some rows, or gathers them in order, depends on them too.
        order_text: What decides the order.
    """

    columns: list[FlowColumn]
    text: str
    rows: Uses
    tables: frozenset[int] = frozenset()
    open_table: int | None = None
    open_text: str = ""
    is_opaque: bool = False
    order: Mapping[InputKey, int] = field(default_factory=dict)
    order_text: str = ""


def apply_mode(use: int, mode: int) -> int:
    """Combine how a column was made with how it is used now.

    A direct use inside an aggregate is an aggregation; inside a condition everything direct is a
    condition. What already was indirect stays what it was.
    """
    direct, indirect = use & DIRECT, use & ~DIRECT
    if not mode & DIRECT:
        # The condition inside a value that is only compared is itself only compared.
        kept = indirect & ~(CONDITIONAL | LEGIBLE)
        return kept | mode if direct or indirect & CONDITIONAL else kept
    if mode & MASKED:
        indirect &= ~LEGIBLE
    return indirect | (max(direct, mode & DIRECT) if direct else 0)


def merge_uses(into: Uses, uses: Mapping[InputKey, int], mode: int = IDENTITY) -> None:
    """Add ``uses``, seen through ``mode``, to ``into``."""
    for key, use in uses.items():
        bits = apply_mode(use, mode)
        if bits:
            into[key] = into.get(key, 0) | bits


def subtypes_of(use: int) -> Iterable[Subtype]:
    """Name the bits: the strongest direct use, then each indirect one."""
    if use & AGGREGATION:
        yield "aggregation"
    elif use & TRANSFORMATION:
        yield "transformation"
    elif use & IDENTITY:
        yield "identity"
    for bit, subtype in _SUBTYPES:
        if use & bit:
            yield subtype


def settle(text: str) -> str:
    """Shorten a canonical text that is long; equal texts stay equal."""
    return text if len(text) <= TEXT_LENGTH_MAX else digest(text)


def digest(text: str) -> str:
    """Hash a canonical text to 32 hexadecimal digits; the same in every process."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
