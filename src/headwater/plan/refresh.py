"""Models with ``refresh``: kept equal to their full rebuild from what changed in their inputs.

Nothing here looks at event times: what a model has not read yet is told by the versions of its
inputs, however late a row comes. A model without ``refresh`` is none of this: its own filter, as
dbt has it, says what it reads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import get_args

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName, unquoted
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Decision, Draft, RefreshPlan
from headwater.plan.inputs import is_view
from headwater.plan.moved import Move, changes_between, find_moves
from headwater.plan.plan import RefreshMode, RefreshNote
from headwater.plan.state import DeployedNode, TableState
from headwater.plan.strategy import names_of
from headwater.sql.find_shape import QueryNames, find_shape
from headwater.sql.shape import Shape

MODES: tuple[RefreshMode, ...] = get_args(RefreshMode)

NEW_SHARE_MAX = 0.5
"""Share of an input's rows that may be new before a table is rather built in full (``auto``)."""

SMALL_BYTES = 16 * 1024 * 1024
"""Inputs below this are followed in any case: building in full would save nothing to speak of."""

_SIMPLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "VARCHAR", "BOOLEAN", "DATE"}
    | {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID"}
)
"""Types of columns by which touched rows are told; decimals are, too."""


def refresh_mode_or_none(config: Mapping[str, Json]) -> RefreshMode | None:
    """Return how a model asks to be refreshed; None when it is brought up to date dbt's way."""
    if config.get("materialized") not in {"incremental", "table"}:
        return None
    if config.get("incremental_strategy") == "microbatch":
        return None
    asked = config.get("refresh")
    if asked is None and config.get("materialized") == "incremental":
        return "auto" if config.get("incremental_strategy") == "auto" else None
    return next((mode for mode in MODES if asked == mode), None)


def is_refreshed(compiled: CompiledNode) -> bool:
    """Say whether a node is a model with ``refresh``; a project's own strategy `auto` is none."""
    node = compiled.node
    is_own = bool(compiled.materialization) and node.config.get("refresh") is None
    is_model = node.resource_type == "model" and not is_own
    return is_model and refresh_mode_or_none(node.config) is not None


def settle_refresh(
    draft: Draft, compiled: CompiledNode, deployed: DeployedNode | None, decision: Decision
) -> Decision:
    """Say how a model with ``refresh`` is built, where it is decided that it is.

    Args:
        draft: The draft with the decisions about its inputs.
        compiled: The model.
        deployed: How the last run left it.
        decision: What was decided as for any incremental model.
    """
    mode = refresh_mode_or_none(compiled.node.config)
    if mode is None or not is_refreshed(compiled) or not decision.builds:
        return decision
    if draft.options.takes_part:
        return decision
    shape = _shape_of(draft, compiled)
    inputs = frozenset(shape.tables)
    note = RefreshNote(mode=mode, shape=shape.words, leaves_open=shape.leaves_open)
    planned = RefreshPlan(note=note, shape=shape, key_wanted=_key_wanted(compiled))
    if mode == "full":
        return _in_full(decision, planned, "") if decision.how == "incremental" else decision
    if decision.how != "incremental" or deployed is None:
        why = "" if any(_is_proved(planned, {table}) for table in inputs) else _never(planned)
        note = replace(note, why=why)
        return replace(decision, refresh=replace(planned, note=note, falls_back=bool(why)))
    moves = find_moves(draft, compiled.node.unique_id, deployed)
    changed = frozenset(move.relation for move in moves) & inputs
    why = next(filter(None, _reasons(draft, compiled, deployed, moves)), "")
    known = frozenset(move.relation for move in moves if not move.is_built) & inputs
    why = why or shape.unproved(known, planned.key_wanted)
    why = why or (_too_much(draft, planned, deployed.node, known) if mode == "auto" else "")
    if why:
        return _in_full(decision, planned, why)
    return _in_part(decision, planned, changed or inputs)


