"""How often the tables of sources get new versions, by the times of their log's entries.

Only names and times of files are listed; no entry is read.
"""

from collections.abc import Iterable
from itertools import pairwise
from statistics import median

from headwater.base.relations import TableName
from headwater.graph.graph import Graph
from headwater.plan.state import Cadence
from headwater.runs.context import Context
from headwater.runs.pins import Pins

COMMITS_MAX = 60
"""Of so many of the newest commits the usual time between two is taken."""

COMMITS_MIN = 6
"""With fewer nothing is said."""

MS_PER_HOUR = 3_600_000


def find_cadences(context: Context, pins: Pins, graph: Graph) -> tuple[Cadence, ...]:
    """Return how often the sources of incremental models get new versions."""
    found: list[Cadence] = []
    for name in sorted(_sources(graph)):
        snapshot = pins.snapshot_or_none(name)
        if snapshot is None or snapshot.version + 1 < COMMITS_MIN:
            continue
        entries = context.tables.at(snapshot.root).list_log().entries
        newest = [entries[version].modified_ms for version in sorted(entries)[-COMMITS_MAX:]]
        gaps = _gaps(newest)
        if len(newest) >= COMMITS_MIN:
            hours = median(gaps) / MS_PER_HOUR
            found.append(Cadence(table=name, commits=len(newest), hours=hours))
    return tuple(found)


def _gaps(times: Iterable[int]) -> list[int]:
    return [max(0, later - earlier) for earlier, later in pairwise(times)]


def _sources(graph: Graph) -> set[TableName]:
    """Return the tables of sources that incremental models read, through models between."""
    reached: set[str] = set()
    for node, compiled in reversed(list(graph.nodes.items())):
        if compiled.incremental_code is not None or node in reached:
            reached |= {*compiled.depends_on}
    return {
        compiled.node.relation
        for node, compiled in graph.nodes.items()
        if node in reached
        and compiled.node.resource_type == "source"
        and compiled.node.relation is not None
    }
