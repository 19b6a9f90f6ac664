"""What a CSV file says before its rows are read: its encoding, delimiter and header, then types.

The engine's own guess is not used: a short line makes it take another delimiter, and a file of one
column is what comes out.
"""

# ruff: noqa: S608 - names are ours
import csv
import gzip
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.base.errors import Invalid
from headwater.engines.duckdb.connection import Connection
from headwater.engines.duckdb.text import quote_text
from headwater.engines.engine import IncomingFile

_DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES_MAX = 1024 * 1024
_FIRST_ROWS = 1000
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ENCODINGS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "latin-1": "latin-1"}

_INTEGER = r"[+-]?(0|[1-9]\d*)"
_NUMBER = r"[+-]?(0|[1-9]\d*)?(\.\d+)?([eE][+-]?\d+)?"
_DATE = r"\d{4}-\d\d-\d\d"
_TIME = _DATE + r"[ T]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?"
_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)"

_IS_DOUBLE = (
    "coalesce(isfinite(TRY_CAST({0} AS DOUBLE)), false) AND (regexp_matches({0}, '[.eE]')"
    f" OR coalesce(abs(TRY_CAST({{0}} AS HUGEINT)) <= {2**53}, false))"
)
"""A number that is neither too large nor, where it is whole, has more digits than are kept."""

_KINDS = (
    ("BIGINT", _INTEGER, "TRY_CAST({0} AS BIGINT) IS NOT NULL"),
    ("DOUBLE", _NUMBER, _IS_DOUBLE),
    ("BOOLEAN", "(?i)true|false", "true"),
    ("DATE", _DATE, "TRY_CAST({0} AS DATE) IS NOT NULL"),
    ("TIMESTAMP", _TIME, "TRY_CAST({0} AS TIMESTAMP) IS NOT NULL"),
    ("TIMESTAMP WITH TIME ZONE", _TIME + _ZONE, "TRY_CAST({0} AS TIMESTAMPTZ) IS NOT NULL"),
)
"""Types that text may turn out to have; the first that every value has is taken. Numbers with
zeros in front stay text: they are codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a CSV file.

    Attributes:
        names: Names of the columns.
        delimiter: One character.
        encoding: As the engine spells it.
    """

    names: tuple[str, ...]
    delimiter: str
    encoding: str


def read_header(file: IncomingFile) -> Header:
    """Read a CSV file's header.

    Raises:
        Invalid: ``ingest-header``, when columns have no name or the same; ``ingest-unreadable``,
            when its encoding is not one that can be read.
    """
    start = _start_of(file.path)
    encoding = file.encoding or ("utf-16" if start[:2] in _UTF16 else "utf-8")
    if encoding not in _ENCODINGS or start[:2] == _UTF16[1]:
        raise _unreadable(file, "known are utf-8, utf-16 (little-endian) and latin-1")
    text = start.decode(_ENCODINGS[encoding], errors="replace")
    bare = re.sub(
        r'"[^"]*"', "", re.split(r"[\r\n]", text, maxsplit=1)[0]
    )  # what stands in quotes separates nothing
    delimiter = file.delimiter or max(_DELIMITERS, key=bare.count)
    names = _names(file, text, delimiter)
    if any("\ufffd" in name or "\0" in name for name in names):
        raise _unreadable(file, f"its first line is not text in {encoding}")
    lowered = [name.lower() for name in names]
    if not names or "" in names or len(set(lowered)) != len(names):
        why = f"it says {', '.join(map(repr, names[:10]))}" if names else "the file is empty"
        raise _without_names(file, why)
    return Header(names=names, delimiter=delimiter, encoding=encoding)


def _names(file: IncomingFile, text: str, delimiter: str) -> tuple[str, ...]:
    """Read the names in the first line; of one that does not end, the engine would skip all."""
    line, end, rest = text.partition("\n")
    # Blanks after a closing quote are no fault to the engine.
    closed = re.sub(rf'" +(?={re.escape(delimiter)}|\r?$)', '"', line)
    lines = csv.reader(io.StringIO(closed + end + rest), delimiter=delimiter, strict=True)
    try:
        return tuple(name.strip() for name in next(lines, ()))
    except csv.Error as error:
        why = "it ends in a carriage return alone" if "\r" in line.rstrip("\r") else str(error)
        raise _without_names(file, why) from error


def _without_names(file: IncomingFile, why: str) -> Invalid:
    return Invalid(
        "ingest-header",
        f"the first line of `{file.path}` does not name its columns",
        why=why,
        fix="give every column a name of its own in the first line",
    )


