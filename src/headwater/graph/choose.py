"""Which nodes a command is about: what was asked for, resolved against a graph.

A command line names nodes by ``--select`` and ``--exclude`` or by a selector of selectors.yml; both
end as the same set of nodes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid
from headwater.graph.graph import Graph
from headwater.graph.past import Past
from headwater.graph.select import (
    Indirect,
    Selected,
    parse_selectors,
    select,
    select_expression,
    selector_not_found,
)


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


def with_default(selection: Selection, named: Mapping[str, Json]) -> Selection:
    """Return what a command is about when nothing is named: the selector with ``default: true``.

    Args:
        selection: What was asked for.
        named: Content of selectors.yml.

    Raises:
        Invalid: Two selectors are the default.
    """
    listed = named.get("selectors")
    defaults = [
        str(each.get("name"))
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and each.get("default") is True
    ]
    if len(defaults) > 1:
        raise Invalid(
            "selector-invalid",
            f"selectors.yml has several defaults: {', '.join(defaults)}",
            fix="leave `default: true` at one of them",
        )
    if not defaults or selection.include or selection.exclude or selection.selector:
        return selection
    return replace(selection, selector=defaults[0])


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
        return select(
            graph, selection.include, selection.exclude, indirect=mode, past=past, named=named
        )
    selectors = parse_selectors(named)
    if selection.selector not in selectors:
        raise selector_not_found(selection.selector, selectors)
    chosen = select_expression(
        graph, selectors[selection.selector], indirect=mode, past=past, named=named
    )
    return replace(chosen, diagnostics=(*_ignored(selection), *chosen.diagnostics))


def _ignored(selection: Selection) -> Iterator[Diagnostic]:
    if selection.include or selection.exclude:
        yield Diagnostic(
            code="selection-ignored",
            severity="warning",
            what=f"`--select` and `--exclude` do nothing beside `--selector {selection.selector}`",
            fix=f"leave them out, or say `--select selector:{selection.selector}` with them",
        )
