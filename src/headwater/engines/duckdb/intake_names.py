"""Names of a file's columns as the file has them, where the engine had to make some up.

DuckDB compares names without case and gives the second of ``id`` and ``ID`` the name ``ID_1``.
A table with such a column would say something that no file says, so the file is refused.
"""

# ruff: noqa: S608 - names and literals are ours or quoted
import re
from collections.abc import Iterable, Sequence

from headwater.base.errors import Invalid
from headwater.base.relations import Column
from headwater.engines.duckdb.connection import Connection
from headwater.engines.duckdb.text import quote_text
from headwater.engines.engine import IncomingFile

_NUMBERED = re.compile(r"(?P<name>.+)_\d+", re.DOTALL)


def check_names(connection: Connection, file: IncomingFile, columns: Sequence[Column]) -> None:
    """Refuse a JSON or Parquet file two of whose columns differ in case alone, or not at all.

    The file is asked only when a name looks like one that was made up.

    Raises:
        Invalid: ``ingest-header``.
    """
    names = {column.name.lower() for column in columns}
    for column in columns:
        match = _NUMBERED.fullmatch(column.name)
        is_odd = match is not None and match["name"].lower() in names
        if match is not None and is_odd and not _is_there(connection, file, column.name):
            raise same_names(file.path, match["name"])


def check_given_names(path: str, names: Iterable[str]) -> None:
    """Refuse names of which two differ in case alone, or not at all.

    Raises:
        Invalid: ``ingest-header``.
    """
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise same_names(path, name)
        seen.add(name.lower())


def same_names(path: str, name: str) -> Invalid:
    """Return the error for a file with two columns of one name."""
    return Invalid(
        "ingest-header",
        f"`{path}` has two columns that are called `{name}`",
        why="names of columns are compared without case, so a table can have only one of them",
        fix="give every column of the file a name of its own",
    )


def _is_there(connection: Connection, file: IncomingFile, name: str) -> bool:
    """Tell whether a file has a column of exactly this name."""
    path = quote_text(file.path)
    if file.format == "parquet":
        sql = f"SELECT 1 FROM parquet_schema({path}) WHERE name = {quote_text(name)}"
    else:
        key = quote_text('$."' + name.replace('"', '\\"') + '"')
        sql = f"SELECT 1 FROM read_json_objects({path}) WHERE json_exists(json, {key})"
    return bool(connection.rows(f"{sql} LIMIT 1"))  # the first object usually has it
