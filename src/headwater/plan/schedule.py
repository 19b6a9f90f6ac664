"""In which order units of work run: what is ready, the longest way to the end first.

A unit is one building step with the tests that gate its commit, or one test by itself. Pure
bookkeeping: no threads, no clock.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from headwater.base.ids import NodeId
from headwater.plan.plan import BuildStep, RunTest, Skip, Step

SECONDS_UNKNOWN = 1.0
"""What a step without an estimate is taken to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What one worker does in one go.

    Attributes:
        step: The building step, or a test that gates nothing.
        gates: Tests that must pass before the step's commit.
    """

    step: BuildStep | RunTest
    gates: tuple[RunTest, ...] = ()

    @property
    def node(self) -> NodeId:
        """The step's node, which names the unit."""
        return self.step.node

    @property
    def steps(self) -> tuple[BuildStep | RunTest, ...]:
        """The step and its tests."""
        return (self.step, *self.gates)


def make_units(steps: Iterable[Step]) -> tuple[Unit, ...]:
    """Group steps into units, in the plan's order; steps that do nothing are left out."""
    wanted = [step for step in steps if not isinstance(step, Skip)]
    built = {step.node for step in wanted if not isinstance(step, RunTest)}
    gates: dict[NodeId, list[RunTest]] = {}
    for step in wanted:
        if isinstance(step, RunTest) and step.gates in built and step.gates is not None:
            gates.setdefault(step.gates, []).append(step)
    return tuple(
        Unit(step=step, gates=tuple(gates.get(step.node, ())))
        for step in wanted
        if not (isinstance(step, RunTest) and step.gates in built)
    )


class Schedule:
    """What can run now; not for several threads."""

    def __init__(self, units: Iterable[Unit]) -> None:
        """Order units, which come in an order that respects their ``after``."""
        self._units = {unit.node: unit for unit in units}
        unit_of = {step.node: unit.node for unit in self._units.values() for step in unit.steps}
        self._waits: dict[NodeId, set[NodeId]] = {}
        for unit in self._units.values():
            named = {node for step in unit.steps for node in step.after}
            first = {unit_of[node] for node in named if node in unit_of}
            self._waits[unit.node] = first - {unit.node}
        self._followers: dict[NodeId, list[NodeId]] = {node: [] for node in self._units}
        for node, first in self._waits.items():
            for earlier in first:
                self._followers[earlier].append(node)
        self._length = self._lengths()
        self._ready: list[tuple[float, int, NodeId]] = []
        self._position = {node: place for place, node in enumerate(self._units)}
        self._open = set(self._units)
        for node, first in self._waits.items():
            if not first:
                self._push(node)

    def next_or_none(self) -> Unit | None:
        """Take the ready unit with the longest way to the end; None when none is ready."""
        while self._ready:
            node = heapq.heappop(self._ready)[2]
            if node in self._open:
                self._open.discard(node)
                return self._units[node]
        return None

    def finish(self, unit: Unit) -> None:
        """Note that a unit ended well."""
        for node in self._followers[unit.node]:
            self._waits[node].discard(unit.node)
            if not self._waits[node]:
                self._push(node)

    def fail(self, unit: Unit) -> tuple[Unit, ...]:
        """Note that a unit did not end well; return the units that can no longer run, in order."""
        lost: set[NodeId] = set()
        open_nodes = [unit.node]
        while open_nodes:
            for node in self._followers[open_nodes.pop()]:
                if node in self._open and node not in lost:
                    lost.add(node)
                    open_nodes.append(node)
        self._open -= lost
        return tuple(self._units[node] for node in sorted(lost, key=self._position.__getitem__))

    def drain(self) -> tuple[Unit, ...]:
        """Give up every unit that has not started; return them in order."""
        left = tuple(unit for node, unit in self._units.items() if node in self._open)
        self._open.clear()
        return left

    def _push(self, node: NodeId) -> None:
        heapq.heappush(self._ready, (-self._length[node], self._position[node], node))

    def _lengths(self) -> dict[NodeId, float]:
        """Return the seconds from each unit's start to the end of the longest way through it."""
        lengths: dict[NodeId, float] = {}
        waiting = {node: len(after) for node, after in self._followers.items()}
        ends = [node for node, count in waiting.items() if count == 0]
        while ends:
            node = ends.pop()
            behind = max((lengths[after] for after in self._followers[node]), default=0.0)
            lengths[node] = _seconds(self._units[node]) + behind
            for earlier in self._waits[node]:
                waiting[earlier] -= 1
                if waiting[earlier] == 0:
                    ends.append(earlier)
        return {node: lengths.get(node, 0.0) for node in self._units}


def _seconds(unit: Unit) -> float:
    values = [step.cost.cpu_seconds.value for step in unit.steps]
    return sum(SECONDS_UNKNOWN if value is None else value for value in values)
