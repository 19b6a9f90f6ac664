"""What compiling may ask about the world: columns, kinds, types of a query, rows of a query.

Implements ``graph.Lookup`` for one compilation: a question asked twice is answered once, and what
was answered ends up in the graph.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.errors import HeadwaterError, UserCodeError
from headwater.base.relations import Column, TableName
from headwater.engines.engine import EmptySource, Result, Session, ViewSource
from headwater.runs.context import Context
from headwater.runs.pins import read_relation_or_none
from headwater.runs.query import read_columns_or_none, run_sql
from headwater.runs.sources import SeedFile
from headwater.sql.meaning import Meanings

ROWS_MAX = 10_000
"""Rows that a macro may get from a query while compiling."""


BOUND_MAX = 1_000
"""Relations without rows that a session holds, at some 11 KB each, before another takes over."""


class EngineLookup:
    """Answers from the engine, the metastore and the lake; close it after compiling."""

    def __init__(
        self,
        context: Context,
        seeds: Mapping[TableName, SeedFile] = MappingProxyType({}),
        meanings: Meanings | None = None,
        settings: Mapping[str, Json] = MappingProxyType({}),
    ) -> None:
        """Answer from the context's world.

        Args:
            context: Engine, metastore and lake.
            seeds: Seed files by table; their columns are those of the file, loaded or not.
            meanings: Knows the columns of queries that were asked for before.
            settings: The engine's own settings, which its answers may depend on.
        """
        self._context = context
        self._seeds = seeds
        self._meanings = meanings or Meanings()
        engine = context.engine
        parts = (engine.name, engine.version, context.catalog, context.schema)
        self._identity = repr((*parts, sorted(settings.items())))
        self._columns: dict[TableName, tuple[Column, ...] | None] = {}
        self._rows: dict[str, Result] = {}
        self._refusals: dict[str, UserCodeError] = {}
        self._session: Session | None = None
        self._bound: dict[TableName, tuple[Column, ...]] = {}

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Return the columns of an existing table or view, or None when there is none."""
        if relation not in self._columns:
            seed = self._seeds.get(relation)
            self._columns[relation] = (
                self._stored_columns_or_none(relation)
                if seed is None
                else self._seed_columns_or_none(seed)
            )
        return self._columns[relation]

    def _stored_columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Look at what exists; a source's file is described in the session of this lookup."""
        if relation not in self._context.sources:
            return read_columns_or_none(self._context, relation)
        self._bound.pop(relation, None)
        return read_columns_or_none(self._context, relation, self._open())

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Say what a name is in the lake today, or None."""
        found = read_relation_or_none(self._context, relation)
        if found is None:
            return None
        return "view" if isinstance(found.source, ViewSource) else "table"

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Return the result columns of a query over empty inputs with the given columns."""
        return self._meanings.columns(
            sql, inputs, self._identity, lambda: self._described_or_none(sql, inputs)
        )

    def _described_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        if len(self._bound) + len(inputs) > BOUND_MAX:
            self.close()
        session = self._open()
        try:
            for name, columns in inputs.items():
                if self._bound.get(name) != columns:
                    session.bind(name, EmptySource(columns=columns))
                    self._bound[name] = columns
        except HeadwaterError:
            return None  # an inferred type that the engine does not know; the query is not to blame
        try:
            return session.describe(sql)
        except UserCodeError as error:
            self._refusals[sql] = error
            return None

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        """Return the engine's own words about a query that it could not describe."""
        return self._refusals.get(sql)

    def run_query(self, sql: str) -> Result:
        """Run a query that a macro asked for, once.

        Raises:
            UserCodeError: The engine refused the query.
        """
        if sql not in self._rows:
            self.close()  # one session at a time, or a workspace of one thread waits for itself
            self._rows[sql] = run_sql(self._context, sql, rows_max=ROWS_MAX)
        return self._rows[sql]

    def _seed_columns_or_none(self, seed: SeedFile) -> tuple[Column, ...] | None:
        try:
            return self._open().describe_seed(seed.path, seed.column_types, seed.delimiter)
        except HeadwaterError:
            return None  # loading the seed reports what is wrong with it

    def close(self) -> None:
        """Give the session back."""
        if self._session is not None:
            self._session.close()
            self._session = None
            self._bound.clear()

    def _open(self) -> Session:
        if self._session is None:
            context = self._context
            self._session = context.engine.open_session(
                catalog=context.catalog, schema=context.schema
            )
        return self._session
