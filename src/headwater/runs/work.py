"""What all workers of one run share, and how a node's end becomes results and events.

A step ends in one of many ways; they all make one ``End``, so that what is told, returned and
recorded of it cannot differ.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock, current_thread

from headwater.base.diagnostics import diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.relations import TableName
from headwater.base.telemetry import BatchEnd, Event, NodeFinished, NodeStarted, NodeStatus
from headwater.catalog.records import RelationRecord
from headwater.engines.engine import Session
from headwater.graph.graph import Graph
from headwater.plan.plan import BuildStep, Plan, RunHook, RunTest
from headwater.plan.state import DeployedNode
from headwater.runs.cancel import CancelToken
from headwater.runs.context import Context
from headwater.runs.pins import Pins
from headwater.runs.run import NodeResult

TRANSIENT_EXIT_CODE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What all workers of one run share.

    Attributes:
        context: The world.
        plan: What is done.
        graph: The project, for lineage; None when there is no project, as for a load.
        run_id: The run.
        plan_hash: Hash of the plan document.
        pins: Versions that the run reads.
        producers: Node that builds or declares each relation.
        cancel: Says when to stop.
        post: Takes events; safe to call from several threads.
        write_lock: Held by a thread while its statements rewrite tables, while it publishes what
            they wrote, and while it renders what sends statements.
        prelude: Start hooks that prepare a session; every step's session begins with them.
    """

    context: Context
    plan: Plan
    graph: Graph | None
    run_id: RunId
    plan_hash: str
    pins: Pins
    producers: Mapping[TableName, NodeId]
    cancel: CancelToken
    post: Callable[[Event], None]
    write_lock: RLock = field(default_factory=RLock)
    prelude: tuple[RunHook, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How one step ended, before it is told and kept.

    Attributes:
        step: The step.
        attempt: Number of the attempt.
        status: dbt's word.
        message: One line.
        started_at: ISO 8601 UTC time.
        rows: Rows written, or failing rows of a test.
        version: Delta version committed.
        meter: What it used.
        deployed: The node as it is now deployed; None when nothing was published.
        relation: Its name in the metastore; None when nothing was published.
        error: What went wrong.
        batches: Of a microbatch model that was published: how each batch ended.
    """

    step: BuildStep | RunTest
    attempt: int
    status: NodeStatus
    message: str
    started_at: str
    rows: int | None = None
    version: int | None = None
    meter: Meter = field(default_factory=Meter)
    deployed: DeployedNode | None = None
    relation: RelationRecord | None = None
    error: HeadwaterError | None = None
    batches: tuple[BatchEnd, ...] = ()


@contextmanager
def open_session(work: Work, *, is_small: bool = False) -> Iterator[Session]:
    """Open a session in which everything stands that the run's start hooks prepared."""
    context = work.context
    session = context.engine.open_session(
        catalog=context.catalog, schema=context.schema, is_small=is_small
    )
    try:
        with work.cancel.guard(session):
            for hook in work.prelude:
                work.pins.bind(session, hook.reads)
                session.execute(hook.sql)
            yield session
    finally:
        session.close()


def tell_started(work: Work, node: NodeId) -> str:
    """Post that a node starts; return the time."""
    at = work.context.now()
    work.post(NodeStarted(run_id=work.run_id, node=node, at=at))
    return at


def tell_ends(work: Work, ends: list[End]) -> tuple[NodeResult, ...]:
    """Post how a unit's steps ended and return their results."""
    at = work.context.now()
    for end in ends:
        work.post(
            NodeFinished(
                run_id=work.run_id,
                node=end.step.node,
                status=end.status,
                message=end.message,
                rows=end.rows,
                version=end.version,
                meter=end.meter,
                at=at,
                batches=end.batches,
            )
        )
    return tuple(_result(end, at) for end in ends)


def engine_name(context: Context) -> str:
    """Return the engine's name and version in one word group."""
    return f"{context.engine.name} {context.engine.version}"


def _result(end: End, at: str) -> NodeResult:
    step = end.step
    is_test = isinstance(step, RunTest)
    return NodeResult(
        batches=end.batches,
        node=step.node,
        name=step.name,
        resource_type=step.resource_type,
        action=step.action,
        status=end.status,
        message=end.message,
        rows=end.rows,
        version=end.version,
        cost=end.meter,
        estimate=step.cost,
        attempt=end.attempt,
        relation="" if isinstance(step, RunTest) else str(step.target.relation),
        started_at=end.started_at,
        finished_at=at,
        thread=current_thread().name,
        diagnostic=None if end.error is None else diagnostic_of(end.error, node=step.node),
        is_transient=end.error is not None
        and not is_test
        and end.error.exit_code == TRANSIENT_EXIT_CODE,
    )
