"""``select *`` from a stored table into an incremental model.

What it finds:
    An incremental model whose columns are whatever its input has: a star in the outermost select,
    or in the CTEs that it passes through unchanged, over a table or view.

Why it matters:
    A column added upstream changes what is inserted into a table that already has its columns. By
    ``on_schema_change`` it is silently dropped (``ignore``), fails the run (``fail``), or is null
    in every row stored before.

Example:
    ``select * from {{ ref('stg_moves') }}`` in a model with ``materialized='incremental'``.

Safer form:
    Name the columns.

Known gaps:
    A star over a CTE that names its columns is fine and is not reported. ``columns(...)``
    expressions are not looked into. Models with ``refresh`` are built in full when the columns of
    an input change, so nothing is said of them.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.refresh import is_refreshed
from headwater.plan.rules.rule import Rule
from headwater.plan.strategy import on_schema_change_of
from headwater.sql.stars import star_over_or_none


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at the stars of every incremental model."""
    for compiled in draft.graph.nodes.values():
        if compiled.incremental_code is None or not draft.is_asked_for(compiled.node.unique_id):
            continue
        if is_refreshed(compiled):
            continue
        relation = star_over_or_none(compiled.code, compiled.dialect)
        if relation is not None:
            yield _finding(compiled, relation)


def _finding(compiled: CompiledNode, relation: str) -> Diagnostic:
    node = compiled.node
    what_happens = {
        "ignore": "a column added there is silently dropped from new rows",
        "fail": "a column added there fails the run",
        "append_new_columns": "a column added there is null in every row stored before",
        "sync_all_columns": "a column added or removed there changes this table without a review",
    }
    mode = on_schema_change_of(compiled)
    return Diagnostic(
        code="select-star-incremental",
        severity="warning",
        what=f"`{node.name}` is incremental and takes `*` from `{relation}`",
        why=f"{what_happens[mode]} (on_schema_change: {mode})",
        fix="name the columns",
        where=node.where,
        node=node.unique_id,
    )


SELECT_STAR = Rule(code="select-star-incremental", check=check)