def check_refresh(compiled: CompiledNode, decision: Decision) -> Iterator[Diagnostic]:
    """Report a ``refresh`` that is not known, contradicts itself, or cannot be kept."""
    node = compiled.node
    asked = node.config.get("refresh")
    if asked is not None and asked not in MODES:
        yield Diagnostic(
            code="refresh-unknown",
            severity="error",
            what=f"`{node.name}` asks for refresh `{asked}`, which is not known",
            why="whether a table equals its full rebuild must not be guessed",
            fix=f"use one of {', '.join(MODES)}",
            where=node.where,
            node=node.unique_id,
        )
    elif asked is not None and (against := _against_refresh(node.config)):
        yield Diagnostic(
            code="refresh-unknown",
            severity="error",
            what=f"`{node.name}` has refresh `{asked}` and {against}",
            why="it cannot equal its full rebuild at any time and be built like that",
            fix="take one of them out",
            where=node.where,
            node=node.unique_id,
        )
    mode = refresh_mode_or_none(node.config)
    planned = decision.refresh
    if planned is None or not planned.falls_back or mode in {"auto", "full"}:
        return
    yield Diagnostic(
        code="refresh-not-provable",
        severity="error" if mode == "strict" else "warning",
        what=f"`{node.name}` (refresh: {mode}) can only be built in full",
        why=planned.note.why,
        fix=_way_out(node.name, planned),
        where=node.where,
        node=node.unique_id,
    )


def _way_out(name: str, planned: RefreshPlan) -> str:
    """Say what helps: where the query is not to blame, one full build."""
    tables = planned.shape.tables
    if tables and all(_is_proved(planned, {table}) for table in tables):
        once = f"build it in full this once, `hw build --full-refresh --select {name}`"
    else:
        once = "change the query so that a key says which rows a change touches"
    return f"{once}, or write `refresh: auto`, which builds in full when it must"


def _against_refresh(config: Mapping[str, Json]) -> str:
    if config.get("full_refresh") is False:
        return "`full_refresh: false`"
    if config.get("incremental_strategy") == "microbatch":
        return "`incremental_strategy: microbatch`"
    kind = config.get("materialized")
    return "" if kind in {"incremental", "table"} else f"`materialized: {kind}`"


def _in_full(decision: Decision, planned: RefreshPlan, why: str) -> Decision:
    note = replace(planned.note, by="whole table", why=why)
    told = f"{decision.reason}; in full: {why}" if why else f"{decision.reason}; refresh: full"
    return Decision(
        how="full",
        action="rebuild",
        reason=told,
        refresh=replace(planned, note=note, falls_back=bool(why)),
    )


def _in_part(decision: Decision, planned: RefreshPlan, changed: frozenset[TableName]) -> Decision:
    shape = planned.shape
    key = tuple(column.name for column in shape.key_columns(changed, planned.key_wanted))
    adds = shape.appending_or_none(changed) is not None
    note = replace(planned.note, by="new rows" if adds else "touched keys", key=key)
    how = "new rows are added" if adds else f"what changed is computed again by {', '.join(key)}"
    if not key:  # what this plan builds first may turn out to be as it was
        how = "in full if they really change"
    return replace(
        decision,
        reason=f"{decision.reason}; {shape.words}: {how}",
        refresh=replace(planned, note=note),
    )


def _reasons(
    draft: Draft, compiled: CompiledNode, deployed: DeployedNode, moves: tuple[Move, ...]
) -> Iterator[str]:
    """Give the reasons, apart from the shape, for which a part would not do."""
    if refresh_mode_or_none(deployed.config) is None and deployed.config:
        yield "so far its own filter decided which rows it has"
    table = draft.state.tables.get(str(compiled.node.relation))
    if table is not None and deployed.version is not None and _others_wrote(table, deployed):
        yield "others wrote to it, which no input explains"
    held = draft.state.held.get(deployed.node, {})
    for move in moves:
        if (found := held.get(str(move.relation))) is not None and not move.is_built:
            yield found.why
        producer = draft.index.producers.get(move.relation)
        if producer is not None and is_view(draft.compiled(producer)):
            yield f"the view {move.relation.name} was defined anew"
        before = deployed.inputs.get(str(move.relation), "")
        state = draft.state.tables.get(str(move.relation))
        if not before.isdecimal():
            yield f"{move.relation.name} was not read as a table before"
        elif state is not None and state.version.isdecimal() and int(state.version) < int(before):
            yield f"{move.relation.name} was replaced"


