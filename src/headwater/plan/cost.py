"""Sixth pass: what each step should use, and what a regular run used before and will use after.

Every step has its price, tests too. Bytes come from the statistics of files, rows from constraints
and earlier runs, CPU time from earlier runs of the same kind, scaled by how much more work they
are now. What this plan builds first has no statistics yet, so its readers are modelled on its
predicted size.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.units import UNKNOWN, ZERO, Estimate, Grade, exact, sum_estimates
from headwater.graph.graph import CompiledNode
from headwater.plan.decide import can_run_incrementally
from headwater.plan.draft import SAME, Draft
from headwater.plan.effort import (
    RUNS_ENOUGH,
    RUNS_PER_NODE_MAX,
    CpuModel,
    Kind,
    Sample,
    amounts_of,
    kind_of,
    learn,
    sample_of,
)
from headwater.plan.facts import FactBook, open_facts
from headwater.plan.history import (
    FACTOR_GUESS,
    FACTOR_LEARNED,
    FACTOR_OTHER,
    Basis,
    Mode,
    around,
    find_basis,
    fixed_seconds,
    from_runs,
    mode_of_run,
)
from headwater.plan.inputs import is_test, is_view
from headwater.plan.plan import Change, Cost, Driver, LoadSeed, RunTest, Skip, Step, Totals
from headwater.plan.prices import bill_of, month_of, price_of
from headwater.plan.reads import (
    Version,
    add_reads,
    deployed_version_or_none,
    find_drivers,
    predict_reads,
    present_version,
)
from headwater.plan.rows import predict_rows, rows_in
from headwater.plan.sizes import size_after
from headwater.plan.spread import Spread, measure_spread, total_of
from headwater.plan.state import NodeRun
from headwater.plan.strategy import strategy_of
from headwater.plan.wall import predict_wall
from headwater.plan.widths import width_of_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """What the costs of a plan are computed from, as its steps fill it in.

    Attributes:
        draft: The draft with its decisions.
        facts: What is known of the rows of relations.
        model: What work takes in this project.
        spread: How far predictions have been off.
        sizes: Bytes of what the steps priced so far build.
    """

    draft: Draft
    facts: FactBook
    model: CpuModel
    spread: Spread
    sizes: dict[TableName, Estimate] = field(default_factory=dict)


def open_pricing(draft: Draft) -> Pricing:
    """Learn from the runs of a project, before its first step is priced."""
    samples: dict[Kind, list[Sample]] = {"build": [], "test": []}
    kinds: dict[str, Kind] = {}
    for node, compiled in draft.graph.nodes.items():
        history = draft.state.history.get(node, ())
        kinds[node] = "test" if is_test(compiled) else "build"
        same = [run for run in history if run.fingerprint == compiled.fingerprint]
        for run in () if is_view(compiled) else same[:RUNS_PER_NODE_MAX]:
            mode = mode_of_run(run)
            sample = None if mode is None else sample_of(compiled, mode, run)
            if sample is not None:
                samples[kinds[node]].append(sample)
    return Pricing(
        draft=draft,
        facts=open_facts(draft),
        model=learn(samples),
        spread=measure_spread(draft.state, kinds),
    )


def nothing(draft: Draft) -> Cost:
    """Return the cost of doing nothing, or of keeping a view's SQL."""
    dollars = price_of(ZERO, draft.state.prices)
    return Cost(bytes_read=ZERO, bytes_written=ZERO, cpu_seconds=ZERO, dollars=dollars)


def price_steps(draft: Draft) -> Draft:
    """Fill the cost of every step, of every change before and after, and of a month of runs."""
    pricing = open_pricing(draft)
    draft = replace(draft, steps=_priced(pricing))
    pricing = replace(pricing, draft=draft)
    # As the lake is now: nothing of this plan is built yet.
    today = replace(pricing, facts=pricing.facts.before(), sizes={})
    before = {node: regular_cost_before(today, node) for node in draft.state.deployed}
    after = {
        step.node: regular_cost_after(pricing, step, before.get(step.node, Cost()))
        for step in draft.steps
    }
    changes = tuple(_with_costs(pricing, change, before, after) for change in draft.changes)
    free = nothing(draft)
    nodes = dict.fromkeys((*before, *after))  # each once, in their order
    return replace(
        draft,
        changes=changes,
        totals=_totals(pricing, before, after),
        regular={node: (before.get(node, free), after.get(node, free)) for node in nodes},
    )


def _priced(pricing: Pricing) -> tuple[Step, ...]:
    """Return the steps with their costs, each over what those before it have built."""
    draft = pricing.draft
    steps: list[Step] = []
    for step in draft.steps:
        priced = replace(step, cost=_cost_of_step(pricing, step))
        steps.append(priced)
        relation = draft.compiled(step.node).node.relation
        if draft.is_built(step.node) and relation is not None:
            pricing.sizes[relation] = size_after(draft, priced, pricing.sizes)
    return tuple(steps)


