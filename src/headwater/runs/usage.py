"""The ledger as a Delta table of the lake, for every tool that reads tables.

A copy: the records are the ledger, and each run that has ended is written here exactly once, by the
number of its end. It holds quantities; money depends on prices, and is not written down.

The table would be ``system.billing.usage``, were ``system`` not a catalog of DuckDB's own.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from headwater.base.errors import HeadwaterError
from headwater.catalog.ledger import ledger_rows
from headwater.runs.append import APP_PREFIX, AppendOptions, appending
from headwater.runs.context import Context
from headwater.runs.ledger import Charge, charge_rows
from headwater.runs.loads import target_name

TABLE = "headwater.billing.usage"

ATTEMPTS_DUE = 1000
"""A build writes the runs that wait when they have this many attempts: those took seconds of CPU,
and writing them takes some ten milliseconds."""

RUNS_DUE = 200
"""Likewise when so many runs wait."""

RUNS_MAX = 10_000
"""Runs that are looked at at once; what is left waits for the next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was written into the table.

    Attributes:
        table: Its name.
        runs: Runs that are new in it.
        version: Its version with them; None when there was nothing new.
        schema: Name and version of the document.
    """

    table: str
    runs: int
    version: int | None
    schema: str = "headwater.usage/1"


def publish_usage(context: Context) -> Published:
    """Write the rows of all runs that have ended and are not in the table yet.

    Raises:
        HeadwaterError: As an appender does; nothing is lost, the next call writes them.
    """
    runs = 0
    options = AppendOptions(source=_source(context), rows_max=100_000, seconds_max=0)
    with appending(context, TABLE, options) as appender:
        waiting = context.metastore.runs_ended_after(appender.sequence or 0, limit=RUNS_MAX)
        for number, run in waiting:
            attempts = context.metastore.attempts_of_run(run.run_id)
            ended = [attempt for attempt in attempts if attempt.status != "started"]
            rows = [_row(each) for each in charge_rows(context, ledger_rows([run], ended), None)]
            if rows:
                appender.append(rows, sequence=number)
                runs += 1
        version = appender.flush()
    return Published(table=TABLE, runs=runs, version=version)


def publish_if_due(context: Context) -> None:
    """Write what waits when it is much; a copy that cannot be written does not fail a build."""
    with suppress(HeadwaterError):
        if _is_due(context):
            publish_usage(context)


def _source(context: Context) -> str:
    """Name whose runs these are: several workspaces may share a lake, and a store may be lost."""
    return f"ledger-{context.metastore.identity}"


def _is_due(context: Context) -> bool:
    table = context.tables.table(target_name(context, TABLE))
    written = table.transaction_or_none(f"{APP_PREFIX}{_source(context)}") or 0
    waiting = context.metastore.runs_ended_after(written, limit=RUNS_DUE)
    attempts = sum(len(context.metastore.attempts_of_run(run.run_id)) for _, run in waiting)
    return attempts >= ATTEMPTS_DUE or len(waiting) >= RUNS_DUE


def _row(charge: Charge) -> Mapping[str, object]:
    row = charge.row
    return {
        "run_id": row.run_id,
        "command": row.command,
        "project": row.project,
        "target": row.target,
        "user_name": row.user,
        "host": row.host,
        "node": row.node,
        "name": row.name,
        "attempt": row.attempt,
        "status": row.status,
        "kind": row.kind,
        "meter": row.meter,
        "quantity": row.quantity,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "tags": " ".join(charge.tags),
        "owner": charge.owner,
    }
