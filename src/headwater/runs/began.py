"""A run's first and last record: who runs what, and how much all of it took.

Builds and loads are recorded alike, so that one ledger has them both. What statements used is
measured one by one; what the process used is measured here, so that the rest shows as overhead.
"""

import getpass
import os
import socket
import time
from dataclasses import dataclass, field
from typing import Literal

from headwater.base.codec import encode
from headwater.base.ids import RunId
from headwater.catalog.records import RunEnd, RunRecord
from headwater.plan.plan import Plan
from headwater.runs.context import Context
from headwater.runs.pins import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopwatch:
    """What the process had used when something began.

    Attributes:
        cpu: CPU time of the process, in seconds.
        wall: Monotonic time, in seconds.
    """

    cpu: float = field(default_factory=time.process_time)
    wall: float = field(default_factory=time.perf_counter)

    def end(self, status: Literal["success", "failed", "cancelled"], at: str) -> RunEnd:
        """Return how a run ended, with what the process has used since."""
        return RunEnd(
            status=status,
            finished_at=at,
            cpu_seconds=max(0.0, time.process_time() - self.cpu),
            wall_seconds=max(0.0, time.perf_counter() - self.wall),
        )


def keep_begin(context: Context, run_id: RunId, plan: Plan, command: str) -> str:
    """Keep that a run begins, before it writes anything; return the hash of its plan document."""
    document = encode(plan)
    plan_hash = fingerprint([document.decode()])
    context.metastore.start_run(
        RunRecord(
            run_id=run_id,
            project=plan.project,
            target=plan.target,
            command=command,
            status="running",
            started_at=context.now(),
            finished_at="",
            process_id=os.getpid(),
            host=socket.gethostname(),
            plan_hash=plan_hash,
            plan=document,
            user=_user(),
            cpus=usable_cpus(),
        )
    )
    return plan_hash


def usable_cpus() -> int:
    """Return how many processors this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return ""