def _totals(
    pricing: Pricing, before: Mapping[NodeId, Cost], after: Mapping[NodeId, Cost]
) -> Totals:
    """Add up the steps that do something, and a month of regular runs before and after."""
    draft = pricing.draft
    acting = [step.cost for step in draft.steps if not isinstance(step, Skip)]
    cpu = total_of([cost.cpu_seconds for cost in acting], pricing.spread)
    month_before, month_after = (
        month_of(_dollars(pricing, costs.values()), draft.state.prices) for costs in (before, after)
    )
    wall = predict_wall(draft.steps, draft.state, draft.options.threads)
    return replace(
        draft.totals,
        cost=Cost(
            bytes_read=sum_estimates([cost.bytes_read for cost in acting]),
            bytes_written=sum_estimates([cost.bytes_written for cost in acting]),
            cpu_seconds=cpu,
            dollars=price_of(cpu, draft.state.prices),
        ),
        month_before=month_before,
        month_after=month_after,
        wall_seconds=wall,
        threads=draft.options.threads,
        machine=bill_of(cpu, wall, draft.state.prices) if acting else None,
    )


def _dollars(pricing: Pricing, costs: Iterable[Cost]) -> Estimate:
    total = total_of([cost.cpu_seconds for cost in costs], pricing.spread)
    return price_of(total, pricing.draft.state.prices)


def _with_costs(
    pricing: Pricing, change: Change, before: Mapping[NodeId, Cost], after: Mapping[NodeId, Cost]
) -> Change:
    drivers = _drivers(pricing, change.node) if change.node in after else ()
    return replace(
        change,
        cost_before=before.get(change.node, Cost()),
        cost_after=after.get(change.node) or nothing(pricing.draft),
        drivers=drivers,
    )


def _drivers(pricing: Pricing, node: NodeId) -> tuple[Driver, ...]:
    draft = pricing.draft
    compiled, before = draft.compiled(node), deployed_version_or_none(draft, node)
    if before is None or is_view(compiled) or draft.differences[node].kind != "changed":
        return ()
    now = present_version(draft, compiled)
    return find_drivers(draft, before, now, regular_mode(compiled), pricing.sizes)


def _cost_of_step(pricing: Pricing, step: Step) -> Cost:
    draft = pricing.draft
    compiled = draft.compiled(step.node)
    if isinstance(step, Skip) or is_view(compiled):
        return nothing(draft)
    mode: Mode = "incremental" if draft.decisions[step.node].how == "incremental" else "full"
    mode = "test" if isinstance(step, RunTest) else mode
    inputs = rows_in(draft, pricing.facts, compiled)
    rows = predict_rows(draft, pricing.facts, compiled, mode, inputs)
    known = Cost(rows=rows, rows_in=inputs)
    return cost_of(pricing, present_version(draft, compiled), mode, known)


def cost_of(
    pricing: Pricing, version: Version, mode: Mode, known: Cost, *, is_usual: bool = False
) -> Cost:
    """Predict what running a node uses.

    Args:
        pricing: What it is computed from.
        version: The node.
        mode: How it is run.
        known: With its rows.
        is_usual: Predict a regular incremental run instead of the one that is due now.
    """
    draft, compiled = pricing.draft, version.compiled
    bytes_read = _bytes_read(pricing, version, mode, is_usual=is_usual)
    basis = find_basis(
        draft.state.history.get(compiled.node.unique_id, ()), compiled.fingerprint, mode
    )
    growths = _growths(pricing, compiled, mode, basis, bytes_read)
    cost = replace(known, bytes_read=bytes_read)
    written = _bytes_written(pricing, compiled, mode, basis, growths, cost)
    bytes_read = _with_target(draft, compiled, mode, bytes_read)
    cost = replace(cost, bytes_read=bytes_read, bytes_written=written)
    cpu = _cpu_seconds(pricing, version, mode, basis, growths, cost)
    return replace(cost, cpu_seconds=cpu, dollars=price_of(cpu, draft.state.prices))


def _with_target(
    draft: Draft, compiled: CompiledNode, mode: Mode, bytes_read: Estimate
) -> Estimate:
    """Add the bytes of its own table that a node reads to find the rows that it replaces.

    A merge looks for its keys in every file that may hold them, so that all of the table is the
    bound; what the query itself reads of it is counted with its inputs.
    """
    rewrites = mode == "incremental" and strategy_of(compiled) in {"merge", "delete+insert"}
    table = draft.state.tables.get(str(compiled.node.relation))
    if not rewrites or table is None or table.size_bytes is None:
        return bytes_read
    size = float(table.size_bytes)
    return sum_estimates([bytes_read, Estimate(value=size, low=0.0, high=size, grade="bound")])


