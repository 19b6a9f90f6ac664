"""Third pass: decisions become steps that hold everything a run needs."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal, TypedDict

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import TableName, unquoted
from headwater.graph.graph import CompiledNode
from headwater.graph.snapshots import hard_deletes_of
from headwater.plan.batches import is_microbatch
from headwater.plan.contracts import check_contract_changes, row_checks
from headwater.plan.draft import Decision, Draft, RefreshPlan
from headwater.plan.missing import missing_inputs
from headwater.plan.order import order_steps
from headwater.plan.plan import (
    Append,
    Build,
    BuildView,
    Comments,
    LoadSeed,
    Merge,
    OverwritePartitions,
    PythonPart,
    Read,
    Refresh,
    RefreshNote,
    ReplaceBatches,
    RunTest,
    Skip,
    Step,
    TakeSnapshot,
    Target,
)
from headwater.plan.refresh import check_refresh
from headwater.plan.strategy import (
    check_promises,
    check_strategy,
    names_of,
    on_schema_change_of,
    partition_by_of,
    strategy_of,
)
from headwater.project.node import ResourceType


class _Base(TypedDict):
    node: NodeId
    name: str
    resource_type: ResourceType
    action: Literal["add", "rebuild", "incremental", "test", "skip"]
    reason: str
    after: tuple[NodeId, ...]
    reads: tuple[Read, ...]
    refresh: RefreshNote | None


def make_steps(draft: Draft) -> Draft:
    """Fill ``steps``, in an order that respects ``after``, and report what cannot be done."""
    ordering = order_steps(draft)
    steps: list[Step] = []
    findings: list[Diagnostic] = [*draft.diagnostics, *missing_inputs(draft, ordering.order)]
    for node in ordering.order:
        base = _base(draft, node, ordering.after[node])
        steps.append(_make_step(draft, base, ordering.gates.get(node)))
        findings.extend(_check(draft, node))
    return replace(draft, steps=tuple(steps), diagnostics=tuple(findings))


def _base(draft: Draft, node: NodeId, after: tuple[NodeId, ...]) -> _Base:
    compiled, decision = draft.compiled(node), draft.decisions[node]
    return _Base(
        node=node,
        name=compiled.node.search_name,
        resource_type=compiled.node.resource_type,
        action=decision.action,
        reason=decision.reason,
        after=after,
        reads=() if decision.how == "skip" else tuple(_reads(draft, node)),
        refresh=None if decision.refresh is None else decision.refresh.note,
    )


def _reads(draft: Draft, node: NodeId) -> Iterator[Read]:
    for relation in draft.index.reads[node]:
        producer = draft.index.producers.get(relation)
        table = draft.state.tables.get(str(relation))
        is_built = producer is not None and draft.is_built(producer)
        yield Read(name=relation, version=None if is_built or table is None else table.version)


def _make_step(draft: Draft, base: _Base, gates: NodeId | None) -> Step:
    compiled = draft.compiled(base["node"])
    decision = draft.decisions[base["node"]]
    how = decision.how
    match how:
        case "skip":
            return Skip(**base)
        case "test":
            return _test_step(draft, compiled, base, gates)
        case "view" if not compiled.materialization:
            sql = compiled.code if compiled.function is None else compiled.function.document()
            return BuildView(**base, target=_target(draft, compiled), sql=sql)
        case "full" | "incremental" if compiled.node.resource_type == "seed" and not compiled.code:
            return _seed_step(draft, compiled, base)
        case "full" | "incremental" if compiled.node.resource_type == "snapshot":
            return _snapshot_step(draft, compiled, base)
        case "full" | "incremental" if is_microbatch(compiled):
            return _batches_step(draft, compiled, base, is_full=how == "full")
        case "incremental" if decision.refresh or not compiled.materialization:
            return _incremental_step(draft, compiled, base, decision.refresh)
        case "full" | "view" | "incremental":
            # A macro of the project, where there is one, decides how when it runs.
            return Build(**base, target=_target(draft, compiled), sql=compiled.code)


def _target(draft: Draft, compiled: CompiledNode) -> Target:
    node = compiled.node
    relation = node.relation or TableName("", "", node.name)
    table = draft.state.tables.get(str(relation))
    is_table = table is not None and table.kind == "table" and table.version.isdecimal()
    return Target(
        relation=relation,
        fingerprint=compiled.fingerprint,
        version=int(table.version) if table is not None and is_table else None,
        materialized=node.materialized,
        columns=compiled.columns,
        full_code=compiled.code,
        depends_on=compiled.depends_on,
        incremental_code=compiled.incremental_code or "",
        partition_by=partition_by_of(compiled),
        config=node.config,
        pre_hooks=compiled.pre_hooks,
        post_hooks=compiled.post_hooks,
        pre_writes=compiled.pre_writes,
        post_writes=compiled.post_writes,
        macro=compiled.materialization,
        comments=_comments(compiled),
        python=_python_part(draft, compiled),
        row_checks=() if node.materialized == "view" else row_checks(compiled),
    )


def _python_part(draft: Draft, compiled: CompiledNode) -> PythonPart | None:
    node = compiled.node
    if node.resource_type != "model" or not node.original_path.endswith(".py"):
        return None
    inputs: dict[str, TableName] = {}
    for key in compiled.depends_on:
        read = draft.compiled(key).node
        if read.relation is None:
            continue
        if read.source is not None:
            inputs[f"source.{read.source.source_name}.{read.name}"] = read.relation
        else:
            inputs[f"ref.{read.name}"] = read.relation
            inputs[f"ref.{read.package}.{read.name}"] = read.relation
    return PythonPart(
        file=node.where.file if node.where else node.original_path, inputs=MappingProxyType(inputs)
    )


def _comments(compiled: CompiledNode) -> Comments:
    node = compiled.node
    asked = node.config.get("persist_docs")
    wanted = asked if isinstance(asked, Mapping) else {}
    texts = {column.name: column.description for column in node.columns.values()}
    return Comments(
        table=node.description if wanted.get("relation") is True else None,
        columns=MappingProxyType(texts) if wanted.get("columns") is True else None,
    )


def _incremental_step(
    draft: Draft, compiled: CompiledNode, base: _Base, planned: RefreshPlan | None
) -> Step:
    target, config = _target(draft, compiled), compiled.node.config
    if planned is not None:
        return Refresh(
            **base,
            target=target,
            sql=compiled.code,
            shape=planned.shape,
            key_wanted=planned.key_wanted,
            is_strict=planned.note.mode == "strict",
        )
    sql = compiled.code if compiled.incremental_code is None else compiled.incremental_code
    on_change = on_schema_change_of(compiled)
    match strategy_of(compiled):
        case "append":
            return Append(**base, target=target, sql=sql, on_schema_change=on_change)
        case "insert_overwrite":
            return OverwritePartitions(**base, target=target, sql=sql, on_schema_change=on_change)
        case "merge" | "delete+insert" as strategy:
            return Merge(
                **base,
                target=target,
                sql=sql,
                unique_key=_columns(config.get("unique_key")),
                update_columns=_columns(config.get("merge_update_columns")),
                exclude_columns=_columns(config.get("merge_exclude_columns")),
                delete_matching=strategy == "delete+insert",
                predicates=_predicates(config),
                on_schema_change=on_change,
            )


def _columns(value: Json) -> tuple[str, ...]:
    """Return names of columns, which dbt's users quote where the warehouse wants it."""
    return tuple(unquoted(name) for name in names_of(value))


