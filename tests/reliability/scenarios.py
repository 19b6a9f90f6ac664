"""Faults that are no single point of one write: rivals, tests that fail, clocks that jump."""

import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from tests.reliability.cases import Patch
from tests.reliability.children import in_child, signal_here, start_child
from tests.reliability.invariants import digest
from tests.reliability.lake import BY_NAME, ROWS, Model, load, load_first, opened, rows_or_none
from tests.runs.project import build_project
from tests.runs.world import append, build, check, merge, quoted, relation, run_steps, target

from headwater.base.clock import FixedClock
from headwater.base.errors import Conflict, HeadwaterError, Unavailable
from headwater.base.ids import NodeId, RunId
from headwater.lake.commit import AddFile, Commit, SetTransaction, TransactionBelow, commit
from headwater.lake.compaction import choose_files
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.runs.context import Context
from headwater.runs.rearrange import rearrange
from headwater.runs.upkeep import Keeper

SMALL = "select i as id, 1 as batch from range(1000) t(i)"
MORE = "select i as id, 2 as batch from range(500, 1500) t(i)"
APPENDS = 12


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story with an end that must hold; ``call`` returns what does not."""

    name: str
    call: Callable[[Path, Patch], list[str]]

    def run(self, folder: Path, patch: Patch) -> list[str]:
        """Run it in an empty folder, in a process of its own."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        ended = in_child(lambda: self.call(folder, patch))
        if ended.how == "returned":
            found: list[str] = ended.value
            return found
        return [f"{self.name}: {ended.how} {ended.value}"]


def _rows(folder: Path, name: str) -> int:
    with opened(folder) as context:
        found = rows_or_none(context, name)
        return -1 if found is None else len(found)


def gate(folder: Path, patch: Patch) -> list[str]:
    """A test that fails publishes nothing."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))
        before = digest(rows_or_none(context, "t"))
        patch()
        failing = check("no", "select 1", gates="t", reads=["t"])
        run = run_steps(context, build("t", MORE, version=0), failing)
        after = digest(rows_or_none(context, "t"))
    found = [] if run.status == "failed" else [f"the run is {run.status} though its test failed"]
    return found if before == after else [*found, "I1: rows that failed their test are published"]


def appenders(folder: Path, patch: Patch) -> list[str]:
    """Two processes that append at once lose and double nothing."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))

    def add(name: str) -> Callable[[], None]:
        def adding() -> None:
            patch()
            with opened(folder) as context:
                table = context.tables.table(relation("t"))
                for number in range(APPENDS):
                    path = f"{name}-{number}.parquet"
                    Path(table.root, path).write_bytes(b"x")
                    entry = Commit(
                        operation="WRITE",
                        requirements=(TransactionBelow(app_id=path, version=1),),
                        actions=(
                            AddFile(file=DataFile(path=path, size_bytes=1, rows=1)),
                            SetTransaction(app_id=path, version=1),
                        ),
                    )
                    commit(table, entry)

        return adding

    ended = at_once(add("a"), add("b"))
    with opened(folder) as context:
        table = context.tables.table(relation("t"))
        rows, version = table.snapshot().rows, table.snapshot().version
    found = [f"I2: {text}" for text in ended if text]
    wanted = (1000 + 2 * APPENDS, 2 * APPENDS)
    return found if (rows, version) == wanted else [*found, f"I2: {rows} rows at {version}"]


def at_once(*calls: Callable[[], object]) -> list[str]:
    """Run calls in processes of their own at once; return what they raised."""
    children = []
    for call in calls:
        reader, writer = os.pipe()
        children.append((start_child(call, writer, closing=reader), reader))
        os.close(writer)
    texts = []
    for child, reader in children:
        with os.fdopen(reader, "rb") as pipe:
            data = pipe.read()
        os.waitpid(child, 0)
        texts.append("" if b"returned" in data[:64] else data.decode(errors="replace")[:300])
    return texts


