"""Which nodes a command is about: what was asked for, resolved against a graph.

A command line names nodes by ``--select`` and ``--exclude`` or by a selector of selectors.yml; both
end as the same set of nodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from headwater.base.codec import Json
from headwater.base.errors import NotFound
from headwater.graph.graph import Graph
from headwater.graph.past import Past
from headwater.graph.select import Indirect, Selected, parse_selectors, select, select_expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which nodes a command is about, as written on the command line.

    Attributes:
        include: Values of ``--select``; everything when there are none.
        exclude: Values of ``--exclude``.
        selector: A name in selectors.yml; None for none.
        indirect: Which tests come along with selected nodes.
        resource_types: Values of ``--resource-type``; all kinds when there are none.
        without_types: Values of ``--exclude-resource-type``.
        state: Folder of artifacts of ``--state``, which ``result:`` and the like compare with.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    indirect: Indirect = "eager"
    resource_types: tuple[str, ...] = ()
    without_types: tuple[str, ...] = ()
    state: str | None = None

    @property
    def is_everything(self) -> bool:
        """True when nothing was chosen or left out."""
        chosen = self.include or self.exclude or self.selector
        return not (chosen or self.resource_types or self.without_types)

    def has_type(self, resource_type: str) -> bool:
        """Say whether a kind of node is among those asked for."""
        if resource_type in self.without_types:
            return False
        return not self.resource_types or resource_type in self.resource_types


def choose(
    graph: Graph, selection: Selection, named: Mapping[str, Json], past: Past | None = None
) -> Selected:
    """Find the nodes that a selection means.

    Args:
        graph: The project.
        selection: What was asked for.
        named: Content of selectors.yml.
        past: What earlier commands have left; None for nothing.

    Raises:
        NotFound: ``selector-not-found``.
        Invalid: The selection or selectors.yml cannot be read.
    """
    chosen = _chosen(graph, selection, named, past)
    types = {each: graph.nodes[each].node.resource_type for each in chosen.nodes}
    return replace(chosen, nodes=frozenset(n for n in types if selection.has_type(types[n])))


def _chosen(
    graph: Graph, selection: Selection, named: Mapping[str, Json], past: Past | None
) -> Selected:
    mode = selection.indirect
    if selection.selector is None:
        return select(graph, selection.include, selection.exclude, indirect=mode, past=past)
    selectors = parse_selectors(named)
    if selection.selector not in selectors:
        raise NotFound(
            "selector-not-found",
            f"selectors.yml has no selector `{selection.selector}`",
            fix=f"it has: {', '.join(sorted(selectors)) or 'none'}",
        )
    return select_expression(graph, selectors[selection.selector], indirect=mode, past=past)
