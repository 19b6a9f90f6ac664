"""A large incremental table that the plan writes anew.

What it finds:
    A step that rebuilds an incremental model's stored table of more than 10 GiB from nothing.

Why it matters:
    It reads the whole history and writes the whole table; it may take hours where a run takes
    minutes, and rows whose inputs are no longer kept are lost.

Example:
    One more column in a merge over two years of events.

Safer form:
    ``on_schema_change: append_new_columns`` for added columns, ``full_refresh: false`` to keep
    stored rows as they are, or a backfill by partition.

Known gaps:
    Whether the inputs still hold the whole history is not known.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_bytes, format_count
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at every incremental model that is rebuilt."""
    for node, decision in draft.decisions.items():
        compiled = draft.compiled(node)
        if decision.how != "full" or compiled.node.materialized != "incremental":
            continue
        table = draft.state.tables.get(str(compiled.node.relation))
        size = table.size_bytes if table is not None else None
        if table is None or size is None or size <= draft.options.limits.refresh_bytes_max:
            continue
        yield Diagnostic(
            code="large-full-refresh",
            severity="warning",
            what=f"`{compiled.node.name}` is incremental, and this plan rebuilds all "
            f"{format_bytes(size)} of it",
            why=f"{decision.reason}; it holds {format_count(table.rows)} rows",
            fix="on_schema_change: append_new_columns for a new column, full_refresh: false to "
            "keep stored rows, or a rebuild at a quiet hour",
            where=compiled.node.where,
            node=node,
        )


LARGE_REFRESH = Rule(code="large-full-refresh", check=check)
