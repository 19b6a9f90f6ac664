"""How often the values of joined columns occur: counted once for each new or changed model.

The effort is bounded: only columns that such models join by, so many of them and so many rows.
"""

# ruff: noqa: S608 - names are quoted and literals ours

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from headwater.base.errors import HeadwaterError
from headwater.base.relations import TableName, quote_identifier
from headwater.engines.engine import Session
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.plan.state import KeyShape
from headwater.runs.context import Context
from headwater.runs.pins import Pins

COLUMNS_MAX = 40
"""How many columns are counted for one plan."""

ROWS_MAX = 2_000_000
"""Of larger tables only the first files are counted, up to so many rows."""

ROWS_ALL_MAX = 20_000_000
"""Rows that are counted for one plan, over all columns: a second or two of CPU time."""

ROWS_MIN = 2
"""Tables with fewer rows are not counted."""

EXAMPLE_CHARACTERS_MAX = 40
"""Characters of the commonest value that are kept."""


def measure_keys(
    context: Context, pins: Pins, columns: Iterable[tuple[TableName, str]]
) -> tuple[KeyShape, ...]:
    """Count the values of columns; those that cannot be counted are left out.

    Args:
        context: The world.
        pins: Tables at the versions that the planner sees.
        columns: Stored columns, sorted by table.
    """
    wanted = [
        (name, snapshot, [column for _, column in group])
        for name, group in groupby(columns, key=lambda each: each[0])
        if (snapshot := pins.snapshot_or_none(name)) is not None and _has_rows(snapshot)
    ]
    if not wanted:
        return ()
    found: list[KeyShape] = []
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    try:
        for name, snapshot, names in wanted:
            some = names[: COLUMNS_MAX - len(found)]
            rows_left = ROWS_ALL_MAX - sum(shape.rows for shape in found)
            if some and rows_left > 0:
                found += _measure_table(session, name, snapshot, some, rows_left)
    finally:
        session.close()
    return tuple(found)


def _has_rows(snapshot: Snapshot) -> bool:
    return snapshot.rows is None or snapshot.rows >= ROWS_MIN


def _measure_table(
    session: Session, name: TableName, snapshot: Snapshot, columns: Iterable[str], rows_left: int
) -> list[KeyShape]:
    known = {column.name.lower(): column.name for column in snapshot.columns}
    files = _first_files(snapshot.files)
    session.bind(name, replace(snapshot, files=files))
    is_sample = len(files) < len(snapshot.files)
    found: list[KeyShape] = []
    for column in columns:
        if column not in known or sum(shape.rows for shape in found) >= rows_left:
            continue
        try:
            found.append(_measure(session, name, known[column], is_sample=is_sample))
        except HeadwaterError:
            continue  # a type that has no groups, or a file that is gone: the build will say so
    return found


def _first_files(files: Sequence[DataFile]) -> tuple[DataFile, ...]:
    """Return the first files with so many rows as are counted, at least one."""
    kept: list[DataFile] = []
    rows = 0
    for file in files:
        if kept and rows + (file.rows or 0) > ROWS_MAX:
            break
        kept.append(file)
        rows += file.rows or 0
    return tuple(kept)


def _measure(session: Session, name: TableName, column: str, *, is_sample: bool) -> KeyShape:
    sql = f"""WITH found AS (
  SELECT {quote_identifier(column)} AS value, count(*) AS n FROM {name.quoted()} GROUP BY ALL
)
SELECT CAST(sum(n) AS BIGINT),
  CAST(coalesce(sum(n) FILTER (WHERE value IS NULL), 0) AS BIGINT),
  count(value),
  coalesce(max(n) FILTER (WHERE value IS NOT NULL), 0),
  coalesce(sum(n * n) FILTER (WHERE value IS NOT NULL), 0),
  coalesce(CAST(arg_max(value, n) FILTER (WHERE value IS NOT NULL) AS VARCHAR), '')
FROM found"""
    [row] = session.query(sql, rows_max=1).rows
    rows, nulls, keys, most, squares = (int(str(each or 0)) for each in row[:5])
    return KeyShape(
        table=name,
        column=column.lower(),
        rows=rows,
        nulls=nulls,
        keys=keys,
        most=most,
        squares=squares,
        example=str(row[5])[:EXAMPLE_CHARACTERS_MAX],
        is_sample=is_sample,
    )
