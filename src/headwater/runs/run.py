"""A Run: what one execution of a plan did, node by node, as a value."""

from dataclasses import dataclass, field
from typing import Literal

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.telemetry import BatchEnd, NodeStatus
from headwater.base.units import format_count
from headwater.plan.plan import Action, Cost
from headwater.plan.proposed import Proposal
from headwater.project.node import ResourceType

FAILED: frozenset[NodeStatus] = frozenset({"fail", "error"})
"""Statuses that make a run fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """How one step ended.

    Attributes:
        node: dbt's unique_id.
        name: Short name.
        resource_type: What kind of node it is.
        action: The plan's word for what was asked.
        status: dbt's word.
        message: One line: what was done, or why not.
        rows: Rows written, or failing rows of a test; None when neither.
        version: Delta version committed; None when none was.
        cost: What was measured.
        estimate: What the plan expected.
        attempt: Number of the last attempt; 0 when there was none.
        relation: Table or view in three parts; empty for tests.
        started_at: ISO 8601 UTC time; empty when it never started.
        finished_at: Likewise.
        thread: Worker that ran it, in dbt's words (``Thread-1``).
        diagnostic: The fault, with its code, when there was one.
        is_transient: True when the same command may work later without any change.
        batches: Of a microbatch model that was published: how each batch ended.
    """

    node: NodeId
    name: str
    resource_type: ResourceType
    action: Action
    status: NodeStatus
    message: str
    rows: int | None = None
    version: int | None = None
    cost: Meter = field(default_factory=Meter)
    estimate: Cost = field(default_factory=Cost)
    attempt: int = 0
    relation: str = ""
    started_at: str = ""
    finished_at: str = ""
    thread: str = ""
    diagnostic: Diagnostic | None = None
    is_transient: bool = False
    batches: tuple[BatchEnd, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a plan.

    Attributes:
        run_id: Its id.
        project: Root project.
        target: Profile target.
        command: The verb: build, run, test ...
        plan_hash: Hash of the plan document.
        status: ``failed`` when a node errored or a test failed.
        started_at: ISO 8601 UTC time.
        finished_at: Likewise.
        results: One for each step that was to do something, in the order in which they ended.
        engine: Name and version of the engine.
        findings: What earlier runs that died had left, and what was done about it.
        upkeep: Upkeep of tables that was done after the steps.
        schema: Name and version of this document.
    """

    run_id: RunId
    project: str
    target: str
    command: str
    plan_hash: str
    status: Literal["success", "failed", "cancelled"]
    started_at: str
    finished_at: str
    results: tuple[NodeResult, ...]
    engine: str = ""
    findings: tuple[Diagnostic, ...] = ()
    upkeep: tuple[Proposal, ...] = ()
    schema: Literal["headwater.run/1"] = "headwater.run/1"

    @property
    def exit_code(self) -> int:
        """0 when all went well, 1 when a node or test failed, 4 when only the world did, 130."""
        failed = [result for result in self.results if result.status in FAILED]
        if self.status == "cancelled":
            return 130
        if not failed:
            return 0
        return 4 if all(result.is_transient for result in failed) else 1

    @property
    def cost(self) -> Meter:
        """What the whole run used."""
        total = Meter()
        for result in self.results:
            total += result.cost
        return total


def describe_counts(run: Run) -> str:
    """Count results by status in one line: ``12 success, 30 pass, 1 fail``."""
    order: tuple[NodeStatus, ...] = ("success", "pass", "warn", "fail", "error", "skipped")
    counts = {status: sum(result.status == status for result in run.results) for status in order}
    named = [f"{format_count(count)} {status}" for status, count in counts.items() if count]
    return ", ".join(named) or "nothing to do"
