"""The metastore: what has which name, and what was done by whom, as records.

`Metastore` is what everybody is given; `StoredMetastore` keeps it in the store's file, and
``headwater.testing.memory`` keeps it in memory. Everything that one node's end changes is written
in one transaction, so that the records never say half of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from headwater.base.errors import NotFound
from headwater.base.ids import NodeId, RunId
from headwater.base.relations import TableName
from headwater.catalog.ledger import UsageTotal
from headwater.catalog.names import resolve_among
from headwater.catalog.records import (
    AttemptRecord,
    LineageRecord,
    NodeEnd,
    NodeRecord,
    RelationRecord,
    RunEnd,
    RunRecord,
)
from headwater.catalog.rows import (
    attempt_from_row,
    attempt_parameters,
    lineage_from_row,
    lineage_parameters,
    name_parameters,
    node_from_row,
    node_parameters,
    relation_from_row,
    relation_parameters,
    run_from_row,
    run_parameters,
    total_from_row,
)
from headwater.catalog.store import Parameters, Store

HISTORY_MAX = 1000
"""How many records one listing returns at most, unless asked for fewer."""

_ALL = -1
"""SQLite's word for no limit."""


class Metastore(ABC):
    """Names and records. Safe to use from several threads."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Tells these records from any other's: 16 hexadecimal digits, made with the store."""

    @abstractmethod
    def put_relation(self, record: RelationRecord) -> None:
        """Give a name to a table or view, replacing what had it."""

    @abstractmethod
    def drop_relation(self, name: TableName) -> None:
        """Forget a name; nothing happens when there is none."""

    @abstractmethod
    def find_relation_or_none(self, name: TableName) -> RelationRecord | None:
        """Return what has the name, compared without case."""

    @abstractmethod
    def list_relations(self) -> tuple[RelationRecord, ...]:
        """Return every table and view, by name."""

    @abstractmethod
    def relations_called(self, name: str) -> tuple[RelationRecord, ...]:
        """Return what has this last part of the name, in any schema, sorted by name."""

    def resolve(self, parts: Sequence[str], *, catalog: str, schema: str) -> RelationRecord:
        """Find what a name of one, two or three parts means, as ``find_or_none`` does.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``relation-ambiguous``; the error lists the candidates.
        """
        found = self.find_or_none(parts, catalog=catalog, schema=schema)
        if found is None:
            raise NotFound(
                "relation-not-found",
                f"there is no table or view `{'.'.join(parts)}`",
                why=f"the current schema is `{catalog}.{schema}`",
                fix="`hw table list` shows the names that exist",
            )
        return found

    def find_or_none(
        self, parts: Sequence[str], *, catalog: str, schema: str
    ) -> RelationRecord | None:
        """Find what a name of one, two or three parts means, or None.

        A bare name is looked up in the current schema first, then everywhere else.

        Args:
            parts: The parts as written, such as ``("mart", "orders")``.
            catalog: The current catalog.
            schema: The current schema.

        Raises:
            Invalid: ``relation-ambiguous``; the error lists the candidates.
        """
        found = self.relations_called(parts[-1])
        chosen = resolve_among(parts, [record.name for record in found], catalog, schema)
        return next((record for record in found if record.name == chosen), None)

    @abstractmethod
    def put_nodes(self, records: Iterable[NodeRecord]) -> None:
        """Keep how nodes are deployed, all of them or none."""

    @abstractmethod
    def drop_node(self, project: str, target: str, node: NodeId) -> None:
        """Forget how a node is deployed."""

    @abstractmethod
    def list_nodes(self, project: str, target: str) -> tuple[NodeRecord, ...]:
        """Return the deployed nodes of a project and target, by unique_id."""

    @abstractmethod
    def nodes_called(self, node: NodeId) -> tuple[NodeRecord, ...]:
        """Return how a node is deployed by every project and target that has it, in their order."""

    @abstractmethod
    def start_run(self, record: RunRecord) -> None:
        """Keep that a run began, before anything is written; a second time changes nothing."""

    @abstractmethod
    def finish_run(self, run_id: RunId, end: RunEnd) -> None:
        """Keep how a run ended; a run that has ended stays as it ended."""

    @abstractmethod
    def list_runs(self, *, status: str = "", limit: int = HISTORY_MAX) -> tuple[RunRecord, ...]:
        """Return runs, newest first; of one status when given."""

    @abstractmethod
    def start_attempt(self, record: AttemptRecord) -> None:
        """Keep that an attempt began, before it writes anything."""

    @abstractmethod
    def finish_nodes(self, ends: Sequence[NodeEnd]) -> None:
        """Keep how nodes ended (a node and the tests that gate it), all of it or nothing."""

    @abstractmethod
    def close_attempts(self, run_id: RunId, message: str, finished_at: str) -> None:
        """End the attempts that a crashed run left open, as errors."""

    @abstractmethod
    def attempts_of_run(self, run_id: RunId) -> tuple[AttemptRecord, ...]:
        """Return a run's attempts in the order in which they began."""

    @abstractmethod
    def attempts_of_node(
        self, node: NodeId, *, limit: int = HISTORY_MAX
    ) -> tuple[AttemptRecord, ...]:
        """Return a node's attempts, newest first."""

    @abstractmethod
    def newest_attempts(
        self, project: str, target: str, *, limit: int
    ) -> Mapping[NodeId, tuple[AttemptRecord, ...]]:
        """Return the newest attempts that ended well of every node, newest first."""

    @abstractmethod
    def runs_between(self, since: str = "", until: str = "9999") -> tuple[RunRecord, ...]:
        """Return the runs that began between two ISO times, oldest first, without their plans."""

    @abstractmethod
    def runs_ended_after(
        self, after: int, *, limit: int = HISTORY_MAX
    ) -> tuple[tuple[int, RunRecord], ...]:
        """Return the runs that ended after another one, in the order of their ends.

        Args:
            after: Number of the other run's end; 0 for the beginning.
            limit: How many at most.

        Returns:
            Pairs of the end's number, from 1 and growing, and the run without its plan.
        """

    @abstractmethod
    def attempts_between(
        self, since: str = "", until: str = "9999", *, limit: int | None = None
    ) -> tuple[AttemptRecord, ...]:
        """Return the ended attempts of the runs that began between two ISO times.

        Args:
            since: Runs that began then or later.
            until: Runs that began before.
            limit: At most so many, the newest; None for all.

        Returns:
            Oldest first.
        """

    @abstractmethod
    def usage_totals(
        self, since: str = "", until: str = "9999", *, run: str = "", by_run: bool = False
    ) -> tuple[UsageTotal, ...]:
        """Add up what runs used that began between two ISO times.

        Args:
            since: Runs that began then or later.
            until: Runs that began before.
            run: Only runs whose id begins so.
            by_run: Keep runs apart instead of nodes.
        """

    @abstractmethod
    def list_lineage(self, *, to_node: str = "") -> tuple[LineageRecord, ...]:
        """Return column edges; only those that lead to one node when given."""

    @abstractmethod
    def close(self) -> None:
        """Give everything back; safe to call twice."""


