"""What one query reads and produces, column by column: the value that the tracer returns.

``sql.columns`` fills it; graph, plan and catalog read it. Subtypes are OpenLineage's words
(ColumnLineageDatasetFacet 1-2-0).
"""

from dataclasses import dataclass
from typing import Literal

from headwater.base.relations import TableName

Kind = Literal["direct", "row"]
Subtype = Literal[
    "identity",
    "transformation",
    "aggregation",
    "join",
    "filter",
    "group_by",
    "sort",
    "window",
    "conditional",
]


def kind_of(subtype: Subtype) -> Kind:
    """Say whether a use passes values on, or only decides rows or conditions."""
    return "direct" if subtype in {"identity", "transformation", "aggregation"} else "row"


@dataclass(frozen=True, slots=True, order=True)
class Influence:
    """One input column that an output depends on.

    Attributes:
        table: The relation read, as named in the query.
        column: Its column; ``*`` when the query only counts or tests the existence of rows.
        subtype: How it is used.
        masking: Its values flow, but only through what hides them: a hash, a count, ``is null``.
    """

    table: TableName
    column: str
    subtype: Subtype
    masking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """One column of a query's result.

    Attributes:
        name: Output name.
        type: Inferred SQL type in the embedded engine's spelling; empty when not known.
        influences: Columns that this one depends on, sorted: those whose values flow into it
            (``kind_of`` says direct) and those that steer it alone (a CASE condition, a window's
            order, the filter of a scalar subquery: row).
        fingerprint: Hash of the expression with its inputs resolved; equal when the meaning is.
    """

    name: str
    type: str
    influences: tuple[Influence, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLineage:
    """What one query reads and produces.

    Attributes:
        columns: Output columns in order.
        row_set: Columns that decide which rows appear, how often or in what order, sorted.
        row_fingerprint: Hash of everything that decides the row set (from, joins, filters,
            grouping, distinct, set operations, limits); equal when the rows are.
        reads: Relations read, sorted.
        complete: False when some part could not be traced; then ``reads`` still holds and
            columns may be missing.
        gaps: One sentence for each part that could not be traced.
    """

    columns: tuple[OutputColumn, ...]
    row_set: tuple[Influence, ...]
    row_fingerprint: str
    reads: tuple[TableName, ...]
    complete: bool = True
    gaps: tuple[str, ...] = ()


ColumnChangeKind = Literal["added", "dropped", "renamed", "retyped", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """How one output column differs between two versions of a query.

    Attributes:
        column: Its name before, or its new name when added.
        change: What happened; ``changed`` means the expression is another one.
        before: Type before (retyped, changed, dropped) or old name (renamed).
        after: Type after (added, retyped, changed) or new name (renamed).
    """

    column: str
    change: ColumnChangeKind
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryChange:
    """How two versions of a query differ.

    Attributes:
        formatting_only: Same meaning: only layout, comments, case or aliases inside differ.
        columns: Changed columns, in output order.
        rows_changed: The set of rows may differ (filter, join, grouping, distinct, limit ...).
        reads_added: Relations read now and not before.
        reads_removed: Relations read before and not now.
    """

    formatting_only: bool
    columns: tuple[ColumnChange, ...] = ()
    rows_changed: bool = False
    reads_added: tuple[TableName, ...] = ()
    reads_removed: tuple[TableName, ...] = ()