def stale_append(folder: Path, patch: Patch) -> list[str]:
    """A writer that read an older version is told so when rows were replaced in between."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))
        patch()
        seen: list[str] = []

        def rival(point: str, _node: NodeId) -> None:
            if point == "files-written" and not seen:
                seen.append(point)
                with opened(folder) as other:
                    table = other.tables.table(relation("t"))
                    Path(table.root, "rival.parquet").write_bytes(b"x")
                    added = AddFile(file=DataFile(path="rival.parquet", size_bytes=1, rows=7))
                    commit(table, Commit(operation="WRITE", requirements=(), actions=(added,)))

        run = run_steps(replace(context, observer=rival), merge("t", MORE, version=0))
        rows = context.tables.table(relation("t")).snapshot().rows
    found = [] if run.status == "failed" else [f"I3: the merge is {run.status}"]
    return found if rows == 1007 else [*found, f"I2: {rows} rows: the rival's are lost or doubled"]


def one_build(folder: Path, patch: Patch) -> list[str]:
    """Of two builds at once the second is told who holds the workspace."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))
        patch()
        told: list[str] = []

        def second(point: str, _node: NodeId) -> None:
            if point == "files-written" and not told:
                told.append(_code_of(lambda: _append_once(folder)))

        run = run_steps(replace(context, observer=second), append("t", MORE, version=0))
        rows = len(rows_or_none(context, "t") or ())
    found = [] if told == ["workspace-busy"] else [f"I5: the second build is told {told}"]
    wanted = ("success", 2000)
    return found if (run.status, rows) == wanted else [*found, f"I5: {run.status}, {rows} rows"]


def _append_once(folder: Path) -> None:
    with opened(folder) as other:
        run_steps(other, append("t", MORE, version=0))


def _code_of(call: Callable[[], None]) -> str:
    try:
        call()
    except Unavailable as error:
        return error.code
    return "no error"


def retention(folder: Path, patch: Patch) -> list[str]:
    """A vacuum keeps what versions of the retention time need, and what the newest needs."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))
        run_steps(context, build("t", MORE, version=0))
        patch()
        Keeper(context).vacuum("t", dry_run=False)
        table = context.tables.table(relation("t"))
        found = [
            f"I1: version {version} lacks {file.path} within its retention time"
            for version in (0, 1)
            for file in table.snapshot(version).files
            if not table.storage.exists(file.path)
        ]
        try:
            Keeper(context).vacuum("t", retain=timedelta(hours=1), dry_run=False)
        except HeadwaterError:
            return found
    return [*found, "a vacuum that keeps too little is not refused"]


def moved_input(folder: Path, patch: Patch) -> list[str]:
    """A node reads the version that the run saw first, whoever writes on the way."""
    with opened(folder) as context:
        load(context, "raw", SMALL)
        run_steps(context, build("a", "select 1 as x", reads=["raw"]))
        patch()
        done: list[str] = []

        def rival(point: str, _node: NodeId) -> None:
            if point == "committed" and not done:
                done.append(point)
                with opened(folder) as other:
                    table = other.tables.table(relation("raw"))
                    file = table.snapshot().files[0]
                    shutil.copy(Path(table.root, file.path), Path(table.root, "again.parquet"))
                    added = AddFile(file=replace(file, path="again.parquet"))
                    commit(table, Commit(operation="WRITE", requirements=(), actions=(added,)))

        count = f"select count(*) as n from {quoted('raw')}"
        steps = (build("b", count, reads=["raw"]), build("c", count, reads=["raw", "b"]))
        run_steps(replace(context, observer=rival), *steps)
        counts = [rows_or_none(context, name) for name in ("b", "c")]
    return [] if counts == [(("1000",),), (("1000",),)] else [f"I4: one run has read {counts}"]


def clocks(folder: Path, patch: Patch) -> list[str]:
    """Clocks that jump back or ahead leave versions and times in order."""
    clock = FixedClock(datetime(2026, 11, 21, 6, tzinfo=UTC))
    subject = BY_NAME["append"]
    assert isinstance(subject, Model)
    with opened(folder) as plain:
        context = replace(plain, clock=clock)
        patch()
        found = []
        for number, jump in enumerate((0, -3600, 86_400 * 400, -86_400 * 800, 5)):
            clock.advance(timedelta(seconds=jump))
            load(context, "raw", f"select i as id, {number + 1} as batch from range(100) t(i)")
            if build_project(context, subject.graph).status != "success":
                found.append(f"a build fails after a jump of {jump} s")
        rows = rows_or_none(context, "append") or ()
        entries = context.tables.table(relation("append")).history(100)
        times = [entry.timestamp_ms for entry in reversed(entries)]
        if times != sorted(set(times)):
            found.append(f"I1: times of versions are {times}")
        if len(rows) != 500:
            found.append(f"I3: {len(rows)} rows")
        seen = context.tables.table(relation("append")).snapshot(
            at=datetime.fromtimestamp(times[2] / 1000, UTC)
        )
    return found if seen.version == 2 else [*found, f"I1: at version 2's time it is {seen.version}"]


def memory(folder: Path, patch: Patch) -> list[str]:
    """A process that runs out of memory leaves the table as it was, or as it should be."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))
    before = _rows_in_child(folder)
    # Two million texts in one group need more than the engine has.
    big = "select string_agg(md5(i::varchar), '') as id from range(20000000) t(i)"

    def starving() -> str:
        patch()
        grown = 700 * 1024**2
        used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + grown, resource.RLIM_INFINITY))
        with opened(folder) as context:
            run = run_steps(context, build("t", big, version=0))
            return run.status

    ended = in_child(starving)
    after = _rows_in_child(folder)
    is_told = ended.how in {"killed", "raised"} or ended.value == "failed"
    found = [] if is_told else [f"the run is {ended.value}"]
    if before != after:
        found.append(f"I1: {before} rows became {after}")

    def again() -> str:
        with opened(folder) as context:
            return run_steps(context, build("t", MORE, version=0)).status

    ended = in_child(again)
    return found if ended.value == "success" else [*found, f"the next build: {ended.value}"]


