"""A project's folder, opened for reading: what can be answered without engine, lake or records.

Apart from the workspace, which adds these, so that ``hw parse`` and ``hw ls`` import neither the
SQL parser nor a driver: importing them would take longer than the answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from headwater.base.artifacts import ArtifactFacts, artifact_facts
from headwater.base.cache import Cache
from headwater.base.clock import Clock, SystemClock
from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, error_of, has_errors
from headwater.base.errors import Invalid
from headwater.base.ids import NodeId, new_run_id
from headwater.base.settings import Settings, resolve_settings
from headwater.base.warning_rules import WarningRules, read_warning_rules
from headwater.graph.choose import Selection, choose, with_default
from headwater.graph.compared import Compared
from headwater.graph.graph import Graph
from headwater.graph.manifest import make_manifest
from headwater.graph.past import no_past
from headwater.graph.previous import Previous, read_previous
from headwater.graph.references import resolve_graph
from headwater.graph.select import Selected
from headwater.jinja.budget import limits_of
from headwater.jinja.bytecode import compiler_tag
from headwater.project.files import (
    PROJECT_FILE,
    ProjectFiles,
    read_files,
    read_profiles,
    read_text_or_none,
)
from headwater.project.folders import Evaluate, with_folders
from headwater.project.named_selectors import SELECTORS_FILE, read_named_selectors
from headwater.project.observed import Observer
from headwater.project.options import ReadOptions, Target
from headwater.project.outlines import outlines_of
from headwater.project.package_list import package_values
from headwater.project.profiles import ProfileRequest, read_target
from headwater.project.project import Project, ProjectResult
from headwater.project.read import read_project
from headwater.project.settings import read_name
from headwater.project.yaml_text import read_mapping
from headwater.runs.caches import open_cache
from headwater.runs.checked import Checked
from headwater.runs.documents import write_document
from headwater.runs.effective import (
    Configuration,
    ConfigurationFacts,
    effective_configuration,
    named_folder,
    workspace_folder,
)
from headwater.runs.listing import Listed, list_rows
from headwater.runs.past import Left

SETTINGS_FILE = "headwater.yml"
"""The project's settings of ours."""

_NO_FLAGS: Mapping[str, str | float | bool | None] = MappingProxyType({})
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


