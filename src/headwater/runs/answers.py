"""What a workspace is asked and what it answers, as values that shells read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import HeadwaterError
from headwater.base.ids import NodeId
from headwater.graph.choose import Selection
from headwater.graph.columns import ColumnEdge
from headwater.graph.graph import Graph
from headwater.graph.said import Said
from headwater.graph.substitutes import InputRequest
from headwater.plan.options import BUILT_TYPES, TEST_TYPES, TestMode
from headwater.plan.plan import Plan
from headwater.project.node import ResourceType
from headwater.project.project import Project

Verb = Literal["build", "run", "seed", "snapshot", "test"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What a plan is asked for.

    Attributes:
        selection: Which nodes.
        verb: The command: ``build`` for all kinds of nodes.
        full_refresh: Rebuild incremental models whole.
        force: Rebuild what is selected even when nothing has changed.
        accept: Codes whose errors shall only warn.
        store_failures: Keep failing rows of the tests whose config does not say otherwise.
        inputs: What is read in place of the nodes' inputs.
        nodes: Exactly these nodes, whatever the selection says; None to go by the selection.
        as_of: ISO 8601 time up to which batches are built, that of a run which is retried; empty
            for now.
        base: Revision of the project's repository to compare with in place of what is deployed;
            None for that.
    """

    selection: Selection = field(default_factory=Selection)
    verb: Verb = "build"
    full_refresh: bool = False
    force: bool = False
    accept: tuple[str, ...] = ()
    store_failures: bool = False
    inputs: InputRequest = field(default_factory=InputRequest)
    nodes: tuple[NodeId, ...] | None = None
    as_of: str = ""
    base: str | None = None

    @property
    def resource_types(self) -> frozenset[ResourceType]:
        """Kinds of nodes that the verb acts on."""
        return _TYPES_OF_VERB[self.verb]

    @property
    def tests(self) -> TestMode:
        """How the verb treats tests."""
        return _TESTS_OF_VERB.get(self.verb, "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan together with what it was made of, which applying it needs.

    Attributes:
        plan: What would be done.
        project: The project as read; None when it has faults, and then the plan has no steps.
        graph: The project compiled; None when it has faults.
        wanted: The nodes that were asked for, of the kinds that the verb acts on.
        logged: What the macros of those said, as far as their text is run.
    """

    plan: Plan
    project: Project | None = None
    graph: Graph | None = None
    wanted: frozenset[NodeId] = frozenset()
    logged: Mapping[NodeId, tuple[Said, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledSql:
    """A node's compiled SQL.

    Attributes:
        unique_id: dbt's unique_id; empty for a query that is no node.
        name: Short name.
        compiled_code: The SQL.
        path: File that it was written to; empty when none.
    """

    unique_id: str
    name: str
    compiled_code: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Compiled SQL of a selection.

    Attributes:
        results: One for each node, in the order of the graph.
        folder: Where the files were written.
        diagnostics: Findings.
        manifest: The manifest with the compiled SQL, when it was asked for.
        said: What the macros of the nodes printed and logged.
    """

    results: tuple[CompiledSql, ...]
    folder: Path
    diagnostics: tuple[Diagnostic, ...]
    manifest: Mapping[str, Any] | None = None
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a macro did that was called by itself.

    Attributes:
        said: Lines that it printed, or logged for the terminal.
        diagnostics: Findings.
        node: unique_id of the macro; of the project's own for a query.
        logged: All that it logged, also what is for the log file alone.
    """

    said: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    node: str = ""
    logged: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Edges between columns."""

    edges: tuple[ColumnEdge, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Artifacts written."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``hw debug``."""

    name: str
    ok: bool
    value: str


def try_checks(checks: Iterable[tuple[str, Callable[[], str]]]) -> tuple[Finding, ...]:
    """Try each check, named; what one says, or what it met."""
    return tuple(_try(name, check) for name, check in checks)


def _try(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, ok=True, value=check())
    except HeadwaterError as error:
        return Finding(name=name, ok=False, value=error.what)