def _others_wrote(table: TableState, deployed: DeployedNode) -> bool:
    if table.kind != "table" or table.version == str(deployed.version):
        return False
    between = changes_between(table, deployed.version or 0)
    return between is None or any(change.changes_data for change in between)


def _too_much(
    draft: Draft, planned: RefreshPlan, node: NodeId, changed: frozenset[TableName]
) -> str:
    """Say that so much of an input is new that computing it again by keys costs more."""
    if not changed or planned.shape.appending_or_none(changed) is not None:
        return ""
    for relation in sorted(changed):
        table = draft.state.tables.get(str(relation))
        held = draft.state.held.get(node, {}).get(str(relation))
        if table is None or held is None or not table.rows or held.rows_removed:
            continue
        is_large = (table.size_bytes or 0) >= SMALL_BYTES
        if is_large and (held.rows_added or 0) > NEW_SHARE_MAX * table.rows:
            return f"more than half of {relation.name} is new"
    return ""


def _key_wanted(compiled: CompiledNode) -> tuple[str, ...]:
    return tuple(unquoted(name) for name in names_of(compiled.node.config.get("unique_key")))


def _is_proved(planned: RefreshPlan, changed: set[TableName]) -> bool:
    return not planned.shape.unproved(changed, planned.key_wanted)


def _never(planned: RefreshPlan) -> str:
    shape = planned.shape
    if shape.refusal:
        return shape.refusal
    return shape.unproved(frozenset(shape.tables), planned.key_wanted) if shape.tables else ""


def _shape_of(draft: Draft, compiled: CompiledNode) -> Shape:
    """Find the shape of a model's full query, views of the project followed."""
    refusal = _refusal_or_none(draft, compiled)
    if refusal is not None:
        return Shape(refusal=refusal)
    columns: dict[TableName, tuple[Column, ...]] = {}
    views: dict[TableName, str] = {}
    for relation in draft.index.reads[compiled.node.unique_id]:
        producer = draft.index.producers.get(relation)
        made = None if producer is None else draft.compiled(producer)
        if made is not None and is_view(made):
            views[relation] = made.code
        elif (found := _columns_or_none(draft, relation, made)) is not None:
            columns[relation] = found
    catalog = compiled.node.relation.catalog if compiled.node.relation else ""
    known = QueryNames(
        columns=MappingProxyType(columns), views=MappingProxyType(views), catalog=catalog
    )
    shape = find_shape(compiled.code, known)
    kept = _usable_or_none(draft, compiled)
    if kept is None:
        return shape
    return replace(shape, keys=tuple(key for key in shape.keys if key.name.lower() in kept))


def _refusal_or_none(draft: Draft, compiled: CompiledNode) -> str | None:
    node = compiled.node
    if compiled.materialization:
        return "a macro of the project builds it"
    if node.original_path.endswith(".py"):
        return "it is a Python model"
    if node.config.get("sql_header"):
        return "it has a sql_header"
    if compiled.pre_writes.writes or compiled.post_writes.writes:
        return "its hooks write"
    functions = [
        draft.compiled(key).node.name
        for key in compiled.depends_on
        if key in draft.graph.nodes and draft.compiled(key).node.resource_type == "function"
    ]
    return f"it calls the function `{functions[0]}`" if functions else None


def _columns_or_none(
    draft: Draft, relation: TableName, made: CompiledNode | None
) -> tuple[Column, ...] | None:
    table = draft.state.tables.get(str(relation))
    is_built = made is not None and draft.is_built(made.node.unique_id)
    if table is not None and table.kind == "table" and not is_built:
        return table.columns
    if made is not None and made.columns and made.node.resource_type != "source":
        return made.columns
    return table.columns if table is not None and table.kind == "table" else None


def _usable_or_none(draft: Draft, compiled: CompiledNode) -> frozenset[str] | None:
    """Return the columns whose values can be compared exactly; None when none is known yet."""
    table = draft.state.tables.get(str(compiled.node.relation))
    columns = (table.columns if table is not None else ()) or compiled.columns or ()
    if not columns:
        return None
    return frozenset(
        column.name.lower()
        for column in columns
        if column.type in _SIMPLE or column.type.startswith("DECIMAL(")
    )
