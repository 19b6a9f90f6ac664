"""Exactly the rows that a table gained and lost between two of its versions.

Read from the log: files that were added and removed, and rows that deletion vectors hid or showed
again. Commits that only rearrange files (``dataChange`` false) change nothing. What a version
recorded itself as its changes (change data files) is what a reader of that version is given.
PROTOCOL.md, *Change Data Files* and *Reader Requirements*.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from headwater.base.errors import NotFound
from headwater.base.relations import Column
from headwater.lake.deletion_vectors import VectorReader
from headwater.lake.replay import Add, DeletionVector, Entry, Remove, decoded_path
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.stats import stats_from_json
from headwater.lake.table import Table

VERSIONS_MAX = 10_000
"""How many versions are looked through at once."""

VERSIONS_TOLD_MAX = 1_000
"""How many versions are told one by one at once."""

CHANGE_TYPE = "_change_type"
"""Column of change data files, and of what ``table_changes`` gives."""

_TWICE = "a file left the table and came back more than once"

ChangeKind = Literal["insert", "delete", "recorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRows:
    """Rows that came or went.

    Attributes:
        kind: Whether they came or went; ``recorded`` when each row says so in ``CHANGE_TYPE``.
        version: The version that changed them; the last one where several are summed up.
        timestamp_ms: When, milliseconds since 1970.
        source: The table with nothing but those rows.
    """

    kind: ChangeKind
    version: int
    timestamp_ms: int
    source: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class NetChanges:
    """What must be added to, and taken from, the rows of one version to get those of another.

    A row may be in both: then it only moved from one file to another.

    Attributes:
        added: Rows that came.
        removed: Rows that went.
        has_rewrites: Whole files went, so that a row may be in both.
    """

    added: tuple[Snapshot, ...] = ()
    removed: tuple[Snapshot, ...] = ()
    has_rewrites: bool = False

    @property
    def rows_added(self) -> int | None:
        """Rows that came; None when some file has no count."""
        return _rows(self.added)

    @property
    def rows_removed(self) -> int | None:
        """Rows that went; None when some file has no count."""
        return _rows(self.removed)

    @property
    def size_bytes(self) -> int:
        """Bytes of the files that hold them."""
        return sum(part.size_bytes for part in (*self.added, *self.removed))


@dataclass(frozen=True, slots=True)
class _Logical:
    """A file as the log knows it: its rows without those that a vector hides."""

    path: str
    vector: DeletionVector | None


def net_changes(table: Table, since: int, until: Snapshot) -> NetChanges:
    """Return the rows by which ``until`` differs from version ``since``.

    Raises:
        NotFound: ``changes-not-kept``, with the reason: an entry or a file is gone, or the columns
            are others.
        DataDamaged: ``log-damaged``, naming the file.
    """
    entries = _entries(table, since, until.version)
    _check_columns(table, entries, since, until)
    counts: dict[_Logical, int] = {}
    for entry in entries:
        for logical, sign in _signed(entry):
            counts[logical] = counts.get(logical, 0) + sign
    files = _Files(table, until, entries)
    total = NetChanges()
    # A restore brings a file back that compaction had taken: its rows then came more than once.
    for times in range(max(map(abs, counts.values()), default=0)):
        plus = [logical for logical, count in counts.items() if count > times]
        minus = [logical for logical, count in counts.items() if count < -times]
        net = files.net(plus, minus, since)
        total = NetChanges(
            added=(*total.added, *net.added),
            removed=(*total.removed, *net.removed),
            has_rewrites=total.has_rewrites or net.has_rewrites,
        )
    return total


def version_changes(table: Table, since: int, until: Snapshot) -> tuple[ChangedRows, ...]:
    """Return what each version after ``since`` up to ``until`` changed, oldest first.

    Args:
        table: The table.
        since: Version whose rows are the beginning; -1 for none.
        until: The table at the last version.

    Raises:
        NotFound: As ``net_changes``.
        DataDamaged: As ``net_changes``.
    """
    if until.version - since > VERSIONS_TOLD_MAX:
        raise _not_kept(table, since, f"that is more than {VERSIONS_TOLD_MAX:,} versions at once")
    entries = _entries(table, since, until.version)
    _check_columns(table, entries, since, until)
    files = _Files(table, until, entries)
    return tuple(rows for entry in entries for rows in _of_version(files, entry, since))


def _of_version(files: "_Files", entry: Entry, since: int) -> Iterator[ChangedRows]:
    recorded = [line.cdc for line in entry.lines if line.cdc is not None]
    if recorded:
        yield _changed(entry, "recorded", files.recorded(recorded, entry.version))
        return
    signed = list(_signed(entry))
    plus = [logical for logical, sign in signed if sign > 0]
    minus = [logical for logical, sign in signed if sign < 0]
    net = files.net(plus, minus, since)
    yield from (_changed(entry, "delete", part) for part in net.removed)
    yield from (_changed(entry, "insert", part) for part in net.added)


def _changed(entry: Entry, kind: ChangeKind, source: Snapshot) -> ChangedRows:
    return ChangedRows(
        kind=kind, version=entry.version, timestamp_ms=entry.timestamp_ms, source=source
    )


def _entries(table: Table, since: int, until: int) -> tuple[Entry, ...]:
    """Read the entries after ``since`` up to ``until``."""
    if since > until:
        raise _not_kept(table, since, f"the newest version is {until}")
    if until - since > VERSIONS_MAX:
        raise _not_kept(table, since, f"that is more than {VERSIONS_MAX} versions ago")
    if since == until:
        return ()
    listed = table.list_log().entries
    missing = [version for version in range(since + 1, until + 1) if version not in listed]
    if missing:
        raise _not_kept(table, since, f"the log entry of version {missing[0]} is gone")
    return tuple(table.entry(version, listed[version]) for version in range(since + 1, until + 1))


def _check_columns(table: Table, entries: tuple[Entry, ...], since: int, until: Snapshot) -> None:
    if not any(line.meta_data for entry in entries for line in entry.lines):
        return
    before = table.snapshot(version=max(since, 0))
    if _form(before) != _form(until):
        raise _not_kept(table, since, "its columns are others since")


def _form(snapshot: Snapshot) -> tuple[object, ...]:
    return (
        snapshot.table_id,
        tuple((column.name, column.type) for column in snapshot.columns),
        snapshot.partition_columns,
        dict(snapshot.physical_names),
    )


def _signed(entry: Entry) -> Iterator[tuple[_Logical, int]]:
    """Give the files that came (1) and went (-1) with their rows."""
    for line in entry.lines:
        for action, sign in ((line.add, 1), (line.remove, -1)):
            if action is not None and action.data_change:
                path = decoded_path(action.path, entry.version)
                yield _Logical(path, action.deletion_vector), sign


def _actions(entry: Entry) -> Iterator[tuple[str, Add | Remove]]:
    for line in entry.lines:
        action = line.add or line.remove
        if action is not None:
            yield decoded_path(action.path, entry.version), action


class _Files:
    """Finds what is known of files that may have left the table."""

    def __init__(self, table: Table, until: Snapshot, entries: Iterable[Entry]) -> None:
        self._table = table
        self._until = until
        self._active = {file.path: file for file in until.files}
        self._actions: dict[str, Add | Remove] = {}
        self._read_rows = VectorReader(table.storage)
        self._older: dict[str, DataFile] | None = None
        for entry in entries:
            for path, action in _actions(entry):
                if not isinstance(self._actions.get(path), Add):
                    self._actions[path] = action

    def net(self, plus: list[_Logical], minus: list[_Logical], since: int) -> NetChanges:
        """Return the rows of some files without those of others."""
        gone = {logical.path: logical for logical in minus}
        came = {logical.path: logical for logical in plus}
        if len(gone) < len(minus) or len(came) < len(plus):
            raise _not_kept(self._table, since, _TWICE)
        whole_plus = [self._file(each, since) for each in plus if each.path not in gone]
        whole_minus = [self._file(each, since) for each in minus if each.path not in came]
        shown, hid = [], []
        for path in sorted(gone.keys() & came.keys()):
            file = self._file(came[path], since)
            before = set(self._hidden(gone[path]))
            after = set(self._hidden(came[path]))
            shown += self._only(file, before - after)
            hid += self._only(file, after - before)
        return NetChanges(
            added=(*self._part(whole_plus), *self._part(shown)),
            removed=(*self._part(whole_minus), *self._part(hid)),
            has_rewrites=bool(whole_minus),
        )

    def recorded(self, files: Iterable[Remove], version: int) -> Snapshot:
        """Return the rows of change data files."""
        found = tuple(
            DataFile(
                path=decoded_path(file.path, version),
                size_bytes=file.size or 0,
                rows=None,
                partition_values=MappingProxyType(file.partition_values or {}),
            )
            for file in files
        )
        columns = (*self._until.columns, Column(CHANGE_TYPE, "VARCHAR"))
        return replace(self._until, files=found, columns=columns)

    def _part(self, files: list[DataFile]) -> tuple[Snapshot, ...]:
        ordered = tuple(sorted(files, key=lambda file: file.path))
        return (replace(self._until, files=ordered),) if ordered else ()

    def _only(self, file: DataFile, positions: set[int]) -> list[DataFile]:
        rows = tuple(sorted(positions))
        return [replace(file, deleted_rows=(), only_rows=rows)] if rows else []

    def _hidden(self, logical: _Logical) -> tuple[int, ...]:
        return () if logical.vector is None else self._read_rows(logical.vector)

    def _file(self, logical: _Logical, since: int) -> DataFile:
        """Return a file with the rows that it shows."""
        path = logical.path
        active = self._active.get(path)
        if active is None and self._table.storage.stat_or_none(path) is None:
            raise _not_kept(self._table, since, f"its file `{path}` was deleted by a vacuum")
        found = active or self._described(path, since)
        return replace(found, deleted_rows=self._hidden(logical))

    def _described(self, path: str, since: int) -> DataFile:
        action = self._actions[path]
        values = action.partition_values
        if isinstance(action, Add) or (values is not None and action.size is not None):
            stats = action.stats if isinstance(action, Add) else None
            return DataFile(
                path=path,
                size_bytes=action.size or 0,
                rows=stats_from_json(stats, ())[0],
                partition_values=MappingProxyType(dict(values or {})),
            )
        if self._older is None:
            older = self._table.snapshot(version=since)
            self._older = {file.path: file for file in older.files}
        return self._older[path]


def _rows(parts: Iterable[Snapshot]) -> int | None:
    counts: list[int] = []
    for file in (file for part in parts for file in part.files):
        if file.only_rows is not None:
            counts.append(len(file.only_rows))
        elif file.rows is None:
            return None
        else:
            counts.append(file.rows - len(file.deleted_rows))
    return sum(counts)


def _not_kept(table: Table, since: int, why: str) -> NotFound:
    return NotFound(
        "changes-not-kept",
        f"what changed in `{table.root}` since version {since} cannot be told",
        why=why,
        fix="read the whole table, or name a newer version; `hw table history` lists them",
    )
