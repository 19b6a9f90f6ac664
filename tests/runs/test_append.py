"""Appending rows of a program: each once, in few files, whoever else is at work."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import polars as pl
import pytest
from tests.runs.world import close_context, open_context, opened, relation, rows_of

from headwater.base.errors import Conflict, Invalid, Unavailable
from headwater.engines.rows import CHUNK_ROWS
from headwater.lake.snapshot import DataFile
from headwater.lake.table import Table
from headwater.runs import append as module
from headwater.runs import append_keeper
from headwater.runs.append import Appender, AppendOptions, appending
from headwater.runs.append_keeper import AppendKeeper, Turns
from headwater.runs.context import Context
from headwater.runs.journal import open_journal
from headwater.runs.leases import live_leases
from headwater.runs.loads import loading
from headwater.runs.upkeep import Keeper

ROOT = Path(__file__).parents[2]
EVERY_ROW = AppendOptions(rows_max=1)
NO_TIME = timedelta(0)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def table_of(context: Context) -> Table:
    return context.tables.table(relation("t"))


def types(context: Context) -> dict[str, str]:
    return {column.name: column.type for column in table_of(context).snapshot().columns}


def ids(context: Context) -> list[int]:
    return sorted(int(str(row[0])) for row in rows_of(context, "t"))


def test_rows_wait_for_others_and_are_committed_together(context: Context) -> None:
    with appending(context, "t", AppendOptions(rows_max=3)) as appender:
        waiting = [appender.append([{"id": 1}]), appender.append([{"id": 2}])]
        full = appender.append([{"id": 3}])
        appender.append([{"id": 4}])

    assert (waiting, full) == ([None, None], 0)
    assert (appender.version, appender.commits, appender.rows) == (1, 2, 4)
    assert ids(context) == [1, 2, 3, 4]


def test_python_values_come_back_as_they_were(context: Context) -> None:
    noon = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    row = {
        "whole": 2**60,
        "real": 0.1,
        "flag": True,
        "word": "é",
        "day": date(2026, 11, 21),
        "at": noon,
        "local": noon.replace(tzinfo=None),
        "exact": Decimal("12.340"),
        "raw": b"\x00\xff",
        "items": [1, None, 3],
        "inner": {"a": "x", "b": None},
        "none": None,
    }

    with appending(context, "t", AppendOptions()) as appender:
        appender.append([row, {"none": "text"}])

    first = dict(zip(types(context), rows_of(context, "t")[0], strict=True))
    assert first == row
    assert types(context)["whole"] == "BIGINT"
    assert types(context)["exact"] == "DECIMAL(38,3)"


@pytest.mark.slow
def test_data_frames_and_arrow_are_taken_as_they_are(context: Context) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    frame = pl.DataFrame({"id": [1], "word": ["a"]})

    with appending(context, "t", EVERY_ROW) as appender:
        appender.append(frame)
        appender.append(pyarrow.table({"word": ["b"], "id": [2]}))
        appender.append(pyarrow.record_batch({"id": [3], "word": ["c"]}))
        appender.append([{"id": 4, "word": "d"}])

    assert sorted(rows_of(context, "t")) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]


def test_a_table_tells_how_far_a_source_has_come(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        assert appender.sequence is None
        appender.append([{"id": 1}], sequence=10)
        appender.append([{"id": 2}], sequence=20)

    with appending(context, "t", EVERY_ROW) as again:
        known = again.sequence
        for number in (10, 20, 30):
            again.append([{"id": number}], sequence=number)
    with appending(context, "t", replace(EVERY_ROW, source="other")) as other:
        other.append([{"id": 5}], sequence=1)

    assert (known, again.sequence, other.sequence) == (20, 30, 1)
    assert ids(context) == [1, 2, 5, 30]


def test_sequence_numbers_that_do_not_grow_are_refused(context: Context) -> None:
    with appending(context, "t", AppendOptions()) as appender:
        appender.append([{"id": 1}], sequence=2)
        with pytest.raises(Invalid) as lower:
            appender.append([{"id": 2}], sequence=1)
        with pytest.raises(Invalid) as missing:
            appender.append([{"id": 3}])
        appender.append([{"id": 4}], sequence=3)

    assert {lower.value.code, missing.value.code} == {"append-sequence"}
    assert ids(context) == [1, 4]


def test_the_second_appender_of_a_source_loses_and_nothing_is_twice(context: Context) -> None:
    with (
        appending(context, "t", EVERY_ROW) as first,
        appending(context, "t", AppendOptions()) as second,
    ):
        first.append([{"id": 1}], sequence=1)
        second.append([{"id": 1}], sequence=1)
        with pytest.raises(Conflict) as error:
            second.flush()

    assert error.value.code == "append-overtaken"
    assert ids(context) == [1]
    assert len(data_files(context)) == 1


def test_rows_of_one_source_without_numbers_can_come_from_many(context: Context) -> None:
    def send(start: int) -> None:
        with appending(context, "t", EVERY_ROW) as appender:
            for number in range(5):
                appender.append([{"id": start + number}])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(0, 40, 10)))

    assert ids(context) == sorted(start + n for start in range(0, 40, 10) for n in range(5))


def test_rows_that_do_not_fit_end_the_appender_and_leave_nothing(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 1}])

    with appending(context, "t", replace(EVERY_ROW, rows_max=2)) as appender:
        appender.append([{"id": 2}])
        with pytest.raises(Invalid) as error:
            appender.append([{"id": 1.5}])
        with pytest.raises(Invalid) as after:
            appender.append([{"id": 3}])

    assert after.value is error.value
    assert error.value.code == "append-rows-unfit"
    assert "1.5" in error.value.what
    assert (ids(context), len(data_files(context))) == ([1], 1)
    with pytest.raises(Invalid) as closed:
        appender.append([{"id": 3}])
    assert closed.value.code == "append-closed"


@pytest.mark.parametrize(
    "data",
    [7, "text", {"id": 1}, [1, 2], [{"id": 1}, {"id": "x"}], [{"id": object()}], [{"a": 10**40}]],
    ids=["number", "text", "one row", "numbers", "two kinds", "an object", "too long"],
)
def test_what_is_no_rows_is_refused(context: Context, data: object) -> None:
    with appending(context, "t", EVERY_ROW) as appender, pytest.raises(Invalid) as error:
        appender.append(data)

    assert error.value.code == "append-rows-unreadable"
    assert table_of(context).snapshot_or_none() is None


def test_new_columns_become_the_tables_unless_they_are_refused(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 1}])
        appender.append([{"id": 2, "note": "late"}])
        appender.append([{"note": "other"}])

    with (
        appending(context, "t", replace(EVERY_ROW, adds_columns=False)) as strict,
        pytest.raises(Invalid) as error,
    ):
        strict.append([{"id": 3, "more": 1}])

    assert sorted(rows_of(context, "t"), key=str) == [(1, None), (2, "late"), (None, "other")]
    assert error.value.code == "ingest-new-column"


def test_columns_that_another_writer_adds_meanwhile_are_null(context: Context) -> None:
    with (
        appending(context, "t", EVERY_ROW) as one,
        appending(context, "t", EVERY_ROW) as other,
    ):
        one.append([{"id": 1}])
        other.append([{"id": 2, "note": "late"}])
        one.append([{"id": 3}])

    assert sorted(rows_of(context, "t")) == [(1, None), (2, "late"), (3, None)]


def test_alike_rows_make_one_file_though_some_lack_values(context: Context) -> None:
    with appending(context, "t", AppendOptions()) as appender:
        for number in range(100):
            appender.append([{"id": number, "note": None if number % 2 else "x"}])

    assert len(table_of(context).snapshot().files) == 1


def test_files_stay_few_however_many_commits(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append_keeper, "SMALL_FILES_MAX", 10)
    most = 0

    with appending(context, "t", EVERY_ROW) as appender:
        for number in range(60):
            appender.append([{"id": number}])
            most = max(most, len(table_of(context).snapshot().files))

    assert most <= 4 * 10 + 10
    assert appender.compacted >= 10
    assert ids(context) == list(range(60))
    changes = [entry.changes_data for entry in table_of(context).history()]
    assert False in changes  # how often depends on when the keeper gets the processor


@pytest.mark.parametrize("busy_with", ["make_checkpoint", "rearrange"])
def test_who_appends_waits_for_a_slow_keeper(
    context: Context, monkeypatch: pytest.MonkeyPatch, busy_with: str
) -> None:
    real, may_go_on = getattr(append_keeper, busy_with), Event()

    def slowly(*given: Any) -> object:
        may_go_on.wait(60)
        return real(*given)

    monkeypatch.setattr(append_keeper, busy_with, slowly)
    monkeypatch.setattr(append_keeper, "SMALL_FILES_MAX", 10)
    bound = append_keeper.BEHIND_MAX * 10
    told: list[int | None] = []

    def send() -> None:
        with appending(context, "t", EVERY_ROW) as appender:
            told.extend(appender.append([{"id": number}]) for number in range(2 * bound))

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        wait_until(lambda: len(files_of(context)) >= bound)
        time.sleep(0.2)
        stopped_at = len(files_of(context))
        may_go_on.set()
        sending.result(60)

    assert bound <= stopped_at <= bound + 1  # one for those that were written together before
    assert ids(context) == list(range(2 * bound))


def test_a_keeper_does_not_wait_for_itself(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append_keeper, "SMALL_FILES_MAX", 1)
    monkeypatch.setattr(append_keeper, "BEHIND_MAX", 1)

    with appending(context, "t", AppendOptions(seconds_max=0.05)) as appender:
        for number in range(3):
            appender.append([{"id": number}])
            wait_until(partial(has_rows, appender, number + 1))

    assert ids(context) == [0, 1, 2]


def test_files_that_cannot_be_written_together_stop_nobody_and_are_tried_again(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append_keeper, "SMALL_FILES_MAX", 5)
    monkeypatch.setattr(append_keeper, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(append_keeper, "RETRY_SECONDS_MAX", 0.1)
    bound = append_keeper.BEHIND_MAX * 5

    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 0}])
        first = Path(table_of(context).root, files_of(context)[0].path)
        first.rename(first.with_suffix(".hidden"))
        for number in range(1, 2 * bound):
            appender.append([{"id": number}])
        wait_until(lambda: appender.not_compacted is not None)
        kept = len(table_of(context).snapshot().files)

        first.with_suffix(".hidden").rename(first)
        time.sleep(append_keeper.RETRY_SECONDS_MAX)
        appender.append([{"id": 2 * bound}])
        wait_until(lambda: appender.not_compacted is None and appender.compacted > 0)

    assert kept == 2 * bound
    assert ids(context) == list(range(2 * bound + 1))
    assert len(table_of(context).snapshot().files) < 5


def test_failures_for_days_are_tried_again_all_the_same(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise Conflict("commit-conflict", "another writer")

    monkeypatch.setattr(append_keeper, "rearrange", fail)
    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 0}])
    with loading(context, relation("t"), "append") as load:
        keeper = AppendKeeper(load, Turns(), small_files=1, compacts=True)
        for _ in range(1100):
            keeper.compact()

    assert keeper.failure is not None
    assert not keeper.wants_compaction


def test_columns_are_widened_for_who_asks(context: Context) -> None:
    with appending(context, "t", AppendOptions(rows_max=1)) as appender:
        appender.append(pl.DataFrame({"id": [1], "v": [1.5]}, schema_overrides={"id": pl.Int32}))
    options = AppendOptions(widens=True)

    with appending(context, "t", options) as appender:
        appender.append(pl.DataFrame({"id": [2], "v": [2.5]}))
        appender.append([{"id": 2**40, "v": 3.5, "new": "x"}])
        appender.flush()
        appender.append([{"id": 2**63, "v": 4.5}])

    columns = table_of(context).snapshot().columns
    kinds = {column.name: column.type for column in columns}
    assert kinds == {"id": "DECIMAL(38,0)", "v": "DOUBLE", "new": "VARCHAR"}
    assert ids(context) == [1, 2, 2**40, 2**63]
    assert appender.widened == ("id: INTEGER -> BIGINT", "id: BIGINT -> DECIMAL(38,0)")
    assert len(pl.read_delta(table_of(context).root)) == 4


@pytest.mark.parametrize("widens", [False, True])
@pytest.mark.parametrize(
    ("stored", "fits", "unfit"),
    [
        ([1], [2.0, None], [1.5]),
        ({"a": 1}, {"a": 2.0}, {"a": 1.5}),
        ([{"a": [1]}], [{"a": [3.0]}, None], [{"a": [1.5]}]),
        ({"a": 1}, {"a": "7"}, {"a": "007"}),
    ],
)
def test_what_stands_inside_of_a_value_is_not_rounded(
    context: Context, stored: object, fits: object, unfit: object, *, widens: bool
) -> None:
    with appending(context, "t", AppendOptions(widens=widens)) as appender:
        appender.append([{"v": stored}, {"v": None}])
        appender.flush()
        appender.append([{"v": fits}])
        appender.flush()
        appender.append([{"v": unfit}])
        with pytest.raises(Invalid) as caught:
            appender.flush()

    assert caught.value.code == "append-rows-unfit"
    assert len(rows_of(context, "t")) == 3


def test_text_widens_no_number(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 1}])

    options = AppendOptions(rows_max=1, widens=True)
    with pytest.raises(Invalid) as caught, appending(context, "t", options) as appender:
        appender.append([{"id": "x"}])

    assert caught.value.code == "append-rows-unfit"
    assert ids(context) == [1]
    assert len(list(Path(table_of(context).root).glob("*.parquet"))) == 1


def test_an_appender_that_widens_meets_another_writer(context: Context) -> None:
    with appending(context, "t", AppendOptions(rows_max=1)) as appender:
        appender.append(pl.DataFrame({"id": [1]}, schema={"id": pl.Int32}))
    options = AppendOptions(rows_max=1, widens=True)

    with appending(context, "t", options) as wide, appending(context, "t", EVERY_ROW) as other:
        other.append([{"id": 2}])
        wide.append([{"id": 2**40}])
        other.append([{"id": 3}])

    assert ids(context) == [1, 2, 3, 2**40]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_keeper_that_died_stops_nobody(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(append_keeper, "rearrange", die)
    monkeypatch.setattr(append_keeper, "SMALL_FILES_MAX", 2)

    with appending(context, "t", EVERY_ROW) as appender:
        for number in range(20):
            appender.append([{"id": number}])

    assert ids(context) == list(range(20))


def test_the_one_who_asks_is_first_however_busy_the_others_are() -> None:
    turns, ended = Turns(), Event()

    def take_again_and_again() -> None:
        while not ended.is_set():
            with turns:
                time.sleep(0.001)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(take_again_and_again)
        started = time.monotonic()
        for _ in range(50):
            with turns.first():
                pass
        took = time.monotonic() - started
        ended.set()

    assert took < 50 * append_keeper.TURN_SECONDS_MAX / 4


def test_one_who_asked_to_be_first_and_died_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(append_keeper, "TURN_SECONDS_MAX", 0.05)
    turns = Turns()
    turns._is_asked = True  # as a thread leaves it that ends before it has the lock

    started = time.monotonic()
    with turns:
        took = time.monotonic() - started

    assert 0.04 < took < 5


def test_checkpoints_are_made_on_the_way(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        for number in range(30):
            appender.append([{"id": number}])

    assert table_of(context).list_log().checkpoints


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)


def has_rows(appender: Appender, count: int) -> bool:
    return appender.rows == count


def files_of(context: Context) -> Sequence[DataFile]:
    snapshot = table_of(context).snapshot_or_none()
    return () if snapshot is None else snapshot.files


def test_rows_do_not_wait_for_ever(context: Context) -> None:
    with appending(context, "t", AppendOptions(seconds_max=0.05)) as appender:
        appender.append([{"id": 1}])
        deadline = time.monotonic() + 10
        while appender.version is None and time.monotonic() < deadline:
            time.sleep(0.01)
        seen = ids(context)

    assert seen == [1]


@pytest.mark.parametrize("may_land", [True, False])
def test_files_of_a_commit_that_may_still_land_stay(
    context: Context, monkeypatch: pytest.MonkeyPatch, *, may_land: bool
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise Unavailable("storage-unavailable", "no answer", fix="try again")

    monkeypatch.setattr(module, "commit", fail)
    monkeypatch.setattr(module, "may_still_land", lambda _table, _error: may_land)

    with appending(context, "t", EVERY_ROW) as appender, pytest.raises(Unavailable):
        appender.append([{"id": 1}])

    assert len(data_files(context)) == may_land


def test_appenders_end_however_short_they_live(context: Context) -> None:
    for _ in range(200):
        with appending(context, "t", AppendOptions()):
            pass

    assert live_leases(context) == ()


def test_rows_of_a_block_that_failed_are_left_out(context: Context) -> None:
    def fail() -> None:
        with appending(context, "t", AppendOptions()) as appender:
            appender.append([{"id": 1}])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert table_of(context).snapshot_or_none() is None
    assert context.metastore.list_runs() == ()


@pytest.mark.parametrize("taken", ["", "_delta_log"])
def test_a_table_that_was_removed_meanwhile_is_said_to_be_gone(
    context: Context, taken: str
) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 1}])
        appender.append([{"id": 2}])
        shutil.rmtree(Path(table_of(context).root, taken))
        with pytest.raises(Conflict) as error:
            appender.append([{"id": 3}])

    assert error.value.code == "load-table-gone"
    assert table_of(context).version_or_none() is None


def test_a_table_whose_first_versions_were_removed_is_said_to_be_gone(context: Context) -> None:
    log = Path(table_of(context).root, "_delta_log")
    with appending(context, "t", EVERY_ROW) as appender:
        for number in range(3):
            appender.append([{"id": number}])
        Path(log, "00000000000000000003.json").write_bytes(
            Path(log, "00000000000000000002.json").read_bytes()
        )
        for version in range(3):
            Path(log, f"{version:020d}.json").unlink()
        with pytest.raises(Conflict) as error:
            appender.append([{"id": 3}])

    assert error.value.code == "load-table-gone"
    assert "cannot be used" in error.value.why


def test_columns_that_differ_in_case_alone_are_refused(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender, pytest.raises(Invalid) as error:
        appender.append([{"id": 1, "ID": 2}])

    assert error.value.code == "append-rows-unreadable"


def test_partitions_are_kept(context: Context) -> None:
    with appending(context, "t", AppendOptions(partition_by=("day",))) as appender:
        appender.append([{"id": 1, "day": date(2026, 1, 1)}, {"id": 2, "day": date(2026, 1, 2)}])
    with appending(context, "t", AppendOptions()) as appender:
        appender.append([{"id": 3, "day": date(2026, 1, 2)}])

    snapshot = table_of(context).snapshot()
    assert snapshot.partition_columns == ("day",)
    assert len(snapshot.files) == 3


def test_long_lists_are_taken_in_pieces(context: Context) -> None:
    count = CHUNK_ROWS * 2 + 7

    with appending(context, "t", AppendOptions()) as appender:
        appender.append([{"id": number} for number in range(count)])

    assert table_of(context).snapshot().rows == count


@pytest.mark.parametrize(
    "options",
    [
        AppendOptions(rows_max=0),
        AppendOptions(bytes_max=0),
        AppendOptions(seconds_max=-1),
        AppendOptions(source=""),
    ],
)
def test_bounds_that_are_none_are_refused(context: Context, options: AppendOptions) -> None:
    with pytest.raises(Invalid) as error:
        appending(context, "t", options).__enter__()

    assert error.value.code == "append-option"


def test_an_appender_is_a_run_and_the_table_has_a_name(context: Context) -> None:
    with appending(context, "t", AppendOptions()) as appender:
        appender.append([{"id": 1}])
        appender.flush()
        running = context.metastore.list_runs(status="running")

    (run,) = context.metastore.list_runs()
    assert [each.run_id for each in running] == [run.run_id]
    assert (run.command, run.status) == ("append", "success")
    assert context.metastore.find_relation_or_none(relation("t")) is not None


def test_a_vacuum_leaves_the_files_of_a_running_appender(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 1}])
        lease = live_leases(context)[0]
        written = Path(table_of(context).root) / f"{lease.run_id}-9-0-0-waiting.parquet"
        written.write_bytes(b"not yet committed")
        os.utime(written, (0, 0))

        Keeper(context).vacuum("t", retain=NO_TIME, force=True, dry_run=False)
        survived = written.exists()

    Keeper(context).vacuum("t", retain=NO_TIME, force=True, dry_run=False)
    assert (survived, written.exists()) == (True, False)
    assert ids(context) == [1]


def test_a_build_does_not_take_a_running_appender_for_dead(context: Context) -> None:
    with appending(context, "t", EVERY_ROW) as appender:
        appender.append([{"id": 1}])
        with open_journal(context, "build") as journal:
            findings = journal.findings
        appender.append([{"id": 2}])

    assert findings == ()
    assert [run.status for run in context.metastore.list_runs()] == ["success"]


APPENDING_FOR_EVER = """
import sys
from pathlib import Path
from tests.runs.world import open_context
from headwater.runs.append import AppendOptions, appending
with appending(open_context(Path(sys.argv[1])), "t", AppendOptions(rows_max=1)) as appender:
    number = appender.sequence or 0
    while True:
        number += 1
        appender.append([{"id": number}], sequence=number)
        print(number, flush=True)
"""


def test_a_killed_appender_goes_on_where_it_was(tmp_path: Path) -> None:
    told = 0
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDING_FOR_EVER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        )
        assert process.stdout is not None
        for _ in range(10):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    context = open_context(tmp_path)
    try:
        found = ids(context)
        with open_journal(context, "build") as journal:
            crashed = [finding.code for finding in journal.findings]
        left = data_files(context)
    finally:
        close_context(context)
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= told
    assert len(crashed) == 2
    assert len(left) == len(found)


def data_files(context: Context) -> list[Path]:
    return sorted(Path(table_of(context).root).glob("**/*.parquet"))
