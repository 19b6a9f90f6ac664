"""Which version of every relation a run reads: fixed when it starts, moved on by its own commits.

A run reads its inputs at pinned versions, so that other writers cannot change what a node sees
half-way. A relation that the run builds is pinned at the version that it committed.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from threading import Lock
from typing import assert_never

from headwater.base.errors import NotFound
from headwater.base.functions import is_function_document
from headwater.base.relations import TableName
from headwater.catalog.records import TableRecord, ViewRecord
from headwater.engines.engine import (
    EmptySource,
    FileSource,
    FunctionSource,
    Session,
    Source,
    ViewSource,
)
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import DROPPED, Table
from headwater.runs.context import Context

_QUOTED = re.compile(r"'([^']+)'")
_DELTA_PATH = re.compile(r"\s*delta\.`([^`]+)`\s*", re.IGNORECASE)
_CALL = re.compile(r"\s*[A-Za-z_]\w*\s*\(.*\)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relation as it is read.

    Attributes:
        source: What it is bound to.
        reads: For a view, the relations that it reads; the ones behind other views may be left
            out.
    """

    source: Source
    reads: tuple[TableName, ...] = ()


def read_relation_or_none(context: Context, name: TableName) -> Relation | None:
    """Look at what has the name now: a source, a view, a table of the lake, or nothing."""
    known = context.sources.get(name)
    if isinstance(known, FileSource) and (path := _DELTA_PATH.fullmatch(known.location)):
        location = str(Path(context.project_root).absolute() / path.group(1))
        found = context.tables.at(path.group(1) if "://" in path.group(1) else location)
        return None if (at := found.snapshot_or_none()) is None else Relation(source=at)
    if known is not None:
        return Relation(source=known)
    record = context.metastore.find_relation_or_none(name)
    match record:
        case ViewRecord():
            return Relation(source=view_or_function(record.sql), reads=record.reads)
        case TableRecord(run_id=""):
            snapshot = table_of_record(context, record).snapshot_or_none()
        case None if not (name.catalog and name.schema):
            return None  # a bare name that is no CTE: nothing that a plan could make has it
        case TableRecord() | None:
            snapshot = context.tables.table(name).snapshot_or_none()
            table, version = name.without_version()
            if snapshot is None and version is not None:
                snapshot = context.tables.table(table).snapshot(version=version)
        case other:
            assert_never(other)
    if snapshot is None or snapshot.properties.get(DROPPED) == "true":
        return None
    return Relation(source=snapshot)


def table_of_record(context: Context, record: TableRecord) -> Table:
    """Return the Delta table that is recorded: in this lake by its name, wherever it once was.

    A project's folder may have been moved or copied since. Only a table that was registered by hand
    lies where its record says.
    """
    is_by_hand = not record.run_id and record.location
    return context.tables.at(record.location) if is_by_hand else context.tables.table(record.name)


def view_or_function(text: str) -> ViewSource:
    """Return what a text of the metastore is: a view's query, or a function's document."""
    return FunctionSource(sql=text) if is_function_document(text) else ViewSource(sql=text)


