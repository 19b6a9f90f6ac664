"""What a command works with - engine, records, lake - each opened when it is first needed.

Looking at a project needs neither lake nor engine, so nothing is opened by asking for this value.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from headwater.base.clock import Clock
from headwater.base.durability import Durability, durability_or_none
from headwater.base.errors import Invalid
from headwater.base.settings import Settings
from headwater.base.units import parse_bytes
from headwater.catalog.metastore import Metastore, open_metastore
from headwater.engines.engine import Engine, EngineSettings
from headwater.engines.registry import open_engine
from headwater.lake.disk import disk_of
from headwater.lake.stores import storage_options
from headwater.project.options import Target
from headwater.project.project import Project
from headwater.runs.context import Context, Tables
from headwater.runs.effective import workspace_folder
from headwater.runs.lookup import EngineLookup
from headwater.runs.sources import file_sources, seed_files
from headwater.sql.meaning import Meanings

_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})

_NOT_RUN = "headwater"
"""Catalog of sessions that describe seed files of a project that is not run."""


class World:
    """One target's engine, metastore and lake.

    Attributes:
        root: Folder of the project.
        target: Where the project is built.
    """

    def __init__(
        self,
        root: Path,
        target: Target,
        settings: Settings,
        environment: Mapping[str, str],
        clock: Clock,
    ) -> None:
        """Refer to the parts; none is opened."""
        self.root = root
        self.target = target
        self._settings = settings
        self._environment = environment
        self._clock = clock

    def close(self) -> None:
        """Give everything back; safe to call twice."""
        for name in ("engine", "metastore"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()
        self.__dict__.pop("context", None)

    @property
    def folder(self) -> Path:
        """Folder of the workspace's own files: records, lock, and the lake by default."""
        return workspace_folder(self._settings, self.root)

    @property
    def lake(self) -> str:
        """Absolute folder or URL of the tables."""
        lake = self.target.lake or str(self.folder / "lake")
        return lake if "://" in lake else str(self.root / lake)

    @property
    def threads(self) -> int:
        """How many nodes run at once."""
        return self._settings.whole("threads") or self.target.threads

    @property
    def durability(self) -> Durability:
        """What a committed version outlives.

        Raises:
            Invalid: ``setting-invalid``.
        """
        text = self._settings.text("durability") or self.target.durability or "power"
        found = durability_or_none(text)
        if found is None:
            raise Invalid(
                "setting-invalid",
                f"`durability` is `{text}`",
                why="a version outlives a power loss (`power`) or any process (`process`)",
                fix="write `power` or `process`",
            )
        return found

    @cached_property
    def metastore(self) -> Metastore:
        """The records of this workspace.

        Raises:
            HeadwaterError: They cannot be opened.
        """
        ignored = self.folder / ".gitignore"
        if not ignored.exists():
            with suppress(OSError):  # a folder that cannot be written is the store's to report
                self.folder.mkdir(parents=True, exist_ok=True)
                ignored.write_text("*\n", encoding="utf-8")
        return open_metastore(self.folder / "workspace.db")

    @cached_property
    def engine(self) -> Engine:
        """What runs the SQL.

        Raises:
            Invalid: ``setting-invalid``, or the engine's own findings about its settings.
        """
        limit = self._settings.text("memory_limit") or self.target.memory_limit
        try:
            memory = parse_bytes(limit) if limit else None
        except ValueError as error:
            raise Invalid(
                "setting-invalid", f"`memory_limit`: {error}", fix="write it as `4GB` or `512MB`"
            ) from error
        return open_engine(
            EngineSettings(
                kind=self.target.engine,
                threads=self.threads,
                memory_limit_bytes=memory,
                settings={key: str(value) for key, value in self.target.settings.items()},
                project_root=str(self.root),
                storage_options=self._storage_options,
            )
        )

    @cached_property
    def context(self) -> Context:
        """All of it as the value that runs are given."""
        return self._make_context(self.metastore, self.lake, self.folder)

    def context_of(self, project: Project) -> Context:
        """Return the context with the project's sources that are no tables of the lake."""
        return replace(self.context, sources=file_sources(project))

    @contextmanager
    def elsewhere(self, folder: Path) -> Iterator[Context]:
        """Give the context of an empty workspace in another folder."""
        metastore = open_metastore(folder / "workspace.db")
        try:
            yield self._make_context(metastore, str(folder / "lake"), folder)
        finally:
            metastore.close()

    @contextmanager
    def lookup_of(
        self,
        project: Project,
        context: Context | None = None,
        *,
        meanings: Meanings | None = None,
        root: Path | None = None,
    ) -> Iterator[EngineLookup]:
        """Answer questions for one compilation; the next asks anew, for tables may have moved.

        Args:
            project: What is compiled.
            context: Where tables are looked for; the workspace's own by default.
            meanings: Knows queries that were asked about before.
            root: Folder of the project's seed files, when it is not the workspace's.
        """
        known = replace(context or self.context, sources=file_sources(project))
        lookup = EngineLookup(
            known, seed_files(project, root or self.root), meanings, self.target.settings
        )
        try:
            yield lookup
        finally:
            lookup.close()

    @cached_property
    def _storage_options(self) -> Mapping[str, str] | None:
        """Options of object stores; None when the profile names none."""
        if "://" not in (self.target.lake or "") and not self.target.storage_options:
            return None
        return storage_options(self.target.storage_options, self._environment)

    def _make_context(self, metastore: Metastore, lake: str, folder: Path) -> Context:
        return Context(
            engine=self.engine,
            metastore=metastore,
            tables=Tables(lake, self._storage_options or _NO_OPTIONS, disk_of(self.durability)),
            folder=folder,
            # What only compiles for another warehouse may use names that the engine keeps.
            catalog=self.target.catalog if self.target.is_run else _NOT_RUN,
            schema=self.target.schema,
            clock=self._clock,
            threads=self.threads,
            project_root=str(self.root),
        )
