"""A rendering of the shipped macros over a world that a test describes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
import pytest

from headwater.base.relations import Column, TableName
from headwater.jinja.context import ConfigValue, ContextValues, Subject, Variables, make_context
from headwater.jinja.host import WrittenVersion
from headwater.jinja.macros import Macro, MacroIndex, read_macros
from headwater.jinja.relation import Relation
from headwater.jinja.render import Rendered, Templates
from headwater.project.shipped import read_shipped_macros


@dataclass(frozen=True)
class Answer:
    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass
class World:
    """A Host over one DuckDB connection."""

    connection: duckdb.DuckDBPyConnection
    execute: bool = True
    can_write: bool = False
    incremental: bool = False
    messages: list[str] = field(default_factory=list)

    def ref(self, name: str, package: str | None, version: WrittenVersion) -> Relation:
        if name == "inlined":
            return Relation.ephemeral(name)
        return Relation(database="memory", schema="main", identifier=name)

    def source(self, source_name: str, name: str) -> Relation:
        return Relation(database="memory", schema=source_name, identifier=name)

    def function(self, name: str, package: str | None) -> Relation:
        return Relation(identifier=name, schema=package)

    def this(self) -> Relation | None:
        return Relation(database="memory", schema="main", identifier="this_model", type="table")

    def is_incremental(self) -> bool:
        return self.incremental

    def run_query(self, sql: str) -> Answer:
        result = self.connection.execute(sql)
        columns = tuple(Column(str(item[0]), str(item[1])) for item in result.description or ())
        return Answer(columns, tuple(result.fetchall()))

    def relation_or_none(self, table: TableName) -> Relation | None:
        found = self.connection.execute(
            "select 1 from information_schema.tables where table_name = ?", [table.name]
        ).fetchone()
        return Relation.of_table(table, "table") if found else None

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        rows = self.connection.execute(f"describe {relation}").fetchall()
        return tuple(Column(row[0], row[1]) for row in rows)

    def log(self, message: str, *, info: bool) -> None:
        self.messages.append(message)

    def warn(self, message: str) -> None:
        self.messages.append(f"warning: {message}")


Render = Callable[..., Rendered]


@pytest.fixture(scope="session")
def shipped() -> tuple[Macro, ...]:
    return read_shipped_macros()


@pytest.fixture
def world() -> Iterator[World]:
    connection = duckdb.connect()
    yield World(connection)
    connection.close()


def make_templates(
    shipped: tuple[Macro, ...],
    files: Mapping[str, str] | None = None,
    dispatch: Mapping[str, tuple[str, ...]] | None = None,
) -> Templates:
    macros = list(shipped)
    for package, text in (files or {}).items():
        macros += read_macros(text, package=package, path="m.sql", file=f"{package}/m.sql")[0]
    return Templates(MacroIndex(macros, root="shop", dispatch=dispatch or {}))


@pytest.fixture
def render(shipped: tuple[Macro, ...], world: World) -> Render:
    def run(
        text: str,
        macros: Mapping[str, str] | None = None,
        *,
        config: Mapping[str, object] | None = None,
        variables: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        package: str = "shop",
        lenient: bool = False,
        dispatch: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Rendered:
        values = ContextValues(
            project_name="shop",
            target={"name": "dev", "type": "duckdb", "schema": "main", "database": "memory"},
            environment=environment or {},
            flags={"FULL_REFRESH": False, "STORE_FAILURES": False},
            run_started_at=datetime(2026, 1, 2, tzinfo=UTC),
            invocation_id="i",
            doc=lambda package, name: name,
        )
        subject = Subject(
            package=package,
            model={"name": "m"},
            config=ConfigValue(config or {}),
            variables=Variables(variables or {}, is_lenient=lenient),
            database="memory",
            schema="main",
        )
        templates = make_templates(shipped, macros, dispatch)
        context = make_context(values, subject, world)
        return templates.render(
            text, name="models/m.sql", context=context, package=package, lenient=lenient
        )

    return run
