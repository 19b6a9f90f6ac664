"""The Graph: every node compiled, with its columns, its inputs and its place in the order.

A pure value. ``graph.compile`` makes it; plan, runs and artifacts read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from headwater.base.errors import HeadwaterError
from headwater.base.functions import Function
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.graph.snapshots import SnapshotRule
from headwater.project.node import Node
from headwater.sql.lineage import QueryLineage


@dataclass(frozen=True, slots=True, kw_only=True)
class HookWrites:
    """What the hooks of one moment write, as far as their compiled text tells.

    Attributes:
        tables: Names of tables and views, as written.
        is_live: Macros send statements of their own while the hooks are rendered, so they are
            rendered again when they run.
        is_known: False when more may be written than ``tables`` says.
    """

    tables: tuple[str, ...] = ()
    is_live: bool = False
    is_known: bool = True

    @property
    def writes(self) -> bool:
        """True when something is or may be written."""
        return bool(self.tables) or self.is_live or not self.is_known


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledNode:
    """A node with its references resolved and its SQL compiled.

    Attributes:
        node: The node as read.
        own_code: ``code`` without the ephemeral models that it reads; empty when it reads none.
        code: Compiled SQL of a full build (``is_incremental()`` false); for a test, the query
            that returns failing rows; empty for seeds, sources and exposures.
        incremental_code: Compiled SQL with ``is_incremental()`` true; None when the node is not
            incremental.
        depends_on: Nodes it reads directly, sorted; ephemeral models are kept as nodes here.
        reads: Relations in the final SQL, ephemeral models inlined, sorted. For an incremental
            node without its own table (``this``); empty for a test that was not traced.
        columns: Output columns with types; None when they could not be found out.
        lineage: Trace of ``code``; None when it could not be traced.
        fingerprint: Hash of meaning: the SQL without layout and comments plus the config that
            changes what is stored (materialization, keys, strategy, hooks, column types ...).
        reads_clock: How often the result changes by itself: ``""`` never, ``day`` for
            current_date, ``always`` for now(), random() and the like.
        pre_hooks: Rendered SQL to run before, in order.
        post_hooks: Rendered SQL to run after, in order.
        pre_writes: What ``pre_hooks`` write; of an operation, what itself writes.
        post_writes: What ``post_hooks`` write.
        materialization: unique_id of the macro that builds it while its step runs, or runs the
            test; empty when Headwater does. A test that only a run can render has no ``code``.
        own_lineage: Trace of the code before ephemeral models were inlined, which it reads as
            ``__dbt__cte__<name>`` without catalog and schema; None when it reads none.
        dialect: The SQL dialect of the code: the engine's, or that of a warehouse that is only
            compiled for.
        function: Of a function: what it is made of; None for others, and where it has faults.
        snapshot_rule: Of a snapshot with a strategy of the project's own: what its macro said.
    """

    node: Node
    code: str = ""
    own_code: str = ""
    incremental_code: str | None = None
    depends_on: tuple[NodeId, ...] = ()
    reads: tuple[TableName, ...] = ()
    columns: tuple[Column, ...] | None = None
    lineage: QueryLineage | None = None
    fingerprint: str = ""
    reads_clock: Literal["", "day", "always"] = ""
    pre_hooks: tuple[str, ...] = ()
    post_hooks: tuple[str, ...] = ()
    pre_writes: HookWrites = field(default_factory=HookWrites)
    post_writes: HookWrites = field(default_factory=HookWrites)
    materialization: str = ""
    own_lineage: QueryLineage | None = None
    dialect: str = "duckdb"
    function: Function | None = None
    snapshot_rule: SnapshotRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroOverride:
    """A macro of a package that stands in for another one.

    Attributes:
        macro: Its name in the package.
        replaces: What it stands in for, such as ``dbt.generate_schema_name`` or ``ref``.
        reach: ``package``: in the package's own nodes; ``project``: everywhere, because the
            project's ``dispatch`` lists the package.
        where: File, relative to the root project, and line.
    """

    macro: str
    replaces: str
    reach: Literal["package", "project"]
    where: tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageUse:
    """An installed package, and what of it reaches beyond its own nodes.

    Attributes:
        name: Its name.
        version: Version as its dbt_project.yml says.
        folder: Folder relative to the root project.
        checksum: Hash of its files.
        overrides: Its macros that stand in for others.
        materializations: Its materializations, as ``materialization_<name>_<adapter>``.
    """

    name: str
    version: str
    folder: str
    checksum: str
    overrides: tuple[MacroOverride, ...] = ()
    materializations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A compiled project.

    Attributes:
        project: Name of the root project.
        target: Name of the profile target that it was compiled for.
        nodes: Every enabled node by unique_id, in topological order (inputs first).
        gates: Tests by the node whose commit they gate: a test gates the node it is attached to,
            or the last of its inputs when it is attached to none; a test appears once.
        checksum: Hash of every file and setting that the graph was compiled from.
        waits: Nodes that a node must wait for although it does not read them: what else the
            tests that gate it read, and the seed or model that builds a source's table.
        on_run_start: Operations to run before everything, in order.
        on_run_end: Operations to run after everything, in order.
        packages: Installed packages, by folder.
        keys_elsewhere: Relations to which foreign keys lead in place of those of nodes.
    """

    project: str
    target: str
    nodes: Mapping[NodeId, CompiledNode]
    gates: Mapping[NodeId, tuple[NodeId, ...]]
    checksum: str
    waits: Mapping[NodeId, tuple[NodeId, ...]] = field(default_factory=lambda: MappingProxyType({}))
    on_run_start: tuple[NodeId, ...] = ()
    on_run_end: tuple[NodeId, ...] = ()
    packages: tuple[PackageUse, ...] = ()
    keys_elsewhere: Mapping[NodeId, TableName] = field(default_factory=lambda: MappingProxyType({}))


class LookupTable(Protocol):
    """The answer to a query that a macro asked while compiling."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Result columns."""
        ...

    @property
    def rows(self) -> tuple[tuple[object, ...], ...]:
        """Result rows, in order."""
        ...


class Lookup(Protocol):
    """What compiling may ask about the world; implemented by the workspace.

    Every answer ends up in the graph, as compiled SQL and columns, so that planning on the same
    graph and state needs no lake.
    """

    def columns_or_none(self, relation: TableName) -> tuple[Column, ...] | None:
        """Return the columns of an existing table or view, or None when there is none."""
        ...

    def relation_kind_or_none(self, relation: TableName) -> Literal["table", "view"] | None:
        """Say what a name is in the lake today, or None."""
        ...

    def describe_or_none(
        self, sql: str, inputs: Mapping[TableName, tuple[Column, ...]]
    ) -> tuple[Column, ...] | None:
        """Return the result columns of a query over inputs with the given columns, without data.

        None when the engine refuses the query; compiling then falls back to inference.
        """
        ...

    def refusal_or_none(self, sql: str) -> HeadwaterError | None:
        """Return why ``describe_or_none`` could not describe a query, if the query is to blame."""
        ...

    def run_query(self, sql: str) -> LookupTable:
        """Run a query that a macro asked for (``run_query``, ``statement``).

        Raises:
            UserCodeError: The engine refused the query.
        """
        ...


def called_functions(compiled: CompiledNode) -> tuple[NodeId, ...]:
    """Return the functions of the project that a node calls."""
    return tuple(key for key in compiled.depends_on if key.startswith("function."))
