"""A table in storage: its snapshots, versions and history, read from the Delta log.

A ``Table`` keeps the newest state it has seen and reads only what came after, so that looking
again costs one file name. It is safe to share between threads.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from types import MappingProxyType

from headwater.base.errors import Invalid, NotFound
from headwater.base.relations import TableName
from headwater.lake.checkpoint import parts_or_none, read_parts_or_none
from headwater.lake.deletion_vectors import VectorReader
from headwater.lake.delta import read_checkpoint, read_transaction
from headwater.lake.replay import (
    LOG_FOLDER,
    DeletionVector,
    Entry,
    LogState,
    apply_entry,
    copy_state,
    describe_entry,
    entry_name,
    make_snapshot,
    missing_entry,
    read_entry,
)
from headwater.lake.snapshot import HistoryEntry, Snapshot
from headwater.lake.storage import Storage, StoredFile

DROPPED = "headwater.dropped"
"""Property of a table that was dropped: its log and its older versions are still there."""

HISTORY_ENTRIES_MAX = 10_000
"""Upper bound of one ``history`` call."""

_ENTRY = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.json")
_CHECKPOINT = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.checkpoint(\..+)?\.(parquet|json)")


def table_root(lake_root: str, name: TableName) -> str:
    """Return where a table lives: ``<lake>/<catalog>/<schema>/<table>``.

    Raises:
        Invalid: ``table-path-invalid``, when a part cannot be a folder's name.
    """
    for part in (name.catalog, name.schema, name.name):
        if part in {"", ".", ".."} or any(mark in "/\\%" or mark < " " for mark in part):
            raise Invalid(
                "table-path-invalid",
                f"`{part}` in `{name}` cannot be the name of a folder",
                fix="rename the catalog, schema or alias",
            )
    return f"{lake_root.rstrip('/')}/{name.catalog}/{name.schema}/{name.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogListing:
    """What is in a table's ``_delta_log``.

    Attributes:
        entries: Log entries by version.
        checkpoints: Versions with a checkpoint, ascending.
        parts: Files of each of them.
    """

    entries: dict[int, StoredFile]
    checkpoints: tuple[int, ...]
    parts: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def newest(self) -> int:
        """The newest version; -1 when there is none."""
        return max((*self.entries, *self.checkpoints), default=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a checkpoint holds from which a log begins.

    Attributes:
        state: The table at its version.
        names_vectors: It says where the files' hidden rows are listed.
    """

    state: LogState
    names_vectors: bool


