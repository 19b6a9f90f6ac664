"""Whether the values of a column only grow from commit to commit, by the statistics of their files.

No data is read. A commit that also removed files is passed over: its rows may be copies.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from headwater.base.relations import Column, TableName
from headwater.lake.snapshot import Snapshot
from headwater.lake.tablestats import bounds_of, text_order
from headwater.plan.state import Setback
from headwater.runs.lateness import Arrival, Arrivals
from headwater.runs.pins import Pins

_GROWING = re.compile(
    r"(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|DATE|TIMESTAMP( WITH TIME ZONE)?"
)
"""Types whose bounds in the log are exact, and by which people tell new rows."""


def find_setbacks(
    pins: Pins, columns: Iterable[tuple[TableName, str]], arrivals: Arrivals
) -> tuple[Setback, ...]:
    """Return the columns whose values went back from one commit to a later one.

    Args:
        pins: Tables at the versions that the planner sees.
        columns: Stored columns by which incremental models leave older rows out.
        arrivals: What came when, of their tables.
    """
    found: list[Setback] = []
    for name, wanted in columns:
        snapshot, came = pins.snapshot_or_none(name), arrivals.get(name)
        if snapshot is None or came is None:
            continue
        column = next((c for c in snapshot.columns if c.name.lower() == wanted.lower()), None)
        if column is None or not _GROWING.fullmatch(column.type):
            continue
        setback = _look(name, snapshot, column, came)
        if setback is not None:
            found.append(setback)
    return tuple(found)


def _look(
    name: TableName, snapshot: Snapshot, column: Column, came: Iterable[Arrival]
) -> Setback | None:
    """Compare each commit's smallest value with the largest of all before it."""
    order = text_order(column.type)
    only = (column,)
    reached: str | None = None
    commits = rows = 0
    backs: list[tuple[str, str]] = []
    for arrival in came:
        if not arrival.files:
            continue
        part = replace(snapshot, files=arrival.files, columns=only)
        low, high = (bounds.get(column.name) for bounds in bounds_of(part))
        if low is None or high is None:
            break  # without statistics nothing is proved of what comes after, either
        if reached is not None and arrival.counts:
            commits += 1
            if order(low) <= order(reached):
                backs.append((low, reached))
                rows += sum(file.rows or 0 for file in arrival.files)
        reached = high if reached is None else max(reached, high, key=order)
    if not backs:
        return None
    began, before = min(backs, key=lambda each: order(each[0]))
    return Setback(
        table=name,
        column=column.name.lower(),
        commits=commits,
        back=len(backs),
        rows=rows,
        reached=before,
        began=began,
    )
