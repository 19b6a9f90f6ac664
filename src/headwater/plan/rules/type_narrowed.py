"""A column of a deployed table that gets a narrower type.

What it finds:
    A deployed table's column whose new type cannot hold every value of the old one.

Why it matters:
    A cast fails at the first value that does not fit, or rounds silently; the readers of the
    column get other values.

Example:
    ``amount: DOUBLE -> DECIMAL(12,2)`` rounds to cents; ``id: BIGINT -> INTEGER`` fails from
    2,147,483,648 on.

Safer form:
    Keep the wider type, or prove that the values fit: the smallest and largest stored value are
    compared with the new type's range, and a proof turns the finding into information.

Known gaps:
    Whether decimals lose digits after the point cannot be seen in the smallest and largest value.
    Strings are not measured.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule
from headwater.plan.state import TableState
from headwater.sql.lineage import ColumnChange
from headwater.sql.types import canonical_type, type_change

INTEGER_BITS = {
    "TINYINT": 8,
    "SMALLINT": 16,
    "INTEGER": 32,
    "BIGINT": 64,
    "HUGEINT": 128,
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at every retyped column of a table that exists."""
    for node, difference in draft.differences.items():
        compiled = draft.compiled(node)
        table = draft.state.tables.get(str(compiled.node.relation))
        if table is None or table.kind != "table" or difference.query is None:
            continue
        for change in difference.query.columns:
            if change.change != "retyped" or not (change.before and change.after):
                continue
            if type_change(change.before, change.after) in {"narrowed", "changed"}:
                yield _finding(compiled, change, table)


def _finding(compiled: CompiledNode, change: ColumnChange, table: TableState) -> Diagnostic:
    smallest, largest = _stored_range(table, change.column)
    fits = _fits(change.before, change.after, smallest, largest)
    seen = f"stored values are {smallest} to {largest}" if largest is not None else ""
    match fits:
        case True:
            severity, why = "info", f"every stored value fits: {seen}"
        case False:
            severity, why = "error", f"stored values do not fit: {seen}"
        case None:
            why = f"nothing proves that every value fits{f'; {seen}' if seen else ''}"
            severity = "warning"
    verb = "narrows"
    if type_change(change.before, change.after) == "changed":
        verb = "changes"
    if canonical_type(change.after) == "VARCHAR":
        fits, severity, why = None, "warning", "text sorts, compares and adds up otherwise"
    return Diagnostic(
        code="type-narrowed",
        severity="error" if severity == "error" else "info" if severity == "info" else "warning",
        what=f"`{compiled.node.name}.{change.column}` {verb} from {change.before} "
        f"to {change.after}",
        why=why,
        fix="" if fits else f"keep {change.before}, or round and check the values explicitly",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


def _stored_range(table: TableState, column: str) -> tuple[Decimal | None, Decimal | None]:
    def find(values: dict[str, str]) -> Decimal | None:
        try:
            text = values.get(column.lower())
            number = None if text is None else Decimal(text)
        except InvalidOperation:
            return None
        return number if number is not None and number.is_finite() else None

    lowest = find({name.lower(): value for name, value in table.minimum.items()})
    highest = find({name.lower(): value for name, value in table.maximum.items()})
    return lowest, highest


def _fits(
    before: str, after: str, smallest: Decimal | None, largest: Decimal | None
) -> bool | None:
    """Say whether a range of stored values fits a type; None when it proves nothing."""
    if smallest is None or largest is None:
        return None
    limits = _range_of(after)
    if limits is None:
        return None
    if smallest < limits[0] or largest > limits[1]:
        return False
    return True if _scale_of(before) <= _scale_of(after) else None


def _range_of(kind: str) -> tuple[Decimal, Decimal] | None:
    kind = kind.upper()
    if kind in INTEGER_BITS:
        half = Decimal(2) ** (INTEGER_BITS[kind] - 1)
        return -half, half - 1
    if kind.removeprefix("U") in INTEGER_BITS:
        return Decimal(0), Decimal(2) ** INTEGER_BITS[kind.removeprefix("U")] - 1
    match = _DECIMAL.fullmatch(kind)
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2])
    most = (Decimal(10) ** precision - 1) / Decimal(10) ** scale
    return -most, most


def _scale_of(kind: str) -> int:
    """Return digits after the point; many for binary floating point."""
    match = _DECIMAL.fullmatch(kind.upper())
    if match is not None:
        return int(match[2])
    return 0 if kind.upper().removeprefix("U") in INTEGER_BITS else 99


TYPE_NARROWED = Rule(code="type-narrowed", check=check)
