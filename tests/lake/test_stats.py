"""Statistics: what is written holds for every value, and pruning never loses a row."""

import json
import math
import struct
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lake.writing import shared_connection, write_files

from headwater.base.errors import InternalError, Invalid
from headwater.base.relations import Column
from headwater.lake.snapshot import ColumnStats, DataFile
from headwater.lake.stats import (
    data_file_from_copy,
    leaves_of,
    may_match,
    parse_quoted_path,
    stats_from_json,
    stats_to_json,
)

LAST = "\U0010ffff"


def bounds(tmp_path: Path, value_sql: str) -> tuple[object, object]:
    _, files = write_files(tmp_path / "t", f"select {value_sql} as x")
    return files[0].stats["x"].minimum, files[0].stats["x"].maximum


@pytest.mark.parametrize(
    ("value_sql", "expected"),
    [
        ("7::TINYINT", (7, 7)),
        ("(-9223372036854775808)::BIGINT", (-9223372036854775808, -9223372036854775808)),
        ("1.25::DECIMAL(38,9)", ("1.250000000", "1.250000000")),
        ("1.1::FLOAT", (1.100000023841858, 1.100000023841858)),
        ("-0.5::DOUBLE", (-0.5, -0.5)),
        ("'nan'::DOUBLE", (None, None)),
        ("'inf'::DOUBLE", (None, None)),
        ("'-inf'::FLOAT", (None, None)),
        ("'é'", ("é", "é")),
        ("''", ("", "")),
        ("repeat('a', 33)", ("a" * 32, "a" * 32 + LAST)),
        ("repeat('a', 300)", ("a" * 32, "a" * 32 + LAST)),
        ("repeat('\U0010ffff', 40)", (LAST * 32, LAST * 41)),
        ("true", (None, None)),
        ("'ab'::BLOB", (None, None)),
        ("date '2024-02-29'", ("2024-02-29", "2024-02-29")),
        ("date 'infinity'", (None, None)),
        ("date '0044-03-15 (BC)'", (None, None)),
        ("date '12024-01-01'", (None, None)),
        ("timestamp '2024-01-01 00:00:00'", ("2024-01-01T00:00:00.000", "2024-01-01T00:00:00.000")),
        (
            "timestamp '2024-01-01 00:00:00.123456'",
            ("2024-01-01T00:00:00.123", "2024-01-01T00:00:00.124"),
        ),
        (
            "timestamptz '1960-01-01 00:00:00.999999+00'",
            ("1960-01-01T00:00:00.999Z", "1960-01-01T00:00:01.000Z"),
        ),
        ("timestamp '9999-12-31 23:59:59.999999'", ("9999-12-31T23:59:59.999", None)),
        ("timestamptz 'infinity'", (None, None)),
        ("null::INTEGER", (None, None)),
    ],
)
def test_bounds_of_one_value(
    tmp_path: Path, value_sql: str, expected: tuple[object, object]
) -> None:
    assert bounds(tmp_path, value_sql) == expected


def test_bounds_of_zoned_times_do_not_depend_on_the_sessions_time_zone(tmp_path: Path) -> None:
    database = duckdb.connect()
    database.execute("set timezone = 'Asia/Kathmandu'")

    _, files = write_files(
        tmp_path, "select timestamptz '2024-01-01 00:00:00+00' as x", connection=database
    )

    assert files[0].stats["x"].minimum == "2024-01-01T00:00:00.000Z"


def test_nan_among_numbers_leaves_the_minimum_and_drops_the_maximum(tmp_path: Path) -> None:
    _, files = write_files(tmp_path, "select unnest([1.0, 'nan'::double, 3.0]) as x")

    assert (files[0].stats["x"].minimum, files[0].stats["x"].maximum) == (1.0, None)


def test_null_counts_and_sizes_are_kept_by_column(tmp_path: Path) -> None:
    _, files = write_files(
        tmp_path,
        "select * from (values (1, {'a': null, 'b c': 'x'}, [1, null]), (null, null, null))"
        " t(i, s, l)",
    )

    stats = files[0].stats

    assert stats["i"].null_count == 1
    assert stats['"s"."a"'].null_count == 2
    assert stats['"s"."b c"'].null_count == 1
    assert stats["l"].null_count is None
    sizes = json.loads(files[0].tags["headwater.columnBytes"])
    assert {name: part.size_bytes for name, part in stats.items() if name in sizes} == sizes
    assert set(sizes) == {"i", "s", "l"}
    assert all(size > 0 for size in sizes.values())


