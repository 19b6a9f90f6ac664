"""dbt's run_results.json (schema v6), written from a Run, for the tools that read it."""

from collections.abc import Iterable
from datetime import datetime

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json, to_builtins
from headwater.base.telemetry import BatchEnd
from headwater.graph.graph import Graph
from headwater.jinja.functions import DBT_VERSION
from headwater.plan.plan import Plan
from headwater.runs.answers import Operation
from headwater.runs.invocation import dbt_args, read_invocation_or_none
from headwater.runs.run import NodeResult, Run

SCHEMA_URL = "https://schemas.getdbt.com/dbt/run-results/v6.json"


def make_run_results(
    run: Run, graph: Graph, facts: ArtifactFacts, plan: Plan | None = None
) -> dict[str, Json]:
    """Return the document.

    With the plan, ``args`` tells what the command was asked.

    ``adapter_response`` carries what was measured beside dbt's ``rows_affected``; ``failures`` is
    the number of rows for which a test fails or warns, null for everything else.
    """
    return {
        "metadata": {
            "dbt_schema_version": SCHEMA_URL,
            "dbt_version": DBT_VERSION,
            "generated_at": facts.generated_at,
            "invocation_id": facts.invocation_id,
            "invocation_started_at": run.started_at,
            "env": dict(facts.environment),
        },
        "results": [result_entry(result, graph) for result in run.results],
        "elapsed_time": _seconds(run.started_at, run.finished_at),
        "args": {
            "headwater_run_id": run.run_id,
            "which": run.command,
            "invocation_command": f"hw {run.command}",
            **_asked(plan),
        },
    }


def make_operation_results(done: Operation, facts: ArtifactFacts) -> dict[str, Json]:
    """Return the document of a macro called by itself: one result, or none when it has no node."""
    failed = [each.what for each in done.diagnostics if each.severity == "error"]
    entry: dict[str, Json] = {
        "status": "error" if failed else "success",
        "timing": [],
        "thread_id": "main",
        "execution_time": 0.0,
        "adapter_response": {},
        "message": failed[0] if failed else None,
        "failures": len(failed),
        "unique_id": done.node,
        "compiled": None,
        "compiled_code": None,
        "relation_name": None,
        "batch_results": None,
    }
    return {
        "metadata": {
            "dbt_schema_version": SCHEMA_URL,
            "dbt_version": DBT_VERSION,
            "generated_at": facts.generated_at,
            "invocation_id": facts.invocation_id,
            "invocation_started_at": facts.generated_at,
            "env": dict(facts.environment),
        },
        "results": [entry] if done.node else [],
        "elapsed_time": 0.0,
        "args": {"which": "run-operation", "invocation_command": "hw run-operation"},
    }


def _asked(plan: Plan | None) -> dict[str, Json]:
    invocation = None if plan is None else read_invocation_or_none(plan.invocation)
    if plan is None or invocation is None:
        return {}
    return dbt_args(invocation, fail_fast=plan.fail_fast)


def result_entry(result: NodeResult, graph: Graph) -> dict[str, Json]:
    """Return the entry of one result, as dbt has it."""
    compiled = graph.nodes.get(result.node)
    is_test = result.resource_type in {"test", "unit_test", "operation"}
    timing: list[Json] = [
        {"name": name, "started_at": result.started_at, "completed_at": completed}
        for name, completed in (
            ("compile", result.started_at),
            ("execute", result.finished_at),
        )
        if result.started_at
    ]
    relation = None if compiled is None else compiled.node.relation
    return {
        "status": "partial success" if is_partial(result.batches) else result.status,
        "timing": timing,
        "thread_id": result.thread or "main",
        "execution_time": _seconds(result.started_at, result.finished_at),
        "adapter_response": _adapter_response(result),
        "message": result.message,
        "failures": _failures(result) if is_test else None,
        "unique_id": result.node,
        "compiled": bool(compiled and compiled.code),
        "compiled_code": None if compiled is None else compiled.code or None,
        "relation_name": None if relation is None or is_test else relation.quoted(),
        "batch_results": _batch_results(result),
    }


def is_partial(batches: Iterable[BatchEnd]) -> bool:
    """Say whether some batches were built and others were not: dbt's ``partial success``."""
    return len({each.status for each in batches}) > 1


def _batch_results(result: NodeResult) -> Json:
    if not result.batches:
        return None

    def those(status: str) -> list[Json]:
        return [[each.start, each.end] for each in result.batches if each.status == status]

    return {"successful": those("success"), "failed": those("error")}


def _failures(result: NodeResult) -> int | None:
    """Return the rows that count as failures: none where the test's conditions let it pass."""
    return 0 if result.status == "pass" else result.rows


def _adapter_response(result: NodeResult) -> dict[str, Json]:
    if result.status == "skipped":
        return {}
    # A key without a value is left out: readers of the document take its presence for a number.
    numbers = {"rows_affected": result.rows, "version": result.version}
    return {
        "_message": result.message,
        **{name: number for name, number in numbers.items() if number is not None},
        "headwater": to_builtins(result.cost),
    }


def _seconds(started: str, finished: str) -> float:
    if not started or not finished:
        return 0.0
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
