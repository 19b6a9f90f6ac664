"""Events: what happens while work runs, as values; shells decide how to show or store them."""

from dataclasses import dataclass
from typing import Literal, Protocol

from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter

NodeStatus = Literal["success", "pass", "warn", "fail", "error", "skipped"]
"""dbt's words: success for builds; pass, warn and fail for tests; error; skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run began.

    Attributes:
        run_id: The run.
        steps: How many steps will run.
        at: ISO 8601 UTC time.
    """

    run_id: RunId
    steps: int
    at: str
    kind: Literal["run-started"] = "run-started"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted:
    """A node's first statement is about to run."""

    run_id: RunId
    node: NodeId
    at: str
    kind: Literal["node-started"] = "node-started"


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroSaid:
    """A macro printed or logged something while its node or hook ran.

    Attributes:
        run_id: The run.
        node: dbt's unique_id of what ran.
        text: The line.
        is_info: It is for the terminal; else for the log alone.
        at: ISO 8601 UTC time.
    """

    run_id: RunId
    node: NodeId
    text: str
    is_info: bool
    at: str
    kind: Literal["macro-said"] = "macro-said"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnd:
    """How one batch of a microbatch model ended.

    Attributes:
        id: dbt's name of it.
        start: ISO 8601 time of its first moment.
        end: ISO 8601 time of the first moment after it.
        status: How it ended.
        seconds: What its query took.
        message: Why it failed; empty when it did not.
    """

    id: str
    start: str
    end: str
    status: Literal["success", "error"]
    seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFinished:
    """A node is done, one way or another.

    Attributes:
        run_id: The run.
        node: dbt's unique_id.
        status: How it ended.
        message: One line: what was done, or why not.
        rows: Rows written, or failing rows of a test; None when neither.
        version: The Delta version it committed; None when it committed none.
        meter: What it used.
        at: ISO 8601 UTC time.
        batches: Of a microbatch model that was published: how each batch ended.
    """

    run_id: RunId
    node: NodeId
    status: NodeStatus
    message: str
    rows: int | None
    version: int | None
    meter: Meter
    at: str
    batches: tuple[BatchEnd, ...] = ()
    kind: Literal["node-finished"] = "node-finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended.

    Attributes:
        run_id: The run.
        status: ``success``; ``failed`` when a node errored or a test failed; ``cancelled``.
        at: ISO 8601 UTC time.
    """

    run_id: RunId
    status: Literal["success", "failed", "cancelled"]
    at: str
    kind: Literal["run-finished"] = "run-finished"


Event = RunStarted | NodeStarted | MacroSaid | NodeFinished | RunFinished


class Sink(Protocol):
    """Who listens to events: a progress display, a log file, a test."""

    def __call__(self, event: Event) -> None:
        """Take one event; must not raise and must not block for long."""
        ...
