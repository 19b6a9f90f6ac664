"""What compiling may ask about the world: columns, kinds, types of a query, rows of a query.

Implements ``graph.Lookup``. Every answer is kept, so that a node asked about twice is looked up
once and the answers can travel with the state.
"""

from collections.abc import Mapping
from typing import Literal

from headwater.base.errors import HeadwaterError
from headwater.base.relations import Column, TableName
from headwater.catalog.records import TableRecord, ViewRecord
from headwater.engines.engine import EmptySource, Result, Session
from headwater.lake.storage import open_storage
from headwater.lake.table import Table, table_root
from headwater.runs.query import World, read_columns_or_none, run_sql

ROWS_MAX = 10_000
"""Rows that a macro may get from a query while compiling."""


class EngineLookup:
    """Answers from the engine, the metastore and the lake; close it after compiling."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._columns: dict[TableName, tuple[Column, ...] | None] = {}
        self._rows: dict[str, Result] = {}
        self._session: Session | None = None
        self._bound: dict[TableName, tuple[Column, ...]] = {}

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Return the columns of an existing table or view, or None when there is none."""
        if relation not in self._columns:
            self._columns[relation] = read_columns_or_none(self._world, relation)
        return self._columns[relation]

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Say what a name is in the lake today, or None."""
        parts = (relation.catalog, relation.schema, relation.name)
        record = self._world.metastore.find_or_none(
            parts, catalog=self._world.catalog, schema=self._world.schema
        )
        match record:
            case ViewRecord():
                return "view"
            case TableRecord():
                return "table"
            case None:
                root = table_root(self._world.lake, relation)
                exists = Table(root, open_storage(root)).version_or_none() is not None
                return "table" if exists else None

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Return the result columns of a query over empty inputs with the given columns."""
        session = self._open()
        try:
            for name, columns in inputs.items():
                if self._bound.get(name) != columns:
                    session.bind(name, EmptySource(columns=columns))
                    self._bound[name] = columns
            return session.describe(sql)
        except HeadwaterError:
            # The engine's reason is not lost: the graph reports what its own parser finds, and
            # a build would report the engine's.
            return None

    def run_query(self, sql: str) -> Result:
        """Run a query that a macro asked for, once.

        Raises:
            UserCodeError: The engine refused the query.
        """
        if sql not in self._rows:
            self._rows[sql] = run_sql(self._world, sql, rows_max=ROWS_MAX)
        return self._rows[sql]

    def close(self) -> None:
        """Give the session back."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self) -> Session:
        if self._session is None:
            world = self._world
            self._session = world.engine.open_session(catalog=world.catalog, schema=world.schema)
        return self._session
