"""Reading: what the passes of ``read_project`` share while they run.

The one mutable value of this floor; it lives only inside one call of ``read_project``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.base.spans import Span
from headwater.jinja.context import ContextValues
from headwater.jinja.render import Templates
from headwater.project.config import ConfigTrees
from headwater.project.files import FileKind, PackageFiles, ProjectFile
from headwater.project.node import Node
from headwater.project.options import ReadOptions
from headwater.project.project import DocBlock, Group
from headwater.project.settings import Settings
from headwater.project.yaml_text import YamlFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package while it is read: its settings and its files."""

    settings: Settings
    files: PackageFiles

    @property
    def name(self) -> str:
        """Name of the package."""
        return self.settings.name

    def of_kind(self, kind: FileKind) -> list[ProjectFile]:
        """Return its files of one kind, in order."""
        return [file for file in self.files.files if file.kind == kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of a properties file.

    Attributes:
        key: Top-level key: ``models``, ``sources`` ...
        package: Package of the file.
        file: The file's value, for places.
        original_path: The file, relative to its package's root.
        path: The file, relative to its resource folder.
        index: Position below the key.
        values: The entry, with everything rendered but descriptions, tests and hooks.
        written: The entry before anything was rendered; of a version, its own part.
    """

    key: str
    package: str
    file: YamlFile
    original_path: str
    path: str
    index: int
    values: Mapping[str, Json]
    written: Mapping[str, Json] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its ``name``."""
        return str(self.values["name"])

    def span(self, *path: str | int) -> Span:
        """Return the place of a key below the entry."""
        return self.file.span(self.key, self.index, *path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a model.

    Attributes:
        v: The version as written: a number or text.
        latest: The version that a ``ref`` without a version means.
        entry: What is said of this version: the model's properties, changed by its own.
        columns: Where each column of ``entry`` is written, as a path below the model's entry.
    """

    v: Json
    latest: Json
    entry: Entry
    columns: tuple[tuple[str | int, ...], ...]

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.entry.name


@dataclass(slots=True, kw_only=True)
class Reading:
    """Shared by the passes.

    Attributes:
        options: What the project is read with.
        root: Name of the root project.
        packages: Root project first.
        templates: All macros.
        values: What every context shares.
        trees: Config trees of all packages.
        variables: Variables that each package sees.
        passing: Of these, the ones whose text asks for what passes; left for ``var`` to render.
        found: Findings so far.
        docs: Docs blocks by unique_id.
        entries: Properties entries by top-level key.
        patches: Properties of nodes, by key, package and name.
        versions: Versions of models, by package and name of the file without its ending.
        versioned: Versions of models, by package and name of the model.
        nodes: Nodes so far, also disabled ones.
        shadowed: Disabled nodes whose unique_id another one has.
        groups: Groups by unique_id.
        wanted_packages: Last parts of the names in packages.yml.
        text_readers: unique_ids of nodes of which something read the text itself while rendering.
    """

    options: ReadOptions
    root: str
    packages: tuple[Package, ...]
    templates: Templates
    values: ContextValues
    trees: ConfigTrees
    variables: Mapping[str, Mapping[str, Json]]
    passing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    docs: dict[str, DocBlock] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    patches: dict[tuple[str, str, str], Entry] = field(default_factory=dict)
    versions: dict[tuple[str, str], Version] = field(default_factory=dict)
    versioned: dict[tuple[str, str], tuple[Version, ...]] = field(default_factory=dict)
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    shadowed: list[Node] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    wanted_packages: frozenset[str] = frozenset()
    text_readers: set[NodeId] = field(default_factory=set)

    def note_text(self, node: NodeId) -> None:
        """Note that what is known of a node depends on its text beyond its outline."""
        self.text_readers.add(node)

    def add(self, node: Node) -> bool:
        """Keep a node; false, with a finding, when its unique_id is taken."""
        other = self.nodes.get(node.unique_id)
        if other is None:
            self.nodes[node.unique_id] = node
            return True
        if not node.is_enabled:
            self.shadowed.append(node)
            return False
        if not other.is_enabled:
            self.shadowed.append(other)
            self.nodes[node.unique_id] = node
            return True
        self.found.append(
            Diagnostic(
                code="duplicate-name",
                severity="error",
                what=f"two {node.resource_type}s of package `{node.package}` are called "
                f"`{node.name}`",
                fix="Rename one of them",
                where=node.where,
                related=((other.where, "the first one"),) if other.where else (),
                node=node.unique_id,
            )
        )
        return False


def find_doc(docs: Mapping[str, DocBlock], order: tuple[str, ...], name: str) -> str:
    """Find a docs block by name in packages, in order.

    Raises:
        Invalid: ``doc-not-found``.
    """
    for package in order:
        block = docs.get(f"doc.{package}.{name}")
        if block is not None:
            return block.text
    raise Invalid(
        "doc-not-found",
        f"there is no docs block `{name}`",
        fix=f"Write {{% docs {name} %}} ... {{% enddocs %}} in a Markdown file, or correct it",
    )
