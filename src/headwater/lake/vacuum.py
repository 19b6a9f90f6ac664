"""Which files of a table no reader can still want: those that left it long enough ago.

A version stays readable for the time that the table keeps removed files. What an older version
alone needs, and what killed writers left, may go.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from headwater.base.errors import Invalid
from headwater.lake.deletion_vectors import vector_path_or_none
from headwater.lake.maintain import find_orphans
from headwater.lake.replay import Add, Entry, LogState, Remove, decoded_path
from headwater.lake.storage import StoredFile
from headwater.lake.table import Table

RETENTION = timedelta(days=7)
"""How long removed files are kept where the table does not say; Delta's own default."""

RETENTION_PROPERTY = "delta.deletedFileRetentionDuration"
_INTERVAL = re.compile(
    r"\s*(?:interval\s+)?(\d+)\s+(second|minute|hour|day|week)s?\s*", re.IGNORECASE
)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """What can be deleted.

    Attributes:
        removed: Files that only versions before the limit need.
        orphans: Files of writers that died; no version needs them.
        newest: Newest version in which one of ``removed`` left the table; -1 without any.
        kept: Files that are old enough, but were asked to be kept.
    """

    removed: tuple[StoredFile, ...]
    orphans: tuple[StoredFile, ...]
    newest: int = -1
    kept: tuple[StoredFile, ...] = ()

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """All of them."""
        return (*self.removed, *self.orphans)

    @property
    def size_bytes(self) -> int:
        """What deleting them frees."""
        return sum(file.size_bytes for file in self.files)


def retention_of(table: Table) -> timedelta:
    """Return how long a table keeps removed files.

    Raises:
        Invalid: ``retention-unreadable``.
    """
    text = table.snapshot().properties.get(RETENTION_PROPERTY)
    if text is None:
        return RETENTION
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise Invalid(
            "retention-unreadable",
            f"`{RETENTION_PROPERTY}` of `{table.root}` is `{text}`",
            why="how long removed files must be kept is not guessed",
            fix="set it as `interval 7 days`, or pass --retain-hours",
        )
    return timedelta(seconds=int(found[1]) * _UNITS[found[2].lower()])


def find_dead(
    table: Table,
    *,
    before_ms: int,
    live_prefixes: Iterable[str] = (),
    changes_since: int | None = None,
) -> Dead:
    """Return the files that no version at or after a time needs.

    Args:
        table: The table.
        before_ms: Versions that were current at this time (milliseconds since 1970) or later
            stay readable.
        live_prefixes: Beginnings of file names that running builds may still commit.
        changes_since: Somebody will read what changed since this version: files that left the
            table later are kept.

    Raises:
        DataDamaged: ``log-damaged``: with a log that cannot be read nothing is dead.
        Invalid: ``table-feature-unsupported``.
    """
    table.snapshot()  # raises when the log cannot be trusted, or the table is not understood
    listing = table.list_log()
    base = table.oldest_base_or_none(listing)
    begins = -1 if base is None else base.state.version
    left: dict[str, tuple[int, int]] = {}
    active = {} if base is None else _active(base.state)
    time = -1
    for entry in table.entries(listing):
        time = max(entry.timestamp_ms, time + 1)
        _follow(entry, time, left, active if entry.version > begins else {})
    # Vectors of several files lie in one: it is needed while one of those files is there. A
    # checkpoint that only names others does not say which file a vector is in.
    needed = {*active, *active.values()}
    names_vectors = base is None or base.names_vectors
    old = [
        (found, version)
        for path, (at, version) in sorted(left.items())
        if at <= before_ms and path not in needed and (names_vectors or not path.endswith(".bin"))
        if (found := table.storage.stat_or_none(path))
    ]
    removed = [each for each in old if changes_since is None or each[1] <= changes_since]
    orphans = tuple(
        found
        for found in find_orphans(table, live_prefixes=live_prefixes)
        if found.modified_ms <= before_ms
    )
    return Dead(
        removed=tuple(found for found, _ in removed),
        orphans=orphans,
        newest=max((version for _, version in removed), default=-1),
        kept=tuple(each[0] for each in old if each not in removed),
    )


def _active(state: LogState) -> dict[str, str | None]:
    """Return the files of a state, and the file that lists the hidden rows of each."""
    found: dict[str, str | None] = dict.fromkeys(state.files)
    vectors = state.vectors.items()
    return found | {path: vector_path_or_none(vector) for path, vector in vectors}


def _follow(
    entry: Entry, time: int, left: dict[str, tuple[int, int]], active: dict[str, str | None]
) -> None:
    """Keep when each file left the table, in which version, and the vectors of those in it."""
    at = (time, entry.version)
    for line in entry.lines:
        if line.remove is not None:
            path, vector = _paths(line.remove, entry.version)
            active.pop(path, None)
            left |= dict.fromkeys((path, vector) if vector else (path,), at)
    for line in entry.lines:
        if line.add is not None:
            path, vector = _paths(line.add, entry.version)
            active[path] = vector


def _paths(action: Add | Remove, version: int) -> tuple[str, str | None]:
    path = decoded_path(action.path, version)
    vector = action.deletion_vector
    return path, None if vector is None else vector_path_or_none(vector)
