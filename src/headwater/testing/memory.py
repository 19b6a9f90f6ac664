"""A metastore in memory: the same answers as the stored one, gone with the process.

For tests of whatever is given a metastore, here and in projects that build on Headwater; the
suite in ``tests/catalog`` runs against both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import RLock

from headwater.base.ids import NodeId, RunId
from headwater.base.relations import TableName
from headwater.catalog.ledger import UsageTotal, ledger_rows
from headwater.catalog.metastore import HISTORY_MAX, Metastore
from headwater.catalog.records import (
    AttemptRecord,
    LineageRecord,
    NodeEnd,
    NodeRecord,
    RelationRecord,
    RunEnd,
    RunRecord,
)

_ENDED_WELL = frozenset({"success", "pass", "warn", "fail"})


class MemoryMetastore(Metastore):
    """Names and records in dictionaries behind one lock."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._relations: dict[TableName, RelationRecord] = {}
        self._nodes: dict[tuple[str, str, NodeId], NodeRecord] = {}
        self._runs: dict[RunId, RunRecord] = {}
        self._ended: list[RunId] = []
        self._attempts: dict[tuple[RunId, NodeId, int], AttemptRecord] = {}
        self._lineage: dict[NodeId, tuple[LineageRecord, ...]] = {}

    @property
    def identity(self) -> str:
        """See Metastore."""
        return f"{id(self):016x}"

    def put_relation(self, record: RelationRecord) -> None:
        """See Metastore."""
        with self._lock:
            self._relations[_folded(record.name)] = record

    def drop_relation(self, name: TableName) -> None:
        """See Metastore."""
        with self._lock:
            self._relations.pop(_folded(name), None)

    def find_relation_or_none(self, name: TableName) -> RelationRecord | None:
        """See Metastore."""
        with self._lock:
            return self._relations.get(_folded(name))

    def list_relations(self) -> tuple[RelationRecord, ...]:
        """See Metastore."""
        with self._lock:
            return tuple(self._relations[name] for name in sorted(self._relations))

    def relations_called(self, name: str) -> tuple[RelationRecord, ...]:
        """See Metastore."""
        wanted = name.casefold()
        return tuple(
            record for record in self.list_relations() if record.name.name.casefold() == wanted
        )

    def put_nodes(self, records: Iterable[NodeRecord]) -> None:
        """See Metastore."""
        with self._lock:
            for record in records:
                self._nodes[record.project, record.target, record.node] = record

    def drop_node(self, project: str, target: str, node: NodeId) -> None:
        """See Metastore."""
        with self._lock:
            self._nodes.pop((project, target, node), None)

    def list_nodes(self, project: str, target: str) -> tuple[NodeRecord, ...]:
        """See Metastore."""
        with self._lock:
            return tuple(
                record
                for key, record in sorted(self._nodes.items())
                if key[:2] == (project, target)
            )

    def nodes_called(self, node: NodeId) -> tuple[NodeRecord, ...]:
        """See Metastore."""
        with self._lock:
            return tuple(record for key, record in sorted(self._nodes.items()) if key[2] == node)

    def start_run(self, record: RunRecord) -> None:
        """See Metastore."""
        with self._lock:
            self._runs.setdefault(record.run_id, record)

    def finish_run(self, run_id: RunId, end: RunEnd) -> None:
        """See Metastore."""
        with self._lock:
            record = self._runs.get(run_id)
            if record is not None and record.status == "running":
                self._runs[run_id] = replace(
                    record,
                    status=end.status,
                    finished_at=end.finished_at,
                    cpu_seconds=end.cpu_seconds,
                    wall_seconds=end.wall_seconds,
                )
                self._ended.append(run_id)

    def list_runs(self, *, status: str = "", limit: int = HISTORY_MAX) -> tuple[RunRecord, ...]:
        """See Metastore."""
        with self._lock:
            found = [run for run in self._runs.values() if status in {"", run.status}]
        found.sort(key=lambda run: (run.started_at, run.run_id), reverse=True)
        return tuple(found[:limit])

    def start_attempt(self, record: AttemptRecord) -> None:
        """See Metastore."""
        with self._lock:
            self._attempts[record.run_id, record.node, record.attempt] = record

    def finish_nodes(self, ends: Sequence[NodeEnd]) -> None:
        """See Metastore."""
        with self._lock:
            for end in ends:
                self.start_attempt(end.attempt)
                if end.node is not None:
                    self.put_nodes([end.node])
                if end.relation is not None:
                    self.put_relation(end.relation)
                if end.lineage is not None:
                    self._lineage[end.attempt.node] = end.lineage

    def close_attempts(self, run_id: RunId, message: str, finished_at: str) -> None:
        """See Metastore."""
        with self._lock:
            for record in self.attempts_of_run(run_id):
                if record.status == "started":
                    self.start_attempt(
                        replace(record, status="error", message=message, finished_at=finished_at)
                    )

    def attempts_of_run(self, run_id: RunId) -> tuple[AttemptRecord, ...]:
        """See Metastore."""
        with self._lock:
            found = [record for record in self._attempts.values() if record.run_id == run_id]
        return tuple(sorted(found, key=lambda a: (a.started_at, a.node, a.attempt)))

    def attempts_of_node(
        self, node: NodeId, *, limit: int = HISTORY_MAX
    ) -> tuple[AttemptRecord, ...]:
        """See Metastore."""
        with self._lock:
            found = [record for record in self._attempts.values() if record.node == node]
        found.sort(key=lambda a: (a.started_at, a.run_id, a.attempt), reverse=True)
        return tuple(found[:limit])

    def newest_attempts(
        self, project: str, target: str, *, limit: int
    ) -> Mapping[NodeId, tuple[AttemptRecord, ...]]:
        """See Metastore."""
        with self._lock:
            runs = {
                run.run_id
                for run in self._runs.values()
                if (run.project, run.target) == (project, target)
            }
            nodes = sorted({record.node for record in self._attempts.values()})
        found = {
            node: tuple(
                record
                for record in self.attempts_of_node(node)
                if record.status in _ENDED_WELL and record.run_id in runs
            )[:limit]
            for node in nodes
        }
        return {node: records for node, records in found.items() if records}

    def runs_between(self, since: str = "", until: str = "9999") -> tuple[RunRecord, ...]:
        """See Metastore."""
        with self._lock:
            found = [run for run in self._runs.values() if since <= run.started_at < until]
        found.sort(key=lambda run: (run.started_at, run.run_id))
        return tuple(replace(run, plan=b"") for run in found)

    def runs_ended_after(
        self, after: int, *, limit: int = HISTORY_MAX
    ) -> tuple[tuple[int, RunRecord], ...]:
        """See Metastore."""
        with self._lock:
            ended = list(enumerate(self._ended, start=1))[after : after + limit]
            return tuple((at, replace(self._runs[run], plan=b"")) for at, run in ended)

    def attempts_between(
        self, since: str = "", until: str = "9999", *, limit: int | None = None
    ) -> tuple[AttemptRecord, ...]:
        """See Metastore."""
        runs = {run.run_id for run in self.runs_between(since, until)}
        with self._lock:
            found = [
                record
                for record in self._attempts.values()
                if record.run_id in runs and record.status != "started"
            ]
        found.sort(key=lambda each: (each.started_at, each.run_id, each.node, each.attempt))
        return tuple(found if limit is None else found[max(0, len(found) - limit) :])

    def usage_totals(
        self, since: str = "", until: str = "9999", *, run: str = "", by_run: bool = False
    ) -> tuple[UsageTotal, ...]:
        """See Metastore."""
        runs = [each for each in self.runs_between(since, until) if each.run_id.startswith(run)]
        attempts = self.attempts_between(since, until)
        known = {(a.run_id, a.node) for a in attempts if a.meter.logical_bytes is not None}
        sums: dict[tuple[str, ...], UsageTotal] = {}
        for row in ledger_rows(runs, attempts):
            day = next(each.started_at[:10] for each in runs if each.run_id == row.run_id)
            own, node = (row.run_id, "") if by_run else ("", row.node)
            first = UsageTotal(
                project=row.project,
                target=row.target,
                command=row.command,
                user=row.user,
                day=day,
                run_id=own,
                node=node,
                kind=row.kind,
            )
            key = (row.project, row.target, row.command, row.user, day, own, node, row.kind)
            total = sums.get(key, first)
            if (row.run_id, row.node) in known and total.logical_bytes is None:
                total = replace(total, logical_bytes=0.0)
            counted = int(bool(row.attempt) and row.meter == "cpu_seconds")
            sums[key] = replace(
                total,
                attempts=total.attempts + counted,
                **{row.meter: getattr(total, row.meter) + row.quantity},
            )
        return tuple(sums[key] for key in sorted(sums))

    def list_lineage(self, *, to_node: str = "") -> tuple[LineageRecord, ...]:
        """See Metastore."""
        with self._lock:
            edges = [edge for found in self._lineage.values() for edge in found]
        wanted = (edge for edge in edges if to_node in {"", edge.to_node})
        return tuple(
            sorted(
                wanted,
                key=lambda e: (
                    e.to_node,
                    e.to_column,
                    e.kind,
                    e.from_table,
                    e.from_column,
                    e.subtype,
                ),
            )
        )

    def close(self) -> None:
        """See Metastore."""


def _folded(name: TableName) -> TableName:
    return TableName(name.catalog.casefold(), name.schema.casefold(), name.name.casefold())
