"""The events of a run: which node starts, how each one ends, and the sums at the end.

Programs follow a run by these: they are told in dbt's order, with dbt's description of a node
(``node_info``) on each.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, assert_never

from headwater.base.ids import NodeId
from headwater.base.telemetry import (
    Event,
    MacroSaid,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from headwater.dbt.events import Teller
from headwater.dbt.freshness import FreshnessResult
from headwater.dbt.node_words import TESTS, NodeEnd, describe, node_info, words_of_end
from headwater.dbt.results import RunResult, Status, find_entry
from headwater.graph.said import Said
from headwater.project.project import Project

_WIDTH = 80
"""Characters that dbt pads its lines of nodes to."""
_LEVELS: Mapping[str, str] = MappingProxyType({"error": "error", "fail": "error", "warn": "warn"})
_COUNTED: Mapping[Status, str] = MappingProxyType(
    {
        Status.Success: "pass",
        Status.Pass: "pass",
        Status.Warn: "warn",
        Status.Error: "error",
        Status.Fail: "error",
        Status.Skipped: "skip",
        Status.PartialSuccess: "partial success",
        Status.Reused: "reused",
    }
)
_KINDS: Mapping[str, str] = MappingProxyType({"test": "data test", "operation": "project hook"})


class NodeEvents:
    """Tells of one run.

    Takes the run's own events (it is their sink) and at its end the results.
    """

    def __init__(
        self,
        teller: Teller,
        manifest: Mapping[str, Any],
        *,
        target: str,
        threads: int,
        reused: int,
        logged: Mapping[NodeId, Iterable[Said]] = MappingProxyType({}),
    ) -> None:
        """Prepare for a run.

        Args:
            teller: Is told everything.
            manifest: Describes the nodes.
            target: Name of the profile's output.
            threads: How many nodes run at once.
            reused: How many nodes are left as they are, beside those that run.
            logged: What the macros of nodes said when they were compiled.
        """
        self._teller = teller
        self._manifest = manifest
        self._target = target
        self._threads = threads
        self._total = reused
        self._logged = logged
        self._started: dict[str, tuple[int, str]] = {}

    def __call__(self, event: Event) -> None:
        """Tell of one event of the run."""
        match event:
            case RunStarted():
                self._began(event)
            case NodeStarted():
                self._node_started(event)
            case MacroSaid():
                tell_said(self._teller, Said(text=event.text, is_info=event.is_info))
            case NodeFinished():
                self._node_finished(event)
            case RunFinished():
                pass  # the sums are told with the results
            case _ as never:
                assert_never(never)

    def end(self, results: Iterable[RunResult]) -> None:
        """Tell of nodes that were left as they are, of every failure again, and of the sums."""
        found = tuple(results)
        for result in found:
            if result.unique_id not in self._started:
                self._reused(result)
        self._teller.blank()
        self._finished_line(found)
        self._teller.blank()
        counts = Counter(_COUNTED[result.status] for result in found)
        self._summary(counts)
        for result in found:
            self._problem(result)
        self._teller.blank()
        words = ("pass", "warn", "error", "skip", "no-op", "reused")
        shown = [f"{word.upper()}={counts[word.replace('-', '')]}" for word in words]
        stats = {word.replace("-", ""): counts[word.replace("-", "")] for word in words}
        stats["total"] = len(found)
        msg = f"Done. {' '.join(shown)} TOTAL={len(found)}"
        self._teller.tell("StatsLine", "Z023", msg, stats=stats)

    # -- while it runs ---------------------------------------------------------------------------

    def _began(self, event: RunStarted) -> None:
        self._total += event.steps
        msg = f"Concurrency: {self._threads} threads (target='{self._target}')"
        self._teller.blank()
        self._teller.tell(
            "ConcurrencyLine",
            "Q027",
            msg,
            num_threads=self._threads,
            target_name=self._target,
            node_count=self._total,
        )
        self._teller.blank()

    def _node_started(self, event: NodeStarted) -> None:
        index = len(self._started) + 1
        self._started[event.node] = (index, event.at)
        entry = find_entry(self._manifest, event.node)
        info = node_info(entry, "started", event.at, "")
        tell = self._teller.tell
        began = f"Began running node {event.node}"
        tell("NodeStart", "Q024", began, "debug", node_info=info)
        description = describe(entry)
        tell(
            "LogStartLine",
            "Q011",
            self._line(index, f"START {description}", "RUN"),
            description=description,
            index=index,
            total=self._total,
            node_info=info,
        )
        self._said(event.node)

    def _said(self, node: str) -> None:
        for each in self._logged.get(NodeId(node), ()):
            tell_said(self._teller, each)

    def _node_finished(self, event: NodeFinished) -> None:
        index, started = self._started.setdefault(event.node, (len(self._started) + 1, ""))
        ended = NodeEnd(
            entry=find_entry(self._manifest, event.node),
            status=event.status,
            message=event.message,
            rows=event.rows,
            seconds=event.meter.wall_seconds,
            batches=event.batches,
        )
        self._batches(ended, node_info(ended.entry, event.status, started, event.at))
        self._ended(ended, index, node_info(ended.entry, event.status, started, event.at))

    def _batches(self, ended: NodeEnd, info: Mapping[str, Any]) -> None:
        """Tell how each batch ended; all are built in one commit, so none is told before."""
        total = len(ended.batches)
        for index, batch in enumerate(ended.batches, start=1):
            name = ended.entry.get("alias") or ended.entry["name"]
            what = f"batch {label_of(batch.start)} of {ended.entry.get('schema')}.{name}"
            word, verdict = (
                ("ERROR creating", "ERROR") if batch.status == "error" else ("OK created", "OK")
            )
            text = f"Batch {index} of {total} {word} {what} ".ljust(_WIDTH, ".")
            if batch.message:
                msg = f"Unhandled error while executing {what}\n{batch.message}"
                about = {"unique_id": info["unique_id"], "exc": batch.message}
                tell = self._teller.tell
                tell("GenericExceptionOnRun", "W004", msg, "error", node_info=info, **about)
            self._teller.tell(
                "LogBatchResult",
                "Q046",
                f"{text} [{verdict} in {batch.seconds:.2f}s]",
                _LEVELS.get(batch.status, "info"),
                node_info=info,
                description=what,
                status=batch.status,
                batch_index=index,
                total_batches=total,
                execution_time=batch.seconds,
            )

    def _reused(self, result: RunResult) -> None:
        """Tell of a node that is up to date, as dbt does of one that it reused."""
        at = self._teller.now()
        index = len(self._started) + 1
        self._started[result.unique_id] = (index, at)
        self._said(result.unique_id)
        ended = NodeEnd(
            entry=result.node,
            status=str(result.status),
            message="REUSED",
            rows=result.failures,
            seconds=0.0,
        )
        self._ended(ended, index, node_info(result.node, str(result.status), at, at))

    def _ended(self, ended: NodeEnd, index: int, info: Mapping[str, Any]) -> None:
        self._result_line(ended, index, info)
        result = {
            "status": ended.status,
            "message": ended.message,
            "execution_time": ended.seconds,
            "num_failures": ended.failures,
            "adapter_response": {
                "_message": ended.message,
                **({} if ended.rows is None else {"rows_affected": ended.rows}),
            },
            "thread": "",
            "timing_info": [],
        }
        msg = f"Finished running node {info['unique_id']}"
        self._teller.tell("NodeFinished", "Q025", msg, "debug", node_info=info, run_result=result)

    def _result_line(self, ended: NodeEnd, index: int, info: Mapping[str, Any]) -> None:
        told = words_of_end(ended)
        self._teller.tell(
            told.name,
            told.code,
            self._line(index, told.text, told.verdict, ended.seconds),
            _LEVELS.get(ended.status, "info"),
            **{
                "node_info": info,
                "status": ended.status,
                "index": index,
                "total": self._total,
                "execution_time": ended.seconds,
                **told.fields,
                **({"num_models": self._total} if ended.kind in TESTS else {}),
            },
        )

    def _line(self, index: int, text: str, status: str, seconds: float | None = None) -> str:
        justified = f"{index} of {self._total} {text} ".ljust(_WIDTH, ".")
        took = "" if seconds is None else f" in {seconds:.2f}s"
        return f"{justified} [{status}{took}]"

    # -- at its end ------------------------------------------------------------------------------

    def _finished_line(self, results: tuple[RunResult, ...]) -> None:
        seconds = self._teller.seconds()
        kinds = Counter(_kind(result.node) for result in results)
        counted = ", ".join(_some(count, kind) for kind, count in sorted(kinds.items()))
        hours, rest = divmod(seconds, 3600)
        minutes, left = divmod(rest, 60)
        execution = f" in {hours:.0f} hours {minutes:.0f} minutes and {left:.2f} seconds"
        self._teller.tell(
            "FinishedRunningStats",
            "E047",
            f"Finished running {counted}{execution} ({seconds:.2f}s).",
            stat_line=counted,
            execution=execution,
            execution_time=seconds,
        )

    def _summary(self, counts: Mapping[str, int]) -> None:
        errors, warnings = counts["error"] + counts["skip"], counts["warn"]
        parts, warned = counts["partial success"], _some(warnings, "warning")
        partial = f"{parts} partial success{'' if parts == 1 else 'es'}"
        if errors:
            msg = f"Completed with {_some(errors, 'error')}, {partial}, and {warned}:"
        elif parts:
            msg = f"Completed with {partial} and {warned}"
        elif warnings:
            msg = f"Completed with {_some(warnings, 'warning')}:"
        else:
            msg = "Completed successfully"
        self._teller.tell(
            "EndOfRunSummary",
            "Z030",
            msg,
            num_errors=errors,
            num_warnings=warnings,
            num_partial_success=parts,
            keyboard_interrupt=False,
        )

    def _group_of(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return whom to ask about a node, as dbt tells of its group; nothing without one."""
        config = entry.get("config") or {}
        name = entry.get("group") or config.get("group")
        for group in self._manifest["groups"].values():
            if group["name"] == name:
                owner = {key: str(value) for key, value in group["owner"].items() if value}
                return {"name": name, "package_name": group["package_name"], "owner": owner}
        return {}

    def _problem(self, result: RunResult) -> None:
        bad = {Status.Error, Status.Fail, Status.Warn, Status.PartialSuccess}
        if result.status not in bad:
            return
        entry = result.node
        is_warning = result.status is Status.Warn
        at = self._started.get(result.unique_id, (0, ""))[1]
        info = node_info(entry, str(result.status), at, "")
        kind, path = entry.get("resource_type") or "", entry.get("original_file_path") or ""
        group = self._group_of(entry)
        about = {"resource_type": kind, "node_name": entry["name"], "path": path, "node_info": info}
        about["group"] = group
        where = f"in {kind} {entry['name']} ({path})"
        tell = self._teller.tell
        self._teller.blank()
        if is_warning:
            tell("RunResultWarning", "Z021", f"Warning {where}", "warn", **about)
        else:
            tell("RunResultFailure", "Z022", f"Failure {where}", "error", **about)
        msg = result.message or f"Status: {result.status}"
        level = "warn" if is_warning else "error"
        name, code = (
            ("RunResultWarningMessage", "Z046") if is_warning else ("RunResultError", "Z024")
        )
        tell(name, code, f"  {msg}", level, msg=msg, node_info=info, group=group)
        if entry.get("compiled_path"):
            self._teller.blank()
            told = f"  compiled code at {entry['compiled_path']}"
            tell("SQLCompiledPath", "Z026", told, path=entry["compiled_path"], node_info=info)


