"""Upkeep of tables in a plan: what would pay, beside what the plan does anyway.

Files that a plan writes again, or replaces, are not proposed: the proposal would be out of date
before anybody read it.
"""

from collections.abc import Iterator

from headwater.base.errors import Invalid
from headwater.base.relations import TableName
from headwater.graph.graph import Graph
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Build, LoadSeed, Step
from headwater.plan.proposed import PlannedUpkeep, Proposal, UpkeepMode

READS_FORESEEN = 10
"""How often a table is read until the next upkeep, where nobody declared how often things run."""


def read_upkeep_mode(text: str | None) -> UpkeepMode:
    """Read the setting ``upkeep``.

    Raises:
        Invalid: ``setting-invalid``.
    """
    match text:
        case "off" | "propose" | "auto":
            return text
        case None:
            return "propose"
        case other:
            raise Invalid(
                "setting-invalid",
                f"`upkeep` is `{other}`",
                why="a build does what pays, or a plan says what would, or neither",
                fix="set it to auto, propose or off",
            )


def plan_upkeep(
    graph: Graph, found: tuple[Proposal, ...], steps: tuple[Step, ...], options: PlanOptions
) -> PlannedUpkeep:
    """Return the upkeep that belongs into a plan.

    Args:
        graph: The project.
        found: What would pay as the tables are now.
        steps: What the plan does.
        options: What is asked for.
    """
    if options.upkeep == "off" or options.tests == "only":
        return PlannedUpkeep()
    replaced = {str(name) for name in _replaced(steps)}
    asked = _asked_or_none(graph, options)
    kept = tuple(
        each
        for each in found
        if each.table not in replaced and (asked is None or each.table in asked)
    )
    return PlannedUpkeep(proposals=kept, does=options.upkeep == "auto")


def _replaced(steps: tuple[Step, ...]) -> Iterator[TableName]:
    for step in steps:
        if isinstance(step, Build | LoadSeed):
            yield step.target.relation


def _asked_or_none(graph: Graph, options: PlanOptions) -> set[str] | None:
    """Return the tables of the selected nodes; None when everything is asked for."""
    if options.selected is None:
        return None
    nodes = (graph.nodes[node].node for node in options.selected if node in graph.nodes)
    return {str(node.relation) for node in nodes if node.relation is not None}
