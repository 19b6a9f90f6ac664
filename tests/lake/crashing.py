"""A writer that dies at a named point; run as a program by the crash tests.

Arguments: table root, point. Points are the system calls of one commit, before or after.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tests.lake.writing import append, open_table

P = ParamSpec("P")
T = TypeVar("T")

POINTS = (
    "data-written",
    "after-data-sync",
    "before-link",
    "after-link",
    "after-unlink",
    "after-folder-sync",
)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_at(call: Callable[P, T], number: int, *, after: bool) -> Callable[P, T]:
    """Return ``call`` that kills the process at its ``number``-th use."""
    uses = 0

    def wrapped(*arguments: P.args, **named: P.kwargs) -> T:
        nonlocal uses
        uses += 1
        if uses == number and not after:
            die()
        result = call(*arguments, **named)
        if uses == number and after:
            die()
        return result

    return wrapped


def main(root: str, point: str) -> None:
    table = open_table(root)
    table.snapshot()
    match point:
        case "data-written":
            os.fsync = dying_at(os.fsync, 1, after=False)
        case "after-data-sync":
            os.fsync = dying_at(os.fsync, 2, after=True)
        case "before-link":
            os.link = dying_at(os.link, 1, after=False)
        case "after-link":
            os.link = dying_at(os.link, 1, after=True)
        case "after-unlink":
            os.unlink = dying_at(os.unlink, 1, after=True)
        case "after-folder-sync":
            os.fsync = dying_at(os.fsync, 4, after=True)
        case _:
            raise SystemExit(2)
    append(table, "select 2 as a")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
