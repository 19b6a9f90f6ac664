"""The composition root: settings in, the eight functions wired together.

The only place that knows both wings by name. Methods are a few calls each; logic lives below.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Literal

from headwater import __version__
from headwater.base.diagnostics import has_errors
from headwater.base.errors import Invalid, NotFound
from headwater.base.ids import NodeId
from headwater.base.relations import TableName, parse_table_name
from headwater.base.telemetry import Sink
from headwater.deps import Installed, PackageSettings, install_packages, parse_packages
from headwater.engines.engine import Result
from headwater.graph.choose import Selection
from headwater.graph.graph import Graph
from headwater.graph.keys import key_of
from headwater.graph.live import LiveRenderer
from headwater.graph.manifest import make_catalog, make_manifest
from headwater.graph.references import resolve_graph
from headwater.graph.substitutes import InputRequest
from headwater.plan.plan import Plan
from headwater.planner import Planner
from headwater.project.options import require_run
from headwater.project.package_list import package_values
from headwater.project.settings import read_name
from headwater.project.yaml_text import read_mapping
from headwater.runs import artifacts
from headwater.runs.answers import (
    Documents,
    Finding,
    Operation,
    Planned,
    PlanRequest,
    try_checks,
)
from headwater.runs.append import Appender, AppendOptions, appending
from headwater.runs.cancel import CancelToken
from headwater.runs.context import Context
from headwater.runs.describe import (
    TableDescription,
    TableHistory,
    describe_name,
    list_tables,
    table_history,
)
from headwater.runs.differences import (
    Difference,
    DiffOptions,
    Side,
    compare_sides,
    find_side,
    name_of,
)
from headwater.runs.documents import write_document
from headwater.runs.emitter import Emitting, emitting, place_of, told_to
from headwater.runs.execute import execute, execute_in
from headwater.runs.freshness import SourceAges, make_sources_document, measure_ages
from headwater.runs.ingest import Asking, FileEnd, Ingested, IngestOptions, ingest_sources
from headwater.runs.invocation import (
    tell_operation,
)
from headwater.runs.journal import Journal, open_journal
from headwater.runs.lineage_settings import read_lineage_settings
from headwater.runs.load import load_rows
from headwater.runs.openlineage import Told
from headwater.runs.operation import macro_call, operation_id, run_operation, statement_of
from headwater.runs.query import find_table, run_sql, table_of
from headwater.runs.recover import clean_folders, unfinished_runs
from headwater.runs.run import Run
from headwater.runs.sources import file_sources
from headwater.runs.upkeep import Keeper
from headwater.runs.usage import Published, publish_if_due, publish_usage


class Workspace(Planner):
    """A project, its lake and its records. Use as a context manager, or call ``close``."""

    # -- building ----------------------------------------------------------------------------

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
        with self._emitting(plan, planned.graph, context) as (emit, findings):
            both = told_to(sink, emit)
            if journal is None:
                run = execute(plan, context, graph=planned.graph, sink=both, cancel=cancel)
            else:
                journal = replace(journal, context=context)
                run = execute_in(journal, plan, planned.graph, sink=both, cancel=cancel)
        run = replace(run, findings=(*run.findings, *findings))
        done = replace(planned, plan=plan)
        artifacts.write_all(self.target_path, done, run, self._facts())
        publish_if_due(context)
        return run

    def _emitting(self, plan: Plan, graph: Graph, context: Context) -> Emitting:
        """Send the events of a run to OpenLineage, where that is configured."""
        settings = read_lineage_settings(self._environment, self.root)
        engine = self._world.engine
        return emitting(
            settings,
            lambda: Told(
                plan=plan,
                graph=graph,
                namespace=settings.namespace,
                command=str(plan.invocation.get("command") or "build"),
                engine=(engine.name, engine.version),
                place=partial(place_of, context),
                version=__version__,
            ),
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
        graph = None
        if compiles:
            graph = self.compile_project(read, instead=instead, traces_tests=False)
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

    def publish_usage(self) -> Published:
        """Write the ledger's new rows into the lake's table of usage.

        Raises:
            HeadwaterError: As an appender does.
        """
        return publish_usage(self._context)

    # -- upkeep ------------------------------------------------------------------------------

    @property
    def upkeep(self) -> Keeper:
        """What keeps tables in order: compaction, vacuum, checkpoints, restoring."""
        return Keeper(self._context)

    def side(self, text: str, note: str = "") -> Side:
        """Find a table to compare, at a version or as it is; see ``find_side``."""
        return find_side(self._context, text, note)

    def key_of(self, text: str) -> tuple[str, ...]:
        """Return the columns that tell a table's rows apart, as the project says; none unless so.

        Raises:
            NotFound: ``relation-not-found``.
        """
        name = name_of(self._context, text)
        read = self.read("diff")
        if read.project is None or has_errors(read.diagnostics):
            return ()
        return key_of(resolve_graph(read.project).graph, name)

    def diff(self, left: Side, right: Side, options: DiffOptions) -> Difference:
        """Compare two tables, of this workspace or another; see ``compare_sides``."""
        return compare_sides(self._context, left, right, options)

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

    def _records(self) -> str:
        return f"{len(self._context.metastore.list_runs())} runs in {self._world.folder}"

    def _project_name(self) -> str:
        name, _profile = read_name(self.files.packages[0].project_file)
        return f"{name} in {self._context.project_root}"
