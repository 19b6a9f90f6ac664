"""Which batches of a microbatch model are built: by its config, the clock and the ledger.

dbt builds the newest batches and those of the lookback. Here the ledger knows which stretches of
time a table holds, so that batches that failed, or that nobody ever built, are built as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.base.periods import (
    Period,
    Window,
    ceiling,
    floor,
    in_utc,
    shift,
    split,
)
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.plan import Batch
from headwater.plan.state import DeployedNode
from headwater.project.microbatch import (
    Microbatch,
    is_microbatch_node,
    read_batch_config_or_none,
)

BATCHES_MAX = 10_000
"""At most so many batches of one model in one plan; more are a mistake in ``begin``."""

_ID_FORMATS: Mapping[Period, str] = MappingProxyType(
    {"hour": "%Y%m%dT%H", "day": "%Y%m%d", "month": "%Y%m", "year": "%Y"}
)
_LABEL_FORMATS: Mapping[Period, str] = MappingProxyType(
    {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
)
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedBatches:
    """The batches of one model that are to be built.

    Attributes:
        windows: In order of time.
        is_full: They replace the whole table.
    """

    windows: tuple[Window, ...]
    is_full: bool


def is_microbatch(compiled: CompiledNode) -> bool:
    """Say whether a node is built batch by batch."""
    return is_microbatch_node(compiled.node)


def read_microbatch_or_none(compiled: CompiledNode) -> Microbatch | None:
    """Read a model's config of batches; None when it has faults."""
    return read_batch_config_or_none(compiled.node.config)


def find_batches(draft: Draft) -> Mapping[NodeId, WantedBatches]:
    """Find the batches that a plan builds, the decisions about nodes being made."""
    found: dict[NodeId, WantedBatches] = {}
    for node, decision in draft.decisions.items():
        compiled = draft.compiled(node)
        facts = read_microbatch_or_none(compiled) if is_microbatch(compiled) else None
        if facts is None or not decision.builds:
            continue
        is_full = decision.how == "full"
        deployed = None if is_full else draft.deployed_or_none(node)
        found[node] = WantedBatches(windows=_windows(draft, facts, deployed), is_full=is_full)
    return found


def _windows(draft: Draft, facts: Microbatch, deployed: DeployedNode | None) -> tuple[Window, ...]:
    now, asked = planned_at(draft), draft.options.event_time
    end = ceiling(now + _SECOND, facts.size)
    if asked is not None:
        bounds = Window(start=floor(asked.start, facts.size), end=ceiling(asked.end, facts.size))
        return _limited(split(bounds, facts.size))
    everything = _limited(split(Window(start=facts.begin, end=end), facts.size))
    if deployed is None:
        return everything
    recent = shift(end, facts.size, -(facts.lookback + 1))
    covered = covered_of(deployed)
    return tuple(
        each for each in everything if each.start >= recent or not _is_covered(each, covered)
    )


def _limited(windows: Iterable[Window]) -> tuple[Window, ...]:
    found = []
    for window in windows:
        found.append(window)
        if len(found) > BATCHES_MAX:
            break
    return tuple(found)


def gap_reason(compiled: CompiledNode, deployed: DeployedNode) -> str:
    """Say that batches are missing between those that a table has; empty when none is."""
    facts = read_microbatch_or_none(compiled) if is_microbatch(compiled) else None
    if facts is None:
        return ""
    covered = covered_of(deployed)
    built = in_utc(datetime.fromisoformat(deployed.built_at))
    missing = [
        each
        for each in _limited(split(Window(start=facts.begin, end=built), facts.size))
        if not _is_covered(Window(start=each.start, end=min(each.end, built - _MINUTE)), covered)
    ]
    if not missing:
        return ""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return f"batch {batch_id(missing[0], facts.size)}{more} was never built, or failed"


def planned_at(draft: Draft) -> datetime:
    """Return the time up to which batches are built: that of planning, or of a run before."""
    return in_utc(datetime.fromisoformat(draft.options.as_of or draft.options.created_at))


def covered_of(deployed: DeployedNode) -> tuple[Window, ...]:
    """Return the stretches of time that a table holds, in order."""
    return tuple(
        Window(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))
        for start, end in deployed.covered
    )


def _is_covered(window: Window, covered: Iterable[Window]) -> bool:
    return any(each.start <= window.start and window.end <= each.end for each in covered)


def covered_after(
    before: Iterable[Window], done: Iterable[Batch], failed: Iterable[Batch], now: datetime
) -> tuple[tuple[str, str], ...]:
    """Return what a table holds after batches were built; a batch that is not over ends now.

    What failed counts as missing, also where an older version of it is still stored.
    """
    kept = list(before)
    for batch in failed:
        kept = [part for each in kept for part in _without(each, batch.window)]
    built = [Window(start=each.start, end=min(each.end, now)) for each in done]
    merged: list[Window] = []
    for each in sorted((*kept, *built), key=lambda window: window.start):
        if each.start >= each.end:
            continue
        if merged and each.start <= merged[-1].end:
            last = merged.pop()
            each = Window(start=last.start, end=max(last.end, each.end))  # noqa: PLW2901 - grown
        merged.append(each)
    return tuple((each.start.isoformat(), each.end.isoformat()) for each in merged)


def _without(window: Window, gone: Window) -> Iterator[Window]:
    if gone.end <= window.start or window.end <= gone.start:
        yield window
        return
    if window.start < gone.start:
        yield Window(start=window.start, end=gone.start)
    if gone.end < window.end:
        yield Window(start=gone.end, end=window.end)


def batch_label(start: datetime, size: Period) -> str:
    """Return how dbt names the file of a batch: ``2026-01-01`` for a day, ``2026-01`` for a month.

    Args:
        start: First moment of the batch.
        size: Its length.
    """
    return start.strftime(_LABEL_FORMATS[size])


def batch_id(window: Window, size: Period) -> str:
    """Return dbt's name of a batch: ``20260101`` for a day."""
    return window.start.strftime(_ID_FORMATS[size])
