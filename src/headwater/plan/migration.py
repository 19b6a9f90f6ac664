"""What a migration costs and risks: how long, how much, how likely another writer comes between.

The pace is the table's own: what its log says its earlier rewrites took. The odds of a conflict are
those of its other writers going on as they did. Both carry their grade.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Literal

from headwater.base.units import UNKNOWN, ZERO, Estimate, exact, sum_estimates
from headwater.plan.migrate import EFFORTS, ENGINES, Effort, Engine, Operation, Verdict, judge
from headwater.plan.prices import price_of
from headwater.plan.state import Prices, TableState, VersionChange

REWRITES_MAX = 5
"""How many earlier rewrites the pace is taken from, newest first."""
REWRITES_ENOUGH = 3
"""With fewer the pace counts as modelled."""
BYTES_MIN = 1024**2
"""Commits that wrote less say more of what any commit takes than of a table's pace."""

PACE_USUAL = 60 * 1024**2
"""Bytes a second that one writer rewrites, where the table's log does not say: a guess."""
FACTOR_GUESS, FACTOR_FEW, FACTOR_MANY = 4.0, 2.0, 1.5
"""Half widths of the interval: without a rewrite, with one or two, with more."""

COMMITS_MIN = 3
"""From so many commits on their rate says something."""
SECONDS_OF_COMMIT = 1.0
"""How long a change of the log alone can be run into."""

CHUNK_BYTES = 64 * 1024**3
"""About so much is rewritten in one commit of a migration in chunks."""
CHUNKED_FROM = 256 * 1024**3
"""Tables above this size are rewritten in chunks."""
CHUNKS_MAX = 500

DAYS_OF_MONTH = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSize:
    """What one partition holds.

    Attributes:
        value: Its value as the log has it; of several columns joined by ``/``.
        files: Files.
        size_bytes: Their size.
    """

    value: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of a table that is rewritten by one commit.

    Attributes:
        first: First partition.
        last: Last partition.
        files: Files.
        size_bytes: Their size.
        seconds: How long it takes.
        dollars: What it costs.
        conflict: Odds, 0 to 1, that another writer commits meanwhile.
    """

    first: str
    last: str
    files: int
    size_bytes: int
    seconds: Estimate
    dollars: Estimate
    conflict: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePlan:
    """What all operations together take with one engine; a rewrite does them at once.

    Attributes:
        engine: The engine.
        effort: The greatest of the operations'.
        bytes_read: Bytes read.
        bytes_written: Bytes written.
        seconds: How long it takes.
        dollars: What its CPU time costs.
        storage_bytes: Bytes kept besides until a vacuum: the old files.
        storage_dollars: What they cost until then.
        conflict: Odds, 0 to 1, that another writer commits meanwhile.
        rollback: How it is taken back.
        enables: Features that the table gets.
        chunks: Commits of a very large table; empty for one commit.
        notes: What to know besides.
    """

    engine: Engine
    effort: Effort
    bytes_read: Estimate = ZERO
    bytes_written: Estimate = ZERO
    seconds: Estimate = ZERO
    dollars: Estimate = UNKNOWN
    storage_bytes: int = 0
    storage_dollars: Estimate = UNKNOWN
    conflict: Estimate = UNKNOWN
    rollback: str = ""
    enables: tuple[str, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPlan:
    """One operation and what it takes with each engine."""

    operation: Operation
    text: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A node of the project that uses a changed column.

    Attributes:
        node: unique_id.
        columns: The changed columns that reach it.
        effect: ``breaks``, ``degrades`` or ``safe``.
        where: File and line of its definition; empty when it is not known.
    """

    node: str
    columns: tuple[str, ...]
    effect: Literal["breaks", "degrades", "safe"]
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What a change of a table's columns takes, costs and risks.

    Attributes:
        table: Its name.
        version: Its version.
        rows: Its rows; None when unknown.
        files: Its files.
        size_bytes: Their size.
        operations: What is asked, one by one.
        engines: All of it together, by engine.
        affected: Nodes of the project that use what changes.
        pace: What the duration rests on, in words.
        schema: Name and version of this document.
    """

    table: str
    version: str
    rows: int | None
    files: int
    size_bytes: int | None
    operations: tuple[OperationPlan, ...]
    engines: tuple[EnginePlan, ...]
    affected: tuple[Affected, ...] = ()
    pace: str = ""
    schema: Literal["headwater.migration/1"] = "headwater.migration/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a table is rewritten.

    Attributes:
        bytes_per_second: Written bytes.
        cpu_share: CPU seconds for each elapsed second.
        factor: Half width of the interval.
        runs: Earlier rewrites that it is taken from.
    """

    bytes_per_second: float
    cpu_share: float
    factor: float
    runs: int

    def seconds(self, size: Estimate) -> Estimate:
        """Return how long writing takes."""
        if size.value is None:
            return UNKNOWN
        value = size.value / self.bytes_per_second
        return Estimate(
            value=value,
            low=value / self.factor,
            high=value * self.factor,
            grade="measured"
            if self.runs >= REWRITES_ENOUGH
            else "modelled"
            if self.runs
            else "guess",
            runs=self.runs,
        )


