"""The composition root: settings in, the eight functions wired together.

The only place that knows both wings by name. Methods are a few calls each; logic lives below.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, TracebackType
from typing import Literal, Self
from uuid import uuid4

from headwater.base.clock import Clock, SystemClock
from headwater.base.codec import Json
from headwater.base.codes import find_code, find_code_or_none
from headwater.base.diagnostics import Diagnostic, has_errors
from headwater.base.errors import Conflict, HeadwaterError, Invalid, NotFound
from headwater.base.ids import NodeId, new_run_id
from headwater.base.relations import TableName, parse_table_name
from headwater.base.settings import Settings, resolve_settings
from headwater.base.telemetry import Sink
from headwater.base.units import parse_bytes
from headwater.catalog.metastore import Metastore, open_metastore
from headwater.deps import Installed, PackageSettings, install_packages, parse_packages
from headwater.engines.engine import Engine, EngineSettings, Result
from headwater.engines.registry import open_engine
from headwater.graph.around import Direction, edges_around
from headwater.graph.columns import column_edges
from headwater.graph.compile import GraphResult, compile_graph, resolve_graph
from headwater.graph.faults import nodes_of_types, weigh_faults
from headwater.graph.graph import Graph
from headwater.graph.manifest import ArtifactFacts, make_catalog, make_manifest
from headwater.graph.select import Indirect, parse_selectors, select, select_expression
from headwater.graph.select import Selection as SelectedNodes
from headwater.lake.stores import storage_options
from headwater.plan.build import make_plan
from headwater.plan.options import BUILT_TYPES, TEST_TYPES, PlanOptions, TestMode
from headwater.plan.plan import Plan, Totals
from headwater.plan.state import Prices, State
from headwater.project.files import ProjectFiles, read_files, read_profiles
from headwater.project.node import ResourceType
from headwater.project.options import ReadOptions, Target
from headwater.project.profiles import ProfileRequest, read_target
from headwater.project.project import Project, ProjectResult
from headwater.project.read import read_project
from headwater.project.settings import read_name
from headwater.project.yaml_text import read_yaml
from headwater.runs import artifacts
from headwater.runs.answers import (
    Checked,
    Compiled,
    Documents,
    Finding,
    Lineage,
    Listed,
    PlanRequest,
    Selection,
    Verb,
)
from headwater.runs.cancel import CancelToken
from headwater.runs.context import Context, Tables
from headwater.runs.describe import (
    TableDescription,
    TableHistory,
    describe_name,
    list_tables,
    table_history,
)
from headwater.runs.execute import execute, execute_in
from headwater.runs.journal import Journal, open_journal
from headwater.runs.load import make_load_plan
from headwater.runs.lookup import EngineLookup
from headwater.runs.query import find_name_or_none, not_found, run_sql, table_of
from headwater.runs.recover import clean_folders, clear_up
from headwater.runs.results import make_run_results
from headwater.runs.run import Run
from headwater.runs.sources import file_sources, seed_files, seed_sizes
from headwater.runs.state import read_state

__all__ = ["CancelToken", "PlanRequest", "Selection", "Verb", "Workspace"]

_NO_FLAGS: Mapping[str, str | float | bool | None] = MappingProxyType({})
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})
_TYPES_OF_VERB: Mapping[Verb, frozenset[ResourceType]] = MappingProxyType(
    {
        "build": BUILT_TYPES,
        "run": frozenset({"model"}),
        "seed": frozenset({"seed"}),
        "snapshot": frozenset({"snapshot"}),
        "test": TEST_TYPES,
    }
)


_TESTS_OF_VERB: Mapping[Verb, TestMode] = MappingProxyType({"build": "gate", "test": "only"})


class Workspace:
    """A project, its lake and its records. Use as a context manager, or call ``close``.

    Nothing is opened before it is needed, so that looking at a project needs no lake.
    """

    def __init__(
        self,
        files: ProjectFiles,
        settings: Settings,
        environment: Mapping[str, str],
        *,
        variables: Mapping[str, Json],
        clock: Clock,
    ) -> None:
        """See ``open``, which reads what this is given."""
        self.files = files
        self.settings = settings
        self.root = Path(files.root)
        self._environment = environment
        self._variables = variables
        self._clock = clock
        self._compiled: tuple[Project, Graph] | None = None
        self._journal: Journal | None = None

    @classmethod
    def open(
        cls,
        project_dir: str | Path | None = None,
        *,
        flags: Mapping[str, str | float | bool | None] = _NO_FLAGS,
        environment: Mapping[str, str] = _NO_TEXTS,
        variables: str | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Read a project's files and settings.

        Args:
            project_dir: Folder of dbt_project.yml; else the setting ``project_dir``.
            flags: Settings given by the caller, by name; they win.
            environment: Environment variables; none are read that are not passed here.
            variables: YAML mapping of variables, as in ``--vars``.
            clock: Where times come from.

        Raises:
            Invalid: ``setting-invalid``, ``vars-malformed``.
        """
        given = dict(flags)
        if project_dir is not None:
            given["project_dir"] = str(project_dir)
        early = resolve_settings(given, environment, {})
        root = Path(early.text("project_dir") or ".").resolve()
        settings = resolve_settings(given, environment, _read_yaml_or_empty(root / "headwater.yml"))
        return cls(
            read_files(root),
            settings,
            environment,
            variables=_read_variables(variables),
            clock=clock or SystemClock(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back; safe to call twice."""
        for name in ("_engine", "_metastore"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    # -- reading and compiling ---------------------------------------------------------------

    @cached_property
    def target(self) -> Target:
        """Where the project is built.

        Raises:
            Invalid: The profile has a fault; the error carries its first finding.
        """
        found = read_target(self._profile_request())
        if found.target is None:
            first = found.diagnostics[0]
            raise Invalid(first.name, first.what, why=first.why, fix=first.fix, where=first.where)
        return found.target

    def read(self, command: str = "build", *, full_refresh: bool = False) -> ProjectResult:
        """Read the project: function 1."""
        now = self._clock.now()
        options = ReadOptions(
            target=self.target,
            vars=self._variables,
            environment=self._environment,
            started_at=now,
            invocation_id=str(new_run_id(self._clock)),
            flags={"WHICH": command, "FULL_REFRESH": full_refresh},
        )
        return read_project(self.files, options)

    def compile_project(
        self, read: ProjectResult, *, inline: str | None = None
    ) -> GraphResult | None:
        """Compile what was read: function 2; None when there is no project to compile."""
        if read.project is None:
            return None
        with self._lookup_of(read.project) as lookup:
            return compile_graph(read.project, lookup, inline=inline)

    def parse(self) -> Checked:
        """Read the project, resolve its references and write manifest.json."""
        read = self.read("parse")
        if read.project is None or has_errors(read.diagnostics):
            return Checked(nodes=0, diagnostics=read.diagnostics)
        graph = resolve_graph(read.project)
        found = (*read.diagnostics, *graph.diagnostics)
        document = make_manifest(read.project, graph.graph, self._facts())
        path = artifacts.write_document(self.target_path, "manifest.json", document)
        return Checked(nodes=len(read.project.nodes), diagnostics=found, manifest=path)

    def check(self) -> Checked:
        """Read, compile and examine the project with an engine but without its lake.

        Macros that ask the engine something are answered; tables are taken as not there, and that
        they are not there is no finding.
        """
        read = self.read("compile")
        if read.project is None:
            return Checked(nodes=0, diagnostics=read.diagnostics)
        with (
            TemporaryDirectory(prefix="headwater-check-") as folder,
            self._elsewhere(folder) as away,
            self._lookup_of(read.project, away) as lookup,
        ):
            graph = compile_graph(read.project, lookup)
        options = PlanOptions(project_root=str(self.root), severities={"input-not-built": "off"})
        plan = make_plan(graph.graph, State(), options)
        found = (*read.diagnostics, *graph.diagnostics, *plan.diagnostics)
        return Checked(nodes=len(read.project.nodes), diagnostics=found)

    @contextmanager
    def _elsewhere(self, folder: str) -> Iterator[Context]:
        """Give the context of an empty workspace in another folder."""
        metastore = open_metastore(Path(folder) / "workspace.db")
        try:
            yield self._make_context(metastore, str(Path(folder) / "lake"), Path(folder))
        finally:
            metastore.close()

    def compile(self, selection: Selection, *, inline: str | None = None) -> Compiled:
        """Compile the selected nodes, or one query with Jinja, and write the SQL."""
        read = self.read("compile")
        graph = self.compile_project(read, inline=inline)
        found = (*read.diagnostics, *(graph.diagnostics if graph else ()))
        folder = self.target_path / "compiled"
        if graph is None or has_errors(found):
            return Compiled(results=(), folder=folder, diagnostics=found)
        if graph.inline is not None:
            result = artifacts.CompiledSql(
                unique_id="", name="inline_query", compiled_code=graph.inline
            )
            return Compiled(results=(result,), folder=folder, diagnostics=found)
        chosen = self._select(graph.graph, selection)
        nodes = [each for key, each in graph.graph.nodes.items() if key in chosen.nodes]
        results = artifacts.write_compiled(self.target_path, nodes)
        return Compiled(results=results, folder=folder, diagnostics=(*found, *chosen.diagnostics))

    def ls(self, selection: Selection, resource_types: tuple[str, ...] = ()) -> Listed:
        """List the selected nodes as dbt does."""
        read = self.read("list")
        if read.project is None or has_errors(read.diagnostics):
            return Listed(rows=(), diagnostics=read.diagnostics)
        graph = resolve_graph(read.project)
        chosen = self._select(graph.graph, selection, resource_types)
        document = make_manifest(read.project, graph.graph, self._facts())
        rows = artifacts.list_rows(document, graph.graph, chosen.nodes)
        return Listed(rows=rows, diagnostics=(*graph.diagnostics, *chosen.diagnostics))

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

    def plan(self, request: PlanRequest | None = None) -> Plan:
        """Say what a build would do: functions 1 to 4. Nothing is written to the lake."""
        request = request or PlanRequest()
        read = self.read(request.verb, full_refresh=request.full_refresh)
        graph = self.compile_project(read)
        if read.project is None or graph is None:
            return self._not_compiled((*read.diagnostics, *(graph.diagnostics if graph else ())))
        found, nodes, types = read.diagnostics, None, _TYPES_OF_VERB[request.verb]
        if not request.selection.is_everything:
            chosen = self._select(graph.graph, request.selection)
            nodes, found = chosen.nodes, (*found, *chosen.diagnostics)
        wanted = nodes_of_types(graph.graph, types, nodes)
        found = (*found, *weigh_faults(graph.diagnostics, graph.graph, wanted))
        if has_errors(found):
            return self._not_compiled(found)
        self._compiled = (read.project, graph.graph)
        options = PlanOptions(
            selected=nodes,
            resource_types=types,
            full_refresh=request.full_refresh,
            force=request.force,
            tests=_TESTS_OF_VERB.get(request.verb, "none"),
            severities=dict.fromkeys(_numbers_of(request.accept), "warning"),
            project_root=str(self.root),
            seed_bytes=seed_sizes(read.project, self.root),
            created_at=self._context.now(),
        )
        state = read_state(graph.graph, self._context_of(read.project), prices=self._prices())
        plan = make_plan(graph.graph, state, options)
        return replace(plan, diagnostics=(*plan.diagnostics, *found))

    def check_plan(self, plan: Plan, *, accept: tuple[str, ...] = ()) -> Plan:
        """Return a saved plan if the project is still the one planned.

        Its inputs are checked as it runs.

        Args:
            plan: The plan as read.
            accept: Codes whose errors shall only warn.

        Raises:
            Conflict: ``plan-stale``, when the project has changed since.
        """
        read = self.read("apply")
        graph = self.compile_project(read)
        if read.project is None or graph is None or graph.graph.checksum != plan.checksum:
            raise Conflict(
                "plan-stale",
                "the project is not the one that was planned",
                why="a file, a variable or the target has changed since the plan was made",
                fix="plan again: hw plan -o plan.json",
            )
        self._compiled = (read.project, graph.graph)
        accepted = _numbers_of(accept)
        return replace(
            plan,
            diagnostics=tuple(
                replace(each, severity="warning") if each.code in accepted else each
                for each in plan.diagnostics
            ),
        )

    @contextmanager
    def taken(self, command: str) -> Iterator[None]:
        """Keep other builds out from planning to the end of the run.

        Args:
            command: The verb, for whoever is kept out and for the record.

        Raises:
            Unavailable: ``workspace-busy``, when another build has it.
        """
        with open_journal(self._context, command) as journal:
            self._journal = journal
            try:
                yield
            finally:
                self._journal = None

    def apply(
        self,
        plan: Plan,
        *,
        sink: Sink = lambda _event: None,
        cancel: CancelToken | None = None,
        fail_fast: bool = False,
        command: str = "apply",
    ) -> Run:
        """Do what a plan says and record it: functions 5 to 7.

        Raises:
            Unavailable: ``workspace-busy``, when another build runs.
            Conflict: ``plan-stale``, when an input has moved since.
        """
        project, graph = self._compiled_now()
        context = self._context_of(project)
        planned = replace(plan, fail_fast=plan.fail_fast or fail_fast)
        if self._journal is None:
            run = execute(planned, context, graph=graph, sink=sink, cancel=cancel, command=command)
        else:
            journal = replace(self._journal, context=context)
            run = execute_in(journal, planned, graph, sink=sink, cancel=cancel)
        self._write_artifacts(project, graph, plan, run)
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
        plan = make_load_plan(self._context, name, sql, mode=mode, node=NodeId(node))
        run = execute(plan, self._context, command="load")
        result = run.results[0]
        if result.version is None:
            fault = result.diagnostic
            raise HeadwaterError(fault.name if fault else "internal", result.message)
        return result.version

    # -- looking -----------------------------------------------------------------------------

    def sql(self, text: str, *, rows_max: int = 1000) -> Result:
        """Run a query over tables, views, older versions and Delta paths."""
        try:
            return run_sql(self._context, text, rows_max=rows_max)
        except NotFound as error:
            # Sources that are files are known only to the project, which most queries need not
            # wait for.
            project = self.read("show").project if error.code == "relation-not-found" else None
            if project is None or not file_sources(project):
                raise
            return run_sql(self._context_of(project), text, rows_max=rows_max)

    def tables(self) -> tuple[TableDescription, ...]:
        """Describe every table and view."""
        return list_tables(self._context)

    def describe(self, name: str) -> TableDescription:
        """Describe one table or view.

        Raises:
            NotFound: ``relation-not-found``.
        """
        return describe_name(self._context, self._find(name))

    def history(self, name: str, limit: int = 50) -> TableHistory:
        """Return the versions of a table, newest first.

        Raises:
            NotFound: ``relation-not-found``.
        """
        found = self._find(name)
        return table_history(table_of(self._context, found), found, limit)

    def debug(self) -> tuple[Finding, ...]:
        """Try the project, the profile, the lake and the engine."""
        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            (
                "project",
                lambda: f"{read_name(self.files.packages[0].project_file)[0]} in {self.root}",
            ),
            ("profile", lambda: f"{self.target.profile}, output {self.target.name}"),
            ("lake", lambda: self._context.tables.root),
            ("engine", lambda: f"{self._engine.name} {self._engine.version}"),
            ("query", lambda: f"select 42 gives {self.sql('select 42').rows[0][0]}"),
            ("records", lambda: f"{len(self._metastore.list_runs())} runs in {self.folder}"),
        )
        return tuple(_try(name, check) for name, check in checks)

    def docs_generate(self) -> Documents:
        """Write manifest.json and catalog.json."""
        read = self.read("generate")
        graph = self.compile_project(read)
        found = (*read.diagnostics, *(graph.diagnostics if graph else ()))
        if read.project is None or graph is None or has_errors(found):
            return Documents(files=(), diagnostics=found)
        manifest = make_manifest(read.project, graph.graph, self._facts())
        catalog = make_catalog(
            graph.graph, artifacts.catalog_tables(graph.graph, self.tables()), self._facts()
        )
        files = (
            artifacts.write_document(self.target_path, "manifest.json", manifest),
            artifacts.write_document(self.target_path, "catalog.json", catalog),
        )
        return Documents(files=tuple(str(file) for file in files), diagnostics=found)

    # -- upkeep ------------------------------------------------------------------------------

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
        settings = PackageSettings(
            root=self.root,
            folder=self.root / self._project_path("packages-install-path", "dbt_packages"),
            mirror=Path(mirror) if mirror else None,
            upgrade=upgrade,
        )
        entries = parse_packages(listed.file, listed.text)
        return install_packages(
            entries, settings, lambda event: progress(f"{event.kind} {event.name} {event.version}")
        )

    def clean(self, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove the project's clean-targets and orphan data files; return what was removed."""
        wanted = self._project_setting("clean-targets")
        names = wanted if isinstance(wanted, list) else ["target", "dbt_packages"]
        removed = clean_folders(self.root, [str(name) for name in names], dry_run=dry_run)
        if not dry_run and self.folder.is_dir():
            removed = (*removed, *(finding.what for finding in clear_up(self._context)))
        return removed

    # -- parts, each made when first needed -----------------------------------------------------

    @property
    def folder(self) -> Path:
        """Folder of the workspace's own files: records, lock, and the lake by default."""
        return self.root / ".headwater"

    @property
    def target_path(self) -> Path:
        """Folder of artifacts."""
        given = self.settings.text("target_path")
        return self.root / (given or self._project_path("target-path", "target"))

    @cached_property
    def _metastore(self) -> Metastore:
        ignored = self.folder / ".gitignore"
        if not ignored.exists():
            with suppress(OSError):  # a folder that cannot be written is the store's to report
                self.folder.mkdir(parents=True, exist_ok=True)
                ignored.write_text("*\n", encoding="utf-8")
        return open_metastore(self.folder / "workspace.db")

    @cached_property
    def _engine(self) -> Engine:
        target = self.target
        limit = self.settings.text("memory_limit") or target.memory_limit
        try:
            memory = parse_bytes(limit) if limit else None
        except ValueError as error:
            raise Invalid("setting-invalid", f"`memory_limit`: {error}") from error
        return open_engine(
            EngineSettings(
                kind=target.engine,
                threads=self.settings.whole("threads") or target.threads,
                memory_limit_bytes=memory,
                settings={key: str(value) for key, value in target.settings.items()},
                project_root=str(self.root),
                storage_options=self._storage_options,
            )
        )

    @cached_property
    def _storage_options(self) -> Mapping[str, str] | None:
        """Options of object stores; None when the profile names none."""
        target = self.target
        if "://" not in (target.lake or "") and not target.storage_options:
            return None
        return storage_options(target.storage_options, self._environment)

    @cached_property
    def _context(self) -> Context:
        lake = self.target.lake or str(self.folder / "lake")
        if "://" not in lake:
            lake = str(self.root / lake)
        return self._make_context(self._metastore, lake, self.folder)

    def _make_context(self, metastore: Metastore, lake: str, folder: Path) -> Context:
        target = self.target
        return Context(
            engine=self._engine,
            metastore=metastore,
            tables=Tables(lake, self._storage_options or _NO_TEXTS),
            folder=folder,
            catalog=target.catalog,
            schema=target.schema,
            clock=self._clock,
            threads=self.settings.whole("threads") or target.threads,
            project_root=str(self.root),
        )

    def _context_of(self, project: Project) -> Context:
        """Return the context with the project's sources that are no tables of the lake."""
        return replace(self._context, sources=file_sources(project))

    @contextmanager
    def _lookup_of(
        self, project: Project, context: Context | None = None
    ) -> Iterator[EngineLookup]:
        """Answer questions for one compilation; the next asks anew, for tables may have moved."""
        world = replace(context or self._context, sources=file_sources(project))
        lookup = EngineLookup(world, seed_files(project, self.root))
        try:
            yield lookup
        finally:
            lookup.close()

    def _compiled_now(self) -> tuple[Project, Graph]:
        """Return the project as the last plan saw it.

        Raises:
            Invalid: ``plan-missing``, when nothing was planned or checked before.
        """
        if self._compiled is None:
            raise Invalid("plan-missing", "a plan is made or checked before it is applied")
        return self._compiled

    def _facts(self) -> ArtifactFacts:
        prefix = "DBT_ENV_CUSTOM_ENV_"
        return ArtifactFacts(
            generated_at=self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            invocation_id=str(uuid4()),
            environment={
                name.removeprefix(prefix): value
                for name, value in self._environment.items()
                if name.startswith(prefix)
            },
        )

    def _write_artifacts(self, project: Project, graph: Graph, plan: Plan, run: Run) -> None:
        folder, facts = self.target_path, self._facts()
        artifacts.write_compiled(folder, graph.nodes.values())
        artifacts.write_run_sql(folder, graph, plan)
        artifacts.write_document(folder, "manifest.json", make_manifest(project, graph, facts))
        results = make_run_results(run, graph, facts)
        artifacts.write_document(folder, "run_results.json", results)

    def _prices(self) -> Prices | None:
        settings = self.settings
        cpu_hour = settings.number("prices.cpu_hour")
        if cpu_hour is None:
            return None
        return Prices(
            name=settings.text("prices.name") or "declared",
            cpu_hour=cpu_hour,
            source=settings.text("prices.source") or "",
            runs_per_month=settings.number("prices.runs_per_month"),
            budget_month=settings.number("prices.budget_month"),
        )

    def _select(
        self, graph: Graph, selection: Selection, resource_types: tuple[str, ...] = ()
    ) -> SelectedNodes:
        indirect: Indirect = selection.indirect  # type: ignore[assignment] # a choice of the cli
        if selection.selector is not None:
            named = parse_selectors(_read_yaml_or_empty(self.root / "selectors.yml"))
            if selection.selector not in named:
                raise NotFound(
                    "selector-not-found",
                    f"selectors.yml has no selector `{selection.selector}`",
                    fix=f"it has: {', '.join(sorted(named)) or 'none'}",
                )
            return select_expression(
                graph,
                named[selection.selector],
                indirect=indirect,
                resource_types=resource_types,
            )
        return select(
            graph,
            selection.include,
            selection.exclude,
            indirect=indirect,
            resource_types=resource_types,
        )

    def _not_compiled(self, diagnostics: tuple[Diagnostic, ...]) -> Plan:
        """Return the plan of a project with faults: no steps, only the findings."""
        errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
        return Plan(
            project=read_name(self.files.packages[0].project_file)[0],
            target=self.target.name,
            checksum="",
            compared_with="",
            created_at=self._clock.now().isoformat(timespec="milliseconds"),
            steps=(),
            diagnostics=diagnostics,
            totals=Totals(errors=errors, warnings=len(diagnostics) - errors),
        )

    def _find(self, name: str) -> TableName:
        found = find_name_or_none(self._context, tuple(name.replace('"', "").split(".")))
        if found is None:
            raise not_found(self._context, (name,))
        return found

    def _profile_request(self) -> ProfileRequest:
        name, profile = read_name(self.files.packages[0].project_file)
        text, file = read_profiles(
            self.root, self.settings.text("profiles_dir"), self._environment.get("HOME")
        )
        wanted = self.settings.text("profile")
        return ProfileRequest(
            project=name,
            profile=wanted or profile or None,
            is_explicit=bool(wanted or self.settings.text("target")),
            target=self.settings.text("target"),
            file=file,
            text=text,
            environment=self._environment,
            vars=self._variables,
            threads=self.settings.whole("threads"),
        )

    def _project_setting(self, key: str) -> Json:
        file = self.files.packages[0].project_file
        return None if file is None else _read_mapping(file.file, file.text).get(key)

    def _project_path(self, key: str, default: str) -> str:
        value = self._project_setting(key)
        return value if isinstance(value, str) else default


def _numbers_of(codes: tuple[str, ...]) -> frozenset[str]:
    """Return the numbers of codes given by number or name.

    Raises:
        NotFound: ``code-unknown``.
    """
    for code in codes:
        if find_code_or_none(code) is None:
            raise NotFound("code-unknown", f"no code is called `{code}`", fix="hw explain --list")
    return frozenset(find_code(code).number for code in codes)


def _try(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, ok=True, value=check())
    except HeadwaterError as error:
        return Finding(name=name, ok=False, value=error.what)


def _read_yaml_or_empty(path: Path) -> Mapping[str, Json]:
    return _read_mapping(path.name, path.read_text(encoding="utf-8")) if path.is_file() else {}


def _read_variables(text: str | None) -> Mapping[str, Json]:
    return _read_mapping("--vars", text) if text else {}


def _read_mapping(file: str, text: str) -> Mapping[str, Json]:
    """Read YAML that must be a mapping.

    Raises:
        Invalid: ``yaml-malformed`` or ``setting-invalid``.
    """
    loaded = read_yaml(file, text)
    if isinstance(loaded, Diagnostic):
        raise Invalid(loaded.name, loaded.what, why=loaded.why, fix=loaded.fix, where=loaded.where)
    if loaded.content is None:
        return {}
    if not isinstance(loaded.content, Mapping):
        raise Invalid("setting-invalid", f"`{file}` is not a mapping of names to values")
    return loaded.content
