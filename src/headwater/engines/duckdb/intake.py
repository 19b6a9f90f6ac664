"""Takes a file from outside in: its columns and types are found, its bad rows set apart.

The types of new columns follow from every value, never from a sample, and a value that would not
come back out of its column as it went in is a bad one: nothing is rounded or cut to make it fit.
"""

# ruff: noqa: S608 - names and literals are ours or quoted
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from headwater.base.errors import Invalid, UserCodeError
from headwater.base.relations import Column, quote_identifier
from headwater.engines.duckdb.arrow_files import open_arrow
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.copy import copy_to_files, stored_columns
from headwater.engines.duckdb.intake_names import check_given_names, check_names
from headwater.engines.duckdb.intake_text import read_header, types_of_text
from headwater.engines.duckdb.intake_values import fits, stored
from headwater.engines.duckdb.text import quote_text
from headwater.engines.duckdb.write import make_written, rows_of
from headwater.engines.engine import (
    Destination,
    IncomingFile,
    Intake,
    Rejected,
    TakenColumn,
    Written,
)
from headwater.lake.types import storable_type
from headwater.lake.widening import widened_or_none

REJECTED_KEPT_MAX = 10_000
"""Bad rows of one file that are handed on; the others are counted."""

LINE_BYTES_MAX = 16 * 1024 * 1024
"""Longest line of a CSV file, and longest object of a JSON file."""

DECODED_LINE_BYTES_MAX = 2 * 1024 * 1024
"""Longest line of a CSV file that is packed or not in UTF-8, whose buffers are many times that."""

RAW = "__headwater_intake"
OFFERED = "__headwater_offered"
"""Name of what a program, or a file of Arrow, offers to be read."""

_REJECTS = "__headwater_rejects"
_SCANS = "__headwater_reject_scans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A file as it was read: column n is called ``c<n>``.

    Attributes:
        columns: Its columns as read; text for CSV.
        rejected: Rows whose form was wrong.
        rejected_rows: How many there were.
    """

    columns: tuple[Column, ...]
    rejected: tuple[Rejected, ...] = ()
    rejected_rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A column of the table.

    Attributes:
        column: The column.
        source: Place of its values in the file; None when the file lacks it.
        is_required: Null is no value for it.
        is_stored: The table has it.
    """

    column: TakenColumn
    source: int | None
    is_required: bool = False
    is_stored: bool = False


def take_in(
    connection: Connection,
    file: IncomingFile,
    target: Sequence[Column] | None,
    destination: Destination | None,
) -> Intake:
    """Write the good rows of a file as data files of a table.

    Args:
        connection: Where to run it.
        file: The file.
        target: The table's columns; None when there is no table yet.
        destination: Where to; None to look only.

    Raises:
        Invalid: ``ingest-unreadable``, when the file is not of its format; ``ingest-header``;
            ``ingest-new-column``; ``type-not-storable``.
    """
    connection.keep_order(in_order=False)
    try:
        return take_raw(connection, _read(connection, file), file, target, destination)
    finally:
        connection.withdraw(OFFERED)


def take_raw(
    connection: Connection,
    raw: Raw,
    file: IncomingFile,
    target: Sequence[Column] | None,
    destination: Destination | None,
) -> Intake:
    """Write the good rows of what was read; as ``take_in``."""
    places = _places(connection, raw, target, file)
    bad, rows, misfits = _counted(connection, raw, places)
    wider = _wider(connection, raw, places, file) if misfits else {}
    if wider and file.widens:
        places = tuple(replace(place, column=wider.get(place, place.column)) for place in places)
        bad, rows, misfits = _counted(connection, raw, places)
    rejected = (*raw.rejected, *(_misfits(connection, raw, places, bad) if misfits else ()))
    written = None
    count = raw.rejected_rows + misfits
    is_refused = file.rejects_max is not None and count > file.rejects_max
    if destination is not None and not is_refused:
        written = _write(connection, raw, places, bad, destination)
    _drop(connection)
    return Intake(
        columns=tuple(place.column for place in places),
        written=written,
        rows=rows - misfits,
        rejected_rows=count,
        rejected=rejected[:REJECTED_KEPT_MAX],
        wider=tuple(wider.values()),
    )


def _counted(connection: Connection, raw: Raw, places: Sequence[_Place]) -> tuple[str, int, int]:
    """Return the condition of bad rows, how many rows there are, and how many bad ones."""
    bad = " OR ".join(f"NOT ({test})" for test in _tests(raw, places)) or "false"
    row = connection.rows(f"SELECT count(*), count(*) FILTER ({bad}) FROM {RAW}")[0]
    return bad, int(str(row[0])), int(str(row[1]))