def plan_migration(
    table: TableState,
    operations: Sequence[Operation],
    *,
    prices: Prices | None = None,
    partitions: Sequence[PartitionSize] = (),
    retention_days: float = 7.0,
    affected: tuple[Affected, ...] = (),
) -> Migration:
    """Say what a change of a table takes, costs and risks.

    Args:
        table: The table as its log describes it, with its newest commits.
        operations: What is to be done, together.
        prices: What quantities cost; None when that is not declared.
        partitions: Sizes of its partitions, for the chunks of a very large table.
        retention_days: How long removed files are kept.
        affected: Nodes of the project that use what changes.
    """
    pace = measured_pace(table.changes)
    plans = [
        OperationPlan(
            operation=each,
            text=each.text,
            verdicts=tuple(judge(each, table, engine) for engine in ENGINES),
        )
        for each in operations
    ]
    engines = [
        _with_storage(
            _engine_plan(table, engine, [plan.verdicts[place] for plan in plans], pace, partitions),
            prices,
            pace,
            retention_days,
        )
        for place, engine in enumerate(ENGINES)
    ]
    return Migration(
        table=str(table.name),
        version=table.version,
        rows=table.rows,
        files=table.files,
        size_bytes=table.size_bytes,
        operations=tuple(plans),
        engines=tuple(engines),
        affected=affected,
        pace=_pace_in_words(pace),
    )


def measured_pace(changes: Iterable[VersionChange]) -> Pace:
    """Return the pace of a table's newest rewrites: the median, and how far they spread."""
    known = [change for change in changes if change.seconds and change.bytes_added >= BYTES_MIN][
        :REWRITES_MAX
    ]
    if not known:
        return Pace(bytes_per_second=PACE_USUAL, cpu_share=1.0, factor=FACTOR_GUESS, runs=0)
    paces = [change.bytes_added / (change.seconds or 1.0) for change in known]
    shares = [
        change.cpu_seconds / change.seconds
        for change in known
        if change.cpu_seconds and change.seconds
    ]
    middle = median(paces)
    spread = max(middle / min(paces), max(paces) / middle)
    usual = FACTOR_MANY if len(known) >= REWRITES_ENOUGH else FACTOR_FEW
    return Pace(
        bytes_per_second=middle,
        cpu_share=median(shares) if shares else 1.0,
        factor=max(usual, spread),
        runs=len(known),
    )


def conflict_odds(changes: Sequence[VersionChange], seconds: Estimate) -> Estimate:
    """Return the odds, 0 to 1, that a commit comes within a time: a Poisson process.

    Args:
        changes: A table's newest commits, newest first.
        seconds: How long there must be none.
    """
    times = [found for change in changes if (found := _time_or_none(change.at)) is not None]
    gaps = [(newer - older).total_seconds() for newer, older in pairwise(times)]
    span = sum(gap for gap in gaps if gap > 0)
    if len(times) < COMMITS_MIN or span <= 0 or seconds.value is None:
        return UNKNOWN
    rate, error = len(gaps) / span, 1.645 / math.sqrt(len(gaps))

    def odds(length: float, factor: float) -> float:
        return 1 - math.exp(-rate * factor * max(length, SECONDS_OF_COMMIT))

    high = seconds.value if seconds.high is None else seconds.high
    return Estimate(
        value=odds(seconds.value, 1.0),
        low=odds(seconds.low or 0.0, max(0.0, 1 - error)),
        high=odds(high, 1 + error),
        grade="modelled",
    )


