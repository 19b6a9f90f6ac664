"""Rows become Parquet files that are what their statistics say, or nothing at all."""

from pathlib import Path

import polars as pl
import pytest
from tests.engines.tables import Table, rows

from headwater.base.errors import Invalid, UserCodeError
from headwater.base.relations import Column
from headwater.engines.engine import (
    Destination,
    Engine,
    EngineSettings,
    Session,
    WriteAll,
    WritePartitions,
)
from headwater.engines.registry import open_engine


def test_another_reader_finds_the_rows_that_the_statistics_promise(table: Table) -> None:
    written = table.write(
        "select i, i * 0.5 as x, 'name ' || i as s, nullif(i, 3) as n from range(1000) as t(i)"
    )

    frame = pl.concat(pl.read_parquet(table.root / file.path) for file in written.added)
    stats = written.added[0].stats

    assert len(written.added) == 1
    assert frame.height == written.rows_inserted == 1000
    assert (frame["i"].min(), frame["i"].max()) == (stats["i"].minimum, stats["i"].maximum)
    assert frame["n"].null_count() == stats["n"].null_count == 1
    assert written.added[0].size_bytes == (table.root / written.added[0].path).stat().st_size


def test_files_are_compressed_with_zstd(table: Table) -> None:
    written = table.write("select i from range(100) as t(i)")
    path = table.root / written.added[0].path
    metadata = rows(table.session, f"select distinct compression from parquet_metadata('{path}')")

    assert metadata == [("ZSTD",)]


def test_large_writes_become_several_files(table: Table) -> None:
    written = table.session.write(
        "select i, md5(i::varchar) as h from range(600000) as t(i)",
        WriteAll(),
        Destination(root=str(table.root), prefix="w", file_bytes=4_000_000),
    )

    assert len(written.added) > 2
    assert sum(file.rows or 0 for file in written.added) == written.rows_inserted == 600_000


def test_partitions_are_folders_and_not_in_the_files(table: Table) -> None:
    table.partition_by = ("P",)
    written = table.write("select i, i % 2 as p from range(4) as t(i)")

    frame = pl.read_parquet(table.root / written.added[0].path, hive_partitioning=False)

    assert {file.path.split("/")[0] for file in written.added} == {"p=0", "p=1"}
    assert {file.partition_values["p"] for file in written.added} == {"0", "1"}
    assert frame.columns == ["i"]


