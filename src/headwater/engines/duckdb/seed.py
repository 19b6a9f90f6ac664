"""Seeds: a CSV file with the column types that dbt would give it, written as data files.

dbt reads seeds with agate, one column at a time over all of its values; the first type that
every value fits wins: number, date, timestamp, boolean, text. Here the same tests run as one
aggregation over the file read as text, so that a million rows take a second.
"""

# ruff: noqa: S608 - names and literals are ours or quoted; users' SQL is a part of its own
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from headwater.base.errors import HeadwaterError, Invalid, UserCodeError
from headwater.base.relations import Column, quote_identifier
from headwater.base.spans import Span
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.copy import cast_columns, copy_to_files, stored_columns
from headwater.engines.duckdb.text import quote_text
from headwater.engines.duckdb.write import make_written, rows_of
from headwater.engines.engine import Destination, Written

_RAW = "__headwater_seed"

# agate strips spaces and takes "null" in any case as null in every type but text.
_NULL = "(trim({0}) = '' OR lower(trim({0})) = 'null')"
_NUMBER = r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"
_DATE = r"\s*\d{4}-\d{1,2}-\d{1,2}\s*"
_SPACED_TIME = r"\s*\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}:\d{1,2}\s*"
_ISO_TIME = r"\s*\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?\s*"
_FRACTION = r"\.\d*[1-9]"
_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 1000
_COLUMNS_AT_ONCE = 50


def _flags(column: str) -> tuple[str, ...]:
    """Write the tests of one column, each true, false, or null when it has no value.

    The order is that of ``_type_of``. A test that is false for some of the rows is
    false for all of them.
    """
    null, time = _NULL.format(column), _casts(column, "TIMESTAMP")
    return (
        f"bool_and({null} OR {_matches(column, _NUMBER)})",
        f"bool_and({null} OR {_matches(column, _DATE)} AND {_casts(column, 'DATE')})",
        f"bool_and({null} OR {_matches(column, _SPACED_TIME)} AND {time})",
        f"bool_and({null} OR {_matches(column, _ISO_TIME)} AND {time})",
        f"bool_and({null} OR lower(trim({column})) IN ('true', 'false'))",
        f"NOT bool_or({_has_fraction(column)})",
        f"bool_and({null} OR {_casts(column, 'INTEGER')})",
        f"bool_and({null} OR {_casts(column, 'BIGINT')})",
    )


def _matches(column: str, pattern: str) -> str:
    return f"regexp_full_match({column}, {quote_text(pattern)})"


def _casts(column: str, kind: str) -> str:
    return f"TRY_CAST({column} AS {kind}) IS NOT NULL"


def _has_fraction(column: str) -> str:
    number = f"TRY_CAST({column} AS DOUBLE)"
    return (
        f"regexp_matches({column}, {quote_text(_FRACTION)})"
        f" OR regexp_matches({column}, 'e|E') AND {number} <> trunc({number})"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seed:
    """A CSV file and its header."""

    path: str
    delimiter: str
    names: tuple[str, ...]


def write_seed(
    connection: Connection,
    path: str,
    column_types: Mapping[str, str],
    delimiter: str,
    destination: Destination,
) -> Written:
    """Read a CSV file, find its column types and write its rows, in the file's order.

    Whole numbers that do not fit 32 bits become BIGINT, where dbt-duckdb fails; beyond 64 bits
    and with fractions they are DOUBLE. A column of nulls only is INTEGER.

    Raises:
        Invalid: ``seed-ragged``, ``seed-unreadable``, ``seed-value-misfit``.
    """
    connection.keep_order(in_order=True)
    seed, query = _typed_query(connection, path, column_types, delimiter)
    try:
        columns = stored_columns(connection.describe(str(query)))
        selected = Statement(before=f"SELECT {cast_columns(columns)} FROM ({query})")
        added = copy_to_files(connection, selected, columns, destination, in_order=True)
    except UserCodeError as error:
        raise _misfit(seed, error) from error
    connection.rows(f"DROP TABLE {_RAW}")
    return make_written(connection.meter, added, columns, inserted=rows_of(added))


def describe_seed(
    connection: Connection, path: str, column_types: Mapping[str, str], delimiter: str
) -> tuple[Column, ...]:
    """Return the columns that ``write_seed`` would write; raises as it does."""
    seed, query = _typed_query(connection, path, column_types, delimiter)
    try:
        columns = stored_columns(connection.describe(str(query)))
    except UserCodeError as error:
        raise _misfit(seed, error) from error
    connection.rows(f"DROP TABLE {_RAW}")
    return columns


def _typed_query(
    connection: Connection, path: str, column_types: Mapping[str, str], delimiter: str
) -> tuple[_Seed, Statement]:
    """Read the file as text into a temporary table; return the query that gives it its types."""
    seed = _read_header(path, delimiter or ",")
    _read_rows(connection, seed)
    types = _choose_types(connection, seed, column_types)
    parts = ", ".join(
        f"{_value(place, kind)} AS {quote_identifier(name)}"
        for place, (name, kind) in enumerate(zip(seed.names, types, strict=True))
    )
    return seed, Statement(before=f"SELECT {parts} FROM {_RAW}")


def _read_header(path: str, delimiter: str) -> _Seed:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file, delimiter=delimiter), None)
    except (OSError, UnicodeDecodeError, csv.Error, TypeError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if not header:
        raise _unreadable(path, "it has no header line")
    others = [mark for mark in _DELIMITERS if mark != delimiter and mark in header[0]]
    if len(header) == 1 and others:
        what = f"its one column would be called {header[0]!r}: {others[0]!r} stands between names"
        raise _unreadable(path, f"{what}, and the delimiter is {delimiter!r}")
    return _Seed(path=path, delimiter=delimiter, names=_distinct_names(header))


def _distinct_names(header: Sequence[str]) -> tuple[str, ...]:
    """Name columns as agate does: letters for unnamed ones, ``_2`` behind repeated ones."""
    names: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(header):
        wanted = cell.strip() or _letters(place)
        name, count = wanted, 1
        while name.lower() in taken:
            count += 1
            name = f"{wanted}_{count}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names)


def _letters(place: int) -> str:
    """Return a, b ... z, aa, bb ... as agate names unnamed columns."""
    return chr(ord("a") + place % 26) * (place // 26 + 1)


def _read_rows(connection: Connection, seed: _Seed) -> None:
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(seed.names)))
    read = (
        f"CREATE OR REPLACE TEMP TABLE {_RAW} AS SELECT * FROM read_csv({quote_text(seed.path)},"
        f" auto_detect=false, header=true, delim={quote_text(seed.delimiter)}, quote='\"',"
        f" escape='\"', nullstr='', strict_mode=true, columns={{{columns}}})"
    )
    try:
        connection.rows(read)
    except HeadwaterError as error:
        if not isinstance(error, UserCodeError):
            raise
        _refuse_ragged(seed)
        raise _unreadable(seed.path, error.what) from error


