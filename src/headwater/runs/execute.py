"""Executes a plan: checks that it still holds, runs its units on workers, returns the Run.

The calling thread schedules, tells events and answers cancellation; workers run one unit each, on
a session of its own. Nothing here knows SQL or storage.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Literal

from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.base.meters import Meter
from headwater.base.telemetry import Event, NodeFinished, RunFinished, RunStarted
from headwater.graph.graph import Graph
from headwater.plan.plan import Plan, RunHook, RunTest
from headwater.plan.schedule import Schedule, Unit, make_units
from headwater.runs.attempt import run_unit
from headwater.runs.cancel import CancelToken
from headwater.runs.context import Context
from headwater.runs.journal import Journal, open_journal
from headwater.runs.pins import Pins
from headwater.runs.precheck import check_plan
from headwater.runs.record import producers_of, settle
from headwater.runs.relearn import relearn
from headwater.runs.run import FAILED, NodeResult, Run
from headwater.runs.run_hooks import HooksDone, end_facts, run_hooks
from headwater.runs.tending import Tended, tend
from headwater.runs.work import Work, engine_name

POLL_SECONDS = 0.1
"""How soon a cancellation that arrives while all workers are busy is seen."""

_Message = tuple[Unit, tuple[NodeResult, ...]] | BaseException


Listener = Callable[[Event], None]
"""Is told every event; a ``Sink`` is one."""


def ignore_events(_event: Event) -> None:
    """Listen to nothing."""


def execute(
    plan: Plan,
    context: Context,
    *,
    graph: Graph | None = None,
    sink: Listener = ignore_events,
    cancel: CancelToken | None = None,
    command: str = "build",
) -> Run:
    """Take the workspace, run a plan's steps and keep what they did.

    Args:
        plan: What to do.
        context: The world.
        graph: The project that the plan was made from, checked against the plan and kept as
            lineage; None when there is no project.
        sink: Is told every event, from the calling thread.
        cancel: Lets another thread or a signal stop the run.
        command: The verb, for the record.

    Raises:
        Unavailable: ``workspace-busy``.
        Conflict: ``plan-stale``, before anything runs, when an input or target has moved.
        Invalid: ``plan-blocked``, when the plan has findings of severity error.
        HeadwaterError: When the run cannot be recorded at all.
    """
    with open_journal(context, command) as journal:
        return execute_in(journal, plan, graph, sink=sink, cancel=cancel)


def execute_in(
    journal: Journal,
    plan: Plan,
    graph: Graph | None,
    *,
    sink: Listener = ignore_events,
    cancel: CancelToken | None = None,
) -> Run:
    """Run a plan's steps in a workspace that is already taken; see ``execute``."""
    context = journal.context
    pins = Pins(context)
    check_plan(plan, graph, pins)
    units = make_units(plan.steps)
    token = cancel or CancelToken()
    plan_hash = journal.start(plan)
    events: deque[Event] = deque()
    work = Work(
        context=context,
        plan=plan,
        graph=graph,
        run_id=journal.run_id,
        plan_hash=plan_hash,
        pins=pins,
        producers=producers_of(graph),
        cancel=token,
        post=events.append,
    )
    started = context.now()
    loop = _Loop(work=work, plan=plan, events=events, sink=sink)
    status: Literal["success", "failed", "cancelled"] = "failed"  # what a crash stays
    tended = Tended()
    steps = sum(len(unit.steps) for unit in units)
    steps += len(plan.on_run_start) + len(plan.on_run_end)
    try:
        sink(RunStarted(run_id=journal.run_id, steps=steps, at=started))
        loop.run_all(Schedule(units))
        status = loop.status()
        if plan.upkeep.does:
            tended = tend(work, plan.upkeep.proposals)
        if status == "success":
            with contextlib.suppress(HeadwaterError):  # else the next plan tells it again
                settle(work)
                relearn(work)
    finally:
        finished = context.now()
        journal.finish(status, finished)
    sink(RunFinished(run_id=journal.run_id, status=status, at=finished))
    return Run(
        run_id=journal.run_id,
        project=plan.project,
        target=plan.target,
        command=journal.command,
        plan_hash=plan_hash,
        status=status,
        started_at=started,
        finished_at=finished,
        results=tuple(loop.results),
        engine=engine_name(context),
        findings=(*journal.findings, *tended.findings),
        upkeep=tended.done,
    )


