"""Which test gates which commit, without ever making a node wait for itself.

A test that gates a node runs before that node's commit, so everything else that the test reads must
be built before the node. Each such wait is an edge of its own; a test whose waits would close a
circle gates nothing and runs after everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.base.ids import NodeId
from headwater.project.node import Node

BUILT = frozenset({"model", "seed", "snapshot"})
TESTS = frozenset({"test", "unit_test"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Tests by the node whose commit they gate.

    Attributes:
        tests: Tests in order, by gated node.
        waits: Nodes that a node must wait for although it does not read them.
    """

    tests: Mapping[NodeId, tuple[NodeId, ...]]
    waits: Mapping[NodeId, tuple[NodeId, ...]]


def make_gates(
    nodes: Mapping[NodeId, Node],
    depends_on: Mapping[NodeId, tuple[NodeId, ...]],
    order: tuple[NodeId, ...],
) -> Gates:
    """Give each test the node that it gates: the one it is attached to, else its last input.

    Args:
        nodes: Enabled nodes.
        depends_on: Their inputs.
        order: Nodes, inputs first.
    """
    place = {key: index for index, key in enumerate(order)}
    tests: dict[NodeId, list[NodeId]] = {}
    waits = _builders_of_sources(nodes, depends_on)
    for key in order:
        node = nodes[key]
        if node.resource_type not in TESTS:
            continue
        built = {source for source in depends_on[key] if is_built(nodes[source])}
        gated = _gated(node, built, place)
        if gated is None:
            continue
        others = built - {gated} if node.resource_type == "test" else set()
        if _reaches(gated, others, depends_on, waits):
            continue
        tests.setdefault(gated, []).append(key)
        new = {other for other in others if other not in depends_on[gated]}
        if new:
            waits.setdefault(gated, set()).update(new)
    return Gates(
        tests={key: tuple(found) for key, found in tests.items()},
        waits={key: tuple(sorted(found)) for key, found in waits.items()},
    )


def _builders_of_sources(
    nodes: Mapping[NodeId, Node], depends_on: Mapping[NodeId, tuple[NodeId, ...]]
) -> dict[NodeId, set[NodeId]]:
    """Let a source wait for the seed or model that builds its table, unless that reads the source.

    Projects that load their raw data with seeds declare the same tables as sources.
    """
    builders = {
        str(node.relation).lower(): key
        for key, node in nodes.items()
        if node.relation is not None and is_built(node)
    }
    waits: dict[NodeId, set[NodeId]] = {}
    for key, node in nodes.items():
        builder = builders.get(str(node.relation).lower())
        if node.resource_type != "source" or builder is None:
            continue
        if not _reaches(key, {builder}, depends_on, waits):
            waits[key] = {builder}
    return waits


def is_built(node: Node) -> bool:
    """Say whether building the node writes a table or a view."""
    return node.resource_type in BUILT and node.materialized != "ephemeral"


def _gated(node: Node, built: set[NodeId], place: Mapping[NodeId, int]) -> NodeId | None:
    attached = node.test.attached_node if node.test else None
    if attached in built:
        return attached
    return max(built, key=place.__getitem__, default=None)


def _reaches(
    gated: NodeId,
    starts: set[NodeId],
    depends_on: Mapping[NodeId, tuple[NodeId, ...]],
    waits: Mapping[NodeId, set[NodeId]],
) -> bool:
    """Say whether any of ``starts`` already waits, directly or not, for the gated node."""
    seen: set[NodeId] = set()
    stack = list(starts)
    while stack:
        key = stack.pop()
        if key == gated:
            return True
        if key not in seen:
            seen.add(key)
            stack += depends_on.get(key, ())
            stack += waits.get(key, ())
    return False
