"""Project: everything that a project's files declare, as one immutable value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.jinja.context import ContextValues
from headwater.jinja.macros import Macro
from headwater.jinja.render import Templates
from headwater.project.config import ConfigTrees
from headwater.project.node import Node
from headwater.project.options import Target

COMPARES_WRITTEN = "state_modified_compare_more_unrendered_values"
"""dbt's flag of a project that wants configs compared as they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocBlock:
    """A ``{% docs name %}`` block of a Markdown file.

    Attributes:
        unique_id: ``doc.package.name``.
        package: Package that declares it.
        name: Its name in ``doc()``.
        path: File, relative to its package's root.
        text: Contents, unindented at both ends.
    """

    unique_id: str
    package: str
    name: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of nodes with an owner.

    Attributes:
        unique_id: ``group.package.name``.
        package: Package that declares it.
        name: Its name in configs.
        path: Properties file, relative to its package's root.
        owner: Owner as written.
        description: Rendered description.
        config: Config as written.
    """

    unique_id: str
    package: str
    name: str
    path: str
    owner: Mapping[str, Json]
    description: str = ""
    config: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRead:
    """A package whose files were read, the root project included.

    Attributes:
        name: Its name.
        version: Version as its dbt_project.yml says; empty when it says none.
        folder: Folder relative to the root project; empty for the root project.
        restricts_access: Its protected models are for itself only (``restrict-access: true``).
        checksum: Hash of its files.
    """

    name: str
    version: str
    folder: str
    restricts_access: bool = False
    checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as read.

    Attributes:
        name: Name in dbt_project.yml.
        version: Version as written; empty when none.
        profile: Name of its profile; empty when it names none.
        root: The project's folder, as it was given to ``read_files``.
        target: Where it will be built.
        nodes: Enabled nodes by unique_id, sorted.
        disabled: Nodes that config turns off, by unique_id.
        macros: Every macro by unique_id: the project's, its packages' and ours.
        docs: Docs blocks by unique_id.
        groups: Groups by unique_id.
        vars: Variables that each package sees, by package: command line, root project, package.
        dispatch: Search orders of ``adapter.dispatch`` by macro namespace.
        packages: Root project first.
        quoting: As written in dbt_project.yml.
        on_run_start: Operation nodes to run before everything, in order.
        on_run_end: Operation nodes to run after everything, in order.
        templates: Renders texts with the project's macros.
        context_values: What every node's Jinja context shares.
        written_configs: The config trees of all packages before Jinja was rendered.
        checksum: Hash of all files and options read.
        paths: Folders by kind (``seed-paths`` ...), relative to the root.
        text_readers: Nodes of which a macro read the text itself while the project was read.
    """

    name: str
    version: str
    profile: str
    root: str
    target: Target
    nodes: Mapping[NodeId, Node]
    disabled: Mapping[NodeId, Node]
    shadowed: tuple[Node, ...] = ()
    macros: Mapping[str, Macro]
    docs: Mapping[str, DocBlock]
    groups: Mapping[str, Group]
    vars: Mapping[str, Mapping[str, Json]]
    dispatch: Mapping[str, tuple[str, ...]]
    packages: tuple[PackageRead, ...]
    quoting: Mapping[str, Json]
    on_run_start: tuple[NodeId, ...]
    on_run_end: tuple[NodeId, ...]
    templates: Templates
    context_values: ContextValues
    written_configs: ConfigTrees = field(default_factory=lambda: ConfigTrees("", {}))
    checksum: str
    paths: Mapping[str, tuple[str, ...]]
    text_readers: frozenset[NodeId] = frozenset()

    @property
    def compares_written(self) -> bool:
        """Whether ``state:modified`` shall compare what is written before Jinja is rendered."""
        return self.context_values.has_flag(COMPARES_WRITTEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectResult:
    """What came of reading.

    Attributes:
        project: None only when dbt_project.yml itself cannot be used.
        diagnostics: Everything found, in the order of files.
    """

    project: Project | None
    diagnostics: tuple[Diagnostic, ...]


def file_of(project: Project, node: Node) -> str:
    """Return a node's file relative to the root project, for messages and frames."""
    for package in project.packages:
        if package.name == node.package and package.folder:
            return f"{package.folder}/{node.original_path}"
    return node.original_path