@dataclass(slots=True, kw_only=True)
class _Loop:
    """The scheduling loop of one run.

    Attributes:
        events: What workers have to tell; each is told at the latest after ``POLL_SECONDS``. To
            wake this thread for every event of a thousand small nodes cost more than telling them.
        inbox: What ends: units, and workers by a fault of ours.
        results: Results in the order in which steps ended.
        stops: Nothing new starts any more: a failure with fail_fast, or a cancellation.
    """

    work: Work
    plan: Plan
    events: deque[Event]
    sink: Listener
    inbox: "SimpleQueue[_Message]" = field(default_factory=SimpleQueue)
    results: list[NodeResult] = field(default_factory=list)
    stops: bool = False

    def run_all(self, schedule: Schedule) -> None:
        """Run the start hooks, the units, and the end hooks whatever came of those before."""
        plan = self.plan
        started = self._run_hooks(plan.on_run_start)
        if started.failed and plan.needs_start:
            self._skip(schedule.drain(), "an on-run-start hook failed")
        self.work = replace(self.work, prelude=started.prelude)
        self.run(schedule)
        if self.work.cancel.level != "run" or not plan.on_run_end:
            return
        # dbt hands on what the workers did, and of its own thread only what failed.
        told = [each for each in self.results if each.thread != "main" or each.status in FAILED]
        facts = end_facts(told, self.work.graph)
        self._run_hooks(plan.on_run_end, facts)

    def _run_hooks(
        self, hooks: tuple[RunHook, ...], facts: Mapping[str, object] = MappingProxyType({})
    ) -> HooksDone:
        # Here nothing runs beside, so events need not go through the inbox.
        done = run_hooks(replace(self.work, post=self.sink), hooks, facts)
        self.results.extend(done.results)
        return done

    def run(self, schedule: Schedule) -> None:
        """Run all units that can run."""
        threads = max(1, self.work.context.threads)
        running: set[NodeId] = set()
        with self._pool(threads) as pool:
            self._start_ready(pool, schedule, running, threads)
            while running:
                self._take(schedule, running)
                self._start_ready(pool, schedule, running, threads)
        self._skip(schedule.drain(), "the run was stopped")

    def _start_ready(
        self, pool: ThreadPoolExecutor, schedule: Schedule, running: set[NodeId], threads: int
    ) -> None:
        self.stops = self.stops or self.work.cancel.level != "run"
        while len(running) < threads and not self.stops:
            unit = schedule.next_or_none()
            if unit is None:
                return
            running.add(unit.node)
            self._submit(pool, unit)

    def status(self) -> Literal["success", "failed", "cancelled"]:
        """Say how the run ended."""
        if self.work.cancel.level != "run":
            return "cancelled"
        failed = any(result.status in FAILED for result in self.results)
        return "failed" if failed else "success"

    @contextlib.contextmanager
    def _pool(self, threads: int) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="Thread")
        try:
            yield pool
        except BaseException:
            self.work.cancel.interrupt()
            raise
        finally:
            pool.shutdown(wait=True)

    def _submit(self, pool: ThreadPoolExecutor, unit: Unit) -> None:
        def done(future: "Future[tuple[NodeResult, ...]]") -> None:
            error = future.exception()
            self.inbox.put(error if error is not None else (unit, future.result()))

        pool.submit(run_unit, self.work, unit).add_done_callback(done)

    def _take(self, schedule: Schedule, running: set[NodeId]) -> None:
        """Take one message from the workers; a Ctrl-C while waiting goes one level further."""
        try:
            message = self.inbox.get(timeout=POLL_SECONDS)
        except Empty:
            self._tell()
            return
        except KeyboardInterrupt:
            self.work.cancel.escalate()
            return
        self._tell()
        if isinstance(message, BaseException):
            raise message
        unit, results = message
        running.discard(unit.node)
        self.results.extend(results)
        if any(result.status in FAILED for result in results):
            if _goes_on(unit):
                # Its readers see the version before; without one they say that it is missing.
                schedule.finish(unit)
            else:
                self._skip(schedule.fail(unit), f"`{unit.step.name}` failed")
            self.stops = self.stops or self.plan.fail_fast
        else:
            schedule.finish(unit)

    def _tell(self) -> None:
        """Tell what workers had to tell so far; what a unit told is there before its end is."""
        while self.events:
            self.sink(self.events.popleft())

    def _skip(self, units: tuple[Unit, ...], why: str) -> None:
        at = self.work.context.now()
        for step in (step for unit in units for step in unit.steps):
            self.sink(
                NodeFinished(
                    run_id=self.work.run_id,
                    node=step.node,
                    status="skipped",
                    message=why,
                    rows=None,
                    version=None,
                    meter=Meter(),
                    at=at,
                )
            )
            self.results.append(
                NodeResult(
                    node=step.node,
                    name=step.name,
                    resource_type=step.resource_type,
                    action=step.action,
                    status="skipped",
                    message=why,
                    estimate=step.cost,
                    relation="" if isinstance(step, RunTest) else str(step.target.relation),
                )
            )


def _goes_on(unit: Unit) -> bool:
    """Say whether a node's readers shall run although it failed: ``on_error: continue``."""
    step = unit.step
    return not isinstance(step, RunTest) and step.target.config.get("on_error") == "continue"