def _refuse_ragged(seed: _Seed) -> None:
    """Find the first row with another number of fields, by a reader that counts lines exactly."""
    wanted = len(seed.names)
    try:
        for line, found in _field_counts(seed):
            if found not in {0, wanted}:
                raise _ragged(seed, line, found)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(seed.path, str(error)) from error


def _field_counts(seed: _Seed) -> Iterator[tuple[int, int]]:
    """Yield the first line of every row, from 1, and how many fields it has."""
    with Path(seed.path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=seed.delimiter)
        line = 1
        for row in reader:
            yield line, len(row)
            line = reader.line_num + 1


def _choose_types(
    connection: Connection, seed: _Seed, column_types: Mapping[str, str]
) -> list[str]:
    declared = {name.lower(): kind for name, kind in column_types.items()}
    flags = [_flags(f"c{place}") for place in range(len(seed.names))]
    found: list[tuple[object, ...]] = []
    # The engine takes a time that grows with the square of what one query asks.
    for start in range(0, len(flags), _COLUMNS_AT_ONCE):
        found += _test_rows(connection, flags[start : start + _COLUMNS_AT_ONCE])
    return [
        declared.get(name.lower()) or _type_of(answers)
        for name, answers in zip(seed.names, found, strict=True)
    ]


def _test_rows(
    connection: Connection, flags: Sequence[tuple[str, ...]]
) -> list[tuple[object, ...]]:
    """Answer every test; what fails on the first rows is not asked of the others.

    That leaves one test in six, and none for text: 1 M rows in a third of the time.
    """
    asked = ", ".join(flag for column in flags for flag in column)
    first = connection.rows(f"SELECT {asked} FROM (SELECT * FROM {_RAW} LIMIT {_SAMPLE_ROWS})")[0]
    left = ", ".join(
        "false" if answer is False else flag
        for answer, flag in zip(first, (flag for column in flags for flag in column), strict=True)
    )
    answers = iter(connection.rows(f"SELECT {left} FROM {_RAW}")[0])
    return [tuple(islice(answers, len(column))) for column in flags]


def _type_of(flags: Sequence[object]) -> str:
    """Choose a type; flags are None, which means yes, for a column without a value."""
    number, date, spaced, iso, boolean = (flag is not False for flag in flags[:5])
    whole, small, large = (flag is not False for flag in flags[5:])
    match (number, date, spaced or iso, boolean):
        case (True, _, _, _):
            integer = "INTEGER" if small else "BIGINT"
            return integer if large and whole else "DOUBLE"
        case (_, True, _, _):
            return "DATE"
        case (_, _, True, _):
            return "TIMESTAMP"
        case (_, _, _, True):
            return "BOOLEAN"
        case _:
            return "VARCHAR"


def _value(place: int, kind: str) -> str:
    if kind == "VARCHAR":
        return f"c{place}"
    return f"CAST(CASE WHEN NOT {_NULL.format(f'c{place}')} THEN c{place} END AS {kind})"


def _ragged(seed: _Seed, line: int, found: int) -> Invalid:
    return Invalid(
        "seed-ragged",
        f"line {line} of seed `{seed.path}` has {found} fields, its header has {len(seed.names)}",
        why="values would slip into the wrong column",
        fix="quote fields that contain the delimiter, or correct the line",
        where=Span(file=seed.path, line=line),
    )


def _unreadable(path: str, why: str) -> Invalid:
    return Invalid(
        "seed-unreadable",
        f"seed `{path}` cannot be read as CSV",
        why=why,
        fix="save it as UTF-8 CSV with one header line, and say its `delimiter` if it is no comma",
        where=Span(file=path),
    )


def _misfit(seed: _Seed, error: HeadwaterError) -> Invalid:
    return Invalid(
        "seed-value-misfit",
        f"a value of seed `{seed.path}` does not fit its column's type",
        why=error.what,
        fix="correct the value, or declare `varchar` for the column under `column_types`",
        where=Span(file=seed.path),
    )
