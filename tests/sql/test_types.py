"""Types: one spelling each, and what a change of type does, both held against DuckDB."""

import duckdb
import pytest

from headwater.sql.types import TypeChange, canonical_type, struct_fields, type_change

_SPELLINGS = """
int integer int4 signed int8 bigint long int2 smallint short tinyint int1 hugeint bool boolean
logical text varchar string char bpchar float real float4 double float8 date timestamp datetime
timestamptz time blob bytea uuid interval numeric decimal numeric(10,2) dec(5) decimal(38,10)
int[] varchar[3] varchar(20) uinteger ubigint timestamp_s timestamp_ms timestamp_ns bit
"""
SPELLINGS = _SPELLINGS.split()


@pytest.mark.parametrize(
    "text",
    [
        *SPELLINGS,
        "double precision",
        "timestamp with time zone",
        "struct(a int, b varchar)",
        'struct("a b" int, c struct(d text[]))',
        "map(varchar, int)",
        "numeric( 10 , 2 )",
        "int[][]",
        "union(a int, b text)",
    ],
)
def test_a_type_is_spelled_as_duckdb_spells_it(text: str) -> None:
    expected = duckdb.execute(f"describe select null::{text} as a").fetchall()[0][1]

    assert canonical_type(text) == expected
    assert canonical_type(expected) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("int", "integer", "same"),
        ("", "INTEGER", "same"),
        ("numeric(18,3)", "decimal", "same"),
        ("INTEGER", "BIGINT", "widened"),
        ("BIGINT", "INTEGER", "narrowed"),
        ("UINTEGER", "BIGINT", "widened"),
        ("UINTEGER", "INTEGER", "narrowed"),
        ("INTEGER", "UINTEGER", "narrowed"),
        ("UTINYINT", "SMALLINT", "widened"),
        ("BOOLEAN", "INTEGER", "widened"),
        ("INTEGER", "DOUBLE", "widened"),
        ("BIGINT", "DOUBLE", "narrowed"),
        ("SMALLINT", "FLOAT", "widened"),
        ("INTEGER", "FLOAT", "narrowed"),
        ("FLOAT", "DOUBLE", "widened"),
        ("DOUBLE", "FLOAT", "narrowed"),
        ("DOUBLE", "DECIMAL(18,3)", "narrowed"),
        ("DECIMAL(10,2)", "DECIMAL(12,2)", "widened"),
        ("DECIMAL(10,2)", "DECIMAL(12,4)", "widened"),
        ("DECIMAL(10,2)", "DECIMAL(11,4)", "narrowed"),
        ("DECIMAL(10,2)", "DECIMAL(10,1)", "narrowed"),
        ("DECIMAL(10,2)", "DOUBLE", "widened"),
        ("DECIMAL(38,2)", "DOUBLE", "narrowed"),
        ("INTEGER", "DECIMAL(10,0)", "widened"),
        ("INTEGER", "DECIMAL(10,2)", "narrowed"),
        ("DECIMAL(4,0)", "SMALLINT", "widened"),
        ("DATE", "TIMESTAMP", "widened"),
        ("TIMESTAMP", "DATE", "narrowed"),
        ("TIMESTAMP_S", "TIMESTAMP", "widened"),
        ("TIMESTAMP", "TIMESTAMPTZ", "narrowed"),
        ("DATE", "VARCHAR", "changed"),
        ("INTEGER", "VARCHAR", "changed"),
        ("VARCHAR", "INTEGER", "changed"),
        ("VARCHAR(10)", "TEXT", "same"),
        ("DATE", "INTEGER", "changed"),
        ("BLOB", "INTEGER", "changed"),
        ("INTEGER[]", "BIGINT[]", "widened"),
        ("INTEGER", "INTEGER[]", "changed"),
        ("STRUCT(a INTEGER)", "STRUCT(a BIGINT)", "widened"),
        ("STRUCT(a INTEGER)", "STRUCT(a INTEGER, b DATE)", "widened"),
        ("STRUCT(a INTEGER, b DATE)", "STRUCT(a INTEGER)", "narrowed"),
        ("STRUCT(a INTEGER)", "STRUCT(a DATE)", "changed"),
    ],
)
def test_a_change_of_type_is_classified(before: str, after: str, expected: TypeChange) -> None:
    assert type_change(before, after) == expected


INTEGERS = {
    "TINYINT": (-(2**7), 2**7 - 1),
    "SMALLINT": (-(2**15), 2**15 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "UTINYINT": (0, 2**8 - 1),
    "UINTEGER": (0, 2**32 - 1),
    "DECIMAL(9,0)": (-(10**9) + 1, 10**9 - 1),
}


WIDENINGS = [
    (before, after)
    for before in INTEGERS
    for after in [*INTEGERS, "DOUBLE", "FLOAT", "VARCHAR", "DECIMAL(18,3)"]
    if type_change(before, after) == "widened"
]


def test_many_changes_are_widenings() -> None:
    assert len(WIDENINGS) > 25


@pytest.mark.parametrize(("before", "after"), WIDENINGS)
def test_widening_keeps_the_extreme_values_in_duckdb(before: str, after: str) -> None:
    for value in INTEGERS[before]:
        query = f"select ({value})::{before}::{after}::{before} = ({value})::{before}"

        assert duckdb.execute(query).fetchall() == [(True,)]


def test_fields_of_a_struct_are_read() -> None:
    actual = struct_fields('STRUCT(a INTEGER, "b c" STRUCT(d VARCHAR, e DECIMAL(10,2))[], f DATE)')

    assert actual == (
        ("a", "INTEGER"),
        ("b c", "STRUCT(d VARCHAR, e DECIMAL(10,2))[]"),
        ("f", "DATE"),
    )
    assert struct_fields("STRUCT(a INTEGER)[]") == ()
    assert struct_fields("INTEGER") == ()
