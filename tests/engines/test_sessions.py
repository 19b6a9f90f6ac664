"""Sessions that follow each other on one instance find it as the first one did."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.tables import T, Table, rows

from headwater.base.errors import UserCodeError
from headwater.base.relations import Column
from headwater.engines.engine import (
    EmptySource,
    Engine,
    EngineSettings,
    Session,
    Source,
    ViewSource,
)
from headwater.engines.registry import open_engine


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Engine]:
    """An engine of one session at a time, whose sessions all have the same instance."""
    engine = open_engine(EngineSettings(kind="duckdb", threads=1, project_root=str(tmp_path)))
    yield engine
    engine.close()


def test_rows_keep_their_order_after_a_session_that_only_wrote(
    single: Engine, tmp_path: Path
) -> None:
    first = single.open_session(catalog="shop", schema="main")
    Table(session=first, root=tmp_path / "t").write("select 1 as i")
    first.close()

    second = single.open_session(catalog="shop", schema="main")

    assert rows(second, "select current_setting('preserve_insertion_order')") == [(True,)]


def test_nothing_of_a_session_is_left_for_the_next(single: Engine) -> None:
    first = single.open_session(catalog="shop", schema="main")
    first.bind(T, EmptySource(columns=(Column("i", "INTEGER"),)))
    first.close()

    second = single.open_session(catalog="other", schema="main")
    found = rows(second, "select database_name from duckdb_databases() where not internal")

    assert sorted(found) == [("__headwater",), ("other",)]


def test_what_a_statement_set_is_not_set_in_the_next_session(single: Engine) -> None:
    first = single.open_session(catalog="shop", schema="main")
    first.execute("set timezone = 'Asia/Tokyo'; create temp table left_here as select 1")
    first.close()

    second = single.open_session(catalog="shop", schema="main")

    assert rows(second, "select current_setting('TimeZone')") == [("UTC",)]
    assert second.temporary() == frozenset()


def test_a_session_that_was_interrupted_leaves_the_next_one_alone(single: Engine) -> None:
    first = single.open_session(catalog="shop", schema="main")
    first.interrupt()
    first.close()

    second = single.open_session(catalog="shop", schema="main")

    assert rows(second, "select 1") == [(1,)]


def test_a_name_of_the_session_before_is_not_there_any_more(single: Engine) -> None:
    first = single.open_session(catalog="shop", schema="main")
    first.bind(T, ViewSource(sql="select 1 as i"))
    first.close()

    second = single.open_session(catalog=T.catalog, schema=T.schema)

    with pytest.raises(UserCodeError):
        second.describe(f"select * from {T.quoted()}")


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 1;", "-- nothing", "select 1 -- x"])
def test_a_plain_query_takes_and_refuses_what_another_does(session: Session, sql: str) -> None:
    def outcome(*, is_plain: bool) -> object:
        try:
            return session.query(sql, rows_max=1, is_plain=is_plain).rows
        except UserCodeError as error:
            return error.code
        except Exception as error:  # noqa: BLE001 - compared by their kind
            return getattr(error, "code", type(error))

    assert outcome(is_plain=True) == outcome(is_plain=False)


def test_columns_are_those_that_describe_tells(session: Session) -> None:
    sql = (
        "select 1 as a, 2 as a, null, [1] as l, {'x': 1, 'a b': 2} as s, now() as t,"
        " 1.50 as d, map {'k': 1} as m, 'v'::enum('v', 'it''s') as e"
    )

    described = rows(session, f"from (describe {sql}) select column_name, column_type")

    assert [(column.name, column.type) for column in session.describe(sql)] == described


ID = Column("id", "INTEGER")
NEXT = Column("next", "VARCHAR")


@pytest.mark.parametrize(
    "sources",
    [
        (EmptySource(columns=(ID,)), EmptySource(columns=(NEXT, ID))),
        (EmptySource(columns=(ID,)), ViewSource(sql="select 'a' as next")),
        (ViewSource(sql="select 'a' as next"), EmptySource(columns=(ID,))),
        (EmptySource(columns=(ID,)), ViewSource(sql="select 1 as n"), EmptySource(columns=(ID,))),
        (EmptySource(columns=(ID,)), EmptySource(columns=(Column("n", "NULL"),))),
    ],
)
def test_a_name_takes_what_it_is_bound_to_last(
    session: Session, sources: tuple[Source, ...]
) -> None:
    for source in sources:
        session.bind(T, source)

    last = sources[-1]
    expected = last.columns if isinstance(last, EmptySource) else None
    found = session.describe(f"select * from {T.quoted()}")

    assert [each.name for each in found] == [each.name for each in expected or found]
    assert len(rows(session, f"select * from {T.quoted()}")) == (expected is None)


def test_a_source_whose_names_no_table_can_have_is_described_all_the_same(
    session: Session,
) -> None:
    session.bind(T, EmptySource(columns=(ID, Column("ID", "VARCHAR"))))

    assert len(session.describe(f"select * from {T.quoted()}")) == len((ID, NEXT))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("is_plain", [True, False])
def test_a_cte_that_is_joined_with_itself_ends_under_a_limit(
    session: Session, tmp_path: Path, is_plain: bool
) -> None:
    for part in range(3):
        first = part * 167_000
        made = f"select {first} + i as id, i % 7 as k from range(167000) t(i)"
        session.execute(f"copy ({made}) to '{tmp_path}/{part}.parquet'")
    query = (
        f"with a as (select id, k from read_parquet('{tmp_path}/*.parquet'))"
        " select a.id, b.k from a, a b where a.id = b.id"
    )

    found = session.query(query, rows_max=10, is_plain=is_plain)

    assert (len(found.rows), found.truncated) == (10, True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("-- said\n/* twice */ describe select 1 as a", 1),
        ("(summarize select 1 as a, 2 as b)", 2),
        ("/* told by many comments */\n" * 40 + "select 1 as a", 1),
        ("show tables", 0),
        ("pivot (select 1 as a, 'x' as k) on k in ('x') using sum(a)", 1),
        ("select * from range(9) order by 1 limit 5", 3),
        ("(select 1) union all (select 2)", 2),
        ("with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) from r", 3),
    ],
)
def test_every_kind_of_query_has_at_most_the_rows_that_are_wanted(
    session: Session, query: str, expected: int
) -> None:
    plain = session.query(query, rows_max=3, is_plain=True)
    other = session.query(query, rows_max=3)

    assert (len(plain.rows), len(other.rows)) == (expected, expected)
    assert plain.truncated is other.truncated
