"""Reads State: what was deployed, every table the graph touches, its history and arrivals.

The planner sees the world only through this value. It is read without the workspace's lock and
writes nothing: a commit whose run died before recording it is read back from the table's log.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TypeGuard

from headwater.base.cache import Cache
from headwater.base.codec import Json, decode, decode_plain_or_none
from headwater.base.ids import NodeId, RunId
from headwater.base.relations import TableName
from headwater.catalog.records import AttemptRecord, ViewRecord
from headwater.engines.engine import EmptySource, FileSource, ViewSource
from headwater.graph.graph import CompiledNode, Graph
from headwater.lake.compaction import cluster_columns
from headwater.lake.snapshot import HistoryEntry, Snapshot
from headwater.lake.tablestats import bounds_of, column_bytes_of, null_counts_of
from headwater.plan.joins import join_columns
from headwater.plan.plan import Cost
from headwater.plan.proposed import Proposal
from headwater.plan.state import (
    CHANGES_MAX,
    EXPECTED_RUNS_MAX,
    HISTORY_RUNS_MAX,
    DeployedNode,
    NodeRun,
    Prices,
    State,
    TableState,
    VersionChange,
)
from headwater.plan.upkeep import READS_FORESEEN
from headwater.plan.watermark import event_columns
from headwater.runs.cadence import find_cadences
from headwater.runs.context import Context
from headwater.runs.held import read_held
from headwater.runs.keyshapes import measure_keys
from headwater.runs.lateness import measure_lateness, read_arrivals
from headwater.runs.needed import read_hidden, read_needed
from headwater.runs.pins import Pins, local_files
from headwater.runs.proposals import find_in_sight
from headwater.runs.publish import is_node_commit
from headwater.runs.setbacks import find_setbacks

RUNS_LOOKED_AT_MAX = 20
"""How many runs are looked through for the last one that says which packages it had."""

READERS_MAX = 8
"""How many tables are looked at at once; reading logs waits for storage, not for the CPU."""


def read_state(
    graph: Graph, context: Context, *, prices: Prices | None = None, known: Cache | None = None
) -> State:
    """Read what the planner may know about the world.

    Args:
        graph: The project; says which tables matter.
        context: The world.
        prices: What quantities cost; None when the user declared none.
        known: What earlier commands found out about queries.

    Raises:
        DataDamaged: ``log-damaged``, ``store-damaged``.
        HeadwaterError: When storage or the store cannot be read.
    """
    pins = Pins(context)
    deployed = _read_deployed(graph, context)
    names = _touched(graph)
    with ThreadPoolExecutor(max_workers=READERS_MAX) as pool:
        list(pool.map(pins.find_or_none, names))
        wanted = _changes_wanted(deployed)
        read = partial(_history, context, pins, wanted)
        entries = dict(zip(names, pool.map(read, names), strict=True))
    tables = {
        str(name): state
        for name in names
        if (state := _table_state(context, pins, name, entries[name])) is not None
    }
    deployed |= _recover(graph, deployed, entries)
    runs = context.metastore.list_runs(limit=1)
    may_skip = context.engine.can_skip_files
    events = event_columns(graph, known)
    arrivals = read_arrivals(context, pins, events)
    needed, needed_before = read_needed(graph, pins, deployed) if may_skip else ({}, {})
    return State(
        deployed=MappingProxyType(deployed),
        tables=MappingProxyType(tables),
        history=_read_history(graph, context),
        lateness=measure_lateness(context, pins, events, arrivals),
        setbacks=find_setbacks(pins, events, arrivals),
        cadences=find_cadences(context, pins, graph) if prices and prices.runs_per_month else (),
        hidden=read_hidden(graph, pins, deployed, known) if may_skip else MappingProxyType({}),
        prices=prices,
        compared_with=_compared_with(deployed) or (runs[0].run_id if runs else ""),
        today=f"{context.clock.now():%Y-%m-%d}",
        packages=_packages_before(graph, context),
        held=read_held(graph, context, pins),
        needed=needed,
        needed_before=needed_before,
        keys=measure_keys(context, pins, join_columns(graph, deployed)),
        upkeep=_upkeep(context, pins, names, prices),
    )


def _upkeep(
    context: Context, pins: Pins, names: Iterable[TableName], prices: Prices | None
) -> tuple[Proposal, ...]:
    """Return the compaction that pays of tables that were opened anyway."""
    declared = prices.runs_per_month if prices is not None else None
    opened = ((name, pins.snapshot_or_none(name)) for name in names)
    snapshots = ((name, snapshot) for name, snapshot in opened if snapshot is not None)
    return find_in_sight(context, snapshots, round(declared or READS_FORESEEN) or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownPackage:
    name: str
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownPackages:
    """The part of a run's plan that says which packages it ran with."""

    packages: tuple[_KnownPackage, ...] = ()


