"""Files are left out of a query only where that changes nothing: judged by the whole table."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lake.writing import append, create, open_table
from tests.runs.world import append as appended
from tests.runs.world import build, check, opened, quoted, relation, run_steps

from headwater.base.relations import TableName
from headwater.engines.engine import EngineSettings, FunctionSource, Session, Source, ViewSource
from headwater.engines.registry import open_engine
from headwater.lake.snapshot import Snapshot
from headwater.runs.context import Context
from headwater.runs.narrow import narrowed
from headwater.runs.query import run_sql

T, U, V = (TableName("shop", "main", name) for name in "tuv")
ROWS = """select
  i as id, cast(i * 3 % 50 as smallint) as small, i % 7 as key,
  case when i % 11 = 0 then null else i / 3.0 end as ratio,
  case when i = 41 then cast('nan' as double) else i * 0.1 end as far,
  cast(i * 0.1 as float) as near,
  cast(i * 1.37 as decimal(12, 3)) as price,
  repeat('é', i // 10) || chr((97 + i % 26)::int) || repeat('z', i % 40) as word,
  date '2024-01-01' + i::int as day,
  timestamp '2024-01-01 00:00:00.000123' + to_hours(i * 5) as at,
  timestamptz '2024-01-01 00:00:00+00' + to_hours(i * 5) as zoned,
  case when i between 20 and 39 then null else i end as gap,
  {'a': i} as inner
from range(FIRST, LAST) r(i)"""


def rows(first: int, last: int) -> str:
    return ROWS.replace("FIRST", str(first)).replace("LAST", str(last))


def write(
    folder: Path, name: str, step: int, files: int, partition_by: tuple[str, ...]
) -> Snapshot:
    table = open_table(folder / name)
    create(table, rows(0, step), partition_by=partition_by)
    for place in range(1, files):
        append(table, rows(place * step, place * step + step), partition_by=partition_by)
    return table.snapshot()


class World:
    """A session and two tables of several files, of which the first hides rows."""

    def __init__(self, folder: Path, session: Session) -> None:
        self.session = session
        hiding = write(folder, "t", 20, 5, ())
        files = tuple(
            replace(file, deleted_rows=(0, 7)) if place % 2 else file
            for place, file in enumerate(hiding.files)
        )
        self.sources: dict[TableName, Source] = {
            T: replace(hiding, files=files),
            U: write(folder, "u", 25, 4, ("key",)),
        }

    def answer(self, sources: Mapping[TableName, Source], sql: str) -> list[tuple[str, ...]]:
        for name, source in sources.items():
            self.session.bind(name, source)
        found = self.session.query(sql, rows_max=100_000).rows
        return sorted(tuple(map(str, row)) for row in found)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    engine = open_engine(EngineSettings(kind="duckdb", threads=1))
    session = engine.open_session(catalog="shop", schema="main")
    yield World(tmp_path_factory.mktemp("lake"), session)
    session.close()
    engine.close()


COLUMNS = {
    "id": ["0", "19", "20", "57", "57.5", "-1", "'57'", "99", "100"],
    "small": ["3", "48", "49.9", "150"],
    "key": ["0", "3", "6", "7"],
    "ratio": ["0", "6.666666666666667", "13.0", "33", "0.1"],
    "far": ["0.1", "4.1", "4.2", "9.9", "20"],
    "near": ["0.1", "4.1", "5", "9.9"],
    "price": ["0", "26.03", "27.4", "27.400", "135.63", "1000.12345"],
    "word": ["'a'", "'é'", "'éé'", "'ééz'", "'ézzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'", "''"],
    "day": ["'2024-01-20'", "date '2024-02-10'", "timestamp '2024-01-20 05:00'", "'2024-01-05'"],
    "at": ["'2024-01-05'", "timestamp '2024-01-05 04:00:00.000123'", "date '2024-01-13'",
           "'2024-01-05T03:59:59'", "cast('2024-01-05 23:30:00' as date)"],
    "zoned": ["'2024-01-05'", "timestamptz '2024-01-05 04:00:00+00'", "'2024-01-05 06:00+02:00'",
              "timestamp '2024-01-05 04:00'", "cast('2024-01-05 04:00:00+00:00' as date)"],
    "gap": ["0", "20", "39", "40", "99"],
}  # fmt: skip
OPERATORS = ["=", "<", "<=", ">", ">=", "<>"]


@st.composite
def predicates(draw: st.DrawFn, alias: str, depth: int = 2) -> str:
    if depth and draw(st.integers(0, 3)) == 0:
        word = draw(st.sampled_from(["and", "or"]))
        left, right = (draw(predicates(alias, depth - 1)) for _ in range(2))
        return f"({left} {word} {right})"
    if draw(st.integers(0, 11)) == 0:
        return f"not ({draw(predicates(alias, 0))})"
    name = draw(st.sampled_from(sorted(COLUMNS)))
    value = st.sampled_from(COLUMNS[name])
    column = f"{alias}.{name}"
    match draw(st.integers(0, 6)):
        case 0:
            return f"{column} is {draw(st.sampled_from(['', 'not ']))}null"
        case 1:
            return f"{column} between {draw(value)} and {draw(value)}"
        case 2:
            return f"{column} in ({draw(value)}, {draw(value)})"
        case 3:
            return f"{draw(value)} {draw(st.sampled_from(OPERATORS))} {column}"
        case _:
            return f"{column} {draw(st.sampled_from(OPERATORS))} {draw(value)}"


SHAPES = [
    "select * from {t} a where {p}",
    "select a.id, b.id from {t} a join {u} b on a.id = b.id and {q} where {p}",
    "select a.id, b.id from {t} a left join {u} b on a.id = b.id + 3 where {p} and {q}",
    "select a.id, b.id from {t} a right join {u} b on a.id = b.id and {q} where {p}",
    "select a.id, b.id from {t} a full join {u} b on a.id = b.id + 60 where {p} or {q}",
    "select a.id, b.id from {t} a full join {u} b on a.id = b.id + 60 where {q}",
    "select a.id from {t} a semi join {u} b on a.id = b.id + 1 and {q} where {p}",
    "select a.id from {t} a anti join {u} b on a.id = b.id + 1 and {q} where {p}",
    "select a.id, b.id from {t} a asof join {u} b on a.id >= b.id where {p} and {q}",
    "with b as (select * from {t}) select * from b where {q}",
    ("with c as (select * from {t}), b as (select key, max(id) id, min(far) far, min(small)"
    " small, min(ratio) ratio, min(near) near, min(price) price, min(word)"
    " word, min(day) as day, min(c.at) as at, min(zoned) as zoned, min(gap)"
    " gap from c group by key) select * from b where {q}"),
    "with b as (select * from {t} order by id limit 30) select * from b where {q}",
    "select * from (select *, row_number() over (order by id) from {t}) b where {q}",
    "select a.id from {t} a where {p} union all select b.id from {t} b where {q}",
    "select * from (select * from {t} union select * from {u}) b where {q}",
    "select * from (select * from {t} except select * from {u} a where {p}) b where {q}",
    "select count(*), sum(id) from {t} a where {p} having count(*) > 1",
    "select a.id from {t} a where exists (select 1 from {u} b where b.id = a.id and {q}) and {p}",
    "select a.id from {t} a where a.id not in (select b.id from {u} b where {q}) and {p}",
    "select a.id, (select max(b.id) from {u} b where {q} and b.key = a.key) from {t} a where {p}",
    "select * from (select distinct on (key) * from {t} order by key, id desc) b where {q}",
    "select b.* from {t} a, lateral (select * from {u} c where c.id = a.id) b where {p} and {q}",
    ("with recursive b as (select * from {t} where id = 3 union all select t.* from {t} t, b"
    " where t.id = b.id + 7) select * from b where {q}"),
    "select id, day from {t} b where {q} qualify row_number() over (order by id desc) < 4",
    "select * from (select id as key, key as id, * exclude (id, key) from {t}) b where {q}",
    "select * from v b where {q}",
]  # fmt: skip


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=st.sampled_from(SHAPES), p=predicates("a"), q=predicates("b"), viewed=predicates("x"))
def test_a_query_over_fewer_files_has_the_same_answer(
    world: World, shape: str, p: str, q: str, viewed: str
) -> None:
    text = f"select * from {T.quoted()} x where {viewed}"
    whole = {**world.sources, V: ViewSource(sql=text)}
    sql = shape.format(t=T.quoted(), u=U.quoted(), p=p, q=q).replace(" v b", f" {V.quoted()} b")

    fewer = narrowed(sql, whole)

    expected = world.answer(whole, sql)
    assert world.answer({**whole, **fewer}, sql) == expected


@pytest.mark.parametrize(
    ("sql", "files"),
    [
        ("select * from {t} where id = 45", {T: 1}),
        ("select * from {t} where id > 999", {T: 0}),
        ("select * from {t} where id in (1, 99) and word is not null", {T: 2}),
        ("with a as (select * from {t}) select id from a where day < '2024-01-10'", {T: 1}),
        ("select * from {u} where key = 3", {U: 4}),
        ("select * from {t} where gap is null", {T: 1}),
        ("select * from {t} where zoned < '2024-01-01 12:00+00'", {T: 1}),
        ("select * from {t} where zoned < '2024-01-05 12:00'", {T: 2}),
        ("select * from {v} where id < 3 limit 5", {T: 1}),
        ("select max(day) from {v} where lower(word) = 'a'", {}),
        ("select * from {t} where id = 45 union all select * from {t}", {}),
        ("select * from {t} where id = '4' || '5'", {}),
        (("select x from (select id as x from {t} union all select word from {t} union all"
          " select id from {u}) where x >= '30'"), {}),
        ("select x from (select id as x from {t} union all select id from {u}) where x = 45",
         {T: 1, U: 5}),
        ("select * from {t} where word = 'A' collate nocase", {}),
        ("select * from {t} where id = 45 or random() < 2", {}),
        ("select * from query_table('{t}') where id = 45", {}),
        ("select * from {t} tablesample 10 percent where id = 45", {}),
    ],
)  # fmt: skip
def test_only_files_that_can_hold_a_row_are_left(
    world: World, sql: str, files: Mapping[TableName, int]
) -> None:
    sources = dict(world.sources)
    if "{v}" in sql:
        sources[V] = ViewSource(sql=f"select * from {T.quoted()}")
    named = sql.format(t=T.quoted(), u=U.quoted(), v=V.quoted())

    found = narrowed(named, sources)

    lengths = {name: len(source.files) for name, source in found.items() if is_table(source)}
    assert lengths == files


def is_table(source: Source) -> TypeGuard[Snapshot]:
    return isinstance(source, Snapshot)


def test_a_function_of_the_project_may_read_what_no_text_names(world: World) -> None:
    sources = {**world.sources, V: FunctionSource(sql="{}")}

    assert narrowed(f"select * from {T.quoted()} where id = 45", sources) == {}


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", "select i as id from range(10) r(i)"))


def lose_a_file(context: Context) -> None:
    """Add a second file of rows 10 to 19, and take the first away."""
    run_steps(context, appended("t", "select i as id from range(10, 20) r(i)", 0))
    snapshot = context.tables.table(relation("t")).snapshot()
    first = next(file for file in snapshot.files if file.stats["id"].minimum == 0)
    Path(snapshot.root, first.path).unlink()


def test_a_query_reads_no_file_that_its_filter_leaves_out(context: Context) -> None:
    lose_a_file(context)

    found = run_sql(context, "select count(*), min(id) from t where id >= 10", rows_max=1)

    assert found.rows == ((10, 10),)


def test_a_model_reads_no_file_that_its_filter_leaves_out(context: Context) -> None:
    lose_a_file(context)
    sql = f"with s as (select * from {quoted('t')}) select sum(id) as total from s where id > 12"

    run = run_steps(context, build("m", sql, reads=["t"]))

    assert [result.status for result in run.results] == ["success"]
    assert run_sql(context, "select total from m", rows_max=1).rows == ((112,),)


def test_a_test_of_a_model_reads_every_file_of_its_inputs(context: Context) -> None:
    run_steps(context, appended("t", "select i as id from range(10, 20) r(i)", 0))
    sql = f"select id from {quoted('t')} where id > 12"
    rows = f"select 1 from {quoted('t')} having count(*) <> 20"
    gate = check("m_of_t", rows, gates="m", reads=["t", "m"])

    run = run_steps(context, build("m", sql, reads=["t"]), gate)

    assert [result.status for result in run.results] == ["success", "pass"]


def test_a_hook_after_a_model_reads_every_file_of_its_inputs(context: Context) -> None:
    run_steps(context, appended("t", "select i as id from range(10, 20) r(i)", 0))
    hook = f"select error('too few') from {quoted('t')} having count(*) <> 20"

    run = run_steps(
        context,
        build(
            "m",
            f"select id from {quoted('t')} where id > 12",
            reads=["t"],
            post_hooks=(hook,),
        ),
    )

    assert [result.message for result in run.results if result.status != "success"] == []


def test_texts_that_are_compared_by_another_order_are_all_read() -> None:
    settings = EngineSettings(kind="duckdb", threads=1, settings={"default_collation": "nocase"})
    engine = open_engine(settings)

    assert not engine.can_skip_files
    engine.close()
