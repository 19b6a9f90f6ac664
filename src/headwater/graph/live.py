"""Rendering while a plan runs: hooks and materializations that send statements of their own.

Everything else is compiled before anything runs. What a macro sends with ``run_query`` or
``statement`` from a hook belongs to the moment of that hook, so its text is rendered again then,
with a lookup that answers from - and writes through - the session of the node.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from headwater.base.ids import NodeId
from headwater.graph.graph import Lookup
from headwater.graph.host import CompileHost
from headwater.graph.lookup import UncountedLookup
from headwater.graph.references import resolve_references
from headwater.graph.said import Said
from headwater.jinja.macros import Macro
from headwater.project.context import LazyGraph, hook_texts, node_context, render_node, render_text
from headwater.project.node import Node
from headwater.project.project import Project

Moment = Literal["operation", "pre_hook", "post_hook"]
Listener = Callable[[Said], object]
"""Is told what macros print and log, at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """What to render.

    Attributes:
        node: The node or operation.
        moment: Which of its texts.
        place: Which hook of the moment, from 0.
        facts: What Jinja sees besides: an on-run-end hook's ``results`` and the like.
        is_incremental: What ``is_incremental()`` answers.
    """

    node: NodeId
    moment: Moment
    place: int = 0
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    is_incremental: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCall:
    """A node to build by a macro of the project.

    Attributes:
        node: The node.
        macro: unique_id of the macro.
        code: Its compiled text.
        later_code: Its compiled text when ``is_incremental()`` is true; empty when it is the same.
    """

    node: NodeId
    macro: str
    code: str
    later_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCall:
    """A test to run by a macro.

    Attributes:
        node: The test.
        macro: unique_id of the macro.
    """

    node: NodeId
    macro: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What a test's macro found.

    Attributes:
        sql: The query of failing rows.
        row: Failures, whether to warn and whether to fail; None when the macro asked nothing.
    """

    sql: str
    row: tuple[object, ...] | None


def inline_node(project: Project, text: str) -> Node:
    """Return a text with Jinja that is no node of the project as one that may read all of them."""
    name = project.name
    return Node(
        unique_id=NodeId(f"analysis.{name}.inline_query"),
        resource_type="analysis",
        package=name,
        name="inline_query",
        path="inline_query",
        original_path="--inline",
        fqn=(name, "inline_query"),
        raw_code=text,
    )


class LiveRenderer:
    """Renders texts of one compiled project, one at a time: templates count what one takes.

    Attributes:
        said: What was printed and logged so far.
    """

    def __init__(self, project: Project, inline: str | None = None) -> None:
        """Take the project as it was compiled.

        Args:
            project: The project.
            inline: The text of an operation that is no node of the project.
        """
        self._project = project
        self._inline = None if inline is None else inline_node(project, inline)
        self.said: list[Said] = []
        self._graph: dict[str, object] = {}
        self._found = resolve_references(project)

    def has_jinja(self, node: NodeId) -> bool:
        """Say whether the text of an operation has to be rendered."""
        text = (self._inline or self._project.nodes[node]).raw_code
        return "{{" in text or "{%" in text

    def hooks(self, node: NodeId, moment: Moment) -> int:
        """Return how many hooks a node has at a moment."""
        if moment == "operation":
            return 1
        return len(hook_texts(self._project.nodes[node], moment))

    def render(self, call: LiveCall, lookup: Lookup, tell: Listener) -> str:
        """Render a text; what its macros send is sent through ``lookup``.

        Returns:
            What is left to be run.

        Raises:
            HeadwaterError: Jinja failed, or a statement did.
        """
        node = self._inline or self._project.nodes[call.node]

        context = self._context(call, node, lookup, tell)
        if call.moment == "operation":
            return render_node(self._project, node, context).text
        text = hook_texts(node, call.moment)[call.place]
        return render_text(self._project, node, context, text).text

    def build(self, call: BuildCall, lookup: Lookup, tell: Listener) -> None:
        """Call the macro that builds a node; its statements are sent through ``lookup``.

        Raises:
            HeadwaterError: Jinja failed, or a statement did.
        """
        node, templates = self._project.nodes[call.node], self._project.templates
        is_incremental = self._is_incremental(node, lookup)
        code = call.later_code if is_incremental and call.later_code else call.code

        begun = LiveCall(node=call.node, moment="operation", is_incremental=is_incremental)
        context = self._context(begun, node, lookup, tell)
        model = {**_mapping(context["model"]), "compiled_code": code, "compiled_sql": code}
        own = {"sql": code, "compiled_code": code, "model": model, "write": _ignored}
        own |= {f"{moment}s": _hooks(node, moment) for moment in ("pre_hook", "post_hook")}
        macro = self._macro(call.macro)
        templates.call(macro, context={**context, **own}, package=node.package, lenient=False)

    def test(self, call: TestCall, lookup: Lookup, tell: Listener) -> Tested:
        """Render a test anew and call the macro that runs it.

        Raises:
            HeadwaterError: Jinja failed, or a statement did.
        """
        node, templates = self._project.nodes[call.node], self._project.templates
        context = self._context(LiveCall(node=call.node, moment="operation"), node, lookup, tell)
        sql = render_node(self._project, node, context).text
        model = {**_mapping(context["model"]), "compiled_code": sql, "compiled_sql": sql}
        seen = {**context, "sql": sql, "compiled_code": sql, "model": model, "write": _ignored}
        macro = self._macro(call.macro)
        templates.call(macro, context=seen, package=node.package, lenient=False)
        load = context["load_result"]
        assert callable(load)  # noqa: S101 - every context has it
        found = load("main")
        rows = () if found is None else found["data"]
        return Tested(sql=sql, row=tuple(rows[0]) if rows else None)

    def _macro(self, unique_id: str) -> Macro:
        macros = self._project.templates.index.packages.values()
        return next(
            macro for named in macros for macro in named.values() if macro.unique_id == unique_id
        )

    def _is_incremental(self, node: Node, lookup: Lookup) -> bool:
        """Answer ``is_incremental()`` as dbt does: the table is there and is to be kept."""
        if node.materialized != "incremental" or node.relation is None:
            return False
        wanted = node.config.get("full_refresh")
        flag = self._project.context_values.flags.get("FULL_REFRESH")
        is_full = wanted if isinstance(wanted, bool) else bool(flag)
        return not is_full and lookup.relation_kind_or_none(node.relation) == "table"

    def _context(
        self, call: LiveCall, node: Node, lookup: Lookup, tell: Listener
    ) -> Mapping[str, object]:
        """Return what Jinja sees of the node while it runs."""
        inputs = self._found.depends_on
        host = CompileHost(
            node,
            self._found.names,
            frozenset(inputs.get(node.unique_id, self._project.nodes)),
            {},
            UncountedLookup(lookup, self._project.templates.meter),
            incremental=call.is_incremental,
            naming=self._project.context_values.naming,
        )
        host.is_live = True

        def told(said: Said) -> None:
            self.said.append(said)
            tell(said)

        host.tell = told
        context = {**node_context(self._project, node, host, inputs), **call.facts}
        context["graph"] = LazyGraph(self._project, inputs, self._graph)
        return context


def _hooks(node: Node, name: str) -> list[dict[str, object]]:
    """Return a node's hooks as dbt shows them to a materialization."""
    written = node.config.get(name) or []
    listed = written if isinstance(written, (list, tuple)) else [written]
    hooks = [dict(hook) if isinstance(hook, Mapping) else {"sql": hook} for hook in listed]
    return [{"transaction": True, "index": None, **hook} for hook in hooks]


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)  # noqa: S101 - ``model`` always is one
    return value


def _ignored(*_positional: object, **_named: object) -> str:
    """Take what dbt would write into a file beside the compiled one."""
    return ""