def _packages_before(graph: Graph, context: Context) -> Mapping[str, str] | None:
    """Return the checksums of the packages at the last run; plans are large, so only if asked."""
    if not graph.packages:
        return None
    for run in context.metastore.list_runs(limit=RUNS_LOOKED_AT_MAX):
        if (run.project, run.target) != (graph.project, graph.target) or run.command == "load":
            continue
        with suppress(ValueError):
            known = decode(_KnownPackages, run.plan)
            return {package.name: package.checksum for package in known.packages}
    return None


def _read_deployed(graph: Graph, context: Context) -> dict[NodeId, DeployedNode]:
    found: dict[NodeId, DeployedNode] = {}
    for record in context.metastore.list_nodes(graph.project, graph.target):
        try:
            deployed = decode(DeployedNode, record.document)
        except ValueError:  # garbled, or another release's: the table's log has it, a view is new
            continue
        compiled = graph.nodes.get(record.node)
        if deployed.lineage is None and compiled and compiled.fingerprint == deployed.fingerprint:
            # Recorded after a crash, from the log and the plan, which have no lineage.
            deployed = replace(deployed, lineage=compiled.lineage, columns=compiled.columns)
        found[record.node] = deployed
    return found


def _touched(graph: Graph) -> tuple[TableName, ...]:
    """Return every relation that the graph reads or writes, sorted."""
    found: set[TableName] = set()
    for compiled in graph.nodes.values():
        found.update(compiled.reads)
        if compiled.node.relation is not None and compiled.node.resource_type != "test":
            found.add(compiled.node.relation)
    return tuple(sorted(found))


def _changes_wanted(deployed: Mapping[NodeId, DeployedNode]) -> Mapping[str, int]:
    """Return the oldest version that some deployed node last saw, by relation."""
    oldest: dict[str, int] = {}
    for node in deployed.values():
        seen = dict(node.inputs)
        if node.relation is not None and node.version is not None:
            seen[str(node.relation)] = str(node.version)
        for name, version in seen.items():
            if version.isdecimal():
                oldest[name] = min(int(version), oldest.get(name, int(version)))
    return oldest


def _history(
    context: Context, pins: Pins, wanted: Mapping[str, int], name: TableName
) -> tuple[HistoryEntry, ...]:
    """Read a table's newest commits: as far back as some deployed node has seen it."""
    snapshot = pins.snapshot_or_none(name)
    if snapshot is None:
        return ()
    since = wanted.get(str(name), snapshot.version - 1)
    count = max(1, min(CHANGES_MAX, snapshot.version - since + 1))
    table = context.tables.at(snapshot.root)
    return tuple(e for e in table.history(limit=count) if e.version <= snapshot.version)


def _table_state(
    context: Context, pins: Pins, name: TableName, entries: tuple[HistoryEntry, ...]
) -> TableState | None:
    found = pins.find_or_none(name)
    if found is None:
        return None
    version = pins.version_or_none(name) or ""
    match found.source:
        case Snapshot() as snapshot:
            return stored_state(name, snapshot, entries)
        case ViewSource():
            record = context.metastore.find_relation_or_none(name)
            columns = record.columns if isinstance(record, ViewRecord) else ()
            return TableState(name=name, kind="view", version=version, columns=columns)
        case FileSource() as source:
            files = local_files(source, context.project_root)
            return TableState(
                name=name,
                kind="files",
                version=version,
                columns=(),
                size_bytes=sum(file.stat().st_size for file in files) if files else None,
                files=len(files),
            )
        case EmptySource(columns=columns):
            return TableState(name=name, kind="files", version=version, columns=columns, rows=0)


