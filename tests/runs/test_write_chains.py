"""Chains of statements at random, unit by unit, leave what DuckDB leaves: tables, names and rows.

A unit is what a hook sends before it is published: it ends whole, or nothing of it stays.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import duckdb
import pytest
from tests.runs.test_writes import FILL, make_work
from tests.runs.world import close_context, open_context, relation

from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.engines.engine import Session
from headwater.runs.context import Context
from headwater.runs.writes import Writer

NAMES = ("items", "b", "C d", "v")
SHAPES = (
    "create or replace table {one} as select * from {other}",
    "create or replace table {one} as select i as id, 'r' as name, i as price from range({n}) r(i)",
    "create table {one} as from {other}",
    "create table if not exists {one} as select {n} as id, 'q' as name, 1.5 as price",
    "alter table {one} rename to {other}",
    "drop table if exists {one}",
    "create or replace view {one} as select id, name from {other} where id > {n}",
    "drop view if exists {one}",
    "insert into {one} (id) values ({n})",
    "insert into {one} by name select id, name from {other}",
    "update {one} set id = id + 100 where id % 2 = {n} % 2",
    "delete from {one} where id in (select id from {other} where id > {n})",
    "truncate {one}",
    "alter table {one} add column more int",
    "alter table {one} rename column name to word",
    "alter table {one} rename column word to name",
    "alter table {one} alter column id type bigint",
    """merge into {one} using {other} s on {one}.id = s.id when matched then delete
    when not matched then insert (id) values (s.id)""",
)
State = dict[str, tuple[list[str], list[str]] | None]


def statement(pick: Random) -> str:
    one, other = (f'"{pick.choice(NAMES)}"' for _ in range(2))
    return pick.choice(SHAPES).format(one=one, other=other, n=pick.randint(0, 9))


def state_in_duckdb(connection: duckdb.DuckDBPyConnection) -> State:
    found: State = {}
    for name in NAMES:
        found[name] = None
        with suppress(duckdb.Error):
            rows = connection.execute(f'from "{name}"').fetchall()
            columns = [each[0] for each in connection.description or ()]
            found[name] = (columns, sorted(map(str, rows)))
    return found


def state_of(context: Context) -> State:
    session = context.engine.open_session(catalog="shop", schema="main")
    try:
        return {name: table_or_none(context, session, name) for name in NAMES}
    finally:
        session.close()


def table_or_none(
    context: Context, session: Session, name: str
) -> tuple[list[str], list[str]] | None:
    pins = make_work(context).pins
    with suppress(HeadwaterError):  # a view of what is gone is none
        if pins.find_or_none(relation(name)) is not None:
            pins.bind(session, [relation(name)])
            result = session.query(f"from {relation(name).quoted()}", rows_max=10_000)
            columns = [each.name for each in result.columns]
            return columns, sorted(map(str, result.rows))
    return None


def runs_in_both(writer: Writer, connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Run a statement; both must take it or both refuse it, which ends the unit."""
    fault = refusal = ""
    try:
        connection.execute(sql)
    except duckdb.Error as error:
        fault = str(error)
    try:
        writer.run(sql)
    except HeadwaterError as error:
        refusal = f"{error.code} {error.what}"
    assert bool(fault) == bool(refusal), (sql, fault, refusal)
    return not fault


def ends_in_both(
    writer: Writer, connection: duckdb.DuckDBPyConnection, unit: Sequence[str]
) -> bool:
    """Run a unit; False when it makes a view of what it then takes away, which DuckDB keeps."""
    connection.execute("begin")
    if not all(runs_in_both(writer, connection, sql) for sql in unit):
        connection.execute("rollback")
        writer.abandon()
        return True
    connection.execute("commit")
    try:
        writer.flush()
    except HeadwaterError:
        return False
    return True


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 60))]
)
def test_units_of_random_statements_leave_what_duckdb_leaves(tmp_path: Path, seed: int) -> None:
    pick, context = Random(seed), open_context(tmp_path)  # noqa: S311 - statements, by seed
    session = context.engine.open_session(catalog="shop", schema="main")
    connection = duckdb.connect(config={"python_enable_replacements": False})
    connection.execute("attach ':memory:' as shop; use shop.main")
    writer = Writer(work=make_work(context), session=session, node=NodeId("operation.shop.hook"))
    try:
        for sql in FILL:
            assert runs_in_both(writer, connection, sql)
        writer.flush()
        for _ in range(5):
            unit = [statement(pick) for _ in range(pick.randint(1, 3))]
            if not ends_in_both(writer, connection, unit):
                return
            assert state_of(context) == state_in_duckdb(connection), unit
    finally:
        connection.close()
        session.close()
        close_context(context)
