"""Loading rows from outside into a table of the lake, as a plan of one step.

Ingestion is a run like any other: it has a plan, a record and a meter, and its commit carries them.
"""

from typing import Literal

from headwater.base.diagnostics import error_of
from headwater.base.errors import InternalError
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.plan.plan import Append, Build, Plan, Target, Totals
from headwater.runs.context import Context
from headwater.runs.execute import execute


def make_load_plan(
    context: Context,
    name: TableName,
    sql: str,
    *,
    mode: Literal["append", "overwrite"],
    node: NodeId,
) -> Plan:
    """Make the plan that writes a query's rows into a table.

    Args:
        context: Where the table is.
        name: The table.
        sql: A query over files or nothing.
        mode: Add the rows, or replace the table.
        node: unique_id to record the run under; made from the name when empty.
    """
    version = context.tables.table(name).version_or_none()
    target = Target(
        relation=name,
        fingerprint="",
        version=version,
        materialized="table" if mode == "overwrite" else "incremental",
        columns=None,
        full_code=sql,
        depends_on=(),
    )
    unique_id = node or NodeId(f"source.{name.catalog}.{name.schema}.{name.name}")
    step: Append | Build
    if version is not None and mode == "append":
        step = Append(
            node=unique_id,
            name=name.name,
            resource_type="source",
            action="incremental",
            reason="rows were loaded",
            target=target,
            sql=sql,
            on_schema_change="append_new_columns",
        )
    else:
        step = Build(
            node=unique_id,
            name=name.name,
            resource_type="source",
            action="add" if version is None else "rebuild",
            reason="rows were loaded",
            target=target,
            sql=sql,
        )
    return Plan(
        project=name.catalog,
        target="load",
        checksum="load",
        compared_with="",
        created_at=context.now(),
        steps=(step,),
        totals=Totals(),
    )


def load_rows(
    context: Context,
    name: TableName,
    sql: str,
    *,
    mode: Literal["append", "overwrite"],
    node: NodeId,
) -> int:
    """Write a query's rows into a table, as a run of one step; return the version committed.

    Args:
        context: Where the table is.
        name: The table.
        sql: A query over files or nothing.
        mode: Add the rows, or replace the table.
        node: unique_id to record the run under; made from the name when empty.

    Raises:
        HeadwaterError: What went wrong.
    """
    plan = make_load_plan(context, name, sql, mode=mode, node=node)
    result = execute(plan, context, command="load").results[0]
    if result.version is None:
        if result.diagnostic is None:
            raise InternalError("internal", result.message)
        raise error_of(result.diagnostic)
    return result.version
