"""What became of a changed node, as words that programs can read: renamed, retyped, rows ..."""

from collections.abc import Iterator
from typing import get_args

from headwater.plan.draft import Draft
from headwater.plan.plan import Change, ChangeKind
from headwater.sql.lineage import ColumnChangeKind

_ORDER: tuple[ChangeKind, ...] = get_args(ChangeKind)


def change_kinds(draft: Draft, change: Change, *, has_nulls: bool) -> tuple[ChangeKind, ...]:
    """Return the kinds of a change, each once, in the order of ``ChangeKind``.

    Args:
        draft: With the differences found.
        change: The change.
        has_nulls: Some column may be null now and was not.
    """
    found = set(_kinds(draft, change))
    if has_nulls:
        found.add("nullability")
    return tuple(kind for kind in _ORDER if kind in found)


def _kinds(draft: Draft, change: Change) -> Iterator[ChangeKind]:
    difference = draft.differences.get(change.node)
    if change.sign != "~" or difference is None:
        yield "removed" if change.sign == "-" else "new"
        return
    if difference.kind == "formatting":
        yield "formatting"
        return
    if difference.config_keys:
        yield "config"
    query = difference.query
    if query is None:
        if not difference.keeps_rows:
            yield "semantics"
        return
    yield from (_kind_of_column(column.change) for column in query.columns)
    if query.rows_changed or query.reads_added or query.reads_removed:
        yield "rows"
    if query.formatting_only and not difference.config_keys:
        yield "config"


def _kind_of_column(change: ColumnChangeKind) -> ChangeKind:
    return "semantics" if change == "changed" else change
