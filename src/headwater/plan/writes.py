"""What hooks write, in words: a plan says every table that a run may change."""

from headwater.graph.graph import HookWrites

SHOWN_MAX = 5
"""How many tables a line names."""


def written_line(writes: HookWrites) -> str:
    """Say in one line what hooks write; empty when they write nothing.

    What only the run can tell - statements that depend on rows - is said to be unknown.
    """
    if not writes.writes:
        return ""
    names = [f"`{name}`" for name in writes.tables[:SHOWN_MAX]]
    more = len(writes.tables) - SHOWN_MAX
    if more > 0:
        names.append(f"{more} more")
    if not writes.is_known:
        names.append("unknown ?: what its macros send depends on the run")
    elif writes.is_live:
        names.append("as far as is known before it runs")
    return "writes " + ", ".join(names)


def macro_line(macro: str) -> str:
    """Say in one line that a macro of the project builds a node."""
    return f"built by {macro}; what else it writes: unknown ?"
