"""The world fails in the middle of a run: rivals, interruptions, full disks, folders in the way."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Timer

import pytest
from tests.lake.object_server import serving
from tests.runs.project import SLOW
from tests.runs.world import (
    append,
    build,
    check,
    close_context,
    data_files,
    graph_of,
    merge,
    node_id,
    open_context,
    opened,
    plan_of,
    quoted,
    relation,
    rows_of,
    run_steps,
    statuses,
)

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Denied, Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.telemetry import Event, NodeStarted
from headwater.catalog.records import AttemptRecord, NodeEnd, RelationRecord
from headwater.engines.engine import EngineSettings, ViewSource
from headwater.engines.registry import open_engine
from headwater.lake.commit import AddFile, Commit, RemoveFile, commit
from headwater.lake.replay import entry_name
from headwater.runs.cancel import CancelToken
from headwater.runs.context import Context, Tables
from headwater.runs.execute import execute
from headwater.runs.pins import Pins, Relation
from headwater.testing.memory import MemoryMetastore

NUMBERS = "select * from (values (1, 'a'), (2, 'b')) as t(id, name)"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def test_maintenance_by_another_writer_in_between_is_tried_again(
    context: Context, tmp_path: Path
) -> None:
    run_steps(context, build("numbers", NUMBERS))
    table = context.tables.table(relation("numbers"))
    passed: list[str] = []

    def rearrange(point: str, _node: NodeId) -> None:
        if point == "files-written" and not passed:
            passed.append(point)
            file = table.snapshot().files[0]
            folder = tmp_path / "lake" / "shop" / "main" / "numbers"
            shutil.copy(folder / file.path, folder / "compacted.parquet")
            actions = (
                RemoveFile(path=file.path, changes_data=False),
                AddFile(file=replace(file, path="compacted.parquet"), changes_data=False),
            )
            commit(table, Commit(operation="OPTIMIZE", requirements=(), actions=actions))

    run = run_steps(
        replace(context, observer=rearrange),
        merge("numbers", "select 2 as id, 'B' as name", version=0),
    )

    assert (run.status, run.results[0].attempt) == ("success", 2)
    assert rows_of(context, "numbers") == [(1, "a"), (2, "B")]
    assert run.results[0].version == 2


def test_rows_of_another_writer_in_between_are_never_overwritten(
    context: Context, tmp_path: Path
) -> None:
    run_steps(context, build("numbers", NUMBERS))
    table = context.tables.table(relation("numbers"))

    def write_rows(point: str, _node: NodeId) -> None:
        if point == "files-written":
            file = table.snapshot().files[0]
            folder = tmp_path / "lake" / "shop" / "main" / "numbers"
            shutil.copy(folder / file.path, folder / "foreign.parquet")
            added = AddFile(file=replace(file, path="foreign.parquet"))
            commit(table, Commit(operation="WRITE", requirements=(), actions=(added,)))

    run = run_steps(
        replace(context, observer=write_rows),
        build("numbers", "select 9 as id, 'z' as name", version=0),
    )

    assert (run.status, run.exit_code) == ("failed", 4)
    assert run.results[0].diagnostic is not None
    assert run.results[0].diagnostic.name == "commit-conflict"
    assert len(rows_of(context, "numbers")) == 4
    assert len(data_files(tmp_path)) == 2


def test_the_first_stop_lets_running_nodes_finish(context: Context) -> None:
    token = CancelToken()

    def stop(event: Event) -> None:
        if isinstance(event, NodeStarted):
            token.escalate()

    steps = (
        build("numbers", NUMBERS),
        build("after", f"select * from {quoted('numbers')}", reads=["numbers"]),
    )
    run = execute(plan_of(*steps), context, graph=graph_of(steps), sink=stop, cancel=token)

    assert (run.status, run.exit_code) == ("cancelled", 130)
    assert statuses(run) == {"numbers": "success", "after": "skipped"}
    assert len(rows_of(context, "numbers")) == 2
    assert context.metastore.list_runs()[0].status == "cancelled"


def test_the_second_stop_interrupts_and_leaves_the_table_whole(
    context: Context, tmp_path: Path
) -> None:
    run_steps(context, build("slow", "select 1 as id"))
    before = data_files(tmp_path)
    token = CancelToken()
    timers = [Timer(0.5, token.escalate), Timer(0.6, token.escalate)]
    for timer in timers:
        timer.start()

    run = run_steps(context, build("slow", SLOW, version=0), cancel=token)

    assert run.status == "cancelled"
    assert run.results[0].diagnostic is not None
    assert run.results[0].diagnostic.name == "interrupted"
    assert rows_of(context, "slow") == [(1,)]
    assert data_files(tmp_path) == before


def test_a_stop_before_the_first_node_runs_nothing(context: Context) -> None:
    token = CancelToken()
    token.interrupt()

    run = run_steps(context, build("numbers", NUMBERS), cancel=token)

    assert statuses(run) == {"numbers": "skipped"}


def test_a_file_in_the_tables_place_fails_the_node_and_others_go_on(
    context: Context, tmp_path: Path
) -> None:
    folder = tmp_path / "lake" / "shop" / "main"
    folder.mkdir(parents=True)
    (folder / "numbers").write_text("in the way", encoding="utf-8")

    run = run_steps(context, build("numbers", NUMBERS), build("other", NUMBERS))

    assert statuses(run) == {"numbers": "error", "other": "success"}
    assert (folder / "numbers").read_text(encoding="utf-8") == "in the way"


def test_a_crash_of_our_own_is_one_nodes_error(context: Context) -> None:
    def crash(point: str, node: NodeId) -> None:
        if point == "files-written" and node == node_id("numbers"):
            message = "a bug"
            raise RuntimeError(message)

    run = run_steps(
        replace(context, observer=crash), build("numbers", NUMBERS), build("other", NUMBERS)
    )

    assert statuses(run) == {"numbers": "error", "other": "success"}
    numbers = next(result for result in run.results if result.name == "numbers")
    assert numbers.diagnostic is not None
    assert numbers.diagnostic.name == "node-crashed"
    assert context.tables.table(relation("numbers")).version_or_none() is None


def test_a_seed_that_changed_since_the_plan_is_refused(context: Context, tmp_path: Path) -> None:
    from headwater.plan.plan import LoadSeed

    path = tmp_path / "seed.csv"
    path.write_text("id\n1\n", encoding="utf-8")
    made = build("seed", "")
    step = LoadSeed(
        node=made.node,
        name="seed",
        resource_type="seed",
        action="add",
        reason="new",
        target=made.target,
        path=str(path),
        checksum="0" * 64,
    )

    run = run_steps(context, step)

    assert run.exit_code == 4
    assert run.results[0].diagnostic is not None
    assert run.results[0].diagnostic.name == "plan-stale"
    assert rows_after_checksum_is_right(context, step) == [(1,)]


def rows_after_checksum_is_right(context: Context, step: object) -> list[tuple[object, ...]]:
    right = replace(step, checksum="")  # type: ignore[type-var] # a LoadSeed
    run_steps(context, right)  # type: ignore[arg-type] # a LoadSeed
    return rows_of(context, "seed")


FULL_DISK = """
import sys
from pathlib import Path
from tests.runs.world import *
folder = Path(sys.argv[1])
context = open_context(folder)
first = run_steps(context, build("numbers", "select 1 as id"))
big = "select md5(i::varchar) as a, md5((i * 7)::varchar) as b from range(3000000) t(i)"
run = run_steps(context, build("numbers", big, version=0), build("small", "select 2 as id"))
result = next(r for r in run.results if r.name == "numbers")
print(first.status, result.status, result.diagnostic.name, run.exit_code)
print(rows_of(context, "numbers"), rows_of(context, "small"), len(data_files(folder)))
close_context(context)
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to mount a tmpfs")
def test_a_full_disk_fails_the_node_cleans_up_and_others_go_on(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    script = tmp_path / "full.py"
    script.write_text(FULL_DISK, encoding="utf-8")
    command = (
        f"mount -t tmpfs -o size=24m tmpfs {lake} && "
        f"PYTHONPATH=src:. {sys.executable} {script} {tmp_path}"
    )

    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    if "unshare failed" in done.stderr or "permission denied" in done.stderr.lower():
        pytest.skip("this machine lets nobody mount a tmpfs")

    assert done.stdout.splitlines() == [
        "success error disk-full 4",
        "[(1,)] [(2,)] 2",
    ], done.stderr


def test_append_that_fails_half_way_leaves_no_files(context: Context, tmp_path: Path) -> None:
    run_steps(context, build("numbers", NUMBERS))
    before = data_files(tmp_path)

    run = run_steps(
        context,
        append(
            "numbers",
            "select case when i = 900000 then error('boom') else i end as id,"
            " md5(i::varchar) as name from range(1000000) t(i)",
            version=0,
        ),
    )

    assert statuses(run) == {"numbers": "error"}
    assert data_files(tmp_path) == before


class Interrupting(MemoryMetastore):
    """A metastore that stops the run as soon as an attempt has begun."""

    def __init__(self, token: CancelToken) -> None:
        super().__init__()
        self.token = token

    def start_attempt(self, record: AttemptRecord) -> None:
        super().start_attempt(record)
        self.token.interrupt()


def test_an_interrupted_test_leaves_no_attempt_open(context: Context) -> None:
    token = CancelToken()
    stopped = replace(context, metastore=Interrupting(token))

    run = run_steps(stopped, check("t", "select 1", gates=None, reads=[]), cancel=token)

    assert run.status == "cancelled"
    assert [kept.status for kept in stopped.metastore.attempts_of_run(run.run_id)] == ["error"]


class Crashing(MemoryMetastore):
    """A metastore in memory with a bug that shows once."""

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = True

    def find_relation_or_none(self, name: TableName) -> RelationRecord | None:
        if self.is_broken:
            self.is_broken = False
            message = f"a bug at {name}"
            raise RuntimeError(message)
        return super().find_relation_or_none(name)


def test_a_test_that_crashes_leaves_no_attempt_open(context: Context) -> None:
    broken = replace(context, metastore=Crashing())

    run = run_steps(broken, check("t", "select 1", gates=None, reads=["numbers"]))

    assert statuses(run) == {"t": "error"}
    assert [kept.status for kept in broken.metastore.attempts_of_run(run.run_id)] == ["error"]


def test_a_run_that_crashes_is_kept_as_failed_and_not_as_cancelled(context: Context) -> None:
    def crash(event: Event) -> None:
        message = f"the screen is gone at {event}"
        raise RuntimeError(message)

    step = build("numbers", NUMBERS)
    with pytest.raises(RuntimeError, match="the screen is gone"):
        execute(plan_of(step), context, graph=graph_of([step]), sink=crash)

    assert [run.status for run in context.metastore.list_runs()] == ["failed"]


class Meeting(MemoryMetastore):
    """A metastore whose answers wait until two have asked."""

    def __init__(self) -> None:
        super().__init__()
        self.both = Barrier(2, timeout=5)

    def find_relation_or_none(self, name: TableName) -> RelationRecord | None:
        self.both.wait()
        return super().find_relation_or_none(name)


def test_workers_look_for_their_inputs_side_by_side(context: Context) -> None:
    pins = Pins(replace(context, metastore=Meeting()))

    with ThreadPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(pins.find_or_none, [relation("a"), relation("b")]))

    assert found == [None, None]


