"""Progress of a run: live on a terminal, else one line a finished node; Ctrl-C in two steps."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from headwater.base.clock import SystemClock
from headwater.base.telemetry import (
    Event,
    MacroSaid,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    Sink,
)
from headwater.base.units import format_count, format_seconds
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.output import note, wants_colour
from headwater.plan.labels import short_label
from headwater.plan.plan import Plan, RunTest
from headwater.plan.show_upkeep import proposal_text
from headwater.runs.answers import Planned
from headwater.runs.cancel import CancelToken
from headwater.runs.journal import Journal
from headwater.runs.run import Run, describe_counts
from headwater.workspace import Workspace

_TOLD = frozenset({"upkeep-left-out", "openlineage-not-sent", "openlineage-unusable"})
"""Findings about a run itself."""


def run_with_progress(
    workspace: Workspace, planned: Planned, journal: Journal | None, *, fail_fast: bool
) -> Run:
    """Apply a plan, show how it goes on stderr, and let Ctrl-C stop it.

    The first Ctrl-C lets running nodes finish and starts no more; the second interrupts them.
    """
    cancel = CancelToken()
    display = _display(planned.plan)
    with _two_step_interrupt(cancel), display as sink:
        run = workspace.apply(
            planned, journal=journal, sink=sink, cancel=cancel, fail_fast=fail_fast
        )
    faults = [result.diagnostic for result in run.results if result.diagnostic is not None]
    if faults:
        note("")
        print_diagnostics(faults, workspace.root)
    for proposal in run.upkeep:
        note(f"upkeep: {proposal_text(proposal)}; done")
    told = [each for each in run.findings if each.name in _TOLD]
    print_diagnostics(told, workspace.root)
    note(_summary(run))
    return run


@contextmanager
def _two_step_interrupt(cancel: CancelToken) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        if cancel.level == "run":
            note("stopping after the nodes that run now; Ctrl-C again to interrupt them")
        cancel.escalate()

    earlier = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def _display(plan: Plan) -> AbstractContextManager[Sink]:
    if wants_colour(sys.stderr) and sys.stderr.isatty():
        return _live(step_labels(plan))
    return _lines(step_labels(plan))


def step_labels(plan: Plan) -> Mapping[str, str]:
    """Return what each step is called on screen: a test by what it tests, the others by name."""
    labels = {}
    for step in plan.steps:
        label = step.name
        if isinstance(step, RunTest) and step.reads:
            names = sorted(
                (read.name for read in step.reads),
                key=lambda name: step.name.find(name.name) % (len(step.name) + 1),
            )
            sources = [f"{name.schema}_{name.name}" for name in names]
            short = short_label(step.node, step.name, [*sources, *(name.name for name in names)])
            label = short if short == step.name else f"{names[0].name}.{short}"
        labels[str(step.node)] = label
    return labels


@contextmanager
def _lines(labels: Mapping[str, str]) -> Iterator[Sink]:
    counter = _Counter()

    def sink(event: Event) -> None:
        counter.take(event)
        match event:
            case NodeFinished():
                note(_line(event, counter, labels))
            case MacroSaid(is_info=True):
                note(event.text)
            case _:
                pass

    yield sink


@contextmanager
def _live(labels: Mapping[str, str]) -> Iterator[Sink]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    counter = _Counter()
    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=8, transient=True) as live:

        def sink(event: Event) -> None:
            counter.take(event)
            running = [f"  ... {labels.get(node, node)}" for node in counter.running]
            lines = "\n".join([*running, counter.line()])
            live.update(Text(lines, no_wrap=True, overflow="crop"))
            if isinstance(event, MacroSaid) and event.is_info:
                console.print(Text(event.text), highlight=False)
            if isinstance(event, NodeFinished):
                colour = {"success": "green", "pass": "green", "warn": "yellow"}
                style = colour.get(event.status, "red" if event.status != "skipped" else "dim")
                console.print(Text(_line(event, counter, labels), style=style), highlight=False)

        yield sink


class _Counter:
    """Counts nodes and time, for the counter, the elapsed time and the ETA."""

    def __init__(self) -> None:
        self._now: Callable[[], float] = SystemClock().monotonic
        self._start = self._now()
        self.total = 0
        self.done = 0
        self.running: dict[str, float] = {}

    def take(self, event: Event) -> None:
        """Count one event."""
        match event:
            case RunStarted():
                self.total = event.steps
            case NodeStarted():
                self.running[event.node] = self._now()
            case NodeFinished():
                self.done += 1
                self.running.pop(event.node, None)
            case MacroSaid():
                pass  # it is a word, and no progress
            case RunFinished():
                self.running.clear()

    def line(self) -> str:
        """Return the counter line."""
        elapsed = self._now() - self._start
        left = (
            elapsed / self.done * (self.total - self.done)
            if self.done and self.done < self.total
            else None
        )
        eta = f", about {format_seconds(left)} left" if left is not None else ""
        return f"{self.done} of {self.total} done, {format_seconds(elapsed)}{eta}"


def _line(event: NodeFinished, counter: _Counter, labels: Mapping[str, str]) -> str:
    position = f"{counter.done}/{counter.total}"
    parts = [f"{position:>7}", f"{event.status:<7} {labels.get(event.node, event.node)}"]
    if event.rows is not None and event.status != "pass":
        parts.append(f"{format_count(event.rows)} rows")
    if event.version is not None:
        parts.append(f"v{event.version}")
    parts.append(format_seconds(event.meter.wall_seconds))
    if event.message and event.status not in {"success", "pass"}:
        parts.append(event.message)
    return "  ".join(parts)


def _summary(run: Run) -> str:
    return f"run {run.run_id} {run.status}: {describe_counts(run)}"
