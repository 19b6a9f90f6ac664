"""What nodes read in place of their inputs: another environment's tables, no rows, or some of them.

``--defer``, ``--empty`` and ``--sample`` change what ``ref`` and ``source`` are while a project is
compiled, and nothing else: the compiled SQL says what is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.ids import NodeId
from headwater.base.periods import Window, in_utc, period_or_none, shift
from headwater.base.relations import TableName, quote_identifier
from headwater.project.node import Node
from headwater.project.yaml_text import read_mapping

SAMPLED = frozenset({"model", "snapshot"})
"""Types of nodes whose inputs are filtered by time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRequest:
    """What a command line says of inputs.

    Attributes:
        defer: Read what is not built here where the earlier manifest says that it is.
        favor_state: Read what is not selected there in any case.
        defer_state: Folder of that manifest; the one of ``--state`` when empty.
        empty: Read no rows.
        sample: Read the rows of a stretch of time: ``3 days``, or ``{start: ..., end: ...}``.
        event_time_start: Build the batches of microbatch models from this time on.
        event_time_end: Build those before this time.
    """

    defer: bool = False
    favor_state: bool = False
    defer_state: str = ""
    empty: bool = False
    sample: str = ""
    event_time_start: str = ""
    event_time_end: str = ""

    @property
    def changes_compiling(self) -> bool:
        """Whether anything is read in place of an input."""
        return self.defer or self.empty or bool(self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitutes:
    """What is read instead.

    Attributes:
        deferred: Relations read in place of those of nodes.
        keys_elsewhere: Those of nodes that are not selected, to which foreign keys lead.
        is_empty: Whether inputs are read without their rows.
        sample: The stretch of time of which rows are read; None for all.
    """

    deferred: Mapping[NodeId, TableName] = field(default_factory=lambda: MappingProxyType({}))
    keys_elsewhere: Mapping[NodeId, TableName] = field(default_factory=lambda: MappingProxyType({}))
    is_empty: bool = False
    sample: Window | None = None


def time_filter(reader: Node, read: Node, window: Window | None) -> str:
    """Return the condition by which a node reads the rows of a window alone, as dbt writes it.

    Empty when there is no window, or when nothing says which column has an input's time.
    """
    column = read.config.get("event_time")
    if window is None or not column or reader.resource_type not in SAMPLED:
        return ""
    declared = read.columns.get(str(column))
    name = quote_identifier(str(column)) if declared and declared.quote else str(column)
    return f"{name} >= '{window.start}' and {name} < '{window.end}'"


def read_sample(text: str, now: datetime) -> Window:
    """Read the value of ``--sample``.

    Raises:
        Invalid: ``usage-invalid``.
    """
    try:
        if text.lstrip().startswith("{"):
            bounds = read_mapping("--sample", text)
            return Window(start=_moment(bounds.get("start")), end=_moment(bounds.get("end")))
        count, _, word = text.partition(" ")
        period = period_or_none(word.lower().rstrip("s"))
        if period is not None:
            return Window(start=shift(now, period, -int(count)), end=now)
        why = f"`{word}` is none of hours, days, months, years"
    except (ValueError, OverflowError, HeadwaterError) as error:
        why = str(error)
    raise Invalid(
        "usage-invalid",
        f"cannot read `--sample {text}`",
        why=why,
        fix="write `--sample '3 days'`, or `--sample '{start: 2026-01-01, end: 2026-02-01}'`",
    )


def read_event_time(request: InputRequest) -> Window | None:
    """Read ``--event-time-start`` and ``--event-time-end``; None when neither was given.

    Raises:
        Invalid: ``usage-invalid``.
    """
    given = (request.event_time_start, request.event_time_end)
    if not any(given):
        return None
    try:
        start, end = map(_moment, given)
    except ValueError as error:
        why = str(error)
    else:
        if start < end:
            return Window(start=start, end=end)
        why = "the start is not before the end"
    raise Invalid(
        "usage-invalid",
        "cannot read --event-time-start and --event-time-end",
        why=why,
        fix="give both, as in `--event-time-start 2026-01-01 --event-time-end 2026-02-01`",
    )


def _moment(value: Json) -> datetime:
    return in_utc(datetime.fromisoformat(str(value)))