def _cpu_seconds(
    pricing: Pricing,
    version: Version,
    mode: Mode,
    basis: Basis,
    growths: list[float],
    cost: Cost,
) -> Estimate:
    """Predict CPU time: by the node's own runs, or else by what other steps of the project took."""
    kind = kind_of(mode)
    amounts = amounts_of(version.compiled, mode, cost)
    now = None if amounts is None else pricing.model.seconds(kind, amounts)
    if basis.runs:
        scales = [
            _scale(pricing, version, mode, run, now) or _plain_scale(run, growth)
            for run, growth in zip(basis.runs, growths, strict=True)
        ]
        values = [run.meter.cpu_seconds for run in basis.runs]
        found = from_runs(values, scales, is_same=basis.is_same)
    elif now is None:
        return UNKNOWN
    else:
        value = _by_full_runs(pricing, version, mode, now, cost)
        is_learned = pricing.model.runs[kind] >= RUNS_ENOUGH
        grade: Grade = "modelled" if is_learned else "guess"
        found = around(value, FACTOR_LEARNED if is_learned else FACTOR_GUESS, grade)
    return pricing.spread.around(kind, found)


def _scale(
    pricing: Pricing, version: Version, mode: Mode, run: NodeRun, now: float | None
) -> float | None:
    """Return how many times as much work a node is now as in an earlier run; None if not known.

    Both are computed by the same model, so that its bias cancels out.
    """
    if now is None or run.expected is None:
        return None
    compiled = version.compiled
    if run.fingerprint != compiled.fingerprint:
        deployed = deployed_version_or_none(pricing.draft, compiled.node.unique_id)
        if deployed is None or deployed.compiled.fingerprint != run.fingerprint:
            return None
        compiled = deployed.compiled
    amounts = amounts_of(compiled, mode, run.expected)
    if amounts is None:
        return None
    then = pricing.model.seconds(kind_of(mode), amounts)
    return now / then if then > 0 else None


def _plain_scale(run: NodeRun, growth: float) -> float:
    """Scale by the growth of the input; what statements take anyway does not grow."""
    seconds = run.meter.cpu_seconds
    fixed = fixed_seconds(run) / seconds if seconds > 0 else 0.0
    return fixed + (1 - fixed) * growth


def _by_full_runs(pricing: Pricing, version: Version, mode: Mode, now: float, cost: Cost) -> float:
    """Return what a first incremental run takes: by the full runs of the node, if any."""
    draft, compiled = pricing.draft, version.compiled
    if mode != "incremental":
        return now
    history = draft.state.history.get(compiled.node.unique_id, ())
    basis = find_basis(history, compiled.fingerprint, "full")
    for run in basis.runs:
        amounts = None if run.expected is None else amounts_of(compiled, "full", run.expected)
        if amounts is not None:
            then = pricing.model.seconds("build", amounts)
            return run.meter.cpu_seconds * now / then if then > 0 else now
    whole = add_reads(predict_reads(draft, version, "full", pricing.sizes)).value
    if not basis.runs or not whole or cost.bytes_read.value is None:
        return now
    target = _with_target(draft, compiled, mode, ZERO).value or 0.0
    share = min(1.0, max(0.0, cost.bytes_read.value - target) / whole)
    return basis.runs[0].meter.cpu_seconds * _plain_scale(basis.runs[0], share)


def _bytes_read(pricing: Pricing, version: Version, mode: Mode, *, is_usual: bool) -> Estimate:
    draft, node = pricing.draft, version.compiled.node
    if node.resource_type == "seed":
        size = draft.options.seed_bytes.get(node.unique_id)
        return UNKNOWN if size is None else exact(size)
    return add_reads(predict_reads(draft, version, mode, pricing.sizes, is_usual=is_usual))


def _growths(
    pricing: Pricing, compiled: CompiledNode, mode: Mode, basis: Basis, bytes_read: Estimate
) -> list[float]:
    """Return for each earlier run how many times as much input there is today."""
    draft = pricing.draft
    if mode == "incremental":
        growth = 1.0 if basis.is_same else _growth_of_version(draft, compiled, bytes_read)
        return [growth] * len(basis.runs)
    now = _input_bytes(pricing, compiled)
    return [now / run.input_bytes if now and run.input_bytes else 1.0 for run in basis.runs]


def _growth_of_version(draft: Draft, compiled: CompiledNode, now: Estimate) -> float:
    """Compare what this version reads with what a usual run of the deployed one does.

    Both are predicted: what an engine counts holds the target of a merge, footers and files read
    twice, and is no measure for what is predicted from statistics.
    """
    deployed = deployed_version_or_none(draft, compiled.node.unique_id)
    if deployed is None:
        return 1.0
    before = add_reads(predict_reads(draft, deployed, "incremental", {}, is_usual=True))
    return now.value / before.value if now.value and before.value else 1.0


