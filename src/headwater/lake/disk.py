"""The system calls by which a lake in a folder changes its files, as one object.

Here because when a change is flushed is a choice (``durability``), and because this is the one
place where tests stop the world: between any two of these calls a process may die.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from headwater.base.durability import Durability

SECONDS_SETTLED = 2.5
"""How long a folder's time of change must have stood: FAT's clock ticks every two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    stamp: tuple[int, int, int]
    since: float
    is_flushed: bool = False


class Disk:
    """Changes files so that what was flushed is still there after a power loss.

    Paths are absolute. Every method raises ``OSError``.
    """

    def write_new(self, path: str, data: bytes) -> None:
        """Create a file that must not exist, whole and flushed; its name is not flushed."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            self.flush(descriptor)
        finally:
            os.close(descriptor)

    def link(self, source: str, target: str) -> None:
        """Give a file another name that must not exist; of many writers one wins."""
        os.link(source, target)

    def replace(self, source: str, target: str) -> None:
        """Give a file another name, whatever had it before."""
        os.replace(source, target)  # noqa: PTH105 - one system call, as counted in tests

    def unlink(self, path: str) -> None:
        """Take a name away."""
        os.unlink(path)  # noqa: PTH108

    def make_folder(self, path: str) -> None:
        """Make a folder whose parent exists; its name is not flushed."""
        os.mkdir(path)  # noqa: PTH102

    def sync(self, path: str) -> None:
        """Flush a file, or the names in a folder."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.flush(descriptor)
        finally:
            os.close(descriptor)

    def flush(self, descriptor: int) -> None:
        """Flush what is open."""
        os.fsync(descriptor)


class FlushedNames:
    """Folders in which no name has changed since they were flushed.

    A folder's time of change tells, once it is older than the coarsest clock of a file system: what
    changes later than that gets another time. By our own clock, for a server's may be wrong.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know none yet.

        Args:
            monotonic: Seconds since some start.
        """
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}

    def ask(self, folder: str) -> Callable[[], None] | None:
        """Return what to call once the folder has been flushed; None when it need not be.

        Raises:
            OSError: When there is no such folder.
        """
        found = os.stat(folder)  # noqa: PTH116
        stamp, now = (found.st_dev, found.st_ino, found.st_mtime_ns), self._monotonic()
        seen = self._seen.get(folder)
        if seen is None or seen.stamp != stamp:
            seen = _Seen(stamp=stamp, since=now)
        elif seen.is_flushed:
            return None
        done = replace(seen, is_flushed=now - seen.since >= SECONDS_SETTLED)
        return lambda: self._seen.update({folder: done})


class QuickDisk(Disk):
    """Leaves flushing to the operating system: safe from ``kill -9``, not from a power loss."""

    def sync(self, path: str) -> None:
        """Flush nothing; a missing file is still an error."""
        os.stat(path)  # noqa: PTH116

    def flush(self, descriptor: int) -> None:
        """Flush nothing."""


def disk_of(durability: Durability) -> Disk:
    """Return the disk that keeps a promise."""
    return Disk() if durability == "power" else QuickDisk()
