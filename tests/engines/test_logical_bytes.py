"""Logical bytes are those of the files' own footers: of the columns and row groups that were read.

The footers are read here by DuckDB's own function; the meter knows only what the log says.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.engines.tables import T, Table

from headwater.base.relations import TableName
from headwater.engines.engine import (
    Engine,
    FileSource,
    PythonModel,
    Session,
    ViewSource,
    WriteAll,
    WriteMerge,
)

ROWS = "select i as id, i % 7 as kind, md5(i::varchar) as word, [i, i] as pair from range({}) t(i)"


def logical(session: Session, sql: str) -> int | None:
    return session.query(sql, rows_max=1).meter.logical_bytes


def footer(session: Session, files: Path | str, *columns: str, groups: str = "true") -> int:
    """Return the compressed bytes of columns, as the footers below a folder have them."""
    path = f"{files}/*.parquet" if isinstance(files, Path) else files
    names = ", ".join(f"'{column}'" for column in columns)
    [[size]] = session.query(
        "select coalesce(sum(total_compressed_size), 0)::bigint"
        f" from parquet_metadata('{path}')"
        f" where split_part(path_in_schema, ', ', 1) in ({names}) and {groups}",
        rows_max=1,
    ).rows
    return int(str(size))


@pytest.fixture
def filled(table: Table) -> Table:
    """Three files, each of several row groups."""
    table.write(ROWS.format(300_000))
    table.write(ROWS.format(200_000).replace("i as id", "i + 1000000 as id"))
    table.write(ROWS.format(1_000).replace("i as id", "i + 5000000 as id"))
    return table


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select sum(id) from t", ["id"]),
        ("select max(word) from t", ["word"]),
        ("select kind, count(*) from t group by kind", ["kind"]),
        ("select count(distinct t) from t", ["id", "kind", "word", "pair"]),
        ("select count(*) from t", []),
        ("select sum(id) from t where word like '%id kind pair%'", ["id", "word"]),
        (
            "select sum(id) from t where kind % 2 = 1 or word = 'it''s \"pair\"'",
            ["id", "kind", "word"],
        ),
        ("select count(*) from t a join t b on a.id = b.id", ["id"]),
        ("select sum(pair[1]) from t where kind = 3", ["pair", "kind"]),
        (
            "with a as (select id, kind from t) select count(*) from a, a b where a.id = b.id",
            ["id"],
        ),
        ("select 1", []),
        ("select i from range(10) r(i)", []),
    ],
)
def test_columns_that_are_read_count_once_with_what_they_take_in_the_files(
    filled: Table, sql: str, columns: list[str]
) -> None:
    expected = footer(filled.session, filled.root, *columns) if columns else 0

    assert logical(filled.session, sql) == expected


def test_row_groups_that_statistics_leave_out_count_by_their_share(table: Table) -> None:
    table.write(ROWS.format(1_000_000))
    whole = footer(table.session, table.root, "id")
    first = footer(table.session, table.root, "id", groups="row_group_id = 0")

    found = logical(table.session, "select count(id) from t where id < 10")

    assert found is not None
    assert found < whole / 5
    assert found == pytest.approx(first, rel=0.5)


def test_a_filter_that_leaves_every_row_group_out_reads_nothing(filled: Table) -> None:
    assert logical(filled.session, "select word from t where id is null") == 0


def test_files_of_which_a_part_is_hidden_count_as_they_are(filled: Table) -> None:
    snapshot = filled.snapshot
    files = (replace(snapshot.files[0], deleted_rows=(1, 2, 3)), *snapshot.files[1:])
    filled.session.bind(T, replace(snapshot, files=files))

    found = logical(filled.session, "select sum(id) from t")

    assert found == footer(filled.session, filled.root, "id")


def test_more_files_than_the_profile_names_are_all_counted(table: Table) -> None:
    for _ in range(12):
        table.write(ROWS.format(50))

    assert logical(table.session, "select sum(id) from t") == footer(
        table.session, table.root, "id"
    )


def test_a_table_of_partitions_counts_the_files_that_are_read(
    session: Session, tmp_path: Path
) -> None:
    table = Table(session=session, root=tmp_path / "t", partition_by=("kind",))
    table.write(ROWS.format(7_000))
    one = footer(session, f"{table.root}/kind=3/*.parquet", "id")

    assert logical(session, "select sum(id), max(kind) from t where kind = 3") == one
    assert logical(session, "select kind from t") == 0


def test_columns_that_older_files_lack_take_no_bytes_there(filled: Table) -> None:
    snapshot = filled.snapshot
    added = replace(snapshot.columns[0], name="later", type="INTEGER")
    filled.session.bind(T, replace(snapshot, columns=(*snapshot.columns, added)))
    expected = footer(filled.session, filled.root, "word")

    assert logical(filled.session, "select count(later) from t where word like '%x%'") == expected


def test_files_without_a_note_of_sizes_are_counted_by_their_footers(filled: Table) -> None:
    snapshot = filled.snapshot
    files = tuple(replace(file, tags={}) for file in snapshot.files)
    filled.session.bind(T, replace(snapshot, files=files))

    found = logical(filled.session, "select sum(id) from t")

    assert found == footer(filled.session, filled.root, "id")


def test_views_count_what_is_behind_them(filled: Table) -> None:
    view = TableName("shop", "main", "v")
    filled.session.bind(view, ViewSource(sql="select id, word from shop.main.t"))

    assert logical(filled.session, "select id from v") == footer(filled.session, filled.root, "id")


def test_files_of_no_table_count_by_footers_and_text_as_a_whole(
    session: Session, project_root: Path
) -> None:
    session.execute(f"copy ({ROWS.format(500)}) to '{project_root}/raw.parquet'")
    (project_root / "raw.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    session.bind(T, FileSource(location="raw.csv"))

    assert logical(session, "select a from t") == len("a,b\n1,2\n")
    assert logical(session, f"select id from '{project_root}/raw.parquet'") == footer(
        session, f"{project_root}/raw.parquet", "id"
    )


def test_rows_kept_in_memory_count_as_their_file_does(engine: Engine, tmp_path: Path) -> None:
    small = engine.open_session(catalog="shop", schema="main", is_small=True)
    table = Table(session=small, root=tmp_path / "t")
    table.write("select i as id, i % 7 as kind, md5(i::varchar) as word from range(100) t(i)")
    expected = footer(small, table.root, "word", "kind")

    copy = small.write("select word from t where kind = 1", WriteAll(), table.destination())
    plan = small.query("explain select word from t", rows_max=100).rows

    small.close()
    assert "PARQUET" not in str(plan)
    assert copy.meter.logical_bytes == expected


def test_what_a_merge_reads_again_counts_once(filled: Table) -> None:
    merge = WriteMerge(target=filled.snapshot, unique_key=("id",))
    size = filled.snapshot.size_bytes

    written = filled.session.write("select * from t where id < 1000", merge, filled.destination())

    assert written.meter.logical_bytes is not None
    assert 0 < written.meter.logical_bytes <= size


def test_what_a_python_model_reads_is_not_known(filled: Table) -> None:
    code = "def model(dbt, session):\n    return dbt.ref('t')\n"
    model = PythonModel(
        name="m",
        file="models/m.py",
        code=code,
        this=TableName("shop", "main", "m"),
        inputs={"ref.t": T},
        config={},
        is_incremental=False,
    )
    query = filled.session.run_python(model)

    assert logical(filled.session, query) is None


def test_a_test_of_few_rows_is_measured_by_the_clock_alone(engine: Engine) -> None:
    """A profile of its statement would cost a tenth of it."""
    small = engine.open_session(catalog="shop", schema="main", is_small=True)
    meter = small.query("select count(*) from range(5000)", rows_max=1, is_plain=True).meter
    small.close()

    assert meter.cpu_seconds > 0
    assert (meter.bytes_read, meter.logical_bytes) == (None, None)


def test_what_a_session_has_set_holds_for_its_tests(engine: Engine) -> None:
    small = engine.open_session(catalog="shop", schema="main", is_small=True)
    small.execute("create temp table mine as select 3 as a; set variable v = 4")

    found = small.query("select a + getvariable('v') from mine", rows_max=1, is_plain=True)

    small.close()
    assert found.rows == ((7,),)
