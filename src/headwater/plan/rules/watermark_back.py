"""An incremental filter by a column whose values go back.

What it finds:
    An incremental filter ``column > (select max(column) from this)``, without a window, over a
    column of whole numbers, decimals or times, where some commit of its table began at or below
    the largest value of all commits before it. An error when the plan brings the filter in, a
    warning when it was deployed like that.

Why it matters:
    The filter takes the column for a counter that only grows. A row whose value is not above the
    largest one stored is never read: the table silently differs from its own full rebuild.

Example:
    Two servers hand out ids from blocks of their own: ids from 812 on came after 90,311 had been
    reached.

Safer form:
    Filter by a column that the loader sets (``loaded_at``), read a window back, or set ``refresh``,
    which goes by the versions of the inputs.

Known gaps:
    The statistics of files tell the smallest value of a commit, not how many of its rows are below:
    the rows told are all of those commits. For times that were measured in hours
    (``late-rows-lost``) nothing is said twice.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_count
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.refresh import is_refreshed
from headwater.plan.rules.late_rows import introduces
from headwater.plan.rules.rule import Rule
from headwater.plan.state import Setback
from headwater.plan.watermark import stored_column
from headwater.sql.watermark import Watermark


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at the filters without a window, and at what came of their columns."""
    known = {(each.table, each.column): each for each in draft.state.setbacks}
    late = {
        (each.table, each.column.lower())
        for each in draft.state.lateness
        if each.share_later_than(0) > 0
    }
    for node, marks in draft.watermarks.items() if known else ():
        compiled = draft.compiled(node)
        if is_refreshed(compiled) or not draft.is_asked_for(node):
            continue
        for mark in marks:
            table, column = stored_column(draft.graph, draft.index, mark.relation, mark.column)
            setback = known.get((table, column.lower()))
            if setback is None or (table, column.lower()) in late:
                continue
            if mark.anchor == "newest" and mark.hours == 0 and _loses(mark, setback):
                yield _finding(draft, compiled, mark, setback)


def _loses(mark: Watermark, setback: Setback) -> bool:
    """Say whether rows are lost: those at the largest value are read again by ``>=``."""
    return not mark.is_inclusive or setback.began != setback.reached


def _finding(draft: Draft, compiled: CompiledNode, mark: Watermark, setback: Setback) -> Diagnostic:
    return Diagnostic(
        code="watermark-goes-back",
        severity="error" if introduces(draft, compiled, mark) else "warning",
        what=f"`{compiled.node.name}` reads only rows above the largest `{setback.column}`, and "
        f"{setback.back} of {setback.commits} commits of `{setback.table.name}` began at or "
        "below it",
        why=f"rows from {setback.began} on came after {setback.reached} had been reached; "
        f"{format_count(setback.rows)} rows came in such commits",
        fix="filter by a column that the loader sets, read a window back, or set `refresh`",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


WATERMARK_BACK = Rule(code="watermark-goes-back", check=check)
