"""What every engine must do: tests to inherit, so that a new engine proves itself by one class.

Subclass ``EngineSuite`` in a test module and give it ``make_engine``; pytest collects the rest.
The suite speaks SQL that every engine of ours has, and reads nothing but what the contract of
``headwater.engines.engine`` promises.
"""

# ruff: noqa: S101, S608, D102, PLR2004 - tests: they assert, and their names say what

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.base.errors import HeadwaterError, Invalid, Unavailable, UserCodeError
from headwater.base.relations import Column, TableName
from headwater.engines.engine import (
    Destination,
    EmptySource,
    Engine,
    EngineSettings,
    FileSource,
    Session,
    ViewSource,
    WriteAll,
    WriteMerge,
    WritePartitions,
    Written,
)
from headwater.lake.snapshot import DataFile, Snapshot

ORDERS = TableName("shop", "main", "orders")
COPY = TableName("shop", "main", "orders_copy")
MANY = 100
MEMORY_BYTES = 1024**3


def snapshot_of(root: Path, *writes: Written, partition_by: tuple[str, ...] = ()) -> Snapshot:
    """Make the snapshot that committing these writes one after the other would give."""
    files: dict[str, DataFile] = {}
    for written in writes:
        files = {path: file for path, file in files.items() if path not in written.removed}
        files |= {file.path: file for file in (*written.added, *written.hidden)}
    return Snapshot(
        root=str(root),
        table_id="suite",
        version=len(writes) - 1,
        columns=writes[-1].columns,
        partition_columns=partition_by,
        files=tuple(files[path] for path in sorted(files)),
    )