def _rows_in_child(folder: Path) -> int:
    ended = in_child(lambda: _rows(folder, "t"))
    return ended.value if ended.how == "returned" else -2


def late_optimize(folder: Path, patch: Patch) -> list[str]:
    """Compaction beside a merge never brings back rows that the merge has changed."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))
        run_steps(context, append("t", "select 5000 as id, 1 as batch", version=0))
        patch()
        with opened(folder) as other:
            table = other.tables.table(relation("t"))
            old = table.snapshot()
            config = MappingProxyType({"merge_mode": "merge_on_read"})
            made = target("t", version=1, materialized="incremental", config=config)
            sql = "select i as id, 2 as batch from range(0, 1000, 20) t(i)"
            run_steps(context, merge("t", sql, 1, target=made))
            wanted = digest(rows_or_none(context, "t"))
            told = _optimize_from(other, old)
        now = digest(rows_or_none(context, "t"))
    found = [] if told == "commit-conflict" else [f"the late compaction is told {told}"]
    return found if now == wanted else [*found, "I2: rows that were merged are old again"]


def vectors_live(folder: Path, patch: Patch) -> list[str]:
    """A file of vectors that one data file still needs is not vacuumed for another's sake."""
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    with opened(folder) as context:
        load_first(context, "t")
        sql = f"select i as id, 1 as batch from range({ROWS}, {2 * ROWS}) t(i)"
        load(context, "t", sql)
        for version, stop in ((1, 2 * ROWS), (2, ROWS)):
            made = target("t", version=version, materialized="incremental", config=config)
            start = 3 * version
            rows = f"select i as id, {version + 5} as batch from range({start}, {stop}, 17) t(i)"
            run_steps(context, merge("t", rows, version, target=made))
        wanted = digest(rows_or_none(context, "t"))
        assert list(Path(folder, "lake").rglob("*.bin")), "no vector lies in a file"
        patch()
        Keeper(context).vacuum("t", retain=timedelta(0), force=True, dry_run=False)
    with opened(folder) as context:
        try:
            now = digest(rows_or_none(context, "t"))
        except HeadwaterError as error:
            now = error.what
    return [] if now == wanted else [f"I1: after the vacuum the rows are {now}"]


def _optimize_from(context: Context, old: Snapshot) -> str:
    """Compact a table as it was; return the code of the error."""
    table = context.tables.table(relation("t"))
    try:
        rearrange(context, table, old, choose_files(old), RunId("20261121T060200-0000000a"))
    except Conflict as error:
        return error.code
    return "nothing"


def stopped_builder(folder: Path, patch: Patch) -> list[str]:
    """A build that sleeps through another workspace's commit does not overwrite it."""
    with opened(folder) as context:
        run_steps(context, build("t", SMALL))

    def sleeper() -> str:
        patch()

        def stop(point: str, _node: NodeId) -> None:
            if point == "tests-passed":
                signal_here(signal.SIGSTOP)

        with opened(folder) as context:
            asleep = replace(context, observer=stop)
            return run_steps(asleep, build("t", "select 1 as id, 9 as batch", version=0)).status

    others: list[str] = []

    def other() -> None:
        def write() -> str:
            with opened(folder) as context:
                elsewhere = replace(context, folder=folder / "elsewhere")
                return run_steps(elsewhere, append("t", MORE, version=0)).status

        others.append(in_child(write).value)
        time.sleep(0.01)

    ended = in_child(sleeper, other)
    rows = _rows_in_child(folder)
    found = [] if others == ["success"] else [f"the other is told {others}"]
    if not ended.was_stopped or ended.value != "failed":
        found.append(f"it is told {ended.value}")
    return found if rows == 2000 else [*found, f"I2: {rows} rows: the other's commit is lost"]


SCENARIOS: tuple[Scenario, ...] = tuple(
    Scenario(call.__name__, call)
    for call in (
        gate,
        appenders,
        stale_append,
        one_build,
        retention,
        moved_input,
        clocks,
        memory,
        late_optimize,
        vectors_live,
        stopped_builder,
    )
)
