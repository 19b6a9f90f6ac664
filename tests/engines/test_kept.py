"""Small sessions keep what they write in memory; nobody can tell by what they answer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.tables import T, Table, rows

from headwater.base.errors import HeadwaterError
from headwater.base.relations import TableName
from headwater.engines.duckdb.kept import ROWS_MAX, TABLES_MAX
from headwater.engines.duckdb.standing import NAMES_MAX
from headwater.engines.engine import (
    Destination,
    Engine,
    FileSource,
    Session,
    ViewSource,
    WriteAll,
)

OTHER = TableName("shop", "main", "other")

VALUES = """select * from (values
    (1, 'a', 1.5::double, timestamp '2024-01-01 00:00:00.123456', 12.34::decimal(10,2), true),
    (2, '', 'nan'::double, timestamp 'infinity', -0.01::decimal(10,2), false),
    (3, 'é' || chr(0) || 'x', '-0.0'::double, timestamp '-infinity', null, null),
    (null, null, '-infinity'::double, null, 99999999.99::decimal(10,2), true)
) as v(i, s, x, t, d, b), (select '\\x00\\xFF'::blob as raw, date 'infinity' as day,
    timestamptz '2024-03-31 01:30:00+02' as zoned, 7::tinyint as small, 1e30::float as f)"""


@pytest.fixture
def small(engine: Engine) -> Iterator[Session]:
    session = engine.open_session(catalog="shop", schema="main", is_small=True)
    yield session
    session.close()


def outcome(session: Session, root: Path, sql: str) -> object:
    """Return what can be told of a write, whatever it is."""
    try:
        written = session.write(sql, WriteAll(), Destination(root=str(root), prefix="w"))
    except HeadwaterError as error:
        return error.code, error.what.split("\n")[0], list(root.rglob("*.parquet"))
    stats = [
        (file.rows, [(k, v.minimum, v.maximum, v.null_count) for k, v in file.stats.items()])
        for file in written.added
    ]
    return written.columns, written.rows_inserted, stats


@pytest.mark.parametrize(
    "sql",
    [
        VALUES,
        "select i, i % 3 as k from range(1000) as t(i) order by i desc",
        "select 1 as a, 2 as b limit 0",
        "select null as n, 1::hugeint as h, 'v'::enum('v') as e, [1, null] as l, {'x': 1} as s",
        "values (1, 'x')",
        "select 1 as i -- the end",
        "select 1 as i;",
        "with recursive r as (select 1 as i union all select i + 1 from r where i < 9) from r",
        "select 1 as a, 2 as a",
        "select 1 as a, 2 as A, 3 as a_1",
        "select 1 as a, 2 as a_1",
        "select 1 as a, union_value(k := 1) as u",
        "select nothing from nowhere",
        "select 1 as i,\n  1 / as j",
        "select 1); select (2",
        "create table x as select 1",
        f"select i from range({ROWS_MAX + 1}) as t(i)",
    ],
)
def test_a_small_session_writes_and_refuses_what_another_does(
    session: Session, small: Session, tmp_path: Path, sql: str
) -> None:
    assert outcome(small, tmp_path / "a", sql) == outcome(session, tmp_path / "b", sql)


def test_rows_kept_in_memory_are_those_of_the_file(
    session: Session, small: Session, tmp_path: Path
) -> None:
    table = Table(session=small, root=tmp_path / "t")
    table.write(VALUES)
    session.bind(T, table.snapshot)

    kept, stored = (
        each.query("select * from t order by all", rows_max=10) for each in (small, session)
    )

    assert kept.columns == stored.columns
    assert repr(kept.rows) == repr(stored.rows)  # a NaN is not equal to itself


def test_a_session_reads_from_memory_what_one_before_it_wrote(
    engine: Engine, tmp_path: Path
) -> None:
    first = engine.open_session(catalog="shop", schema="main", is_small=True)
    table = Table(session=first, root=tmp_path / "t")
    written = table.write("select i from range(3) as t(i)")
    first.close()
    (tmp_path / "t" / written.added[0].path).unlink()

    second = engine.open_session(catalog="shop", schema="main", is_small=True)
    second.bind(T, table.snapshot)
    found = rows(second, "select * from t")
    second.close()

    assert found == [(0,), (1,), (2,)]


def test_a_column_that_compares_otherwise_is_read_as_stored(
    session: Session, small: Session, tmp_path: Path
) -> None:
    table = Table(session=small, root=tmp_path / "t")
    table.write("select 'a' as s union all select 'B' order by 1")
    session.bind(T, table.snapshot)
    asked = "select s from t where s = 'A' order by s"

    assert rows(small, asked) == rows(session, asked) == []


def test_a_table_of_more_files_than_the_one_kept_is_read_from_them(
    small: Session, tmp_path: Path
) -> None:
    table = Table(session=small, root=tmp_path / "t")
    table.write("select 1 as i")
    table.write("select 2 as i")

    assert table.rows() == [(1,), (2,)]


def count_kept(session: Session) -> int:
    counted = rows(session, "select count(*) from duckdb_tables() where table_name like 'kept_%'")
    return int(str(counted[0][0]))


def test_nothing_is_kept_of_a_write_that_failed(small: Session, tmp_path: Path) -> None:
    before = count_kept(small)

    outcome(small, tmp_path / "t", "select 1 as a, 2 as a")
    outcome(small, tmp_path / "t", "select error('no') as a")

    assert (count_kept(small), list(tmp_path.rglob("*.parquet"))) == (before, [])


def test_what_was_read_longest_ago_is_kept_no_longer(engine: Engine, tmp_path: Path) -> None:
    for number in range(TABLES_MAX + 3):
        session = engine.open_session(catalog="shop", schema="main", is_small=True)
        Table(session=session, root=tmp_path / str(number)).write(f"select {number} as i")
        session.close()

    session = engine.open_session(catalog="shop", schema="main", is_small=True)
    counted = count_kept(session)
    session.close()

    assert counted == TABLES_MAX


def test_a_name_of_a_small_session_is_not_there_for_the_next(engine: Engine) -> None:
    first = engine.open_session(catalog="shop", schema="main", is_small=True)
    first.bind(T, ViewSource(sql="select 1 as i"))
    first.bind(OTHER, ViewSource(sql="select * from t"))
    first.close()

    second = engine.open_session(catalog="shop", schema="main", is_small=True)
    second.bind(OTHER, ViewSource(sql="select 2 as i"))
    found = rows(second, "select * from other")
    with pytest.raises(HeadwaterError) as refused:
        second.describe("select * from T")
    second.close()

    assert (found, refused.value.code) == ([(2,)], "sql-failed")


def ask(session: Session, text: str) -> None:
    if "seen" in text:
        session.bind(TableName("shop", "main", "seen"), ViewSource(sql="select * from Other"))
    session.query(text, rows_max=1)


@pytest.mark.parametrize(
    "text",
    [
        "select * from other",
        'select * from "OTHER"',
        'select * from "shop"."main"."Other"',
        "select * from query_table('ot' || 'her')",
        "select * from seen",
    ],
)
def test_a_text_sees_no_name_that_its_own_session_has_not_bound(engine: Engine, text: str) -> None:
    first = engine.open_session(catalog="shop", schema="main", is_small=True)
    for name in ("other", "x1"):
        first.bind(TableName("shop", "main", name), ViewSource(sql="select 1 as i"))
    first.close()

    second = engine.open_session(catalog="shop", schema="main", is_small=True)
    with pytest.raises(HeadwaterError) as refused:
        ask(second, text)
    second.close()

    assert refused.value.code == "sql-failed"


def test_only_its_own_names_are_listed_for_a_session(engine: Engine) -> None:
    first = engine.open_session(catalog="shop", schema="main", is_small=True)
    first.bind(OTHER, ViewSource(sql="select 1 as i"))
    first.close()

    second = engine.open_session(catalog="shop", schema="main", is_small=True)
    second.bind(T, ViewSource(sql="select 1 as i"))
    found = rows(
        second, "select table_name from information_schema.tables where table_catalog='shop'"
    )
    stored = dict(second.stored_here())
    second.close()

    assert (found, stored) == ([("t",)], {T: "view"})


def test_a_name_in_another_spelling_is_bound_anew(engine: Engine) -> None:
    one, same = ViewSource(sql="select 1 as i"), TableName("shop", "main", "OTHER")
    for name, source in ((OTHER, one), (same, ViewSource(sql="select 2 as i")), (OTHER, one)):
        session = engine.open_session(catalog="shop", schema="main", is_small=True)
        session.bind(name, source)
        found = rows(session, "select * from other")
        session.close()

    assert found == [(1,)]


def test_a_view_over_a_name_that_is_bound_anew_has_its_new_columns(engine: Engine) -> None:
    over = ViewSource(sql="select * from t")
    found = []
    for sql in ("select 1 as i", "select 1 as i, 2 as j"):
        session = engine.open_session(catalog="shop", schema="main", is_small=True)
        session.bind(T, ViewSource(sql=sql))
        session.bind(OTHER, over)
        found += rows(session, "select * from other")
        session.close()

    assert found == [(1,), (1, 2)]


def test_a_file_that_has_changed_is_read_as_it_is_now(engine: Engine, project_root: Path) -> None:
    source, found = FileSource(location="raw.csv"), []
    for number, text in enumerate(("i\n1\n", "i,j\n1,2\n")):
        (project_root / "raw.csv").write_text(text, encoding="utf-8")
        os.utime(project_root / "raw.csv", (number, number))
        session = engine.open_session(catalog="shop", schema="main", is_small=True)
        session.bind(OTHER, source)
        found += rows(session, "select * from other")
        session.close()

    assert found == [(1,), (1, 2)]


def test_no_more_names_stand_than_an_instance_can_hold(engine: Engine) -> None:
    for number in range(NAMES_MAX + 2):
        session = engine.open_session(catalog="shop", schema="main", is_small=True)
        session.bind(TableName("shop", "main", f"v{number}"), ViewSource(sql="select 1 as i"))
        session.close()

    session = engine.open_session(catalog="shop", schema="main", is_small=True)
    session.bind(T, ViewSource(sql="select 3 as i"))
    found = rows(session, "select * from t")
    session.close()

    assert found == [(3,)]


def test_a_small_session_is_charged_what_its_thread_used(small: Session) -> None:
    meter = small.query("select sum(sqrt(i)) from range(3000000) as t(i)", rows_max=1).meter

    assert 0.001 < meter.cpu_seconds < meter.wall_seconds * 1.1 + 0.01
