"""Compares two traces of one model: what an edit did to its columns and to its rows.

Works on fingerprints alone, so the state of the last run is enough; the old SQL is not parsed.
"""

from collections.abc import Iterable

from headwater.base.relations import Column
from headwater.sql.lineage import ColumnChange, OutputColumn, QueryChange, QueryLineage
from headwater.sql.types import type_change


def compare(
    before: QueryLineage,
    after: QueryLineage,
    *,
    before_columns: tuple[Column, ...] | None = None,
    after_columns: tuple[Column, ...] | None = None,
) -> QueryChange:
    """Say how a query changed.

    Args:
        before: Trace of the old query.
        after: Trace of the new one.
        before_columns: Columns with types as the old query gave them; None when not known, then
            the types that the trace inferred are used.
        after_columns: The same of the new query.

    A column is renamed when exactly one column disappeared and one appeared with its fingerprint.
    Where a trace is incomplete, rows and shared columns that it does not show count as changed.
    """
    old_types = _types(before, before_columns)
    new_types = _types(after, after_columns)
    old = {column.name.lower(): column for column in before.columns}
    new = {column.name.lower(): column for column in after.columns}
    renames = _renames(before, after)
    changes: list[ColumnChange] = []
    for name, shown in _ordered_names(old_types, new_types):
        change = _change(name, shown, (old, new), (old_types, new_types), renames)
        if change is not None:
            changes.append(change)
    unsure = not (before.complete and after.complete) and before != after
    rows_changed = before.row_fingerprint != after.row_fingerprint or unsure
    reads_added = tuple(sorted(set(after.reads) - set(before.reads)))
    reads_removed = tuple(sorted(set(before.reads) - set(after.reads)))
    moved = [name for name in old if name in new] != [name for name in new if name in old]
    return QueryChange(
        formatting_only=not (changes or rows_changed or reads_added or reads_removed or moved),
        columns=tuple(changes),
        rows_changed=rows_changed,
        reads_added=reads_added,
        reads_removed=reads_removed,
    )


Columns = dict[str, OutputColumn]
Types = dict[str, tuple[str, str]]
"""Name as written and type, by lower-case name."""


def _types(lineage: QueryLineage, columns: tuple[Column, ...] | None) -> Types:
    if columns is not None:
        return {column.name.lower(): (column.name, column.type) for column in columns}
    return {column.name.lower(): (column.name, column.type) for column in lineage.columns}


def _renames(before: QueryLineage, after: QueryLineage) -> dict[str, OutputColumn]:
    """Map lower-case old names to the new columns that took their place."""
    old_names = {column.name.lower() for column in before.columns}
    new_names = {column.name.lower() for column in after.columns}
    gone = [column for column in before.columns if column.name.lower() not in new_names]
    come = [column for column in after.columns if column.name.lower() not in old_names]
    renames: dict[str, OutputColumn] = {}
    for column in gone:
        matches = [other for other in come if other.fingerprint == column.fingerprint]
        twins = [other for other in gone if other.fingerprint == column.fingerprint]
        if len(matches) == 1 and len(twins) == 1:
            renames[column.name.lower()] = matches[0]
    return renames


def _ordered_names(old: Types, new: Types) -> Iterable[tuple[str, str]]:
    """Give lower-case and shown names: those of the old query in order, then the new ones."""
    for name, (shown, _) in old.items():
        yield name, shown
    for name, (shown, _) in new.items():
        if name not in old:
            yield name, shown


def _change(
    name: str,
    shown: str,
    columns: tuple[Columns, Columns],
    types: tuple[Types, Types],
    renames: dict[str, OutputColumn],
) -> ColumnChange | None:
    old_types, new_types = types
    if name not in old_types:
        if any(column.name.lower() == name for column in renames.values()):
            return None
        return ColumnChange(column=shown, change="added", after=new_types[name][1])
    old_type = old_types[name][1]
    if name not in new_types:
        renamed = renames.get(name)
        if renamed is not None:
            return ColumnChange(column=shown, change="renamed", before=shown, after=renamed.name)
        return ColumnChange(column=shown, change="dropped", before=old_type)
    return _change_of_shared(name, shown, columns, (old_type, new_types[name][1]))


def _change_of_shared(
    name: str, shown: str, columns: tuple[Columns, Columns], types: tuple[str, str]
) -> ColumnChange | None:
    old, new = (side.get(name) for side in columns)
    before, after = types
    if type_change(before, after) != "same":
        return ColumnChange(column=shown, change="retyped", before=before, after=after)
    if old is None and new is None:
        return None
    if old is None or new is None or old.fingerprint != new.fingerprint:
        return ColumnChange(column=shown, change="changed", before=before, after=after)
    return None
