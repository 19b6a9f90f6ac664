"""A filter that reads all files because a function is around its column.

What it finds:
    In a new or changed model, a filter such as ``year(day) = 2026`` where the same filter of the
    column itself would leave out more than half of the bytes, and more than 64 MiB. Both are
    looked up in the table's log: by partition values and by the bounds of its files.

Why it matters:
    A file is left out by what its log entry says of a column. Of a function of the column it says
    nothing, so every file is opened, at every run.

Example:
    ``where strftime(day, '%Y-%m') = '2026-01'`` reads 365 files, ``where day >= '2026-01-01' and
    day < '2026-02-01'`` 31 of them.

Safer form:
    The filter that the finding proposes.

Known gaps:
    Understood are ``year``, ``extract(year ...)``, ``date_trunc``, ``strftime`` of years, months
    and days, casts to a date and ``coalesce`` with a constant, compared with constants. Of a column
    with a time zone, a day is that of the session's zone.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_bytes, format_count
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule
from headwater.plan.state import Hidden

SHARE_MAX = 0.5
"""More of the bytes than this would be read anyway: not worth a finding."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at what filters could leave out."""
    for node, hidden in draft.state.hidden.items():
        for each in hidden if draft.is_asked_for(node) else ():
            if not _is_worth_it(draft, each):
                continue
            compiled = draft.compiled(node)
            yield Diagnostic(
                code="filter-hides-column",
                severity="warning",
                what=f"`{compiled.node.name}` reads {format_count(each.files)} files "
                f"({format_bytes(each.bytes_read)}) of `{each.table.name}`, and "
                f"{format_count(each.files_needed)} ({format_bytes(each.bytes_needed)}) would do",
                why=f"`{each.written}` hides the column from the table's statistics",
                fix=f"write `{each.plain}`",
                where=compiled.node.where,
                node=node,
            )


def _is_worth_it(draft: Draft, hidden: Hidden) -> bool:
    saved = hidden.bytes_read - hidden.bytes_needed
    is_enough = saved >= draft.options.limits.hidden_bytes_min
    return is_enough and hidden.bytes_needed <= SHARE_MAX * hidden.bytes_read


HIDDEN_FILTER = Rule(code="filter-hides-column", check=check)
