"""The ledger: what everything used, one row a statement and quantity, and what belongs to no one.

Rows are read from the records of runs and their attempts. They hold quantities; money is put
beside them when they are shown. The words are those of FOCUS 1.2, the cost and usage
specification of the FinOps Foundation, where it has a word.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from headwater.catalog.records import AttemptRecord, RunRecord

Kind = Literal["statement", "overhead", "idle", "startup", "minimum"]
"""What a row stands for: a node's attempt; the rest of the process (reading the project, planning,
committing, recording); processors without work, a machine's start and its minimum, where a machine
is billed."""

LedgerMeter = Literal["cpu_seconds", "bytes_read", "logical_bytes", "bytes_written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A quantity that someone used.

    Attributes:
        run_id: The run; empty for what belongs to none.
        command: The run's verb: build, test, ingest ...
        project: Root project.
        target: Profile target.
        user: Who ran it; empty when unknown.
        host: The machine.
        node: unique_id; empty for what no node used.
        name: What people call the node: its table, test or load.
        attempt: Number of the attempt, from 1; 0 for what is no attempt.
        status: How the attempt or run ended.
        kind: What the row stands for.
        meter: What was counted.
        quantity: How much; seconds of one processor, or bytes.
        started_at: ISO 8601 UTC time.
        finished_at: Likewise.
    """

    run_id: str
    command: str
    project: str
    target: str
    user: str
    host: str
    node: str
    name: str
    attempt: int
    status: str
    kind: Kind
    meter: LedgerMeter
    quantity: float
    started_at: str
    finished_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTotal:
    """What attempts that are alike used in all, or what runs used beside their attempts.

    Attributes:
        project: Root project.
        target: Profile target.
        command: The verb.
        user: Who ran it.
        day: Day on which the runs began, ISO date in UTC.
        run_id: The run, where it was asked for run by run; else empty.
        node: unique_id; empty for what no node used.
        kind: What it stands for.
        attempts: How many attempts.
        cpu_seconds: Seconds of one processor.
        bytes_read: Bytes read, as far as the engine could tell.
        logical_bytes: Bytes of the columns read, by their files' statistics, as far as known; None
            where no attempt knows.
        bytes_written: Bytes of data files written.
    """

    project: str
    target: str
    command: str
    user: str
    day: str
    run_id: str = ""
    node: str = ""
    kind: Kind = "statement"
    attempts: int = 0
    cpu_seconds: float = 0.0
    bytes_read: float = 0.0
    logical_bytes: float | None = None
    bytes_written: float = 0.0


def ledger_rows(
    runs: Iterable[RunRecord], attempts: Iterable[AttemptRecord]
) -> Iterator[LedgerRow]:
    """Read rows from records: those of each run's attempts, then its overhead.

    A run's CPU seconds add up to what its process used, when it ended by itself; of a run that
    crashed only its attempts are known.

    Args:
        runs: The runs.
        attempts: Their ended attempts.
    """
    by_run: dict[str, list[AttemptRecord]] = {}
    for attempt in attempts:
        by_run.setdefault(attempt.run_id, []).append(attempt)
    for run in runs:
        own = by_run.get(run.run_id, [])
        for attempt in own:
            yield from _rows_of_attempt(run, attempt)
        if run.cpu_seconds is not None:
            rest = run.cpu_seconds - sum(attempt.meter.cpu_seconds for attempt in own)
            yield row_of_run(run, "overhead", rest)


def row_of_run(run: RunRecord, kind: Kind, cpu_seconds: float) -> LedgerRow:
    """Return a row that belongs to a run and to none of its nodes."""
    return LedgerRow(
        run_id=run.run_id,
        command=run.command,
        project=run.project,
        target=run.target,
        user=run.user,
        host=run.host,
        node="",
        name="",
        attempt=0,
        status=run.status,
        kind=kind,
        meter="cpu_seconds",
        quantity=cpu_seconds,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def _rows_of_attempt(run: RunRecord, attempt: AttemptRecord) -> Iterator[LedgerRow]:
    meter = attempt.meter
    quantities: tuple[tuple[LedgerMeter, float | None], ...] = (
        ("cpu_seconds", meter.cpu_seconds),
        ("bytes_read", meter.bytes_read),
        ("logical_bytes", meter.logical_bytes),
        ("bytes_written", meter.bytes_written),
    )
    for name, quantity in quantities:
        if quantity is None or (not quantity and name != "cpu_seconds"):
            continue
        yield LedgerRow(
            run_id=run.run_id,
            command=run.command,
            project=run.project,
            target=run.target,
            user=run.user,
            host=run.host,
            node=attempt.node,
            name=short_name(attempt.node),
            attempt=attempt.attempt,
            status=attempt.status,
            kind="statement",
            meter=name,
            quantity=float(quantity),
            started_at=attempt.started_at,
            finished_at=attempt.finished_at,
        )


def short_name(node: str) -> str:
    """Return what people call a node: the part of its unique_id after type and package."""
    parts = node.split(".", 2)
    if len(parts) < 3:  # noqa: PLR2004 - type, package, name
        return node
    # The id of a generic test ends with a hash that says nothing to a reader.
    return parts[2].rpartition(".")[0] or parts[2] if parts[0] == "test" else parts[2]
