"""Upkeep that would pay, as values: what it costs once and what every later read saves.

Apart from whoever finds it, so that a plan can carry it and a run can do it.
"""

from dataclasses import dataclass
from typing import Literal

UpkeepMode = Literal["off", "propose", "auto"]
"""What becomes of upkeep that pays: nothing is said, the plan says it, or a build does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Upkeep that would pay.

    Attributes:
        table: Its name.
        verb: What to do.
        why: What is wrong with the table, in one line.
        cost_seconds: CPU seconds that it takes, estimated.
        saving_seconds: CPU seconds that every read saves afterwards, estimated.
        pays_after: Reads after which it has paid; None when it frees space instead.
        frees_bytes: Bytes that it frees.
        is_done: It was done now.
    """

    table: str
    verb: Literal["optimize", "vacuum"]
    why: str
    cost_seconds: float = 0.0
    saving_seconds: float = 0.0
    pays_after: int | None = None
    frees_bytes: int = 0
    is_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedUpkeep:
    """The upkeep of a plan.

    Attributes:
        proposals: What would pay of the tables that the plan leaves or only adds to.
        does: It is done after the steps; else it is only said.
    """

    proposals: tuple[Proposal, ...] = ()
    does: bool = False