def test_an_empty_file_has_no_rows_and_no_bounds(tmp_path: Path) -> None:
    _, files = write_files(tmp_path, "select 1 as x where false")

    assert [(file.rows, file.stats["x"].minimum) for file in files] == [(0, None)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('"a"', ("a",)),
        ('"we.ird""col"', ('we.ird"col',)),
        ('"a"."b ""c"""."""."', ("a", 'b "c"', '".')),
        ('""', ("",)),
    ],
)
def test_quoted_paths_are_parsed(text: str, parts: tuple[str, ...]) -> None:
    assert parse_quoted_path(text) == parts


@pytest.mark.parametrize("text", ["", "a", '"a', '"a".', '"a"b', '"a"."b', '"a""'])
def test_a_path_that_is_not_quoted_right_is_our_fault(text: str) -> None:
    with pytest.raises(InternalError):
        parse_quoted_path(text)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_any_quoted_path_is_read_back(parts: list[str]) -> None:
    text = ".".join('"' + part.replace('"', '""') + '"' for part in parts)

    assert parse_quoted_path(text) == tuple(parts)


def file_with(
    stats: Mapping[str, ColumnStats], rows: int | None = 10, partition: str | None = None
) -> DataFile:
    return DataFile(
        path="f",
        size_bytes=1,
        rows=rows,
        stats=stats,
        partition_values=MappingProxyType({"p": partition}),
    )


def test_decimals_are_exact_number_tokens_in_the_log(tmp_path: Path) -> None:
    columns, files = write_files(
        tmp_path, "select 99999999999999999999999999999.123456789::decimal(38,9) as x"
    )

    text = stats_to_json(files[0], leaves_of(columns))

    assert text is not None
    assert '"minValues":{"x":99999999999999999999999999999.123456789}' in text
    assert stats_from_json(text, leaves_of(columns))[1]["x"].maximum == (
        "99999999999999999999999999999.123456789"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "3",
        '"x"',
        '{"numRecords": "7"}',
        '{"minValues": 3, "maxValues": [], "nullCount": "x"}',
        '{"minValues": {"x": {"y": 1}}, "nullCount": {"x": 1.5}}',
        "[" * 100_000,
    ],
)
def test_damaged_statistics_are_no_statistics(text: str) -> None:
    rows, stats = stats_from_json(text, leaves_of([Column("x", "BIGINT")]))

    assert (rows, stats) == (None, {})


def test_scientific_notation_of_other_writers_is_read_exactly() -> None:
    leaves = leaves_of([Column("d", "DECIMAL(20,5)"), Column("f", "DOUBLE")])

    _, stats = stats_from_json('{"minValues": {"d": 1.5E+3, "f": 1e300}}', leaves)

    assert (stats["d"].minimum, stats["f"].minimum) == ("1500", 1e300)


LOW_HIGH = ColumnStats(minimum=10, maximum=20, null_count=0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (None, None, True),
        (20, None, True),
        (21, None, False),
        (None, 10, True),
        (None, 9, False),
        (9, 21, True),
        (12, 12, True),
        (Decimal("20.5"), None, False),
        ("20", "30", True),
        ("not a number", 3, True),
    ],
)
def test_ranges_of_integers(low: object, high: object, expected: bool) -> None:
    file = file_with({"x": LOW_HIGH})

    assert may_match(file, Column("x", "BIGINT"), low, high) is expected


def test_a_column_without_statistics_may_match() -> None:
    assert may_match(file_with({}), Column("x", "BIGINT"), 1, 1)


def test_a_column_of_only_nulls_matches_no_value() -> None:
    file = file_with({"x": ColumnStats(null_count=10)})

    assert not may_match(file, Column("x", "BIGINT"), 1, 1)
    assert may_match(file, Column("x", "BIGINT"), None, None)


def test_a_maximum_that_another_writer_cut_to_milliseconds_still_matches() -> None:
    stats = ColumnStats(minimum="2024-01-01T00:00:00.000Z", maximum="2024-01-01T00:00:00.123Z")
    file = file_with({"x": stats})
    column = Column("x", "TIMESTAMP WITH TIME ZONE")

    assert may_match(file, column, "2024-01-01 00:00:00.123999+00", None)
    assert not may_match(file, column, datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC), None)
    assert may_match(file, column, "2024-01-01 05:30:00.1+05:30", None)


