"""Sixth pass: what each step should use, and what a regular run used before and will use after.

Every step has its price, tests too. Bytes come from the statistics of files, CPU time from
earlier runs of the same kind, scaled by how the predicted bytes of both versions differ. What
this plan builds first has no statistics yet, so its readers are modelled on its predicted size.
"""

from collections.abc import Mapping
from dataclasses import replace

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.units import UNKNOWN, ZERO, Estimate, exact, sum_estimates
from headwater.graph.graph import CompiledNode
from headwater.plan.decide import can_run_incrementally
from headwater.plan.draft import SAME, Draft
from headwater.plan.facts import FactBook, open_facts
from headwater.plan.history import (
    FACTOR_GUESS,
    FACTOR_OTHER,
    Basis,
    Mode,
    around,
    cpu_from_runs,
    find_basis,
    from_runs,
    guess_cpu,
)
from headwater.plan.inputs import is_test, is_view
from headwater.plan.plan import Change, Cost, Driver, LoadSeed, RunTest, Skip, Step
from headwater.plan.prices import price_of
from headwater.plan.reads import (
    Version,
    add_reads,
    deployed_version_or_none,
    find_drivers,
    predict_reads,
    present_version,
)
from headwater.plan.rows import predict_rows, rows_in
from headwater.plan.scans import Sizes
from headwater.plan.sizes import size_after
from headwater.plan.strategy import strategy_of


def nothing(draft: Draft) -> Cost:
    """Return the cost of doing nothing, or of keeping a view's SQL."""
    dollars = price_of(ZERO, draft.state.prices)
    return Cost(bytes_read=ZERO, bytes_written=ZERO, cpu_seconds=ZERO, dollars=dollars)


def price_steps(draft: Draft) -> Draft:
    """Fill the cost of every step, and of every change before and after."""
    sizes: dict[TableName, Estimate] = {}
    steps: list[Step] = []
    book = open_facts(draft)
    for step in draft.steps:
        priced = replace(
            step, cost=_with_rows(draft, step, _cost_of_step(draft, step, sizes), book)
        )
        steps.append(priced)
        relation = draft.compiled(step.node).node.relation
        if draft.is_built(step.node) and relation is not None:
            sizes[relation] = size_after(draft, priced, sizes)
    draft = replace(draft, steps=tuple(steps))
    by_node = {step.node: step for step in steps}
    changes = tuple(_with_costs(draft, change, by_node, sizes) for change in draft.changes)
    return replace(draft, changes=changes)


def _with_rows(draft: Draft, step: Step, cost: Cost, book: FactBook) -> Cost:
    """Add the rows that a step reads and leaves."""
    compiled = draft.compiled(step.node)
    if isinstance(step, Skip) or is_view(compiled):
        return cost
    mode = mode_of_step(draft, step)
    inputs = rows_in(draft, book, compiled)
    return replace(cost, rows=predict_rows(draft, book, compiled, mode, inputs), rows_in=inputs)


def mode_of_step(draft: Draft, step: Step) -> Mode:
    """Return how a step runs its node."""
    if isinstance(step, RunTest):
        return "test"
    return "incremental" if draft.decisions[step.node].how == "incremental" else "full"


def _with_costs(draft: Draft, change: Change, steps: Mapping[NodeId, Step], sizes: Sizes) -> Change:
    before = regular_cost_before(draft, change.node)
    if change.node not in steps:
        return replace(change, cost_before=before, cost_after=nothing(draft))
    after = regular_cost_after(draft, steps[change.node], before, sizes)
    drivers = _drivers(draft, change.node, sizes)
    return replace(change, cost_before=before, cost_after=after, drivers=drivers)


def _drivers(draft: Draft, node: NodeId, sizes: Sizes) -> tuple[Driver, ...]:
    compiled, before = draft.compiled(node), deployed_version_or_none(draft, node)
    if before is None or is_view(compiled) or draft.differences[node].kind != "changed":
        return ()
    now = present_version(draft, compiled)
    return find_drivers(draft, before, now, regular_mode(compiled), sizes)


def _cost_of_step(draft: Draft, step: Step, sizes: Sizes) -> Cost:
    compiled = draft.compiled(step.node)
    if isinstance(step, Skip) or is_view(compiled):
        return nothing(draft)
    version = present_version(draft, compiled)
    return cost_of(draft, version, mode_of_step(draft, step), sizes)


def cost_of(
    draft: Draft, version: Version, mode: Mode, sizes: Sizes, *, is_usual: bool = False
) -> Cost:
    """Predict what running a node uses.

    Args:
        draft: The draft with its decisions.
        version: The node.
        mode: How it is run.
        sizes: Bytes of what earlier steps of the plan build.
        is_usual: Predict a regular incremental run instead of the one that is due now.
    """
    compiled = version.compiled
    bytes_read = _bytes_read(draft, version, mode, sizes, is_usual=is_usual)
    basis = find_basis(
        draft.state.history.get(compiled.node.unique_id, ()), compiled.fingerprint, mode
    )
    growths = _growths(draft, compiled, mode, basis, sizes, bytes_read)
    cpu = _guess_cpu(draft, version, mode, sizes, bytes_read)
    if basis.runs:
        cpu = cpu_from_runs(basis.runs, growths, is_same=basis.is_same)
    return Cost(
        bytes_read=_with_target(draft, compiled, mode, bytes_read),
        bytes_written=_bytes_written(draft, compiled, mode, basis, growths, bytes_read),
        cpu_seconds=cpu,
        dollars=price_of(cpu, draft.state.prices),
    )


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


