"""Compiling: a Project becomes a Graph.

Nodes are rendered in the order in which they will be built, because the columns of a node, found
out from its compiled SQL, answer the questions of macros in the nodes after it. A fault in one node
is a finding; everything else goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from headwater.base.diagnostics import Diagnostic, diagnostic_of, error_of
from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.functions import Function
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName, quote_identifier
from headwater.base.spans import Span
from headwater.graph.contracts import check_contract
from headwater.graph.ephemeral import CTE_PREFIX, all_used, ctes_for, inject
from headwater.graph.faults import not_traced
from headwater.graph.fingerprint import fingerprint_of, text_meaning
from headwater.graph.functions import check_function, make_function, queries_of, translate_function
from headwater.graph.graph import CompiledNode, HookWrites, Lookup, called_functions
from headwater.graph.hooks import CompiledHooks, compile_hooks
from headwater.graph.host import CompileHost, FixtureHost
from headwater.graph.kept_texts import KeptText, KeptTexts, Known, TextsKeeper
from headwater.graph.live import inline_node
from headwater.graph.lookup import NoLookup, UncountedLookup
from headwater.graph.materializations import materialization_of
from headwater.graph.places import place_and_call, place_in_source
from headwater.graph.python_models import check_python_model
from headwater.graph.references import GraphResult, make_graph, resolve_references
from headwater.graph.resolve import Resolution
from headwater.graph.said import NodeSaid, Said
from headwater.graph.snapshot_strategies import read_rule, strategy_call_or_none
from headwater.graph.snapshots import SnapshotRule, stored_columns
from headwater.graph.substitutes import Substitutes
from headwater.graph.unit_tests import (
    UnitTest,
    compile_unit_test,
    fixture_name,
    overridden,
    read_unit_test,
    with_rendered_rows,
)
from headwater.graph.warehouses import (
    TranslatedLookup,
    Translator,
    UnaskedLookup,
    unreadable_ephemeral,
    without_types,
)
from headwater.project.context import hook_texts, node_context, render_node, render_text
from headwater.project.node import Node
from headwater.project.project import Project
from headwater.sql.dialects import DUCKDB
from headwater.sql.fingerprint import fingerprint
from headwater.sql.lineage import QueryLineage
from headwater.sql.meaning import QueryReading
from headwater.sql.parse import SqlFault
from headwater.sql.types import canonical_type

NO_RESULTS: Mapping[str, object] = {"results": [], "schemas": [], "database_schemas": []}
"""What an on-run-end hook sees while nothing has run."""

RENDERED = frozenset({"model", "snapshot", "test", "analysis", "operation", "function"})
"""Resource types whose text is rendered."""


def compile_graph(  # noqa: PLR0913 - all that a compilation may be told
    project: Project,
    lookup: Lookup | None = None,
    *,
    inline: str | None = None,
    sends: bool = False,
    known: Known | None = None,
    instead: Substitutes | None = None,
    traces_tests: bool = True,
) -> GraphResult:
    """Compile every node of a project for the target that it was read for.

    Args:
        project: The project as read.
        lookup: What may be asked about the lake; None when there is none.
        inline: A query with Jinja to compile besides, which may refer to every node.
        sends: Keep the statements that its macros would send, instead of refusing them.
        known: What earlier commands found out.
        instead: What nodes read in place of their inputs.
        traces_tests: Find out what tests read, too, which who only wants their text does not ask.
    """
    found = resolve_references(project)
    asked = UncountedLookup(lookup or NoLookup(), project.templates.meter)
    work = Compilation(project, found, asked, known or Known(), instead or Substitutes())
    work.traces_tests = traces_tests
    graph = replace(
        make_graph(project, found, work.compile), keys_elsewhere=work.instead.keys_elsewhere
    )
    text = None if inline is None else work.compile_inline(inline, sends=sends)
    found_all = (*found.diagnostics, *work.diagnostics)
    return GraphResult(
        graph=graph,
        diagnostics=found_all,
        inline=text,
        said=work.said,
        sends=work.sends,
        logged={key: said for key, said in work.logged.items() if said},
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A rendered text: its query with CTEs, without them, and the ephemeral models it uses.

    Attributes:
        is_for_now: Of a test whose macros asked what the run may answer otherwise.
    """

    code: str
    body: str
    used: tuple[NodeId, ...]
    asked_incremental: bool
    said: tuple[Said, ...]
    is_for_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """Everything rendered of a node: its query for a full build and later, and its hooks.

    Attributes:
        marks: What macros of the hooks would send, which is a part of the node's meaning.
        snapshot_rule: Of a snapshot, what the project's own strategy says.
    """

    full: _Text
    later: _Text
    pre_hooks: tuple[str, ...]
    post_hooks: tuple[str, ...]
    pre_writes: HookWrites = field(default_factory=HookWrites)
    post_writes: HookWrites = field(default_factory=HookWrites)
    marks: tuple[str, ...] = ()
    snapshot_rule: SnapshotRule | None = None