def _wider(
    connection: Connection, raw: Raw, places: Sequence[_Place], file: IncomingFile
) -> dict[_Place, TakenColumn]:
    """Find columns of the table that cannot hold their values, and types that can do both."""
    tests = {
        place: test
        for place in places
        if place.source is not None and place.is_stored
        for test in [fits(f"c{place.source}", raw.columns[place.source].type, place.column.type)]
        if test
    }
    if not tests:
        return {}
    counts = ", ".join(f"count(*) FILTER (NOT ({test}))" for test in tests.values())
    found = connection.rows(f"SELECT {counts} FROM {RAW}")[0]
    unfit = [place for place, count in zip(tests, found, strict=True) if count]
    sources = [place.source for place in unfit if place.source is not None]
    is_text = file.format == "csv"
    texts = types_of_text(connection, RAW, sources, narrows=True) if is_text else {}
    wider: dict[_Place, TakenColumn] = {}
    for place, source in zip(unfit, sources, strict=True):
        name, old = place.column.name, place.column.type
        given = texts[source][0] if texts else raw.columns[source].type
        with suppress(Invalid):  # a type that no column can have
            kind = widened_or_none(old, storable_type(given))
            if kind is not None:
                why = f"widened from {old}: {given} in the file"
                wider[place] = TakenColumn(name=name, type=kind, why=why)
    return wider


def _read(connection: Connection, file: IncomingFile) -> Raw:
    try:
        match file.format:
            case "csv":
                return _read_csv(connection, file)
            case "json":
                raw = read_any(connection, _json_reader(file.path), is_kept=True)
                check_names(connection, file, raw.columns)
                return raw
            case "parquet":
                reader = f"read_parquet({quote_text(file.path)}, hive_partitioning=false)"
                raw = read_any(connection, reader, is_kept=False)
                check_names(connection, file, raw.columns)
                return raw
            case "arrow":
                names, table = open_arrow(file.path)
                check_given_names(file.path, names)
                connection.offer(OFFERED, table)
                return read_any(connection, OFFERED, is_kept=False)
    except UserCodeError as error:
        raise Invalid(
            "ingest-unreadable",
            f"`{file.path}` cannot be read as {file.format}",
            why=error.why or error.what,
            fix="look at the file; pass --format when its name does not say what it is",
        ) from error


def _json_reader(path: str) -> str:
    return (
        f"read_json({quote_text(path)}, sample_size=-1, maximum_depth=-1, records=true,"
        f" map_inference_threshold=-1, maximum_object_size={LINE_BYTES_MAX})"
    )


def read_any(connection: Connection, reader: str, *, is_kept: bool) -> Raw:
    """Read what has types of its own."""
    columns = connection.describe(f"SELECT * FROM {reader}")
    parts = ", ".join(
        f"{quote_identifier(column.name)} AS c{place}" for place, column in enumerate(columns)
    )
    kind = "TABLE" if is_kept else "VIEW"
    _drop(connection)
    connection.rows(f"CREATE TEMP {kind} {RAW} AS SELECT {parts} FROM {reader}")
    return Raw(columns=columns)


def _read_csv(connection: Connection, file: IncomingFile) -> Raw:
    """Read text, and set apart the lines that have not the header's fields."""
    header = read_header(file)
    listed = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header.names)))
    is_plain = header.encoding == "utf-8" and not file.path.endswith(".gz")
    line_bytes = LINE_BYTES_MAX if is_plain else DECODED_LINE_BYTES_MAX
    reader = (
        f"read_csv({quote_text(file.path)}, auto_detect=false, header=true, columns={{{listed}}},"
        f" delim={quote_text(header.delimiter)}, quote='\"', escape='\"', strict_mode=true,"
        f" encoding={quote_text(header.encoding)}, max_line_size={line_bytes},"
        f" store_rejects=true, rejects_limit=0, rejects_table={quote_text(_REJECTS)},"
        f" rejects_scan={quote_text(_SCANS)})"
    )
    _drop(connection)
    connection.rows(f"CREATE TEMP TABLE {RAW} AS SELECT * FROM {reader}")
    count = connection.rows(f"SELECT count(DISTINCT line) FROM {_REJECTS}")[0][0]
    found = connection.rows(
        f"SELECT line, any_value(error_message), any_value(csv_line) FROM {_REJECTS}"
        f" GROUP BY line ORDER BY line LIMIT {REJECTED_KEPT_MAX}"
    )
    return Raw(
        columns=tuple(Column(name, "VARCHAR") for name in header.names),
        rejected=tuple(
            Rejected(line=int(str(line)), reason=str(why), row=str(text))
            for line, why, text in found
        ),
        rejected_rows=int(str(count)),
    )


