"""Columns under other names in the files: at the top, inside of values, and found by their ids."""

from dataclasses import replace
from pathlib import Path

import duckdb
from tests.engines.tables import read

from headwater.base.relations import Column
from headwater.engines.engine import Session
from headwater.lake.snapshot import DataFile, Snapshot

FILE = """
select {'p1': 1, 'p2': {'p3': 'x'}} as c1, [{'p4': 2}, null] as c2, map {'k': {'p5': 3}} as c3
union all select null, null, null
"""


def snapshot_in(folder: Path, sql: str, options: str = "") -> Snapshot:
    path = folder / "f.parquet"
    with duckdb.connect() as connection:  # the one that all share may hold another test's result
        connection.execute(f"copy ({sql}) to '{path}' (format parquet{options})")
    file = DataFile(path="f.parquet", size_bytes=path.stat().st_size, rows=2)
    return Snapshot(
        root=str(folder), table_id="", version=0, columns=(), partition_columns=(), files=(file,)
    )


def test_fields_inside_of_values_get_their_names(session: Session, tmp_path: Path) -> None:
    snapshot = replace(
        snapshot_in(tmp_path, FILE),
        columns=(
            Column("s", "STRUCT(a INTEGER, b STRUCT(c VARCHAR))"),
            Column("l", "STRUCT(d INTEGER)[]"),
            Column("m", "MAP(VARCHAR, STRUCT(e INTEGER))"),
        ),
        physical_names={"s": "c1", "l": "c2", "m": "c3"},
        stored_types={
            "s": "STRUCT(p1 INTEGER, p2 STRUCT(p3 VARCHAR))",
            "l": "STRUCT(p4 INTEGER)[]",
            "m": "MAP(VARCHAR, STRUCT(p5 INTEGER))",
        },
    )

    assert read(session, snapshot) == [
        ({"a": 1, "b": {"c": "x"}}, [{"d": 2}, None], {"k": {"e": 3}}),
        (None, None, None),
    ]


def test_fields_that_swapped_their_names_keep_their_values(
    session: Session, tmp_path: Path
) -> None:
    snapshot = replace(
        snapshot_in(tmp_path, "select {'a': 1, 'b': 2} as s union all select null"),
        columns=(Column("s", "STRUCT(b INTEGER, a INTEGER)"),),
        physical_names={"s": "s"},
        stored_types={"s": "STRUCT(a INTEGER, b INTEGER)"},
    )

    assert read(session, snapshot) == [({"b": 1, "a": 2},), (None,)]


def test_columns_are_found_by_their_ids(session: Session, tmp_path: Path) -> None:
    options = ", field_ids {x: 7, y: 9}"
    snapshot = replace(
        snapshot_in(tmp_path, "select 1 as x, 'a' as y union all select 2, 'b'", options),
        columns=(Column("y", "INTEGER"), Column("z", "VARCHAR"), Column("new", "DATE")),
        physical_names={"y": "y", "z": "z", "new": "new"},
        field_ids={"y": 7, "z": 9, "new": 11},
    )

    assert read(session, snapshot) == [(1, "a", None), (2, "b", None)]


def test_binary_partition_values_are_bytes(session: Session, tmp_path: Path) -> None:
    snapshot = snapshot_in(tmp_path, "select 1 as x union all select 2")
    file = replace(snapshot.files[0], partition_values={"p": "\u00e9"})
    snapshot = replace(
        snapshot,
        columns=(Column("x", "INTEGER"), Column("p", "BLOB")),
        partition_columns=("p",),
        files=(file,),
    )

    assert read(session, snapshot) == [(1, "\u00e9".encode()), (2, "\u00e9".encode())]