class Compilation:
    """One pass over the nodes; holds what later nodes need of earlier ones."""

    def __init__(
        self,
        project: Project,
        found: Resolution,
        lookup: Lookup,
        known: Known,
        instead: Substitutes,
    ) -> None:
        self.project = project
        self.instead = instead
        self.traces_tests = True
        self.naming = project.context_values.naming
        self.meanings = known.meanings
        is_kept = instead == Substitutes()
        self.keeper = TextsKeeper(project, known.texts) if is_kept else None
        self.found = found
        target = project.target
        self.dialect = DUCKDB if target.is_run else target.warehouse.dialect
        self.translator = Translator(project) if target.is_translated else None
        self.lookup = _lookup_for(project, lookup, self.translator)
        self.has_asked = False
        self.diagnostics: list[Diagnostic] = []
        self.said: tuple[str, ...] = ()
        self.sends = False
        self.logged: dict[NodeId, NodeSaid] = {}
        self.reported = {(item.node, item.what) for item in found.diagnostics}
        self.planned: dict[TableName, tuple[Column, ...]] = {}
        self.by_name: dict[str, dict[TableName, tuple[Column, ...]]] = {}
        self.bodies: dict[NodeId, tuple[str, tuple[NodeId, ...]]] = {}
        self.types: dict[str, str] = {}
        self.columns: dict[NodeId, tuple[Column, ...] | None] = {}
        self.untraced: dict[NodeId, tuple[Column, ...] | None] = {}
        self.ephemeral = {
            key: node.alias
            for key, node in project.nodes.items()
            if node.materialized == "ephemeral"
        }

    def compile(self, key: NodeId) -> CompiledNode:
        """Compile one node; its inputs were compiled before."""
        node = self.project.nodes[key]
        compiled = CompiledNode(node=node, depends_on=self.found.depends_on[key])
        if node.resource_type in RENDERED and key not in self.found.cyclic:
            compiled = self._compile_text(compiled)
        elif node.resource_type == "unit_test":
            compiled = self._compile_unit_test(compiled)
        elif node.relation is not None:
            compiled = self._take_loaded(compiled, node.relation)
        else:
            compiled = replace(compiled, fingerprint=fingerprint_of(node, (), ()))
        self.columns[key] = compiled.columns
        if node.relation is not None and compiled.columns is not None:
            self.planned[node.relation] = compiled.columns
            same = self.by_name.setdefault(node.relation.name.lower(), {})
            same[node.relation] = compiled.columns
        self._take_deferred(compiled)
        return compiled

    def _take_loaded(self, compiled: CompiledNode, relation: TableName) -> CompiledNode:
        """Take a seed or a source, which has no query; a seed may have hooks."""
        node = compiled.node
        columns = self.planned.get(relation) or self.lookup.columns_or_none(relation)
        if node.resource_type != "seed":
            return replace(compiled, columns=columns, fingerprint=fingerprint_of(node, (), ()))
        compiled = self._with_hooks(compiled)
        code = empty_query(columns) if self.instead.is_empty and columns else ""
        meaning = [text_meaning(code)] if code else []
        mark = fingerprint_of(node, meaning, (*compiled.pre_hooks, *compiled.post_hooks))
        columns = None if _rewrites_itself(compiled) else columns
        return replace(compiled, code=code, columns=columns, fingerprint=mark)

    def _with_hooks(self, compiled: CompiledNode) -> CompiledNode:
        """Render the hooks of a node whose own text is not rendered."""
        before, after = (self._hooks(compiled.node, name) for name in ("pre_hook", "post_hook"))
        self.logged[compiled.node.unique_id] = NodeSaid(
            hooks=(*before.said_for_good, *after.said_for_good)
        )
        return replace(
            compiled,
            pre_hooks=before.texts,
            post_hooks=after.texts,
            pre_writes=before.writes,
            post_writes=after.writes,
        )

    def _take_deferred(self, compiled: CompiledNode) -> None:
        """Know the columns of what is read in a node's place: its own, else the node's."""
        table = self.instead.deferred.get(compiled.node.unique_id)
        columns = compiled.columns if table is None else self.lookup.columns_or_none(table)
        columns = columns or compiled.columns
        if table is not None and columns is not None:
            self.planned[table] = columns
            self.by_name.setdefault(table.name.lower(), {})[table] = columns

    def _compile_text(self, compiled: CompiledNode) -> CompiledNode:
        node = compiled.node
        if node.resource_type == "function":
            return self._compile_function(compiled)
        if node.original_path.endswith(".py"):
            return self._take_python(compiled)
        try:
            texts = self._texts(node)
        except HeadwaterError as error:
            self._report(error, node)
            return replace(compiled, fingerprint=fingerprint_of(node, [], []))
        if node.test is None:  # tests share their texts
            self.project.templates.forget(node.raw_code.rstrip())
        if node.materialized == "ephemeral" and node.resource_type == "model":
            body = texts.full
            self.bodies[node.unique_id] = (body.body, all_used(body.used, self.bodies))
        if self.translator is not None:
            translated = self._translated(self.translator, node, texts)
            if translated is None:
                return replace(compiled, fingerprint=fingerprint_of(node, [], []))
            texts = translated
        full = texts.full
        macro = materialization_of(self.project, node, is_for_now=full.is_for_now)
        marks = texts.marks if macro is None else (*texts.marks, macro.text)
        is_incremental = node.resource_type == "model" and node.materialized == "incremental"
        compiled = replace(
            compiled,
            code=full.code,
            own_code=full.body if full.used else "",
            incremental_code=texts.later.code if is_incremental else None,
            pre_hooks=texts.pre_hooks,
            post_hooks=texts.post_hooks,
            pre_writes=texts.pre_writes,
            post_writes=texts.post_writes,
            dialect=self.dialect,
            materialization="" if macro is None else macro.unique_id,
            snapshot_rule=texts.snapshot_rule,
        )
        if node.resource_type == "operation":
            compiled = replace(compiled, pre_writes=texts.pre_writes)
            return replace(compiled, fingerprint=text_meaning(full.code))
        if full.is_for_now and not full.code:
            return self._take_unread(compiled, (node.raw_code, *marks))
        compiled = self._understand(compiled, marks)
        is_run = self.project.target.is_run
        checked = compiled if is_run else replace(compiled, columns=without_types(compiled.columns))
        self.diagnostics += check_contract(checked, self._engine_type)
        return replace(compiled, own_lineage=self._own_lineage(full, compiled))

    def _compile_function(self, compiled: CompiledNode) -> CompiledNode:
        """Render a function and its overloads, and find out what they read."""
        node = compiled.node
        codes = [node.raw_code, *(each.raw_code for each in node.overloads)]
        try:
            bodies = [
                self._render(replace(node, raw_code=code), incremental=False).code for code in codes
            ]
        except HeadwaterError as error:
            self._report(error, node)
            return replace(compiled, fingerprint=fingerprint_of(node, [], []))
        made = make_function(node, bodies)
        if self.project.target.is_run:
            self.diagnostics += check_function(node, made)
        function: Function | None = made
        if self.translator is not None:
            function, findings = translate_function(self.translator, node, made)
            self.diagnostics += findings
        reads = set(self._called(compiled))
        for query in queries_of(function) if function else ():
            if self._read(node, query) is not None:
                reads |= set(self._trace(query, {}).reads)
        meaning = function.document() if function else bodies[0]
        return replace(
            compiled,
            code=bodies[0],
            function=function,
            reads=tuple(sorted(reads)),
            fingerprint=fingerprint_of(node, [text_meaning(meaning)], []),
        )

    def _called(self, compiled: CompiledNode) -> Iterator[TableName]:
        """Give the names of the functions that a node calls: it reads them, as it does views."""
        for key in called_functions(compiled):
            name = self.instead.deferred.get(key) or self.project.nodes[key].relation
            if name is not None:
                yield name

    def _texts(self, node: Node) -> _Texts:
        """Render everything of a node, or know its texts from an earlier command.

        Raises:
            HeadwaterError: Jinja failed.
        """
        if node.resource_type == "operation":
            return self._operation(node)
        if self.keeper is None:
            return self._rendered(node)
        key = self.keeper.key_or_none(node, self.found.depends_on[node.unique_id])
        kept = self.keeper.find_or_none(key)
        if kept is None:
            self.project.templates.asked.clear()
            self.has_asked = False
            texts = self._rendered(node)
            if key is not None and not self.has_asked and not self.logged[node.unique_id]:
                self.keeper.keep(key, self.project.templates.asked, _kept_texts(texts))
            return texts
        full = self._with_ctes(kept.full)
        later = full if kept.later is None else self._with_ctes(kept.later)
        return _Texts(full=full, later=later, pre_hooks=sql_header(node), post_hooks=())

    def _rendered(self, node: Node) -> _Texts:
        if node.resource_type == "test" and self.dialect == DUCKDB and self.translator is None:
            full = later = self._render_test(node)
        else:
            full = later = self._render(node, incremental=False)
        if node.materialized == "incremental" and full.asked_incremental:
            later = self._render(node, incremental=True)
        before, after = (self._hooks(node, name) for name in ("pre_hook", "post_hook"))
        rule = self._snapshot_rule(node)
        self.logged[node.unique_id] = NodeSaid(
            full=full.said, later=later.said, hooks=(*before.said_for_good, *after.said_for_good)
        )
        return _Texts(
            full=full,
            later=later,
            pre_hooks=(*before.texts, *sql_header(node)),
            post_hooks=after.texts,
            pre_writes=before.writes,
            post_writes=after.writes,
            marks=(*before.sent, *after.sent, *(() if rule is None else (str(rule),))),
            snapshot_rule=rule,
        )

    def _render_test(self, node: Node) -> _Text:
        """Render a test; what its macros ask of the lake is asked again when it runs, as in dbt."""
        host = self.host(node, incremental=False)
        host.sent = []
        try:
            text = self._render(node, incremental=False, host=host)
        except HeadwaterError:
            if not host.sent and not host.has_lost_query:
                raise
            self.has_asked = True
            return _Text("", "", (), asked_incremental=False, said=(), is_for_now=True)
        if host.sent:
            text = replace(text, code="", body="")
        return replace(text, is_for_now=host.has_queried)

    def _snapshot_rule(self, node: Node) -> SnapshotRule | None:
        """Ask the project's macro for a snapshot's strategy; None where ours is meant."""
        call = strategy_call_or_none(self.project, node)
        if call is None:
            return None
        host = self.host(node, incremental=False)
        context = node_context(self.project, node, host, self.found.depends_on)
        return read_rule(node, render_text(self.project, node, context, call).text)

    def _operation(self, node: Node) -> _Texts:
        """Render a hook of dbt_project.yml, keeping the statements that its macros send."""
        host = self.host(node, incremental=False)

        def rendered() -> str:
            context = node_context(self.project, node, host, self.found.depends_on)
            return render_node(self.project, node, {**context, **NO_RESULTS}).text

        try:
            hook = compile_hooks(host, [rendered])
        except HeadwaterError:
            # What it reads may be known only when there are results.
            if node.unique_id not in self.project.on_run_end:
                raise
            hook = CompiledHooks(writes=HookWrites(is_live=True, is_known=False))
        self.diagnostics += host.diagnostics
        code = "".join(hook.texts)
        text = _Text(code, code, (), asked_incremental=False, said=hook.said)
        self.logged[node.unique_id] = NodeSaid(full=hook.said)
        return _Texts(full=text, later=text, pre_hooks=(), post_hooks=(), pre_writes=hook.writes)

    def _translated(self, translator: Translator, node: Node, texts: _Texts) -> _Texts | None:
        """Translate everything of a node, and report what cannot be; None when something cannot."""
        found: dict[Diagnostic, None] = {}
        is_whole = True

        def translated(code: str) -> str:
            nonlocal is_whole
            text, findings = translator.translated(node, code)
            found.update(dict.fromkeys(findings))
            is_whole = is_whole and text is not None
            return text or ""

        bodies = [replace(text, body=translated(text.body)) for text in (texts.full, texts.later)]
        hooks = [tuple(map(translated, each)) for each in (texts.pre_hooks, texts.post_hooks)]
        self.diagnostics += found
        if not is_whole:
            return None
        codes = [
            replace(text, code=translated(text.code))
            if text.used
            else replace(text, code=text.body)
            for text in bodies
        ]
        if not is_whole:
            self.diagnostics.append(unreadable_ephemeral(node))
            return None
        return replace(
            texts, full=codes[0], later=codes[1], pre_hooks=hooks[0], post_hooks=hooks[1]
        )

    def _engine_type(self, written: str) -> str:
        """Spell a declared type as the engine does."""
        if written not in self.types:
            kind = self.translator.engine_type(written) if self.translator else written
            columns = self.lookup.describe_or_none(f"select cast(null as {kind}) as value", {})
            self.types[written] = columns[0].type if columns else canonical_type(written)
        return self.types[written]

    def _own_lineage(self, text: _Text, compiled: CompiledNode) -> QueryLineage | None:
        """Trace a query that reads ephemeral models as if they were tables."""
        if not text.used or compiled.lineage is None:
            return None
        ephemeral = {
            TableName("", "", CTE_PREFIX + self.ephemeral[key]): self.columns.get(key) or ()
            for key in text.used
        }
        reading = self.meanings.read(text.body, self.dialect)
        return self._trace(text.body, {**self._schemas(reading), **ephemeral})

    def _take_python(self, compiled: CompiledNode) -> CompiledNode:
        """Take a Python model as it is: it reads what it refers to, its columns show when run."""
        compiled = self._with_hooks(compiled)
        node = compiled.node
        inputs = [self.project.nodes[key] for key in compiled.depends_on]
        self.diagnostics += check_python_model(node, inputs)
        hooks = (*compiled.pre_hooks, *compiled.post_hooks)
        return self._take_unread(replace(compiled, code=node.raw_code), (node.raw_code, *hooks))

    def _take_unread(self, compiled: CompiledNode, texts: tuple[str, ...]) -> CompiledNode:
        """Take a node without SQL to read: it reads what it refers to, and its text is its hash."""
        mark = fingerprint_of(compiled.node, [text_meaning(texts[0])], texts[1:])
        reads = tuple(sorted(set(self._relations_behind(compiled.node.unique_id))))
        return replace(compiled, reads=reads, fingerprint=mark)

    def compile_inline(self, text: str, *, sends: bool = False) -> str | None:
        """Compile a query that is no node; None when it has faults, or can only be sent."""
        node = inline_node(self.project, text)
        host = self.host(node, incremental=False)
        host.sent = [] if sends else None
        try:
            rendered = self._render(node, incremental=False, host=host)
        except HeadwaterError as error:
            self.sends = sends and bool(host.sent or host.has_lost_query)
            self._report(error, node)
            return None
        self.sends = bool(host.sent)
        self.said = tuple(each.text for each in rendered.said if each.is_info)
        self.logged[node.unique_id] = NodeSaid(inline=rendered.said)
        if self.translator is None:
            return rendered.code
        code, found = self.translator.translated(node, rendered.code)
        self.diagnostics += found
        return code

    def host(self, node: Node, *, incremental: bool) -> CompileHost:
        """Make what one rendering of a node sees; an inline query sees every node."""
        inputs = frozenset(self.found.depends_on.get(node.unique_id, self.project.nodes))
        host = CompileHost(
            node,
            self.found.names,
            inputs,
            self.planned,
            self.lookup,
            incremental=incremental,
            naming=self.naming,
        )
        host.instead = self.instead
        return host

    def _render(self, node: Node, *, incremental: bool, host: CompileHost | None = None) -> _Text:
        host = host or self.host(node, incremental=incremental)
        context = dict(node_context(self.project, node, host, self.found.depends_on))
        body = render_node(self.project, node, context).text
        if not incremental:
            self.diagnostics += host.diagnostics
        self.has_asked = self.has_asked or host.has_asked or bool(host.diagnostics)
        text = self._with_ctes(KeptText(body=body, used=tuple(host.used)))
        return replace(text, asked_incremental=host.asked_incremental, said=tuple(host.said))

    def _with_ctes(self, kept: KeptText) -> _Text:
        """Put the ephemeral models that a text uses before it."""
        used = tuple(NodeId(key) for key in kept.used)
        code = inject(kept.body, ctes_for(used, self.bodies, self.ephemeral))
        return _Text(code, kept.body, used, asked_incremental=False, said=())

    def _hooks(self, node: Node, name: str) -> CompiledHooks:
        texts = hook_texts(node, name)
        if not texts:
            return CompiledHooks()
        host = self.host(node, incremental=False)
        context = node_context(self.project, node, host, self.found.depends_on)

        def rendering(text: str) -> Callable[[], str]:
            return lambda: render_text(self.project, node, context, text).text

        try:
            return compile_hooks(host, [rendering(text) for text in texts])
        except HeadwaterError as error:
            # dbt renders hooks when the node runs; what the node compiles to is its own.
            self._report(error, node)
            return CompiledHooks()

    def _understand(self, compiled: CompiledNode, marks: tuple[str, ...]) -> CompiledNode:
        """Parse and trace the compiled SQL, find out its columns, and hash its meaning."""
        node = compiled.node
        reading = self._read(node, compiled.code)
        hooks = (*compiled.pre_hooks, *compiled.post_hooks, *marks)
        if reading is None:
            return self._take_untraced(compiled, hooks)
        if node.resource_type == "test" and not self.traces_tests:
            mark = fingerprint_of(node, [reading.fingerprint], hooks)
            return replace(compiled, reads_clock=reading.clock, fingerprint=mark)
        lineage = self._trace(compiled.code, self._schemas(reading))
        meanings, clocks = [reading.fingerprint], [reading.clock]
        own = {node.relation} if compiled.incremental_code is not None else set()
        reads = set(lineage.reads) - own
        later = compiled.incremental_code
        if later is not None and later != compiled.code:
            second = self._read(node, later)
            meanings.append(second.fingerprint if second else fingerprint(later))
            if second:
                clocks.append(second.clock)
                reads |= set(self._trace(later, self._schemas(second)).reads) - own
        if compiled.pre_hooks or self.project.on_run_start:
            # A bare name may be what a hook made for the session; it is no relation of the lake.
            reads = {name for name in reads if name.schema}
        reads |= set(self._called(compiled))
        return replace(
            compiled,
            lineage=lineage,
            reads=tuple(sorted(reads)),
            columns=self._columns_of(compiled, lineage),
            reads_clock=_strongest(clocks),
            fingerprint=fingerprint_of(node, meanings, hooks),
        )

    def _schemas(self, reading: QueryReading) -> Mapping[TableName, tuple[Column, ...]]:
        """Return the columns of what a query may read; indexing all would be quadratic."""
        return {
            table: columns
            for name in reading.names
            for table, columns in self.by_name.get(name, {}).items()
        }

    def _read(self, node: Node, code: str) -> QueryReading | None:
        try:
            return self.meanings.read(code, self.dialect)
        except SqlFault as fault:
            if self._is_read_by_the_engine(node, code, fault):
                return None
            where, call = place_and_call(self.project, node, code, fault.span(""))
            found = diagnostic_of(fault, node=node.unique_id)
            self.diagnostics.append(replace(found, where=where, related=call))
        except HeadwaterError as error:
            self._report(error, node)
        return None

    def _is_read_by_the_engine(self, node: Node, code: str, fault: SqlFault) -> bool:
        """Say whether the engine reads a query that we cannot, which is then run as it is."""
        if self.dialect != DUCKDB or self.translator is not None:
            return False
        relations = self._relations_behind(node.unique_id)
        inputs = {name: self.planned[name] for name in relations if name in self.planned}
        columns = self.lookup.describe_or_none(code, inputs)
        refusal = self.lookup.refusal_or_none(code)
        if columns is None and (refusal is None or "syntax error" in refusal.what):
            return False
        self.untraced.setdefault(node.unique_id, columns)
        place, _call = place_and_call(self.project, node, code, fault.span(""))
        self.diagnostics.append(not_traced(node, fault, place))
        return True

    def _relations_behind(self, key: NodeId) -> Iterator[TableName]:
        """Give the relations that a node refers to, those of its ephemeral models among them."""
        waiting, seen = [*self.found.depends_on.get(key, ())], {key}
        while waiting:
            parent = waiting.pop()
            relation = self.project.nodes[parent].relation
            if relation is not None:
                yield relation
            elif parent in self.ephemeral and parent not in seen:
                waiting += self.found.depends_on.get(parent, ())
            seen.add(parent)

    def _take_untraced(self, compiled: CompiledNode, hooks: tuple[str, ...]) -> CompiledNode:
        """Take a query that only the engine reads: its inputs are what it refers to."""
        node, code = compiled.node, compiled.code
        if node.unique_id not in self.untraced:
            return replace(compiled, fingerprint=fingerprint_of(node, [fingerprint(code)], []))
        taken = self._take_unread(compiled, (code, compiled.incremental_code or "", *hooks))
        columns = self.untraced[node.unique_id]
        if columns is None and not called_functions(compiled):
            self._report_refusal(compiled)
        if node.resource_type not in {"model", "snapshot"}:
            return taken
        if columns is not None and node.resource_type == "snapshot":
            columns = stored_columns(node, columns)
        return replace(taken, columns=columns)

    def _trace(self, sql: str, schemas: Mapping[TableName, tuple[Column, ...]]) -> QueryLineage:
        catalog = self.project.target.catalog
        return self.meanings.trace(sql, schemas, catalog=catalog, dialect=self.dialect)

    def _columns_of(
        self, compiled: CompiledNode, lineage: QueryLineage
    ) -> tuple[Column, ...] | None:
        if compiled.node.resource_type not in {"model", "snapshot"} or _rewrites_itself(compiled):
            return None
        inputs = {table: self.planned.get(table) for table in lineage.reads}
        known = {table: columns for table, columns in inputs.items() if columns is not None}
        columns = None
        if len(known) == len(inputs):
            columns = self.lookup.describe_or_none(compiled.code, known)
            if columns is None and not called_functions(compiled):
                self._report_refusal(compiled)
        if columns is None and lineage.complete:
            columns = tuple(Column(column.name, column.type) for column in lineage.columns)
        if columns is not None and compiled.node.resource_type == "snapshot":
            return stored_columns(compiled.node, columns)
        return columns

    def _report_refusal(self, compiled: CompiledNode) -> None:
        """Report what the engine says of a query that names a column or function wrongly.

        Hooks may create what the query needs; then it is only a warning.
        """
        refusal = self.lookup.refusal_or_none(compiled.code)
        if refusal is None:
            return
        node = compiled.node
        prepared = bool(compiled.pre_hooks or self.project.on_run_start)
        place = refusal.where or Span(file="")
        head, *more = (refusal.why or refusal.what).splitlines()
        self.diagnostics.append(
            Diagnostic(
                code="sql-refused",
                severity="warning" if prepared else "error",
                what=f"the engine refuses `{node.name}`: {head}",
                why=" ".join(line.strip() for line in more),
                fix=refusal.fix,
                where=place_in_source(self.project, node, compiled.code, place),
                node=node.unique_id,
            )
        )

    def _compile_unit_test(self, compiled: CompiledNode) -> CompiledNode:
        node = compiled.node
        if not compiled.depends_on:
            return compiled  # its model is unknown, which resolving has reported
        try:
            test = read_unit_test(node, self.found)
            model = self.project.nodes[test.model]
            code = compile_unit_test(*self._tested(test, model), self._fixture_columns)
        except HeadwaterError as error:
            self._report(error, node)
            return replace(compiled, fingerprint=fingerprint_of(node, [], []))
        reads = sorted(
            self._called(replace(compiled, depends_on=self.found.depends_on[test.model]))
        )
        own = fingerprint_of(node, [code], [])
        return replace(compiled, code=code, reads=tuple(reads), fingerprint=own)

    def _report(self, error: HeadwaterError, node: Node) -> None:
        found = diagnostic_of(error, node=node.unique_id)
        if (found.node, found.what) in self.reported:
            return  # resolving said so already, with the place of the reference
        self.diagnostics.append(replace(found, where=found.where or node.where))

    def _fixture_columns(self, key: NodeId) -> tuple[Column, ...] | None:
        return self.columns.get(key)

    def _tested(self, test: UnitTest, model: Node) -> tuple[UnitTest, str]:
        """Render the model's text with its inputs replaced, and queries that give rows."""
        fixtures = {key: fixture_name(key) for key in test.given}
        host = FixtureHost(
            model,
            self.found.names,
            self.lookup,
            fixtures,
            incremental=bool(test.macros.get("is_incremental")),
            naming=self.naming,
        )
        context = overridden(
            node_context(self.project, model, host, self.found.depends_on), test, self.project
        )
        text = render_node(self.project, model, context).text
        if self.translator is not None:
            translated, findings = self.translator.translated(model, text)
            if translated is None:
                raise error_of(findings[0])
            text = translated
        if host.missing:
            raise Invalid(
                "unit-test-invalid",
                f"unit test `{test.name}` does not give every input of `{model.name}`",
                why=f"not given: {', '.join(host.missing)}",
                fix="give it with `rows: []` when its rows do not matter",
            )
        return with_rendered_rows(
            test, lambda rows: render_text(self.project, model, context, rows).text
        ), text


