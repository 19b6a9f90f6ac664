"""What a lake in a folder promises about a version that was committed.

On the ground floor because a profile names it and the lake keeps it.
"""

from typing import Literal

Durability = Literal["power", "process"]
"""``power``: it outlives a power loss; ``process``: it outlives any process, ``kill -9`` too."""


def durability_or_none(text: str) -> Durability | None:
    """Return the promise of that name; None when there is none."""
    match text:
        case "power" | "process":
            return text
        case _:
            return None