def stored_state(
    name: TableName, snapshot: Snapshot, entries: tuple[HistoryEntry, ...]
) -> TableState:
    """Describe a table by its log alone: its newest version, and what its newest commits did."""
    minimum, maximum = bounds_of(snapshot)
    return TableState(
        name=name,
        kind="table",
        version=str(snapshot.version),
        columns=snapshot.columns,
        rows=snapshot.rows,
        size_bytes=snapshot.size_bytes,
        files=len(snapshot.files),
        column_bytes=column_bytes_of(snapshot),
        partition_columns=snapshot.partition_columns,
        minimum=minimum,
        maximum=maximum,
        null_count=null_counts_of(snapshot),
        changes=tuple(_change(entry) for entry in entries),
        written_by=str(entries[0].headwater.get("run_id", "")) if entries else "",
        features=snapshot.features,
        has_mapping=bool(snapshot.physical_names),
        cluster_by=cluster_columns(snapshot),
    )


def _change(entry: HistoryEntry) -> VersionChange:
    return VersionChange(
        version=entry.version,
        operation=entry.operation,
        at=_time(entry.timestamp_ms),
        rows_added=entry.rows_added,
        bytes_added=entry.bytes_added,
        files_added=entry.files_added,
        files_removed=entry.files_removed,
        changes_data=entry.changes_data,
        seconds=entry.seconds,
        cpu_seconds=entry.cpu_seconds,
    )


def _time(timestamp_ms: int) -> str:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _recover(
    graph: Graph,
    deployed: Mapping[NodeId, DeployedNode],
    entries: Mapping[TableName, tuple[HistoryEntry, ...]],
) -> dict[NodeId, DeployedNode]:
    """Read back nodes whose newest commit is ours and newer than their record."""
    found: dict[NodeId, DeployedNode] = {}
    for node, compiled in graph.nodes.items():
        relation = compiled.node.relation
        if relation is None or compiled.node.resource_type in {"source", "test"}:
            continue
        known = deployed.get(node)
        newest = next((e for e in entries.get(relation, ()) if e.changes_data or e.headwater), None)
        if newest is None or not is_node_commit(newest.headwater, node):
            continue
        if known is None or known.version is None or known.version < newest.version:
            found[node] = deployed_from_log(compiled, newest)
    return found


def deployed_from_log(compiled: CompiledNode, entry: HistoryEntry) -> DeployedNode:
    """Make a node's record again from the commit that published it.

    Its code, columns and lineage are taken from the graph when the fingerprint is still the same;
    otherwise they are unknown, which the planner reads as changed.
    """
    kept = entry.headwater
    same = kept.get("fingerprint") == compiled.fingerprint
    return DeployedNode(
        node=compiled.node.unique_id,
        relation=compiled.node.relation,
        materialized=_text(kept, "materialized"),
        fingerprint=_text(kept, "fingerprint"),
        code=compiled.code if same else "",
        columns=compiled.columns if same else None,
        lineage=compiled.lineage if same else None,
        version=entry.version,
        inputs=_inputs(kept),
        run_id=RunId(_text(kept, "run_id")),
        built_at=_time(entry.timestamp_ms),
        config=compiled.node.config if same else MappingProxyType({}),
        covered=_covered(kept),
    )


def _covered(kept: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    listed = kept.get("covered")
    pairs = [each for each in (listed if isinstance(listed, list) else ()) if _is_pair(each)]
    return tuple((str(start), str(end)) for start, end in pairs)


def _is_pair(value: Json) -> TypeGuard[list[str]]:
    return isinstance(value, list) and len(value) == len(("start", "end"))


def _text(kept: Mapping[str, Json], key: str) -> str:
    return str(kept.get(key) or "")


def _inputs(kept: Mapping[str, Json]) -> Mapping[str, str]:
    inputs = kept.get("inputs")
    if not isinstance(inputs, Mapping):
        return MappingProxyType({})
    return MappingProxyType({name: str(version) for name, version in inputs.items()})


def _compared_with(deployed: Mapping[NodeId, DeployedNode]) -> str:
    return max((node.run_id for node in deployed.values()), default="")


def _read_history(graph: Graph, context: Context) -> Mapping[NodeId, tuple[NodeRun, ...]]:
    records = context.metastore.newest_attempts(graph.project, graph.target, limit=HISTORY_RUNS_MAX)
    return MappingProxyType({node: _node_runs(found) for node, found in records.items()})


def _node_runs(records: Iterable[AttemptRecord]) -> tuple[NodeRun, ...]:
    return tuple(
        NodeRun(
            run_id=record.run_id,
            action=record.action,
            fingerprint=record.fingerprint,
            meter=record.meter,
            rows=record.rows,
            input_bytes=record.input_bytes,
            at=record.started_at,
            expected=decode_plain_or_none(Cost, record.estimate)
            if place < EXPECTED_RUNS_MAX
            else None,
        )
        for place, record in enumerate(records)
    )