def test_what_was_pinned_first_is_what_everybody_reads(context: Context) -> None:
    meeting = Meeting()
    pins = Pins(replace(context, metastore=meeting))
    made = Relation(source=ViewSource(sql="select 1 as id"))

    with ThreadPoolExecutor(max_workers=1) as pool:
        late = pool.submit(pins.find_or_none, relation("a"))
        while not meeting.both.n_waiting:
            time.sleep(0.001)
        pins.put(relation("a"), made)
        meeting.both.wait()

        assert late.result() is made


def test_a_missing_input_fails_its_reader_by_name(context: Context) -> None:
    run = run_steps(context, build("reader", f"select * from {quoted('raw')}", reads=["raw"]))

    assert run.results[0].diagnostic is not None
    assert run.results[0].diagnostic.name == "input-missing"


def test_a_failing_test_forbids_publishing_by_name(context: Context) -> None:
    run = run_steps(
        context, build("numbers", NUMBERS), check("t", "select 1", gates="numbers", reads=[])
    )

    numbers = next(result for result in run.results if result.name == "numbers")
    assert numbers.diagnostic is not None
    assert numbers.diagnostic.name == "tests-failed"


def test_a_plan_with_an_error_is_not_applied(context: Context) -> None:
    found = Diagnostic(code="ref-not-found", severity="error", what="no such model")

    with pytest.raises(Invalid) as caught:
        run_steps(context, build("numbers", NUMBERS), diagnostics=(found,))

    assert caught.value.code == "plan-blocked"
    assert context.metastore.list_runs() == ()


