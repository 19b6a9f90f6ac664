"""Checkpoints of a table, written so that a power loss never leaves half of one.

delta-rs writes them and flushes nothing, and a reader that finds ``_last_checkpoint`` believes it.
So for a table in a folder it writes into a temporary one, where links stand for the log's files;
what it wrote is then put in place durably, the checkpoint before the file that points to it.
"""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater.base.errors import HeadwaterError
from headwater.lake.delta import write_checkpoint
from headwater.lake.replay import LOG_FOLDER
from headwater.lake.storage import LocalStorage
from headwater.lake.table import Table

_POINTER = "_last_checkpoint"
_SIDECARS = "_sidecars"


def make_checkpoint(table: Table, version: int) -> bool:
    """Write a checkpoint of a version unless it has one; False where we cannot.

    Raises:
        DataDamaged: ``log-damaged``, when delta-rs does not take the log.
        HeadwaterError: As ``Storage.upload`` does.
    """
    storage = table.storage
    if not isinstance(storage, LocalStorage):
        return write_checkpoint(table.root, storage.options, version)
    if version in table.list_log().checkpoints:
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


def _link_log(table: Table, version: int, folder: Path) -> frozenset[str]:
    """Link what a reader of a version needs into another folder; return the names."""
    listing = table.list_log()
    older = [number for number in listing.checkpoints if number < version]
    start = max(older, default=0)
    folder.mkdir()
    for found in Path(table.root, LOG_FOLDER).iterdir():
        number = found.name[:20]
        is_needed = number.isdecimal() and start <= int(number) <= version
        if is_needed or found.name == _SIDECARS:
            (folder / found.name).symlink_to(found.absolute())
    return frozenset(path.name for path in folder.iterdir())


def _point(table: Table, pointer: Path, version: int) -> None:
    """Let readers start from a checkpoint, unless another writer's is newer."""
    if pointer.exists() and max(table.list_log().checkpoints, default=version) <= version:
        with suppress(HeadwaterError):  # without it readers list the log
            table.storage.upload(str(pointer), f"{LOG_FOLDER}/{_POINTER}")
