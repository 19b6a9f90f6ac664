"""Asks the engine which inputs matter: changes one column at a time and looks at the results.

What it sees is a lower bound of the truth (small data hides things), so a trace must explain all
of it and may claim more.
"""

from collections import Counter
from collections.abc import Mapping

import duckdb

from headwater.base.relations import Column, TableName
from headwater.sql.flow import ROWS
from headwater.sql.lineage import QueryLineage

Seen = list[Counter[str]]

_CHANGES = {
    "INTEGER": ("case when rowid % 3 = 0 then null else ({0} * 3 + 1) % 7 end", "({0} + 2) % 6"),
    "VARCHAR": ("case {0} when 'a' then 'c' when 'b' then 'a' else 'b' end", "{0} || 'a'"),
    "DATE": ("{0} + 40", "null"),
    "TIMESTAMP": ("{0} + interval 3 hour", "null"),
    "DOUBLE": ("{0} * -1.5 + 3", "case when rowid % 2 = 0 then 0.5 else {0} end"),
    "INTEGER[]": ("list_reverse({0})", "list_append({0}, 5)"),
    "STRUCT(x INTEGER, y VARCHAR)": (
        "struct_pack(x := ({0}.x + 1) % 4, y := {0}.y)",
        "struct_pack(x := {0}.x, y := {0}.y || 'b')",
    ),
}


def make_variants(
    connection: duckdb.DuckDBPyConnection, schemas: Mapping[TableName, tuple[Column, ...]]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Make a schema for each change of each column, holding that table changed."""
    variants: dict[tuple[str, str], tuple[str, ...]] = {}
    for table, columns in schemas.items():
        for column in columns:
            names: list[str] = []
            for change in _CHANGES[column.type]:
                name = f"change{len(variants)}_{len(names)}"
                value = f"({change.format(column.name)})::{column.type} as {column.name}"
                connection.execute(f"create schema {name}")
                connection.execute(
                    f"create table {name}.{table.name} as "
                    f"select * replace ({value}) from main.{table.name} order by rowid"
                )
                names.append(name)
            variants[table.name, column.name] = tuple(names)
    return variants


def unexplained(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    lineage: QueryLineage,
    variants: Mapping[tuple[str, str], tuple[str, ...]],
) -> list[str]:
    """Return each influence that was seen and that the trace does not claim."""
    reads = {table.name for table in lineage.reads}
    rows = {(i.table.name, i.column) for i in lineage.row_set}
    claims = [{(i.table.name, i.column) for i in column.influences} for column in lineage.columns]
    before = _results(connection, sql, "main")
    missed: set[str] = set()
    for key, names in variants.items():
        if key[0] not in reads or key in rows:
            continue
        for name in names:
            after = _results(connection, sql, name)
            missed |= {
                f"{'.'.join(key)} -> {column.name}"
                for i, column in enumerate(lineage.columns)
                if before[i] != after[i] and key not in claims[i]
            }
    return sorted(missed)


def _results(connection: duckdb.DuckDBPyConnection, sql: str, schema: str) -> Seen:
    connection.execute(f"set search_path = '{schema},main'")
    try:
        rows = connection.execute(sql).fetchall()
        width = len(connection.description or ())
    except duckdb.Error as error:
        # An error is a result too, of every column.
        return [Counter([str(type(error))])] * 64
    finally:
        connection.execute("set search_path = 'main'")
    return [Counter(repr(row[i]) for row in rows) for i in range(width)]


__all__ = ["ROWS", "make_variants", "unexplained"]