@pytest.mark.parametrize(
    ("expression", "stored"),
    [
        ("1::utinyint", "SMALLINT"),
        ("4::ubigint", "DECIMAL(20,0)"),
        ("5::hugeint", "DECIMAL(38,0)"),
        ("'6d3d1a2e-0000-4000-8000-000000000000'::uuid", "VARCHAR"),
        ("'a'::enum('a', 'b')", "VARCHAR"),
        ("time '12:00'", "VARCHAR"),
        ("interval 3 month", "VARCHAR"),
        ("timestamp_ns '2024-01-01'", "TIMESTAMP"),
        ("timestamptz '2024-01-01'", "TIMESTAMP WITH TIME ZONE"),
        ("null", "INTEGER"),
        ("[null]", "INTEGER[]"),
        ("{'a': 1::utinyint}", 'STRUCT("a" SMALLINT)'),
        ("map {'k': uuid()}", "MAP(VARCHAR, VARCHAR)"),
        ("[1, 2]::int[2]", "INTEGER[]"),
        ("'x'::blob", "BLOB"),
        ("'nan'::double", "DOUBLE"),
    ],
)
def test_types_are_stored_in_a_form_that_delta_has(
    table: Table, expression: str, stored: str
) -> None:
    written = table.write(f"select {expression} as v")

    assert written.columns == (Column("v", stored),)
    assert len(table.rows()) == 1


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select union_value(a := 1) as v", "type-not-storable"),
        ("select 1 as a, 2 as A", "duplicate-column"),
    ],
)
def test_what_delta_cannot_have_is_refused_before_any_work(
    table: Table, sql: str, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        table.write(sql)

    assert caught.value.code == code
    assert not table.root.exists()


@pytest.mark.parametrize("partition_by", [("i",), ("nowhere",)])
def test_impossible_partitions_are_refused(table: Table, partition_by: tuple[str, ...]) -> None:
    table.partition_by = partition_by

    with pytest.raises(Invalid) as caught:
        table.write("select 1 as i")

    assert caught.value.code == "partition-column-missing"


def test_a_partition_value_that_delta_cannot_keep_leaves_no_files(table: Table) -> None:
    table.partition_by = ("p",)

    with pytest.raises(Invalid) as caught:
        table.write("select 1 as i, p from (values ('a'), ('')) as t(p)")

    assert caught.value.code == "partition-value-not-storable"
    assert table.files() == set()


def test_order_by_at_the_end_and_comments_are_fine(table: Table) -> None:
    table.write("with x as (select 2 as i union all select 1) select * from x order by i -- by i;")

    assert table.rows() == [(1,), (2,)]


def test_text_around_a_query_cannot_close_the_parenthesis(table: Table) -> None:
    with pytest.raises(UserCodeError):
        table.write("select 1 as i) to 'elsewhere' (format csv); select (1")

    assert table.files() == set()


def test_a_failed_write_points_at_the_users_line(table: Table) -> None:
    with pytest.raises(UserCodeError) as caught:
        table.write("select 1 as i,\n  cast('é' as integer) as k")

    assert "'é'" in caught.value.what
    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (2, 3)


def test_an_overwrite_by_partition_replaces_equal_values_however_spelt(table: Table) -> None:
    table.partition_by = ("t",)
    table.write("select 1 as i, timestamp '2024-01-01 00:00:00' as t union all select 2, null")

    written = table.write(
        "select 9 as i, timestamp '2024-01-01' as t", WritePartitions(target=table.snapshot)
    )

    assert (written.rows_inserted, written.rows_deleted) == (1, 1)
    assert table.rows("i") == [(2,), (9,)]


def test_an_overwrite_with_no_rows_replaces_nothing(table: Table) -> None:
    table.partition_by = ("p",)
    table.write("select 1 as i, 'a' as p")

    written = table.write(
        "select 1 as i, 'a' as p where false", WritePartitions(target=table.snapshot)
    )

    assert (written.added, written.removed) == ((), ())


def test_an_overwrite_of_a_table_without_partitions_replaces_it(table: Table) -> None:
    table.write("select 1 as i")
    table.write("select 2 as i", WritePartitions(target=table.snapshot))

    assert table.rows() == [(2,)]


def test_an_overwrite_matches_columns_by_name_and_keeps_types(table: Table) -> None:
    table.partition_by = ("p",)
    table.write("select 1::bigint as i, 'x' as s, 'a' as p")

    written = table.write(
        "select 'b' as p, 2::smallint as I, 1.5 as extra", WritePartitions(target=table.snapshot)
    )

    assert [column.type for column in written.columns] == [
        "BIGINT",
        "VARCHAR",
        "VARCHAR",
        "DECIMAL(2,1)",
    ]
    assert [row[:3] for row in table.rows()] == [(1, "x", "a"), (2, None, "b")]


def test_every_statement_of_a_write_says_whose_it_is(table: Table) -> None:
    destination = Destination(root=str(table.root), prefix="20261121T060200-1f3a*/;x-2")

    # current_query() is the statement as it was sent.
    table.session.write("select current_query() as q", WriteAll(), destination)

    sent = pl.read_parquet(next(table.root.glob("*.parquet")))["q"][0]
    assert sent.rstrip().endswith("/* headwater 20261121T060200-1f3a___x-2 */")


@pytest.mark.slow
def test_a_sort_larger_than_the_memory_limit_spills_and_completes(tmp_path: Path) -> None:
    engine = open_engine(
        EngineSettings(
            kind="duckdb",
            threads=1,
            memory_limit_bytes=2**28,
            temp_directory=str(tmp_path / "spill"),
        )
    )
    session = engine.open_session(catalog="shop", schema="main")

    written = session.write(
        "select hash(i) as h, repeat('-', 120) || i as s from range(2000000) as t(i) order by h",
        WriteAll(),
        Destination(root=str(tmp_path / "t"), prefix="w"),
    )
    session.close()
    engine.close()

    assert written.rows_inserted == 2_000_000
    assert (written.meter.spilled_bytes or 0) > 2**26
    assert list((tmp_path / "spill").iterdir()) == []


def test_statistics_hold_for_the_floats_that_break_them(table: Table) -> None:
    written = table.write(
        "select unnest(['nan'::double, '-inf'::double, 1.5, -0.0]) as x,"
        " 'z' || repeat('é', 300) as s"
    )

    stats = written.added[0].stats

    assert stats["x"].maximum is None
    assert stats["s"].maximum is None or str(stats["s"].maximum) >= "z" + "é" * 300
    assert len(table.rows()) == 4


def test_two_engines_in_one_process_do_not_meet(engine: Engine, session: Session) -> None:
    other = open_engine(EngineSettings(kind="duckdb", threads=1))
    there = other.open_session(catalog="shop", schema="main")
    there.execute("create table shop.main.mine as select 1 as i")

    with pytest.raises(UserCodeError):
        session.query("select * from mine", rows_max=1)
    assert engine.statistics().sessions_open == 1
    other.close()
