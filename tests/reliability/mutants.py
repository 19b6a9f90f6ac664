"""Bugs of safety, one at a time: a harness that does not find them proves nothing.

Each bug is put into the product in the processes that the harness starts; ``where`` names the
trials that should notice it first.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import headwater.lake.commit as commits
from headwater.lake import deletion_vectors, delta, disk, maintain, storage, vacuum
from headwater.lake.commit import RemoveFile, SetTransaction
from headwater.runs import (
    attempt,
    execute,
    ingest,
    journal,
    pins,
    publish,
    rearrange,
    recover,
    upkeep,
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug.

    Attributes:
        name: What it is.
        apply: Puts it into the product, for the rest of this process.
        where: Trials that should notice, as ``power SUBJECT``, ``fault KIND SUBJECT`` or a
            scenario's name.
    """

    name: str
    apply: Callable[[], None]
    where: tuple[str, ...]


def _set(place: ModuleType | type, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(place, name, value)


def _put(place: ModuleType | type, name: str, value: Any) -> None:
    setattr(place, name, value)


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


def _no_flush_of_entries() -> None:
    def write_new(_: disk.Disk, path: str, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, data)
        os.close(descriptor)

    _put(disk.Disk, "write_new", write_new)


def _no_flush_of_names() -> None:
    true = disk.Disk.sync

    def sync(self: disk.Disk, path: str) -> None:
        if not Path(path).is_dir():
            true(self, path)

    _put(disk.Disk, "sync", sync)


def _flush_data_after_the_commit() -> None:
    kept: list[tuple[Any, list[str]]] = []
    put, durable = storage.LocalStorage.put_if_absent, storage.LocalStorage.make_durable

    def put_if_absent(self: Any, path: str, data: bytes) -> bool:
        won = put(self, path, data)
        for owner, paths in kept:
            durable(owner, paths)
        kept.clear()
        return won

    def make_durable(self: Any, paths: Any) -> None:
        kept.append((self, list(paths)))

    _put(storage.LocalStorage, "put_if_absent", put_if_absent)
    _put(storage.LocalStorage, "make_durable", make_durable)


def _put_over() -> None:
    def put_if_absent(self: Any, path: str, data: bytes) -> bool:
        full = self._full(path)
        self._make_folders(str(Path(full).parent))
        temporary = f"{full}.{os.getpid()}"
        self._disk.write_new(temporary, data)
        self._disk.replace(temporary, full)
        self._disk.sync(str(Path(full).parent))
        return True

    _put(storage.LocalStorage, "put_if_absent", put_if_absent)


def _put_in_place() -> None:
    def put_if_absent(self: Any, path: str, data: bytes) -> bool:
        full = self._full(path)
        self._make_folders(str(Path(full).parent))
        try:
            self._disk.write_new(full, data)
        except FileExistsError:
            return False
        self._disk.sync(str(Path(full).parent))
        return True

    _put(storage.LocalStorage, "put_if_absent", put_if_absent)


def _commit_without(kind: type) -> Callable[[], None]:
    def apply() -> None:
        true = commits.commit

        def commit(table: Any, entry: commits.Commit, *rest: Any, **named: Any) -> int:
            kept = tuple(each for each in entry.actions if not isinstance(each, kind))
            return true(table, replace(entry, actions=kept), *rest, **named)

        for place in (publish, ingest, rearrange, upkeep):
            _put(place, "commit", commit)

    return apply


def _show_hidden_rows() -> None:
    true = rearrange._write_group

    def write_group(context: Any, session: Any, part: Any, destination: Any) -> Any:
        files = tuple(replace(file, deleted_rows=()) for file in part.files)
        return true(context, session, replace(part, files=files), destination)

    _put(rearrange, "_write_group", write_group)


def _no_lock() -> None:
    class Open:
        def __init__(self, *_: Any) -> None: ...
        def acquire(self, **_: Any) -> None: ...
        def release(self) -> None: ...

    _put(journal, "FileLock", Open)


def _vacuum_everything() -> None:
    def find_dead(table: Any, **_: Any) -> vacuum.Dead:
        files = tuple(each for each in table.storage.list() if each.path.endswith(".parquet"))
        return vacuum.Dead(removed=files, orphans=())

    _put(upkeep, "find_dead", find_dead)


def _vacuum_young_files() -> None:
    true = vacuum.find_dead

    def find_dead(table: Any, **_: Any) -> vacuum.Dead:
        return true(table, before_ms=2**62)

    _put(upkeep, "find_dead", find_dead)


def _vacuum_live_vectors() -> None:
    true = vacuum._paths

    def paths(action: Any, version: int) -> tuple[str, str | None]:
        path, vector = true(action, version)
        return (path, None) if type(action).__name__ == "Add" else (path, vector)

    _put(vacuum, "_paths", paths)


def _orphans_are_all() -> None:
    def find_orphans(table: Any, **_: Any) -> Any:
        return tuple(each for each in table.storage.list() if maintain._is_ours(each.path, ()))

    for place in (maintain, recover):
        _put(place, "find_orphans", find_orphans)


def _forget_requirements() -> None:
    _put(commits, "_check_requirements", _nothing)


def _rebase_anything() -> None:
    _put(commits, "_is_blind_append", lambda _: True)
    _put(commits, "_check_requirements", _nothing)


def _ignore_what_changed() -> None:
    _put(rearrange, "_still_whole", lambda table, _snapshot, _files: table.snapshot().version)


def _believe_errors() -> None:
    _put(commits, "_is_known_ours", lambda *_: False)


def _no_clock_rule() -> None:
    true = commits._publish

    def published(table: Any, version: int, lines: Any, state: Any, clock: Any) -> bool:
        told = None if state is None else replace(state, timestamp_ms=-1)
        return true(table, version, lines, told, clock)

    _put(commits, "_publish", published)


def _pins_move() -> None:
    true = pins.Pins.find_or_none

    def find_or_none(self: Any, name: Any) -> Any:
        self._pinned.pop(name, None)
        return true(self, name)

    _put(pins.Pins, "find_or_none", find_or_none)


def _plain_checkpoints() -> None:
    def make_checkpoint(table: Any, version: int) -> bool:
        return delta.write_checkpoint(table.root, table.storage.options, version)

    _put(upkeep, "make_checkpoint", make_checkpoint)


def _unflushed_vectors() -> None:
    true = deletion_vectors.write_vectors

    def write_vectors(storage_: Any, hidden: Any, *, prefix: str) -> Any:
        return true(storage.LocalStorage(storage_.root, disk.QuickDisk()), hidden, prefix=prefix)

    _put(publish, "write_vectors", write_vectors)


def _say_done_early() -> None:
    true = execute.execute_in

    def execute_in(*arguments: Any, **named: Any) -> Any:
        return replace(true(*arguments, **named), status="success")

    _put(execute, "execute_in", execute_in)


def _lose_attempts() -> None:
    _put(recover, "clear_up", lambda _: ())
    _put(journal, "clear_up", lambda _: ())


def _keep_failed_files() -> None:
    _put(attempt, "discard", _nothing)


def _inputs_of_later() -> None:
    true = publish.build_record

    def build_record(step: Any, number: int, inputs: Any, meter: Any) -> Any:
        return true(step, number, dict.fromkeys(inputs, "0"), meter)

    _put(attempt, "build_record", build_record)


def _records_lag() -> None:
    _put(attempt, "record", _nothing)


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "data files are not flushed",
        _set(storage.LocalStorage, "make_durable", _nothing),
        ("power append",),
    ),
    Mutant("log entries are not flushed", _no_flush_of_entries, ("power append",)),
    Mutant("names in folders are not flushed", _no_flush_of_names, ("power append",)),
    Mutant(
        "data files are flushed after the commit", _flush_data_after_the_commit, ("power append",)
    ),
    Mutant(
        "a new table's folders are not flushed",
        _set(storage.LocalStorage, "make_root_durable", _nothing),
        ("power ingest",),
    ),
    Mutant("vectors are not flushed", _unflushed_vectors, ("power merge_hide",)),
    Mutant("checkpoints are not flushed", _plain_checkpoints, ("power checkpoint",)),
    Mutant("an entry replaces the one that is there", _put_over, ("appenders",)),
    Mutant("an entry is written in place", _put_in_place, ("fault kill append",)),
    Mutant(
        "commits forget what they remove", _commit_without(RemoveFile), ("fault kill overwrite",)
    ),
    Mutant("commits carry no transaction", _commit_without(SetTransaction), ("fault kill ingest",)),
    Mutant(
        "failing tests do not hold back",
        _set(attempt._Attempt, "_check_gates", _nothing),
        ("gate",),
    ),
    Mutant(
        "requirements are not checked", _forget_requirements, ("stale_append", "stopped_builder")
    ),
    Mutant("every commit is tried on the next version", _rebase_anything, ("stale_append",)),
    Mutant("compaction shows hidden rows", _show_hidden_rows, ("fault kill optimize",)),
    Mutant("compaction ignores what changed", _ignore_what_changed, ("late_optimize",)),
    Mutant("the workspace has no lock", _no_lock, ("one_build",)),
    Mutant("vacuum deletes live files", _vacuum_everything, ("fault kill vacuum",)),
    Mutant("vacuum ignores the retention time", _vacuum_young_files, ("retention",)),
    Mutant("live vectors are taken for dead", _vacuum_live_vectors, ("vectors_live",)),
    Mutant("what the log names is discarded", _orphans_are_all, ("fault kill append",)),
    Mutant("an error of a put is believed", _believe_errors, ("fault error append",)),
    Mutant("times of versions go back with the clock", _no_clock_rule, ("clocks",)),
    Mutant("inputs move during a run", _pins_move, ("moved_input",)),
    Mutant("a failed run is called done", _say_done_early, ("gate",)),
    Mutant("dead runs are not cleared up", _lose_attempts, ("fault kill append",)),
    Mutant("files of failed attempts stay", _keep_failed_files, ("fault error append",)),
    Mutant("a commit names other inputs", _inputs_of_later, ("fault kill append",)),
    Mutant("what was published is not recorded", _records_lag, ("fault kill append",)),
    Mutant(
        "orphans are not found",
        _set(recover, "find_orphans", lambda *_, **__: ()),
        ("fault kill append",),
    ),
)
