"""Runs the hooks of a node or a run: their text, and what their macros send meanwhile.

One way for all of them, so that a hook of a node, of a run and a macro called by itself differ in
nothing but their moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.base.telemetry import MacroSaid
from headwater.engines.engine import Result
from headwater.graph.graph import HookWrites
from headwater.graph.live import (
    BuildCall,
    Listener,
    LiveCall,
    LiveRenderer,
    Moment,
    TestCall,
    Tested,
)
from headwater.graph.said import Said
from headwater.runs.work import Work
from headwater.runs.writes import Writer

ROWS_MAX = 10_000
"""Rows that a macro may get from a query while its node runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLookup:
    """Answers macros from the session of the node that runs, and sends there what they send."""

    writer: Writer

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Return the columns of a table or view, or None when there is none."""
        return self.writer.columns_or_none(relation)

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Say what a name is now, or None."""
        kind = self.writer.kind_or_none(relation)
        return None if kind is None else "view" if kind == "view" else "table"

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Return the result columns of a query over what there is."""
        del inputs
        return self.writer.session.describe(sql)

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        """Return None: a query that fails says so itself."""
        del sql
        return None

    def run_query(self, sql: str) -> Result:
        """Run a statement of a macro, whatever it does.

        Raises:
            HeadwaterError: As ``Writer.run`` does.
        """
        return self.writer.run(sql, rows_max=ROWS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCalls:
    """The hooks of one node at one moment.

    Attributes:
        node: The node or operation.
        moment: Which of its hooks.
        texts: What they run, as compiled.
        writes: What they write, as compiled.
        facts: What Jinja sees besides.
        is_incremental: What ``is_incremental()`` answers.
    """

    node: NodeId
    moment: Moment
    texts: tuple[str, ...]
    writes: HookWrites
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    is_incremental: bool = False


def build_by_macro(writer: Writer, call: BuildCall) -> None:
    """Let a macro of the project build a node; nothing is published yet.

    Raises:
        Invalid: ``plan-missing``, when only a plan is there and no project.
        HeadwaterError: The macro failed, or a statement that it sent.
    """
    live = _live(writer, call.node)
    with writer.work.write_lock:
        live.build(call, LiveLookup(writer=writer), _teller(writer.work, call.node))


def run_test_by_macro(writer: Writer, call: TestCall) -> Tested:
    """Let a macro render and run a test; what it writes is not published yet.

    Raises:
        Invalid: ``plan-missing``, when only a plan is there and no project.
        HeadwaterError: The macro failed, or a statement that it sent.
    """
    live = _live(writer, call.node)
    with writer.work.write_lock:
        return live.test(call, LiveLookup(writer=writer), _teller(writer.work, call.node))


def _live(writer: Writer, node: NodeId) -> LiveRenderer:
    live = writer.work.context.live
    if live is None:
        raise Invalid(
            "plan-missing",
            f"`{node}` is run by a macro, and there is no project to find it in",
            fix="apply the plan in the folder of its project",
        )
    return live


def run_calls(
    writer: Writer, calls: HookCalls, after_each: Callable[[], object] = lambda: None
) -> None:
    """Run hooks one after the other.

    Args:
        writer: Runs their statements.
        calls: The hooks.
        after_each: Called when a hook is done.

    Raises:
        HeadwaterError: A hook failed.
    """
    live = writer.work.context.live
    is_live = calls.writes.is_live or bool(calls.facts)
    if live is not None and calls.moment == "operation":
        is_live = live.has_jinja(calls.node)  # one hook may keep in ``graph`` what another reads
    if live is None or not is_live:
        for text in calls.texts:
            writer.run(text)
            after_each()
        return
    tell = _teller(writer.work, calls.node)
    for place in range(live.hooks(calls.node, calls.moment)):
        call = LiveCall(
            node=calls.node,
            moment=calls.moment,
            place=place,
            facts=calls.facts,
            is_incremental=calls.is_incremental,
        )
        with writer.work.write_lock:
            text = live.render(call, LiveLookup(writer=writer), tell)
        if text.strip():
            writer.run(text)
        after_each()


def _teller(work: Work, node: NodeId) -> Listener:
    """Return what posts the words of a node's macros as they are said."""

    def tell(said: Said) -> None:
        at = work.context.now()
        event = MacroSaid(
            run_id=work.run_id, node=node, text=said.text, is_info=said.is_info, at=at
        )
        work.post(event)

    return tell
