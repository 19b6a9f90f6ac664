"""Says of a step whether it works on few rows, so that its session can be a small one.

Here because the engine cannot know it before it has run, and the run knows the sizes of its inputs.
A wrong answer costs time, and memory or space to spill in, and nothing else.
"""

import re

from headwater.base.errors import HeadwaterError
from headwater.engines.engine import EmptySource, FileSource, ViewSource
from headwater.lake.snapshot import Snapshot
from headwater.plan.plan import BuildStep, LoadSeed, RunTest
from headwater.plan.schedule import Unit
from headwater.runs.pins import Pins, Relation, local_files

ROWS_MAX = 100_000
"""Rows of all tables that a small step reads together."""

BYTES_MAX = 8 * 1024 * 1024
"""Bytes of all tables and files that a small step reads together."""

_MANY_ROWS = re.compile(
    r"\b(read_\w+|\w+_scan|glob|range|generate_series|repeat|recursive|cross|unnest"
    r"|information_schema|duckdb_\w+|pg_\w+|sqlite_\w+|collate|query|query_table|from\s*')",
    re.IGNORECASE,
)
"""Words of a query that may make many rows of few, or that see more than what it is given."""


def is_small(pins: Pins, unit: Unit, *, project_root: str) -> bool:
    """Say whether a unit reads little, and has nothing in its text that makes much of it."""
    step = unit.step
    if isinstance(step, (RunTest, LoadSeed)) or not _is_plain(step):
        return False
    if any(gate.macro for gate in unit.gates):
        return False  # statements of a macro may change what stands for other sessions
    reads = {read.name for each in (step, *unit.gates) for read in each.reads}
    if not reads:
        return False
    target = step.target.relation
    try:
        names = {*pins.behind(reads), target}
        sizes = [
            _size_or_none(pins.find_or_none(name), project_root, is_target=name == target)
            for name in names
        ]
    except (HeadwaterError, OSError):
        return False
    known = [size for size in sizes if size is not None]
    return (
        len(known) == len(sizes)
        and sum(rows for rows, _ in known) <= ROWS_MAX
        and sum(size for _, size in known) <= BYTES_MAX
    )


def _is_plain(step: BuildStep) -> bool:
    """Say whether a step is one query, with nothing of the project's own around it."""
    target = step.target
    around = target.pre_hooks or target.post_hooks or target.macro or target.python
    return not around and _MANY_ROWS.search(str(getattr(step, "sql", ""))) is None


def _size_or_none(
    found: Relation | None, project_root: str, *, is_target: bool
) -> tuple[int, int] | None:
    """Return rows and bytes of a relation; None when they cannot be told."""
    match None if found is None else found.source:
        case None:
            return (0, 0) if is_target else None
        case Snapshot() as snapshot:
            rows = snapshot.rows
            return None if rows is None else (rows, snapshot.size_bytes)
        case ViewSource(sql=sql):
            return None if _MANY_ROWS.search(sql) else (0, 0)
        case FileSource() as source:
            files = local_files(source, project_root)
            return (0, sum(file.stat().st_size for file in files)) if files else None
        case EmptySource():
            return (0, 0)
        case _:
            return None
