"""How an incremental node is brought up to date: dbt's strategies as kinds of steps.

dbt's default is merge when there is a unique_key and append when there is none; a strategy that
matches by key is an append when there is no key to match by.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.plan.plan import OnSchemaChange

Strategy = Literal["append", "merge", "delete+insert", "insert_overwrite"]

_STRATEGIES: tuple[Strategy, ...] = ("append", "merge", "delete+insert", "insert_overwrite")
MERGE_MODES = ("auto", "copy_on_write", "merge_on_read")
"""What `merge_mode` may be: whether files with matching rows are written again."""

_ON_SCHEMA_CHANGE: tuple[OnSchemaChange, ...] = (
    "ignore",
    "fail",
    "append_new_columns",
    "sync_all_columns",
)

_MATERIALIZATIONS = ("table", "view", "incremental", "ephemeral")


def names_of(value: Json) -> tuple[str, ...]:
    """Read a config value that may be one name or a list of names."""
    match value:
        case str():
            return (value,) if value else ()
        case list():
            return tuple(str(part) for part in value)
        case {"field": str(name)}:  # BigQuery's form of partition_by
            return (name,)
        case _:
            return ()


def partition_by_of(compiled: CompiledNode) -> tuple[str, ...]:
    """Return the partition columns of a node's table."""
    config = compiled.node.config
    return names_of(config.get("partition_by")) or names_of(config.get("partitioned_by"))


def strategy_of(compiled: CompiledNode) -> Strategy:
    """Return how an incremental model is brought up to date; unknown words read as the default."""
    config = compiled.node.config
    has_key = bool(names_of(config.get("unique_key")))
    asked = config.get("incremental_strategy")
    for strategy in _STRATEGIES:
        if asked == strategy:
            needs_key = strategy in {"merge", "delete+insert"}
            return "append" if needs_key and not has_key else strategy
    return "merge" if has_key else "append"


def on_schema_change_of(compiled: CompiledNode) -> OnSchemaChange:
    """Return what becomes of columns that the stored table does not have."""
    asked = compiled.node.config.get("on_schema_change")
    return next((known for known in _ON_SCHEMA_CHANGE if asked == known), "ignore")


def check_strategy(compiled: CompiledNode) -> Diagnostic | None:
    """Report a strategy that cannot be carried out as asked; None when it can."""
    node = compiled.node
    asked = node.config.get("incremental_strategy")
    if asked not in {None, "", "auto", "default", "microbatch", *_STRATEGIES}:
        return Diagnostic(
            code="incremental-strategy-unknown",
            severity="error",
            what=f"`{node.name}` asks for incremental_strategy `{asked}`, which is not known",
            why="the planner will not guess how rows that are already stored are to be treated",
            fix=f"use one of {', '.join((*_STRATEGIES, 'microbatch', 'auto'))}",
            where=node.where,
            node=node.unique_id,
        )
    if asked == "insert_overwrite" and not partition_by_of(compiled):
        return Diagnostic(
            code="overwrite-without-partitions",
            severity="error",
            what=f"`{node.name}` uses insert_overwrite without partition_by",
            why="without partitions every run would replace the whole table by its newest rows",
            fix="set partition_by to the column whose values are rewritten together",
            where=node.where,
            node=node.unique_id,
        )
    mode = node.config.get("merge_mode")
    if mode not in {None, *MERGE_MODES}:
        return Diagnostic(
            code="merge-mode-unknown",
            severity="error",
            what=f"`{node.name}` asks for merge_mode `{mode}`, which is not known",
            why="who may read the table depends on it, so that it must not be guessed",
            fix=f"use one of {', '.join(MERGE_MODES)}",
            where=node.where,
            node=node.unique_id,
        )
    return None


CLUSTER_COLUMNS_MAX = 4
"""Columns that a table may be clustered by: of more, each divides too little to help."""


