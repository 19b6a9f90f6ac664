"""Column types between the engine and Delta."""

import json

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.base.errors import DataDamaged, Invalid
from headwater.base.relations import Column
from headwater.lake.types import (
    schema_from_json,
    schema_to_json,
    storable_type,
    uses_timestamp_without_zone,
)

STORED = {
    "BOOLEAN": ("BOOLEAN", "boolean"),
    "TINYINT": ("TINYINT", "byte"),
    "SMALLINT": ("SMALLINT", "short"),
    "INTEGER": ("INTEGER", "integer"),
    "BIGINT": ("BIGINT", "long"),
    "HUGEINT": ("DECIMAL(38,0)", "decimal(38,0)"),
    "UHUGEINT": ("DECIMAL(38,0)", "decimal(38,0)"),
    "UTINYINT": ("SMALLINT", "short"),
    "USMALLINT": ("INTEGER", "integer"),
    "UINTEGER": ("BIGINT", "long"),
    "UBIGINT": ("DECIMAL(20,0)", "decimal(20,0)"),
    "FLOAT": ("FLOAT", "float"),
    "DOUBLE": ("DOUBLE", "double"),
    "DECIMAL(12,2)": ("DECIMAL(12,2)", "decimal(12,2)"),
    "VARCHAR": ("VARCHAR", "string"),
    "BLOB": ("BLOB", "binary"),
    "DATE": ("DATE", "date"),
    "TIMESTAMP": ("TIMESTAMP", "timestamp_ntz"),
    "TIMESTAMP_S": ("TIMESTAMP", "timestamp_ntz"),
    "TIMESTAMP_MS": ("TIMESTAMP", "timestamp_ntz"),
    "TIMESTAMP_NS": ("TIMESTAMP", "timestamp_ntz"),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP WITH TIME ZONE", "timestamp"),
    "UUID": ("VARCHAR", "string"),
    "ENUM('a', 'b,)''x')": ("VARCHAR", "string"),
    "TIME": ("VARCHAR", "string"),
    "TIME WITH TIME ZONE": ("VARCHAR", "string"),
    "INTERVAL": ("VARCHAR", "string"),
    "JSON": ("VARCHAR", "string"),
    "BIT": ("VARCHAR", "string"),
    "BIGNUM": ("VARCHAR", "string"),
    '"NULL"': ("INTEGER", "integer"),
}


@pytest.mark.parametrize("engine_type", STORED)
def test_engine_type_has_its_stored_form_and_delta_name(engine_type: str) -> None:
    schema = json.loads(schema_to_json([Column("x", engine_type)]))

    assert (storable_type(engine_type), schema["fields"][0]["type"]) == STORED[engine_type]


@pytest.mark.parametrize("engine_type", STORED)
def test_the_engine_can_cast_to_the_stored_type_and_describes_it_alike(engine_type: str) -> None:
    stored = storable_type(engine_type)
    source = "INTEGER" if engine_type == '"NULL"' else engine_type

    described = duckdb.execute(f"describe select null::{source}::{stored} as x").fetchall()

    assert described[0][1] == stored


@pytest.mark.parametrize(
    "engine_type",
    [
        "UNION(a INTEGER)",
        "VARIANT",
        "TUPLE(INTEGER, INTEGER)",
        "GEOMETRY",
        "STRUCT(a UNION(b INTEGER))",
        "MAP(INTEGER, VARIANT)",
        "STRUCT(",
        "",
        "STRUCT(a INTEGER",
        "INTEGER[",
        'STRUCT("a INTEGER)',
        "DECIMAL(x,y)",
        "INTEGER)",
        "[" * 200,
        "STRUCT(a " * 200 + "INTEGER" + ")" * 200,
    ],
)
def test_a_type_without_a_stored_form_is_refused(engine_type: str) -> None:
    with pytest.raises(Invalid) as caught:
        storable_type(engine_type)

    assert caught.value.code == "type-not-storable"


def test_nested_types_are_read_with_quoted_and_spaced_names() -> None:
    engine_type = (
        'STRUCT("we.ird""col" VARCHAR, "a b" STRUCT(c UINTEGER[])[], m MAP(UUID, TIME[3]))'
    )

    assert storable_type(engine_type) == (
        'STRUCT("we.ird""col" VARCHAR, "a b" STRUCT("c" BIGINT[])[], "m" MAP(VARCHAR, VARCHAR[]))'
    )


@given(st.text(min_size=1, max_size=12).filter(lambda name: "\0" not in name))
def test_any_column_and_field_name_survives_the_round_trip(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    columns = (Column(name, f"STRUCT({quoted} MAP(VARCHAR, {'INTEGER[]'}))"),)

    assert schema_from_json(schema_to_json(columns)) == columns


def test_stored_spelling_is_stable() -> None:
    once = storable_type("STRUCT(a INTEGER, b MAP(VARCHAR, HUGEINT[]))")

    assert storable_type(once) == once


def test_nullability_and_order_survive_the_round_trip() -> None:
    columns = (Column("b", "BIGINT", nullable=False), Column("a", "TIMESTAMP"))

    assert schema_from_json(schema_to_json(columns)) == columns


@pytest.mark.parametrize("names", [("id", "ID"), ("", "a")])
def test_names_that_delta_cannot_tell_apart_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        schema_to_json([Column(name, "INTEGER") for name in names])

    assert caught.value.code == "duplicate-column"


@pytest.mark.parametrize(
    ("delta", "engine"),
    [
        ("char(3)", "VARCHAR"),
        ("varchar(9)", "VARCHAR"),
        ("decimal", "DECIMAL(10,0)"),
        ("decimal(5)", "DECIMAL(5,0)"),
        ("void", "INTEGER"),
    ],
)
def test_types_that_only_other_writers_use_are_read(delta: str, engine: str) -> None:
    schema = json.dumps({"type": "struct", "fields": [{"name": "x", "type": delta}]})

    assert schema_from_json(schema) == (Column("x", engine),)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"fields": 3}', '{"fields": [{"type": "long"}]}', '{"fields": [1]}',
     '{"fields": [{"name": "a", "type": "decimal(99,1)"}]}',
     '{"fields": [{"name": "a", "type": {"type": "array"}}]}',
     '{"fields": [{"name": "a", "type": {"type": "struct", "fields": 3}}]}',
     '{"fields": [{"name": "a", "type": 7}]}'],
)  # fmt: skip
def test_a_schema_that_is_none_is_damage(text: str) -> None:
    with pytest.raises(DataDamaged) as caught:
        schema_from_json(text)

    assert caught.value.code == "log-damaged"


def test_a_type_from_the_future_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="geography") as caught:
        schema_from_json('{"fields": [{"name": "a", "type": "geography"}]}')

    assert caught.value.code == "table-feature-unsupported"


@pytest.mark.parametrize(
    ("engine_type", "expected"),
    [
        ("TIMESTAMP", True),
        ("STRUCT(a MAP(VARCHAR, TIMESTAMP[]))", True),
        ("TIMESTAMP WITH TIME ZONE", False),
        ("MAP(TIMESTAMP, INTEGER)", True),
        ("BIGINT", False),
    ],
)
def test_timestamps_without_zone_are_found_at_any_depth(engine_type: str, expected: bool) -> None:
    assert uses_timestamp_without_zone([Column("x", engine_type)]) is expected
