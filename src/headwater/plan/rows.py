"""How many rows each built table will have: proved where constraints allow, else from its runs.

First the algebra of ``sql.count_rows`` over what is proved, which gives bounds that always hold and
often the number itself. Then the same over what tests only make likely. Then the node's own runs,
scaled by the rows of its inputs. A number never leaves the bounds.
"""

from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from headwater.base.relations import TableName
from headwater.base.units import UNKNOWN, ZERO, Estimate, Grade, exact
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.effort import is_shaped
from headwater.plan.facts import FactBook, Trust
from headwater.plan.history import RUNS_MANY, Mode, find_basis
from headwater.plan.inputs import is_view
from headwater.plan.scans import find_scans
from headwater.plan.state import NodeRun
from headwater.plan.strategy import strategy_of
from headwater.sql.count_rows import RowCount
from headwater.sql.counted import TableFacts, least, plus

TRUSTS: tuple[Trust, Trust] = ("proved", "likely")

FACTOR_LIKELY = 1.02
"""Half width of the interval where only a test that may yet fail is missing for a proof."""
FACTOR_RUNS = 1.05
"""Likewise around three or more runs of the same SQL."""
FACTOR_FEW = 1.2
"""Likewise around one or two."""
FACTOR_OTHER = 2.0
"""Likewise around runs of other SQL."""
SHARE_FILTERED = 0.5
"""Share of rows that a filter is taken to leave where nothing is known."""
POWER_GROUPED = 0.7
"""Likewise, of n rows that are grouped, n to this power are taken to be left."""
SLOPE_DISTANCE_MIN = 0.005
"""Two runs whose inputs differ by less than this share tell nothing of growth."""


def rows_in(draft: Draft, book: FactBook, compiled: CompiledNode) -> Estimate:
    """Return the rows of all stored inputs of a node, views followed, whole tables each once."""
    total, is_exact = 0.0, True
    for scan in find_scans(draft, compiled):
        facts = book.facts(scan.relation, "likely")
        if facts.high is None:
            return UNKNOWN
        total += facts.high
        is_exact &= (scan.relation, "likely") not in book.built
    return exact(total) if is_exact else replace(exact(total), grade="modelled")


def predict_rows(
    draft: Draft, book: FactBook, compiled: CompiledNode, mode: Mode, inputs: Estimate
) -> Estimate:
    """Return the rows of a node's table once its step is done, and note them for its readers.

    Args:
        draft: The draft with its decisions.
        book: What is known of its inputs; what is found out is added.
        compiled: The node.
        mode: How it is run.
        inputs: From ``rows_in``.
    """
    relation = compiled.node.relation
    if mode == "test" or is_view(compiled) or relation is None or draft.options.takes_part:
        return UNKNOWN
    known, assumed = (book.facts_for(compiled, trust) for trust in TRUSTS)
    likely = _count(draft, book, compiled, mode, assumed)
    is_open = likely.high is None and not likely.low  # less knowledge bounds no better
    proved = likely if known == assumed or is_open else _count(draft, book, compiled, mode, known)
    found = _predicted(draft, compiled, mode, inputs, (proved, likely))
    columns = compiled.columns or ()
    for trust, count in zip(TRUSTS, (proved, likely), strict=True):
        facts = TableFacts(
            low=count.low,
            high=count.high,
            columns=columns,
            keys=count.keys if mode == "full" else frozenset(),
            not_null=count.not_null if mode == "full" else frozenset(),
        )
        if trust == "likely" and found.value is not None:
            facts = replace(facts, low=found.value, high=found.value)
        book.note(relation, trust, facts)
    return found


def _count(
    draft: Draft,
    book: FactBook,
    compiled: CompiledNode,
    mode: Mode,
    tables: Mapping[TableName, TableFacts],
) -> RowCount:
    """Bound the rows of the table after a step."""
    if compiled.node.resource_type == "seed" or not compiled.code or compiled.materialization:
        return RowCount()
    if compiled.node.config.get("incremental_strategy") == "microbatch":
        return RowCount()
    decision = draft.decisions.get(compiled.node.unique_id)
    if mode == "full" or (decision is not None and decision.refresh is not None):
        return book.count(compiled.code, tables)
    table = draft.state.tables.get(str(compiled.node.relation))
    stored = None if table is None or table.rows is None else float(table.rows)
    if stored is None:
        return RowCount()
    if compiled.node.resource_type == "snapshot":
        return RowCount(low=stored)
    new = book.count(compiled.incremental_code or compiled.code, tables)
    keeps = strategy_of(compiled) in {"append", "merge"} and not _has_hooks(compiled)
    is_append = strategy_of(compiled) == "append" and keeps
    return RowCount(
        low=stored + (new.low if is_append else 0.0) if keeps else 0.0,
        high=plus(stored, new.high),
    )


def _has_hooks(compiled: CompiledNode) -> bool:
    return bool(compiled.pre_hooks or compiled.post_hooks)


def _predicted(
    draft: Draft,
    compiled: CompiledNode,
    mode: Mode,
    inputs: Estimate,
    counts: tuple[RowCount, RowCount],
) -> Estimate:
    proved, likely = counts
    if _has_hooks(compiled):  # they may delete or insert
        proved = likely = RowCount()
    if proved.high is not None and proved.low == proved.high:
        return exact(proved.low)
    if likely.high is not None and likely.low == likely.high:
        return _within(proved, likely.low, FACTOR_LIKELY, UNKNOWN)
    runs = _from_runs(draft, compiled, mode, inputs)
    if runs is None:
        return _guess(compiled, inputs, counts)
    value, factor, measured = runs
    value = max(likely.low, value if likely.high is None else min(value, likely.high))
    return _within(proved, value, factor, measured)


def _within(proved: RowCount, value: float, factor: float, measured: Estimate) -> Estimate:
    """Return a value whose interval does not leave what is proved."""
    value = max(proved.low, value if proved.high is None else min(value, proved.high))
    high = least(value * factor, proved.high)
    is_measured = measured.grade == "measured"
    return Estimate(
        value=value,
        low=max(value / factor, proved.low),
        high=value if high is None else max(value, high),
        grade="measured" if is_measured else "modelled",
        runs=measured.runs,
    )


def _from_runs(
    draft: Draft, compiled: CompiledNode, mode: Mode, inputs: Estimate
) -> tuple[float, float, Estimate] | None:
    """Return the rows by the node's own runs, the factor around them, and how many they were."""
    history = draft.state.history.get(compiled.node.unique_id, ())
    if mode == "incremental":
        return _grown(draft, compiled, history, inputs)
    basis = find_basis(history, compiled.fingerprint, mode)
    points = [(run.rows_in, float(run.rows)) for run in basis.runs if run.rows is not None]
    if not points:
        return None
    value = extrapolate(points, inputs.value, is_grouped=is_shaped(compiled.lineage, "group_by"))
    if not basis.is_same:
        return value, FACTOR_OTHER, ZERO
    factor = FACTOR_RUNS if len(points) >= RUNS_MANY else FACTOR_FEW
    return value, factor, replace(ZERO, grade="measured", runs=len(points))


def _grown(
    draft: Draft, compiled: CompiledNode, history: tuple[NodeRun, ...], inputs: Estimate
) -> tuple[float, float, Estimate] | None:
    """Return the rows of a table that is added to: it grows as its inputs have."""
    table = draft.state.tables.get(str(compiled.node.relation))
    if table is None or table.rows is None:
        return None
    before = next((run.rows_in for run in history if run.rows_in), None)
    if before is None or inputs.value is None:
        return float(table.rows), FACTOR_OTHER, ZERO
    value = table.rows * max(1.0, inputs.value / before)
    return value, FACTOR_RUNS, replace(ZERO, grade="measured", runs=len(history))


def extrapolate(
    points: list[tuple[float | None, float]], now: float | None, *, is_grouped: bool
) -> float:
    """Continue the line through earlier runs.

    Args:
        points: Rows read, where known, and rows written by each run, newest first.
        now: Rows to be read now.
        is_grouped: The query groups: with one run alone half of the growth is taken over.
    """
    before, newest = points[0]
    if before is None or now is None or before <= 0:
        return newest
    slopes = [
        (newest - rows) / (before - read)
        for read, rows in points[1:]
        if read is not None and abs(before - read) > SLOPE_DISTANCE_MIN * before
    ]
    usual = newest / before * (0.5 if is_grouped else 1.0)
    slope = median(slopes) if slopes else usual
    return max(0.0, newest + slope * (now - before))


def _guess(compiled: CompiledNode, inputs: Estimate, counts: tuple[RowCount, RowCount]) -> Estimate:
    """Guess from the shape of the query; what is proved still bounds it."""
    proved, likely = counts
    most = least(likely.high, inputs.value)
    if most is None:
        return replace(UNKNOWN, low=proved.low or None, high=proved.high)
    value = most * (SHARE_FILTERED if is_shaped(compiled.lineage, "filter") else 1.0)
    if is_shaped(compiled.lineage, "group_by") and inputs.value:
        value = min(value, inputs.value**POWER_GROUPED)
    value = max(likely.low, proved.low, value)
    grade: Grade = "guess" if proved.high is None else "bound"
    return Estimate(value=value, low=proved.low, high=proved.high, grade=grade)