def cluster_by_of(
    config: Mapping[str, Json], columns: Sequence[str], partition_by: Sequence[str]
) -> tuple[str, ...]:
    """Return the columns by whose values a model's rows lie near each other, as they are spelled.

    Args:
        config: The model's.
        columns: Its columns.
        partition_by: Those by which it is partitioned.

    Returns:
        None at all where ``cluster_by`` does not name one to four columns, each once, of which the
        table is not partitioned by one: other warehouses take expressions there.
    """
    asked = [name.strip().strip('"').lower() for name in names_of(config.get("cluster_by"))]
    asked = [part.strip() for name in asked for part in name.split(",")]
    exact = {column.lower(): column for column in columns}
    taken = {name.lower() for name in partition_by}
    is_usable = 0 < len(asked) <= CLUSTER_COLUMNS_MAX and len(set(asked)) == len(asked)
    if not is_usable or not set(asked) <= exact.keys() or set(asked) & taken:
        return ()
    return tuple(exact[name] for name in asked)


def _check_clustering(compiled: CompiledNode) -> Iterator[Diagnostic]:
    """Report a clustering that the table cannot have; the model is built without it."""
    node = compiled.node
    if not node.config.get("cluster_by") or node.materialized == "view" or not compiled.columns:
        return
    columns = [column.name for column in compiled.columns]
    if cluster_by_of(node.config, columns, partition_by_of(compiled)):
        return
    yield Diagnostic(
        code="config-without-effect",
        severity="warning",
        what=f"`{node.search_name}` sets `cluster_by`, which has no effect",
        why=f"one to {CLUSTER_COLUMNS_MAX} of its columns can order its rows, each once, and none "
        "by which it is partitioned; expressions cannot",
        fix=f"name some of {', '.join(columns[:8])}, or leave `cluster_by` out",
        where=node.where,
        node=node.unique_id,
    )


_WITHOUT_EFFECT: Mapping[str, str] = MappingProxyType(
    {
        "indexes": "Delta tables have none; files are left out by their statistics",
        "catalog_name": "every table is a Delta table of the workspace's lake",
        "sorted_by": "files are written in the order of the query",
    }
)


def check_promises(compiled: CompiledNode) -> Iterator[Diagnostic]:
    """Report a model's materialization that cannot be built, and config that has no effect yet."""
    node = compiled.node
    if node.resource_type != "model":
        return
    if compiled.materialization:
        return
    if node.materialized not in {*_MATERIALIZATIONS, "materialized_view"}:
        yield Diagnostic(
            code="materialization-unknown",
            severity="error",
            what=f"`{node.name}` is to be built as `{node.materialized}`, which is not known",
            why="the planner will not build something else than was asked for",
            fix=f"use one of {', '.join(_MATERIALIZATIONS)}, or give the project a macro "
            f"`{{% materialization {node.materialized}, default %}}`",
            where=node.where,
            node=node.unique_id,
        )
    if node.materialized == "materialized_view":
        yield Diagnostic(
            code="materialized-view-as-table",
            severity="warning",
            what=f"`{node.name}` is built as a table, not as a materialized view",
            why="the lake has no views that refresh themselves; a build refreshes it",
            fix="write `materialized: table`, which says the same",
            where=node.where,
            node=node.unique_id,
        )
    for key, why in _WITHOUT_EFFECT.items():
        if node.config.get(key):
            yield Diagnostic(
                code="config-without-effect",
                severity="warning",
                what=f"`{node.search_name}` sets `{key}`, which has no effect",
                why=why,
                fix=f"leave `{key}` out where the model is built here",
                where=node.where,
                node=node.unique_id,
            )
    yield from _check_clustering(compiled)
    if node.config.get("grants"):
        yield Diagnostic(
            code="grants-not-applied",
            severity="warning",
            what=f"the grants of `{node.name}` are not applied",
            why="there are no permissions yet: whoever can read the lake can read the table",
            fix="protect the lake's folder or bucket, or leave the grants out",
            where=node.where,
            node=node.unique_id,
        )
