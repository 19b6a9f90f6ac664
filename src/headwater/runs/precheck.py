"""Checks, before anything runs, that a plan still holds: it runs exactly as shown or not at all."""

from collections.abc import Iterator

from headwater.base.errors import Conflict, Invalid
from headwater.engines.engine import ViewSource
from headwater.graph.graph import Graph
from headwater.plan.plan import BuildView, Plan, RunTest, Skip
from headwater.runs.pins import Pins

SHOWN_MAX = 5
"""How many moved inputs an error names."""


def check_plan(plan: Plan, graph: Graph | None, pins: Pins) -> None:
    """Refuse a plan whose project, inputs or targets are not what it was made from.

    Raises:
        Conflict: ``plan-stale``.
        Invalid: ``plan-blocked``.
    """
    if plan.is_blocked:
        errors = [found for found in plan.diagnostics if found.severity == "error"]
        raise Invalid(
            "plan-blocked",
            f"the plan has {len(errors)} finding(s) that forbid applying it",
            why="; ".join(found.what for found in errors[:SHOWN_MAX]),
            fix="mend them, then plan again",
        )
    moved = list(_moved(plan, graph, pins))
    if moved:
        more = f"; and {len(moved) - SHOWN_MAX} more" if len(moved) > SHOWN_MAX else ""
        raise Conflict(
            "plan-stale",
            "the plan no longer holds: something it was made from has moved",
            why="; ".join(moved[:SHOWN_MAX]) + more,
            fix="plan again: `hw plan`",
        )


def _moved(plan: Plan, graph: Graph | None, pins: Pins) -> Iterator[str]:
    if graph is not None and plan.checksum != graph.checksum:
        yield "the project's files or settings have changed"
    seen: set[str] = set()
    for step in plan.steps:
        if isinstance(step, Skip):
            continue
        for read in step.reads:
            if read.version is None or str(read.name) in seen:
                continue
            seen.add(str(read.name))
            now = pins.version_or_none(read.name)
            if now != read.version:
                yield f"`{read.name}` was at version {read.version}, now {now or 'gone'}"
        if isinstance(step, (RunTest, BuildView)):
            continue
        relation = step.target.relation
        found = pins.find_or_none(relation)
        version = None if found is None else pins.version_or_none(relation)
        is_view = found is not None and isinstance(found.source, ViewSource)
        planned = None if step.target.version is None else str(step.target.version)
        if version != planned and not (is_view and planned is None):
            yield f"`{relation}` was at version {planned or 'none'}, now {version or 'gone'}"
