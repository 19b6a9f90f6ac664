"""What must hold of a lake and its records at any time, whatever happened before.

I1  each version of a table is the output of one attempt: the rows are old or new, never between;
I2  what was acknowledged is visible, and what was said to have failed is not;
I3  no effect happens twice;
I4  a commit names the versions that it read, and they are those that it read;
I5  one build at a time holds the workspace;
I6  every attempt that began has ended in the records, with its measure;
I7  lineage names what was built;
I8  records and logs agree after the next command;
I9  nothing is left that nobody needs.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable
from tests.reliability.lake import Model, Rows, Subject, opened, rows_or_none
from tests.runs.world import node_id, relation

from headwater.base.codec import decode
from headwater.lake.deletion_vectors import vector_path_or_none
from headwater.lake.maintain import find_orphans
from headwater.lake.table import Table
from headwater.plan.state import DeployedNode
from headwater.runs.context import Context
from headwater.runs.fsck import check_table
from headwater.runs.journal import open_journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A write as it is when nothing disturbs it.

    Attributes:
        states: Rows (as a hash) before it, and after each of its commits; the last is the goal.
        operations: Operations of all commits of the table afterwards, oldest first.
        points: Points that it passes.
    """

    states: tuple[str, ...]
    operations: tuple[str, ...]
    points: tuple[str, ...]

    @property
    def goal(self) -> str:
        return self.states[-1]


def digest(rows: Rows | None) -> str:
    return "none" if rows is None else hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def operations_of(table: Table) -> tuple[str, ...]:
    if table.version_or_none() is None:
        return ()
    return tuple(entry.operation for entry in reversed(table.history(1000)))


def violations(
    folder: Path, subject: Subject, known: Undisturbed, said: str, *, lost_records: bool = False
) -> list[str]:
    """Check a lake after a fault, let the write happen again, and check it once more.

    Args:
        folder: Where the lake lies.
        subject: The write.
        known: What it does undisturbed.
        said: ``done``, ``failed`` or, when it could say nothing, ``killed``.
        lost_records: The records may be older than the lake.
    """
    with opened(folder) as context:
        found = [*_state_faults(context, subject, known, said), *_table_faults(context, subject)]
    with opened(folder) as context:
        if not subject.act(context):
            return [*found, "I8: the next try fails"]
        now = digest(rows_or_none(context, subject.name))
        if now != known.goal:
            found.append(f"I3: after the next try the rows are {now}, not {known.goal}")
        operations = operations_of(context.tables.table(relation(subject.name)))
        if operations != known.operations:
            found.append(f"I3: commits are {operations}, undisturbed they are {known.operations}")
        if not subject.is_settled(context):
            found.append("I8: after the next try something is still to do")
        with open_journal(context, "check"):
            pass  # whatever takes the workspace next clears up
        found += _table_faults(context, subject)
        found += _record_faults(context, subject, lost_records=lost_records)
        found += _left_over(folder, context, subject, lost_records=lost_records)
    return found


def _state_faults(
    context: Context, subject: Subject, known: Undisturbed, said: str
) -> Iterator[str]:
    now = digest(rows_or_none(context, subject.name))
    if now not in known.states:
        yield f"I1: rows are {now}, which is neither old nor new {known.states}"
    if said == "done" and now != known.goal:
        yield f"I2: it was acknowledged and the rows are {now}"
    if said == "failed" and now == known.goal != known.states[0]:
        yield "I2: it said that it failed, and published"


def _table_faults(context: Context, subject: Subject) -> Iterator[str]:
    """Say what is wrong with the tables: files against their log, every version readable."""
    for name in ("raw", subject.name):
        table = context.tables.table(relation(name))
        if table.version_or_none() is None:
            continue
        for fault in check_table(context, str(relation(name)), deep=True).faults:
            yield f"I1: {name}: {fault.file} {fault.what}"
        yield from _foreign_faults(table)
        if subject.name != "vacuum":
            yield from _older_faults(table)


