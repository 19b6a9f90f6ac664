"""Asks how old a source is, through the macros that a project may override.

``collect_freshness`` and ``collect_freshness_custom_sql`` are dbt's names; whatever they return,
the last query that they ran is the answer.
"""

from headwater.graph.graph import Lookup, LookupTable
from headwater.graph.host import CompileHost
from headwater.graph.resolve import Resolution
from headwater.project.context import node_context, render_text
from headwater.project.freshness import read_freshness
from headwater.project.node import Node
from headwater.project.project import Project

_BY_FIELD = "{% do collect_freshness(this, asked_field, asked_filter) %}"
_BY_QUERY = "{% do collect_freshness_custom_sql(this, asked_query) %}"


class _Asking(CompileHost):
    """Sees what a source sees, and keeps the answer to the last query."""

    answer: LookupTable | None = None

    def run_query(self, sql: str) -> LookupTable:
        """Ask the lake, and keep what it says."""
        self.answer = super().run_query(sql)
        return self.answer


def ask_age_or_none(
    project: Project, found: Resolution, lookup: Lookup, node: Node
) -> LookupTable | None:
    """Run a source's query for the time of its newest row.

    Args:
        project: The project.
        found: Its references, resolved.
        lookup: Answers queries.
        node: A source that has a ``loaded_at_field`` or a ``loaded_at_query``.

    Returns:
        The answer, which should be one row of two times; None when the macro asked nothing.

    Raises:
        HeadwaterError: Jinja or the query failed.
    """
    host = _Asking(node, found.names, frozenset(project.nodes), {}, lookup)
    context = dict(node_context(project, node, host, found.depends_on))
    rule = read_freshness(node.config.get("freshness"))
    query = node.config.get("loaded_at_query")
    if query is None:
        context["asked_field"] = str(node.config.get("loaded_at_field"))
        context["asked_filter"] = render_text(project, node, context, rule.filter).text
        render_text(project, node, context, _BY_FIELD)
    else:
        context["asked_query"] = render_text(project, node, context, str(query)).text
        render_text(project, node, context, _BY_QUERY)
    return host.answer
