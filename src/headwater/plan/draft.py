"""The draft that the planner's passes hand on: what is known so far, each pass adding its part.

A pass takes a draft and returns a new one; none looks at the world.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from headwater.base.cache import Cache, NoCache
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode, Graph
from headwater.plan.inputs import InputIndex
from headwater.plan.options import PlanOptions
from headwater.plan.plan import Change, Cost, Impact, RefreshNote, Step, Totals
from headwater.plan.state import DeployedNode, State
from headwater.sql.count_rows import RowCount, Trees
from headwater.sql.counted import JoinSeen
from headwater.sql.lineage import QueryChange
from headwater.sql.shape import Shape
from headwater.sql.watermark import Watermark


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How one node differs from what is deployed.

    Attributes:
        kind: ``new`` without a record, ``changed`` when the fingerprint differs, ``formatting``
            when only layout does, ``same``.
        lines: What differs, one line each; empty for ``same``.
        query: How the query differs; None when either query could not be traced.
        config_keys: Config keys whose values differ.
        keeps_rows: True when the full query means what it meant and no config that shapes stored
            rows differs: an incremental table may go on from where it is.
    """

    kind: Literal["new", "changed", "formatting", "same"]
    lines: tuple[str, ...] = ()
    query: QueryChange | None = None
    config_keys: tuple[str, ...] = ()
    keeps_rows: bool = False


SAME = frozenset({"same", "formatting"})
"""Kinds of differences that change no result."""

How = Literal["full", "incremental", "view", "test", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPlan:
    """How a model with ``refresh`` is brought up to date.

    Attributes:
        note: For people and for the plan's document.
        shape: What is proved of its query.
        key_wanted: Columns to tell touched rows by, when they are keys.
        falls_back: A part was wanted, and it is built as a whole.
    """

    note: RefreshNote
    shape: Shape
    key_wanted: tuple[str, ...] = ()
    falls_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done with a node, before it becomes a step.

    Attributes:
        how: The way it is done.
        action: The plan's word.
        reason: One line: why.
        refresh: Of a model with ``refresh``: how it follows its inputs.
    """

    how: How
    action: Literal["add", "rebuild", "incremental", "test", "skip"]
    reason: str
    refresh: RefreshPlan | None = None

    @property
    def builds(self) -> bool:
        """True when a table or view is written."""
        return self.how in {"full", "incremental", "view"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeJoins:
    """The joins of a node's query, and what is proved of its result.

    Attributes:
        rows: What is known of the result; None when the query is not understood to its end.
        joins: Its joins, in order.
    """

    rows: RowCount | None
    joins: tuple[JoinSeen, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """One stored relation read by a node.

    Attributes:
        relation: The table or files.
        columns: Column names in lower case; ``{"*"}`` when unknown; empty when only rows count.
    """

    relation: TableName
    columns: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything known about the plan so far.

    Attributes:
        graph: The compiled project.
        state: The world.
        options: What is asked for.
        index: Who builds what, and what each node reads down to stored tables.
        watermarks: Filters of incremental queries that leave older rows out, by node.
        differences: By node with a step.
        decisions: By node with a step, in topological order.
        steps: The plan's steps.
        changes: The plan's changes.
        impact: The plan's impact.
        diagnostics: The plan's findings.
        totals: The plan's sums.
        regular: What a regular run of each node uses before the plan and after it.
        joins: Joins of the new and changed nodes whose inputs have rows.
        known: What earlier commands found out about queries.
        trees: Queries that were read to count their rows.
        scans: What the full queries of nodes read, by the node's id, once it was asked for.
    """

    graph: Graph
    state: State
    options: PlanOptions
    index: InputIndex
    known: Cache = field(default_factory=NoCache)
    trees: Trees = field(default_factory=dict)
    scans: dict[tuple[int, bool], tuple[CompiledNode, tuple[Scan, ...]]] = field(
        default_factory=dict
    )
    watermarks: Mapping[NodeId, tuple[Watermark, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    differences: Mapping[NodeId, Difference] = field(default_factory=lambda: MappingProxyType({}))
    decisions: Mapping[NodeId, Decision] = field(default_factory=lambda: MappingProxyType({}))
    steps: tuple[Step, ...] = ()
    changes: tuple[Change, ...] = ()
    impact: tuple[Impact, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    totals: Totals = field(default_factory=Totals)
    regular: Mapping[NodeId, tuple[Cost, Cost]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    joins: Mapping[NodeId, NodeJoins] = field(default_factory=lambda: MappingProxyType({}))

    def compiled(self, node: NodeId) -> CompiledNode:
        """Return a node of the graph."""
        return self.graph.nodes[node]

    def deployed_or_none(self, node: NodeId) -> DeployedNode | None:
        """Return how the last successful run left a node, or None."""
        return self.state.deployed.get(node)

    def is_asked_for(self, node: NodeId) -> bool:
        """Say whether a node has a step and is among the selected ones."""
        selected = self.options.selected
        return node in self.decisions and (selected is None or node in selected)

    def is_built(self, node: NodeId) -> bool:
        """Say whether this plan writes the node's table or view."""
        decision = self.decisions.get(node)
        return decision is not None and decision.builds


Pass = Callable[[Draft], Draft]