def test_a_maximum_that_another_writer_wrote_as_short_float_still_matches() -> None:
    file = file_with({"x": ColumnStats(minimum=1.1, maximum=1.1)})
    single = struct.unpack("f", struct.pack("f", 1.1))[0]

    assert may_match(file, Column("x", "FLOAT"), single, single)


def test_nan_is_above_every_maximum() -> None:
    file = file_with({"x": ColumnStats(minimum=1.0, maximum=2.0)})

    assert may_match(file, Column("x", "DOUBLE"), 5.0, None)
    assert may_match(file, Column("x", "DOUBLE"), math.nan, math.nan)
    assert not may_match(file, Column("x", "DOUBLE"), 5.0, 6.0)


@pytest.mark.parametrize(
    ("kind", "value", "low", "expected"),
    [
        ("VARCHAR", "b", "b", True),
        ("VARCHAR", "b", "c", False),
        ("VARCHAR", None, "c", False),
        ("DATE", "2024-01-02", date(2024, 1, 3), False),
        ("BIGINT", "10", 9, False),
        ("BIGINT", "9", 9, True),
        ("BOOLEAN", "true", True, True),
    ],
)
def test_partition_values_are_exact_bounds(
    kind: str, value: str | None, low: object, expected: bool
) -> None:
    file = file_with({}, partition=value)

    assert may_match(file, Column("p", kind), low, low) is expected


VALUES = {
    "VARCHAR": st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=60),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DECIMAL(38,9)": st.decimals(
        -(10**28), 10**28, places=9, allow_nan=False, allow_infinity=False
    ),
    "DOUBLE": st.floats(),
    "FLOAT": st.floats(width=32),
    "DATE": st.dates(),
    "TIMESTAMP": st.datetimes(),
    "TIMESTAMP WITH TIME ZONE": st.datetimes(
        datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
        datetime(9998, 12, 31),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
}


@pytest.mark.parametrize("kind", VALUES)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_value_of_a_file_is_ever_pruned(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=5))
    database = shared_connection()
    database.execute("set timezone = 'UTC'")
    database.execute(f"create or replace table v(x {kind})")
    database.executemany("insert into v values (?)", [[value] for value in values])

    columns, files = write_files(tmp_path, "select x from v", connection=database)
    text = stats_to_json(files[0], leaves_of(columns))
    rows, stats = stats_from_json(text, leaves_of(columns))
    read = DataFile(path="f", size_bytes=1, rows=rows, stats=stats)

    as_read = "x::varchar" if "TIME" in kind else "x"
    stored = [row[0] for row in database.execute(f"select {as_read} from v").fetchall()]
    lost = [
        value
        for value in stored
        if value is not None and not may_match(read, columns[0], value, value)
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("value_sql", "expected"),
    [
        ("'a b%/é'", "a b%/é"),
        ("null::varchar", None),
        ("7::BIGINT", "7"),
        ("1.50::DECIMAL(5,2)", "1.50"),
        ("true", "true"),
        ("date '2024-02-29'", "2024-02-29"),
        ("timestamp '2024-01-01 00:00:00.25'", "2024-01-01 00:00:00.25"),
        ("timestamptz '2024-01-01 00:00:00.5+02'", "2023-12-31T22:00:00.500000Z"),
    ],
)
def test_partition_values_are_written_as_the_protocol_says(
    tmp_path: Path, value_sql: str, expected: str | None
) -> None:
    database = duckdb.connect()
    database.execute("set timezone = 'America/New_York'")

    _, files = write_files(
        tmp_path, f"select {value_sql} as p, 1 as x", partition_by=("p",), connection=database
    )

    assert [dict(file.partition_values) for file in files] == [{"p": expected}]


@pytest.mark.parametrize("value_sql", ["''", "date 'infinity'", "'ab'::BLOB"])
def test_a_partition_value_that_would_change_is_refused(tmp_path: Path, value_sql: str) -> None:
    with pytest.raises(Invalid) as caught:
        write_files(tmp_path, f"select {value_sql} as p, 1 as x", partition_by=("p",))

    assert caught.value.code == "partition-value-not-storable"


def test_a_file_outside_the_tables_root_is_our_fault() -> None:
    row = {"filename": "/b/x.parquet", "count": 1, "file_size_bytes": 1, "column_statistics": {}}

    with pytest.raises(InternalError):
        data_file_from_copy(row, root="/a", columns=[], modified_ms=0)