def _guess_cpu(
    draft: Draft, version: Version, mode: Mode, sizes: Sizes, bytes_read: Estimate
) -> Estimate:
    """Guess the CPU time of what never ran: from a full run by the share read, or from bytes."""
    plain, compiled = guess_cpu(bytes_read), version.compiled
    if mode != "incremental" or bytes_read.value is None:
        return plain
    history = draft.state.history.get(compiled.node.unique_id, ())
    full = find_basis(history, compiled.fingerprint, "full")
    whole = add_reads(predict_reads(draft, version, "full", sizes)).value
    if not full.runs or not whole:
        return plain
    share = min(1.0, bytes_read.value / whole)
    scaled = cpu_from_runs(full.runs, [share] * len(full.runs), is_same=full.is_same).value
    return plain if scaled is None else around(scaled, FACTOR_GUESS, "guess")


def _bytes_read(
    draft: Draft, version: Version, mode: Mode, sizes: Sizes, *, is_usual: bool
) -> Estimate:
    node = version.compiled.node
    if node.resource_type == "seed":
        size = draft.options.seed_bytes.get(node.unique_id)
        return UNKNOWN if size is None else exact(size)
    return add_reads(predict_reads(draft, version, mode, sizes, is_usual=is_usual))


def _growths(
    draft: Draft,
    compiled: CompiledNode,
    mode: Mode,
    basis: Basis,
    sizes: Sizes,
    bytes_read: Estimate,
) -> list[float]:
    """Return for each earlier run how many times as much input there is today."""
    if mode == "incremental":
        growth = 1.0 if basis.is_same else _growth_of_version(draft, compiled, bytes_read)
        return [growth] * len(basis.runs)
    now = _input_bytes(draft, compiled, sizes)
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


def _input_bytes(draft: Draft, compiled: CompiledNode, sizes: Sizes) -> float | None:
    if compiled.node.resource_type == "seed":
        return draft.options.seed_bytes.get(compiled.node.unique_id)
    total = 0.0
    for relation in draft.index.reads[compiled.node.unique_id]:
        table = draft.state.tables.get(str(relation))
        if table is not None and table.kind == "view":
            continue
        planned = sizes.get(relation)
        size = planned.value if planned is not None else (table.size_bytes if table else None)
        if size is None:
            return None
        total += size
    return total


def _bytes_written(
    draft: Draft,
    compiled: CompiledNode,
    mode: Mode,
    basis: Basis,
    growths: list[float],
    bytes_read: Estimate,
) -> Estimate:
    if mode == "test":
        return ZERO
    if basis.runs:
        written = [float(run.meter.bytes_written) for run in basis.runs]
        return from_runs(written, growths, is_same=basis.is_same)
    table = draft.state.tables.get(str(compiled.node.relation))
    if mode == "full" and table is not None and table.size_bytes is not None:
        return around(float(table.size_bytes), FACTOR_OTHER, "modelled")
    if bytes_read.value is None:
        return UNKNOWN
    return around(bytes_read.value, FACTOR_GUESS, "guess")


def regular_mode(compiled: CompiledNode) -> Mode:
    """Return how a node is run day by day."""
    if is_test(compiled):
        return "test"
    return "incremental" if can_run_incrementally(compiled) else "full"


def regular_cost_before(draft: Draft, node: NodeId) -> Cost:
    """Return what a regular run of the deployed version uses on today's tables.

    It is predicted like the version that is planned, so that both can be compared; unknown when
    the node was never deployed, or left no queries and no runs to go by.
    """
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
        return cost_of(draft, version, mode, {}, is_usual=True)
    basis = find_basis(draft.state.history.get(node, ()), deployed.fingerprint, mode)
    if not basis.runs or not basis.is_same:
        return Cost()
    cpu = cpu_from_runs(basis.runs, [1.0] * len(basis.runs), is_same=True)
    return Cost(
        bytes_read=_measured([run.meter.bytes_read for run in basis.runs]),
        bytes_written=_measured([run.meter.bytes_written for run in basis.runs]),
        cpu_seconds=cpu,
        dollars=price_of(cpu, draft.state.prices),
    )


def _measured(values: list[int | None]) -> Estimate:
    known = [float(value) for value in values if value is not None]
    return from_runs(known, [1.0] * len(known), is_same=True)


def regular_cost_after(draft: Draft, step: Step, before: Cost, sizes: Sizes) -> Cost:
    """Return what a regular run will use once the plan is applied."""
    compiled = draft.compiled(step.node)
    if is_view(compiled):
        return nothing(draft)
    mode = regular_mode(compiled)
    is_known = before.cpu_seconds.value is not None
    if draft.differences[step.node].kind in SAME and is_known:
        return before
    if isinstance(step, Skip):
        return cost_of(draft, present_version(draft, compiled), mode, sizes, is_usual=True)
    if mode == "full" or isinstance(step, (RunTest, LoadSeed)):
        return step.cost
    return cost_of(draft, present_version(draft, compiled), mode, sizes, is_usual=True)
