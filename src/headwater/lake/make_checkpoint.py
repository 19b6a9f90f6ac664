"""Checkpoints of a table, written so that a power loss never leaves half of one.

delta-rs writes them and flushes nothing, and a reader that finds ``_last_checkpoint`` believes it.
So for a table in a folder it writes into a temporary one, where links stand for the log's files;
what it wrote is then put in place durably, the checkpoint before the file that points to it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater.base.errors import HeadwaterError
from headwater.lake.delta import write_checkpoint
from headwater.lake.replay import LOG_FOLDER, entry_name
from headwater.lake.storage import LocalStorage
from headwater.lake.table import Table

_POINTER = "_last_checkpoint"
_SIDECARS = "_sidecars"
_DIGITS = 20


def make_checkpoint(table: Table, version: int) -> bool:
    """Write a checkpoint of a version unless it has one; False where we cannot.

    Raises:
        DataDamaged: ``log-damaged``, when delta-rs does not take the log.
        HeadwaterError: As ``Storage.upload`` does.
    """
    storage = table.storage
    if not isinstance(storage, LocalStorage):
        return write_checkpoint(table.root, storage.options, version)
    if version in _checkpoints(_names(table)):
        return True
    with TemporaryDirectory(prefix="headwater-checkpoint-") as folder:
        log = Path(folder) / LOG_FOLDER
        linked = _link_log(table, version, log)
        if not write_checkpoint(folder, storage.options, version):
            return False
        made = sorted(path for path in log.iterdir() if path.name not in linked)
        for path in made:
            if path.name != _POINTER:
                storage.upload(str(path), f"{LOG_FOLDER}/{path.name}")
        _point(table, log / _POINTER, version)
    return True


def _names(table: Table) -> list[str]:
    """Return the names in a log's folder; all else about ten thousand of them takes a while."""
    with suppress(FileNotFoundError):
        return os.listdir(Path(table.root, LOG_FOLDER))  # noqa: PTH208 - pathlib costs 4x here
    return []


def _checkpoints(names: Iterable[str]) -> dict[int, list[str]]:
    """Return a log's checkpoints by version, with their files."""
    found: dict[int, list[str]] = {}
    for name in names:
        if ".checkpoint." in name and name[:_DIGITS].isdecimal():
            found.setdefault(int(name[:_DIGITS]), []).append(name)
    return found


def _link_log(table: Table, version: int, folder: Path) -> frozenset[str]:
    """Link what a reader of a version needs into another folder; return the names."""
    names = frozenset(_names(table))
    checkpoints = _checkpoints(names)
    start = max((number for number in checkpoints if number < version), default=0)
    entries = (entry_name(number).rpartition("/")[2] for number in range(start, version + 1))
    linked = names & {*checkpoints.get(start, ()), *entries, _SIDECARS}
    source = Path(table.root, LOG_FOLDER).absolute()
    folder.mkdir()
    for name in linked:
        os.symlink(f"{source}/{name}", f"{folder}/{name}")  # noqa: PTH211 - one call, no objects
    return linked


def _point(table: Table, pointer: Path, version: int) -> None:
    """Let readers start from a checkpoint, unless another writer's is newer."""
    if pointer.exists() and max(_checkpoints(_names(table)), default=version) <= version:
        with suppress(HeadwaterError):  # without it readers list the log
            table.storage.upload(str(pointer), f"{LOG_FOLDER}/{_POINTER}")
