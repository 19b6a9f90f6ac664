"""The ledger: what was used beside what was expected, kept as quantities and never as money."""

from dataclasses import dataclass

from headwater.base.codec import decode
from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.units import Estimate
from headwater.catalog.metastore import Metastore


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One attempt: the estimate that the plan showed, and what was measured.

    Attributes:
        run_id: The run.
        node: unique_id.
        attempt: From 1.
        action: The plan's word.
        status: dbt's word.
        estimate: The plan's estimates by quantity: ``bytes_read``, ``bytes_written``,
            ``cpu_seconds``, ``dollars``.
        meter: What was used.
        started_at: ISO 8601 UTC time.
    """

    run_id: RunId
    node: NodeId
    attempt: int
    action: str
    status: str
    estimate: dict[str, Estimate]
    meter: Meter
    started_at: str


def estimated_beside_actual(metastore: Metastore, run_id: RunId) -> tuple[LedgerRow, ...]:
    """Return a run's attempts with their estimates, in the order in which they began."""
    return tuple(
        LedgerRow(
            run_id=record.run_id,
            node=record.node,
            attempt=record.attempt,
            action=record.action,
            status=record.status,
            estimate=dict(decode(dict[str, Estimate], record.estimate or b"{}")),
            meter=record.meter,
            started_at=record.started_at,
        )
        for record in metastore.attempts_of_run(run_id)
    )
