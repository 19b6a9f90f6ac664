"""The composition root: settings in, the eight functions wired together.

The only place that knows both wings by name. Methods are a few calls each; logic lives below.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Literal

from headwater.base.diagnostics import Diagnostic, has_errors, without_repeats
from headwater.base.errors import Conflict, Invalid, NotFound
from headwater.base.ids import NodeId
from headwater.base.relations import TableName, parse_table_name
from headwater.base.telemetry import Sink
from headwater.deps import Installed, PackageSettings, install_packages, parse_packages
from headwater.engines.engine import Result
from headwater.graph.around import Direction, edges_around
from headwater.graph.batches import BatchRenderer
from headwater.graph.choose import Selection
from headwater.graph.columns import column_edges
from headwater.graph.compile import compile_graph
from headwater.graph.faults import (
    OF_ONE_QUERY,
    accepted_numbers,
    is_refusal,
    nodes_of_types,
    soften,
    weigh_faults,
)
from headwater.graph.graph import Graph
from headwater.graph.kept_texts import Known
from headwater.graph.live import LiveRenderer
from headwater.graph.manifest import make_catalog, make_manifest
from headwater.graph.previous import Previous
from headwater.graph.references import GraphResult, resolve_graph
from headwater.graph.said import Said
from headwater.graph.substitutes import InputRequest, Substitutes, read_event_time
from headwater.plan.build import breaks, make_faulty_plan, make_plan, wanted_batches
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.prices import declared_prices
from headwater.plan.state import State
from headwater.plan.totals import with_findings
from headwater.project.options import not_run, require_run
from headwater.project.package_list import package_values
from headwater.project.project import Project, ProjectResult
from headwater.project.settings import read_name
from headwater.project.yaml_text import read_mapping
from headwater.reader import Reader
from headwater.runs import artifacts
from headwater.runs.answers import (
    Compiled,
    CompiledSql,
    Documents,
    Finding,
    Lineage,
    Operation,
    Planned,
    PlanRequest,
    try_checks,
)
from headwater.runs.append import Appender, AppendOptions, appending
from headwater.runs.cancel import CancelToken
from headwater.runs.checked import Checked
from headwater.runs.clone import make_clone_plan
from headwater.runs.context import Context
from headwater.runs.describe import (
    TableDescription,
    TableHistory,
    describe_name,
    list_tables,
    table_history,
)
from headwater.runs.documents import write_document
from headwater.runs.execute import execute, execute_in
from headwater.runs.freshness import SourceAges, make_sources_document, measure_ages
from headwater.runs.ingest import Asking, FileEnd, Ingested, IngestOptions, ingest_sources
from headwater.runs.inputs import Asked, deferral_findings, find_substitutes, no_state
from headwater.runs.invocation import (
    Invocation,
    mentions_selected,
    tell_operation,
    tell_templates,
)
from headwater.runs.journal import Journal, open_journal
from headwater.runs.load import load_rows
from headwater.runs.microbatch import render_batches
from headwater.runs.operation import macro_call, operation_id, run_operation, statement_of
from headwater.runs.query import find_table, run_sql, table_of
from headwater.runs.recall import program_tag
from headwater.runs.recover import clean_folders, unfinished_runs
from headwater.runs.retry import Earlier, find_earlier, gone_findings
from headwater.runs.run import Run
from headwater.runs.said import said_of_plan
from headwater.runs.sources import file_sources, seed_sizes
from headwater.runs.state import read_state
from headwater.runs.upkeep import Keeper
from headwater.runs.world import World
from headwater.sql.meaning import tracer_tag

_START_FLAG = "skip_nodes_if_on_run_start_fails"


class Workspace(Reader):
    """A project, its lake and its records. Use as a context manager, or call ``close``.

    Nothing is opened before it is needed, so that looking at a project needs no lake.
    """

    def close(self) -> None:
        """Give everything back; safe to call twice."""
        super().close()
        known = self.__dict__.pop("_known", None)
        if known is not None:
            known.save()
        world = self.__dict__.pop("_world", None)
        if world is not None:
            world.close()

    # -- compiling ---------------------------------------------------------------

    def compile_project(
        self,
        read: ProjectResult,
        *,
        inline: str | None = None,
        sends: bool = False,
        instead: Substitutes | None = None,
    ) -> GraphResult | None:
        """Compile what was read: function 2; None when there is no project to compile."""
        if read.project is None:
            return None
        with self._world.lookup_of(read.project, meanings=self._known.meanings) as lookup:
            found = compile_graph(
                read.project,
                lookup,
                inline=inline,
                sends=sends,
                known=self._known,
                instead=instead,
            )
        new = without_repeats(found.diagnostics, read.diagnostics)
        return replace(found, diagnostics=self._weighed(new))

    def check(self, selection: Selection | None = None) -> Checked:
        """Read, compile and examine the project with an engine but without its lake.

        Macros that ask the engine something are answered; tables are taken as not there, and that
        they are not there is no finding.

        Args:
            selection: Nodes whose findings are wanted; findings of no node are always among them.
        """
        read = self.read("compile")
        if read.project is None:
            return Checked(nodes=0, diagnostics=read.diagnostics)
        with (
            TemporaryDirectory(prefix="headwater-check-") as folder,
            self._world.elsewhere(Path(folder)) as away,
            self._world.lookup_of(read.project, away, meanings=self._known.meanings) as lookup,
        ):
            graph = compile_graph(read.project, lookup, known=self._known)
        options = PlanOptions(project_root=str(self.root), severities={"input-not-built": "off"})
        plan = make_plan(graph.graph, State(), options)
        compiled = without_repeats(graph.diagnostics, read.diagnostics)
        found = (*read.diagnostics, *compiled, *plan.diagnostics)
        if selection is None or selection.is_everything:
            return Checked(nodes=len(read.project.nodes), diagnostics=found)
        chosen = self._choose(read.project, graph.graph, selection)
        about = {"", *chosen.nodes}
        found = (*(each for each in found if each.node in about), *chosen.diagnostics)
        return Checked(nodes=len(chosen.nodes), diagnostics=found)

    def compile(
        self,
        selection: Selection,
        *,
        inline: str | None = None,
        full_refresh: bool = False,
        as_dbt: bool = False,
        injects: bool = True,
        inputs: InputRequest | None = None,
    ) -> Compiled:
        """Compile the selected nodes, or one query with Jinja, and write the SQL.

        As dbt does where that is wanted: with the manifest, and with a warning where the engine
        would refuse a query. Without ``injects`` ephemeral models are named and not written out.
        """
        read = self.read("compile", full_refresh=full_refresh)
        request = PlanRequest(selection=selection, inputs=inputs or InputRequest())
        instead = self._substitutes(read, request, builds=False)
        graph = self.compile_project(read, inline=inline, instead=instead)
        found = (*read.diagnostics, *(graph.diagnostics if graph else ()))
        found = soften(found, accepted_numbers(OF_ONE_QUERY) if as_dbt else ())
        folder = self.target_path / "compiled"
        if read.project is None or graph is None or has_errors(found):
            return Compiled(results=(), folder=folder, diagnostics=found)
        if graph.inline is not None:
            result = CompiledSql(unique_id="", name="inline_query", compiled_code=graph.inline)
            return Compiled(results=(result,), folder=folder, diagnostics=found)
        chosen = self._choose(read.project, graph.graph, selection)
        nodes = [each for key, each in graph.graph.nodes.items() if key in chosen.nodes]
        results = artifacts.write_compiled(self.target_path, nodes, injects=injects)
        results = (*artifacts.without_sql(nodes), *results) if as_dbt else results
        found = (*found, *chosen.diagnostics)
        manifest = None
        if as_dbt:
            manifest = make_manifest(read.project, graph.graph, self._facts())
            write_document(self.target_path, "manifest.json", manifest)
        logged = {each.node.unique_id: graph.logged.get(each.node.unique_id) for each in nodes}
        return Compiled(
            results=results,
            folder=folder,
            diagnostics=found,
            manifest=manifest,
            said=tuple(text for each in logged.values() if each for text in each.full),
        )

    def run_operation(
        self, macro: str, arguments: str | None = None, *, sql: str | None = None
    ) -> Operation:
        """Call a macro by itself, or run a query; what it writes becomes commits of a run.

        Args:
            macro: Its name, with its package in front where that matters.
            arguments: YAML mapping of its arguments.
            sql: A query with Jinja to run instead of a macro.

        Raises:
            HeadwaterError: ``usage-invalid``, ``vars-malformed``, ``macro-not-found``.
        """
        given = read_mapping("--args", arguments)
        call = macro_call(macro, given) if sql is None else statement_of(sql)
        read = tell_operation(self.read("run-operation"), macro, given, self._environment)
        graph = (
            None
            if has_errors(read.diagnostics)
            else self.compile_project(read, inline=call, sends=self.target.is_run)
        )
        if read.project is None or graph is None:
            return Operation(said=(), diagnostics=read.diagnostics)
        found = graph.diagnostics if graph.inline is None else ()
        node = operation_id(read.project, macro)
        if graph.sends:
            context = self._world.context_of(read.project)
            done = run_operation(context, read.project, graph.graph, call, node)
            done = replace(done, diagnostics=(*read.diagnostics, *done.diagnostics))
        else:
            found = (*read.diagnostics, *found)
            logged = tuple(each for said in graph.logged.values() for each in said.inline)
            done = Operation(said=graph.said, diagnostics=found, node=node, logged=logged)
        artifacts.write_operation(self.target_path, done, self._facts())
        return done

    def source_freshness(self, selection: Selection, *, file: Path | None = None) -> SourceAges:
        """Measure how old the selected sources are; write dbt's sources.json and the manifest.

        Args:
            selection: Which sources; only those with a rule are measured.
            file: Where sources.json goes instead of the target folder.
        """
        read = self.read("freshness")
        graph = None if read.project is None else resolve_graph(read.project)
        found = (*read.diagnostics, *(graph.diagnostics if graph else ()))
        if read.project is None or graph is None or has_errors(found):
            return SourceAges(results=(), started_at="", finished_at="", diagnostics=found)
        chosen, context = (
            self._choose(read.project, graph.graph, selection),
            self._world.context_of(read.project),
        )
        look = partial(self._world.lookup_of, read.project)
        ages = measure_ages(read.project, chosen.nodes, context, look)
        path = file or self.target_path / "sources.json"
        document = make_sources_document(ages, self._facts())
        written = write_document(path.parent, path.name, document)
        manifest = make_manifest(read.project, graph.graph, self._facts(), is_packed=True)
        write_document(self.target_path, "manifest.json", manifest)
        found = (*found, *chosen.diagnostics, *ages.diagnostics)
        return replace(ages, file=str(written), diagnostics=found)

    def lineage(
        self, name: str | None = None, *, direction: Direction = "both", direct: bool = False
    ) -> Lineage:
        """Return the column edges of the project, or those around NODE or NODE.COLUMN."""
        read = self.read("compile")
        graph = self.compile_project(read)
        if graph is None:
            return Lineage(edges=(), diagnostics=read.diagnostics)
        found = (*read.diagnostics, *graph.diagnostics)
        if name is not None:
            edges = edges_around(graph.graph, name, direction=direction, direct=direct)
            return Lineage(edges=edges, diagnostics=found)
        edges = column_edges(graph.graph)
        kept = tuple(edge for edge in edges if edge.kind == "direct" or not direct)
        return Lineage(edges=kept, diagnostics=found)

    # -- planning and building ---------------------------------------------------------------

    def plan(self, request: PlanRequest | None = None) -> Planned:
        """Say what a build would do: functions 1 to 4. Nothing is written to the lake."""
        request = request or PlanRequest()
        read = self.read(request.verb, full_refresh=request.full_refresh)
        asked, acted_on = self._invocation(request), self._selected(read, request)
        read = tell_templates(read, asked, acted_on, self._environment)
        instead = self._substitutes(read, request)
        compiled = self.compile_project(read, instead=instead)
        if read.project is None or compiled is None:
            return self._faulty(read.diagnostics)
        project, graph = read.project, compiled.graph
        found, nodes = (*read.diagnostics, *deferral_findings(graph, instead)), None
        if request.nodes is not None:
            nodes = frozenset(graph.nodes) & frozenset(request.nodes)
            found = (*found, *gone_findings(request.nodes, graph.nodes))
        elif self._narrows(project, request.selection):
            chosen = self._choose(project, graph, request.selection)
            nodes, found = chosen.nodes, (*found, *chosen.diagnostics)
        wanted = nodes_of_types(graph, request.resource_types, nodes)
        wanted |= {*graph.on_run_start, *graph.on_run_end}
        accepted = accepted_numbers(request.accept)
        faults = soften(weigh_faults(compiled.diagnostics, graph, wanted), accepted)
        found = (*found, *faults)
        if has_errors(each for each in found if not is_refusal(each)):
            return self._faulty(found)
        options = PlanOptions(
            selected=nodes,
            resource_types=request.resource_types,
            full_refresh=request.full_refresh,
            force=request.force,
            store_failures=request.store_failures,
            warnings_fail=self._warning_rules.fails_tests,
            needs_start=self._needs_start(),
            tests=request.tests,
            severities=dict.fromkeys(accepted, "warning"),
            project_root=str(self.root),
            seed_bytes=seed_sizes(project, self.root),
            created_at=self._context.now(),
            invocation=asked.document(),
            event_time=read_event_time(request.inputs) or instead.sample,
            as_of=request.as_of,
            takes_part=request.inputs.empty or bool(request.inputs.sample),
        )
        prices = declared_prices(self.settings)
        state = read_state(graph, self._world.context_of(project), prices=prices)
        options, batches = self._with_batches(project, graph, state, options, instead)
        plan = make_plan(graph, state, options)
        if not all(breaks(plan, each) for each in found if is_refusal(each)):
            return self._faulty(found)
        found = (*self._weighed(plan.diagnostics), *found, *not_run(self.target))
        plan = with_findings(plan, found)
        logged = said_of_plan(compiled.logged, batches, plan, wanted)
        return Planned(
            plan=plan, project=project, graph=graph, wanted=frozenset(wanted), logged=logged
        )

    def _selected(self, read: ProjectResult, request: PlanRequest) -> frozenset[NodeId]:
        """Find what a command acts on before anything is compiled, where a text asks for it."""
        if read.project is None or not mentions_selected(self.files):
            return frozenset()
        graph = resolve_graph(read.project).graph
        nodes = None if request.nodes is None else frozenset(graph.nodes) & set(request.nodes)
        if nodes is None and not request.selection.is_everything:
            nodes = self._choose(read.project, graph, request.selection).nodes
        return frozenset(nodes_of_types(graph, request.resource_types, nodes))

    def _with_batches(
        self,
        project: Project,
        graph: Graph,
        state: State,
        options: PlanOptions,
        instead: Substitutes,
    ) -> tuple[PlanOptions, Mapping[NodeId, Sequence[Said]]]:
        """Add the batches of microbatch models to build, and return what their macros said."""
        wanted = wanted_batches(graph, state, options)
        if not wanted:
            return options, {}
        with self._world.lookup_of(project) as lookup:
            renderer = BatchRenderer(project, graph, lookup, instead)
            options = replace(options, batches=render_batches(renderer, graph, wanted))
            return options, renderer.said

    def _substitutes(
        self, read: ProjectResult, request: PlanRequest, *, builds: bool = True
    ) -> Substitutes:
        """Find what the selected nodes read in place of their inputs."""
        if read.project is None or not request.inputs.changes_compiling:
            return Substitutes()
        project, graph = read.project, resolve_graph(read.project).graph
        nodes: frozenset[NodeId] | None = None
        if request.nodes is not None:
            nodes = frozenset(request.nodes)
        elif self._narrows(project, request.selection):
            nodes = self._choose(project, graph, request.selection).nodes
        built = nodes_of_types(graph, request.resource_types, nodes) if builds else ()
        asked = Asked(request=request.inputs, selected=nodes, built=frozenset(built))
        with self._world.lookup_of(project) as lookup:
            return find_substitutes(
                asked,
                graph,
                previous=partial(self._deferred_to, request),
                exists=lambda name: lookup.relation_kind_or_none(name) is not None,
                now=self._clock.now(),
            )

    def _deferred_to(self, request: PlanRequest) -> Previous:
        folder = request.inputs.defer_state or request.selection.state
        if not folder:
            raise no_state()
        return self._previous(Path(folder))

    def check_plan(self, plan: Plan, *, accept: tuple[str, ...] = ()) -> Planned:
        """Return a saved plan, ready to be applied, if the project is still the one planned.

        Its inputs are checked as it runs.

        Args:
            plan: The plan as read.
            accept: Codes whose errors shall only warn.

        Raises:
            Conflict: ``plan-stale``, when the project has changed since.
        """
        read = self.read("apply")
        compiled = self.compile_project(read)
        if read.project is None or compiled is None or compiled.graph.checksum != plan.checksum:
            raise Conflict(
                "plan-stale",
                "the project is not the one that was planned",
                why="a file, a variable or the target has changed since the plan was made",
                fix="plan again: hw plan -o plan.json",
            )
        accepted = accepted_numbers(accept)
        found = tuple(
            replace(each, severity="warning") if each.code in accepted else each
            for each in plan.diagnostics
        )
        plan = with_findings(plan, found)
        return Planned(plan=plan, project=read.project, graph=compiled.graph)

    def plan_clone(self, selection: Selection, *, full_refresh: bool = False) -> Planned:
        """Plan views on what another target has built; its artifacts are ``selection.state``.

        Raises:
            NotFound: ``state-missing``.
            Invalid: ``state-unreadable``, ``selector-no-past``.
        """
        read = self.read("clone", full_refresh=full_refresh)
        compiled = None if read.project is None else resolve_graph(read.project)
        found = (*read.diagnostics, *(compiled.diagnostics if compiled else ()))
        if read.project is None or compiled is None or has_errors(found):
            return self._faulty(found)
        chosen = self._choose(read.project, compiled.graph, selection)
        plan = make_clone_plan(
            compiled.graph,
            self._previous(Path(selection.state) if selection.state else None),
            self._world.context_of(read.project),
            chosen.nodes,
            full_refresh=full_refresh,
        )
        plan = with_findings(plan, self._weighed((*plan.diagnostics, *chosen.diagnostics)))
        return Planned(plan=plan, project=read.project, graph=compiled.graph)

    def earlier(self, state: Path | None = None) -> Earlier:
        """Find the run that a retry is about: the last one here, or the one that left ``state``.

        Raises:
            NotFound: ``retry-no-run``.
            Invalid: ``retry-not-possible``.
        """
        project, _profile = read_name(self.files.packages[0].project_file)
        place = (state or self.target_path).absolute()
        return find_earlier(
            self._context.metastore,
            project,
            place,
            is_here=state is None,
            with_warnings=self._warning_rules.fails_tests,
        )

    @contextmanager
    def taken(self, command: str) -> Iterator[Journal]:
        """Keep other builds out from planning to the end of the run.

        Args:
            command: The verb, for whoever is kept out and for the record.

        Raises:
            Unavailable: ``workspace-busy``, when another build has it.
        """
        with open_journal(self._context, command) as journal:
            yield journal

    def apply(
        self,
        planned: Planned,
        *,
        journal: Journal | None = None,
        sink: Sink = lambda _event: None,
        cancel: CancelToken | None = None,
        fail_fast: bool = False,
    ) -> Run:
        """Do what a plan says and record it: functions 5 to 7.

        Args:
            planned: From ``plan`` or ``check_plan``.
            journal: From ``taken``, when the workspace was taken before planning; it is taken for
                this run otherwise.
            sink: Told how it goes.
            cancel: Stops it.
            fail_fast: Stop at the first failure.

        Raises:
            Invalid: ``plan-missing``, when the project has faults and nothing was planned.
            Unavailable: ``workspace-busy``, when another build runs.
            Conflict: ``plan-stale``, when an input has moved since.
        """
        if planned.project is None or planned.graph is None:
            raise Invalid(
                "plan-missing",
                "there is no plan to apply: the project has faults",
                fix="mend what the plan's diagnostics say, and plan again",
            )
        require_run(self.target)
        project = planned.project
        context = replace(self._world.context_of(project), live=LiveRenderer(project))
        plan = replace(planned.plan, fail_fast=planned.plan.fail_fast or fail_fast)
        if journal is None:
            run = execute(plan, context, graph=planned.graph, sink=sink, cancel=cancel)
        else:
            journal = replace(journal, context=context)
            run = execute_in(journal, plan, planned.graph, sink=sink, cancel=cancel)
        done = replace(planned, plan=plan)
        artifacts.write_all(self.target_path, done, run, self._facts())
        return run

    def load(
        self,
        table: TableName | str,
        sql: str,
        *,
        mode: Literal["append", "overwrite"] = "append",
        node: str = "",
    ) -> int:
        """Write a query's rows into a table of the lake, as a run of one step.

        Args:
            table: ``catalog.schema.name``.
            sql: Query over files or nothing; it reads no tables.
            mode: Add the rows, or replace the table.
            node: unique_id that the run is recorded under; made from the table's name if empty.

        Returns:
            The Delta version committed.

        Raises:
            HeadwaterError: What went wrong.
        """
        name = parse_table_name(table) if isinstance(table, str) else table
        return load_rows(self._context, name, sql, mode=mode, node=NodeId(node))

    def ingest(
        self,
        table: str,
        sources: tuple[str, ...],
        options: IngestOptions,
        *,
        wanted: str | None = None,
        stream: BinaryIO | None = None,
        progress: Callable[[FileEnd], None] = lambda _end: None,
    ) -> Ingested:
        """Load files into a table, each exactly once.

        Args:
            table: ``name``, ``schema.name`` or ``catalog.schema.name``.
            sources: Files and folders; ``-`` is ``stream``.
            options: How.
            wanted: Format of all of them; by default what their names say.
            stream: What ``-`` reads.
            progress: Is told each file's end.

        Raises:
            Invalid: ``ingest-target``, ``file-format-unknown``.
            NotFound: ``file-not-found``.
        """
        return ingest_sources(
            self._context, table, Asking(sources, wanted, stream), options, progress
        )

    def appender(
        self, table: str, options: AppendOptions | None = None
    ) -> AbstractContextManager[Appender]:
        """Open what appends rows of a program to a table, in a ``with`` block. See ``Appender``.

        Raises:
            Invalid: ``ingest-target``, ``append-option``.
        """
        return appending(self._context, table, options or AppendOptions())

    # -- looking -----------------------------------------------------------------------------

    def sql(self, text: str, *, rows_max: int = 1000) -> Result:
        """Run a query over tables, views, older versions and Delta paths.

        Outside of a project there are no names, but paths can be read.
        """
        if not self._is_project:
            with (
                TemporaryDirectory(prefix="headwater-sql-") as folder,
                self._world.elsewhere(Path(folder)) as away,
            ):
                return run_sql(away, text, rows_max=rows_max)
        try:
            return run_sql(self._context, text, rows_max=rows_max)
        except NotFound as error:
            # Sources that are files are known only to the project, which most queries need not
            # wait for.
            project = self.read("show").project if error.code == "relation-not-found" else None
            if project is None or not file_sources(project):
                raise
            return run_sql(self._world.context_of(project), text, rows_max=rows_max)

    def tables(self) -> tuple[TableDescription, ...]:
        """Describe every table and view."""
        return list_tables(self._context)

    def describe(self, name: str) -> TableDescription:
        """Describe one table or view.

        Raises:
            NotFound: ``relation-not-found``.
        """
        return describe_name(self._context, find_table(self._context, name))

    def history(self, name: str, limit: int = 50) -> TableHistory:
        """Return the versions of a table, newest first.

        Raises:
            NotFound: ``relation-not-found``.
        """
        found = find_table(self._context, name)
        return table_history(table_of(self._context, found), found, limit)

    def debug(self, *, connection: bool = False) -> tuple[Finding, ...]:
        """Try the project, the profile, the lake and the engine; or only what a query needs."""
        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            ("project", self._project_name),
            ("profile", lambda: f"{self.target.profile}, output {self.target.name}"),
            ("lake", lambda: self._context.tables.root),
            ("engine", lambda: f"{self._world.engine.name} {self._world.engine.version}"),
            ("query", lambda: f"select 42 gives {self.sql('select 42').rows[0][0]}"),
            ("records", self._records),
        )
        wanted = {"profile", "lake", "engine", "query"} if connection else dict(checks)
        return try_checks(each for each in checks if each[0] in wanted)

    def docs_generate(
        self,
        selection: Selection | None = None,
        *,
        compiles: bool = True,
        is_empty: bool = False,
        inputs: InputRequest | None = None,
    ) -> Documents:
        """Write manifest.json, compiled or not, and catalog.json of selected nodes, or of none."""
        read = self.read("generate")
        request = PlanRequest(selection=selection or Selection(), inputs=inputs or InputRequest())
        instead = self._substitutes(read, request, builds=False)
        graph = self.compile_project(read, instead=instead) if compiles else None
        graph = graph or (resolve_graph(read.project) if read.project else None)
        found = (*read.diagnostics, *(graph.diagnostics if graph else ()))
        if read.project is None or graph is None or has_errors(found):
            return Documents(files=(), diagnostics=found)
        manifest = make_manifest(read.project, graph.graph, self._facts())
        known = () if is_empty else artifacts.catalog_tables(graph.graph, self.tables())
        if selection is not None and self._narrows(read.project, selection):
            chosen = self._choose(read.project, graph.graph, selection)
            found = (*found, *chosen.diagnostics)
            known = tuple(table for table in known if table.node in chosen.nodes)
        catalog = make_catalog(graph.graph, known, self._facts())
        files = (
            write_document(self.target_path, "manifest.json", manifest),
            write_document(self.target_path, "catalog.json", catalog),
        )
        return Documents(files=tuple(str(file) for file in files), diagnostics=found)

    # -- upkeep ------------------------------------------------------------------------------

    @property
    def upkeep(self) -> Keeper:
        """What keeps tables in order: compaction, vacuum, checkpoints, restoring."""
        return Keeper(self._context)

    def deps(
        self,
        *,
        mirror: str | None = None,
        upgrade: bool = False,
        progress: Callable[[str], None] = lambda _line: None,
    ) -> tuple[Installed, ...]:
        """Fetch the packages that the project names."""
        listed = self.files.package_list
        if listed is None:
            return ()
        mirror = mirror or self.settings.text("packages_mirror")
        evaluate = package_values(listed.file, self._noted, self._variables)
        settings = PackageSettings(
            root=self.root,
            folder=self.root / self._project_path("packages-install-path", "dbt_packages"),
            mirror=Path(mirror).resolve() if mirror else None,
            upgrade=upgrade,
            evaluate=evaluate,
        )
        entries = parse_packages(listed.file, listed.text, evaluate)
        return install_packages(
            entries, settings, lambda event: progress(f"{event.kind} {event.name} {event.version}")
        )

    def clean(self, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove the project's clean-targets and orphan data files; return what was removed.

        Args:
            dry_run: Only say what would be.

        Raises:
            Unavailable: ``workspace-busy``, when a build runs: its files are no orphans.
        """
        wanted = self._project_setting("clean-targets")
        names = wanted if isinstance(wanted, list) else ["target", "dbt_packages"]
        folders = [str(name) for name in names]
        clean = partial(clean_folders, self.root, folders, kept=self._source_folders())
        if not self._world.folder.is_dir():
            return clean(dry_run=dry_run)
        if dry_run:
            dead = tuple(f"orphan files of {run}" for run in unfinished_runs(self._context))
            return (*clean(dry_run=True), *dead)
        with self.taken("clean") as journal:
            dead = tuple(f"orphan files: {finding.what}" for finding in journal.findings)
            return (*clean(dry_run=False), *dead)

    # -- parts, each made when first needed -----------------------------------------------------

    @cached_property
    def _known(self) -> Known:
        return Known(
            queries=self._open_cache("queries", tracer_tag()),
            texts=self._open_cache("texts", program_tag()),
        )

    @cached_property
    def _world(self) -> World:
        return World(self.root, self.target, self.settings, self._environment, self._clock)

    @property
    def _context(self) -> Context:
        """The world of this project; nothing is made in a folder that is no project.

        Raises:
            NotFound: ``project-not-found``.
        """
        if not self._is_project:
            raise NotFound(
                "project-not-found",
                f"there is no `dbt_project.yml` in `{self.root}`",
                fix="run the command inside a project, pass --project-dir, or start with `hw init`",
            )
        return self._world.context

    def _records(self) -> str:
        return f"{len(self._context.metastore.list_runs())} runs in {self._world.folder}"

    def _project_name(self) -> str:
        name, _profile = read_name(self.files.packages[0].project_file)
        return f"{name} in {self._context.project_root}"

    @property
    def _is_project(self) -> bool:
        return self.files.packages[0].project_file is not None

    def _faulty(self, diagnostics: tuple[Diagnostic, ...]) -> Planned:
        name, _profile = read_name(self.files.packages[0].project_file)
        now = self._clock.now().isoformat(timespec="milliseconds")
        return Planned(plan=make_faulty_plan(name, self.target.name, diagnostics, now))

    def _invocation(self, request: PlanRequest) -> Invocation:
        return Invocation(
            request=request,
            variables=self._variables,
            target=self.settings.text("target") or "",
            profile=self.settings.text("profile") or "",
            place=str(self.target_path.absolute()),
            threads=self._world.threads,
        )

    def _needs_start(self) -> bool:
        flags = self._project_setting("flags")
        return not isinstance(flags, dict) or flags.get(_START_FLAG) is not False
