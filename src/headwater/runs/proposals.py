"""Which upkeep of which table pays: what it costs, what every later read saves, what it frees.

Costs are CPU seconds by rates measured on two cores of an AMD EPYC (ADR 0025, and 400 small files
against one for the price of a file); they are estimates, and the run itself is measured.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Literal

from headwater.base.errors import HeadwaterError
from headwater.base.relations import TableName
from headwater.catalog.records import TableRecord
from headwater.lake.compaction import FILE_BYTES, choose_kept
from headwater.lake.files import FileList
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.table import Table
from headwater.lake.vacuum import find_dead, retention_of
from headwater.plan.proposed import Proposal
from headwater.runs.context import Context
from headwater.runs.pins import table_of_record

WRITE_SECONDS_PER_BYTE = 0.018 / 1e6
"""CPU seconds to read and write again a byte of a data file."""

SECONDS_PER_FILE = 0.0001
"""CPU seconds that one more data file costs each read."""

FREED_BYTES_MIN = 1024 * 1024
"""Bytes below which deleting is not proposed."""

FREED_SHARE_MIN = 0.1
"""Share of the table's size below which deleting is not proposed."""

SAVED_SECONDS_MIN = 0.005
"""CPU seconds that all reads together save, below which nothing is proposed: reading the proposal
takes longer."""

_HIDDEN_SECONDS_PER_BYTE = (
    (0.0, 0.0),
    (0.001, 0.36e-9),
    (0.01, 0.67e-9),
    (0.05, 1.64e-9),
    (0.10, 2.36e-9),
    (0.20, 4.06e-9),
    (0.30, 7.6e-9),
)
"""What hiding a share of a file's rows costs each read, by the bytes that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What would pay, or was done.

    Attributes:
        reads: Reads until the next upkeep that were reckoned with.
        proposals: What would pay within so many reads, by table.
        schema: Name and version of this document.
    """

    reads: int
    proposals: tuple[Proposal, ...] = field(default_factory=tuple)
    schema: Literal["headwater.proposals/1"] = "headwater.proposals/1"


def find_proposals(context: Context, reads: int) -> tuple[Proposal, ...]:
    """Look at every table of the workspace; those that cannot be read are left to ``fsck``.

    Args:
        context: The world.
        reads: How often each table will be read before the next upkeep.
    """
    return tuple(
        proposal
        for record in context.metastore.list_relations()
        if isinstance(record, TableRecord)
        for proposal in _proposals(context, record, reads)
    )


def _proposals(context: Context, record: TableRecord, reads: int) -> Iterator[Proposal]:
    try:
        table = table_of_record(context, record)
        snapshot = table.snapshot()
        compaction = _compaction_or_none(record.name, snapshot)
        if compaction is not None and _pays(compaction, reads):
            yield compaction
        vacuum = _vacuum_or_none(context, record.name, table, snapshot)
        if vacuum is not None:
            yield vacuum
    except HeadwaterError:
        return


def find_in_sight(
    context: Context, snapshots: Iterable[tuple[TableName, Snapshot]], reads: int
) -> tuple[Proposal, ...]:
    """Say which tables that were read anyway would pay for compaction; nothing else is looked at.

    Tables of a million files are left out, because looking at each of them takes seconds, and so
    are those that the workspace did not make.

    Args:
        context: The world.
        snapshots: The tables.
        reads: How often each will be read before the next upkeep.
    """
    found = (
        (name, _compaction_or_none(name, snapshot))
        for name, snapshot in snapshots
        if not isinstance(snapshot.files, FileList)
    )
    return tuple(
        proposal
        for name, proposal in found
        if proposal is not None and _pays(proposal, reads) and _is_ours(context, name)
    )


def _is_ours(context: Context, name: TableName) -> bool:
    return isinstance(context.metastore.find_relation_or_none(name), TableRecord)


def _pays(proposal: Proposal, reads: int) -> bool:
    """Tell whether what is saved within some reads is more than the cost, and worth telling."""
    is_cheaper = (proposal.pays_after or 0) <= reads
    return is_cheaper and proposal.saving_seconds * reads >= SAVED_SECONDS_MIN


def _files_after(group: Sequence[DataFile]) -> int:
    return max(1, round(sum(file.size_bytes for file in group) / FILE_BYTES))


def _compaction_or_none(name: TableName, snapshot: Snapshot) -> Proposal | None:
    choice = choose_kept(snapshot)
    if not choice.groups:
        return None
    after = sum(map(_files_after, choice.groups))
    fewer = len(choice.files) - after
    saving = fewer * SECONDS_PER_FILE + sum(map(_hidden_seconds, choice.files))
    cost = choice.size_bytes * WRITE_SECONDS_PER_BYTE + len(choice.files) * SECONDS_PER_FILE
    if saving <= 0:
        return None
    hidden = f", {choice.hidden_rows} hidden rows" if choice.hidden_rows else ""
    return Proposal(
        table=str(name),
        verb="optimize",
        why=f"{len(choice.files)} files that would be {after}{hidden}",
        cost_seconds=cost,
        saving_seconds=saving,
        pays_after=int(cost / saving) + 1,
    )


def _hidden_seconds(file: DataFile) -> float:
    """Return what a file's hidden rows cost each read."""
    if not file.deleted_rows or not file.rows:
        return 0.0
    share = len(file.deleted_rows) / file.rows
    for (low, less), (high, more) in pairwise(_HIDDEN_SECONDS_PER_BYTE):
        if share <= high:
            part = (share - low) / (high - low)
            return file.size_bytes * (less + part * (more - less))
    return file.size_bytes * _HIDDEN_SECONDS_PER_BYTE[-1][1]


def _vacuum_or_none(
    context: Context, name: TableName, table: Table, snapshot: Snapshot
) -> Proposal | None:
    limit = context.clock.now() - max(retention_of(table), timedelta(0))
    dead = find_dead(table, before_ms=int(limit.timestamp() * 1000))
    needed = max(FREED_BYTES_MIN, snapshot.size_bytes * FREED_SHARE_MIN)
    if dead.size_bytes < needed:
        return None
    return Proposal(
        table=str(name),
        verb="vacuum",
        why=f"{len(dead.files)} files that no version of the retention time needs",
        frees_bytes=dead.size_bytes,
    )
