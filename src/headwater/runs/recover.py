"""Clears up after runs that died: their commits are recorded, their orphan files removed.

Called with the workspace's lock held, so whatever the records call running is dead. The Delta
logs are the truth: a node whose commit is there was published and is recorded now, with what it
used; any other left nothing but files that no version names.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from headwater.base.codec import decode, from_builtins
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Denied, HeadwaterError
from headwater.base.ids import NodeId
from headwater.base.meters import Meter
from headwater.base.relations import TableName
from headwater.base.units import format_bytes
from headwater.catalog.records import AttemptRecord, NodeEnd, RunEnd, RunRecord, TableRecord
from headwater.lake.maintain import discard_files, find_orphans, remove_orphans
from headwater.lake.replay import LOG_FOLDER
from headwater.lake.snapshot import HistoryEntry
from headwater.lake.table import Table
from headwater.plan.plan import BuildStep, BuildView, Plan, RunTest, Skip
from headwater.runs.context import Context
from headwater.runs.leases import Lease, dead_leases, forget, live_leases
from headwater.runs.publish import is_node_commit
from headwater.runs.record import deployed_build, node_record

COMMITS_SEARCHED_MAX = 100
"""How many of a table's newest commits are searched for the one of a dead run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Removed:
    files: int = 0
    size_bytes: int = 0


def unfinished_runs(context: Context) -> tuple[str, ...]:
    """Name the runs that have not ended: those that died, and one that may be running."""
    runs = context.metastore.list_runs(status="running")
    return tuple(f"run `{run.run_id}` of process {run.process_id} on {run.host}" for run in runs)


def clear_up(context: Context) -> tuple[Diagnostic, ...]:
    """Record and clean what dead runs left; return what was found, one for each run.

    Loads do not hold the workspace: those whose lease is held are alive.
    """
    before = {run.run_id for run in context.metastore.list_runs(status="running")}
    alive = {lease.run_id for lease in live_leases(context)}
    # Asked again: a load may have ended, or begun, while its lease was looked for.
    running = context.metastore.list_runs(status="running")
    dead = [run for run in running if run.run_id in before - alive]
    found = tuple(_clear_up_run(context, run) for run in dead)
    for lease in dead_leases(context):
        _remove_loaded(context, lease)
        forget(context, lease)
    return found


def _remove_loaded(context: Context, lease: Lease) -> None:
    """Remove the files of a load that died; those that it committed are named by the log."""
    with suppress(HeadwaterError):
        discard_files(context.tables.at(lease.root), lease.run_id)


def _clear_up_run(context: Context, run: RunRecord) -> Diagnostic:
    attempts = {
        attempt.node: attempt
        for attempt in context.metastore.attempts_of_run(run.run_id)
        if attempt.status == "started"
    }
    plan = _plan_or_none(run)
    recorded, removed = 0, _Removed()
    for step in plan.steps if plan else ():
        match step:
            case Skip() | BuildView():
                continue
            case RunTest(store_in=place):
                if place and (step.node in attempts or step.gates in attempts):
                    removed = _remove_files(context, place, run, removed)
            case _ if step.node not in attempts:
                continue
            case _:
                recorded += _record(context, run, plan, step, attempts[step.node])
                removed = _remove_files(context, step.target.relation, run, removed)
    now = context.now()
    context.metastore.close_attempts(run.run_id, "its process died", now)
    context.metastore.finish_run(run.run_id, RunEnd(status="crashed", finished_at=now))
    return Diagnostic(
        code="run-crashed",
        severity="warning",
        what=f"run `{run.run_id}` of process {run.process_id} on {run.host} died before it ended",
        why=f"{len(attempts)} node(s) were running, {recorded} of them had committed; "
        f"{removed.files} file(s) of {format_bytes(removed.size_bytes)} that no version names "
        "were removed",
        fix="nothing to do: every table is at the version before or after",
    )


def _plan_or_none(run: RunRecord) -> Plan | None:
    try:
        return decode(Plan, run.plan)
    except ValueError:  # written by another release; its files are found by the next upkeep
        return None


def _record(
    context: Context, run: RunRecord, plan: Plan | None, step: BuildStep, attempt: AttemptRecord
) -> bool:
    """Record a node that had committed; False when it had not."""
    table = context.tables.table(step.target.relation)
    commit = _commit_or_none(table, run, step.node)
    if commit is None or plan is None:
        return False
    kept = commit.headwater
    inputs = kept.get("inputs")
    texts = {name: str(v) for name, v in inputs.items()} if isinstance(inputs, dict) else {}
    deployed = deployed_build(step, None, texts, version=commit.version)
    at = context.now()
    ended = replace(
        attempt,
        status="success",
        version=commit.version,
        rows=commit.rows_added,
        meter=_meter(commit),
        message=f"version {commit.version}; recorded after its process had died",
        finished_at=at,
    )
    context.metastore.finish_nodes(
        [
            NodeEnd(
                attempt=ended,
                node=node_record(replace(deployed, run_id=run.run_id, built_at=at), plan),
                relation=TableRecord(
                    name=step.target.relation,
                    location=table.root,
                    run_id=run.run_id,
                    updated_at=at,
                ),
            )
        ]
    )
    return True


def _commit_or_none(table: Table, run: RunRecord, node: NodeId) -> HistoryEntry | None:
    with suppress(HeadwaterError):
        for entry in table.history(limit=COMMITS_SEARCHED_MAX):
            kept = entry.headwater
            if kept.get("run_id") == run.run_id and is_node_commit(kept, node):
                return entry
    return None


def _meter(commit: HistoryEntry) -> Meter:
    try:
        kept = commit.headwater.get("meter")
        unknown = {"logical_bytes": None}  # commits of earlier releases do not say
        return from_builtins(Meter, unknown | kept if isinstance(kept, dict) else kept)
    except ValueError:
        return Meter()


def _remove_files(context: Context, name: TableName, run: RunRecord, sofar: _Removed) -> _Removed:
    """Remove a dead run's files that no version names; a folder that cannot be read is left."""
    with suppress(HeadwaterError):
        table = context.tables.table(name)
        orphans = [
            found
            for found in find_orphans(table)
            if run.run_id in found.path or f"{LOG_FOLDER}/" in found.path
        ]
        freed = remove_orphans(table, orphans)
        return _Removed(files=sofar.files + len(orphans), size_bytes=sofar.size_bytes + freed)
    return sofar


def clean_folders(
    root: Path, names: Sequence[str], *, dry_run: bool, kept: Sequence[str] = ()
) -> tuple[str, ...]:
    """Remove folders of a project.

    Args:
        root: The project's folder.
        names: Folders relative to it.
        dry_run: Only say what would be removed.
        kept: Folders with the project's own files.

    Returns:
        What was removed, relative to ``root``.

    Raises:
        Denied: ``clean-refused``: one of them leads outside of the project, or holds its files.
    """
    top = root.resolve()
    own = {(root / name).resolve() for name in kept}
    refused = [
        name
        for name in names
        if top not in (folder := (root / name).resolve()).parents or folder in own
    ]
    if refused:
        raise Denied(
            "clean-refused",
            f"`clean-targets` has {', '.join(f'`{name}`' for name in refused)}: "
            "what lies there was not written by a command",
            why="it leads outside of the project or holds its own files; nothing was removed",
            fix="leave target and packages folders there only, and remove others by hand",
        )
    found = [folder for folder in (root / name for name in names) if folder.is_dir()]
    if not dry_run:
        for folder in found:
            shutil.rmtree(folder)
    return tuple(str(folder.relative_to(root)) for folder in found)
