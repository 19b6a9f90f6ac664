"""Rendering while a plan runs: hooks and materializations that send statements of their own.

Everything else is compiled before anything runs. What a macro sends with ``run_query`` or
``statement`` from a hook belongs to the moment of that hook, so its text is rendered again then,
with a lookup that answers from - and writes through - the session of the node.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from headwater.base.ids import NodeId
from headwater.graph.graph import Lookup
from headwater.graph.host import CompileHost
from headwater.graph.lookup import UncountedLookup
from headwater.graph.references import resolve_references
from headwater.graph.said import Said
from headwater.project.context import hook_texts, node_context, render_node, render_text
from headwater.project.node import Node
from headwater.project.project import Project

Moment = Literal["operation", "pre_hook", "post_hook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveText:
    """A text rendered while its node runs.

    Attributes:
        text: What is left to be run.
        said: What macros printed and logged.
    """

    text: str
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """What to render.

    Attributes:
        node: The node or operation.
        moment: Which of its texts.
        place: Which hook of the moment, from 0.
        facts: What Jinja sees besides: an on-run-end hook's ``results`` and the like.
        is_incremental: What ``is_incremental()`` answers.
    """

    node: NodeId
    moment: Moment
    place: int = 0
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    is_incremental: bool = False


class LiveRenderer:
    """Renders texts of one compiled project, one at a time: templates count what one takes."""

    def __init__(self, project: Project) -> None:
        """Take the project as it was compiled."""
        self._project = project
        self._found = resolve_references(project)

    def hooks(self, node: NodeId, moment: Moment) -> int:
        """Return how many hooks a node has at a moment."""
        if moment == "operation":
            return 1
        return len(hook_texts(self._project.nodes[node], moment))

    def render(self, call: LiveCall, lookup: Lookup) -> LiveText:
        """Render a text; what its macros send is sent through ``lookup``.

        Raises:
            HeadwaterError: Jinja failed, or a statement did.
        """
        node = self._project.nodes[call.node]

        def rendered(context: Mapping[str, object]) -> str:
            if call.moment == "operation":
                return render_node(self._project, node, context).text
            text = hook_texts(node, call.moment)[call.place]
            return render_text(self._project, node, context, text).text

        return self._with_context(call, node, lookup, rendered)

    def _with_context(
        self,
        call: LiveCall,
        node: Node,
        lookup: Lookup,
        rendered: Callable[[Mapping[str, object]], str],
    ) -> LiveText:
        inputs = self._found.depends_on
        host = CompileHost(
            node,
            self._found.names,
            frozenset(inputs.get(node.unique_id, self._project.nodes)),
            {},
            UncountedLookup(lookup, self._project.templates.meter),
            incremental=call.is_incremental,
            naming=self._project.context_values.naming,
        )
        host.is_live = True
        context = {**node_context(self._project, node, host, inputs), **call.facts}
        text = rendered(context)
        return LiveText(text=text, said=tuple(host.said))