def _foreign_faults(table: Table) -> Iterator[str]:
    """Say whether another reader, which starts from a checkpoint, sees another table."""
    ours = table.snapshot()
    try:
        theirs = DeltaTable(table.root)
        found = f"version {theirs.version()}, {len(theirs.file_uris())} files"
    except Exception as error:  # noqa: BLE001 - whatever a reader meets
        found = str(error)[:200]
    wanted = f"version {ours.version}, {len(ours.files)} files"
    if found != wanted:
        yield f"I1: delta-rs sees {found}, we see {wanted}"


def _older_faults(table: Table) -> Iterator[str]:
    """Name files that older versions need and that are gone."""
    for version in range(table.snapshot().version + 1):
        for file in table.snapshot(version).files:
            if not table.storage.exists(file.path):
                yield f"I1: version {version} of {table.root} lacks {file.path}"


def _record_faults(context: Context, subject: Subject, *, lost_records: bool) -> Iterator[str]:
    for run in context.metastore.list_runs():
        if run.status == "running":
            yield f"I6: run {run.run_id} is said to be running"
        for attempt in context.metastore.attempts_of_run(run.run_id):
            if attempt.status == "started":
                yield f"I6: attempt {attempt.attempt} of {attempt.node} never ended"
    if not isinstance(subject, Model):
        return
    table = context.tables.table(relation(subject.name))
    raw = context.tables.table(relation("raw")).version_or_none()
    newest = table.history(1)[0]
    inputs = newest.headwater.get("inputs")
    if not isinstance(inputs, dict) or inputs.get(str(relation("raw"))) != str(raw):
        yield f"I4: the newest commit says that it read {inputs}, raw is at {raw}"
    records = [
        decode(DeployedNode, record.document)
        for record in context.metastore.list_nodes("shop", "dev")
        if record.node == node_id(subject.name)
    ]
    versions = {newest.version, *(range(newest.version) if lost_records else ())}
    if len(records) != 1 or records[0].version not in versions:
        yield f"I8: records say {[r.version for r in records]}, the log {newest.version}"
    if context.metastore.find_relation_or_none(relation(subject.name)) is None:
        yield "I7: the table is in no record"


def _left_over(
    folder: Path, context: Context, subject: Subject, *, lost_records: bool
) -> Iterator[str]:
    """Name files that no version needs: what a build leaves the next one clears up.

    What upkeep and loads leave, or runs that no record knows, the next vacuum deletes.
    """
    is_strict = isinstance(subject, Model) and not lost_records
    for name in ("raw", subject.name):
        table = context.tables.table(relation(name))
        if table.version_or_none() is None:
            continue
        root = Path(table.root)
        # An entry that was never published stays for the next vacuum, as it may be a rival's.
        orphans = {each.path for each in find_orphans(table)}
        found = {path for path in orphans if "_delta_log/" in path} if is_strict else orphans
        for path in sorted(each for each in root.rglob("*") if each.is_file()):
            text = str(path.relative_to(root))
            is_log = text.startswith("_delta_log/") and ".tmp-" not in text
            if not is_log and text not in {*found, *_named(table)}:
                yield f"I9: {name}: {text} is left"
    holder = folder / ".headwater" / "lock.holder"
    if holder.exists():
        yield "I9: the lock's holder is still named"


def _named(table: Table) -> set[str]:
    """Return the paths that some entry of the log adds, with their vectors."""
    found: set[str] = set()
    for entry in table.entries(table.list_log()):
        for line in entry.lines:
            if line.add is not None:
                found.add(line.add.path)
                vector = line.add.deletion_vector
                path = None if vector is None else vector_path_or_none(vector)
                found |= set() if path is None else {path}
    return found


def order_faults(folder: Path, subject: Subject) -> list[str]:
    """Say where times or versions of a table's log do not only grow (clocks may jump)."""
    with opened(folder) as context:
        entries = context.tables.table(relation(subject.name)).history(1000)
    times = [entry.timestamp_ms for entry in reversed(entries)]
    return [] if times == sorted(set(times)) else [f"I1: times of versions are {json.dumps(times)}"]
