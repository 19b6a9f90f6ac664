"""Sixth pass: what each step should use, and what a regular run used before and will use after.

Every step has its price, tests too. Bytes come from the statistics of files, CPU time from
earlier runs. What this plan builds first has no statistics yet, so its readers are modelled on
what it is predicted to write.
"""

from collections.abc import Mapping
from dataclasses import replace

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.units import UNKNOWN, ZERO, Estimate, exact, sum_estimates
from headwater.graph.graph import CompiledNode
from headwater.plan.decide import can_run_incrementally
from headwater.plan.draft import Draft
from headwater.plan.history import (
    FACTOR_GUESS,
    FACTOR_OTHER,
    Basis,
    Mode,
    around,
    find_basis,
    from_runs,
    guess_cpu,
)
from headwater.plan.inputs import is_test, is_view
from headwater.plan.plan import Change, Cost, LoadSeed, RunTest, Skip, Step
from headwater.plan.prices import price_of
from headwater.plan.scans import (
    Scan,
    find_scans,
    new_bytes,
    scan_bytes,
    share_of,
    usual_increment_bytes,
)
from headwater.plan.watermark import stored_column

Written = Mapping[TableName, Estimate]


def nothing(draft: Draft) -> Cost:
    """Return the cost of doing nothing, or of keeping a view's SQL."""
    dollars = price_of(ZERO, draft.state.prices)
    return Cost(bytes_read=ZERO, bytes_written=ZERO, cpu_seconds=ZERO, dollars=dollars)


def price_steps(draft: Draft) -> Draft:
    """Fill the cost of every step, and of every change before and after."""
    written: dict[TableName, Estimate] = {}
    steps: list[Step] = []
    for step in draft.steps:
        cost = _cost_of_step(draft, step, written)
        steps.append(replace(step, cost=cost))
        relation = draft.compiled(step.node).node.relation
        if draft.is_built(step.node) and relation is not None:
            written[relation] = cost.bytes_written
    draft = replace(draft, steps=tuple(steps))
    by_node = {step.node: step for step in steps}
    changes = tuple(_with_costs(draft, change, by_node, written) for change in draft.changes)
    return replace(draft, changes=changes)


def _with_costs(
    draft: Draft, change: Change, steps: Mapping[NodeId, Step], written: Written
) -> Change:
    before = regular_cost_before(draft, change.node)
    after = nothing(draft)
    if change.node in steps:
        after = regular_cost_after(draft, steps[change.node], before, written)
    return replace(change, cost_before=before, cost_after=after)


def _cost_of_step(draft: Draft, step: Step, written: Written) -> Cost:
    compiled = draft.compiled(step.node)
    if isinstance(step, Skip) or is_view(compiled):
        return nothing(draft)
    if isinstance(step, RunTest):
        return cost_of(draft, compiled, "test", written)
    is_incremental = draft.decisions[step.node].how == "incremental"
    return cost_of(draft, compiled, "incremental" if is_incremental else "full", written)


def cost_of(
    draft: Draft, compiled: CompiledNode, mode: Mode, written: Written, *, is_usual: bool = False
) -> Cost:
    """Predict what running a node uses.

    Args:
        draft: The draft with its decisions.
        compiled: The node.
        mode: How it is run.
        written: Bytes that earlier steps of the plan are predicted to write.
        is_usual: Predict a regular incremental run instead of the one that is due now.
    """
    bytes_read = _bytes_read(draft, compiled, mode, written, is_usual=is_usual)
    basis = find_basis(
        draft.state.history.get(compiled.node.unique_id, ()), compiled.fingerprint, mode
    )
    growths = _growths(draft, compiled, mode, basis, written, bytes_read)
    cpu = guess_cpu(bytes_read)
    if basis.runs:
        seconds = [run.meter.cpu_seconds for run in basis.runs]
        cpu = from_runs(seconds, growths, is_same=basis.is_same)
    return Cost(
        bytes_read=bytes_read,
        bytes_written=_bytes_written(draft, compiled, mode, basis, growths, bytes_read),
        cpu_seconds=cpu,
        dollars=price_of(cpu, draft.state.prices),
    )


