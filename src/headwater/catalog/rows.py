"""Records to rows of the store and back; the only place that knows the order of the columns."""

from typing import Literal, cast

from headwater.base.codec import decode, encode
from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName
from headwater.catalog.ledger import UsageTotal
from headwater.catalog.records import (
    AttemptRecord,
    LineageRecord,
    NodeRecord,
    RelationRecord,
    RunRecord,
    TableRecord,
    ViewRecord,
)
from headwater.catalog.store import Parameters, Row, Value


def name_parameters(name: TableName) -> dict[str, Value]:
    """Return the three parts of a name."""
    return {"catalog": name.catalog, "schema": name.schema, "name": name.name}


def relation_parameters(record: RelationRecord) -> Parameters:
    """Return a table's or view's row."""
    shared = name_parameters(record.name) | {
        "run_id": record.run_id,
        "updated_at": record.updated_at,
    }
    match record:
        case TableRecord():
            return shared | {
                "kind": "table",
                "location": record.location,
                "sql": "",
                "columns": "[]",
                "reads": "[]",
            }
        case ViewRecord():
            return shared | {
                "kind": "view",
                "location": "",
                "sql": record.sql,
                "columns": encode(record.columns).decode(),
                "reads": encode(record.reads).decode(),
            }


def relation_from_row(row: Row) -> RelationRecord:
    """Read a table or view."""
    catalog, schema, name, kind, location, sql, columns, reads, run_id, updated_at = map(str, row)
    table, run = TableName(catalog, schema, name), RunId(run_id)
    if kind == "table":
        return TableRecord(name=table, location=location, run_id=run, updated_at=updated_at)
    return ViewRecord(
        name=table,
        sql=sql,
        columns=decode(tuple[Column, ...], columns),
        run_id=run,
        updated_at=updated_at,
        reads=decode(tuple[TableName, ...], reads),
    )


def node_parameters(record: NodeRecord) -> Parameters:
    """Return a deployed node's row."""
    return {
        "project": record.project,
        "target": record.target,
        "node": record.node,
        "run_id": record.run_id,
        "updated_at": record.updated_at,
        "document": record.document,
    }


def node_from_row(row: Row) -> NodeRecord:
    """Read a deployed node."""
    project, target, node, run_id, updated_at, document = row
    return NodeRecord(
        project=str(project),
        target=str(target),
        node=NodeId(str(node)),
        run_id=RunId(str(run_id)),
        updated_at=str(updated_at),
        document=cast("bytes", document),
    )


def run_parameters(record: RunRecord) -> Parameters:
    """Return a run's row."""
    return {
        "run_id": record.run_id,
        "project": record.project,
        "target": record.target,
        "command": record.command,
        "status": record.status,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "process_id": record.process_id,
        "host": record.host,
        "plan_hash": record.plan_hash,
        "plan": record.plan,
        "user": record.user,
        "cpus": record.cpus,
    }


def run_from_row(row: Row) -> RunRecord:
    """Read a run."""
    run_id, project, target, command, status, started_at, finished_at = map(str, row[:7])
    return RunRecord(
        run_id=RunId(run_id),
        project=project,
        target=target,
        command=command,
        status=cast("Literal['running', 'success', 'failed', 'cancelled', 'crashed']", status),
        started_at=started_at,
        finished_at=finished_at,
        process_id=cast("int", row[7]),
        host=str(row[8]),
        plan_hash=str(row[9]),
        plan=cast("bytes", row[10]),
        user=str(row[11]),
        cpus=cast("int", row[12]),
        cpu_seconds=cast("float | None", row[13]),
        wall_seconds=cast("float | None", row[14]),
    )


def attempt_parameters(record: AttemptRecord) -> Parameters:
    """Return an attempt's row."""
    meter = record.meter
    return {
        "run_id": record.run_id,
        "node": record.node,
        "attempt": record.attempt,
        "action": record.action,
        "status": record.status,
        "fingerprint": record.fingerprint,
        "message": record.message,
        "rows": record.rows,
        "version": record.version,
        "cpu_seconds": meter.cpu_seconds,
        "wall_seconds": meter.wall_seconds,
        "bytes_read": meter.bytes_read,
        "logical_bytes": meter.logical_bytes,
        "bytes_written": meter.bytes_written,
        "rows_read": meter.rows_read,
        "rows_written": meter.rows_written,
        "peak_memory_bytes": meter.peak_memory_bytes,
        "spilled_bytes": meter.spilled_bytes,
        "statements": meter.statements,
        "estimate": record.estimate,
        "input_bytes": record.input_bytes,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "engine": record.engine,
    }


def attempt_from_row(row: Row) -> AttemptRecord:
    """Read an attempt."""
    return AttemptRecord(
        run_id=RunId(str(row[0])),
        node=NodeId(str(row[1])),
        attempt=cast("int", row[2]),
        action=str(row[3]),
        status=str(row[4]),
        fingerprint=str(row[5]),
        message=str(row[6]),
        rows=cast("int | None", row[7]),
        version=cast("int | None", row[8]),
        meter=_meter(row[9:18], logical_bytes=row[23]),
        estimate=cast("bytes", row[18]),
        input_bytes=cast("int | None", row[19]),
        started_at=str(row[20]),
        finished_at=str(row[21]),
        engine=str(row[22]),
    )


def total_from_row(row: Row) -> UsageTotal:
    """Read a sum of what was used."""
    project, target, command, user, day, run_id, node, kind = map(str, row[:8])
    return UsageTotal(
        project=project,
        target=target,
        command=command,
        user=user,
        day=day,
        run_id=run_id,
        node=node,
        kind="overhead" if kind == "overhead" else "statement",
        attempts=cast("int", row[8]),
        cpu_seconds=cast("float", row[9]),
        bytes_read=float(cast("float", row[10])),
        logical_bytes=None if row[11] is None else float(cast("float", row[11])),
        bytes_written=float(cast("float", row[12])),
    )


def lineage_parameters(record: LineageRecord) -> Parameters:
    """Return an edge's row."""
    return {
        "run_id": record.run_id,
        "from_node": record.from_node,
        "from_catalog": record.from_table.catalog,
        "from_schema": record.from_table.schema,
        "from_name": record.from_table.name,
        "from_column": record.from_column,
        "to_node": record.to_node,
        "to_table": encode(record.to_table).decode(),
        "to_column": record.to_column,
        "kind": record.kind,
        "subtype": record.subtype,
    }


def lineage_from_row(row: Row) -> LineageRecord:
    """Read an edge."""
    values = [str(value) for value in row]
    return LineageRecord(
        run_id=RunId(values[0]),
        from_node=values[1],
        from_table=TableName(values[2], values[3], values[4]),
        from_column=values[5],
        to_node=NodeId(values[6]),
        to_table=decode(TableName, values[7]) if values[7] != "null" else None,
        to_column=values[8],
        kind="direct" if values[9] == "direct" else "row",
        subtype=values[10],
    )


def _meter(row: Row, *, logical_bytes: object) -> Meter:
    cpu, wall, bytes_read, bytes_written, rows_read, rows_written, peak, spilled, statements = row
    return Meter(
        cpu_seconds=cast("float", cpu),
        wall_seconds=cast("float", wall),
        bytes_read=cast("int | None", bytes_read),
        logical_bytes=cast("int | None", logical_bytes),
        bytes_written=cast("int", bytes_written),
        rows_read=cast("int | None", rows_read),
        rows_written=cast("int", rows_written),
        peak_memory_bytes=cast("int | None", peak),
        spilled_bytes=cast("int | None", spilled),
        statements=cast("int", statements),
    )
