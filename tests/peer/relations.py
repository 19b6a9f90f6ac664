"""Tables and views of a built project, ours and the peer's, in one shape that can be compared.

Rows are kept as a multiset and columns with their order and types, so that equal means equal.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from headwater.base.relations import quote_identifier
from headwater.lake.types import storable_type
from headwater.workspace import Workspace

ROWS_MAX = 1_000_000
ZONED = "TIMESTAMP WITH TIME ZONE"
Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a relation holds.

    Attributes:
        columns: Names and types, in order.
        rows: How often each row is there.
    """

    columns: Columns
    rows: Counter[tuple[object, ...]]


def without(contents: Contents, *columns: str) -> Contents:
    """Leave columns out."""
    kept = [place for place, (name, _) in enumerate(contents.columns) if name not in columns]
    rows: Counter[tuple[object, ...]] = Counter()
    for row, count in contents.rows.items():
        rows[tuple(row[place] for place in kept)] += count
    return Contents(tuple(contents.columns[place] for place in kept), rows)


def ours(project: Path) -> Mapping[str, Contents]:
    """Read every table and view of a workspace, by ``schema.name``."""
    found: dict[str, Contents] = {}
    with Workspace.open(project) as workspace:
        for table in workspace.tables():
            _, schema, name = table.name.split(".")
            answer = workspace.sql(f'select * from "{schema}"."{name}"', rows_max=ROWS_MAX)
            assert not answer.truncated
            columns = tuple((column.name, column.type) for column in answer.columns)
            found[f"{schema}.{name}"] = Contents(columns, Counter(map(_countable, answer.rows)))
    return found


def _countable(row: Iterable[object]) -> tuple[object, ...]:
    """Return a row that can be counted: its lists and structs as text."""
    return tuple(repr(value) if isinstance(value, list | dict) else value for value in row)


def of_database(database: Path) -> Mapping[str, Contents]:
    """Read every table and view of a DuckDB file, by ``schema.name``."""
    found: dict[str, Contents] = {}
    with duckdb.connect(database, read_only=True) as engine:
        names = engine.execute(
            "select table_schema, table_name from information_schema.tables order by all"
        ).fetchall()
        for schema, name in names:
            answer = engine.execute(f'select * from "{schema}"."{name}"')
            columns = tuple((item[0], str(item[1])) for item in answer.description or ())
            listed = ", ".join(_bare(column, kind) for column, kind in columns)
            rows = engine.execute(f'select {listed} from "{schema}"."{name}"').fetchall()
            zoned = frozenset(place for place, (_, kind) in enumerate(columns) if kind == ZONED)
            found[f"{schema}.{name}"] = Contents(columns, Counter(map(_in_utc(zoned), rows)))
    return found


def _bare(column: str, kind: str) -> str:
    """Ask for a time with zone as one of UTC without: DuckDB would want pytz to show it."""
    quoted = quote_identifier(column)
    return f"timezone('UTC', {quoted})" if kind == ZONED else quoted


def _in_utc(
    zoned: frozenset[int],
) -> Callable[[tuple[object, ...]], tuple[object, ...]]:
    def row(values: tuple[object, ...]) -> tuple[object, ...]:
        return _countable(
            value.replace(tzinfo=UTC) if place in zoned and isinstance(value, datetime) else value
            for place, value in enumerate(values)
        )

    return row


def as_stored(contents: Contents) -> Contents:
    """Return what a Delta table makes of types that the format lacks; values stay equal."""
    columns = tuple((name, storable_type(kind)) for name, kind in contents.columns)
    return Contents(columns, contents.rows)
