"""Results of commands in the shapes of dbt's: what ``dbtRunnerResult.result`` holds.

They are made of the documents that every run writes (run_results.json and manifest.json), so that
a program sees the same by Python and by file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from headwater.dbt.records import Record
from headwater.jinja.table import ResultTable

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Status(StrEnum):
    """How a node ended, in dbt's words."""

    Success = "success"
    Error = "error"
    Fail = "fail"
    Warn = "warn"
    PartialSuccess = "partial success"
    """Some batches of a microbatch model were built, others were not."""
    Skipped = "skipped"
    Pass = "pass"  # noqa: S105 - a test's end, no password
    Reused = "reused"
    """Nothing that the node reads has changed, so its table was left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How one node ended.

    Attributes:
        status: dbt's word.
        node: The node's entry in the manifest.
        message: One line: what was done, or why not.
        failures: Failing rows of a test; None for everything else.
        execution_time: Seconds.
        adapter_response: ``_message``, ``rows_affected``, and what was measured.
        timing: When it was compiled and executed.
        thread_id: Worker that ran it.
        batch_results: Of a microbatch model: ``successful`` and ``failed`` stretches of time.
        agate_table: Rows that ``show`` read, as macros see results; None otherwise.
    """

    status: Status
    node: Record
    message: str | None = None
    failures: int | None = None
    execution_time: float = 0.0
    adapter_response: Record = field(default_factory=lambda: Record(_NOTHING))
    timing: tuple[Record, ...] = ()
    thread_id: str = "main"
    batch_results: Record | None = None
    agate_table: ResultTable | None = None

    @property
    def unique_id(self) -> str:
        """The unique_id of the node."""
        return str(self.node.unique_id)

    @property
    def skipped(self) -> bool:
        """True when it was not tried, because something that it reads failed."""
        return self.status is Status.Skipped

    def to_dict(self, **_options: object) -> dict[str, Any]:
        """Return plain values; dbt's options for this call are taken and unused."""
        return {
            "status": str(self.status),
            "timing": [each.to_dict() for each in self.timing],
            "thread_id": self.thread_id,
            "execution_time": self.execution_time,
            "adapter_response": self.adapter_response.to_dict(),
            "message": self.message,
            "failures": self.failures,
            "node": self.node.to_dict(),
            "batch_results": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExecutionResult:
    """What a command that builds, tests or compiles did; also a sequence of its results.

    Attributes:
        results: One for each node, in the order in which they ended; unchanged ones last.
        elapsed_time: Seconds of the whole command.
        args: What was asked for.
        metadata: Head of run_results.json.
    """

    results: Sequence[RunResult]
    elapsed_time: float = 0.0
    args: Record = field(default_factory=lambda: Record(_NOTHING))
    metadata: Record = field(default_factory=lambda: Record(_NOTHING))

    def __iter__(self) -> Iterator[RunResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> RunResult:
        return self.results[index]

    def to_dict(self, **_options: object) -> dict[str, Any]:
        """Return plain values; dbt's options for this call are taken and unused."""
        return {
            "metadata": self.metadata.to_dict(),
            "results": [each.to_dict() for each in self.results],
            "elapsed_time": self.elapsed_time,
            "args": self.args.to_dict(),
        }


def find_entry(manifest: Mapping[str, Any], unique_id: str) -> Mapping[str, Any]:
    """Return a node's entry, in whatever part of the manifest it stands."""
    for part in ("nodes", "unit_tests", "sources", "exposures", "functions"):
        if unique_id in manifest[part]:
            entry: Mapping[str, Any] = manifest[part][unique_id]
            return entry
    return {"unique_id": unique_id, "name": unique_id.rsplit(".", maxsplit=1)[-1]}


def make_run_result(entry: Mapping[str, Any], node: Mapping[str, Any]) -> RunResult:
    """Make a result of an entry of run_results.json and one of the manifest."""
    if node.get("resource_type") == "unit_test":
        node = {**node, "tested_node_unique_id": next(iter(node["depends_on"]["nodes"]), None)}
    return RunResult(
        status=Status(entry["status"]),
        node=Record(node),
        message=entry["message"],
        failures=entry["failures"],
        batch_results=Record(entry["batch_results"]) if entry["batch_results"] else None,
        execution_time=entry["execution_time"],
        adapter_response=Record(entry["adapter_response"]),
        timing=tuple(Record(each) for each in entry["timing"]),
        thread_id=entry["thread_id"],
    )
