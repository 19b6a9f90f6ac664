"""Statements of a run hook: they may prepare the session, and must leave every table alone.

A session's tables live in memory and go with it, so a hook that makes one would seem to work and
leave nothing. Such a hook is refused instead: tables are written by commits only.
"""

import duckdb

from headwater.base.errors import Invalid
from headwater.engines.duckdb.connection import Connection, Statement

_READING = frozenset(
    {
        duckdb.StatementType.SELECT,
        duckdb.StatementType.EXPLAIN,
        duckdb.StatementType.MULTI,
        duckdb.StatementType.TRANSACTION,
    }
)
_REFUSED = frozenset(
    {
        duckdb.StatementType.COPY,
        duckdb.StatementType.COPY_DATABASE,
        duckdb.StatementType.EXPORT,
        duckdb.StatementType.DROP,
        duckdb.StatementType.ALTER,
    }
)
_RELATIONS = """
SELECT database_name || '.' || schema_name || '.' || table_name
FROM duckdb_tables() WHERE NOT temporary AND NOT internal
UNION ALL SELECT database_name || '.' || schema_name || '.' || view_name
FROM duckdb_views() WHERE NOT temporary AND NOT internal
"""


def run_hook(connection: Connection, sql: str) -> bool:
    """Run a hook's statements; return True when they changed the session.

    Raises:
        UserCodeError: ``sql-failed``.
        Invalid: ``hook-writes``.
    """
    statements = connection.statements(sql)
    for statement in statements:
        if statement.type in _REFUSED:
            raise _writes(f"it is a {statement.type.name} statement")
    changing = [part for part in statements if part.type not in _READING]
    before = _relations(connection) if changing else frozenset()
    for statement in statements:
        connection.rows(Statement(before="", sql=statement.query))
    made = _relations(connection) - before if changing else frozenset()
    if made:
        raise _writes(f"it makes `{min(made)}`")
    return bool(changing)


def _relations(connection: Connection) -> frozenset[str]:
    return frozenset(str(row[0]) for row in connection.rows(_RELATIONS))


def _writes(why: str) -> Invalid:
    return Invalid(
        "hook-writes",
        "the hook would write a table, view or file",
        why=f"{why}; only the steps of a plan write, so that every version has its commit",
        fix="make it a model; or a `create temp table`, which lasts as long as the run",
    )
