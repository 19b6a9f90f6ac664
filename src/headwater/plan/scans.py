"""Which stored columns a query has to read, and how many bytes they are.

Views are followed to their tables. Compressed bytes by column come from the files' own
statistics. Files that a filter surely leaves out are not counted; rows of the others that it leaves
out are, so a sum is an upper bound.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from headwater.base.relations import TableName
from headwater.base.units import UNKNOWN, Estimate, Grade, exact
from headwater.graph.graph import CompiledNode
from headwater.plan.deployed import as_deployed
from headwater.plan.draft import Draft, Scan
from headwater.plan.inputs import is_view
from headwater.plan.state import NeededFiles, TableState
from headwater.plan.widths import share_by_types
from headwater.sql.lineage import QueryLineage

Sizes = Mapping[TableName, Estimate]
"""Bytes of each relation that the plan builds, once it is built."""

_NOTHING_LEFT_OUT: Mapping[str, NeededFiles] = MappingProxyType({})

EVERY = "*"
"""Stands for all columns, where a query could not be traced."""


def bound(value: float) -> Estimate:
    """Return an upper bound: at most ``value``, perhaps nothing."""
    if value == 0:
        return exact(0)
    return Estimate(value=float(value), low=0.0, high=float(value), grade="bound")


def find_scans(
    draft: Draft, compiled: CompiledNode, *, is_deployed: bool = False
) -> tuple[Scan, ...]:
    """Return what a node's full query reads from storage, sorted by relation.

    Args:
        draft: The draft.
        compiled: The node, in its present or its deployed version.
        is_deployed: Follow views as they are deployed instead of as they are planned.
    """
    key = (id(compiled), is_deployed)
    if key not in draft.scans:
        draft.scans[key] = (compiled, _find_scans(draft, compiled, is_deployed=is_deployed))
    return draft.scans[key][1]


def _find_scans(draft: Draft, compiled: CompiledNode, *, is_deployed: bool) -> tuple[Scan, ...]:
    found: dict[TableName, set[str]] = {}
    for relation, columns in _columns_used(compiled, compiled.lineage).items():
        for stored, used in _through_views(draft, relation, columns, is_deployed=is_deployed):
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
    draft: Draft,
    relation: TableName,
    columns: frozenset[str],
    *,
    is_deployed: bool,
    passed: frozenset[TableName] = frozenset(),
) -> Iterator[tuple[TableName, frozenset[str]]]:
    view = _view_or_none(draft, relation, is_deployed=is_deployed)
    # A view whose text names itself reads what stands in its place today.
    if view is None or relation in passed:
        yield relation, columns
        return
    passed |= {relation}
    for behind, used in _columns_used(view, view.lineage, columns).items():
        yield from _through_views(draft, behind, used, is_deployed=is_deployed, passed=passed)


def _view_or_none(draft: Draft, relation: TableName, *, is_deployed: bool) -> CompiledNode | None:
    producer = draft.index.producers.get(relation)
    if producer is None:
        return None
    compiled, deployed = draft.compiled(producer), draft.deployed_or_none(producer)
    if is_deployed and deployed is not None and deployed.lineage is not None:
        return as_deployed(compiled, deployed) if deployed.materialized == "view" else None
    return compiled if is_view(compiled) else None


def scan_bytes(
    draft: Draft, scan: Scan, sizes: Sizes, needed: Mapping[str, NeededFiles] = _NOTHING_LEFT_OUT
) -> Estimate:
    """Return the bytes of a scan: by statistics, or by what this plan makes of the table first.

    Args:
        draft: The draft.
        scan: The scan.
        sizes: Bytes of what this plan builds, once it is built.
        needed: Files of tables that the reader's filters can touch, as State has them.
    """
    table = draft.state.tables.get(str(scan.relation))
    if scan.relation in sizes:
        producer = draft.index.producers.get(scan.relation)
        columns = None if producer is None else draft.compiled(producer).columns
        share = share_by_types(columns, scan.columns) if table is None else share_of(table, scan)
        return _of_planned(share, sizes[scan.relation])
    if table is None or table.size_bytes is None:
        return UNKNOWN
    files = needed.get(str(scan.relation))
    if files is None:
        files = NeededFiles(size_bytes=table.size_bytes, column_bytes=table.column_bytes)
    known = _column_bytes_or_none(table, files.column_bytes, scan)
    return bound(files.size_bytes * share_of(table, scan) if known is None else known)


def _column_bytes_or_none(
    table: TableState, column_bytes: Mapping[str, int], scan: Scan
) -> int | None:
    """Return what the columns of a scan take in the files; None when one is not known."""
    sizes = {name.lower(): size for name, size in column_bytes.items()}
    stored = scan.columns - {name.lower() for name in table.partition_columns}
    if not sizes or not stored <= sizes.keys():
        return None
    return sum(sizes[name] for name in stored)


def share_of(table: TableState, scan: Scan) -> float:
    """Return the share of a table's bytes, 0 to 1, that the scan's columns are."""
    total = sum(table.column_bytes.values())
    if EVERY in scan.columns or not total:
        return 1.0
    sizes = {name.lower(): size for name, size in table.column_bytes.items()}
    in_paths = {name.lower() for name in table.partition_columns}
    missing = scan.columns - in_paths - set(sizes)
    if missing & {column.name.lower() for column in table.columns}:
        return 1.0
    # A column that the table is only to get is taken to be as wide as the others are on average.
    new = len(missing) * total / len(sizes)
    return min(1.0, (sum(sizes.get(column, 0) for column in scan.columns) + new) / total)


def _of_planned(share: float, planned: Estimate) -> Estimate:
    if planned.value is None:
        return UNKNOWN
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
    """Return the median bytes that a commit after the first adds; None without such commits.

    A merge writes files anew that hold old rows too, so what it adds says nothing.
    """
    sizes = sorted(
        change.bytes_added
        for change in table.changes
        if change.changes_data and change.version > 0 and not change.files_removed
    )
    return float(sizes[len(sizes) // 2]) if sizes else None