def _rewrites_itself(compiled: CompiledNode) -> bool:
    """Say whether a hook may give the node's own table other columns."""
    writes, relation = compiled.post_writes, compiled.node.relation
    if relation is None or not writes.writes:
        return False
    own = relation.name.lower()
    texts = " ".join(compiled.post_hooks).lower()
    named = any(each.rpartition(".")[2].lower() == own for each in writes.tables)
    return named and "alter" in texts


def _kept_texts(texts: _Texts) -> KeptTexts:
    full, later = texts.full, texts.later
    return KeptTexts(
        full=KeptText(body=full.body, used=full.used),
        later=None if later is full else KeptText(body=later.body, used=later.used),
    )


def _lookup_for(project: Project, lookup: Lookup, translator: Translator | None) -> Lookup:
    if translator is not None:
        return TranslatedLookup(lookup, translator)
    return lookup if project.target.is_run else UnaskedLookup(lookup, project)


def empty_query(columns: Iterable[Column]) -> str:
    """Return a query of no rows with these columns."""
    listed = ", ".join(
        f"cast(null as {column.type}) as {quote_identifier(column.name)}" for column in columns
    )
    return f"select {listed} where false"


def sql_header(node: Node) -> tuple[str, ...]:
    """Return the statements that a model's ``sql_header`` puts before its query, as a hook."""
    written = node.config.get("sql_header") if node.resource_type == "model" else None
    return (written.strip(),) if isinstance(written, str) and written.strip() else ()


def _strongest(uses: Iterable[Literal["", "day", "always"]]) -> Literal["", "day", "always"]:
    found = set(uses)
    if "always" in found:
        return "always"
    return "day" if "day" in found else ""
