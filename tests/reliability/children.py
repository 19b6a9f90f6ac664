"""Runs calls in processes of their own, which may die or be stopped, and tells how they ended.

Processes are forked from one that has imported everything and opened nothing: engines and their
threads do not outlive a fork, and starting Python anew for each case would take seconds.
"""

import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended.

    Attributes:
        how: ``returned`` a value, ``raised``, or was ``killed`` (by itself or another).
        value: What it returned, or the text of what it raised.
        was_stopped: It stopped on the way and went on.
    """

    how: Literal["returned", "raised", "killed"]
    value: Any = None
    was_stopped: bool = False


def signal_here(number: signal.Signals) -> None:
    """Send this process a signal that takes effect before the next line.

    One that is sent to the process may be taken by any of its threads, while the caller runs on
    for a while: past the point that it wanted to be killed or stopped at.
    """
    signal.pthread_kill(threading.get_ident(), number)


def in_child(call: Callable[[], Any], while_stopped: Callable[[], None] | None = None) -> Ended:
    """Run a call in a child and wait for its end.

    Args:
        call: What to run; its result must be picklable.
        while_stopped: Called when the child has stopped itself; then the child goes on.
    """
    reader, writer = os.pipe()
    child = start_child(call, writer, closing=reader)
    os.close(writer)
    if while_stopped is not None:
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            try:
                while_stopped()
            finally:
                os.kill(child, signal.SIGCONT)
            status, data = read_then_wait(child, reader)
            return _ended(status, data, was_stopped=True)
        with os.fdopen(reader, "rb") as pipe:
            return _ended(status, pipe.read(), was_stopped=False)
    status, data = read_then_wait(child, reader)
    return _ended(status, data, was_stopped=False)


def start_child(call: Callable[[], Any], writer: int, closing: int | None = None) -> int:
    """Fork; the child runs the call, writes the pickled result to ``writer`` and exits."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if closing is not None:
            os.close(closing)
        try:
            result: tuple[str, Any] = ("returned", call())
        except BaseException as error:  # noqa: BLE001 - told to the parent
            result = ("raised", f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(result, pipe)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def read_then_wait(child: int, reader: int) -> tuple[int, bytes]:
    """Read all that a child writes, then wait for it; return its status and the bytes."""
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    return status, data


def _ended(status: int, data: bytes, *, was_stopped: bool) -> Ended:
    if os.WIFSIGNALED(status) or not data:
        return Ended(how="killed", was_stopped=was_stopped)
    how, value = pickle.loads(data)  # noqa: S301 - our own child wrote it
    return Ended(how=how, value=value, was_stopped=was_stopped)
