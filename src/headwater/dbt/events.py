"""Events in the shape of dbt's: what callbacks are given while a command runs.

Names, codes and fields are those that dbt writes for the same moments, as far as there is such a
moment here; a program that waits for ``NodeFinished`` gets it.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, assert_never

from headwater.base.clock import Clock
from headwater.base.diagnostics import Diagnostic
from headwater.base.telemetry import (
    Event,
    NodeFinished,
    NodeStarted,
    NodeStatus,
    RunFinished,
    RunStarted,
    Sink,
)
from headwater.dbt.records import Record
from headwater.dbt.results import find_entry
from headwater.jinja.functions import DBT_VERSION

_LEVELS: Mapping[NodeStatus, str] = MappingProxyType(
    {"error": "error", "fail": "error", "warn": "warn"}
)
_LOGGER = logging.getLogger("headwater.dbt")
_LOG_LEVELS: Mapping[str, int] = MappingProxyType(
    {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo:
    """The head of an event.

    Attributes:
        name: dbt's name of the event, such as ``NodeFinished``.
        code: dbt's code of it, such as ``Q025``.
        msg: The line that people read.
        level: ``debug``, ``info``, ``warn`` or ``error``.
        ts: ISO 8601 UTC time.
        invocation_id: Id of the command.
        pid: Process.
        thread: Thread's name.
        category: Always empty, as in dbt.
    """

    name: str
    code: str
    msg: str
    level: str
    ts: str
    invocation_id: str
    pid: int
    thread: str
    category: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMsg:
    """One event: its head, and fields that depend on its name."""

    info: EventInfo
    data: Record


Callback = Callable[[EventMsg], None]


class Teller:
    """Translates what happens into dbt's events and gives them to every callback."""

    def __init__(self, callbacks: Iterable[Callback], invocation_id: str, clock: Clock) -> None:
        self._callbacks = tuple(callbacks)
        self._invocation_id = invocation_id
        self._clock = clock
        self._nodes: dict[str, dict[str, Any]] = {}

    def tell(self, name: str, code: str, msg: str, level: str = "info", /, **data: object) -> None:
        """Give one event to every callback, and its line to the logger ``headwater.dbt``."""
        info = EventInfo(
            name=name,
            code=code,
            msg=msg,
            level=level,
            ts=self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            invocation_id=self._invocation_id,
            pid=os.getpid(),
            thread=threading.current_thread().name,
        )
        _LOGGER.log(_LOG_LEVELS.get(level, logging.ERROR), "%s", msg)
        event = EventMsg(info=info, data=Record(data))
        for callback in self._callbacks:
            callback(event)

    def findings(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Tell of findings about the project."""
        for each in diagnostics:
            name, code = ("MainEncounteredError", "Z002")
            level = {"error": "error", "warning": "warn", "info": "info"}[each.severity]
            if level != "error":
                name, code = ("JinjaLogWarning", "I061")
            self.tell(name, code, f"{each.code} {each.what}", level, node=each.node)

    def listen(self, manifest: Mapping[str, Any]) -> Sink:
        """Return a sink for the events of a run, whose nodes are in this manifest."""

        def sink(event: Event) -> None:
            match event:
                case RunStarted():
                    self.tell("ConcurrencyLine", "Q026", f"{event.steps} steps", num=event.steps)
                case NodeStarted():
                    self._node_started(event, manifest)
                case NodeFinished():
                    self._node_finished(event)
                case RunFinished():
                    self.tell("EndOfRunSummary", "Z030", f"run {event.status}")
                case _ as never:
                    assert_never(never)

        return sink

    def _node_started(self, event: NodeStarted, manifest: Mapping[str, Any]) -> None:
        entry = find_entry(manifest, event.node)
        info = {
            "unique_id": event.node,
            "node_name": entry["name"],
            "node_path": entry.get("path", ""),
            "resource_type": entry.get("resource_type", ""),
            "materialized": entry.get("config", {}).get("materialized", ""),
            "node_status": "started",
            "node_started_at": event.at,
            "node_finished_at": "",
            "meta": entry.get("config", {}).get("meta", {}),
            "node_relation": {
                key: entry.get(key) for key in ("database", "schema", "alias", "relation_name")
            },
        }
        self._nodes[event.node] = info
        self.tell("NodeStart", "Q024", f"Began running node {event.node}", "debug", node_info=info)

    def _node_finished(self, event: NodeFinished) -> None:
        unknown = {"unique_id": event.node, "node_name": event.node.rsplit(".", maxsplit=1)[-1]}
        info = {
            **self._nodes.get(event.node, unknown),
            "node_status": event.status,
            "node_finished_at": event.at,
        }
        result = {"status": event.status, "message": event.message, "num_failures": event.rows}
        level = _LEVELS.get(event.status, "info")
        is_test = event.node.startswith(("test.", "unit_test."))
        name, code = ("LogTestResult", "Q007") if is_test else ("LogModelResult", "Q012")
        line = f"{event.status.upper()} {event.node}: {event.message}"
        self.tell(name, code, line, level, node_info=info, status=event.status)
        self.tell(
            "NodeFinished",
            "Q025",
            f"Finished running node {event.node}",
            "debug",
            node_info=info,
            run_result=result,
        )

    def began(self) -> None:
        """Tell that a command begins."""
        msg = f"Running with dbt={DBT_VERSION} as Headwater"
        self.tell("MainReportVersion", "A001", msg, version=DBT_VERSION)

    def ended(self, command: str, *, success: bool) -> None:
        """Tell that a command has ended."""
        msg = f"Command `{command}` {'succeeded' if success else 'failed'}"
        self.tell("CommandCompleted", "Q039", msg, "debug", command=command, success=success)