def _input_bytes(pricing: Pricing, compiled: CompiledNode) -> float | None:
    draft = pricing.draft
    if compiled.node.resource_type == "seed":
        return draft.options.seed_bytes.get(compiled.node.unique_id)
    total = 0.0
    for relation in draft.index.reads[compiled.node.unique_id]:
        table = draft.state.tables.get(str(relation))
        if table is not None and table.kind == "view":
            continue
        planned = pricing.sizes.get(relation)
        size = planned.value if planned is not None else (table.size_bytes if table else None)
        if size is None:
            return None
        total += size
    return total


def _bytes_written(
    pricing: Pricing,
    compiled: CompiledNode,
    mode: Mode,
    basis: Basis,
    growths: list[float],
    cost: Cost,
) -> Estimate:
    if mode == "test":
        return ZERO
    draft = pricing.draft
    if basis.runs:
        written = [float(run.meter.bytes_written) for run in basis.runs]
        scales = list(growths)
        if mode == "full" and cost.rows.value is not None:
            scales = [
                cost.rows.value / run.rows if run.rows else growth
                for run, growth in zip(basis.runs, growths, strict=True)
            ]
        return from_runs(written, scales, is_same=basis.is_same)
    table = draft.state.tables.get(str(compiled.node.relation))
    if mode == "full" and table is not None and table.size_bytes is not None:
        return around(float(table.size_bytes), FACTOR_OTHER, "modelled")
    found = [cost.bytes_read.value] if mode == "incremental" else []
    if cost.rows.value is not None:
        found.append(cost.rows.value * width_of_row(draft, compiled))
    known = [value for value in found if value is not None]
    return around(min(known), FACTOR_GUESS, "guess") if known else UNKNOWN


def regular_mode(compiled: CompiledNode) -> Mode:
    """Return how a node is run day by day."""
    if is_test(compiled):
        return "test"
    return "incremental" if can_run_incrementally(compiled) else "full"


def regular_cost_before(pricing: Pricing, node: NodeId) -> Cost:
    """Return what a regular run of the deployed version uses on today's tables.

    It is predicted like the version that is planned, so that both can be compared; unknown when
    the node was never deployed, or left no queries and no runs to go by.
    """
    draft = pricing.draft
    deployed = draft.deployed_or_none(node)
    if deployed is None:
        return Cost()
    match deployed.materialized:
        case "view":
            return nothing(draft)
        case "incremental" | "snapshot":
            mode: Mode = "incremental"
        case "test":
            mode = "test"
        case _:
            mode = "full"
    version = deployed_version_or_none(draft, node)
    if version is not None:
        return _regular_cost(pricing, version, mode)
    basis = find_basis(draft.state.history.get(node, ()), deployed.fingerprint, mode)
    if not basis.runs or not basis.is_same:
        return Cost()
    cpu = _measured([run.meter.cpu_seconds for run in basis.runs])
    return Cost(
        bytes_read=_measured([run.meter.bytes_read for run in basis.runs]),
        bytes_written=_measured([run.meter.bytes_written for run in basis.runs]),
        cpu_seconds=cpu,
        dollars=price_of(cpu, draft.state.prices),
    )


def _measured(values: Iterable[float | None]) -> Estimate:
    known = [float(value) for value in values if value is not None]
    return from_runs(known, [1.0] * len(known), is_same=True)


def _regular_cost(pricing: Pricing, version: Version, mode: Mode) -> Cost:
    """Return what a regular run of a version uses, its table being as large as it is."""
    draft, compiled = pricing.draft, version.compiled
    table = draft.state.tables.get(str(compiled.node.relation))
    rows = UNKNOWN if table is None or table.rows is None else exact(table.rows)
    known = Cost(rows=rows, rows_in=rows_in(draft, pricing.facts, compiled))
    return cost_of(pricing, version, mode, known, is_usual=True)


def regular_cost_after(pricing: Pricing, step: Step, before: Cost) -> Cost:
    """Return what a regular run will use once the plan is applied."""
    draft = pricing.draft
    compiled = draft.compiled(step.node)
    if is_view(compiled):
        return nothing(draft)
    mode = regular_mode(compiled)
    is_known = before.cpu_seconds.value is not None
    if draft.differences[step.node].kind in SAME and is_known:
        return before
    is_as_planned = mode == "full" or isinstance(step, (RunTest, LoadSeed))
    if is_as_planned and not isinstance(step, Skip):
        return step.cost
    return _regular_cost(pricing, present_version(draft, compiled), mode)
