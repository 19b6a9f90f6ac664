"""References turned into edges: which node every ``ref`` and ``source`` means, and the order.

Everything that can make a graph impossible is found here, before any template is rendered:
unknown and disabled references, and circles. Two nodes with one table are found while reading.
"""

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from headwater.base.diagnostics import Diagnostic, Severity
from headwater.base.ids import NodeId
from headwater.base.spans import Span
from headwater.graph.access import check_access
from headwater.graph.metrics import metric_inputs
from headwater.project.node import Node, Ref, SourceRef, is_older_version

REFERABLE = frozenset({"model", "seed", "snapshot"})
"""Resource types that ``ref`` can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Nodes by the words that references use.

    Attributes:
        root: Name of the root project.
        refs: Referable nodes, enabled or not, by name.
        sources: Source tables, enabled or not, by (source name, table name).
        functions: Functions, enabled or not, by name.
    """

    root: str
    refs: Mapping[str, tuple[Node, ...]]
    sources: Mapping[tuple[str, str], tuple[Node, ...]]
    functions: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The edges of a project.

    Attributes:
        names: Index that the references were looked up in.
        depends_on: Direct inputs of every enabled node, sorted; without `idle` ones.
        order: Every enabled node, inputs first; nodes in a circle and those after it come last.
        cyclic: Nodes that are part of a circle.
        diagnostics: Everything wrong, in the order of the nodes.
        idle: Tests that refer to what is not there: as in dbt they are told of, and never run.
    """

    names: Names
    depends_on: Mapping[NodeId, tuple[NodeId, ...]]
    order: tuple[NodeId, ...]
    cyclic: frozenset[NodeId]
    diagnostics: tuple[Diagnostic, ...]
    idle: frozenset[NodeId] = frozenset()


def resolve(
    root: str,
    nodes: Mapping[NodeId, Node],
    disabled: Iterable[Node] = (),
    restricted: Collection[str] = (),
) -> Resolution:
    """Find every node's inputs and an order in which they can be built.

    Args:
        root: Name of the root project.
        nodes: Every node by unique_id; those whose config disables them are left out.
        disabled: Further disabled nodes, so that a reference to one is told from an unknown one.
        restricted: Packages whose protected models only they may refer to.
    """
    enabled = {key: node for key, node in nodes.items() if node.is_enabled}
    off = [node for node in nodes.values() if not node.is_enabled]
    names = make_names(root, [*enabled.values(), *off, *disabled])
    diagnostics: list[Diagnostic] = []
    depends_on: dict[NodeId, tuple[NodeId, ...]] = {}
    places: dict[tuple[NodeId, NodeId], Span] = {}
    idle, told = _idle_tests(names, enabled.values())
    diagnostics += told
    enabled = {key: node for key, node in enabled.items() if key not in idle}
    for key, node in enabled.items():
        inputs: set[NodeId] = set()
        for call in _calls(node):
            found = find(names, node, call)
            if isinstance(found, Diagnostic):
                diagnostics.append(found)
                continue
            inputs.add(found.unique_id)
            place = call.where or node.where
            refused = check_access(node, found, enabled, restricted, place)
            if refused is not None:
                diagnostics.append(refused)
            if place:
                places.setdefault((key, found.unique_id), place)
        for call in node.functions:
            function = find_function(names, node, call)
            if isinstance(function, Diagnostic):
                diagnostics.append(function)
            else:
                inputs.add(function.unique_id)
        if node.test and node.test.attached_node in enabled:
            inputs.add(node.test.attached_node)
        depends_on[key] = tuple(sorted(inputs & enabled.keys()))
    measured, unknown = metric_inputs(enabled)
    depends_on |= {
        key: tuple(sorted({*depends_on[key], *found})) for key, found in measured.items()
    }
    diagnostics += unknown
    order, left = topological_order(depends_on)
    cycles = _shortest_cycles(depends_on, left)
    diagnostics += [_report_cycle(cycle, enabled, places) for cycle in cycles]
    return Resolution(
        names=names,
        depends_on=depends_on,
        order=(*order, *sorted(left)),
        cyclic=frozenset(key for part in _components(depends_on, left) for key in part),
        diagnostics=tuple(diagnostics),
        idle=idle,
    )


def _idle_tests(
    names: Names, nodes: Iterable[Node]
) -> tuple[frozenset[NodeId], tuple[Diagnostic, ...]]:
    """Find the tests that refer to what is not there, or is disabled, and say so of each."""
    idle: set[NodeId] = set()
    told = []
    for node in nodes:
        if node.resource_type != "test":
            continue
        for call in _calls(node):
            found = find(names, node, call)
            if isinstance(found, Diagnostic) and found.name != "ref-ambiguous":
                idle.add(node.unique_id)
                level: Severity = "info" if found.name == "ref-disabled" else "warning"
                why = found.why or "a test of what is not there cannot run; the others do"
                told.append(replace(found, severity=level, why=why))
    return frozenset(idle), tuple(told)


def _calls(node: Node) -> tuple[Ref | SourceRef, ...]:
    """Return the references that make edges; a unit test reads its model and no table."""
    if node.resource_type == "unit_test":
        return (tested_model(node),)
    return (*node.refs, *node.sources)


def tested_model(node: Node) -> Ref:
    """Return the reference of a unit test to the model, or the version, that it tests."""
    version = node.declared.get("version")
    model = str(node.declared.get("model"))
    return Ref(name=model, version=None if version is None else str(version))


def make_names(root: str, nodes: Iterable[Node]) -> Names:
    """Index nodes by the words that references use."""
    refs: dict[str, list[Node]] = {}
    sources: dict[tuple[str, str], list[Node]] = {}
    functions: dict[str, list[Node]] = {}
    for node in nodes:
        if node.resource_type in REFERABLE:
            refs.setdefault(node.name, []).append(node)
        elif node.source:
            sources.setdefault((node.source.source_name, node.name), []).append(node)
        elif node.resource_type == "function":
            functions.setdefault(node.name, []).append(node)
    return Names(
        root=root,
        refs={name: tuple(found) for name, found in refs.items()},
        sources={name: tuple(found) for name, found in sources.items()},
        functions={name: tuple(found) for name, found in functions.items()},
    )


def find(names: Names, node: Node, call: Ref | SourceRef) -> Node | Diagnostic:
    """Return what a reference in ``node`` means, or why it means nothing."""
    if isinstance(call, SourceRef):
        return _find_source(names, node, call)
    return _find_ref(names, node, call)


def _find_ref(names: Names, node: Node, call: Ref) -> Node | Diagnostic:
    named = names.refs.get(call.name, ())
    if call.package:
        named = tuple(found for found in named if found.package == call.package)
    versioned = _pick_version(named, call.version)
    enabled = [found for found in versioned if found.is_enabled]
    for package in (node.package, names.root):
        own = [found for found in enabled if found.package == package]
        if own:
            return own[0]
    packages = {found.package for found in enabled}
    if len(packages) > 1:
        return Diagnostic(
            code="ref-ambiguous",
            severity="error",
            what=f"`{node.name}` refers to `{call.name}`, which several packages define",
            why=f"packages: {', '.join(sorted(packages))}",
            fix=f"name the package: `ref('{min(packages)}', '{call.name}')`",
            where=call.where or node.where,
            node=node.unique_id,
        )
    if enabled:
        return enabled[0]
    if versioned:
        return _disabled(node, call.name, versioned[0], call.where)
    return _ref_not_found(names, node, call)


def _pick_version(named: Sequence[Node], version: str | float | None) -> tuple[Node, ...]:
    """Keep the asked version, or the latest one of a versioned model when none is asked."""
    if version is not None:
        return tuple(found for found in named if found.version == str(version))
    plain = tuple(found for found in named if found.version is None)
    latest = tuple(found for found in named if is_latest_version(found, named))
    return (*plain, *latest)


def is_latest_version(node: Node, siblings: Iterable[Node]) -> bool:
    """Say whether a versioned model is the one that ``ref`` without a version means."""
    version = node.version
    if version is None:
        return False
    declared = node.declared.get("latest_version", node.config.get("latest_version"))
    if declared is not None:
        return version == str(declared)
    return not any(
        sibling.version is not None and is_older_version(version, sibling.version)
        for sibling in siblings
        if sibling.package == node.package
    )


def find_function(names: Names, node: Node, call: Ref) -> Node | Diagnostic:
    """Return the function that a call of ``function`` means, or why it means none."""
    found = [
        each for each in names.functions.get(call.name, ()) if call.package in {None, each.package}
    ]
    enabled = [each for each in found if each.is_enabled]
    for package in (node.package, names.root):
        own = [each for each in enabled if each.package == package]
        if own:
            return own[0]
    if enabled:
        return enabled[0]
    if found:
        return _disabled(node, call.name, found[0], node.where)
    near = get_close_matches(call.name, names.functions, n=1)
    return Diagnostic(
        code="ref-not-found",
        severity="error",
        what=f"{_label(node)} calls function `{call.name}`, which no package defines",
        fix=f"did you mean `{near[0]}`?" if near else "write it as a file in `functions/`",
        where=node.where,
        node=node.unique_id,
    )


def _find_source(names: Names, node: Node, call: SourceRef) -> Node | Diagnostic:
    found = names.sources.get((call.source_name, call.name), ())
    enabled = [source for source in found if source.is_enabled]
    own = [source for source in enabled if source.package == node.package]
    root = [source for source in enabled if source.package == names.root]
    for candidates in (own, root, enabled):
        if candidates:
            return candidates[0]
    if found:
        return _disabled(node, f"{call.source_name}.{call.name}", found[0], call.where)
    known = {f"{source}.{table}": (source, table) for source, table in names.sources}
    near = get_close_matches(f"{call.source_name}.{call.name}", known, n=1, cutoff=0.5)
    return Diagnostic(
        code="source-not-found",
        severity="error",
        what=f"{_label(node)} refers to source `{call.source_name}.{call.name}`, "
        "which no package declares",
        fix=f"did you mean `source{known[near[0]]}`?" if near else "Declare it below `sources:`",
        where=call.where or node.where,
        node=node.unique_id,
    )


def _ref_not_found(names: Names, node: Node, call: Ref) -> Diagnostic:
    wanted = f"{call.package}.{call.name}" if call.package else call.name
    versions = [found.version for found in names.refs.get(call.name, ())]
    near = get_close_matches(call.name, names.refs, n=1)
    if call.version is not None and any(versions):
        have = ", ".join(sorted(version for version in versions if version))
        wanted, fix = f"{wanted} v{call.version}", f"versions there are: {have}"
    elif call.version is not None and call.name in names.refs and not call.package:
        wanted, fix = f"{wanted} v{call.version}", f"`{call.name}` has no versions: leave `v` out"
    elif call.package and call.name in names.refs:
        package = names.refs[call.name][0].package
        fix = f"package `{package}` has it: `ref('{package}', '{call.name}')`"
    else:
        fix = f"did you mean `{near[0]}`?" if near else "Check the spelling, or add the model"
    return Diagnostic(
        code="ref-not-found",
        severity="error",
        what=f"{_label(node)} refers to `{wanted}`, which no package defines",
        fix=fix,
        where=call.where or node.where,
        node=node.unique_id,
    )


def _disabled(node: Node, wanted: str, found: Node, where: Span | None) -> Diagnostic:
    note = ((found.where, "disabled here"),) if found.where else ()
    return Diagnostic(
        code="ref-disabled",
        severity="error",
        what=f"{_label(node)} refers to `{wanted}`, which is disabled",
        why=f"`{found.unique_id}` has `enabled: false`",
        fix="enable it, remove the reference, or disable this node as well",
        where=where or node.where,
        related=note,
        node=node.unique_id,
    )


def _label(node: Node) -> str:
    return f"{node.resource_type.replace('_', ' ')} `{node.name}`"


def topological_order(
    depends_on: Mapping[NodeId, Sequence[NodeId]],
) -> tuple[tuple[NodeId, ...], frozenset[NodeId]]:
    """Order nodes with inputs first; among the possible ones always the smallest unique_id next.

    Returns:
        The order, and the nodes that have no place in it: those in a circle or after one.
    """
    waiting = {key: len(inputs) for key, inputs in depends_on.items()}
    readers: dict[NodeId, list[NodeId]] = {}
    for key, inputs in depends_on.items():
        for source in inputs:
            readers.setdefault(source, []).append(key)
    ready = [key for key, count in waiting.items() if not count]
    heapq.heapify(ready)
    order: list[NodeId] = []
    while ready:
        key = heapq.heappop(ready)
        order.append(key)
        for reader in readers.get(key, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heapq.heappush(ready, reader)
    return tuple(order), frozenset(depends_on.keys() - set(order))


def _components(
    depends_on: Mapping[NodeId, Sequence[NodeId]], among: frozenset[NodeId]
) -> list[frozenset[NodeId]]:
    """Split nodes into groups that reach each other; single nodes only when they read themselves.

    Two reachability sweeps a node would be quadratic; this takes the classic two passes of
    Kosaraju with explicit stacks.
    """
    inputs = {key: [source for source in depends_on[key] if source in among] for key in among}
    readers: dict[NodeId, list[NodeId]] = {key: [] for key in among}
    for key, sources in inputs.items():
        for source in sources:
            readers[source].append(key)
    finished = _postorder(sorted(among), inputs)
    seen: set[NodeId] = set()
    groups: list[frozenset[NodeId]] = []
    for start in reversed(finished):
        group = _reach(start, readers, seen)
        if len(group) > 1 or any(key in inputs[key] for key in group):
            groups.append(frozenset(group))
    return sorted(groups, key=min)


def _postorder(starts: Iterable[NodeId], edges: Mapping[NodeId, Sequence[NodeId]]) -> list[NodeId]:
    seen: set[NodeId] = set()
    finished: list[NodeId] = []
    for start in starts:
        stack = [(start, False)]
        while stack:
            key, is_done = stack.pop()
            if is_done:
                finished.append(key)
            elif key not in seen:
                seen.add(key)
                stack.append((key, True))
                stack += [(target, False) for target in edges[key] if target not in seen]
    return finished


def _reach(
    start: NodeId, edges: Mapping[NodeId, Sequence[NodeId]], seen: set[NodeId]
) -> set[NodeId]:
    found: set[NodeId] = set()
    stack = [start]
    while stack:
        key = stack.pop()
        if key not in seen:
            seen.add(key)
            found.add(key)
            stack += edges[key]
    return found


def _shortest_cycles(
    depends_on: Mapping[NodeId, Sequence[NodeId]], left: frozenset[NodeId]
) -> list[tuple[NodeId, ...]]:
    """Return one shortest circle for each group of nodes that reach each other."""
    cycles = []
    for group in _components(depends_on, left):
        best: tuple[NodeId, ...] = ()
        for start in sorted(group):
            cycle = _cycle_through(start, depends_on, group)
            if not best or len(cycle) < len(best):
                best = cycle
            if len(best) <= 2:  # noqa: PLR2004 - nothing beats two nodes but a self-reference
                break
        cycles.append(best)
    return cycles


def _cycle_through(
    start: NodeId, depends_on: Mapping[NodeId, Sequence[NodeId]], group: frozenset[NodeId]
) -> tuple[NodeId, ...]:
    came_from: dict[NodeId, NodeId] = {}
    queue = deque([start])
    while queue:
        key = queue.popleft()
        for source in depends_on[key]:
            if source == start:
                return _path_back(key, start, came_from)
            if source in group and source not in came_from:
                came_from[source] = key
                queue.append(source)
    return tuple(sorted(group))


def _path_back(
    key: NodeId, start: NodeId, came_from: Mapping[NodeId, NodeId]
) -> tuple[NodeId, ...]:
    path = [key]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))


def _report_cycle(
    cycle: tuple[NodeId, ...],
    nodes: Mapping[NodeId, Node],
    places: Mapping[tuple[NodeId, NodeId], Span],
) -> Diagnostic:
    hops = list(zip(cycle, (*cycle[1:], cycle[0]), strict=True))
    notes = tuple(
        (places[hop], f"`{nodes[hop[0]].name}` reads `{nodes[hop[1]].name}`")
        for hop in hops
        if hop in places
    )
    chain = " -> ".join(f"`{nodes[key].name}`" for key in (*cycle, cycle[0]))
    return Diagnostic(
        code="graph-cycle",
        severity="error",
        what=f"nodes depend on each other in a circle: {chain}",
        why="none of them can be built before the other",
        fix="take one of these references out, or move the shared part into a model both read",
        where=notes[0][0] if notes else nodes[cycle[0]].where,
        related=notes,
        node=cycle[0],
    )
