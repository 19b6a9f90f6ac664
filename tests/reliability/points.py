"""The points at which a writer can be stopped, and what stops it there.

Every system call by which the lake changes a folder is two points, before and after, and writing a
file has one in the middle; every point that a node tells its observer is one more. They are found
by letting a write pass once undisturbed, so that a new call cannot be forgotten.
"""

import errno
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.reliability.children import signal_here

from headwater.base.ids import NodeId
from headwater.lake.disk import Disk

Fault = Literal["kill", "error", "full", "hang"]
FAULTS: tuple[Fault, ...] = ("kill", "error", "full", "hang")

KINDS = (
    ("checkpoint", re.compile(r"\.checkpoint|_last_checkpoint")),
    ("entry", re.compile(r"_delta_log/.*\.json")),
    ("vectors", re.compile(r"\.bin")),
    ("data", re.compile(r"\.parquet$")),
    ("temporary", re.compile(r"/\.tmp-")),
)


def kind_of(path: str) -> str:
    return next((kind for kind, pattern in KINDS if pattern.search(path)), "folder")


@dataclass(slots=True, kw_only=True)
class Points:
    """Counts points as they are passed, and does something at one of them.

    Attributes:
        at: Number of the point to stop at, from 0; None for none.
        fault: What happens there.
        passed: Names of the points, in order.
    """

    at: int | None = None
    fault: Fault = "kill"
    passed: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        number = len(self.passed)
        self.passed.append(name)
        if number == self.at:
            strike(self.fault)

    def observe(self, point: str, node: NodeId) -> None:
        self(f"node {point}")


def strike(fault: Fault) -> None:
    match fault:
        case "kill":
            signal_here(signal.SIGKILL)
        case "hang":
            signal_here(signal.SIGSTOP)
        case "error":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        case "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class WatchedDisk(Disk):
    """A disk that tells every call, before and after."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def write_new(self, path: str, data: bytes) -> None:
        kind = kind_of(path)
        self.tell(f"write {kind} before")
        half = len(data) // 2
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            os.write(descriptor, data[:half])
            self.tell(f"write {kind} half")
            os.write(descriptor, data[half:])
            self.tell(f"write {kind} unflushed")
            self.flush(descriptor)
        finally:
            os.close(descriptor)
        self.tell(f"write {kind} after")

    def link(self, source: str, target: str) -> None:
        self._around(
            f"link {kind_of(target)}", lambda: super(WatchedDisk, self).link(source, target)
        )

    def replace(self, source: str, target: str) -> None:
        self._around(
            f"replace {kind_of(target)}", lambda: super(WatchedDisk, self).replace(source, target)
        )

    def unlink(self, path: str) -> None:
        self._around(f"unlink {kind_of(path)}", lambda: super(WatchedDisk, self).unlink(path))

    def make_folder(self, path: str) -> None:
        self._around("make folder", lambda: super(WatchedDisk, self).make_folder(path))

    def sync(self, path: str) -> None:
        self._around(f"sync {kind_of(path)}", lambda: super(WatchedDisk, self).sync(path))

    def _around(self, name: str, call: Callable[[], None]) -> None:
        self.tell(f"{name} before")
        call()
        self.tell(f"{name} after")
