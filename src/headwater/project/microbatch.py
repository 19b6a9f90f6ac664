"""What a microbatch model's config says of its batches, and what is wrong with it.

Read here already, so that ``hw parse`` refuses what dbt refuses; the planner makes batches of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.periods import Period, floor, in_utc, period_or_none
from headwater.project.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Microbatch:
    """What a model's config says of its batches.

    Attributes:
        begin: First moment of the first batch.
        size: Length of a batch.
        lookback: How many batches before the newest one are built again.
        event_time: Column of the model by which its rows belong to a batch.
    """

    begin: datetime
    size: Period
    lookback: int
    event_time: str


def is_microbatch_node(node: Node) -> bool:
    """Say whether a node is built batch by batch."""
    return (
        node.resource_type == "model"
        and node.materialized == "incremental"
        and node.config.get("incremental_strategy") == "microbatch"
    )


def read_batch_config_or_none(config: Mapping[str, Json]) -> Microbatch | None:
    """Read a config of batches; None when it has faults."""
    size, lookback = period_or_none(config.get("batch_size")), config.get("lookback", 1)
    event_time, begin = config.get("event_time"), config.get("begin")
    if size is None or not isinstance(event_time, str) or not event_time or not begin:
        return None
    if isinstance(lookback, bool) or not isinstance(lookback, int) or lookback < 0:
        return None
    if config.get("concurrent_batches") not in {None, True, False}:
        return None
    try:
        start = in_utc(datetime.fromisoformat(str(begin)))
    except ValueError:
        return None
    return Microbatch(begin=floor(start, size), size=size, lookback=lookback, event_time=event_time)


def check_microbatch(node: Node) -> Iterator[Diagnostic]:
    """Report a model whose batches cannot be told from its config."""
    if not is_microbatch_node(node):
        return
    has_config = read_batch_config_or_none(node.config) is not None
    if has_config and not node.original_path.endswith(".py"):
        return
    yield Diagnostic(
        code="microbatch-config",
        severity="error",
        what=f"microbatch model `{node.name}` does not say what its batches are",
        why="it is a SQL model with event_time (a column), batch_size (hour, day, month or year), "
        "begin (a time) and, if wanted, lookback (a whole number)",
        fix="set them in the model's config",
        where=node.where,
        node=node.unique_id,
    )
