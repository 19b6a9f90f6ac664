"""What a name is bound to is read exactly as the log says."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.engines.tables import T, Table, read, rows

from headwater.base.errors import Invalid, UserCodeError
from headwater.base.relations import Column, TableName
from headwater.engines.duckdb import bind
from headwater.engines.engine import EmptySource, FileSource, Session, ViewSource
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.types import storable_type


def with_columns(snapshot: Snapshot, *columns: Column) -> Snapshot:
    return replace(snapshot, columns=(*snapshot.columns, *columns))


def hiding(snapshot: Snapshot, *positions: int) -> Snapshot:
    files = tuple(replace(file, deleted_rows=positions) for file in snapshot.files)
    return replace(snapshot, files=files)


def test_columns_that_old_files_lack_are_null(session: Session, table: Table) -> None:
    table.write("select 1 as i")
    snapshot = with_columns(
        table.snapshot, Column("d", "DATE"), Column("st", 'STRUCT("a" INTEGER, "b" VARCHAR[])')
    )

    assert read(session, snapshot) == [(1, None, None)]
    described = session.describe("select * from t")
    assert [storable_type(column.type) for column in described] == [
        column.type for column in snapshot.columns
    ]


def test_columns_come_in_the_order_of_the_schema(session: Session, table: Table) -> None:
    table.write("select 1 as a, 2 as b, 3 as c")
    snapshot = replace(table.snapshot, columns=tuple(reversed(table.snapshot.columns)))

    assert read(session, snapshot) == [(3, 2, 1)]


def test_renamed_columns_are_read_by_their_physical_name(session: Session, table: Table) -> None:
    table.partition_by = ("col-3",)
    table.write('select 1 as "col-1", 2 as "col-2", 3 as "col-3"')
    snapshot = replace(
        table.snapshot,
        columns=(Column("Ä", "INTEGER"), Column("b", "BIGINT"), Column("p", "INTEGER")),
        partition_columns=("p",),
        physical_names={"Ä": "col-1", "b": "col-2", "p": "col-3"},
    )

    assert read(session, snapshot) == [(1, 2, 3)]


def test_widened_types_are_those_of_the_table(session: Session, table: Table) -> None:
    table.write("select cast(1 as smallint) as i")
    snapshot = replace(table.snapshot, columns=(Column("i", "BIGINT"),), features=("typeWidening",))

    assert read(session, snapshot) == [(1,)]
    assert session.describe("select i from t") == (Column("i", "BIGINT"),)


@pytest.mark.parametrize("partition_by", [(), ("p",)])
@pytest.mark.parametrize("extra", [(), (Column("later", "DATE"),)])
def test_rows_of_deletion_vectors_are_hidden(
    session: Session, table: Table, partition_by: tuple[str, ...], extra: tuple[Column, ...]
) -> None:
    table.partition_by = partition_by
    table.write("select i, i % 2 as p from range(6) as t(i)")
    snapshot = hiding(with_columns(table.snapshot, *extra), 0)

    session.bind(T, snapshot)
    left = {row[0] for row in rows(session, "select i from t")}

    assert left == ({1, 2, 3, 4, 5} if not partition_by else {2, 3, 4, 5})


def test_many_deleted_rows_are_hidden(session: Session, table: Table) -> None:
    table.write("select i from range(300000) as t(i)")
    hidden = tuple(range(0, 300_000, 2))

    session.bind(T, hiding(table.snapshot, *hidden))

    assert rows(session, "select count(*), min(i % 2) from t") == [(150_000, 1)]


@pytest.mark.parametrize("apart_max", [0, 1, 16])
@pytest.mark.parametrize("extra", [(), (Column("later", "DATE"),)])
def test_files_that_hide_rows_lie_among_others(
    session: Session,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    apart_max: int,
    extra: tuple[Column, ...],
) -> None:
    monkeypatch.setattr(bind, "HIDING_FILES_MAX", apart_max)
    for place in range(5):
        table.write(f"select i + {place * 10} as i from range(10) as t(i)")
    whole = with_columns(table.snapshot, *extra)
    first = {file.path: int(str(file.stats["i"].minimum)) for file in whole.files}
    files = tuple(
        replace(file, deleted_rows=(1, 9) if first[file.path] in {10, 40} else ())
        for file in sorted(whole.files, key=lambda file: first[file.path])
    )

    session.bind(T, replace(whole, files=files))
    found = [int(str(row[0])) for row in rows(session, "select i from t")]

    expected = [i for i in range(50) if i not in {11, 19, 41, 49}]
    assert sorted(found) == expected
    assert apart_max < 16 or extra or found == expected


def test_partition_values_are_read_with_their_types(table: Table) -> None:
    table.partition_by = ("d", "ts", "tz", "n", "b", "s")
    table.write(
        "select 1 as i, date '2024-01-31' as d, timestamp '2024-01-01 10:00:00.5' as ts,"
        " timestamptz '2024-01-01 00:00:00+02' as tz, 1.50::decimal(5,2) as n, true as b, 'x' as s"
        " union all select 2, null, null, null, null, null, null"
    )

    first, second = table.rows()

    assert first == (
        1,
        date(2024, 1, 31),
        datetime(2024, 1, 1, 10, 0, 0, 500_000),  # noqa: DTZ001 - without a zone is the point
        datetime(2023, 12, 31, 22, tzinfo=UTC),
        Decimal("1.50"),
        True,
        "x",
    )
    assert second == (2, None, None, None, None, None, None)


@pytest.mark.parametrize(
    "value",
    [
        "date '2024-01-31'",
        "date '1969-12-31'",
        "timestamp '2024-01-01 10:00:00.5'",
        "timestamptz '2024-01-01 00:00:00+02'",
        "1.50::decimal(5,2)",
        "(-12345678901234567890.5)::decimal(38,1)",
        "true",
        "(-3)::tinyint",
        "9223372036854775807",
        "1e100::double",
        "'-Infinity'::double",
        "0.1::float",
        "'x y'",
    ],
)
def test_a_partition_of_one_type_is_read_as_it_was_written(table: Table, value: str) -> None:
    # One type alone: beside a type that folders cannot tell, all of them are read another way.
    table.partition_by = ("p",)
    table.write(f"select 1 as i, {value} as p union all select 2, null")
    [(expected,)] = rows(table.session, f"select {value}")

    assert table.rows() == [(1, expected), (2, None)]


ODD_VALUES = (
    "NULL",
    "null",
    "a b/c%20=d",
    'é"x',
    "x'y",
    "*[a]?",
    "__HIVE_DEFAULT_PARTITION__",
    "..",
    "{uuid}",
    "\\",
    "😀",
)


@pytest.mark.parametrize("log_only", [False, True], ids=["folders", "log"])
def test_partition_values_of_any_text_survive(table: Table, *, log_only: bool) -> None:
    table.partition_by = ("p",)
    values = ", ".join("('" + value.replace("'", "''") + "')" for value in ODD_VALUES)
    table.write(f"select 1 as i, p from (values {values}, (null)) as t(p)")
    columns = (Column("later", "DATE"),) if log_only else ()
    table.session.bind(T, with_columns(table.snapshot, *columns))

    found = {row[0] for row in rows(table.session, "select p from t")}

    assert found == {*ODD_VALUES, None}


def test_the_log_wins_over_folder_names(session: Session, table: Table) -> None:
    table.partition_by = ("p",)
    table.write("select 1 as i, 'in the path' as p")
    file = replace(table.snapshot.files[0], partition_values={"p": "in the log"})

    assert read(session, replace(table.snapshot, files=(file,))) == [(1, "in the log")]


def test_names_that_the_engine_uses_itself_are_free_for_columns(table: Table) -> None:
    names = ["filename", "file_row_number", "rowid", "c0", "file", "row", "here", "p0", "select"]
    names += ['we"ird', "a.b", "é", "a b"]
    selected = ", ".join(
        f'{i} as "{name.replace(chr(34), chr(34) * 2)}"' for i, name in enumerate(names)
    )
    table.write(f"select {selected}")

    assert [column.name for column in table.snapshot.columns] == names
    assert table.rows() == [tuple(range(len(names)))]


def test_a_folder_with_glob_characters_is_a_folder(session: Session, tmp_path: Path) -> None:
    table = Table(session=session, root=tmp_path / "a[b]*? 'q' é{uuid}%20=1")
    table.write("select 1 as i")

    assert table.rows() == [(1,)]


def test_a_table_without_files_has_columns_only(session: Session) -> None:
    columns = (Column("i", "BIGINT"), Column("st", "STRUCT(a DECIMAL(10,2))"))
    snapshot = Snapshot(
        root="/nowhere", table_id="x", version=0, columns=columns, partition_columns=(), files=()
    )

    assert read(session, snapshot) == []
    assert session.describe("select * from t") == columns


def test_long_lists_of_files_are_bound(session: Session, table: Table) -> None:
    table.write("select 1 as i")
    one = table.snapshot.files[0]
    source = (table.root / one.path).read_bytes()
    files: list[DataFile] = []
    for number in range(2000):  # files are linked: what is tried is the list, not the disk
        path = table.root / f"many-{number}.parquet"
        if number == 0:
            path.write_bytes(source)
        else:
            path.hardlink_to(table.root / "many-0.parquet")
        files.append(replace(one, path=path.name))

    session.bind(T, replace(table.snapshot, files=tuple(files)))

    assert rows(session, "select sum(i) from t") == [(2000,)]


@pytest.mark.parametrize("name", ["main", "system", "TEMP"])
def test_catalogs_of_the_engine_itself_are_refused(session: Session, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        session.bind(TableName(name, "main", "x"), ViewSource(sql="select 1 as i"))

    assert caught.value.code == "catalog-name-reserved"
    assert name in caught.value.what


@pytest.mark.parametrize("catalog", ["memory", "information_schema", "SELECT", "1", "shop.x"])
def test_other_odd_catalogs_work(session: Session, catalog: str) -> None:
    name = TableName(catalog, "main", "x")
    session.bind(name, ViewSource(sql="select 1 as i"))

    assert rows(session, f"select * from {name.quoted()}") == [(1,)]


def test_names_are_compared_without_case(session: Session) -> None:
    session.bind(TableName("Shop", "MAIN", "T"), ViewSource(sql="select 1 as i"))

    assert rows(session, "select * from shop.main.t") == [(1,)]


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("read_csv('{path}', header=false)", "1,2\n"),
        ("'{path}'", "a,b\n1,2\n"),
        ("{path}", "a,b\n1,2\n"),
    ],
)
def test_locations_of_dbt_duckdb_work(
    session: Session, tmp_path: Path, location: str, text: str
) -> None:
    (tmp_path / "x.csv").write_text(text)
    source = FileSource(location=location.format(path=tmp_path / "x.csv"))

    assert read(session, source) == [(1, 2)]


def test_options_reach_the_reader(session: Session, project_root: Path) -> None:
    (project_root / "bars.csv").write_text("1|a\n2|b\n")
    source = FileSource(
        location="bar*.csv", options={"delim": "|", "header": "false", "names": "['i', 's']"}
    )

    assert read(session, source) == [(1, "a"), (2, "b")]


def test_relative_files_in_sql_are_the_projects(session: Session, project_root: Path) -> None:
    (project_root / "x.csv").write_text("a\n1\n")

    assert rows(session, "select a from read_csv('x.csv')") == [(1,)]


def test_unknown_formats_and_stores_are_refused(session: Session) -> None:
    with pytest.raises(Invalid) as unknown:
        session.bind(T, FileSource(location="book.xlsx"))
    with pytest.raises(Invalid) as remote:
        session.bind(T, FileSource(location="s3://bucket/x.parquet"))

    assert unknown.value.code == "file-format-unknown"
    assert remote.value.code == "storage-unsupported"


def test_a_view_over_nothing_is_the_users_error(session: Session) -> None:
    with pytest.raises(UserCodeError) as caught:
        session.bind(T, ViewSource(sql="select\n  *\nfrom nowhere"))

    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (3, 6)


def test_python_variables_are_no_tables(session: Session) -> None:
    setting = "select current_setting('python_enable_replacements')::varchar"

    assert rows(session, setting) == [("false",)]


def test_empty_sources_describe_queries_over_tables_to_be(session: Session) -> None:
    session.bind(T, EmptySource(columns=(Column("n", '"NULL"'), Column("d", "DECIMAL(9,2)"))))

    columns = session.describe("select sum(d) as total, max(n) as n from t")

    assert columns == (Column("total", "DECIMAL(38,2)"), Column("n", "INTEGER"))