def _bytes_read(
    draft: Draft, compiled: CompiledNode, mode: Mode, written: Written, *, is_usual: bool
) -> Estimate:
    if compiled.node.resource_type == "seed":
        size = draft.options.seed_bytes.get(compiled.node.unique_id)
        return UNKNOWN if size is None else exact(size)
    windowed = _windowed(draft, compiled) if mode == "incremental" else frozenset()
    parts = [
        _increment(draft, compiled, scan, written, is_usual=is_usual)
        if scan.relation in windowed
        else scan_bytes(draft, scan, written)
        for scan in find_scans(draft, compiled)
    ]
    if any(part.value is None for part in parts):
        return UNKNOWN
    return sum_estimates(parts) if parts else ZERO


def _windowed(draft: Draft, compiled: CompiledNode) -> frozenset[TableName]:
    """Return the stored relations of which an incremental run reads only newer rows."""
    return frozenset(
        stored_column(draft.graph, draft.index, mark.relation, mark.column)[0]
        for mark in draft.watermarks.get(compiled.node.unique_id, ())
    )


def _increment(
    draft: Draft, compiled: CompiledNode, scan: Scan, written: Written, *, is_usual: bool
) -> Estimate:
    """Return the bytes of the rows of an input that an incremental run has not seen."""
    everything = scan_bytes(draft, scan, written)
    table = draft.state.tables.get(str(scan.relation))
    deployed = draft.deployed_or_none(compiled.node.unique_id)
    if table is None or everything.value is None:
        return everything
    fresh = usual_increment_bytes(table)
    since = deployed.inputs.get(str(scan.relation)) if deployed else None
    if not is_usual and since is not None and scan.relation not in written:
        fresh = new_bytes(table, since)
    if fresh is None:
        return everything
    value = min(float(fresh) * share_of(table, scan), everything.value)
    return Estimate(value=value, low=0.0, high=everything.high, grade="modelled")


def _growths(
    draft: Draft,
    compiled: CompiledNode,
    mode: Mode,
    basis: Basis,
    written: Written,
    bytes_read: Estimate,
) -> list[float]:
    """Return for each earlier run how many times as much input there is today."""
    if mode == "incremental":
        return [_read_growth(run.meter.bytes_read, bytes_read, basis) for run in basis.runs]
    now = _input_bytes(draft, compiled, written)
    return [now / run.input_bytes if now and run.input_bytes else 1.0 for run in basis.runs]


def _read_growth(before: int | None, now: Estimate, basis: Basis) -> float:
    """Compare bytes read; only for another version of the SQL, which may read something else."""
    if basis.is_same or not before or not now.value:
        return 1.0
    return now.value / before


def _input_bytes(draft: Draft, compiled: CompiledNode, written: Written) -> float | None:
    if compiled.node.resource_type == "seed":
        return draft.options.seed_bytes.get(compiled.node.unique_id)
    total = 0.0
    for relation in draft.index.reads[compiled.node.unique_id]:
        table = draft.state.tables.get(str(relation))
        if table is not None and table.kind == "view":
            continue
        planned = written.get(relation)
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
        sizes = [float(run.meter.bytes_written) for run in basis.runs]
        return from_runs(sizes, growths, is_same=basis.is_same)
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
    """Return what a regular run of the deployed version uses; unknown when it never ran."""
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
    basis = find_basis(draft.state.history.get(node, ()), deployed.fingerprint, mode)
    if not basis.runs or not basis.is_same:
        return Cost()
    ones = [1.0] * len(basis.runs)
    read = [run.meter.bytes_read for run in basis.runs]
    cpu = from_runs([run.meter.cpu_seconds for run in basis.runs], ones, is_same=True)
    known_read = [float(size) for size in read if size is not None]
    return Cost(
        bytes_read=from_runs(known_read, [1.0] * len(known_read), is_same=True),
        bytes_written=from_runs(
            [float(run.meter.bytes_written) for run in basis.runs], ones, is_same=True
        ),
        cpu_seconds=cpu,
        dollars=price_of(cpu, draft.state.prices),
    )


def regular_cost_after(draft: Draft, step: Step, before: Cost, written: Written) -> Cost:
    """Return what a regular run will use once the plan is applied."""
    compiled = draft.compiled(step.node)
    if is_view(compiled):
        return nothing(draft)
    mode = regular_mode(compiled)
    is_known = before.cpu_seconds.value is not None
    if draft.differences[step.node].kind in {"same", "formatting"} and is_known:
        return before
    if isinstance(step, Skip):
        return cost_of(draft, compiled, mode, written, is_usual=True)
    if mode == "full" or isinstance(step, (RunTest, LoadSeed)):
        return step.cost
    return cost_of(draft, compiled, mode, written, is_usual=True)
