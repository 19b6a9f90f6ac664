"""SQL text made safely: literals, lists, and one statement cut from a user's text."""

from collections.abc import Iterable, Sequence

import duckdb

from headwater.base.errors import Invalid, UserCodeError
from headwater.engines.duckdb.errors import DRIVER_ERRORS, error_of

_READING = frozenset(
    {
        duckdb.StatementType.SELECT,
        duckdb.StatementType.EXPLAIN,
        duckdb.StatementType.PRAGMA,
        duckdb.StatementType.MULTI,  # PIVOT without a list of columns
    }
)


def quote_text(text: str) -> str:
    """Write a string literal."""
    return "'" + text.replace("'", "''") + "'"


def text_list(texts: Iterable[str]) -> str:
    """Write a list of string literals: ``['a', 'b']``."""
    return "[" + ", ".join(quote_text(text) for text in texts) + "]"


def without_end(sql: str) -> str:
    """Cut trailing semicolons and comments, so that the text can stand in parentheses."""
    if ";" not in sql:
        return sql
    encoded = sql.encode("utf-8", "surrogatepass")
    end = len(encoded)
    for position, kind in reversed(duckdb.tokenize(sql)):
        is_end = kind == duckdb.token_type.operator and encoded[position:end].strip() == b";"
        if not is_end and kind != duckdb.token_type.comment:
            break
        end = position
    return encoded[:end].decode("utf-8", "surrogatepass")


def split_statements(connection: duckdb.DuckDBPyConnection, sql: str) -> list[duckdb.Statement]:
    """Parse a text into its statements.

    Raises:
        UserCodeError: ``sql-failed``, with the place.
    """
    try:
        return connection.extract_statements(sql)
    except DRIVER_ERRORS as error:
        raise error_of(error, sql) from error


def is_query(statement: duckdb.Statement) -> bool:
    """Tell whether a statement returns rows and changes nothing."""
    return bool(statement.type == duckdb.StatementType.SELECT)


def check_reads_only(statements: Sequence[duckdb.Statement]) -> None:
    """Refuse several statements, none, and statements that are not for reading.

    Raises:
        Invalid: ``statement-unusable``.
    """
    if len(statements) != 1:
        found = "no statement" if not statements else f"{len(statements)} statements"
        raise Invalid(
            "statement-unusable",
            f"one query was expected, the text has {found}",
            fix="give one query at a time",
        )
    if statements[0].type not in _READING:
        raise Invalid(
            "statement-unusable",
            f"one query was expected, the text is a {statements[0].type.name} statement",
            why="a query reads; tables are written by building the nodes of a project",
            fix="give a `select`, or make the table a model or a seed",
        )


def text_of_one(statements: Sequence[duckdb.Statement], sql: str) -> str:
    """Return the text of the one query that a text was parsed to, ready to stand in parentheses.

    Raises:
        UserCodeError: ``statement-unusable``.
    """
    if len(statements) != 1:
        found = "no statement" if not statements else f"{len(statements)} statements"
        raise UserCodeError(
            "statement-unusable",
            f"one query was expected, the text has {found}",
            fix="leave one `select`; put statements that prepare something into `pre_hook`",
        )
    if not is_query(statements[0]):
        raise UserCodeError(
            "statement-unusable",
            f"one query was expected, the text is a {statements[0].type.name} statement",
            fix="leave one `select`; put statements that prepare something into `pre_hook`",
        )
    return without_end(sql)