def _predicates(config: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the conditions under which a row of the table may match, as dbt names them."""
    return names_of(config.get("predicates") or config.get("incremental_predicates"))


def _batches_step(
    draft: Draft, compiled: CompiledNode, base: _Base, *, is_full: bool
) -> ReplaceBatches:
    node = compiled.node
    batches = draft.options.batches.get(node.unique_id, ())
    deployed = None if is_full else draft.deployed_or_none(node.unique_id)
    first, last = (batches[0].id, batches[-1].id) if batches else ("none", "none")
    span = first if len(batches) == 1 else f"{first} to {last}"
    size = node.config.get("batch_size")
    base["reason"] = f"{base['reason']}; {len(batches)} batches of a {size}: {span}"
    return ReplaceBatches(
        **base,
        target=_target(draft, compiled),
        sql=compiled.code,
        event_time=str(node.config.get("event_time") or ""),
        batches=batches,
        is_full=is_full,
        covered=() if deployed is None else deployed.covered,
        on_schema_change=on_schema_change_of(compiled),
    )


def _snapshot_step(draft: Draft, compiled: CompiledNode, base: _Base) -> TakeSnapshot:
    config, rule = compiled.node.config, compiled.snapshot_rule
    checks = names_of(config.get("check_cols"))
    return TakeSnapshot(
        **base,
        target=_target(draft, compiled),
        sql=compiled.code,
        unique_key=names_of(config.get("unique_key")) if rule is None else rule.unique_key,
        strategy="check" if config.get("strategy") == "check" else "timestamp",
        updated_at=unquoted(str(config.get("updated_at") or ""))
        if rule is None
        else rule.updated_at,
        check_columns=() if checks == ("all",) else tuple(map(unquoted, checks)),
        hard_deletes=hard_deletes_of(config) if rule is None else rule.hard_deletes,
        row_changed="" if rule is None else rule.row_changed,
        scd_id="" if rule is None else rule.scd_id,
        meta_columns=_meta_columns(config),
        valid_to_current=str(config.get("dbt_valid_to_current") or ""),
    )


def _meta_columns(config: Mapping[str, Json]) -> Mapping[str, str]:
    names = config.get("snapshot_meta_column_names")
    renamed = names if isinstance(names, Mapping) else {}
    return MappingProxyType(
        {usual: str(name) for usual, name in renamed.items() if name and name != usual}
    )


def _seed_step(draft: Draft, compiled: CompiledNode, base: _Base) -> LoadSeed:
    node = compiled.node
    file = node.where.file if node.where else node.original_path
    types = node.config.get("column_types")
    return LoadSeed(
        **base,
        target=_target(draft, compiled),
        path=posixpath.join(draft.options.project_root, file),
        delimiter=str(node.config.get("delimiter") or ","),
        column_types=MappingProxyType(
            {name: str(kind) for name, kind in types.items()} if isinstance(types, dict) else {}
        ),
        checksum=node.checksum,
    )


def _test_step(draft: Draft, compiled: CompiledNode, base: _Base, gates: NodeId | None) -> RunTest:
    config = compiled.node.config
    limit = config.get("limit")
    return RunTest(
        **base,
        sql=compiled.code,
        fingerprint=compiled.fingerprint,
        macro=compiled.materialization,
        gates=gates,
        severity="warn" if str(config.get("severity", "error")).lower() == "warn" else "error",
        warn_if=str(config.get("warn_if") or "!= 0"),
        error_if=str(config.get("error_if") or "!= 0"),
        fail_calc=str(config.get("fail_calc") or "count(*)"),
        limit=limit if isinstance(limit, int) else None,
        warning_fails=draft.options.warnings_fail,
        store_in=_store_in(draft, compiled),
        store_as="view" if config.get("store_failures_as") == "view" else "table",
    )


def _store_in(draft: Draft, compiled: CompiledNode) -> TableName | None:
    """Return where failing rows are kept; the test's config counts before the command's option."""
    node = compiled.node
    wanted = node.config.get("store_failures")
    if wanted is None:
        wanted = draft.options.store_failures
    return node.place if wanted and node.resource_type == "test" else None


def _check(draft: Draft, node: NodeId) -> Iterator[Diagnostic]:
    decision, compiled = draft.decisions[node], draft.compiled(node)
    if decision.how == "skip":
        return
    yield from check_promises(compiled)
    yield from check_refresh(compiled, decision)
    yield from check_contract_changes(draft, node)
    if compiled.materialization:
        return
    if compiled.node.materialized == "incremental" and compiled.node.resource_type == "model":
        finding = check_strategy(compiled)
        if finding is not None:
            yield finding
    yield from _moved_by_others(compiled, decision)


def _moved_by_others(compiled: CompiledNode, decision: Decision) -> Iterator[Diagnostic]:
    if decision.how != "incremental" or "by another writer" not in decision.reason:
        return
    yield Diagnostic(
        code="table-changed-by-another-writer",
        severity="warning",
        what=f"rows of `{compiled.node.name}` were changed by another writer",
        why=f"{decision.reason}; an incremental run keeps those changes, a rebuild drops them",
        fix=f"`hw build --full-refresh --select {compiled.node.name}` to make it follow its SQL",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )
