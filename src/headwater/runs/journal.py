"""The journal: who is building, and what a run that died left behind.

One build at a time holds the workspace, by a lock that the operating system gives back when the
process dies. So whatever the records call running when the lock has been taken is dead: it is
marked crashed and its data files that no version names are removed.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Denied, HeadwaterError, Unavailable
from headwater.base.ids import RunId, new_run_id
from headwater.plan.plan import Plan
from headwater.runs.began import Stopwatch, keep_begin
from headwater.runs.context import Context
from headwater.runs.recover import clear_up

LOCK_NAME = "lock"
HOLDER_NAME = "lock.holder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """An open journal: this process builds, nobody else does.

    Attributes:
        context: The world.
        run_id: Id of the run that this process may start.
        command: The verb: build, run, test ...
        findings: What runs that died had left, and what was done about it.
        stopwatch: Runs since the workspace was taken, so that planning is counted, too.
    """

    context: Context
    run_id: RunId
    command: str
    findings: tuple[Diagnostic, ...] = ()
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def start(self, plan: Plan) -> str:
        """Keep that the run begins; return the hash of the plan document."""
        return keep_begin(self.context, self.run_id, plan, self.command)

    def finish(self, status: Literal["success", "failed", "cancelled"], at: str) -> None:
        """Keep how the run ended; a store that cannot be written does not hide the run."""
        with suppress(HeadwaterError):
            self.context.metastore.finish_run(self.run_id, self.stopwatch.end(status, at))


@contextmanager
def open_journal(context: Context, command: str) -> Iterator[Journal]:
    """Take the workspace for one build and clear up after runs that died.

    Raises:
        Unavailable: ``workspace-busy``, saying which run and process holds it.
        Denied: ``workspace-read-only``.
    """
    run_id = new_run_id(context.clock)
    lock = FileLock(str(context.folder / LOCK_NAME))
    try:
        context.folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _busy(context.folder) from error
    except OSError as error:
        raise Denied(
            "workspace-read-only",
            f"the workspace folder `{context.folder}` cannot be written",
            why=str(error),
            fix="give this user write permission on it",
        ) from error
    stopwatch = Stopwatch()
    try:
        _write_holder(context, run_id, command)
        yield Journal(
            context=context,
            run_id=run_id,
            command=command,
            findings=clear_up(context),
            stopwatch=stopwatch,
        )
    finally:
        (context.folder / HOLDER_NAME).unlink(missing_ok=True)
        lock.release()


def _write_holder(context: Context, run_id: RunId, command: str) -> None:
    holder = {
        "run_id": run_id,
        "process_id": os.getpid(),
        "host": socket.gethostname(),
        "command": command,
        "since": context.now(),
    }
    with suppress(OSError):
        (context.folder / HOLDER_NAME).write_text(json.dumps(holder), encoding="utf-8")


def _busy(folder: Path) -> Unavailable:
    try:
        holder = json.loads((folder / HOLDER_NAME).read_text(encoding="utf-8"))
        who = (
            f"run `{holder['run_id']}` (`hw {holder['command']}`, process {holder['process_id']} "
            f"on {holder['host']}, since {holder['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return Unavailable(
        "workspace-busy",
        "another build is running in this workspace",
        why=f"{who} holds `{folder / LOCK_NAME}`",
        fix="wait for it to end, or stop it; the lock goes with its process",
    )
