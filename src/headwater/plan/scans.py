"""Which stored columns a query has to read, and how many bytes they are.

Views are followed to their tables. Compressed bytes by column come from the files' own
statistics. Files that a filter could leave out are still counted, so a sum is an upper bound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headwater.base.relations import TableName
from headwater.base.units import UNKNOWN, Estimate, Grade, exact
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.inputs import is_view
from headwater.plan.state import TableState
from headwater.sql.lineage import QueryLineage

EVERY = "*"
"""Stands for all columns, where a query could not be traced."""


def bound(value: float) -> Estimate:
    """Return an upper bound: at most ``value``, perhaps nothing."""
    if value == 0:
        return exact(0)
    return Estimate(value=float(value), low=0.0, high=float(value), grade="bound")


@dataclass(frozen=True, slots=True)
class Scan:
    """One stored relation read by a node.

    Attributes:
        relation: The table or files.
        columns: Column names in lower case; ``{"*"}`` when unknown; empty when only rows count.
    """

    relation: TableName
    columns: frozenset[str]


def find_scans(draft: Draft, compiled: CompiledNode) -> tuple[Scan, ...]:
    """Return what a node's full query reads from storage, sorted by relation."""
    found: dict[TableName, set[str]] = {}
    for relation, columns in _columns_used(compiled, compiled.lineage).items():
        for stored, used in _through_views(draft, relation, columns):
            found.setdefault(stored, set()).update(used)
    return tuple(Scan(relation, frozenset(found[relation])) for relation in sorted(found))


def _columns_used(
    compiled: CompiledNode, lineage: QueryLineage | None, wanted: frozenset[str] | None = None
) -> Mapping[TableName, frozenset[str]]:
    """Return the columns that a query needs of each relation, for all outputs or some."""
    if lineage is None or not lineage.complete:
        return dict.fromkeys(compiled.reads, frozenset({EVERY}))
    used: dict[TableName, set[str]] = {relation: set() for relation in compiled.reads}
    for output in lineage.columns:
        if wanted is None or EVERY in wanted or output.name.lower() in wanted:
            for influence in output.influences:
                used.setdefault(influence.table, set()).add(influence.column.lower())
    for influence in lineage.row_set:
        used.setdefault(influence.table, set()).add(influence.column.lower())
    return {relation: frozenset(names - {EVERY}) for relation, names in used.items()}


def _through_views(
    draft: Draft, relation: TableName, columns: frozenset[str]
) -> Iterator[tuple[TableName, frozenset[str]]]:
    producer = draft.index.producers.get(relation)
    if producer is None or not is_view(draft.compiled(producer)):
        yield relation, columns
        return
    view = draft.compiled(producer)
    for behind, used in _columns_used(view, view.lineage, columns).items():
        yield from _through_views(draft, behind, used)


def scan_bytes(draft: Draft, scan: Scan, written: Mapping[TableName, Estimate]) -> Estimate:
    """Return the bytes of a scan: by statistics, or by what this plan is to write first."""
    table = draft.state.tables.get(str(scan.relation))
    if scan.relation in written:
        return _of_planned(table, scan, written[scan.relation])
    if table is None or table.size_bytes is None:
        return UNKNOWN
    return bound(table.size_bytes * share_of(table, scan))


def share_of(table: TableState, scan: Scan) -> float:
    """Return the share of a table's bytes, 0 to 1, that the scan's columns are."""
    total = sum(table.column_bytes.values())
    if EVERY in scan.columns or not total:
        return 1.0
    sizes = {name.lower(): size for name, size in table.column_bytes.items()}
    in_paths = {name.lower() for name in table.partition_columns}
    if not scan.columns <= in_paths | set(sizes):
        return 1.0
    return min(1.0, sum(sizes.get(column, 0) for column in scan.columns) / total)


def _of_planned(table: TableState | None, scan: Scan, planned: Estimate) -> Estimate:
    if planned.value is None:
        return UNKNOWN
    share = share_of(table, scan) if table is not None else 1.0
    grade: Grade = "guess" if planned.grade == "guess" else "modelled"
    return Estimate(
        value=planned.value * share,
        low=0.0,
        high=None if planned.high is None else planned.high * share,
        grade=grade,
    )


def new_bytes(table: TableState, since: str) -> int | None:
    """Return the bytes added to a table after a version; None when State cannot say."""
    if not (since.isdecimal() and table.version.isdecimal()):
        return None
    between = [change for change in table.changes if change.version > int(since)]
    if len(between) != max(0, int(table.version) - int(since)):
        return None
    return sum(change.bytes_added for change in between if change.changes_data)


def usual_increment_bytes(table: TableState) -> float | None:
    """Return the median bytes that a commit after the first adds; None without such commits."""
    sizes = sorted(
        change.bytes_added for change in table.changes if change.changes_data and change.version > 0
    )
    return float(sizes[len(sizes) // 2]) if sizes else None