def open_metastore(path: Path) -> "StoredMetastore":
    """Open the metastore in the file ``path``, creating it when there is none.

    Raises:
        HeadwaterError: As ``Store`` does.
    """
    return StoredMetastore(Store(path))


class StoredMetastore(Metastore):
    """The metastore in the store's file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def identity(self) -> str:
        """See Metastore."""
        return str(self._store.run("identity")[0][0])

    def put_relation(self, record: RelationRecord) -> None:
        """See Metastore."""
        self._store.run("put_relation", relation_parameters(record))

    def drop_relation(self, name: TableName) -> None:
        """See Metastore."""
        self._store.run("drop_relation", name_parameters(name))

    def find_relation_or_none(self, name: TableName) -> RelationRecord | None:
        """See Metastore."""
        rows = self._store.run("find_relation", name_parameters(name))
        return relation_from_row(rows[0]) if rows else None

    def list_relations(self) -> tuple[RelationRecord, ...]:
        """See Metastore."""
        return tuple(map(relation_from_row, self._store.run("list_relations")))

    def relations_called(self, name: str) -> tuple[RelationRecord, ...]:
        """See Metastore."""
        return tuple(map(relation_from_row, self._store.run("relations_called", {"name": name})))

    def put_nodes(self, records: Iterable[NodeRecord]) -> None:
        """See Metastore."""
        self._store.run_for_each("put_node", [node_parameters(record) for record in records])

    def drop_node(self, project: str, target: str, node: NodeId) -> None:
        """See Metastore."""
        self._store.run("drop_node", {"project": project, "target": target, "node": node})

    def list_nodes(self, project: str, target: str) -> tuple[NodeRecord, ...]:
        """See Metastore."""
        rows = self._store.run("list_nodes", {"project": project, "target": target})
        return tuple(map(node_from_row, rows))

    def nodes_called(self, node: NodeId) -> tuple[NodeRecord, ...]:
        """See Metastore."""
        return tuple(map(node_from_row, self._store.run("nodes_called", {"node": node})))

    def start_run(self, record: RunRecord) -> None:
        """See Metastore."""
        self._store.run("put_run", run_parameters(record))

    def finish_run(self, run_id: RunId, end: RunEnd) -> None:
        """See Metastore."""
        values: Parameters = {
            "run_id": run_id,
            "status": end.status,
            "finished_at": end.finished_at,
            "cpu_seconds": end.cpu_seconds,
            "wall_seconds": end.wall_seconds,
        }
        self._store.run("finish_run", values)

    def list_runs(self, *, status: str = "", limit: int = HISTORY_MAX) -> tuple[RunRecord, ...]:
        """See Metastore."""
        rows = self._store.run("list_runs", {"status": status, "limit": limit})
        return tuple(map(run_from_row, rows))

    def start_attempt(self, record: AttemptRecord) -> None:
        """See Metastore."""
        self._store.run("put_attempt", attempt_parameters(record))

    def finish_nodes(self, ends: Sequence[NodeEnd]) -> None:
        """See Metastore."""
        with self._store.transaction():
            for end in ends:
                self._finish_node(end)

    def _finish_node(self, end: NodeEnd) -> None:
        self._store.run("put_attempt", attempt_parameters(end.attempt))
        if end.node is not None:
            self._store.run("put_node", node_parameters(end.node))
        if end.relation is not None:
            self._store.run("put_relation", relation_parameters(end.relation))
        if end.lineage is not None:
            self._store.run("drop_lineage", {"to_node": end.attempt.node})
            self._store.run_for_each("put_lineage", [lineage_parameters(e) for e in end.lineage])

    def close_attempts(self, run_id: RunId, message: str, finished_at: str) -> None:
        """See Metastore."""
        values = {"run_id": run_id, "message": message, "finished_at": finished_at}
        self._store.run("close_attempts", values)

    def attempts_of_run(self, run_id: RunId) -> tuple[AttemptRecord, ...]:
        """See Metastore."""
        rows = self._store.run("attempts_of_run", {"run_id": run_id})
        return tuple(map(attempt_from_row, rows))

    def attempts_of_node(
        self, node: NodeId, *, limit: int = HISTORY_MAX
    ) -> tuple[AttemptRecord, ...]:
        """See Metastore."""
        rows = self._store.run("attempts_of_node", {"node": node, "limit": limit})
        return tuple(map(attempt_from_row, rows))

    def newest_attempts(
        self, project: str, target: str, *, limit: int
    ) -> Mapping[NodeId, tuple[AttemptRecord, ...]]:
        """See Metastore."""
        values: Parameters = {"project": project, "target": target, "limit": limit}
        found: dict[NodeId, list[AttemptRecord]] = {}
        for row in self._store.run("newest_attempts", values):
            record = attempt_from_row(row)
            found.setdefault(record.node, []).append(record)
        return {node: tuple(records) for node, records in found.items()}

    def runs_between(self, since: str = "", until: str = "9999") -> tuple[RunRecord, ...]:
        """See Metastore."""
        rows = self._store.run("runs_between", {"since": since, "until": until})
        return tuple(map(run_from_row, rows))

    def runs_ended_after(
        self, after: int, *, limit: int = HISTORY_MAX
    ) -> tuple[tuple[int, RunRecord], ...]:
        """See Metastore."""
        rows = self._store.run("runs_ended_after", {"after": after, "limit": limit})
        return tuple((int(str(row[15])), run_from_row(row)) for row in rows)

    def attempts_between(
        self, since: str = "", until: str = "9999", *, limit: int | None = None
    ) -> tuple[AttemptRecord, ...]:
        """See Metastore."""
        most = _ALL if limit is None else limit
        values: Parameters = {"since": since, "until": until, "limit": most}
        rows = self._store.run("attempts_between", values)
        return tuple(map(attempt_from_row, reversed(rows)))

    def usage_totals(
        self, since: str = "", until: str = "9999", *, run: str = "", by_run: bool = False
    ) -> tuple[UsageTotal, ...]:
        """See Metastore."""
        values: Parameters = {"since": since, "until": until, "run": run, "by_run": int(by_run)}
        return tuple(map(total_from_row, self._store.run("usage_totals", values)))

    def list_lineage(self, *, to_node: str = "") -> tuple[LineageRecord, ...]:
        """See Metastore."""
        return tuple(map(lineage_from_row, self._store.run("list_lineage", {"to_node": to_node})))

    def close(self) -> None:
        """See Metastore."""
        self._store.close()