def test_a_workspace_folder_that_cannot_be_made_is_said_as_such(
    context: Context, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    with pytest.raises(Denied) as caught:
        run_steps(replace(context, folder=tmp_path / "file"), build("numbers", NUMBERS))

    assert caught.value.code == "workspace-read-only"


def test_a_step_whose_input_is_damaged_is_recorded_as_failed_for_that_reason(
    context: Context, tmp_path: Path
) -> None:
    run_steps(context, build("numbers", NUMBERS))
    (entry,) = tmp_path.glob("lake/shop/main/numbers/_delta_log/*.json")
    entry.write_text("{")

    run = run_steps(context, build("more", "select 1 as a", reads=["numbers"]))

    (kept,) = context.metastore.attempts_of_run(run.run_id)
    assert (kept.status, kept.input_bytes) == ("error", None)
    assert "not recorded" not in kept.message


class Forgetful(MemoryMetastore):
    """A metastore with a bug that shows when the end of a node is kept."""

    def finish_nodes(self, ends: Sequence[NodeEnd]) -> None:
        message = f"a bug at {len(ends)} ends"
        raise RuntimeError(message)


def test_a_crash_after_a_commit_says_that_it_is_published_and_others_go_on(
    context: Context,
) -> None:
    forgetful = replace(context, metastore=Forgetful())

    run = run_steps(
        forgetful,
        build("numbers", NUMBERS),
        build("more", NUMBERS),
        check("t", "select 1 where false", gates="numbers", reads=["numbers"]),
    )

    ends = {result.name: result for result in run.results}
    assert {name: end.version for name, end in ends.items()} == {"numbers": 0, "more": 0, "t": None}
    assert ends["numbers"].message.startswith("published, but not recorded")
    assert "as it was" not in str(ends["numbers"].diagnostic)
    assert rows_of(context, "numbers") == rows_of(context, "more") == [(1, "a"), (2, "b")]


def test_a_commit_that_lands_after_it_was_given_up_has_its_files(tmp_path: Path) -> None:
    with serving() as server:
        local = open_context(tmp_path)
        settings = EngineSettings(kind="duckdb", threads=2, storage_options=server.options)
        remote = replace(
            local,
            engine=open_engine(settings),
            tables=Tables("s3://bucket/lake", server.options),
        )
        server.put_late = entry_name(0)

        run = run_steps(remote, build("numbers", NUMBERS))
        server.land()

        assert statuses(run) == {"numbers": "error"}
        assert rows_of(remote, "numbers") == [(1, "a"), (2, "b")]
        remote.engine.close()
        close_context(local)
