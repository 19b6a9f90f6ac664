"""A macro called by itself (dbt's ``run-operation``), as the text that calls it.

Macros are reached only through Jinja, so the call is written as one; arguments travel as JSON,
which no value can leave.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from headwater.base.codec import Json
from headwater.base.errors import Invalid, NotFound
from headwater.base.ids import NodeId
from headwater.graph.graph import Graph, HookWrites
from headwater.graph.live import LiveRenderer
from headwater.plan.plan import Plan, RunHook
from headwater.project.project import Project
from headwater.runs.answers import Operation
from headwater.runs.context import Context
from headwater.runs.execute import execute

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", re.ASCII)


def statement_of(sql: str) -> str:
    """Return the Jinja that runs a query, in which Jinja may stand."""
    return f"{{% call statement('operation', fetch_result=true) %}}{sql}{{% endcall %}}"


def operation_id(project: Project, macro: str) -> str:
    """Return the unique_id of a macro called by itself; ``operation.PROJECT.sql`` for a query.

    Raises:
        NotFound: ``macro-not-found``.
    """
    if not macro:
        return f"operation.{project.name}.sql"
    package, _, name = macro.rpartition(".")
    index = project.templates.index
    found = index.find_in_or_none(package, name) if package else None
    found = found or index.find_or_none(project.name, name)
    if found is None:
        raise NotFound(
            "macro-not-found",
            f"there is no macro `{macro}` to call",
            fix="check the spelling; a macro of a package is called as `PACKAGE.MACRO`",
        )
    return found.unique_id


def macro_call(macro: str, arguments: Mapping[str, Json]) -> str:
    """Return the Jinja that calls a macro.

    Raises:
        Invalid: ``usage-invalid``.
    """
    if not _NAME.fullmatch(macro):
        raise Invalid(
            "usage-invalid",
            f"`{macro}` is not the name of a macro",
            fix="give NAME or PACKAGE.NAME, and its arguments by --args '{name: value}'",
        )
    values = json.dumps(json.dumps(dict(arguments), default=str))
    return f"{{% do {macro}(**fromjson({values})) %}}"


def run_operation(
    context: Context, project: Project, graph: Graph, call: str, node: str
) -> Operation:
    """Run the text that calls a macro, as a plan of one hook; what it writes is published.

    Args:
        context: The world.
        project: The project.
        graph: The project, its references resolved.
        call: The text.
        node: unique_id that the run is recorded under.

    Raises:
        Unavailable: ``workspace-busy``.
    """
    live = LiveRenderer(project, inline=call)
    key = NodeId(node)
    hook = RunHook(node=key, name=node, sql="", writes=HookWrites(is_live=True, is_known=False))
    plan = Plan(
        project=graph.project,
        target=graph.target,
        checksum=graph.checksum,
        compared_with="",
        created_at=context.now(),
        steps=(),
        on_run_start=(hook,),
    )
    alive = replace(context, live=live)
    run = execute(plan, alive, graph=graph, command="run-operation")
    found = tuple(each.diagnostic for each in run.results if each.diagnostic is not None)
    said = tuple(each.text for each in live.said if each.is_info)
    return Operation(
        said=said, diagnostics=(*run.findings, *found), node=node, logged=tuple(live.said)
    )
