"""Second pass: what is done with each node, and why, in topological order.

The order of the questions is the order of importance: what was not asked for is left alone; what
is missing is made; what means something else is made again; what reads newer rows is brought up
to date; everything else is skipped.
"""

import re
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode
from headwater.plan.batches import gap_reason, is_microbatch
from headwater.plan.compare import has_step
from headwater.plan.draft import Decision, Difference, Draft
from headwater.plan.inputs import is_test, is_view
from headwater.plan.moved import describe_versions, find_moves, move_reason
from headwater.plan.refresh import is_refreshed, settle_refresh
from headwater.plan.state import DeployedNode, TableState

KEEPS_COLUMNS_UP = frozenset({"append_new_columns", "sync_all_columns"})
"""Values of on_schema_change by which an incremental table takes new columns without a rebuild."""

_VARIABLES = re.compile(r"\b(?:var|env_var)\s*\(|\brun_started_at\b|\binvocation_id\b")
"""What a text may ask for that is another at each run."""
UNCHANGED = "nothing it reads has changed"
UNCHANGED_WARNED = f"{UNCHANGED}; its last result was warn"
LAST_RESULTS_RERUN = frozenset({"fail", "error"})
"""Last results after which a test runs again although nothing has moved."""


def decide(draft: Draft) -> Draft:
    """Fill ``decisions``."""
    known: dict[NodeId, Decision] = {}
    so_far = replace(draft, decisions=MappingProxyType(known))
    for node, compiled in draft.graph.nodes.items():
        if has_step(compiled):
            known[node] = decide_node(so_far, node)
    return so_far


def decide_node(draft: Draft, node: NodeId) -> Decision:
    """Decide about one node, the decisions about its inputs being known."""
    compiled = draft.compiled(node)
    refusal = _why_left_alone(draft, compiled)
    if refusal:
        return _skip(refusal)
    if is_test(compiled):
        return _decide_test(draft, node)
    deployed = draft.deployed_or_none(node)
    table = draft.state.tables.get(str(compiled.node.relation))
    if deployed is None or table is None:
        return settle_refresh(draft, compiled, None, _decide_missing(compiled, deployed, table))
    wanted = _decide_definition(draft, compiled, deployed)
    if wanted is None:
        wanted = _decide_inputs(draft, compiled, deployed, table)
    wanted = wanted or _decide_batches(draft, compiled, deployed)
    wanted = wanted or _decide_unchanged(draft, compiled)
    return settle_refresh(draft, compiled, deployed, wanted)


def _skip(reason: str) -> Decision:
    return Decision(how="skip", action="skip", reason=reason)


def _why_left_alone(draft: Draft, compiled: CompiledNode) -> str:
    options, node = draft.options, compiled.node
    if options.selected is not None and node.unique_id not in options.selected:
        return "not selected"
    if node.resource_type not in options.resource_types:
        return f"{node.resource_type}s were not asked for"
    if options.tests == "none" and is_test(compiled):
        return "tests were not asked for"
    if options.tests == "only" and not is_test(compiled):
        return "only tests were asked for"
    return ""


def can_run_incrementally(compiled: CompiledNode) -> bool:
    """Say whether a node keeps its table and adds to it.

    Those are snapshots, incremental models, and tables with ``refresh``.
    """
    return compiled.node.resource_type == "snapshot" or (
        compiled.node.resource_type == "model"
        and (compiled.node.materialized == "incremental" or is_refreshed(compiled))
        and compiled.node.config.get("full_refresh") is not True
    )


def _full(compiled: CompiledNode, action: Literal["add", "rebuild"], reason: str) -> Decision:
    return Decision(how="view" if is_view(compiled) else "full", action=action, reason=reason)


def _incremental(reason: str) -> Decision:
    return Decision(how="incremental", action="incremental", reason=reason)


def _decide_missing(
    compiled: CompiledNode, deployed: DeployedNode | None, table: TableState | None
) -> Decision:
    if table is None:
        gone = "its view is gone" if is_view(compiled) else "its table is gone"
        return _full(compiled, "add", gone if deployed else "new")
    if compiled.node.resource_type == "snapshot":
        return _incremental(f"history found in version {table.version} is kept and continued")
    return _full(
        compiled, "add", f"no record of its build; the {table.kind} that is there is replaced"
    )


def _decide_definition(
    draft: Draft, compiled: CompiledNode, deployed: DeployedNode
) -> Decision | None:
    """Decide by what the node says of itself; None when that asks for nothing."""
    difference = draft.differences[compiled.node.unique_id]
    full_refresh = compiled.node.config.get("full_refresh")
    wants_full = draft.options.full_refresh if full_refresh is None else bool(full_refresh)
    asked = draft.options.full_refresh or draft.options.force
    keeps = compiled.node.resource_type == "snapshot" or is_view(compiled)
    if asked and wants_full and not keeps:
        return _full(compiled, "rebuild", "full refresh asked for")
    if difference.kind != "changed":
        return None
    reason = _first_line(difference)
    if compiled.node.resource_type == "snapshot":
        return _incremental(f"{reason}; its history is kept")
    was_incremental = deployed.materialized == "incremental"
    if can_run_incrementally(compiled) and was_incremental:
        kept = _why_rows_stay(draft, compiled, deployed, difference)
        if kept is not None:
            return _incremental(f"{reason}; {kept}" if kept else reason)
    return _full(compiled, "rebuild", reason)