class Pins:
    """Relations of one run, each pinned once. Safe to use from several threads.

    Storage is read outside the lock, so that workers wait for it side by side. Two that look for
    one name at once may both read it; the first to finish pins it and both get that one.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = Lock()
        self._pinned: dict[TableName, Relation | None] = {}

    def find_or_none(self, name: TableName) -> Relation | None:
        """Return the pinned relation, pinning it now when it was not; None when there is none."""
        with self._lock:
            if name in self._pinned:
                return self._pinned[name]
        found = read_relation_or_none(self._context, name)
        with self._lock:
            return self._pinned.setdefault(name, found)

    def find(self, name: TableName) -> Relation:
        """Return the pinned relation.

        Raises:
            NotFound: ``input-missing``.
        """
        found = self.find_or_none(name)
        if found is None:
            raise NotFound(
                "input-missing",
                f"there is no table, view or file `{str(name).lstrip('.')}`",
                why="it is neither in the lake nor in the metastore",
                fix="build it first, or load the source, then plan again",
            )
        return found

    def snapshot_or_none(self, name: TableName) -> Snapshot | None:
        """Return the pinned snapshot of a table; None when the name is none or something else."""
        found = self.find_or_none(name)
        return found.source if found and isinstance(found.source, Snapshot) else None

    def put(self, name: TableName, relation: Relation | None) -> None:
        """Pin what the run itself made; None for what it dropped."""
        with self._lock:
            self._pinned[name] = relation

    def version_or_none(self, name: TableName) -> str | None:
        """Return the version of a relation as State has it; None when there is none."""
        found = self.find_or_none(name)
        return None if found is None else self._version(name, found, {})

    def behind(self, names: Iterable[TableName]) -> tuple[TableName, ...]:
        """Return the relations and all that the views among them read, inputs first."""
        ordered: dict[TableName, None] = {}
        for name in names:
            self._visit(name, ordered, frozenset())
        return tuple(ordered)

    def bind(self, session: Session, names: Iterable[TableName]) -> None:
        """Bind relations, and what lies behind views, at their pinned versions.

        Raises:
            NotFound: ``input-missing``.
        """
        for name, source in self.sources(names).items():
            session.bind(name, source)

    def sources(self, names: Iterable[TableName]) -> Mapping[TableName, Source]:
        """Return what relations, and what lies behind views, are bound to, inputs first.

        Raises:
            NotFound: ``input-missing``.
        """
        return {name: self.find(name).source for name in self.behind(names)}

    def input_bytes(self, names: Iterable[TableName]) -> int | None:
        """Return the bytes of the tables behind the names; None when one cannot be known."""
        total = 0
        for name in self.behind(names):
            found = self.find_or_none(name)
            match found.source if found else None:
                case Snapshot() as snapshot:
                    total += snapshot.size_bytes
                case ViewSource():
                    continue
                case _:
                    return None
        return total

    def _visit(
        self, name: TableName, ordered: dict[TableName, None], above: frozenset[TableName]
    ) -> None:
        if name in ordered or name in above:
            return
        found = self.find_or_none(name)
        for read in found.reads if found else ():
            self._visit(read, ordered, above | {name})
        ordered[name] = None

    def _version(self, name: TableName, relation: Relation, known: dict[TableName, str]) -> str:
        """Return a version; each view is looked at once, however many views read it."""
        if name not in known:
            known[name] = "?"  # a view that reads itself
            known[name] = self._version_of(relation, known)
        return known[name]

    def _version_of(self, relation: Relation, known: dict[TableName, str]) -> str:
        match relation.source:
            case Snapshot(version=number):
                return str(number)
            case ViewSource(sql=sql):
                parts = [sql]
                for read in relation.reads:
                    found = self.find_or_none(read)
                    version = self._version(read, found, known) if found else "?"
                    parts.append(f"{read}={version}")
                return fingerprint(parts)
            case FileSource():
                return version_of_files(relation.source, self._context.project_root)
            case EmptySource():
                return "empty"
            case other:
                assert_never(other)


def version_of_files(source: FileSource, project_root: str) -> str:
    """Return a fingerprint of the files' paths, sizes and times; of the location when remote."""
    parts = [source.location, repr(sorted(source.options.items()))]
    for path in local_files(source, project_root):
        stat = path.stat()
        parts.append(f"{path}:{stat.st_size}:{stat.st_mtime_ns}")
    return fingerprint(parts)


def local_files(source: FileSource, project_root: str) -> tuple[Path, ...]:
    """Return the files that a location names, sorted; none for remote ones."""
    quoted = _QUOTED.findall(source.location) if _CALL.fullmatch(source.location) else []
    found: list[Path] = []
    for place in quoted or [source.location.strip("'")]:
        if "://" in place:
            continue
        pattern = str(Path(project_root) / place)
        paths = [pattern] if Path(pattern).is_file() else sorted(glob(pattern, recursive=True))  # noqa: PTH207 - a pattern with a root, which Path.glob does not take
        found.extend(path for path in map(Path, paths) if path.is_file())
    return tuple(found)


def fingerprint(parts: Iterable[str]) -> str:
    """Hash texts to 16 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]