class EngineSuite(ABC):
    """Compliance tests of an engine."""

    @abstractmethod
    def make_engine(self, settings: EngineSettings) -> Engine:
        """Open the engine under test."""

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        """An engine with two sessions."""
        engine = self.make_engine(
            EngineSettings(
                kind="suite",
                threads=2,
                memory_limit_bytes=MEMORY_BYTES,
                project_root=str(tmp_path),
            )
        )
        yield engine
        engine.close()

    @pytest.fixture
    def session(self, engine: Engine) -> Iterator[Session]:
        """A session in ``shop.main``."""
        session = engine.open_session(catalog="shop", schema="main")
        yield session
        session.close()

    @staticmethod
    def rows(session: Session, sql: str) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        return list(session.query(sql, rows_max=MANY).rows)

    @staticmethod
    def write(session: Session, root: Path, sql: str, prefix: str = "a") -> Written:
        """Write every row of a query to a table."""
        return session.write(sql, WriteAll(), Destination(root=str(root), prefix=prefix))

    def test_it_says_what_it_is(self, engine: Engine) -> None:
        facts = engine.statistics()

        assert engine.name
        assert engine.version
        assert facts.sessions_max == 2
        assert facts.memory_limit_bytes == MEMORY_BYTES

    def test_query_returns_columns_and_python_values(self, session: Session) -> None:
        result = session.query("select 1 as i, 'a' as t, cast(null as date) as d", rows_max=10)

        assert [column.name for column in result.columns] == ["i", "t", "d"]
        assert result.rows == ((1, "a", None),)
        assert not result.truncated

    def test_query_says_when_there_were_more_rows(self, session: Session) -> None:
        sql = "select * from (values (1), (2), (3)) as t(i) order by i"

        assert session.query(sql, rows_max=2).rows == ((1,), (2,))
        assert session.query(sql, rows_max=2).truncated
        assert not session.query(sql, rows_max=3).truncated

    def test_query_is_measured(self, session: Session) -> None:
        meter = session.query("select 1 as i", rows_max=1).meter

        assert meter.wall_seconds > 0
        assert meter.cpu_seconds > 0
        assert meter.statements >= 1

    def test_describe_names_columns_without_running(self, session: Session) -> None:
        columns = session.describe("select cast(1 as bigint) as n, 'x' as t; -- the end")

        assert columns == (Column("n", "BIGINT"), Column("t", "VARCHAR"))

    def test_names_that_are_not_bound_are_the_users_error(self, session: Session) -> None:
        with pytest.raises(UserCodeError) as caught:
            session.describe("select * from nowhere")

        assert caught.value.code == "sql-failed"

    @pytest.mark.parametrize(
        "sql", ["", "-- nothing", "select 1; select 2", "create table t(i int)"]
    )
    def test_a_model_is_exactly_one_query(self, session: Session, sql: str) -> None:
        with pytest.raises(UserCodeError) as caught:
            session.describe(sql)

        assert caught.value.code in {"statement-unusable", "sql-failed"}

    def test_written_rows_are_read_back(self, session: Session, tmp_path: Path) -> None:
        written = self.write(
            session, tmp_path / "t", "select 1 as i, 'a' as s union all select 2, null"
        )
        session.bind(ORDERS, snapshot_of(tmp_path / "t", written))

        rows = self.rows(session, "select i, s from shop.main.orders order by i")

        assert rows == [(1, "a"), (2, None)]
        assert (written.rows_inserted, written.removed) == (2, ())
        assert written.meter.rows_written == 2
        assert written.meter.bytes_written == sum(file.size_bytes for file in written.added)
        assert all(Path(file.path).name.startswith("a-") for file in written.added)

    def test_no_rows_are_no_files(self, session: Session, tmp_path: Path) -> None:
        written = self.write(session, tmp_path / "t", "select 1 as i where 1 = 0")

        assert written.added == ()
        assert [column.name for column in written.columns] == ["i"]
        assert list((tmp_path / "t").rglob("*.parquet")) == []

    def test_a_failed_write_leaves_no_files(self, session: Session, tmp_path: Path) -> None:
        self.write(session, tmp_path / "t", "select 1 as i", prefix="kept")
        sql = (
            "select cast(case when i < 99999 then '1' else 'x' end as integer) as n"
            " from range(100000) as t(i)"
        )

        with pytest.raises(UserCodeError):
            self.write(session, tmp_path / "t", sql, prefix="lost")

        left = [path.name[:4] for path in (tmp_path / "t").rglob("*.parquet")]
        assert left == ["kept"]

    def test_bare_and_two_part_names_resolve(self, session: Session, tmp_path: Path) -> None:
        written = self.write(session, tmp_path / "t", "select 7 as i")
        session.bind(ORDERS, snapshot_of(tmp_path / "t", written))

        assert self.rows(session, "select i from orders") == [(7,)]
        assert self.rows(session, "select i from main.orders") == [(7,)]

    def test_binding_again_replaces(self, session: Session) -> None:
        session.bind(ORDERS, EmptySource(columns=(Column("i", "BIGINT"),)))
        session.bind(ORDERS, ViewSource(sql="select 3 as j"))

        assert self.rows(session, "select j from orders") == [(3,)]

    def test_views_read_what_is_bound(self, session: Session) -> None:
        session.bind(ORDERS, ViewSource(sql="select 3 as i; -- end"))
        session.bind(COPY, ViewSource(sql='select i + 1 as i from "shop"."main"."orders"'))

        assert self.rows(session, "select i from orders_copy") == [(4,)]

    def test_an_empty_source_has_columns_only(self, session: Session) -> None:
        columns = (Column("i", "BIGINT"), Column("s", "VARCHAR"))
        session.bind(ORDERS, EmptySource(columns=columns))

        assert session.describe("select * from orders") == columns
        assert self.rows(session, "select * from orders") == []

    @pytest.mark.parametrize(
        ("name", "text"), [("r.csv", "i,s\n1,a\n"), ("r.json", '[{"i": 1, "s": "a"}]')]
    )
    def test_files_are_read_by_suffix(
        self, session: Session, tmp_path: Path, name: str, text: str
    ) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        session.bind(ORDERS, FileSource(location=name))

        assert self.rows(session, "select i, s from orders") == [(1, "a")]

    def test_names_of_any_kind_are_bound(self, session: Session) -> None:
        name = TableName('my "shop"', "sélect from", 'order "by"\'s ünïcode')
        session.bind(name, ViewSource(sql='select 1 as "group"'))

        assert self.rows(session, f'select "group" from {name.quoted()}') == [(1,)]

    def test_merge_updates_and_inserts(self, session: Session, tmp_path: Path) -> None:
        old = self.write(
            session, tmp_path / "t", "select i, 'old' as s from (values (1), (2), (null)) as t(i)"
        )
        mode = WriteMerge(target=snapshot_of(tmp_path / "t", old), unique_key=("i",))
        destination = Destination(root=str(tmp_path / "t"), prefix="b")
        sql = "select i, 'new' as s from (values (2), (3), (null)) as t(i)"

        new = session.write(sql, mode, destination)

        session.bind(ORDERS, snapshot_of(tmp_path / "t", old, new))
        rows = self.rows(session, "select i, s from orders order by i nulls last, s")
        assert rows == [(1, "old"), (2, "new"), (3, "new"), (None, "new"), (None, "old")]
        assert (new.rows_inserted, new.rows_updated, new.rows_deleted) == (2, 1, 0)

    def test_merge_refuses_duplicate_keys_and_shows_them(
        self, session: Session, tmp_path: Path
    ) -> None:
        old = self.write(session, tmp_path / "t", "select 1 as i, 'old' as s")
        mode = WriteMerge(target=snapshot_of(tmp_path / "t", old), unique_key=("i",))
        sql = "select i, s from (values (7, 'x'), (7, 'y')) as t(i, s)"

        with pytest.raises(Invalid) as caught:
            session.write(sql, mode, Destination(root=str(tmp_path / "t"), prefix="b"))

        assert caught.value.code == "merge-duplicate-keys"
        assert "7" in caught.value.what

    def test_delete_and_insert_allows_several_rows_a_key(
        self, session: Session, tmp_path: Path
    ) -> None:
        old = self.write(
            session, tmp_path / "t", "select 1 as i, 'old' as s union all select 2, 'old'"
        )
        target = snapshot_of(tmp_path / "t", old)
        mode = WriteMerge(target=target, unique_key=("i",), delete_matching=True)
        sql = "select i, s from (values (2, 'x'), (2, 'y')) as t(i, s)"

        new = session.write(sql, mode, Destination(root=str(tmp_path / "t"), prefix="b"))

        session.bind(ORDERS, snapshot_of(tmp_path / "t", old, new))
        rows = self.rows(session, "select i, s from orders order by i, s")
        assert rows == [(1, "old"), (2, "x"), (2, "y")]
        assert (new.rows_inserted, new.rows_updated, new.rows_deleted) == (2, 0, 1)

    def test_overwriting_partitions_leaves_the_others(
        self, session: Session, tmp_path: Path
    ) -> None:
        root, by = tmp_path / "t", ("p",)
        old = session.write(
            "select p, 'old' as s from (values ('a'), ('b'), (null)) as t(p)",
            WriteAll(),
            Destination(root=str(root), prefix="a", partition_by=by),
        )
        mode = WritePartitions(target=snapshot_of(root, old, partition_by=by))

        new = session.write(
            "select p, 'new' as s from (values ('b'), (null), ('c')) as t(p)",
            mode,
            Destination(root=str(root), prefix="b", partition_by=by),
        )

        session.bind(ORDERS, snapshot_of(root, old, new, partition_by=by))
        rows = self.rows(session, "select p, s from orders order by p nulls last")
        assert rows == [("a", "old"), ("b", "new"), ("c", "new"), (None, "new")]

    def test_a_seed_gets_types_from_its_values(self, session: Session, tmp_path: Path) -> None:
        (tmp_path / "s.csv").write_text(
            "i,n,d,b,s,e,at\n1,1.5,2024-01-31,true,x,,2024-01-31 10:00:00\n,,,,,,\n", "utf-8"
        )

        written = session.write_seed(
            str(tmp_path / "s.csv"), {}, ",", Destination(root=str(tmp_path / "t"), prefix="a")
        )

        kinds = [column.type for column in written.columns]
        assert kinds == ["INTEGER", "DOUBLE", "DATE", "BOOLEAN", "VARCHAR", "INTEGER", "TIMESTAMP"]
        assert written.rows_inserted == 2

    def test_a_ragged_seed_names_the_line(self, session: Session, tmp_path: Path) -> None:
        (tmp_path / "s.csv").write_text('i,s\n1,"a\nb"\n2,b,c\n', "utf-8")

        with pytest.raises(Invalid) as caught:
            session.write_seed(
                str(tmp_path / "s.csv"), {}, ",", Destination(root=str(tmp_path / "t"), prefix="a")
            )

        assert caught.value.code == "seed-ragged"
        assert "line 4" in caught.value.what

    def test_interrupt_stops_a_running_statement(self, session: Session) -> None:
        timer = threading.Timer(0.3, session.interrupt)
        timer.start()
        started = time.monotonic()
        slow = "select sum(sqrt(a.i * b.i)) from range(10000000) as a(i), range(10000000) as b(i)"

        with pytest.raises(Unavailable) as caught:
            session.query(slow, rows_max=1)

        timer.join()
        assert caught.value.code == "interrupted"
        assert time.monotonic() - started < 20

    def test_a_session_works_after_an_error(self, session: Session) -> None:
        with pytest.raises(UserCodeError):
            session.query("select nothing_like_it", rows_max=1)

        assert self.rows(session, "select 1 as i") == [(1,)]

    def test_the_next_session_sees_nothing_of_the_last(self, engine: Engine) -> None:
        first = engine.open_session(catalog="shop", schema="main")
        first.bind(ORDERS, ViewSource(sql="select 1 as i"))
        first.execute("create temp table left_over as select 1 as i")
        first.close()
        second = engine.open_session(catalog="shop", schema="main")

        for name in ("orders", "left_over"):
            with pytest.raises(UserCodeError):
                second.query(f"select * from {name}", rows_max=1)
        second.close()

    def test_no_more_sessions_are_open_than_allowed(self, engine: Engine) -> None:
        held = [engine.open_session(catalog="shop", schema="main") for _ in range(2)]
        opened: list[Session] = []
        waiting = threading.Thread(
            target=lambda: opened.append(engine.open_session(catalog="shop", schema="main"))
        )

        waiting.start()
        waiting.join(0.2)
        waited = waiting.is_alive()
        held[0].close()
        waiting.join(10)

        assert waited
        assert len(opened) == 1
        opened[0].close()
        held[1].close()
        assert engine.statistics().sessions_open == 0

    def test_what_is_closed_refuses_and_closes_again(self, engine: Engine) -> None:
        session = engine.open_session(catalog="shop", schema="main")
        session.close()
        session.close()

        with pytest.raises(HeadwaterError):
            session.query("select 1", rows_max=1)
        engine.close()
        engine.close()
        with pytest.raises(HeadwaterError):
            engine.open_session(catalog="shop", schema="main")
