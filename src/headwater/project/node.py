"""Nodes: everything a project declares, as frozen values in dbt's vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import ClassVar, Literal

from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.spans import Span

ResourceType = Literal[
    "model",
    "seed",
    "snapshot",
    "source",
    "test",
    "unit_test",
    "analysis",
    "operation",
    "exposure",
    "metric",
    "semantic_model",
    "saved_query",
    "function",
]


def _empty() -> Mapping[str, Json]:
    return MappingProxyType({})  # as a factory: Python 3.11 calls it a mutable default


def is_older_version(one: Json, other: Json) -> bool:
    """Say whether a version comes before another: as numbers if both are, else as text."""
    try:
        return float(str(one)) < float(str(other))
    except ValueError:
        return str(one) < str(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A call of ``ref()``: ``ref('name')``, ``ref('package', 'name')``, ``ref('name', v=2)``."""

    name: str
    package: str | None = None
    version: str | int | float | None = None
    where: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """A call of ``source('source_name', 'table_name')``."""

    source_name: str
    name: str
    where: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo:
    """A column as documented in a properties file; constraints are as written.

    ``extra`` is what else is written of it: dbt keeps keys that it does not know.
    """

    name: str
    description: str = ""
    data_type: str | None = None
    quote: bool | None = None
    meta: Mapping[str, Json] = field(default_factory=_empty)
    tags: tuple[str, ...] = ()
    constraints: tuple[Mapping[str, Json], ...] = ()
    granularity: str | None = None
    doc_blocks: tuple[str, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestInfo:
    """What makes a node a generic test.

    Attributes:
        name: The test macro without its ``test_`` prefix: ``unique``.
        namespace: Package of the macro when written ``package.test``.
        arguments: Keyword arguments as written, Jinja unrendered; ``model`` is the ref expression.
        column: The column it is attached to, if any.
        attached_node: The node whose properties declare it.
    """

    name: str
    namespace: str | None
    arguments: Mapping[str, Json]
    column: str | None
    attached_node: NodeId | None

    __test__: ClassVar[bool] = False  # pytest takes a class called Test... for tests


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What makes a node a source table.

    Attributes:
        source_name: Name of the source that the table belongs to.
        identifier: Physical table name.
        external_location: File path, glob or ``delta.`path``` to read instead of a lake table
            (dbt-duckdb's ``external_location``), with ``{name}`` and ``{identifier}`` filled in;
            None when it is a table of the lake.
        loaded_at_field: Column used for freshness.
    """

    source_name: str
    identifier: str
    external_location: str | None = None
    loaded_at_field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """Another form of a function: a file that its properties give to it.

    Attributes:
        name: Name of the file, without its ending.
        raw_code: Its text before rendering.
        path: Path relative to the package's root.
    """

    name: str
    raw_code: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing that the project declares.

    Attributes:
        unique_id: dbt's unique_id.
        resource_type: What it is.
        package: Name of the package that declares it.
        name: Its name in refs and selectors.
        path: Path relative to the resource folder (``staging/stg_orders.sql``).
        original_path: Path relative to the package's root, forward slashes.
        fqn: Package, folders and name; the path that selectors and config trees match.
        raw_code: Text before rendering; empty for seeds and for nodes from properties files.
        config: Effective config: project tree, properties file and in-file, by dbt's precedence;
            keys without ``+``, hyphens as underscores. ``enabled``, ``materialized``, ``tags``,
            ``meta``, ``schema``, ``alias``, ``database``, ``unique_key``, ``severity`` ...
        relation: Where it is built, after the generate_*_name macros; for a source, what it
            reads; None for nodes without a table (ephemeral models, tests, exposures).
        refs: Calls of ref, in order.
        sources: Calls of source, in order.
        macros: unique_ids of the macros that its own text calls, sorted.
        columns: Documented columns, by name, in file order.
        description: Rendered description.
        tags: Effective tags, each once; of nodes with SQL in the order in which dbt finds them.
        meta: Effective meta.
        patch_path: Properties file that describes it; empty when none.
        checksum: SHA-256 of the raw file.
        test: For generic tests.
        source: For sources.
        declared: The properties-file entry as written (exposures, metrics, semantic models,
            saved queries, unit tests), for artifacts and later capabilities.
        where: Place of the definition.
        stripped_checksum: Of a small seed, and of a snapshot's file, SHA-256 of its text without
            blanks at both ends.
        config_call: The in-file config() values alone (dbt's ``config_call_dict``).
        config_patch: The values of its properties file alone (dbt's ``patch_config_dict``).
        config_written: ``config:`` of its properties file before Jinja was rendered, where the
            project compares that.
        functions: Calls of function, in order.
        overloads: Other forms of a function.
        doc_blocks: unique_ids of the docs blocks that the description shows.
        place: Where it would be built, also when it is not; what ephemeral models and tests are
            named by.
    """

    unique_id: NodeId
    resource_type: ResourceType
    package: str
    name: str
    path: str
    original_path: str
    fqn: tuple[str, ...]
    raw_code: str = ""
    config: Mapping[str, Json] = field(default_factory=_empty)
    relation: TableName | None = None
    refs: tuple[Ref, ...] = ()
    sources: tuple[SourceRef, ...] = ()
    macros: tuple[str, ...] = ()
    columns: Mapping[str, ColumnInfo] = field(default_factory=lambda: MappingProxyType({}))
    description: str = ""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Json] = field(default_factory=_empty)
    patch_path: str = ""
    checksum: str = ""
    stripped_checksum: str = ""
    test: TestInfo | None = None
    source: SourceInfo | None = None
    declared: Mapping[str, Json] = field(default_factory=_empty)
    where: Span | None = None
    config_call: Mapping[str, Json] = field(default_factory=_empty)
    config_patch: Mapping[str, Json] = field(default_factory=_empty)
    config_written: Mapping[str, Json] = field(default_factory=_empty)
    place: TableName | None = None
    functions: tuple[Ref, ...] = ()
    overloads: tuple[Overload, ...] = ()
    doc_blocks: tuple[str, ...] = ()

    @property
    def version(self) -> str | None:
        """Version of a model that has versions, as its unique_id says it; None for others."""
        if self.resource_type != "model":
            return None
        last = self.unique_id.removeprefix(f"model.{self.package}.{self.name}.")
        return last[1:] if last != self.unique_id and last.startswith("v") else None

    @property
    def alias(self) -> str:
        """Name of its table, or of what stands for it."""
        return self.place.name if self.place else self.name

    @property
    def search_name(self) -> str:
        """Name with which it is selected and shown: ``orders``, or ``orders.v2`` for a version."""
        return self.name if self.version is None else f"{self.name}.v{self.version}"

    @property
    def materialized(self) -> str:
        """Materialization: table, view, incremental, ephemeral, seed, snapshot, test."""
        return str(self.config.get("materialized") or "view")

    @property
    def is_enabled(self) -> bool:
        """False when config says ``enabled: false``."""
        return bool(self.config.get("enabled", True))


def own_text(node: Node) -> str:
    """Return ``raw_code`` without the lines of its file above it.

    A snapshot's block has as many line breaks before it as its file has lines above it, so that
    lines of faults are counted in the file.
    """
    if node.resource_type != "snapshot" or node.where is None:
        return node.raw_code
    return node.raw_code.removeprefix("\n" * (node.where.line - 1))


def deprecation_of(node: Node) -> datetime | None:
    """Return a model's ``deprecation_date``; without a zone it is UTC. None when it has none."""
    written = node.declared.get("deprecation_date")
    if written is None or node.resource_type != "model":
        return None
    try:
        when = datetime.fromisoformat(str(written).strip())
    except ValueError:
        return None  # reported when the project was read
    return when if when.tzinfo else when.replace(tzinfo=UTC)
