"""Finds what an earlier command left undone, so that it can be asked again (``hw retry``).

The ledger is the truth of a run that it has: it also knows steps that never started, and runs whose
process died before it wrote a file. A ``run_results.json`` of elsewhere is read as dbt wrote it.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from headwater.base.codec import decode
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid, NotFound
from headwater.base.ids import NodeId
from headwater.catalog.metastore import Metastore
from headwater.catalog.records import RunRecord
from headwater.graph.choose import Selection
from headwater.plan.plan import Plan, RunTest, Skip
from headwater.runs.answers import PlanRequest, Verb
from headwater.runs.invocation import Invocation, read_invocation_or_none

RESULTS_FILE = "run_results.json"
RUNS_MAX = 50
"""How many runs of the ledger are looked through for the one to retry."""

_UNDONE = frozenset({"error", "fail", "skipped", "runtime error", "partial success"})
_DONE = frozenset({"success", "pass", "warn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A run that is to be retried.

    Attributes:
        run_id: Its id; empty for a run that the ledger does not have.
        started_at: ISO 8601 UTC time.
        invocation: What it was asked.
        fail_fast: It was to stop at the first failure.
        again: What did not end well or never ran, and the tests that must pass before any of that
            is published; sorted.
        steps: How many steps it had.
    """

    run_id: str
    started_at: str
    invocation: Invocation
    fail_fast: bool
    again: tuple[NodeId, ...]
    steps: int


def find_earlier(
    store: Metastore, project: str, place: Path, *, is_here: bool, with_warnings: bool = False
) -> Earlier:
    """Find the run to retry.

    Args:
        store: The ledger.
        project: Name of the root project.
        place: Folder of artifacts.
        is_here: The folder is this command's own; then a later run of the ledger that left no
            file counts, too.
        with_warnings: What warned is retried, too.

    Raises:
        NotFound: ``retry-no-run``.
        Invalid: ``retry-not-possible``.
    """
    document = _read_or_none(place / RESULTS_FILE)
    runs = [run for run in store.list_runs(limit=RUNS_MAX) if run.project == project]
    named = _run_named(document)
    for run in runs:
        plan = _plan_or_none(run)
        invocation = None if plan is None else read_invocation_or_none(plan.invocation)
        if plan is None or invocation is None:
            continue
        if run.run_id == named or (is_here and invocation.place == str(place)):
            done = _DONE - {"warn"} if with_warnings else _DONE
            return _of_ledger(run, plan, invocation, _undone(store, run, plan, done))
    if document is None:
        raise NotFound(
            "retry-no-run",
            f"there is no earlier run to retry in `{place}`",
            why=f"it has no readable {RESULTS_FILE}, and the ledger has no run of this project",
            fix="run the command itself, as `hw build`; or say by --state where its artifacts are",
        )
    return _of_document(document, _UNDONE | {"warn"} if with_warnings else _UNDONE)


def gone_findings(wanted: Iterable[NodeId], known: Collection[NodeId]) -> tuple[Diagnostic, ...]:
    """Warn of nodes to retry that the project no longer has."""
    return tuple(
        Diagnostic(
            code="retry-node-gone",
            severity="warning",
            what=f"`{node}` is not retried: the project no longer has it",
            why="it was renamed, removed or disabled since the run that is retried",
            fix="nothing, if that was meant; else `hw build` for what has come instead",
            node=node,
        )
        for node in wanted
        if node not in known
    )


def _undone(
    store: Metastore, run: RunRecord, plan: Plan, done: Collection[str]
) -> frozenset[NodeId]:
    ends = {attempt.node: attempt.status for attempt in store.attempts_of_run(run.run_id)}
    steps = [step for step in plan.steps if not isinstance(step, Skip)]
    return frozenset(step.node for step in steps if ends.get(step.node) not in done)


def _of_ledger(
    run: RunRecord, plan: Plan, invocation: Invocation, undone: frozenset[NodeId]
) -> Earlier:
    steps = [step for step in plan.steps if not isinstance(step, Skip)]
    # A test that passed on files which were never published says nothing of the next ones.
    gates = {step.node for step in steps if isinstance(step, RunTest) and step.gates in undone}
    return Earlier(
        run_id=run.run_id,
        started_at=run.started_at,
        invocation=invocation,
        fail_fast=plan.fail_fast,
        again=tuple(sorted(undone | gates)),
        steps=len(steps),
    )


def _of_document(document: Mapping[str, Any], undone: Collection[str]) -> Earlier:
    """Read a run that another workspace, or dbt, has left.

    Raises:
        Invalid: ``retry-not-possible``.
    """
    args: Mapping[str, Any] = document["args"]
    verb = str(args.get("which"))
    if verb not in get_args(Verb):
        raise Invalid(
            "retry-not-possible",
            f"a run of `{verb}` cannot be retried",
            why=f"retry knows {', '.join(get_args(Verb))}",
            fix=f"run it again: hw {verb}",
        )
    request = PlanRequest(
        verb=cast("Verb", verb),
        full_refresh=bool(args.get("full_refresh")),
        selection=Selection(),
    )
    invocation = Invocation(
        request=request,
        variables=dict(args.get("vars") or {}),
        target=str(args.get("target") or ""),
        profile=str(args.get("profile") or ""),
    )
    results = [each for each in document["results"] if not _is_hook(each)]
    again = {NodeId(each["unique_id"]) for each in results if each.get("status") in undone}
    return Earlier(
        run_id="",
        started_at=str(document["metadata"].get("generated_at") or ""),
        invocation=invocation,
        fail_fast=bool(args.get("fail_fast")),
        again=tuple(sorted(again)),
        steps=len(results),
    )


def _is_hook(result: Mapping[str, Any]) -> bool:
    return str(result.get("unique_id")).startswith("operation.")


def _read_or_none(path: Path) -> Mapping[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    is_sound = (
        isinstance(document, dict)
        and isinstance(document.get("args"), dict)
        and isinstance(document.get("metadata"), dict)
        and isinstance(document.get("results"), list)
        and all(isinstance(each, dict) and "unique_id" in each for each in document["results"])
    )
    return document if is_sound else None


def _run_named(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else document["args"].get("headwater_run_id")


def _plan_or_none(run: RunRecord) -> Plan | None:
    try:
        return decode(Plan, run.plan)
    except ValueError:
        return None
