"""Renders the batches that a plan will build: the planner says which, the project says how."""

from collections.abc import Mapping
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.base.periods import Window
from headwater.graph.batches import BatchRenderer, BatchText
from headwater.graph.graph import Graph
from headwater.plan.batches import WantedBatches, batch_id, read_microbatch_or_none
from headwater.plan.plan import Batch


def render_batches(
    renderer: BatchRenderer, graph: Graph, wanted: Mapping[NodeId, WantedBatches]
) -> Mapping[NodeId, tuple[Batch, ...]]:
    """Render batches by node.

    Args:
        renderer: Of the compiled project.
        graph: The compiled project.
        wanted: Which batches.

    Raises:
        HeadwaterError: Jinja failed.
    """
    return MappingProxyType(
        {key: _of_node(renderer, graph, key, asked) for key, asked in wanted.items()}
    )


def _of_node(
    renderer: BatchRenderer, graph: Graph, key: NodeId, wanted: WantedBatches
) -> tuple[Batch, ...]:
    facts = read_microbatch_or_none(graph.nodes[key])
    if facts is None:  # the plan reports it
        return ()
    texts = [
        BatchText(
            id=batch_id(window, facts.size),
            window=window,
            is_incremental=bool(index) or not wanted.is_full,
        )
        for index, window in enumerate(wanted.windows)
    ]
    return tuple(
        _batch(text.id, text.window, sql)
        for text, sql in zip(texts, renderer.render(key, texts), strict=True)
    )


def _batch(name: str, window: Window, sql: str) -> Batch:
    return Batch(id=name, start=window.start, end=window.end, sql=sql)
