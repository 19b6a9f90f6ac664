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

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.ranges import fits_type, stored_range
from headwater.plan.rules.rule import Rule
from headwater.plan.state import TableState
from headwater.sql.lineage import ColumnChange
from headwater.sql.types import canonical_type, type_change


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
    smallest, largest = stored_range(table, change.column)
    fits = fits_type(change.before, change.after, smallest, largest)
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


TYPE_NARROWED = Rule(code="type-narrowed", check=check)