def _why_rows_stay(
    draft: Draft, compiled: CompiledNode, deployed: DeployedNode, difference: Difference
) -> str | None:
    """Say why the rows of a changed incremental model stay; None when they are built anew."""
    if compiled.node.config.get("full_refresh") is False:
        return "stored rows stay as they are (full_refresh: false)"
    if difference.keeps_rows:
        return ""
    if draft.options.takes_part:
        return "it takes a part of its inputs; stored rows stay as they are"
    if is_refreshed(compiled):
        return None
    if _only_asks_otherwise(compiled, deployed):
        return "its text asks for variables; stored rows stay as they are"
    if _only_adds_columns(compiled, difference):
        mode = compiled.node.config.get("on_schema_change")
        return f"stored rows keep null (on_schema_change: {mode})"
    return None


def _only_asks_otherwise(compiled: CompiledNode, deployed: DeployedNode) -> bool:
    """Say whether a query differs as a variable does: a model that loads one day each run."""
    is_same_text = deployed.checksum != "" and deployed.checksum == compiled.node.checksum
    return is_same_text and _VARIABLES.search(compiled.node.raw_code) is not None


def _first_line(difference: Difference) -> str:
    first, *rest = difference.lines
    return f"{first} (and {len(rest)} more)" if rest else first


def _only_adds_columns(compiled: CompiledNode, difference: Difference) -> bool:
    query = difference.query
    return (
        compiled.node.config.get("on_schema_change") in KEEPS_COLUMNS_UP
        and query is not None
        and bool(query.columns)
        and not query.rows_changed
        and all(column.change == "added" for column in query.columns)
        and set(difference.config_keys) <= {"on_schema_change"}
    )


def _decide_inputs(
    draft: Draft, compiled: CompiledNode, deployed: DeployedNode, table: TableState
) -> Decision | None:
    """Decide by what the node reads and by who else wrote its table."""
    if is_view(compiled):
        return None
    other_writer = describe_other_writer(deployed, table)
    moves = find_moves(draft, compiled.node.unique_id, deployed)
    reasons = [other_writer, move_reason(moves), _clock_reason(draft, compiled, deployed)]
    reason = next(filter(None, reasons), "")
    if not reason:
        return None
    if can_run_incrementally(compiled):
        return _incremental(reason)
    return _full(compiled, "rebuild", reason)


def describe_other_writer(deployed: DeployedNode, table: TableState) -> str:
    """Say who changed a built table after its recorded build; empty when nobody did."""
    if deployed.version is None or table.kind != "table":
        return ""
    moved = describe_versions(table, str(deployed.version))
    if table.version == str(deployed.version) or moved is None:
        return ""
    who = f"run {table.written_by}" if table.written_by else "another writer"
    return f"its table was changed by {who}: {moved}"


def _clock_reason(draft: Draft, compiled: CompiledNode, deployed: DeployedNode) -> str:
    today = draft.state.today
    if compiled.reads_clock != "day" or not today or deployed.built_at[:10] == today:
        return ""
    return f"reads the calendar and was built on {deployed.built_at[:10] or 'another day'}"


def _decide_batches(
    draft: Draft, compiled: CompiledNode, deployed: DeployedNode
) -> Decision | None:
    """Decide by the batches that a microbatch model has, or was asked to build."""
    if is_microbatch(compiled) and draft.options.event_time is not None:
        return _incremental("batches asked for by --event-time-start and --event-time-end")
    reason = gap_reason(compiled, deployed)
    return _incremental(reason) if reason else None


def _decide_unchanged(draft: Draft, compiled: CompiledNode) -> Decision:
    if draft.options.force:
        if can_run_incrementally(compiled):
            return _incremental("asked for; nothing it reads has changed")
        return _full(compiled, "rebuild", "asked for; nothing it reads has changed")
    if draft.differences[compiled.node.unique_id].kind == "formatting":
        return _skip("only formatting or comments changed")
    if compiled.node.resource_type == "seed":
        return _skip("the file has not changed")
    if is_view(compiled):
        return _skip("its definition has not changed")
    return _skip(UNCHANGED)


def _decide_test(draft: Draft, node: NodeId) -> Decision:
    deployed = draft.deployed_or_none(node)
    reason = _why_test(draft, node, deployed)
    if reason:
        return Decision(how="test", action="test", reason=reason)
    if deployed is not None and deployed.status == "warn":
        return _skip(UNCHANGED_WARNED)
    return _skip(UNCHANGED)


def _why_test(draft: Draft, node: NodeId, deployed: DeployedNode | None) -> str:
    if deployed is None:
        return "new"
    if draft.differences[node].kind == "changed":
        return _first_line(draft.differences[node])
    moves = find_moves(draft, node, deployed)
    if moves:
        return move_reason(moves)
    is_warning_failure = draft.options.warnings_fail and deployed.status == "warn"
    if deployed.status in LAST_RESULTS_RERUN or is_warning_failure:
        return f"its last result was {deployed.status}"
    if draft.options.force or draft.options.tests == "only":
        return "asked for"
    compiled = draft.compiled(node)
    if compiled.materialization and not compiled.code:
        return "only its run can render it"
    return _clock_reason(draft, compiled, deployed)