class Table:
    """A Delta table, which may not exist yet.

    Attributes:
        root: Absolute folder or object-store URL, no trailing slash.
        storage: Storage whose root is the table's root.
    """

    def __init__(self, root: str, storage: Storage) -> None:
        """Refer to the table at ``root``; nothing is read.

        Args:
            root: The table's root.
            storage: Storage rooted at the table or at a folder above it.

        Raises:
            Invalid: ``table-path-invalid``, when ``root`` is not inside ``storage``.
        """
        self.root = root.rstrip("/")
        self.storage = _rooted(storage, self.root)
        self._lock = RLock()
        self._state: LogState | None = None
        self._newest_file: StoredFile | None = None
        self._snapshot: Snapshot | None = None
        self._checkpoint_used: int | None = None

    def snapshot(self, version: int | None = None, at: datetime | None = None) -> Snapshot:
        """Return the table at its newest version, at ``version``, or as it was at a time.

        Raises:
            NotFound: ``table-not-found``; ``version-not-found``.
            DataDamaged: ``log-damaged``, naming the file.
            Invalid: ``table-feature-unsupported``.
        """
        if at is not None:
            version = self._version_at(at)
        with self._lock:
            state = self.refreshed_or_none()
            if state is None:
                raise self._not_found()
            if version is None or version == state.version:
                if self._snapshot is None or self._snapshot.version != state.version:
                    self._snapshot = make_snapshot(state, self.root, VectorReader(self.storage))
                return self._snapshot
        return make_snapshot(self._replayed(version)[0], self.root, VectorReader(self.storage))

    def vectors(self, version: int) -> Mapping[str, DeletionVector]:
        """Return where the files of a version list their hidden rows, by the file's path.

        Raises:
            NotFound: ``version-not-found``.
            DataDamaged: ``log-damaged``, naming the file.
        """
        return MappingProxyType(self._replayed(version)[0].vectors)

    def snapshot_or_none(self) -> Snapshot | None:
        """Return the newest snapshot; None when there is no table."""
        with self._lock:
            return None if self.refreshed_or_none() is None else self.snapshot()

    def version_or_none(self) -> int | None:
        """Return the newest version; None when there is no table."""
        with self._lock:
            state = self.refreshed_or_none()
            return None if state is None else state.version

    def transaction_or_none(self, app_id: str) -> int | None:
        """Return the newest transaction version of an application; None when it has none."""
        with self._lock:
            state = self.refreshed_or_none()
            if state is None:
                return None
            found = state.transactions.get(app_id)
            if found is None and self._checkpoint_used is not None:
                options, at = self.storage.options, self._checkpoint_used
                found = read_transaction(self.root, options, at, app_id)
            return found

    def history(self, limit: int = 100) -> tuple[HistoryEntry, ...]:
        """Return the newest commits whose entries are still there, newest first.

        Raises:
            NotFound: ``table-not-found``.
            DataDamaged: ``log-damaged``, naming the file.
        """
        listing = self.list_log()
        if listing.newest < 0:
            raise self._not_found()
        newest_first = sorted(listing.entries, reverse=True)
        wanted = newest_first[: max(0, min(limit, HISTORY_ENTRIES_MAX))]
        return tuple(describe_entry(self._read(listing.entries[v], v)) for v in wanted)

    def entries(self, listing: LogListing) -> Iterator[Entry]:
        """Read every entry of a listing, oldest first.

        Raises:
            DataDamaged: ``log-damaged``, naming the file.
        """
        for version in sorted(listing.entries):
            yield self._read(listing.entries[version], version)

    def entry(self, version: int, found: StoredFile) -> Entry:
        """Read one entry of a listing.

        Raises:
            DataDamaged: ``log-damaged``, naming the file.
        """
        return self._read(found, version)

    def list_log(self) -> LogListing:
        """List the log's entries and checkpoints."""
        entries: dict[int, StoredFile] = {}
        parts: dict[int, tuple[str, ...]] = {}
        for found in self.storage.list(LOG_FOLDER):
            if match := _ENTRY.fullmatch(found.path):
                entries[int(match.group(1))] = found
            elif match := _CHECKPOINT.fullmatch(found.path):
                version = int(match.group(1))
                parts[version] = (*parts.get(version, ()), found.path)
        return LogListing(entries=entries, checkpoints=tuple(sorted(parts)), parts=parts)

    def oldest_base_or_none(self, listing: LogListing) -> Base | None:
        """Return what the log says before its oldest entry; None when it begins with that.

        Raises:
            DataDamaged: ``log-damaged``.
        """
        if not listing.checkpoints or 0 in listing.entries:
            return None
        state, lacking = self._from_checkpoint(listing, listing.checkpoints[0])
        return Base(state=state, names_vectors=lacking is None)

    def refreshed_or_none(self) -> LogState | None:
        """Return the newest state, for the committer, who must not change it; nor will we."""
        with self._lock:
            if self._state is None or not self._is_same_table():
                self._reload()
            else:
                self._advance()
            return self._state

    def _reload(self) -> None:
        self._snapshot = None
        listing = self.list_log()
        if listing.newest < 0:
            self._state, self._newest_file, self._checkpoint_used = None, None, None
            return
        self._state, self._checkpoint_used = self._replayed(None, listing)
        self._newest_file = listing.entries.get(listing.newest)

    def _is_same_table(self) -> bool:
        known = self._newest_file
        if known is None:
            return False
        found = self.storage.stat_or_none(known.path)
        return found is not None and found.identity == known.identity

    def _advance(self) -> None:
        """Apply what came after to a copy: a committer may be reading the older state.

        So it reads one version from first to last, and an entry that fails leaves no half.
        """
        state, newest = self._state, self._newest_file
        while state is not None:
            version = state.version + 1
            found = self.storage.stat_or_none(entry_name(version))
            if found is None:
                break
            entry = self._read(found, version)
            if state is self._state:
                state = copy_state(state)
            apply_entry(state, entry)
            newest = found
        self._state, self._newest_file = state, newest

    def _replayed(
        self, version: int | None, listing: LogListing | None = None
    ) -> tuple[LogState, int | None]:
        """Return the state at a version, and the checkpoint whose transactions it lacks if any."""
        listed = listing or self.list_log()
        wanted = listed.newest if version is None else version
        if wanted > listed.newest or wanted < 0:
            raise self._version_missing(wanted, listed)
        start, state = self._start(listed, wanted)
        for number in range(state.version + 1, wanted + 1):
            apply_entry(state, self._read(listed.entries[number], number))
        return state, start

    def _start(self, listed: LogListing, wanted: int) -> tuple[int | None, LogState]:
        first = wanted
        while first in listed.entries:
            first -= 1
        if first < 0:
            return None, LogState()
        usable = [number for number in listed.checkpoints if first <= number <= wanted]
        if usable:
            state, start = self._from_checkpoint(listed, usable[-1])
            state.timestamp_ms = self._time_of(listed, usable[-1])
            return start, state
        older = [number for number in (*listed.entries, *listed.checkpoints) if number < first]
        if older or listed.checkpoints == () or min(listed.checkpoints) <= first:
            raise missing_entry(first)
        raise self._version_missing(wanted, listed)

    def _from_checkpoint(self, listed: LogListing, version: int) -> tuple[LogState, int | None]:
        """Return a checkpoint's state, and its version when that does not list transactions."""
        parts = parts_or_none(listed.parts[version])
        state = None if parts is None else read_parts_or_none(self.storage, parts, version)
        if state is not None:
            return state, None
        return read_checkpoint(self.root, self.storage.options, version), version

    def _time_of(self, listed: LogListing, version: int) -> int:
        found = listed.entries.get(version)
        return 0 if found is None else self._read(found, version).timestamp_ms

    def _version_at(self, at: datetime) -> int:
        """Return the newest version that is not later than a time."""
        limit = int(at.timestamp() * 1000)
        listing = self.list_log()
        if listing.newest < 0:
            raise self._not_found()
        found, time = -1, -1
        for entry in self.entries(listing):
            time = max(entry.timestamp_ms, time + 1)
            if time > limit:
                break
            found = entry.version
        if found < 0:
            raise NotFound(
                "version-not-found",
                f"table `{self.root}` has no version as old as {at.isoformat()}",
                fix="`hw table history` lists the versions and their times",
            )
        return found

    def _read(self, found: StoredFile, version: int) -> Entry:
        return read_entry(version, self.storage.read(found.path), found.modified_ms)

    def _not_found(self) -> NotFound:
        return NotFound(
            "table-not-found",
            f"there is no Delta table at `{self.root}`",
            fix="check the name with `hw table list`, or build the model that makes it",
        )

    def _version_missing(self, version: int, listed: LogListing) -> NotFound:
        if listed.newest < 0:
            return self._not_found()
        return NotFound(
            "version-not-found",
            f"table `{self.root}` has no version {version}",
            why=f"the newest is {listed.newest}, the oldest {min(listed.entries, default=0)}",
            fix="`hw table history` lists the versions",
        )


def _rooted(storage: Storage, root: str) -> Storage:
    if storage.root == root:
        return storage
    start = storage.root.rstrip("/") + "/"
    if not root.startswith(start):
        raise Invalid(
            "table-path-invalid",
            f"table `{root}` is not inside the storage `{storage.root}`",
            fix="open the storage at the lake's root or at the table's",
        )
    return storage.within(root[len(start) :])
