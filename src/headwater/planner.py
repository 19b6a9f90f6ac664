"""A project with its lake and records, opened for looking: what can be said before anything runs.

Apart from the workspace, which adds what changes something, so that `hw plan` and `hw compile` do
not import what builds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from headwater.base.diagnostics import Diagnostic, has_errors, without_repeats
from headwater.base.errors import Conflict, NotFound
from headwater.base.ids import NodeId
from headwater.base.spans import Span
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
from headwater.graph.manifest import make_manifest
from headwater.graph.paths import Paths, find_paths
from headwater.graph.previous import Previous
from headwater.graph.references import GraphResult, resolve_graph
from headwater.graph.said import Said
from headwater.graph.substitutes import InputRequest, Substitutes, read_event_time
from headwater.plan.base import deployed_as
from headwater.plan.budgets import read_budgets
from headwater.plan.build import breaks, make_faulty_plan, make_plan, wanted_batches
from headwater.plan.consumers import read_consumers
from headwater.plan.migrate import Operation
from headwater.plan.migration import Migration
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Plan
from headwater.plan.rules.over_budget import for_nobody
from headwater.plan.severities import read_severities
from headwater.plan.state import Consumer, State
from headwater.plan.totals import with_findings
from headwater.plan.upkeep import read_upkeep_mode
from headwater.project.files import read_text_or_none
from headwater.project.options import ReadOptions, not_run
from headwater.project.project import Project, ProjectResult
from headwater.project.settings import read_name
from headwater.project.yaml_text import YamlFile, read_yaml
from headwater.reader import SETTINGS_FILE, Reader
from headwater.runs import artifacts
from headwater.runs.answers import (
    Compiled,
    CompiledSql,
    Lineage,
    Planned,
    PlanRequest,
)
from headwater.runs.books import contract_findings, prices_in_force
from headwater.runs.checked import Checked
from headwater.runs.clone import make_clone_plan
from headwater.runs.context import Context
from headwater.runs.documents import write_document
from headwater.runs.economy import Economy
from headwater.runs.inputs import Asked, deferral_findings, find_substitutes, no_state
from headwater.runs.invocation import (
    Invocation,
    mentions_selected,
    tell_templates,
)
from headwater.runs.microbatch import render_batches
from headwater.runs.migrations import read_migration
from headwater.runs.recall import program_tag
from headwater.runs.retry import Earlier, find_earlier, gone_findings
from headwater.runs.revision import Base, base_findings, project_at
from headwater.runs.said import said_of_plan
from headwater.runs.sources import seed_sizes
from headwater.runs.state import read_state
from headwater.runs.world import World
from headwater.sql.meaning import tracer_tag

Found = tuple[Diagnostic, ...]
_START_FLAG = "skip_nodes_if_on_run_start_fails"


class Planner(Reader):
    """A project, compiled and planned. Use as a context manager, or call ``close``.

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

    # -- money -------------------------------------------------------------------------------

    @property
    def economy(self) -> Economy:
        """What runs cost, at which prices, and how well it was foreseen."""
        return Economy(context=self._context, settings=self.settings, root=self.root)

    # -- compiling ---------------------------------------------------------------------------

    def compile_project(
        self,
        read: ProjectResult,
        *,
        inline: str | None = None,
        sends: bool = False,
        instead: Substitutes | None = None,
        traces_tests: bool = True,
        root: Path | None = None,
    ) -> GraphResult | None:
        """Compile what was read: function 2; None when there is no project to compile.

        Its seed files are in ``root``, when that is not the workspace's folder.
        """
        if read.project is None:
            return None
        with self._world.lookup_of(
            read.project, meanings=self._known.meanings, root=root
        ) as lookup:
            found = compile_graph(
                read.project,
                lookup,
                inline=inline,
                sends=sends,
                known=self._known,
                instead=instead,
                traces_tests=traces_tests,
            )
        new = without_repeats(found.diagnostics, read.diagnostics)
        return replace(found, diagnostics=self._weighed(new))

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
        graph = self.compile_project(read, inline=inline, instead=instead, traces_tests=False)
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
        policy = read_severities(self.settings.mapping("rules"))
        severities = {**policy, "input-not-built": "off"}
        options = PlanOptions(project_root=str(self.root), severities=severities)
        known = self._known.queries
        plan = make_plan(graph.graph, State(consumers=self._consumers()), options, known)
        compiled = without_repeats(graph.diagnostics, read.diagnostics)
        budgets = read_budgets(self.settings.items("budgets"))
        money = (*for_nobody(graph.graph, budgets), *contract_findings(self.settings, self.root))
        found = (*read.diagnostics, *compiled, *plan.diagnostics, *money)
        if selection is None or selection.is_everything:
            return Checked(nodes=len(read.project.nodes), diagnostics=found)
        chosen = self._choose(read.project, graph.graph, selection)
        about = {"", *chosen.nodes}
        found = (*(each for each in found if each.node in about), *chosen.diagnostics)
        return Checked(nodes=len(chosen.nodes), diagnostics=found)

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

    def migration(self, name: str, operations: Sequence[Operation]) -> Migration:
        """Say what a change of a stored table takes, costs and risks; only its log is read.

        Raises:
            NotFound: ``relation-not-found``.
            Invalid: ``migration-empty``.
        """
        read = self.read("compile")
        graph = None if has_errors(read.diagnostics) else self.compile_project(read)
        return read_migration(
            self._context,
            name,
            operations,
            prices=prices_in_force(self.settings, self.root),
            graph=None if graph is None else graph.graph,
        )

    def paths(self, start: str, end: str, *, direct: bool = False) -> tuple[Paths, Found]:
        """Return the ways between two columns; see ``find_paths``."""
        read = self.read("compile")
        graph = self.compile_project(read)
        if graph is None:
            return Paths(paths=()), read.diagnostics
        found = find_paths(graph.graph, start, end, direct=direct)
        return found, (*read.diagnostics, *graph.diagnostics)

    # -- planning ----------------------------------------------------------------------------

    def plan(self, request: PlanRequest | None = None) -> Planned:
        """Say what a build would do: functions 1 to 4. Nothing is written to the lake."""
        request = request or PlanRequest()
        options = self.read_options(request.verb, full_refresh=request.full_refresh)
        read = self.read_as(options)
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
        faults = weigh_faults(compiled.diagnostics, graph, wanted)
        found = (*found, *soften(faults, accepted_numbers(request.accept)))
        if has_errors(each for each in found if not is_refusal(each)):
            return self._faulty(found)
        base = self._base(request.base, options) if request.base is not None else None
        how = self._plan_options(project, request, asked, nodes=nodes, instead=instead)
        state = self._state(project, graph)
        if base is not None:
            state = deployed_as(base.graph, state, now=how.created_at)
            found = (*found, *base.diagnostics)
        how, batches = self._with_batches(project, graph, state, how, instead)
        plan = make_plan(graph, state, how, self._known.queries)
        if not all(breaks(plan, each) for each in found if is_refusal(each)):
            return self._faulty(found)
        found = (*self._weighed(plan.diagnostics), *found, *not_run(self.target))
        found = (*found, *contract_findings(self.settings, self.root))
        plan = with_findings(replace(plan, base=base.name if base else ""), found)
        logged = said_of_plan(compiled.logged, batches, plan, wanted)
        return Planned(
            plan=plan, project=project, graph=graph, wanted=frozenset(wanted), logged=logged
        )

    def _state(self, project: Project, graph: Graph) -> State:
        prices = prices_in_force(self.settings, self.root)
        known = self._known.queries
        state = read_state(graph, self._world.context_of(project), prices=prices, known=known)
        return replace(state, consumers=self._consumers())

    def _consumers(self) -> tuple[Consumer, ...]:
        """Read who uses tables without being a node.

        Raises:
            Invalid: ``consumer-malformed``.
        """
        entries = self.settings.items("consumers")
        if not entries:
            return ()
        text = read_text_or_none(self.root / SETTINGS_FILE, self.observer, SETTINGS_FILE)
        file = read_yaml(SETTINGS_FILE, text or "")
        top = Span(file=SETTINGS_FILE)
        places = (
            file.span("consumers", index) if isinstance(file, YamlFile) else top
            for index in range(len(entries))
        )
        return read_consumers(entries, tuple(places))

    def _plan_options(
        self,
        project: Project,
        request: PlanRequest,
        asked: Invocation,
        *,
        nodes: frozenset[NodeId] | None,
        instead: Substitutes,
    ) -> PlanOptions:
        """Settle what a plan is asked for, without its batches."""
        accepted = accepted_numbers(request.accept)
        severities = dict(read_severities(self.settings.mapping("rules"), accepted))
        if request.base is not None:
            # A checkout for a pull request may have no lake at all: nothing is about to run.
            severities["input-not-built"] = "info"
        return PlanOptions(
            selected=nodes,
            resource_types=request.resource_types,
            full_refresh=request.full_refresh,
            force=request.force,
            store_failures=request.store_failures,
            warnings_fail=self._warning_rules.fails_tests,
            needs_start=self._needs_start(),
            tests=request.tests,
            budgets=read_budgets(self.settings.items("budgets")),
            severities=severities,
            project_root=str(self.root),
            seed_bytes=seed_sizes(project, self.root),
            created_at=self._context.now(),
            invocation=asked.document(),
            event_time=read_event_time(request.inputs) or instead.sample,
            as_of=request.as_of,
            takes_part=request.inputs.empty or bool(request.inputs.sample),
            threads=self._world.threads,
            upkeep=read_upkeep_mode(self.settings.text("upkeep")),
        )

    def _base(self, revision: str, options: ReadOptions) -> Base:
        """Compile the project as it stood at a revision.

        Raises:
            NotFound: ``revision-not-found``.
            Unavailable: ``revision-unreadable``.
        """
        installed = self._project_path("packages-install-path", "dbt_packages")
        with project_at(self.root, revision, self._environment, installed=installed) as at:
            read = self.read_as(options, files=self.files_of(at.folder))
            compiled = self.compile_project(read, root=at.folder)
            found = (*read.diagnostics, *(compiled.diagnostics if compiled else ()))
        if read.project is None or compiled is None:
            # Before the project was begun, every node is new.
            graph = Graph(project="", target="", nodes={}, gates={}, checksum="")
            return Base(name=str(at), graph=graph)
        return Base(name=str(at), graph=compiled.graph, diagnostics=tuple(base_findings(at, found)))

    def check_plan(self, plan: Plan, *, accept: tuple[str, ...] = ()) -> Planned:
        """Return a saved plan, ready to be applied, if the project is still the one planned.

        Its inputs are checked as it runs.

        Args:
            plan: The plan as read.
            accept: Codes whose errors shall only warn.

        Raises:
            Conflict: ``plan-stale``, when the project has changed since; ``plan-only-compares``.
        """
        if plan.base:
            raise Conflict(
                "plan-only-compares",
                f"the plan compares the project with {plan.base} and is not applied",
                why="what is deployed was not looked at, so its steps are no work to be done",
                fix="plan without --base: hw plan -o plan.json",
            )
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

    def _faulty(self, diagnostics: tuple[Diagnostic, ...]) -> Planned:
        name, _profile = read_name(self.files.packages[0].project_file)
        now = self._clock.now().isoformat(timespec="milliseconds")
        return Planned(plan=make_faulty_plan(name, self.target.name, diagnostics, now))

    # -- parts, each made when first needed ----------------------------------------------------

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

    @property
    def _is_project(self) -> bool:
        return self.files.packages[0].project_file is not None
