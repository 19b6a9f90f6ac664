"""What a query means, kept between commands: parsing and tracing are most of compiling a project.

A reading depends on the query's text alone, a trace also on the columns of what it reads; each is
found only by exactly these, and by the code that made it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import sqlglot

from headwater.base.cache import Cache, NoCache, cache_key
from headwater.base.codec import pack, unpack_or_none
from headwater.base.relations import Column, TableName
from headwater.sql.columns import trace
from headwater.sql.dialects import DUCKDB
from headwater.sql.fingerprint import clock_use, fingerprint_query
from headwater.sql.functions import ClockUse
from headwater.sql.lineage import QueryLineage
from headwater.sql.parse import Query, SqlFault, parse_query
from headwater.sql.reads import reads_names_only, tables_of
from headwater.sql.skeletons import Skeletons, skeleton_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryReading:
    """What a query's text says by itself.

    Attributes:
        fingerprint: Hash of its meaning.
        clock: How often its result changes by itself.
        names: Last parts of the relations that it names, lower case, sorted.
        is_closed: It reads relations by name and nothing else: no files, no table functions.
    """

    fingerprint: str
    clock: ClockUse
    names: tuple[str, ...]
    is_closed: bool


class Meanings:
    """Reads and traces queries, each no more than once."""

    def __init__(self, cache: Cache | None = None) -> None:
        """Know nothing but what a cache does."""
        self._cache = cache or NoCache()
        self._skeletons = Skeletons()
        self._last: Query | None = None

    def read(self, sql: str, dialect: str = DUCKDB) -> QueryReading:
        """Read one query.

        Raises:
            SqlFault: It is not one query that can be parsed.
        """
        key = cache_key("reading", (_text(sql), _text(dialect)))
        kept = self._cache.find_or_none(key)
        reading = None if kept is None else unpack_or_none(QueryReading, kept)
        if reading is None:
            reading = self._read_by_skeleton_or_none(sql, dialect) or self._read(sql, dialect)
            self._cache.keep(key, pack(reading))
        return reading

    def _read(self, sql: str, dialect: str) -> QueryReading:
        query = self._parsed(sql, dialect)
        return QueryReading(
            fingerprint=fingerprint_query(query),
            clock=clock_use(query),
            names=tuple(sorted({parts[-1].lower() for parts in tables_of(query.tree)})),
            is_closed=reads_names_only(query.tree),
        )

    def _read_by_skeleton_or_none(self, sql: str, dialect: str) -> QueryReading | None:
        """Read a text like others before it, which only named other tables."""
        skeleton = skeleton_or_none(sql) if dialect == DUCKDB else None
        known = None if skeleton is None else self._skeletons.find_or_none(skeleton)
        if skeleton is None or known is None:
            return None
        tables = {table.lower() for _, table in skeleton.names}
        return QueryReading(
            fingerprint=known.fingerprint_with(skeleton.names),
            clock=known.clock,
            names=tuple(sorted(tables | known.others)),
            is_closed=known.is_closed,
        )

    def trace(
        self,
        sql: str,
        schemas: Mapping[TableName, tuple[Column, ...]],
        *,
        catalog: str = "",
        dialect: str = DUCKDB,
    ) -> QueryLineage:
        """Trace one query over relations with these columns; see ``sql.columns.trace``.

        Raises:
            SqlFault: It is not one query that can be parsed.
        """
        key = cache_key(
            "trace", (_text(sql), _text(dialect), pack((catalog, list(schemas.items()))))
        )
        kept = self._cache.find_or_none(key)
        lineage = None if kept is None else unpack_or_none(QueryLineage, kept)
        if lineage is None:
            lineage = trace(self._parsed(sql, dialect), schemas, catalog=catalog)
            self._cache.keep(key, pack(lineage))
        return lineage

    def columns(
        self,
        sql: str,
        schemas: Mapping[TableName, tuple[Column, ...]],
        engine: str,
        ask: Callable[[], tuple[Column, ...] | None],
    ) -> tuple[Column, ...] | None:
        """Return a query's columns as an engine tells them; it is asked once for each query.

        Args:
            sql: The query.
            schemas: Columns of all that it reads.
            engine: Identifies what answers, with everything that its answers depend on.
            ask: Asks it; None, which is not kept, when it refuses.
        """
        try:
            is_closed = self.read(sql).is_closed
        except SqlFault:
            is_closed = False
        if not is_closed:
            return ask()
        facts = (engine, sorted(schemas.items()))
        key = cache_key("columns", (_text(sql), pack(facts)))
        kept = self._cache.find_or_none(key)
        columns = None if kept is None else unpack_or_none(tuple[Column, ...], kept)
        if columns is None:
            columns = ask()
            if columns is not None:
                self._cache.keep(key, pack(columns))
        return columns

    def _parsed(self, sql: str, dialect: str) -> Query:
        last = self._last
        if last is not None and (last.text, last.dialect) == (sql, dialect):
            return last
        skeleton = skeleton_or_none(sql) if dialect == DUCKDB else None
        known = None if skeleton is None else self._skeletons.find_or_none(skeleton)
        if skeleton is None or known is None:
            last = parse_query(sql, dialect=dialect)
        else:
            last = Query(text=sql, dialect=dialect, tree=known.tree_with(skeleton.names))
        if skeleton is not None and known is None:
            self._skeletons.learn(skeleton, last)
        self._last = last
        return last


def _text(sql: str) -> bytes:
    return sql.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def tracer_tag() -> str:
    """Identify what reads and traces: the library, and every module of this floor."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    version = sqlglot.__version__  # type: ignore[attr-defined] # not in its stubs
    return f"{version}-{digest.hexdigest()[:16]}"