def _unreadable(file: IncomingFile, why: str) -> Invalid:
    return Invalid(
        "ingest-unreadable",
        f"`{file.path}` is not in an encoding that can be read",
        why=why,
        fix="convert it: iconv -t utf-8 FILE > NEW, or pass --encoding",
    )


def types_of_text(
    connection: Connection, table: str, places: Sequence[int], *, narrows: bool = False
) -> Mapping[int, tuple[str, str]]:
    """Return the type of each text column that every value of it has, and why it was taken.

    Types that the first values exclude are not tried on all of them, which is most of the work.

    Args:
        connection: Where to look.
        table: The table of texts.
        places: Places of its columns to look at.
        narrows: Whole numbers are INTEGER where all of them fit, because whoever asks can widen
            the column later; else BIGINT, which hardly anybody outgrows.
    """
    every = [(place, kind) for place in places for kind in range(len(_KINDS))]
    first = f"(FROM {table} LIMIT {_FIRST_ROWS})"
    left = [
        pair for pair, fits in zip(every, _tried(connection, first, every), strict=True) if fits
    ]
    whole = [pair for pair, fits in zip(left, _tried(connection, table, left), strict=True) if fits]
    counts = _counts(connection, table, places)
    found: dict[int, tuple[str, str]] = {}
    for place in places:
        kind = next((_KINDS[number][0] for other, number in whole if other == place), None)
        if not counts[place]:
            found[place] = ("VARCHAR", "it has no value: text")
        elif kind is None:
            found[place] = ("VARCHAR", "text")
        else:
            found[place] = (kind, f"all {counts[place]:,} values are {kind}")
    found |= _codes(connection, table, [place for place in places if found[place][1] == "text"])
    return found | (_narrowed(connection, table, found) if narrows else {})


def _codes(connection: Connection, table: str, places: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Say of numbers that stay text why they do: some have zeros in front."""
    tests = [f"bool_and(regexp_full_match(trim(c{place}), '[+-]?\\d+'))" for place in places]
    if not tests:
        return {}
    listed = ", ".join(tests)
    first = connection.rows(f"SELECT {listed} FROM (FROM {table} LIMIT {_FIRST_ROWS})")[0]
    if True not in first:
        return {}
    row = connection.rows(f"SELECT {listed} FROM {table}")[0]
    why = "text: numbers with zeros in front, or with too many digits"
    return {place: ("VARCHAR", why) for place, fits in zip(places, row, strict=True) if fits}


def _narrowed(
    connection: Connection, table: str, found: Mapping[int, tuple[str, str]]
) -> dict[int, tuple[str, str]]:
    """Return the columns of whole numbers that all fit INTEGER."""
    places = [place for place, (kind, _) in found.items() if kind == "BIGINT"]
    tests = [
        f"bool_and(c{place} IS NULL OR TRY_CAST(trim(c{place}) AS INTEGER) IS NOT NULL)"
        for place in places
    ]
    if not tests:
        return {}
    row = connection.rows(f"SELECT {', '.join(tests)} FROM {table}")[0]
    return {
        place: ("INTEGER", found[place][1].replace("BIGINT", "INTEGER"))
        for place, fits in zip(places, row, strict=True)
        if fits is not False
    }


def _tried(connection: Connection, source: str, pairs: Sequence[tuple[int, int]]) -> Sequence[bool]:
    """Say of each column and type whether no value speaks against it."""
    tests = [
        f"bool_and(c{place} IS NULL OR regexp_full_match(trim(c{place}),"
        f" {quote_text(_KINDS[kind][1])}) AND {_KINDS[kind][2].format(f'trim(c{place})')})"
        for place, kind in pairs
    ]
    if not tests:
        return ()
    row = connection.rows(f"SELECT {', '.join(tests)} FROM {source}")[0]
    return [fits is not False for fits in row]


def _counts(connection: Connection, table: str, places: Sequence[int]) -> Mapping[int, int]:
    if not places:
        return {}
    counts = ", ".join(f"count(c{place})" for place in places)
    row = connection.rows(f"SELECT {counts} FROM {table}")[0]
    return {place: int(str(count)) for place, count in zip(places, row, strict=True)}


def _start_of(path: str) -> bytes:
    """Return the beginning of a file, unpacked."""
    if path.endswith(".gz"):
        with gzip.open(path) as packed:
            return packed.read(_HEADER_BYTES_MAX)
    with Path(path).open("rb") as plain:
        return plain.read(_HEADER_BYTES_MAX)
