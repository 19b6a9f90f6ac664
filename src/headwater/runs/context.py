"""What a run is given: engine, metastore, lake and clock, as one value that the workspace makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from headwater.base.clock import Clock, SystemClock
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.catalog.metastore import Metastore
from headwater.engines.engine import Engine, Source
from headwater.graph.live import LiveRenderer
from headwater.lake.disk import Disk
from headwater.lake.storage import Storage, open_storage
from headwater.lake.table import Table, table_root

Observer = Callable[[str, NodeId], None]
"""Told when a node passes a point: ``attempt-started``, ``files-written``, ``tests-passed``,
``committed``, ``hook-committed``, ``recorded``. Tests stop or kill the process there; the product
passes none."""


def observe_nothing(_point: str, _node: NodeId) -> None:
    """Let every point pass."""


class Tables:
    """The lake's tables by name, opened once each, so that looking again is cheap."""

    def __init__(
        self,
        root: str,
        options: Mapping[str, str] = MappingProxyType({}),
        disk: Disk | None = None,
    ) -> None:
        """Refer to the lake at ``root``; nothing is read.

        Args:
            root: Absolute folder or object-store URL.
            options: Object-store options.
            disk: How a folder's files are changed; durably when None.
        """
        self.root = root.rstrip("/")
        self._options = options
        self._disk = disk
        self._storage: Storage = open_storage(self.root, options, disk)
        self._lock = Lock()
        self._open: dict[str, Table] = {}

    def table(self, name: TableName) -> Table:
        """Return the table of that name, which may not exist yet.

        Raises:
            Invalid: ``table-path-invalid``.
        """
        return self._table(table_root(self.root, name), self._storage)

    def at(self, location: str) -> Table:
        """Return the table at an absolute folder or URL, inside the lake or not."""
        if location.startswith(self.root + "/"):
            return self._table(location, self._storage)
        return self._table(location, open_storage(location, self._options, self._disk))

    def _table(self, root: str, storage: Storage) -> Table:
        with self._lock:
            found = self._open.get(root)
            if found is None:
                found = self._open[root] = Table(root, storage)
            return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The world of a run.

    Attributes:
        engine: Runs the SQL.
        metastore: Knows names and keeps records.
        tables: The lake.
        folder: The workspace's folder, for the lock: ``<project>/.headwater``.
        catalog: Catalog of bare names.
        schema: Schema of bare names.
        clock: Where times come from.
        threads: How many nodes run at once.
        project_root: Absolute folder of the project, base of relative paths.
        sources: Relations that are no tables of the lake: files, tables by path.
        observer: Told of the points that a node passes.
        live: Renders hooks whose macros send statements while the run goes on; None when there
            is no project, and then hooks run as planned.
    """

    engine: Engine
    metastore: Metastore
    tables: Tables
    folder: Path
    catalog: str
    schema: str
    clock: Clock = field(default_factory=SystemClock)
    threads: int = 4
    project_root: str = "."
    sources: Mapping[TableName, Source] = field(default_factory=lambda: MappingProxyType({}))
    observer: Observer = observe_nothing
    live: LiveRenderer | None = None

    def now(self) -> str:
        """Return the time as ISO 8601 UTC text."""
        return self.clock.now().isoformat(timespec="milliseconds")
