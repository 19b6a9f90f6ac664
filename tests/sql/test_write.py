"""Writing literals and names: DuckDB reads back what was written."""

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.sql.write import literal, quote_identifier, quote_literal

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
    | st.binary()
    | st.dates(min_value=date(1, 1, 1))
    | st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1))  # noqa: DTZ001
    | st.times()
    | st.decimals(-(10**15), 10**15, places=3)
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_a_literal_is_read_back_as_the_value(value: object) -> None:
    assert duckdb.execute(f"select {literal(value)}").fetchall() == [(value,)]


def test_odd_floats_are_read_back() -> None:
    row = duckdb.execute(f"select {literal(math.inf)}, {literal(-math.inf)}, {literal(math.nan)}")

    actual = row.fetchall()[0]

    assert actual[:2] == (math.inf, -math.inf)
    assert math.isnan(actual[2])


def test_a_time_with_a_zone_keeps_its_instant() -> None:
    value = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)

    actual = duckdb.execute(f"select epoch({literal(value)})").fetchall()

    assert actual == [(value.timestamp(),)]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_a_quoted_name_is_read_back(name: str) -> None:
    with duckdb.connect() as connection:
        asked = connection.execute(f"select 1 as {quote_identifier(name)}")
        description = asked.description or []

    assert description[0][0] == name


def test_a_null_character_is_refused() -> None:
    with pytest.raises(ValueError, match="null character"):
        quote_literal("a\x00b")


def test_a_value_without_a_literal_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        literal({1})


def test_a_time_is_written_as_a_time() -> None:
    assert [literal(time(1, 2)), literal(Decimal("1.50"))] == ["TIME '01:02:00'", "1.50"]
