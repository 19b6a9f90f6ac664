"""A change of a stored table's columns that writes the whole table again.

What it finds:
    An incremental model, a snapshot or a model under contract whose columns are dropped, renamed or
    get another type, where the stored table is larger than 64 MiB and its files cannot stay as they
    are. A warning above 10 GiB, information below.

Why it matters:
    Every file is read and written anew: that takes the time, money and storage that the finding
    says, a writer that commits meanwhile makes it start again, and readers see other columns at
    once.

Example:
    ``id`` of a table of 88 GiB becomes ``BIGINT``. Spark widens it in the log alone.

Safer form:
    Add the new column beside the old one, which is an entry in the log, and drop the old one when
    nobody reads it. ``hw migrate plan`` says what each way takes.

Known gaps:
    What a build that starts from the inputs reads of them is in the plan's costs, not here.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.units import format_bytes, format_seconds
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.migrate import Operation
from headwater.plan.migration import EnginePlan, Migration, plan_migration
from headwater.plan.rules.rule import Rule
from headwater.sql.lineage import ColumnChange

_KEPT = frozenset({"incremental", "snapshot"})


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Plan the migration of every stored table whose columns change."""
    for node, difference in draft.differences.items():
        compiled = draft.compiled(node)
        table = draft.state.tables.get(str(compiled.node.relation))
        if table is None or table.kind != "table" or difference.query is None:
            continue
        limits = draft.options.limits
        is_small = (table.size_bytes or 0) < limits.rewrite_bytes_min
        if is_small or not _keeps_table(compiled) or draft.decisions[node].how == "skip":
            continue
        operations = [
            asked for each in difference.query.columns if (asked := _operation_or_none(each))
        ]
        found = plan_migration(table, operations, prices=draft.state.prices)
        if operations and found.engines[0].effort == "rewrite":
            is_large = (table.size_bytes or 0) > limits.refresh_bytes_max
            yield _finding(compiled, found, is_large=is_large)


def _keeps_table(compiled: CompiledNode) -> bool:
    contract = compiled.node.config.get("contract")
    is_promised = isinstance(contract, dict) and bool(contract.get("enforced"))
    return is_promised or compiled.node.materialized in _KEPT


def _operation_or_none(change: ColumnChange) -> Operation | None:
    match change.change:
        case "added":
            return Operation(verb="add", column=change.column, to=change.after)
        case "dropped":
            return Operation(verb="drop", column=change.column)
        case "renamed":
            return Operation(verb="rename", column=change.before, to=change.after)
        case "retyped":
            return Operation(verb="retype", column=change.column, to=change.after)
        case "changed":
            return None


def _finding(compiled: CompiledNode, found: Migration, *, is_large: bool) -> Diagnostic:
    ours, spark = found.engines
    asked = "; ".join(each.text for each in found.operations)
    return Diagnostic(
        code="schema-rewrite",
        severity="warning" if is_large else "info",
        what=f"`{compiled.node.name}` changes its columns ({asked}): all "
        f"{format_bytes(found.size_bytes)} of it are written again",
        why=f"about {format_seconds(ours.seconds.value)} ({ours.seconds.grade}){_odds(ours)}; "
        f"with Spark: {spark.effort}{_after(spark)}",
        fix="add the new column beside the old one; `hw migrate plan` says what each way takes",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


def _odds(plan: EnginePlan) -> str:
    if plan.conflict.value is None:
        return ""
    return f", {plan.conflict.value:.1%} odds that another writer comes between"


def _after(plan: EnginePlan) -> str:
    return f" after {', '.join(plan.enables)}" if plan.enables else ""


SCHEMA_REWRITE = Rule(code="schema-rewrite", check=check)