def _time_or_none(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _engine_plan(
    table: TableState,
    engine: Engine,
    verdicts: Sequence[Verdict],
    pace: Pace,
    partitions: Sequence[PartitionSize],
) -> EnginePlan:
    effort = EFFORTS[max((EFFORTS.index(verdict.effort) for verdict in verdicts), default=0)]
    enables = tuple(dict.fromkeys(name for verdict in verdicts for name in verdict.enables))
    if effort == "refused":
        return EnginePlan(engine=engine, effort=effort, enables=enables)
    read, written = _together(verdicts)
    seconds = pace.seconds(written if effort == "rewrite" else read)
    chunks = _chunks(table, pace, partitions) if effort == "rewrite" else ()
    longest = max((chunk.seconds for chunk in chunks), key=_value, default=seconds)
    return EnginePlan(
        engine=engine,
        effort=effort,
        bytes_read=read,
        bytes_written=written,
        seconds=seconds if effort != "metadata" else ZERO,
        storage_bytes=(table.size_bytes or 0) if effort == "rewrite" else 0,
        conflict=conflict_odds(table.changes, longest if effort != "metadata" else ZERO),
        rollback=_rollback(table, effort, enables),
        enables=enables,
        chunks=chunks,
        notes=tuple(_notes(table, effort, verdicts, is_chunked=bool(chunks))),
    )


def _together(verdicts: Sequence[Verdict]) -> tuple[Estimate, Estimate]:
    """Return what is read and written: one rewrite does all operations, and is not done twice."""
    rewrites = [verdict for verdict in verdicts if verdict.effort == "rewrite"]
    if not rewrites:
        return sum_estimates([verdict.bytes_read for verdict in verdicts]), ZERO
    read = max((verdict.bytes_read for verdict in rewrites), key=_value)
    return read, min((verdict.bytes_written for verdict in rewrites), key=_value)


def _value(estimate: Estimate) -> float:
    return estimate.value or 0.0


def _with_storage(
    plan: EnginePlan, prices: Prices | None, pace: Pace, retention_days: float
) -> EnginePlan:
    """Add money: of the CPU time, and of keeping the old files until a vacuum."""

    def paid(seconds: Estimate) -> Estimate:
        return price_of(_times(seconds, pace.cpu_share), prices)

    month = None if prices is None else prices.gb_month
    kept = plan.storage_bytes / 1e9 * retention_days / DAYS_OF_MONTH
    return replace(
        plan,
        dollars=paid(plan.seconds),
        storage_dollars=_kept_dollars(plan, kept, month),
        chunks=tuple(replace(chunk, dollars=paid(chunk.seconds)) for chunk in plan.chunks),
    )


def _kept_dollars(plan: EnginePlan, gb_months: float, price: float | None) -> Estimate:
    """Return what old files cost; unknown without a price, or where their size is unknown."""
    if plan.effort != "rewrite":
        return ZERO
    if price is None or plan.bytes_read.value is None:
        return UNKNOWN
    return _times(exact(gb_months), price)


def _times(one: Estimate, factor: float) -> Estimate:
    if one.value is None:
        return one
    low = None if one.low is None else one.low * factor
    high = None if one.high is None else one.high * factor
    return replace(one, value=one.value * factor, low=low, high=high)


def _chunks(
    table: TableState, pace: Pace, partitions: Sequence[PartitionSize]
) -> tuple[Chunk, ...]:
    """Group the partitions of a very large table into commits of about the same size."""
    if (table.size_bytes or 0) < CHUNKED_FROM or len(partitions) < 1:
        return ()
    aim = max(CHUNK_BYTES, (table.size_bytes or 0) // CHUNKS_MAX)
    groups: list[list[PartitionSize]] = [[]]
    size = 0
    for partition in partitions:
        if size >= aim:
            groups.append([])
            size = 0
        groups[-1].append(partition)
        size += partition.size_bytes
    return tuple(_chunk(table, pace, group) for group in groups)


def _chunk(table: TableState, pace: Pace, group: Sequence[PartitionSize]) -> Chunk:
    size = sum(each.size_bytes for each in group)
    seconds = pace.seconds(exact(size))
    return Chunk(
        first=group[0].value,
        last=group[-1].value,
        files=sum(each.files for each in group),
        size_bytes=size,
        seconds=seconds,
        dollars=UNKNOWN,
        conflict=conflict_odds(table.changes, seconds),
    )


def _rollback(table: TableState, effort: Effort, enables: Sequence[str]) -> str:
    back = f"hw table restore {table.name.name} --version {table.version}"
    if effort == "rewrite":
        return f"`{back}` brings the old files back without writing any, until a vacuum"
    if effort == "scan":
        return "nothing is written but the rule, which can be dropped"
    if enables:
        return f"not simply: dropping {', '.join(enables)} again writes every file"
    return f"`{back}`, one entry in the log"


def _notes(
    table: TableState, effort: Effort, verdicts: Sequence[Verdict], *, is_chunked: bool
) -> Iterable[str]:
    yield from dict.fromkeys(verdict.later for verdict in verdicts if verdict.later)
    if any(verdict.enables for verdict in verdicts):
        yield "readers that do not know the new feature cannot read the table afterwards"
    if effort == "rewrite" and not is_chunked and (table.size_bytes or 0) >= CHUNKED_FROM:
        yield (
            "too large for one commit and without partitions: write a new column beside the old "
            "one, fill it as rows are written, and swap them"
        )


def _pace_in_words(pace: Pace) -> str:
    speed = f"{pace.bytes_per_second / 1024**2:,.0f} MiB/s"
    if not pace.runs:
        return f"{speed}, a guess: the log does not say how long a rewrite of this table took"
    return f"{speed} in {pace.runs} of the table's own commit{'s' if pace.runs != 1 else ''}"
