"""Reads the case files of ``tests/cases/sql`` and holds the small data that they run on.

A case is ``-- case: name``, the query, and what is expected as comments: ``-- column: inputs`` for
each output column in order, then ``-- rows: inputs`` and, where something is missed, ``-- gap:``.
An input is ``table.column subtype``, and ``masked`` where its values are hidden.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from headwater.base.relations import Column, TableName
from headwater.sql.lineage import Influence, QueryLineage

CASES = Path(__file__).parent.parent / "cases" / "sql"

SETUP = """
set lambda_syntax = 'ENABLE_SINGLE_ARROW';
create table t(a int, b int, c varchar, d date, x int, l int[], s struct(x int, y varchar));
create table u(id int, a int, m int, z int);
create table v(k varchar, a int, ts timestamp, y double);
insert into t select i % 5, (i * 7) % 6, chr((97 + i % 3)::int), date '2024-01-30' + (i % 9)::int,
  (i * 5) % 4, [i % 3, i % 4 + 1], {'x': i % 4, 'y': chr((97 + i % 4)::int)} from range(13) g(i);
insert into u select i, (i * 3) % 6, i % 4, (i * 5) % 7 from range(11) g(i);
insert into v select chr((97 + i % 4)::int), i % 6, timestamp '2024-01-01' + to_hours(i::int * 7),
  i * 1.5 from range(9) g(i);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case as written in its file."""

    file: str
    name: str
    sql: str
    expected: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def read_cases() -> list[Case]:
    return [case for path in sorted(CASES.glob("*.sql")) for case in _cases_of(path)]


def _cases_of(path: Path) -> Iterator[Case]:
    for block in path.read_text(encoding="utf-8").split("-- case: ")[1:]:
        name, *lines = block.strip().splitlines()
        sql = "\n".join(line for line in lines if not line.startswith("-- "))
        expected = tuple(line[3:] for line in lines if line.startswith("-- "))
        yield Case(file=path.stem, name=name, sql=sql.strip().rstrip(";"), expected=expected)


def shown(lineage: QueryLineage) -> tuple[str, ...]:
    lines = [f"{column.name}: {_inputs(column.influences)}" for column in lineage.columns]
    lines.append(f"rows: {_inputs(lineage.row_set)}")
    return tuple(line.rstrip() for line in [*lines, *(f"gap: {gap}" for gap in lineage.gaps)])


def _inputs(influences: Sequence[Influence]) -> str:
    return ", ".join(
        f"{i.table.name}.{i.column} {i.subtype}{' masked' if i.masking else ''}" for i in influences
    )


def open_data() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": "1"})
    connection.execute(SETUP)
    return connection


def known_schemas() -> dict[TableName, tuple[Column, ...]]:
    """Return the schemas of the data, for tests that run nothing."""
    connection = open_data()
    try:
        return read_schemas(connection)
    finally:
        connection.close()


def read_schemas(connection: duckdb.DuckDBPyConnection) -> dict[TableName, tuple[Column, ...]]:
    tables: dict[TableName, tuple[Column, ...]] = {}
    rows = connection.execute(
        "select table_name, column_name, data_type from information_schema.columns "
        "order by table_name, ordinal_position"
    ).fetchall()
    for table, column, kind in rows:
        name = TableName("memory", "main", table)
        tables[name] = (*tables.get(name, ()), Column(column, kind))
    return tables
