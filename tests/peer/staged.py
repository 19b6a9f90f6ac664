"""Empty tables that both tools find, for projects that cannot be built: their SQL is not DuckDB's.

dbt lists the columns of tables that are there. Here the columns of tables to come are inferred, so
that with nothing built dbt compiles an empty list where ours is full. With these tables, which have
the inferred columns, both compile the same question. They lie in the file that dbt's profile names.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
from tests.peer.corpus import DATABASE

from headwater.base.errors import HeadwaterError, UserCodeError
from headwater.base.relations import Column, TableName, quote_identifier
from headwater.graph.graph import Graph, Lookup, LookupTable

Kind = Literal["table", "view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Columns and rows of a query."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]


class StagedLookup:
    """A lake in which the staged tables exist; what they do not answer another lookup does."""

    def __init__(
        self, lookup: Lookup, engine: duckdb.DuckDBPyConnection, kinds: Mapping[TableName, Kind]
    ) -> None:
        self._lookup = lookup
        self._engine = engine
        self._kinds = kinds

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        if relation not in self._kinds:
            return self._lookup.columns_or_none(relation)
        done = self._engine.execute(f"select * from {relation.quoted()}")
        return tuple(Column(item[0], str(item[1])) for item in done.description or ())

    def relation_kind_or_none(self, relation: TableName) -> Kind | None:
        return self._kinds.get(relation)

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        return self._lookup.describe_or_none(sql, inputs)

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        return self._lookup.refusal_or_none(sql)

    def run_query(self, sql: str) -> LookupTable:
        try:
            done = self._engine.execute(sql)
        except duckdb.Error as error:
            raise UserCodeError("sql-failed", str(error), fix="as dbt") from error
        columns = tuple(Column(item[0], str(item[1])) for item in done.description or ())
        return Answer(columns=columns, rows=tuple(done.fetchall()))


def stage(home: Path, graph: Graph) -> Mapping[TableName, Kind]:
    """Create an empty table or view for each node whose columns are known; return which."""
    kinds: dict[TableName, Kind] = {}
    (home / DATABASE).unlink(missing_ok=True)
    with duckdb.connect(home / DATABASE) as engine:
        catalog = Path(DATABASE).stem
        for compiled in graph.nodes.values():
            relation = compiled.node.relation
            if relation is None or relation.catalog != catalog or not compiled.columns:
                continue
            kind: Kind = "view" if compiled.node.materialized == "view" else "table"
            if _is_created(engine, relation, kind, compiled.columns):
                kinds[relation] = kind
    return kinds


def _is_created(
    engine: duckdb.DuckDBPyConnection, name: TableName, kind: Kind, columns: tuple[Column, ...]
) -> bool:
    listed = ", ".join(
        f"cast(null as {_type(engine, column.type)}) as {quote_identifier(column.name)}"
        for column in columns
    )
    schema = f"{quote_identifier(name.catalog)}.{quote_identifier(name.schema)}"
    try:
        engine.execute(f"create schema if not exists {schema}")
        engine.execute(f"create {kind} {name.quoted()} as select {listed} where false")
    except duckdb.Error:
        return False
    return True


def _type(engine: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return the type, or text for one that DuckDB does not know: a project's own, or none."""
    if name.upper() in {"", "NULL", '"NULL"'}:
        return "VARCHAR"
    try:
        engine.execute(f"select cast(null as {name})")
    except duckdb.Error:
        return "VARCHAR"
    return name


@contextmanager
def staged_lookup(
    home: Path, lookup: Lookup, kinds: Mapping[TableName, Kind]
) -> Iterator[StagedLookup]:
    """Answer from the staged tables."""
    with duckdb.connect(home / DATABASE, read_only=True) as engine:
        yield StagedLookup(lookup, engine, kinds)
