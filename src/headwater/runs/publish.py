"""Publishes what was staged by one commit, or takes the files of a failed attempt away."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from headwater.base.codec import Json, to_builtins
from headwater.base.errors import Conflict, HeadwaterError, Unavailable
from headwater.base.meters import Meter
from headwater.lake.commit import (
    Action,
    AddFile,
    Commit,
    RemoveFile,
    SetTransaction,
    TransactionBelow,
    VersionIs,
    commit,
)
from headwater.lake.deletion_vectors import write_vectors
from headwater.lake.maintain import discard_files
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.table import Table
from headwater.plan.plan import BuildStep, RunTest
from headwater.runs.staged import Staged
from headwater.runs.work import Work

HOOK = "hook"
"""Action of the commits that hooks and macros make, beside those of steps."""

UNFINISHED = "unfinished"
"""In a step's commit: what its hooks write in other tables follows, so it alone is not the node."""


def is_node_commit(kept: Mapping[str, Json], node: str) -> bool:
    """Say whether a commit is a node's whole build, by what the log keeps about it."""
    whole = kept.get("action") != HOOK and not kept.get(UNFINISHED)
    return whole and kept.get("node") == node


def file_prefix(work: Work, attempt: int) -> str:
    """Return how the names of an attempt's data files begin; unique to the attempt in a table."""
    return f"{work.run_id}-{attempt}-"


def publish(
    work: Work,
    table: Table,
    current: Snapshot | None,
    staged: Staged,
    record: Mapping[str, Json],
    consumed: Mapping[str, int] = MappingProxyType({}),
) -> int:
    """Make the commit of a staged step; return the version.

    Args:
        work: The run.
        table: Where it is published.
        current: The table as the step saw it; the commit requires that it still is.
        staged: What to publish.
        record: What the log keeps about the run, beside run and plan; must have ``node``.
        consumed: Versions of inputs that the table holds then, by the application of their
            transactions.

    Raises:
        HeadwaterError: As ``commit`` does.
    """
    version = 0 if current is None else current.version + 1
    app_id = f"headwater/{record['node']}"
    prefix = file_prefix(work, int(str(record["attempt"])))
    actions = with_vectors(table, staged.actions, prefix)
    added, removed, hiding = _counted(actions)
    entry = Commit(
        operation=staged.operation,
        requirements=(
            VersionIs(version=None if current is None else current.version),
            TransactionBelow(app_id=app_id, version=version),
        ),
        # The table's version serves as the transaction's: it only grows, too.
        actions=(
            *actions,
            SetTransaction(app_id=app_id, version=version),
            *(SetTransaction(app_id=app, version=held) for app, held in sorted(consumed.items())),
        ),
        headwater={"run_id": work.run_id, "plan_hash": work.plan_hash, **record},
        metrics={
            "numFiles": str(len(added)),
            "numRemovedFiles": str(removed),
            "numOutputBytes": str(sum(file.size_bytes for file in added)),
            "numOutputRows": str(staged.rows or 0),
            **time_metrics(staged.meter),
            **({"numDeletionVectorsAdded": str(hiding)} if hiding else {}),
        },
    )
    try:
        return commit(table, entry, work.context.clock)
    except Conflict as error:
        rival = _rival_or_none(work, table, since=version)
        if error.code != "already-committed" or rival is None:
            raise
        raise Conflict(
            "commit-conflict",
            f"run `{rival}` has published `{table.root}` first",
            why="another workspace builds the same node into the same lake",
            fix="plan again and run",
        ) from error


def time_metrics(meter: Meter) -> Mapping[str, str]:
    """Return how long writing took, by the names that Delta's own writers use, and its CPU time."""
    return {
        "executionTimeMs": str(round(meter.wall_seconds * 1000)),
        "executionCpuTimeMs": str(round(meter.cpu_seconds * 1000)),
    }


def with_vectors(table: Table, actions: Sequence[Action], prefix: str) -> tuple[Action, ...]:
    """Store the hidden rows of added files, and return the actions that say where.

    Raises:
        HeadwaterError: As ``Storage.put_if_absent`` does.
    """
    files = [action.file for action in actions if isinstance(action, AddFile)]
    hidden = {file.path: file.deleted_rows for file in files if file.deleted_rows}
    if not hidden:
        return tuple(actions)
    vectors = write_vectors(table.storage, hidden, prefix=prefix)
    return tuple(
        replace(action, vector=vectors[action.file.path])
        if isinstance(action, AddFile) and action.file.path in vectors
        else action
        for action in actions
    )


def _counted(actions: Sequence[Action]) -> tuple[list[DataFile], int, int]:
    """Return the new files, and how many are removed or hide more rows than before."""
    adds = [action for action in actions if isinstance(action, AddFile)]
    removed = {action.path for action in actions if isinstance(action, RemoveFile)}
    new = [action.file for action in adds if action.file.path not in removed]
    return (
        new,
        len(removed) - len(adds) + len(new),
        sum(action.vector is not None for action in adds),
    )


def _rival_or_none(work: Work, table: Table, *, since: int) -> str | None:
    """Return the run that published the newest version; None when one since then is this run's."""
    newest = table.version_or_none()
    entries = table.history(limit=1 if newest is None else max(1, newest - since + 1))
    runs = [str(entry.headwater.get("run_id") or "") for entry in entries]
    return None if work.run_id in runs or not runs else runs[0]


def build_record(
    step: BuildStep | RunTest, attempt: int, inputs: Mapping[str, str], meter: Meter
) -> dict[str, Json]:
    """Return what the log keeps about a node, enough to make its record again from the log."""
    is_test = isinstance(step, RunTest)
    return {
        "node": step.node,
        "attempt": attempt,
        "action": step.action,
        "materialized": "test" if isinstance(step, RunTest) else step.target.materialized,
        "fingerprint": step.fingerprint if isinstance(step, RunTest) else step.target.fingerprint,
        "inputs": {} if is_test else dict(inputs),
        "meter": to_builtins(meter),
    }


def may_still_land(table: Table, error: HeadwaterError) -> bool:
    """Say whether a commit that failed may yet appear: an object store may be slow to obey.

    A put that timed out can be carried out later, and an entry whose files are gone would make
    the newest version unreadable; files that stay only take space. A folder obeys at once.
    """
    return "://" in table.root and isinstance(error, Unavailable)


def discard(work: Work, table: Table, attempt: int) -> None:
    """Delete an attempt's data files that no version of the table names."""
    discard_files(table, file_prefix(work, attempt))


def only_rearranged(table: Table, since: int | None) -> bool:
    """Say whether every commit after ``since`` left the rows as they were (compaction)."""
    if since is None:
        return False
    newest = table.version_or_none()
    if newest is None or newest <= since:
        return False
    entries = table.history(limit=newest - since)
    return all(not entry.changes_data for entry in entries if entry.version > since)
