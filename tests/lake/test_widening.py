"""A column is widened to a type that holds every value of both, or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.lake.writing import shared_connection

from headwater.lake.widening import widened_or_none

KINDS = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIMESTAMP",
         "DECIMAL(5,2)", "DECIMAL(12,0)", "DECIMAL(38,10)", "VARCHAR", "BOOLEAN",
         "TIMESTAMP WITH TIME ZONE"]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "given", "wider"),
    [
        ("INTEGER", "BIGINT", "BIGINT"),
        ("TINYINT", "SMALLINT", "SMALLINT"),
        ("BIGINT", "INTEGER", None),
        ("INTEGER", "INTEGER", None),
        ("FLOAT", "DOUBLE", "DOUBLE"),
        ("DOUBLE", "FLOAT", None),
        ("INTEGER", "DOUBLE", "DOUBLE"),
        ("INTEGER", "FLOAT", "DOUBLE"),
        ("FLOAT", "INTEGER", "DOUBLE"),
        ("BIGINT", "DOUBLE", None),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMP", "DATE", None),
        ("DATE", "TIMESTAMP WITH TIME ZONE", None),
        ("DECIMAL(5,2)", "DECIMAL(7,2)", "DECIMAL(7,2)"),
        ("DECIMAL(5,2)", "DECIMAL(5,4)", "DECIMAL(7,4)"),
        ("DECIMAL(7,4)", "DECIMAL(5,2)", None),
        ("DECIMAL(38,10)", "DECIMAL(38,0)", None),
        ("INTEGER", "DECIMAL(5,2)", "DECIMAL(12,2)"),
        ("BIGINT", "DECIMAL(20,0)", "DECIMAL(20,0)"),
        ("DECIMAL(5,2)", "BIGINT", "DECIMAL(22,2)"),
        ("DECIMAL(5,2)", "DOUBLE", None),
        ("INTEGER", "VARCHAR", None),
        ("VARCHAR", "INTEGER", None),
        ("BOOLEAN", "INTEGER", None),
    ],
)
def test_a_type_is_widened_as_the_protocol_allows(
    stored: str, given: str, wider: str | None
) -> None:
    assert widened_or_none(stored, given) == wider


@pytest.mark.parametrize("stored", KINDS)
@pytest.mark.parametrize("given", KINDS)
def test_what_was_widened_holds_both_and_stays(stored: str, given: str) -> None:
    wider = widened_or_none(stored, given)

    if wider is not None:
        assert widened_or_none(wider, stored) is None
        assert widened_or_none(wider, given) is None


@given(some.integers(-(2**31), 2**31 - 1), some.decimals(-999, 999, places=2))
def test_values_come_back_out_of_the_wider_type(whole: int, exact: Decimal) -> None:
    sql = "SELECT CAST(CAST(? AS DECIMAL(12,2)) AS INTEGER), CAST(? AS DECIMAL(12,2))"

    found = shared_connection().execute(sql, [whole, exact]).fetchone()

    assert widened_or_none("INTEGER", "DECIMAL(5,2)") == "DECIMAL(12,2)"
    assert found == (whole, exact)
