"""Random kills: a writer that does one thing after another is killed, again and again.

The writer tells what it begins and what was acknowledged. After each kill the lake is checked: what
was acknowledged is there once, what was not is there once or not at all, and never in part. The
seed fixes what is done and after how long the kill comes; the machine decides where that is.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.reliability.children import in_child, start_child
from tests.reliability.lake import BY_NAME, Model, load, opened, rows_or_none
from tests.runs.project import build_project
from tests.runs.world import relation

from headwater.base.errors import HeadwaterError
from headwater.runs.context import Context
from headwater.runs.fsck import check_table
from headwater.runs.ingest import Asking, IngestOptions, ingest_sources
from headwater.runs.journal import open_journal
from headwater.runs.upkeep import Keeper

BATCH = 500
ACTS = ("load", "build", "build", "ingest", "optimize", "vacuum", "restore_newest")
MODELS = ("append", "merge_copy", "merge_hide", "delete_insert", "overwrite", "snapshot")


@dataclass(slots=True)
class Told:
    """What a writer has told before it died.

    Attributes:
        begun: Batches that it began to load, by table.
        done: Those that were acknowledged.
    """

    begun: dict[str, set[int]] = field(default_factory=lambda: {"raw": set(), "taken": set()})
    done: dict[str, set[int]] = field(default_factory=lambda: {"raw": set(), "taken": set()})

    def read(self, lines: str) -> None:
        for line in lines.splitlines():
            match line.split():
                case ["begin", table, number]:
                    self.begun[table].add(int(number))
                case ["done", table, number]:
                    self.done[table].add(int(number))
                case other:
                    raise ValueError(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill and what came of it."""

    number: int
    after_ms: int
    was_killed: bool
    recovery_ms: int
    found: tuple[str, ...]


def soak(folder: Path, kills: int, seed: int, *, rounds: int = 25) -> Iterator[Kill]:
    """Kill a writer again and again; a new lake is begun after some rounds.

    Args:
        folder: Where.
        kills: How many.
        seed: Of what is done and when the kill comes.
        rounds: Kills that one lake lives through.
    """
    dice = random.Random(seed)  # noqa: S311
    told = Told()
    for number in range(kills):
        if number % rounds == 0:
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "inbox").mkdir(parents=True)
            told = Told()
        pause = dice.uniform(0.05, 0.9)
        was_killed = _write_until(folder, f"{seed} {number}", number, told, pause)
        began = time.monotonic()
        ended = in_child(partial(_recovered, folder, told))
        took = int((time.monotonic() - began) * 1000)
        found = ended.value if ended.how == "returned" else [f"{ended.how} {ended.value}"]
        yield Kill(
            number=number,
            after_ms=int(pause * 1000),
            was_killed=was_killed,
            recovery_ms=took,
            found=tuple(found),
        )
        if found:
            return


def _write_until(folder: Path, seed: str, number: int, told: Told, pause: float) -> bool:
    """Let a writer work, kill it after a pause, and read what it told."""
    reader, writer = os.pipe()
    ear, mouth = os.pipe()
    child = start_child(lambda: _work(folder, seed, number, mouth), writer, closing=reader)
    os.close(writer)
    os.close(mouth)
    time.sleep(pause)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(ear, "rb") as pipe:
        told.read(pipe.read().decode())
    os.close(reader)
    return os.WIFSIGNALED(status)


def _work(folder: Path, seed: str, number: int, mouth: int) -> None:
    """Do one thing after another until killed."""
    dice = random.Random(seed)  # noqa: S311

    def tell(text: str) -> None:
        os.write(mouth, f"{text}\n".encode())

    with opened(folder) as context:
        for turn in range(1000):
            batch = number * 1000 + turn
            match dice.choice(ACTS):
                case "load":
                    tell(f"begin raw {batch}")
                    first = batch * BATCH
                    rows = f"range({first}, {first + BATCH}) t(i)"
                    load(context, "raw", f"select i as id, {batch} as batch from {rows}")
                    tell(f"done raw {batch}")
                case "ingest":
                    path = folder / "inbox" / f"{batch}.csv"
                    lines = "".join(f"{batch * BATCH + i},{batch}\n" for i in range(BATCH))
                    path.write_text("id,batch\n" + lines, encoding="utf-8")
                    tell(f"begin taken {batch}")
                    asking = Asking((str(path),))
                    options = IngestOptions(rejects_file=folder / "rejects.jsonl")
                    ingest_sources(context, "taken", asking, options)
                    tell(f"done taken {batch}")
                case other:
                    if context.tables.table(relation("raw")).version_or_none() is not None:
                        _do(context, other, dice)


def _do(context: Context, act: str, dice: random.Random) -> None:
    name = dice.choice(MODELS)
    subject = BY_NAME[name]
    assert isinstance(subject, Model)
    if act == "build":
        assert build_project(context, subject.graph).status == "success", name
        return
    if context.tables.table(relation(name)).version_or_none() is None:
        return
    keeper = Keeper(context)
    match act:
        case "optimize":
            keeper.optimize(name)
        case "vacuum":
            keeper.vacuum(name, retain=timedelta(0), force=True, dry_run=False)
        case "restore_newest":
            keeper.restore(name, version=context.tables.table(relation(name)).snapshot().version)
        case other:
            raise ValueError(other)


def _recovered(folder: Path, told: Told) -> list[str]:
    """Check a lake after a kill, finish the work, and check it again."""
    found: list[str] = []
    with opened(folder) as context:
        for table in ("raw", "taken"):
            found += _batch_faults(rows_or_none(context, table) or (), table, told)
        raw = rows_or_none(context, "raw")
        if raw is None:
            return found
        for name in MODELS:
            subject = BY_NAME[name]
            assert isinstance(subject, Model)
            if context.tables.table(relation(name)).version_or_none() is None:
                continue
            for fault in check_table(context, str(relation(name))).faults:
                found.append(f"I1: {name}: {fault.file} {fault.what}")
            try:
                status = build_project(context, subject.graph).status
            except HeadwaterError as error:
                status = error.code  # type: ignore[assignment]
            rows = rows_or_none(context, name) or ()
            if (
                status != "success"
                or {row[:2] for row in rows} != set(raw)
                or len(rows) != len(raw)
            ):
                found.append(f"I3: {name}: {status}, {len(rows)} rows, raw has {len(raw)}")
        with open_journal(context, "check"):
            pass  # whatever takes the workspace next clears up
        found += [
            f"I6: run {run.run_id} is said to be running"
            for run in context.metastore.list_runs()
            if run.status == "running"
        ]
    return found


def _batch_faults(rows: tuple[tuple[object, ...], ...], table: str, told: Told) -> Iterator[str]:
    counts: dict[int, int] = {}
    for row in rows:
        batch = int(str(row[1]))
        counts[batch] = counts.get(batch, 0) + 1
    for batch in sorted({*told.done[table], *counts}):
        count = counts.get(batch, 0)
        if batch not in told.begun[table]:
            yield f"I1: {table} has batch {batch}, which nobody loaded"
        elif count not in {0, BATCH}:
            yield f"I1: {table} has {count} rows of batch {batch}"
        elif batch in told.done[table] and count != BATCH:
            yield f"I2: {table} lost batch {batch}"


def upper_bound(kills: int) -> float:
    """Return the share of failures that no failure in so many kills excludes with 95 %."""
    return 3.0 / kills if kills else 1.0
