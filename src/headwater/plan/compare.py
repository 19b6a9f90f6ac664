"""First pass: how each node differs from what the last successful run deployed, in words.

Fingerprints decide whether a node has changed; the traces of both queries say what has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Difference, Draft
from headwater.plan.options import BUILT_TYPES
from headwater.plan.state import DeployedNode
from headwater.plan.watermark import watermarks_of, window_in_words
from headwater.sql.compare import compare
from headwater.sql.lineage import ColumnChange, QueryChange
from headwater.sql.types import type_change
from headwater.sql.watermark import Watermark

CONFIG_KEYS_IGNORED = frozenset({"meta", "tags", "docs", "enabled", "description", "group"})
"""Keys that change nothing that is stored."""


KEYS_OF_RUNS = frozenset(
    {
        "batch_size",
        "event_time",
        "full_refresh",
        "incremental_predicates",
        "incremental_strategy",
        "lookback",
        "merge_exclude_columns",
        "merge_update_columns",
        "on_schema_change",
        "post_hook",
        "pre_hook",
        "refresh",
    }
)
"""Keys that decide how the next run is done, not what the table holds."""


def compare_nodes(draft: Draft) -> Draft:
    """Fill ``differences`` for every node that has a step."""
    found = {
        node: describe_difference(compiled, draft.deployed_or_none(node))
        for node, compiled in draft.graph.nodes.items()
        if compiled.node.resource_type in BUILT_TYPES and has_step(compiled)
    }
    return replace(draft, differences=MappingProxyType(found))


def has_step(compiled: CompiledNode) -> bool:
    """Say whether a node is built or run by itself; ephemeral models are part of their readers."""
    return compiled.node.resource_type in BUILT_TYPES and (
        compiled.node.resource_type != "model" or compiled.node.materialized != "ephemeral"
    )


def describe_difference(compiled: CompiledNode, deployed: DeployedNode | None) -> Difference:
    """Say how a node differs from its record."""
    if deployed is None:
        return Difference(kind="new")
    if compiled.fingerprint == deployed.fingerprint:
        same_text = compiled.code == deployed.code or not deployed.code
        return Difference(kind="same" if same_text else "formatting")
    query = _query_change_or_none(compiled, deployed)
    keys = tuple(_config_keys(compiled.node.config, deployed.config)) if deployed.config else ()
    same_query = compiled.code == deployed.code or (query is not None and query.formatting_only)
    lines = (
        *_node_lines(compiled, deployed, keys),
        *_query_lines(query),
        *(_filter_lines(compiled, deployed) if same_query else ()),
    )
    return Difference(
        kind="changed",
        lines=lines or (_fallback_line(compiled, deployed, query),),
        query=query,
        config_keys=keys,
        keeps_rows=same_query and bool(deployed.config) and set(keys) <= KEYS_OF_RUNS,
    )


def _fallback_line(
    compiled: CompiledNode, deployed: DeployedNode, query: QueryChange | None
) -> str:
    if compiled.node.resource_type == "seed":
        return "the file changed"
    if query is None and compiled.code != deployed.code:
        return "the query changed"
    if query is not None and not query.formatting_only:
        return "columns: their order changed"
    return "configuration, hooks or a macro changed"


def _query_change_or_none(compiled: CompiledNode, deployed: DeployedNode) -> QueryChange | None:
    if compiled.node.resource_type == "seed":
        return _seed_change_or_none(compiled, deployed)
    before, after = deployed.lineage, compiled.lineage
    if before is None or after is None:
        return None
    if not (before.complete or deployed.columns) or not (after.complete or compiled.columns):
        return None
    change = compare(before, after, before_columns=deployed.columns, after_columns=compiled.columns)
    unexplained = change.formatting_only and compiled.incremental_code is None
    return None if unexplained and compiled.code != deployed.code else change


def _seed_change_or_none(compiled: CompiledNode, deployed: DeployedNode) -> QueryChange | None:
    """Compare the columns of a file with those that it had; None when they are the same."""
    if deployed.columns is None or compiled.columns is None:
        return None
    before = {column.name.lower(): column for column in deployed.columns}
    after = {column.name.lower(): column for column in compiled.columns}
    changes = [
        ColumnChange(column=column.name, change="dropped", before=column.type)
        for name, column in before.items()
        if name not in after
    ]
    for name, column in after.items():
        old = before.get(name)
        if old is None:
            changes.append(ColumnChange(column=column.name, change="added", after=column.type))
        elif type_change(old.type, column.type) != "same":
            changes.append(
                ColumnChange(
                    column=column.name, change="retyped", before=old.type, after=column.type
                )
            )
    return QueryChange(formatting_only=False, columns=tuple(changes)) if changes else None


def _node_lines(
    compiled: CompiledNode, deployed: DeployedNode, keys: tuple[str, ...]
) -> Iterator[str]:
    node = compiled.node
    if node.materialized != deployed.materialized and node.resource_type == "model":
        yield f"materialized: {deployed.materialized} -> {node.materialized}"
    for key in keys:
        if key != "materialized":
            before, after = deployed.config.get(key), node.config.get(key)
            yield f"config {key}: {_in_words(before)} -> {_in_words(after)}"


def _config_keys(now: Mapping[str, Json], before: Mapping[str, Json]) -> Iterator[str]:
    for key in sorted({*now, *before} - CONFIG_KEYS_IGNORED):
        if now.get(key) != before.get(key):
            yield key


def _in_words(value: Json) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(_in_words(part) for part in value) + "]"
        case _:
            return str(value)


def _filter_lines(compiled: CompiledNode, deployed: DeployedNode) -> Iterator[str]:
    """Say how the incremental query differs where the full one does not."""
    now, before = compiled.incremental_code or "", deployed.incremental_code
    if not now or not before or now == before:
        return
    yield _window_line(
        watermarks_of(replace(compiled, incremental_code=before)), watermarks_of(compiled)
    )


def _window_line(before: tuple[Watermark, ...], now: tuple[Watermark, ...]) -> str:
    match before, now:
        case (_, *_), ():
            return "incremental window dropped: every run reads everything"
        case (), (mark, *_):
            return f"incremental window added: {window_in_words(mark)}"
        case (old,), (new,) if old.hours != new.hours:
            return f"incremental window: {window_in_words(old)} -> {window_in_words(new)}"
        case _:
            return "incremental filter changed"


def _query_lines(change: QueryChange | None) -> Iterator[str]:
    if change is None:
        return
    for column in change.columns:
        yield column_line(column)
    for relation in change.reads_added:
        yield f"reads {relation.name} now"
    for relation in change.reads_removed:
        yield f"reads {relation.name} no more"
    if change.rows_changed and not (change.reads_added or change.reads_removed):
        yield "rows: filter, join or grouping changed"


def column_line(change: ColumnChange) -> str:
    """Write one column's change as the plan shows it."""
    match change.change:
        case "added":
            return f"column {change.column}: new{f', {change.after}' if change.after else ''}"
        case "dropped":
            return f"column {change.column}: dropped"
        case "renamed":
            return f"column {change.column}: renamed to {change.after}"
        case "retyped":
            return f"column {change.column}: {change.before or '?'} -> {change.after or '?'}"
        case "changed":
            return f"column {change.column}: computed differently"
