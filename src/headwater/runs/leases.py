"""Leases: which loads are at work beside whoever holds the workspace.

A load does not take the workspace, so that builds go on while it runs. But whoever holds the
workspace takes every run that has not ended for dead, and a vacuum deletes files that no version
names. So a load holds a lease: a file that the operating system locks for as long as its process
lives, and which says whose files are still to be committed.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from headwater.base.codec import decode, encode
from headwater.base.errors import Denied
from headwater.base.ids import RunId
from headwater.runs.context import Context

FOLDER_NAME = "leases"

LOCK_SECONDS_MAX = 5.0
"""How long a new lease waits for somebody who is just looking at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may still commit files.

    Attributes:
        run_id: The load; its data files' names begin with it.
        command: The verb: ingest, append.
        root: Root of the table that it loads.
        process_id: Its process.
        host: Where that runs.
        since: When it began, ISO 8601 UTC.
    """

    run_id: RunId
    command: str
    root: str
    process_id: int
    host: str
    since: str


@contextmanager
def leased(context: Context, run_id: RunId, command: str, root: str) -> Iterator[None]:
    """Keep the files of a load alive while the block runs.

    Raises:
        Denied: ``workspace-read-only``.
    """
    made = Lease(
        run_id=run_id,
        command=command,
        root=root,
        process_id=os.getpid(),
        host=socket.gethostname(),
        since=context.now(),
    )
    folder = context.folder / FOLDER_NAME
    lock = FileLock(str(_lock_of(folder, run_id)), thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Locked before it can be seen: a lease without a holder is taken for a dead one's.
        lock.acquire(timeout=LOCK_SECONDS_MAX)
        _document_of(folder, run_id).write_bytes(encode(made))
    except OSError as error:
        raise Denied(
            "workspace-read-only",
            f"the workspace folder `{context.folder}` cannot be written",
            why=str(error),
            fix="give this user write permission on it",
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            _document_of(folder, run_id).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            _lock_of(folder, run_id).unlink(missing_ok=True)


def live_leases(context: Context) -> tuple[Lease, ...]:
    """Return the leases whose process is alive."""
    folder = context.folder / FOLDER_NAME
    return tuple(lease for lease in _read_all(folder) if _is_held(folder, lease.run_id))


def dead_leases(context: Context) -> tuple[Lease, ...]:
    """Return the leases whose process died; ``forget`` them when their files are gone."""
    folder = context.folder / FOLDER_NAME
    return tuple(lease for lease in _read_all(folder) if not _is_held(folder, lease.run_id))


def forget(context: Context, lease: Lease) -> None:
    """Remove the lease of a dead process."""
    folder = context.folder / FOLDER_NAME
    for path in (_document_of(folder, lease.run_id), _lock_of(folder, lease.run_id)):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _read_all(folder: Path) -> Iterator[Lease]:
    for path in sorted(folder.glob("*.json")):
        # One that ends between these lines is neither alive nor dead: nothing is left of it.
        with suppress(OSError, ValueError):
            yield decode(Lease, path.read_bytes())


def _is_held(folder: Path, run_id: RunId) -> bool:
    lock = FileLock(str(_lock_of(folder, run_id)))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return True  # whoever cannot ask must not call it dead
    lock.release()
    return False


def _lock_of(folder: Path, run_id: RunId) -> Path:
    return folder / f"{run_id}.lock"


def _document_of(folder: Path, run_id: RunId) -> Path:
    return folder / f"{run_id}.json"