def label_of(start: str) -> str:
    """Name a batch by its first moment, as dbt's log does, the shortest that says it."""
    return start.removesuffix("+00:00").removesuffix(":00").removesuffix(":00").removesuffix("T00")


def tell_said(teller: Teller, said: Said) -> None:
    """Tell what a macro printed or logged."""
    name, code, level = (
        ("JinjaLogInfo", "I062", "info") if said.is_info else ("JinjaLogDebug", "I063", "debug")
    )
    teller.tell(name, code, said.text, level, msg=said.text)


def tell_found(teller: Teller, project: Project) -> None:
    """Tell what the project holds: ``5 models, 3 seeds, 20 data tests, 120 macros``."""
    kinds = Counter(
        _KINDS.get(node.resource_type, node.resource_type.replace("_", " "))
        for node in project.nodes.values()
    )
    kinds["macro"] = len(project.macros)
    found = ", ".join(_some(count, kind) for kind, count in kinds.items())
    teller.tell("FoundStats", "W006", f"Found {found}", stat_line=found)


def tell_ages(teller: Teller, ages: FreshnessResult) -> None:
    """Tell how old each source is."""
    for index, age in enumerate(ages, start=1):
        words = {"error": "ERROR STALE", "runtime error": "ERROR"}
        word = words.get(age.status, age.status.upper())
        text = f"{index} of {len(ages)} {word} freshness of {age.node.source_name}.{age.node.name} "
        teller.tell(
            "LogFreshnessResult",
            "Q018",
            f"{text.ljust(_WIDTH, '.')} [{word} in {age.execution_time:.2f}s]",
            {"pass": "info", "warn": "warn"}.get(age.status, "error"),
            status=age.status,
            index=index,
            total=len(ages),
            execution_time=age.execution_time,
            source_name=age.node.source_name,
            table_name=age.node.name,
            node_info=node_info(age.node, age.status, "", ""),
        )
    teller.tell("FreshnessCheckComplete", "Q006", "Done.")


def _kind(entry: Mapping[str, Any]) -> str:
    kind = str(entry.get("resource_type") or "node")
    if kind == "model":
        return f"{(entry.get('config') or {}).get('materialized') or 'view'} model"
    return _KINDS.get(kind, kind.replace("_", " "))


def _some(count: int, noun: str) -> str:
    plural = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
