"""How many bytes each input gives to a run of a node, in its present or its deployed version.

Both versions are predicted by the same model on the same tables, so that their ratio says what a
change of the SQL does, whatever the engine counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.units import UNKNOWN, ZERO, Estimate, sum_estimates
from headwater.graph.graph import CompiledNode
from headwater.plan.deployed import as_deployed
from headwater.plan.draft import Draft
from headwater.plan.history import Mode
from headwater.plan.plan import Driver
from headwater.plan.scans import (
    Sizes,
    find_scans,
    new_bytes,
    scan_bytes,
    share_of,
    usual_increment_bytes,
)
from headwater.plan.state import NeededFiles, TableState
from headwater.plan.watermark import HOURS_PER_DAY, stored_column, watermarks_of
from headwater.sql.watermark import Watermark

READS_MORE = 1.5
"""An input of which a run reads this many times as much as before drives the cost."""

_DATE_LENGTH = len("2026-11-21")


@dataclass(frozen=True, slots=True)
class Version:
    """A node's queries at one time.

    Attributes:
        compiled: The node.
        marks: Filters of its incremental query that leave older rows out.
        is_deployed: True when the views that it reads are the deployed ones too.
    """

    compiled: CompiledNode
    marks: tuple[Watermark, ...]
    is_deployed: bool = False


def present_version(draft: Draft, compiled: CompiledNode) -> Version:
    """Return the version that is planned."""
    return Version(compiled, draft.watermarks.get(compiled.node.unique_id, ()))


def deployed_version_or_none(draft: Draft, node: NodeId) -> Version | None:
    """Return the version that is deployed; None when its queries are not known."""
    deployed = draft.deployed_or_none(node)
    if deployed is None or node not in draft.graph.nodes:
        return None
    compiled = draft.compiled(node)
    if deployed.fingerprint == compiled.fingerprint:
        return replace(present_version(draft, compiled), is_deployed=True)
    if deployed.lineage is None or not deployed.code:
        return None
    before = as_deployed(compiled, deployed)
    return Version(before, watermarks_of(before), is_deployed=True)


def predict_reads(
    draft: Draft, version: Version, mode: Mode, sizes: Sizes, *, is_usual: bool = False
) -> Mapping[TableName, Estimate]:
    """Return the bytes that a run reads of each stored relation.

    Args:
        draft: The draft with its decisions.
        version: The node.
        mode: How it is run.
        sizes: Bytes of what this plan builds, once it is built.
        is_usual: Predict a regular incremental run instead of the one that is due now.
    """
    marks = _marks_by_relation(draft, version) if mode == "incremental" else {}
    node = version.compiled.node.unique_id
    needed = _needed(draft, version)
    reads: dict[TableName, Estimate] = {}
    if mode == "test" and _finds_no_nulls(draft, version.compiled, sizes):
        return dict.fromkeys(version.compiled.reads, ZERO)
    for scan in find_scans(draft, version.compiled, is_deployed=version.is_deployed):
        reads[scan.relation] = scan_bytes(draft, scan, sizes, needed)
        table = draft.state.tables.get(str(scan.relation))
        if scan.relation in marks and table is not None:
            fresh = _fresh_bytes(draft, node, table, sizes, is_usual=is_usual)
            again = window_share_or_none(table, marks[scan.relation])
            new = None if fresh is None else fresh * share_of(table, scan)
            reads[scan.relation] = _increment(reads[scan.relation], new, again)
    return reads


def _finds_no_nulls(draft: Draft, compiled: CompiledNode, sizes: Sizes) -> bool:
    """Say whether a test looks for nulls in a stored column that has none by its files' statistics.

    No row group of it is read then. Only files of our own are sure to say so themselves, which are
    known by the bytes of their columns.
    """
    test, reads = compiled.node.test, compiled.reads
    if test is None or test.name != "not_null" or test.column is None or len(reads) != 1:
        return False
    table = draft.state.tables.get(str(reads[0]))
    if table is None or table.kind != "table" or reads[0] in sizes:
        return False
    column = test.column.strip('"').lower()
    nulls = {name.lower(): count for name, count in table.null_count.items()}
    return nulls.get(column) == 0 and column in {name.lower() for name in table.column_bytes}


def _needed(draft: Draft, version: Version) -> Mapping[str, NeededFiles]:
    """Return the files that a version's own filters can touch, where there are others."""
    node = version.compiled.node.unique_id
    is_present = version.compiled.code == draft.compiled(node).code
    return (draft.state.needed if is_present else draft.state.needed_before).get(node, {})


