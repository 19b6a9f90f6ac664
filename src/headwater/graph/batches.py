"""Rendering the batches of a microbatch model: one text a window, its inputs filtered by time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headwater.base.diagnostics import error_of
from headwater.base.ids import NodeId
from headwater.base.periods import Window
from headwater.graph.compile import Compilation
from headwater.graph.ephemeral import all_used, ctes_for, inject
from headwater.graph.graph import Graph, Lookup
from headwater.graph.kept_texts import Known
from headwater.graph.lookup import UncountedLookup
from headwater.graph.references import resolve_references
from headwater.graph.said import Said
from headwater.graph.substitutes import Substitutes
from headwater.project.context import node_context, render_node
from headwater.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchText:
    """A batch to render.

    Attributes:
        id: dbt's name of it.
        window: Its stretch of time.
        is_incremental: What ``is_incremental()`` answers.
    """

    id: str
    window: Window
    is_incremental: bool


class BatchRenderer:
    """Renders batches of a compiled project.

    Attributes:
        said: What macros printed and logged for the batches, by node.
    """

    def __init__(
        self, project: Project, graph: Graph, lookup: Lookup, instead: Substitutes
    ) -> None:
        """See ``graph.compile.compile_graph``."""
        self._project = project
        self._found = resolve_references(project)
        asked = UncountedLookup(lookup, project.templates.meter)
        self._work = Compilation(project, self._found, asked, Known(), instead)
        self._instead = instead
        self.said: dict[NodeId, list[Said]] = {}
        for key, compiled in graph.nodes.items():
            node = compiled.node
            if node.relation is not None and compiled.columns is not None:
                self._work.planned[node.relation] = compiled.columns
            if node.materialized == "ephemeral" and node.resource_type == "model":
                self._work.compile(key)

    def render(self, key: NodeId, batches: Iterable[BatchText]) -> tuple[str, ...]:
        """Return the query of each batch.

        Raises:
            HeadwaterError: Jinja failed.
        """
        return tuple(self._render(key, batch) for batch in batches)

    def _render(self, key: NodeId, batch: BatchText) -> str:
        node = self._project.nodes[key]
        host = self._work.host(node, incremental=batch.is_incremental)
        host.instead = replace(self._instead, sample=_both(batch.window, self._instead.sample))
        context = dict(node_context(self._project, node, host, self._found.depends_on))
        model = context["model"]
        assert hasattr(model, "items")  # noqa: S101 - every node has one
        config = {
            **dict(model["config"]),  # type: ignore[index] # a node, as dbt describes it
            "__dbt_internal_microbatch_event_time_start": batch.window.start,
            "__dbt_internal_microbatch_event_time_end": batch.window.end,
        }
        context["model"] = {
            **dict(model.items()),
            "config": config,
            "batch": {
                "id": batch.id,
                "event_time_start": batch.window.start,
                "event_time_end": batch.window.end,
            },
        }
        body = render_node(self._project, node, context).text
        self.said.setdefault(key, []).extend(host.said)
        used = all_used(tuple(host.used), self._work.bodies)
        text = inject(body, ctes_for(used, self._work.bodies, self._work.ephemeral))
        if self._work.translator is None:
            return text
        translated, findings = self._work.translator.translated(node, text)
        if translated is None:
            raise error_of(findings[0])
        return translated


def _both(window: Window, sample: Window | None) -> Window:
    if sample is None:
        return window
    return Window(start=max(window.start, sample.start), end=min(window.end, sample.end))
