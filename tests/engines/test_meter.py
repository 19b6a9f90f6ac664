"""What a statement used is measured by the operating system's clock and the engine's counters."""

import threading
import time
from contextlib import suppress

from tests.engines.tables import Table, rows

from headwater.base.errors import Unavailable
from headwater.engines.engine import Engine, EngineSettings
from headwater.engines.registry import open_engine

WORK = "select sum(sqrt(i) * ln(i + 1)) from range(6000000) as t(i)"


def test_cpu_of_worker_threads_is_counted() -> None:
    engine = open_engine(EngineSettings(kind="duckdb", threads=1))
    session = engine.open_session(catalog="shop", schema="main")

    process, caller = time.process_time(), time.thread_time()
    meter = session.query(WORK, rows_max=1).meter
    process, caller = time.process_time() - process, time.thread_time() - caller

    engine.close()
    assert caller < meter.cpu_seconds * 1.1
    assert abs(meter.cpu_seconds - process) < 0.25 * process + 0.02


def test_work_of_others_is_not_counted(engine: Engine) -> None:
    busy = engine.open_session(catalog="shop", schema="main")
    quiet = engine.open_session(catalog="shop", schema="main")

    def work() -> None:
        with suppress(Unavailable):
            busy.query(f"{WORK}, range(50)", rows_max=1)

    other = threading.Thread(target=work)
    other.start()
    time.sleep(0.05)

    caller = time.thread_time()
    metered = sum(quiet.query("select 1", rows_max=1).meter.cpu_seconds for _ in range(100))
    caller = time.thread_time() - caller

    busy.interrupt()
    other.join()
    busy.close()
    quiet.close()
    assert metered < caller * 1.2


def test_bytes_and_rows_read_and_written_are_counted(table: Table) -> None:
    written = table.write("select i, md5(i::varchar) as h from range(200000) as t(i)")
    all_columns = table.session.query("select max(h), sum(i) from t", rows_max=1).meter
    one_column = table.session.query("select sum(i) from t", rows_max=1).meter
    size = written.added[0].size_bytes

    assert written.meter.bytes_written == size
    assert 0.9 * size < (all_columns.bytes_read or 0) < 1.2 * size
    assert 0 < (one_column.bytes_read or 0) < 0.5 * size
    assert all_columns.rows_read == 200_000


def test_peak_memory_is_that_of_the_statement(table: Table) -> None:
    heavy = table.session.query(
        "select count(*) from (select distinct md5(i::varchar) from range(300000) as t(i))",
        rows_max=1,
    ).meter

    assert (heavy.peak_memory_bytes or 0) > 10_000_000
    assert heavy.spilled_bytes == 0


def test_a_script_adds_up_its_statements(table: Table) -> None:
    meter = table.session.execute(
        "create table shop.main.a as select 1 as i; insert into a select 2; -- done"
    )

    assert meter.statements == 2
    assert rows(table.session, "select sum(i) from a") == [(3,)]