def add_reads(reads: Mapping[TableName, Estimate]) -> Estimate:
    """Add up the bytes of all inputs; unknown when one of them is."""
    if any(part.value is None for part in reads.values()):
        return UNKNOWN
    return sum_estimates(list(reads.values())) if reads else ZERO


def find_drivers(
    draft: Draft, before: Version, now: Version, mode: Mode, sizes: Sizes
) -> tuple[Driver, ...]:
    """Return the inputs of which the present version reads much more than the deployed one."""
    was = predict_reads(draft, before, mode, sizes, is_usual=True)
    reads = predict_reads(draft, now, mode, sizes, is_usual=True)
    lost = _marks_by_relation(draft, before).keys() - _marks_by_relation(draft, now).keys()
    return tuple(
        Driver(
            relation=relation,
            before=was.get(relation, ZERO),
            after=after,
            is_full_scan=mode == "incremental" and relation in lost,
        )
        for relation, after in reads.items()
        if _is_much_more(was.get(relation, ZERO), after)
    )


def _is_much_more(before: Estimate, after: Estimate) -> bool:
    if before.value is None or not after.value:
        return False
    return after.value >= before.value * READS_MORE


def _marks_by_relation(draft: Draft, version: Version) -> Mapping[TableName, Watermark]:
    """Return the stored relations of which an incremental run reads only newer rows, and since."""
    found: dict[TableName, Watermark] = {}
    for mark in version.marks:
        relation, column = stored_column(draft.graph, draft.index, mark.relation, mark.column)
        found.setdefault(relation, replace(mark, relation=relation, column=column))
    return found


def _increment(everything: Estimate, new: float | None, again: float | None) -> Estimate:
    """Return the bytes of the rows of an input that are new, or within the window before them.

    Args:
        everything: Bytes of all rows.
        new: Bytes of the new rows; None when they are not known.
        again: Share of the old rows that lies within the window; None when it is not known.
    """
    if everything.value is None or (new is None and not again):
        return everything
    value = (new or 0.0) + (again or 0.0) * everything.value
    return Estimate(
        value=min(value, everything.value), low=0.0, high=everything.high, grade="modelled"
    )


def _fresh_bytes(
    draft: Draft, node: NodeId, table: TableState, sizes: Sizes, *, is_usual: bool
) -> float | None:
    usual = usual_increment_bytes(table)
    if is_usual:
        return usual
    if table.name in sizes:
        after = sizes[table.name].value
        grown = 0.0 if after is None else after - (table.size_bytes or 0)
        return grown if grown > 0 else usual
    deployed = draft.deployed_or_none(node)
    since = deployed.inputs.get(str(table.name)) if deployed else None
    new = None if since is None else new_bytes(table, since)
    return usual if new is None else float(new)


def window_share_or_none(table: TableState, mark: Watermark) -> float | None:
    """Return the share of a table, 0 to 1, that lies within the window before its newest row.

    Rows are taken to be spread evenly between the smallest and the largest value; None when these
    are not known, or the window is not.
    """
    if mark.hours is None:
        return None
    if mark.hours <= 0:
        return 0.0
    low = {name.lower(): text for name, text in table.minimum.items()}.get(mark.column.lower())
    high = {name.lower(): text for name, text in table.maximum.items()}.get(mark.column.lower())
    span = _hours_between(low, high)
    return None if span is None else min(1.0, mark.hours / span) if span > 0 else 1.0


def _hours_between(low: str | None, high: str | None) -> float | None:
    if low is None or high is None:
        return None
    try:
        first, last = datetime.fromisoformat(low), datetime.fromisoformat(high)
        hours = (last - first).total_seconds() / 3600
    except (TypeError, ValueError):
        return None  # numbers, words, or a zone on one side only
    return hours + HOURS_PER_DAY if len(high) == _DATE_LENGTH else hours
