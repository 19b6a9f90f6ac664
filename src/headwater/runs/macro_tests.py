"""Runs a test that a macro renders or decides about while it runs.

What its macros write is published at once, however the test ends and whatever becomes of the node
that waits for it, because a hook at the end of the run may read it. Only where hooks of that node
have written what is still to be published, it follows with theirs.
"""

from dataclasses import dataclass, replace

from headwater.base.meters import Meter
from headwater.base.relations import TableName
from headwater.engines.engine import Session, Source
from headwater.graph.live import TestCall
from headwater.lake.snapshot import Snapshot
from headwater.plan.plan import RunTest
from headwater.runs.gate import Count, read_count
from headwater.runs.live import run_test_by_macro
from headwater.runs.work import Work
from headwater.runs.writes import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What a node is about to publish, which its tests see already.

    Attributes:
        name: Its relation; bound in the session.
        source: What it will be.
        writer: What runs the node's hooks.
    """

    name: TableName
    source: Source
    writer: Writer


def count_by_macro(
    work: Work, session: Session, step: RunTest, attempt: int, pending: Pending | None
) -> tuple[RunTest, Count]:
    """Let a test's macro count its failing rows.

    Returns:
        The step with the query as it was rendered now, and what was counted.

    Raises:
        HeadwaterError: The macro failed, a statement did, or what they wrote was not published.
    """
    call = TestCall(node=step.node, macro=step.macro)
    if pending is not None and pending.writer.has_changes:
        pending.writer.seal(pending.name)
        tested = run_test_by_macro(pending.writer, call)  # which counts what it uses
        return replace(step, sql=tested.sql), read_count(tested.row, Meter())
    writer = Writer(work=work, session=session, node=step.node, attempt=attempt)
    if pending is not None and isinstance(pending.source, Snapshot):
        writer.expect(pending.name, pending.source)
        writer.seal(pending.name)
    try:
        tested = run_test_by_macro(writer, call)
        writer.flush()
    finally:
        writer.abandon()
    return replace(step, sql=tested.sql), read_count(tested.row, writer.meter)
