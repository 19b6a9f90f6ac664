"""In which order steps can run, and which commit each test gates.

A test gates the node it is attached to. When it also reads something that this plan builds out of
that very node, waiting would go round in a circle, so it gates the last of what it reads instead.
Whatever waits for something says so in its step: the executor knows no other order.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from headwater.base.ids import NodeId
from headwater.plan.draft import Draft


@dataclass(frozen=True, slots=True)
class Ordering:
    """The order of the steps.

    Attributes:
        order: Every node with a step.
        after: Steps that must be done first, by node, sorted.
        gates: The node whose commit waits for a test, by test.
    """

    order: tuple[NodeId, ...]
    after: Mapping[NodeId, tuple[NodeId, ...]]
    gates: Mapping[NodeId, NodeId]


def order_steps(draft: Draft) -> Ordering:
    """Order the decided nodes."""
    after = {
        node: _built_inputs(draft, node) if decision.how != "skip" else set()
        for node, decision in draft.decisions.items()
    }
    _add_named_inputs(draft, after)
    gates: dict[NodeId, NodeId] = {}
    attached = {test: node for node, tests in draft.graph.gates.items() for test in tests}
    position = {node: index for index, node in enumerate(draft.decisions)}
    for node, decision in draft.decisions.items():
        if decision.how != "test" or not after[node]:
            continue
        gate = _choose_gate(attached.get(node), after, after[node], position)
        gates[node] = gate
        after[node].discard(gate)
        after[gate] |= after[node]
    _put_tests_first(draft, after, gates)
    order = _sort(after, gates, position)
    return Ordering(order, {node: tuple(sorted(first)) for node, first in after.items()}, gates)


def _built_inputs(draft: Draft, node: NodeId) -> set[NodeId]:
    """Return the nodes that this plan builds and ``node`` needs, ephemeral ones looked through."""
    found: set[NodeId] = set()
    seen: set[NodeId] = set()
    open_nodes = list(draft.compiled(node).depends_on)
    while open_nodes:
        parent = open_nodes.pop()
        if parent in seen or parent not in draft.graph.nodes:
            continue
        seen.add(parent)
        if draft.is_built(parent):
            found.add(parent)
        elif parent not in draft.decisions:
            open_nodes.extend(draft.compiled(parent).depends_on)
            open_nodes.extend(draft.graph.waits.get(parent, ()))
    return found


def _add_named_inputs(draft: Draft, after: dict[NodeId, set[NodeId]]) -> None:
    """Let nodes wait for what their text names without ``ref``, unless that would go in a circle.

    What stands in a circle reads the table of the run before, which is all that it can mean.
    """
    for node, waits in after.items():
        if draft.decisions[node].how == "skip":
            continue
        for relation in sorted(draft.index.reads[node]):
            producer = draft.index.producers.get(relation)
            if producer is None or producer == node or producer in waits:
                continue
            if draft.is_built(producer) and not _waits_for(after, producer, node):
                waits.add(producer)


def _put_tests_first(
    draft: Draft, after: dict[NodeId, set[NodeId]], gates: Mapping[NodeId, NodeId]
) -> None:
    """Let what reads a table that is not built wait for the table's tests, as dbt build does."""
    alone = {
        node
        for node, decision in draft.decisions.items()
        if decision.how == "test" and node not in gates and not after[node]
    }
    guards = {
        node: found
        for node, tests in draft.graph.gates.items()
        if (found := [test for test in tests if test in alone])
    }
    for reader, decision in draft.decisions.items():
        if decision.how not in {"skip", "test"}:
            for node in draft.compiled(reader).depends_on:
                after[reader].update(guards.get(node, ()))


def _choose_gate(
    attached: NodeId | None,
    after: Mapping[NodeId, set[NodeId]],
    inputs: set[NodeId],
    position: Mapping[NodeId, int],
) -> NodeId:
    """Choose the commit that a test gates, so that nothing waits for itself."""
    candidates = sorted(inputs, key=lambda node: position[node], reverse=True)
    if attached in inputs:
        candidates.insert(0, attached)
    for candidate in candidates:
        others = inputs - {candidate}
        if not any(_waits_for(after, other, candidate) for other in others):
            return candidate
    return candidates[-1]  # pragma: no cover - some input waits for no other: ``after`` is acyclic


def _waits_for(after: Mapping[NodeId, set[NodeId]], node: NodeId, wanted: NodeId) -> bool:
    seen: set[NodeId] = set()
    open_nodes = [node]
    while open_nodes:
        current = open_nodes.pop()
        if current == wanted:
            return True
        if current not in seen:
            seen.add(current)
            open_nodes.extend(after[current])
    return False


def _sort(
    after: Mapping[NodeId, set[NodeId]],
    gates: Mapping[NodeId, NodeId],
    position: Mapping[NodeId, int],
) -> tuple[NodeId, ...]:
    """Sort topologically; among the ready ones the graph's order decides."""
    waiting = {node: len(first) for node, first in after.items()}
    followers: dict[NodeId, list[NodeId]] = {node: [] for node in after}
    for node, first in after.items():
        for earlier in first:
            followers[earlier].append(node)
    for test, gate in gates.items():
        waiting[test] += 1
        followers[gate].append(test)
    ready = [(position[node], node) for node, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order: list[NodeId] = []
    while ready:
        _, node = heapq.heappop(ready)
        order.append(node)
        for follower in followers[node]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heapq.heappush(ready, (position[follower], follower))
    return tuple(order)
