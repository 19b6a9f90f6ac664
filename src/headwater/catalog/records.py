"""Records that the store keeps: keys and figures as columns, everything else as a document."""

from dataclasses import dataclass
from typing import Literal

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRecord:
    """A view: kept as SQL, resolved when it is read.

    Attributes:
        name: Its name.
        sql: Compiled SQL.
        columns: Output columns.
        run_id: The run that made it.
        updated_at: ISO 8601 UTC time.
        reads: Relations that it reads, the ones behind views that it reads included; whoever
            reads the view must be able to read them.
    """

    name: TableName
    sql: str
    columns: tuple[Column, ...]
    run_id: RunId
    updated_at: str
    reads: tuple[TableName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRecord:
    """A table of the lake that the metastore knows by name.

    Attributes:
        name: Its name.
        location: Absolute folder or object-store URL of the Delta table.
        run_id: The run that made it; empty when it was registered by hand.
        updated_at: ISO 8601 UTC time.
    """

    name: TableName
    location: str
    run_id: RunId
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """A node as its last successful run left it.

    Attributes:
        project: Root project; records of several projects may share a store.
        target: Profile target.
        node: unique_id.
        run_id: The run.
        updated_at: ISO 8601 UTC time.
        document: JSON of the language wing's own value (plan.DeployedNode); opaque here.
    """

    project: str
    target: str
    node: NodeId
    run_id: RunId
    updated_at: str
    document: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One execution of a plan.

    Attributes:
        run_id: The run.
        project: Root project.
        target: Profile target.
        command: The verb: build, run, test ...
        status: ``running`` until it ends.
        started_at: ISO 8601 UTC time.
        finished_at: Likewise; empty while running.
        process_id: Process that runs it.
        host: Machine that runs it.
        plan_hash: Hash of the plan document.
        plan: The plan document, JSON; empty where runs are listed for what they used.
        user: Login name of who ran it; empty when it could not be told.
        cpus: Processors that the process could use; 0 when unknown.
        cpu_seconds: User and system time of the process, from taking the workspace to the end;
            None while running, and of a run that crashed.
        wall_seconds: Elapsed time, likewise.
    """

    run_id: RunId
    project: str
    target: str
    command: str
    status: Literal["running", "success", "failed", "cancelled", "crashed"]
    started_at: str
    finished_at: str
    process_id: int
    host: str
    plan_hash: str
    plan: bytes
    user: str = ""
    cpus: int = 0
    cpu_seconds: float | None = None
    wall_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended.

    Attributes:
        status: Its last status.
        finished_at: ISO 8601 UTC time.
        cpu_seconds: As in RunRecord.
        wall_seconds: Likewise.
    """

    status: Literal["success", "failed", "cancelled", "crashed"]
    finished_at: str
    cpu_seconds: float | None = None
    wall_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt at one step: measured beside estimated.

    Attributes:
        run_id: The run.
        node: unique_id.
        attempt: From 1.
        action: The plan's word.
        status: dbt's word; ``started`` until it ends, which is how a crash is seen.
        fingerprint: The node's fingerprint.
        message: One line for people.
        rows: Rows written, or failing rows of a test.
        version: Delta version committed.
        meter: What was used.
        estimate: JSON of the plan's Cost of the step; opaque here.
        input_bytes: Bytes of the inputs; None when unknown.
        started_at: ISO 8601 UTC time.
        finished_at: Likewise; empty while running.
        engine: Name and version of the engine.
    """

    run_id: RunId
    node: NodeId
    attempt: int
    action: str
    status: str
    fingerprint: str
    message: str
    rows: int | None
    version: int | None
    meter: Meter
    estimate: bytes
    input_bytes: int | None
    started_at: str
    finished_at: str
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageRecord:
    """One column edge, as of the run that last built the node it leads to.

    Attributes:
        run_id: The run.
        from_node: unique_id of the node read; empty for a relation outside the project.
        from_table: The relation read.
        from_column: Its column; ``*`` for the existence of rows.
        to_node: unique_id of the node built.
        to_table: The relation built; None for tests.
        to_column: Its column; empty for edges that influence the row set.
        kind: direct or row.
        subtype: OpenLineage's word in lower case.
    """

    run_id: RunId
    from_node: str
    from_table: TableName
    from_column: str
    to_node: NodeId
    to_table: TableName | None
    to_column: str
    kind: Literal["direct", "row"]
    subtype: str


RelationRecord = TableRecord | ViewRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnd:
    """Everything that is recorded when a node ends; kept together or not at all.

    Attributes:
        attempt: The attempt, ended.
        node: The node as it now is deployed; None when nothing was published.
        relation: The table or view under its name; None when nothing was published.
        lineage: Edges that lead to the node, replacing earlier ones; None leaves them.
    """

    attempt: AttemptRecord
    node: NodeRecord | None = None
    relation: RelationRecord | None = None
    lineage: tuple[LineageRecord, ...] | None = None
