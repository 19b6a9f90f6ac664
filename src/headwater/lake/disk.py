"""The system calls by which a lake in a folder changes its files, as one object.

Here because when a change is flushed is a choice (``durability``), and because this is the one
place where tests stop the world: between any two of these calls a process may die.
"""

import os

from headwater.base.durability import Durability


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