class Reader:
    """A project's files and settings. Use as a context manager, or call ``close``."""

    def __init__(
        self,
        files: ProjectFiles,
        settings: Settings,
        environment: Mapping[str, str],
        *,
        variables: Mapping[str, Json],
        clock: Clock,
        observer: Observer,
    ) -> None:
        """See ``open``, which reads what this is given."""
        self.files = files
        self.settings = settings
        self.root = Path(files.root)
        self.observer = observer
        self._environment = environment
        self._noted = observer.environment(environment)
        self._variables = variables
        self._clock = clock
        self._compares = False

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
            NotFound: ``folder-not-found``, when there is no such folder.
            Invalid: ``setting-invalid``, ``vars-malformed``.
        """
        given = dict(flags)
        if project_dir is not None:
            given["project_dir"] = str(project_dir)
        observer = Observer()
        noted = observer.environment(environment)
        early = resolve_settings(given, noted, {})
        root = named_folder(early, "project_dir") or Path.cwd()
        file = _read_yaml_or_empty(root / SETTINGS_FILE, observer)
        settings = resolve_settings(given, noted, file)
        values = read_mapping("--vars", variables)
        return cls(
            read_files(root, observer, _evaluating(noted, values)),
            settings,
            environment,
            variables=values,
            clock=clock or SystemClock(),
            observer=observer,
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
        templates = self.__dict__.pop("_templates", None)
        if templates is not None:
            templates.save()

    # -- answering ---------------------------------------------------------------------------

    @cached_property
    def target(self) -> Target:
        """Where the project is built.

        Raises:
            Invalid: The profile has a fault; the error carries its first finding.
        """
        found = read_target(self._profile_request())
        if found.target is None:
            raise error_of(found.diagnostics[0])
        return found.target

    def read(self, command: str = "build", *, full_refresh: bool = False) -> ProjectResult:
        """Read the project: function 1."""
        return self.read_as(self.read_options(command, full_refresh=full_refresh))

    def read_as(self, options: ReadOptions, *, files: ProjectFiles | None = None) -> ProjectResult:
        """Read the project, or another version of its files, in a way that was settled before."""
        read = read_project(files or self.files, options)
        return replace(read, diagnostics=self._weighed(read.diagnostics))

    def files_of(self, folder: Path) -> ProjectFiles:
        """Read the files of another version of the project, its folders named as in this one."""
        return read_files(folder, evaluate=_evaluating(self._noted, self._variables))

    def read_options(self, command: str, *, full_refresh: bool = False) -> ReadOptions:
        """Settle how the project is read: the time and the id of the invocation among it."""
        now = self._clock.now()
        return ReadOptions(
            target=self.target,
            vars=self._variables,
            environment=self._noted,
            started_at=now,
            invocation_id=str(new_run_id(self._clock)),
            flags={"WHICH": command, "FULL_REFRESH": full_refresh},
            codes=self._templates,
            on_clock=self.observer.passing,
            limits=limits_of(self.settings),
        )

    def parse(self) -> Checked:
        """Read the project, resolve its references and write manifest.json."""
        read = self.read("parse")
        if read.project is None or has_errors(read.diagnostics):
            return Checked(nodes=0, diagnostics=read.diagnostics, root=self.root)
        graph = resolve_graph(read.project)
        found = (*read.diagnostics, *self._weighed(graph.diagnostics))
        document = make_manifest(read.project, graph.graph, self._facts(), is_packed=True)
        path = write_document(self.target_path, "manifest.json", document)
        nodes = len(read.project.nodes)
        outlines = self._outlines(read.project)
        return Checked(
            nodes=nodes, diagnostics=found, manifest=path, root=self.root, outlines=outlines
        )

    def ls(self, selection: Selection) -> Listed:
        """List the selected nodes as dbt does."""
        read = self.read("list")
        if read.project is None or has_errors(read.diagnostics):
            return Listed(rows=(), diagnostics=read.diagnostics)
        graph = resolve_graph(read.project)
        chosen = self._choose(read.project, graph.graph, selection)
        document = make_manifest(read.project, graph.graph, self._facts())
        rows = list_rows(document, graph.graph, chosen.nodes)
        found = (*self._weighed(graph.diagnostics), *chosen.diagnostics)
        # What was selected by comparing texts is another selection after any edit.
        outlines = {} if self._compares else self._outlines(read.project)
        return Listed(rows=rows, diagnostics=found, outlines=outlines)

    def config(self) -> Configuration:
        """Say what is in force, setting by setting, and where each value came from."""
        _name, profile = read_name(self.files.packages[0].project_file)
        request = self._profile_request()
        facts = ConfigurationFacts(
            root=self.root,
            workspace=workspace_folder(self.settings, self.root),
            target_path=self.target_path,
            profiles_file=request.file if request.text is not None else None,
            named_profile=profile or None,
            has_target_path=self._project_setting("target-path") is not None,
        )
        return effective_configuration(self.settings, read_target(request), facts)

    @property
    def keeps_answers(self) -> bool:
        """Whether answers lie where they are looked for before any file of the project is read."""
        folder = self._environment.get("HEADWATER_CACHE_DIR")
        return self.settings.text("cache_dir") == folder

    # -- parts, each made when first needed -----------------------------------------------------

    @property
    def target_path(self) -> Path:
        """Folder of artifacts."""
        given = self.settings.text("target_path")
        return self.root / (given or self._written_target)

    @cached_property
    def _written_target(self) -> str:
        """The folder as dbt_project.yml says, its Jinja rendered once: it may tell the time."""
        written = self._project_path("target-path", "target")
        if "{" not in written:
            return written
        return str(package_values(PROJECT_FILE, self._noted, self._variables)(written))

    @cached_property
    def _templates(self) -> Cache:
        return self._open_cache("templates", compiler_tag())

    def _open_cache(self, kind: str, tag: str) -> Cache:
        folder = self.settings.text("cache_dir")
        return open_cache(folder, self._environment, self.root, kind=kind, tag=tag)

    def _outlines(self, project: Project) -> Mapping[str, tuple[NodeId, bytes]]:
        return outlines_of(project) if self.keeps_answers else {}

    def _facts(self) -> ArtifactFacts:
        return artifact_facts(self._environment, self._clock.now())

    def _choose(self, project: Project, graph: Graph, selection: Selection) -> Selected:
        named = self._named_selectors(project)
        selection = with_default(selection, named)
        state = Path(selection.state) if selection.state else None
        compared = Compared(
            project,
            graph,
            partial(self._previous, state),
            by_unrendered=project.compares_written,
        )
        past = Left(state=state, own=self.target_path, compared=compared, observer=self.observer)
        chosen = choose(graph, selection, named, past)
        found = (*chosen.diagnostics, *compared.diagnostics)
        return replace(chosen, diagnostics=self._weighed(found))

    def _named_selectors(self, project: Project) -> Mapping[str, Json]:
        path = self.root / SELECTORS_FILE
        return read_named_selectors(read_text_or_none(path, self.observer, SELECTORS_FILE), project)

    def _narrows(self, project: Project, selection: Selection) -> bool:
        """Say whether a selection leaves something out, also by the default of selectors.yml."""
        named = self._named_selectors(project)
        return not with_default(selection, named).is_everything

    def _previous(self, folder: Path | None) -> Previous:
        """Read the manifest of an earlier command; its folder is relative to the project's.

        Raises:
            NotFound: ``state-missing``.
            Invalid: ``state-unreadable``, ``selector-no-past``.
        """
        self._compares = True
        if folder is None:
            raise no_past("an earlier manifest", "name the folder that has it: --state DIR")
        path = self.root / folder / "manifest.json"
        return read_previous(read_text_or_none(path, self.observer), str(path))

    def _has_flag(self, name: str) -> bool:
        """Say whether dbt_project.yml turns a flag of dbt's on."""
        flags = self._project_setting("flags")
        return isinstance(flags, dict) and flags.get(name) is True

    def _weighed(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return findings under the rules for warnings."""
        return self._warning_rules.weigh(diagnostics)

    @cached_property
    def _warning_rules(self) -> WarningRules:
        """The rules of the command, else those of the project's flags.

        Raises:
            Invalid: ``warn-error-options-invalid``, ``vars-malformed``.
        """
        given = self.settings.text("warn_error_options")
        is_error = self.settings.values["warn_error"].value
        written = self._project_setting("flags")
        flags = written if isinstance(written, dict) else {}
        options: Json = flags.get("warn_error_options")
        if given is not None:
            options = dict(read_mapping("--warn-error-options", given))
        elif is_error is not None:
            options = {"error": "all"} if is_error else {}
        elif flags.get("warn_error"):
            options = {"error": "all"}
        if given is not None and is_error:
            raise Invalid(
                "warn-error-options-invalid",
                "both --warn-error and --warn-error-options are given",
                why="the first means all warnings, the second says which",
                fix="keep one of them",
            )
        place = "--warn-error-options" if given else "`warn_error_options` of dbt_project.yml"
        return read_warning_rules(options if isinstance(options, dict) else {}, place)

    def _profile_request(self) -> ProfileRequest:
        name, profile = read_name(self.files.packages[0].project_file)
        given = named_folder(self.settings, "profiles_dir")
        home = self._noted.get("HOME")
        folder = str(given) if given else None
        text, file = read_profiles(self.root, folder, home, self.observer)
        wanted = self.settings.text("profile")
        return ProfileRequest(
            project=name,
            profile=wanted or profile or None,
            is_explicit=bool(wanted or self.settings.text("target")),
            target=self.settings.text("target"),
            file=file,
            text=text,
            environment=self._noted,
            vars=self._variables,
            on_clock=self.observer.passing,
            threads=self.settings.whole("threads"),
            on=self.settings.text("on"),
        )

    def _project_setting(self, key: str) -> Json:
        file = self.files.packages[0].project_file
        if file is None:
            return None
        written = {key: read_mapping(file.file, file.text).get(key)}
        return with_folders(written, _evaluating(self._noted, self._variables))[key]

    def _source_folders(self) -> tuple[str, ...]:
        """Folders with files that people write: those of dbt_project.yml, or the defaults."""
        folders: list[str] = []
        for kind in ("model", "seed", "snapshot", "macro", "test", "analysis", "function", "docs"):
            plain = "analyses" if kind == "analysis" else f"{kind}s".replace("docss", "docs")
            written = self._project_setting(f"{kind}-paths")
            folders += [str(each) for each in written] if isinstance(written, list) else [plain]
        return tuple(folders)

    def _project_path(self, key: str, default: str) -> str:
        value = self._project_setting(key)
        return value if isinstance(value, str) else default


def _evaluating(environment: Mapping[str, str], variables: Mapping[str, Json]) -> Evaluate:
    """Return what renders a value of dbt_project.yml; most have none that needs it."""

    def evaluate(value: str) -> Json:
        return package_values("dbt_project.yml", environment, variables)(value)

    return evaluate


def _read_yaml_or_empty(path: Path, observer: Observer) -> Mapping[str, Json]:
    return read_mapping(path.name, read_text_or_none(path, observer, path.name))
