"""Values that lose digits or their kind on the way into a table, without a cast in the text.

What it finds:
    A union of a number and a text, or of a ``BIGINT`` and a ``DOUBLE`` whose stored values have
    more digits than a ``DOUBLE`` holds; and an incremental run whose query gives more digits than
    the stored ``DECIMAL`` has, which ``on_schema_change`` keeps.

Why it matters:
    A number that became text sorts and compares otherwise; an id above 9,007,199,254,740,992 that
    passed through a ``DOUBLE`` is another id; digits after the point are rounded at every run.

Example:
    ``select id from a union all select ratio from b``, where ``id`` is a ``BIGINT`` and ``ratio`` a
    ``DOUBLE``.

Safer form:
    Cast both branches to the type that is meant; widen the stored column with
    ``on_schema_change: sync_all_columns``.

Known gaps:
    Only columns whose types are passed on plainly are judged. The engine's ``/`` gives a ``DOUBLE``
    for whole numbers, so nothing is lost by it here.
"""

from collections.abc import Iterator
from decimal import Decimal

from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.plan.casts import casts_of
from headwater.plan.draft import Draft
from headwater.plan.ranges import stored_range
from headwater.plan.rules.rule import Rule
from headwater.plan.state import TableState
from headwater.plan.strategy import on_schema_change_of
from headwater.sql.casts import United
from headwater.sql.types import canonical_type, type_change

EXACT_MAX = 2**53
"""Whole numbers up to this one are exact in a DOUBLE."""

_LONG = frozenset({"BIGINT", "HUGEINT", "UBIGINT"})
_FLOATING = frozenset({"DOUBLE", "FLOAT"})
_NUMBERS = _LONG | _FLOATING | {"TINYINT", "SMALLINT", "INTEGER"}
_KEEPS = frozenset({"ignore", "append_new_columns"})


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at unions, and at what incremental runs insert."""
    for compiled, casts in casts_of(draft):
        for united in dict.fromkeys(casts.united):
            why = _why_or_empty(draft, compiled, united)
            if why:
                yield _finding(
                    compiled,
                    f"`{compiled.node.name}` unites {united.types[0]} and {united.types[1]} in "
                    f"`{united.name}`",
                    why,
                    "cast both branches to the type that is meant",
                )
    for node, decision in draft.decisions.items():
        if decision.how == "incremental" and draft.is_asked_for(node):
            yield from _inserted(draft, draft.compiled(node))


def _why_or_empty(draft: Draft, compiled: CompiledNode, united: United) -> str:
    types = {*united.types}
    if "VARCHAR" in types and any(_is_number(kind) for kind in types):
        return "the numbers become text, which sorts and compares otherwise"
    if not (types & _LONG and types & _FLOATING):
        return ""
    largest = _largest(draft, compiled, united.name)
    if largest is None or largest <= EXACT_MAX:
        return ""
    return f"stored values reach {largest:,}, and a DOUBLE is exact up to {EXACT_MAX:,}"


def _is_number(kind: str) -> bool:
    return kind in _NUMBERS or kind.startswith("DECIMAL(")


def _largest(draft: Draft, compiled: CompiledNode, column: str) -> Decimal | None:
    """Return the largest stored whole number that a column is made of; None when not known."""
    lineage = compiled.lineage
    found: list[Decimal] = []
    for output in lineage.columns if lineage is not None else ():
        for use in output.influences if output.name.lower() == column else ():
            table = draft.state.tables.get(str(use.table))
            if table is not None and _is_long(table, use.column):
                bounds = stored_range(table, use.column)
                found += [abs(each) for each in bounds if each is not None]
    return max(found, default=None)


def _is_long(table: TableState, column: str) -> bool:
    types = {each.name.lower(): canonical_type(each.type) for each in table.columns}
    return types.get(column.lower()) in _LONG


def _inserted(draft: Draft, compiled: CompiledNode) -> Iterator[Diagnostic]:
    """Compare the types of an incremental query with those of the table that keeps its own."""
    table = draft.state.tables.get(str(compiled.node.relation))
    if table is None or on_schema_change_of(compiled) not in _KEEPS:
        return
    stored = {column.name.lower(): column.type for column in table.columns}
    for column in compiled.columns or ():
        kept = stored.get(column.name.lower(), "")
        if type_change(column.type, kept) == "narrowed" and kept.startswith("DECIMAL("):
            yield _finding(
                compiled,
                f"`{compiled.node.name}.{column.name}` is {column.type} in the query and {kept} "
                "in the table",
                "what does not fit is rounded, or fails the run",
                "on_schema_change: sync_all_columns, or cast it in the query",
            )


def _finding(compiled: CompiledNode, what: str, why: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code="implicit-narrowing",
        severity="warning",
        what=what,
        why=why,
        fix=fix,
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


IMPLICIT_NARROWING = Rule(code="implicit-narrowing", check=check)
