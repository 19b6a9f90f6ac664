"""Names that sessions on one instance leave standing for those after them.

To attach a catalog, make its schema and bind a few views takes longer than the query of a small
model. So a small session leaves them, and the next takes over those that it binds to the same. What
it has not bound itself must be as if it were not there: before a text runs, every name of others
that it could mean is dropped.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from headwater.base.relations import TableName
from headwater.engines.engine import FileSource, Source, ViewSource
from headwater.lake.snapshot import Snapshot

NAMES_MAX = 500
"""Names that may stand; a view takes 10 KB."""

_WORD = re.compile(r"\w+")
_PLAIN_PATH = re.compile(r"[\w./ -]+")
_SEES_MORE = re.compile(
    r"\b(query|query_table|information_schema|show|describe|summarize|pragma|call|explain"
    r"|duckdb_\w+|pg_\w+|sqlite_\w+)\b",
    re.IGNORECASE,
)
"""Words by which a text can see names that are not written in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    name: TableName
    source: Source
    kept_table: str
    stamp: tuple[int, int]


@dataclass(slots=True)
class Standing:
    """What stands in an instance; for one session at a time.

    Attributes:
        attached: Catalogs as they are written, by their name in lower case.
        schemas: Schemas that were made, in lower case.
        home: Catalog and schema in which bare names resolve on the kept connection.
    """

    attached: dict[str, str] = field(default_factory=dict)
    schemas: set[tuple[str, str]] = field(default_factory=set)
    home: tuple[str, str] | None = None
    _names: dict[str, _Name] = field(default_factory=dict)
    _by_word: dict[str, set[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._names)

    def stands(self, name: TableName, source: Source, *, project_root: str) -> bool:
        """Say whether a name is bound to what gives the same rows as a source does now."""
        found = self._names.get(_key(name))
        if found is None:
            return False
        stamp = stamp_or_none(source, project_root)
        return found.stamp == stamp and (found.source is source or _same(found.source, source))

    def put(self, name: TableName, source: Source, kept_table: str, stamp: tuple[int, int]) -> None:
        """Remember what a name is bound to, and the table of the instance that it reads if any."""
        made = _Name(name=name, source=source, kept_table=kept_table, stamp=stamp)
        self._names[_key(name)] = made
        self._by_word.setdefault(name.name.lower(), set()).add(_key(name))

    def forget(self, name: TableName) -> bool:
        """Let a name go, which is bound anew or dropped; False when it did not stand."""
        found = self._names.pop(_key(name), None)
        if found is not None:
            self._by_word[name.name.lower()].discard(_key(name))
        return found is not None

    def readers(self, name: TableName) -> tuple[TableName, ...]:
        """Return the views whose text may mean a name."""
        word = name.name.lower()
        return tuple(
            each.name
            for each in self._names.values()
            if isinstance(each.source, ViewSource) and word in words_of(each.source.sql)
        )

    def strangers(self, text: str | None, mine: Collection[TableName]) -> tuple[TableName, ...]:
        """Return the names that a text can see and whose session has not bound them.

        Args:
            text: The text; None for one that is not known and may see all of them.
            mine: What its session has bound.
        """
        own = {_key(name) for name in mine}
        if text is None or _SEES_MORE.search(text):
            return tuple(each.name for key, each in self._names.items() if key not in own)
        keys: Iterable[str] = (
            key for word in words_of(text) for key in self._by_word.get(word, ()) if key not in own
        )
        return tuple(self._names[key].name for key in sorted(keys))

    def take_over(self, tables: Collection[str]) -> tuple[TableName, ...]:
        """Let go of the names that read some of the instance's tables, and return them."""
        if not tables:
            return ()
        found = [each.name for each in self._names.values() if each.kept_table in tables]
        for name in found:
            self.forget(name)
        return tuple(found)

    def take_all(self) -> tuple[str, ...]:
        """Let go of everything, and return the catalogs, to be detached."""
        catalogs = tuple(self.attached.values())
        self.attached, self.schemas, self.home = {}, set(), None
        self._names.clear()
        self._by_word.clear()
        return catalogs


def may_stand(name: TableName) -> bool:
    """Say whether a text that means a name has it as one of its words."""
    return _WORD.fullmatch(name.name) is not None


def stamp_or_none(source: Source, project_root: str) -> tuple[int, int] | None:
    """Return when a source's file changed, and its size; None when no single file is known.

    What is not read from outside has one stamp for ever.
    """
    if not isinstance(source, FileSource):
        return (0, 0)
    if not _PLAIN_PATH.fullmatch(source.location):
        return None
    try:
        found = (Path(project_root) / source.location).stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a text in lower case."""
    return frozenset(_WORD.findall(text.lower()))


def _same(one: Source, other: Source) -> bool:
    """Say whether two snapshots are the same files in the same columns: one before its commit."""
    return (
        isinstance(one, Snapshot)
        and isinstance(other, Snapshot)
        and one.files is other.files
        and one.root == other.root
        and one.columns == other.columns
        and one.partition_columns == other.partition_columns
        and one.physical_names == other.physical_names
    )


def _key(name: TableName) -> str:
    return str(name).lower()
