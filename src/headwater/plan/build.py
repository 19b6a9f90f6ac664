"""``make_plan``: Graph and State in, Plan out; a list of passes, each a pure function."""

from collections.abc import Mapping
from dataclasses import replace

from headwater.base.cache import Cache, NoCache
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph
from headwater.plan.batches import WantedBatches, find_batches, is_microbatch
from headwater.plan.changes import list_changes
from headwater.plan.compare import compare_nodes
from headwater.plan.cost import price_steps
from headwater.plan.decide import decide
from headwater.plan.draft import Draft, Pass
from headwater.plan.findings import run_rules
from headwater.plan.impact import trace_impact
from headwater.plan.inputs import index_inputs
from headwater.plan.joins import read_joins
from headwater.plan.options import PlanOptions
from headwater.plan.packages import package_effects
from headwater.plan.plan import Plan
from headwater.plan.run_hooks import run_hooks
from headwater.plan.state import State
from headwater.plan.steps import make_steps
from headwater.plan.totals import add_up, count_findings, with_findings
from headwater.plan.upkeep import plan_upkeep
from headwater.plan.watermark import all_watermarks

PASSES: tuple[Pass, ...] = (
    compare_nodes,
    decide,
    make_steps,
    list_changes,
    trace_impact,
    price_steps,
    add_up,
    read_joins,
    run_rules,
    count_findings,
)
"""The planner's passes, in order; each reads what the ones before it filled in."""


def make_plan(graph: Graph, state: State, options: PlanOptions, known: Cache | None = None) -> Plan:
    """Say what would be done, what it costs, breaks and risks.

    Args:
        graph: The compiled project; nodes in topological order.
        state: The world as it is.
        options: What is asked for.
        known: What earlier commands found out about queries; it saves time and changes nothing.

    Returns:
        The plan. Equal arguments give equal plans, and after a plan has been applied the next one
        is empty.
    """
    draft = _first_draft(graph, state, options, known)
    for one_pass in PASSES:
        draft = one_pass(draft)
    plan = Plan(
        project=graph.project,
        target=graph.target,
        checksum=graph.checksum,
        compared_with=state.compared_with,
        created_at=options.created_at,
        steps=draft.steps,
        changes=draft.changes,
        impact=draft.impact,
        diagnostics=draft.diagnostics,
        totals=draft.totals,
        fail_fast=options.fail_fast,
        needs_start=options.needs_start,
        invocation=options.invocation,
        packages=package_effects(graph, state.packages),
        upkeep=plan_upkeep(graph, state.upkeep, draft.steps, options),
    )
    if plan.is_empty:
        return plan
    return replace(
        plan,
        on_run_start=tuple(run_hooks(graph, graph.on_run_start)),
        on_run_end=tuple(run_hooks(graph, graph.on_run_end)),
    )


def _first_draft(
    graph: Graph, state: State, options: PlanOptions, known: Cache | None = None
) -> Draft:
    return Draft(
        graph=graph,
        state=state,
        options=options,
        index=index_inputs(graph),
        watermarks=all_watermarks(graph, known),
        known=known or NoCache(),
    )


def wanted_batches(
    graph: Graph, state: State, options: PlanOptions
) -> Mapping[NodeId, WantedBatches]:
    """Find the batches of microbatch models that a plan would build, before they are rendered."""
    if not any(map(is_microbatch, graph.nodes.values())):
        return {}
    return find_batches(decide(compare_nodes(_first_draft(graph, state, options))))


def breaks(plan: Plan, refusal: Diagnostic) -> bool:
    """Say whether a plan tells why the engine refuses a node: a change in the plan breaks it."""
    return any(impact.node == refusal.node and impact.effect == "breaks" for impact in plan.impact)


def make_faulty_plan(
    project: str, target: str, diagnostics: tuple[Diagnostic, ...], created_at: str
) -> Plan:
    """Return the plan of a project with faults: no steps and no checksum, only the findings."""
    plan = Plan(
        project=project,
        target=target,
        checksum="",
        compared_with="",
        created_at=created_at,
        steps=(),
    )
    return with_findings(plan, diagnostics)
