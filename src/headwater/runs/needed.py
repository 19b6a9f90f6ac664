"""How large the files are that a node's filters can touch: the planner's share of skipping.

The same conditions and the same test as when the node runs, so that a plan counts what is read.
"""

from collections.abc import Mapping
from types import MappingProxyType

from headwater.base.cache import Cache
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.engines.engine import Source, ViewSource
from headwater.graph.graph import CompiledNode, Graph
from headwater.lake.snapshot import Snapshot
from headwater.lake.tablestats import column_bytes_of
from headwater.plan.inputs import is_view
from headwater.plan.state import DeployedNode, Hidden, NeededFiles
from headwater.runs.narrow import narrowed
from headwater.runs.pins import Pins
from headwater.sql.unwrap import MAY_WRAP, unwrapped_or_none

Needed = Mapping[NodeId, Mapping[str, NeededFiles]]


class _Reader:
    """Looks at the inputs of nodes, each once."""

    def __init__(self, graph: Graph, pins: Pins, known: Cache | None = None) -> None:
        self._pins = pins
        self._known = known
        self._views = {
            compiled.node.relation: compiled
            for compiled in graph.nodes.values()
            if is_view(compiled) and compiled.node.relation is not None
        }

    def needed(self, compiled: CompiledNode, code: str) -> Mapping[str, NeededFiles]:
        """Return the files that a query can touch, for tables that have others."""
        return {
            str(name): NeededFiles(
                size_bytes=source.size_bytes, column_bytes=column_bytes_of(source)
            )
            for name, source in narrowed(code, self._sources(compiled)).items()
            if isinstance(source, Snapshot)
        }

    def hidden(self, compiled: CompiledNode) -> tuple[Hidden, ...]:
        """Return the files that a query would leave out if its filters were written plainly."""
        plain = unwrapped_or_none(compiled.code, self._known)
        if plain is None:
            return ()
        sources = self._sources(compiled)
        now, then = narrowed(compiled.code, sources), narrowed(plain.sql, sources)
        written, instead = (" and ".join(texts) for texts in zip(*plain.changes, strict=True))
        return tuple(
            Hidden(
                table=name,
                written=written,
                plain=instead,
                files=len(before.files),
                files_needed=len(after.files),
                bytes_read=before.size_bytes,
                bytes_needed=after.size_bytes,
            )
            for name, after in then.items()
            if isinstance(after, Snapshot)
            and isinstance(before := now.get(name, sources[name]), Snapshot)
            and len(after.files) < len(before.files)
        )

    def _sources(self, compiled: CompiledNode) -> Mapping[TableName, Source]:
        found: dict[TableName, Source] = {}
        for name in compiled.reads:
            self._visit(name, found, frozenset())
        return found

    def _visit(
        self, name: TableName, found: dict[TableName, Source], above: frozenset[TableName]
    ) -> None:
        if name in found or name in above:
            return
        view = self._views.get(name)
        if view is not None:
            for read in view.reads:
                self._visit(read, found, above | {name})
            found[name] = ViewSource(sql=view.code)
            return
        known = self._pins.find_or_none(name)
        for read in known.reads if known else ():
            self._visit(read, found, above | {name})
        if known is not None:
            found[name] = known.source


def _leaves_files_out(compiled: CompiledNode) -> bool:
    """Say whether a node is built by its query alone, without what may need every file."""
    node = compiled.node
    others = ("refresh", "pre_hook", "event_time")
    return (
        bool(compiled.code)
        and node.resource_type == "model"
        and not any(node.config.get(key) for key in others)
    )


def read_hidden(
    graph: Graph,
    pins: Pins,
    deployed: Mapping[NodeId, DeployedNode],
    known: Cache | None = None,
) -> Mapping[NodeId, tuple[Hidden, ...]]:
    """Return the files that filters of new and changed nodes do not leave out and could.

    Args:
        graph: The project.
        pins: Tables at the versions that the planner sees.
        deployed: Nodes of the last successful runs.
        known: What earlier commands found.
    """
    reader = _Reader(graph, pins, known)
    found: dict[NodeId, tuple[Hidden, ...]] = {}
    for node, compiled in graph.nodes.items():
        before = deployed.get(node)
        is_same = before is not None and before.fingerprint == compiled.fingerprint
        if is_same or not compiled.reads or not _leaves_files_out(compiled):
            continue
        if MAY_WRAP.search(compiled.code) and (hidden := reader.hidden(compiled)):
            found[node] = hidden
    return MappingProxyType(found)


def read_needed(
    graph: Graph, pins: Pins, deployed: Mapping[NodeId, DeployedNode]
) -> tuple[Needed, Needed]:
    """Return the files that nodes can touch: by their present and their deployed query.

    Args:
        graph: The project.
        pins: Tables at the versions that the planner sees.
        deployed: Nodes of the last successful runs.
    """
    reader = _Reader(graph, pins)
    now: dict[NodeId, Mapping[str, NeededFiles]] = {}
    before: dict[NodeId, Mapping[str, NeededFiles]] = {}
    for node, compiled in graph.nodes.items():
        if not compiled.reads or not _leaves_files_out(compiled):
            continue
        if found := reader.needed(compiled, compiled.code):
            now[node] = found
        known = deployed.get(node)
        if known is None or not known.code or known.code == compiled.code:
            continue
        if found := reader.needed(compiled, known.code):
            before[node] = found
    return MappingProxyType(now), MappingProxyType(before)