def _places(
    connection: Connection, raw: Raw, target: Sequence[Column] | None, file: IncomingFile
) -> tuple[_Place, ...]:
    """Decide the table's columns: those that it has, then those that only the file has."""
    sources = {column.name.lower(): place for place, column in enumerate(raw.columns)}
    asked = {name.lower(): kind for name, kind in file.types.items()}
    known = [
        _Place(
            column=TakenColumn(name=column.name, type=column.type, why="in the table"),
            source=sources.get(column.name.lower()),
            is_required=not column.nullable,
            is_stored=True,
        )
        for column in target or ()
    ]
    names = {place.column.name.lower() for place in known}
    new = [place for name, place in sources.items() if name not in names]
    if new and target is not None and not file.adds_columns:
        raise _new_columns(file, [raw.columns[place].name for place in new])
    open_ = [place for place in new if raw.columns[place].name.lower() not in asked]
    texts = [place for place in open_ if raw.columns[place].type == "VARCHAR"]
    is_text = file.format == "csv"
    found = types_of_text(connection, RAW, texts, narrows=file.widens) if is_text else {}
    for place in new:
        column = raw.columns[place]
        kind, why = found.get(place, (column.type, f"{column.type} in the file"))
        if column.name.lower() in asked:
            kind, why = asked[column.name.lower()], "as asked"
        taken = TakenColumn(name=column.name, type=storable_type(kind), why=why)
        known.append(_Place(column=taken, source=place))
    stored_columns([Column(place.column.name, place.column.type) for place in known])
    return tuple(known)


def _tests(raw: Raw, places: Sequence[_Place]) -> list[str]:
    """Write a condition for each column whose values may not fit."""
    return [test for place in places for test in (_test(raw, place),) if test]


def _test(raw: Raw, place: _Place) -> str:
    """Write when a column's value fits it; empty when it always does."""
    if place.source is None:
        return "false" if place.is_required else ""
    name = f"c{place.source}"
    test = fits(name, raw.columns[place.source].type, place.column.type)
    if not place.is_required:
        return test
    return f"{name} IS NOT NULL AND ({test or 'true'})"


def _misfits(
    connection: Connection, raw: Raw, places: Sequence[_Place], bad: str
) -> tuple[Rejected, ...]:
    """Return rows with a value that does not fit its column, and say which."""
    reasons = "".join(
        f" WHEN NOT ({test}) THEN {quote_text(_reason(place.column))} || {_shown(place)}"
        for place in places
        if (test := _test(raw, place))
    )
    row = ", ".join(
        f"{quote_text(column.name)}, c{place}" for place, column in enumerate(raw.columns)
    )
    found = connection.rows(
        f"SELECT CASE{reasons} END, CAST(json_object({row}) AS VARCHAR) FROM {RAW}"
        f" WHERE {bad} LIMIT {REJECTED_KEPT_MAX}"
    )
    return tuple(Rejected(line=None, reason=str(why), row=str(text)) for why, text in found)


def _shown(place: _Place) -> str:
    if place.source is None:
        return "'null'"
    return f"coalesce(CAST(c{place.source} AS VARCHAR), 'null')"


def _new_columns(file: IncomingFile, names: Sequence[str]) -> Invalid:
    return Invalid(
        "ingest-new-column",
        f"`{file.path}` has columns that the table has not: {', '.join(names)}",
        why="new columns are refused, as asked",
        fix="leave out --no-new-columns, or the columns",
    )


def _reason(column: TakenColumn) -> str:
    return f"`{column.name}` is {column.type}, which cannot hold "


def _write(
    connection: Connection,
    raw: Raw,
    places: Sequence[_Place],
    bad: str,
    destination: Destination,
) -> Written:
    columns = tuple(Column(place.column.name, place.column.type) for place in places)
    parts = ", ".join(
        f"{_stored(raw, place)} AS {quote_identifier(place.column.name)}" for place in places
    )
    query = Statement(before=f"SELECT {parts} FROM {RAW} WHERE NOT ({bad})")
    added = copy_to_files(connection, query, columns, destination)
    written = make_written(connection.meter, added, columns, inserted=rows_of(added))
    return replace(written, columns=columns)


def _stored(raw: Raw, place: _Place) -> str:
    if place.source is None:
        return f"CAST(NULL AS {place.column.type})"
    return stored(f"c{place.source}", raw.columns[place.source].type, place.column.type)


def _drop(connection: Connection) -> None:
    kinds = connection.rows(
        "SELECT 'TABLE' FROM duckdb_tables() WHERE temporary AND table_name = "
        f"{quote_text(RAW)} UNION ALL SELECT 'VIEW' FROM duckdb_views()"
        f" WHERE temporary AND view_name = {quote_text(RAW)}"
    )
    for (kind,) in kinds:
        connection.rows(f"DROP {kind} {RAW}")
    for table in (_REJECTS, _SCANS):
        connection.rows(f"DROP TABLE IF EXISTS {table}")
