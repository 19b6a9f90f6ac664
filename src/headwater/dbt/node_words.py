"""Words for nodes and how they ended, as dbt's log has them.

A line such as ``3 of 28 OK loaded seed file main.raw_orders`` and the fields beside it depend on
the kind of the node: one short function a kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from headwater.base.telemetry import BatchEnd

TESTS = frozenset({"test", "unit_test"})
"""Kinds of nodes whose rows are failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnd:
    """How a node ended.

    Attributes:
        entry: The node in the manifest.
        status: dbt's word.
        message: One line: what was done, or why not.
        rows: Rows written, or failing rows of a test; None when neither.
        seconds: What it took.
        batches: Of a microbatch model: how each batch ended.
    """

    entry: Mapping[str, Any]
    status: str
    message: str
    rows: int | None
    seconds: float
    batches: tuple[BatchEnd, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of the node."""
        return str(self.entry.get("resource_type"))

    @property
    def failures(self) -> int:
        """Failing rows of a test; 0 for everything else, as in dbt."""
        return (self.rows or 0) if self.kind in TESTS else 0

    @property
    def is_error(self) -> bool:
        """True when it could not be done."""
        return self.status == "error"

    @property
    def is_partial(self) -> bool:
        """True when some batches were built and others were not."""
        return len({each.status for each in self.batches}) > 1

    @property
    def verdict(self) -> str:
        """The word in brackets."""
        if self.is_partial:
            done = sum(each.status == "success" for each in self.batches)
            return f"PARTIAL SUCCESS ({done}/{len(self.batches)})"
        return "ERROR" if self.is_error else self.message or "OK"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWords:
    """The event of a node's end, as far as it depends on the kind of the node.

    Attributes:
        name: dbt's name of the event.
        code: dbt's code of it.
        text: What is told of the node.
        verdict: The word in brackets.
        fields: Data of this event and no other.
    """

    name: str
    code: str
    text: str
    verdict: str
    fields: Mapping[str, Any]


def words_of_end(end: NodeEnd) -> EndWords:
    """Say how a node ended."""
    if end.status == "skipped":
        return _tell_skipped(end)
    told = _TELLERS.get(end.kind, _tell_model)(end)
    return replace(told, text=f"REUSED {describe(end.entry)}") if end.status == "reused" else told


def node_info(entry: Mapping[str, Any], status: str, started: str, finished: str) -> dict[str, Any]:
    """Describe a node as dbt's events do.

    Args:
        entry: The node in the manifest.
        status: ``started``, or how it ended.
        started: ISO 8601 UTC time; empty when it has not.
        finished: Likewise.
    """
    config = entry.get("config") or {}
    relation = {
        key: entry.get(key) or "" for key in ("database", "schema", "alias", "relation_name")
    }
    return {
        "unique_id": entry["unique_id"],
        "node_name": entry["name"],
        "node_path": entry.get("path") or "",
        "resource_type": entry.get("resource_type") or "",
        "materialized": config.get("materialized") or "",
        "meta": dict(config.get("meta") or {}),
        "node_checksum": (entry.get("checksum") or {}).get("checksum") or "",
        "node_status": status,
        "node_started_at": started,
        "node_finished_at": finished,
        "node_relation": relation,
    }


def describe(entry: Mapping[str, Any]) -> str:
    """Say what a node is, in the words of dbt's log: ``sql table model main.orders``."""
    kind = entry.get("resource_type")
    match kind:
        case "model":
            built = (entry.get("config") or {}).get("materialized") or "view"
            return f"{entry.get('language') or 'sql'} {built} model {_place(entry)}"
        case "seed":
            return f"seed file {_place(entry)}"
        case "snapshot":
            return f"snapshot {_place(entry)}"
        case "function":
            return f"function {_place(entry)}"
        case "unit_test":
            return f"unit_test {entry.get('model')}::{entry['name']}"
        case "test":
            return f"test {entry['name']}"
        case _:
            return f"{kind} {entry['name']}"


def _place(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('schema')}.{entry.get('alias') or entry['name']}"


def _tell_model(end: NodeEnd) -> EndWords:
    description = describe(end.entry)
    word = "ERROR creating" if end.is_error else "OK created"
    word = "PARTIALLY created" if end.is_partial else word
    return EndWords(
        name="LogModelResult",
        code="Q012",
        text=f"{word} {description}",
        verdict=end.verdict,
        fields={"description": description},
    )


def _tell_function(end: NodeEnd) -> EndWords:
    description = describe(end.entry)
    return EndWords(
        name="LogFunctionResult",
        code="Q047",
        text=f"{'ERROR creating' if end.is_error else 'OK created'} {description}",
        verdict=end.verdict,
        fields={"description": description},
    )


def _tell_seed(end: NodeEnd) -> EndWords:
    schema, relation = end.entry.get("schema") or "", end.entry.get("alias") or end.entry["name"]
    return EndWords(
        name="LogSeedResult",
        code="Q016",
        text=f"{'ERROR loading' if end.is_error else 'OK loaded'} {describe(end.entry)}",
        verdict=end.verdict,
        fields={"result_message": end.message, "schema": schema, "relation": relation},
    )


def _tell_snapshot(end: NodeEnd) -> EndWords:
    description = describe(end.entry)
    return EndWords(
        name="LogSnapshotResult",
        code="Q015",
        text=f"{'ERROR snapshotting' if end.is_error else 'OK snapshotted'} {description}",
        verdict=end.verdict,
        fields={"description": description, "result_message": end.message, "cfg": {}},
    )


def _tell_test(end: NodeEnd) -> EndWords:
    name = end.entry["name"]
    word = f"FAIL {end.failures}" if end.status == "fail" else end.status.upper()
    attached = end.entry.get("attached_node")
    return EndWords(
        name="LogTestResult",
        code="Q007",
        text=f"{word} {name}",
        verdict=word,
        fields={"name": name, "num_failures": end.failures, "attached_node": attached},
    )


def _tell_hook(end: NodeEnd) -> EndWords:
    name = end.entry["name"]
    return EndWords(
        name="LogHookEndLine",
        code="Q033",
        text=f"{'ERROR' if end.is_error else 'OK'} hook: {name}",
        verdict=end.verdict,
        fields={"statement": name},
    )


def _tell_skipped(end: NodeEnd) -> EndWords:
    entry = end.entry
    what = f"test {entry['name']}" if end.kind in TESTS else f"relation {_place(entry)}"
    return EndWords(
        name="SkippingDetails",
        code="Q034",
        text=f"SKIP {what}",
        verdict="SKIP",
        fields={
            "resource_type": end.kind,
            "schema": entry.get("schema") or "",
            "node_name": entry["name"],
        },
    )


_TELLERS: Mapping[str, Callable[[NodeEnd], EndWords]] = MappingProxyType(
    {
        "function": _tell_function,
        "seed": _tell_seed,
        "snapshot": _tell_snapshot,
        "test": _tell_test,
        "unit_test": _tell_test,
        "operation": _tell_hook,
    }
)
