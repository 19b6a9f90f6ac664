"""What the caller asks of a plan: which nodes, how far, and which findings stop it.

The planner takes no settings from anywhere else, so that the same three values give the same plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.diagnostics import Severity
from headwater.base.ids import NodeId
from headwater.base.periods import Window
from headwater.plan.budgets import Budget
from headwater.plan.plan import Batch
from headwater.plan.proposed import UpkeepMode
from headwater.project.node import ResourceType

TestMode = Literal["gate", "only", "none"]

TEST_TYPES: frozenset[ResourceType] = frozenset({"test", "unit_test"})
"""Resource types that are queries of failing rows."""

BUILT_TYPES: frozenset[ResourceType] = frozenset(
    {"model", "seed", "snapshot", "function", *TEST_TYPES}
)
"""Resource types that have steps; everything else is only read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Thresholds of the risk rules.

    Attributes:
        late_share_max: Share of rows, 0 to 1, that may arrive later than a window and be lost.
        refresh_bytes_max: A full rebuild of an incremental table above this size is reported.
        rewrite_bytes_min: A change of columns that rewrites a smaller table is not reported.
        hidden_bytes_min: Fewer bytes that a filter could leave out are not reported.
        join_rows_max: A join that makes more rows than this out of fewer is reported.
        join_factor_max: So many times as many rows as its larger side has are meant by that.
        skew_share_max: Share of rows, 0 to 1, that one value of a join's key may have.
        skew_rows_min: Tables with fewer rows than this are joined in no time, however skewed.
    """

    late_share_max: float = 0.001
    refresh_bytes_max: int = 10 * 1024**3
    rewrite_bytes_min: int = 64 * 1024**2
    hidden_bytes_min: int = 64 * 1024**2
    join_rows_max: float = 1_000_000
    join_factor_max: float = 10
    skew_share_max: float = 0.2
    skew_rows_min: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What is asked for.

    Attributes:
        selected: Nodes to act on; None for all.
        resource_types: Kinds of nodes to act on.
        full_refresh: Rebuild selected tables from nothing, incremental ones too.
        force: Rebuild what is selected even when nothing has changed, as dbt does.
        tests: ``gate``: tests run with what they read; ``only``: nothing but tests, changed or
            not; ``none``: no tests.
        store_failures: Keep failing rows of the tests whose config does not say otherwise.
        warnings_fail: A test that warns fails.
        fail_fast: Kept in the plan for the run.
        needs_start: Likewise; False when steps shall start although an on-run-start hook failed.
        limits: Thresholds of the risk rules.
        budgets: What parts of the project may cost.
        severities: Severity by code (kebab name or number), or ``off``: the project's policy.
        project_root: Absolute folder of the root project, for the paths of seed files.
        seed_bytes: Sizes of seed files by node, where known.
        created_at: ISO 8601 UTC time of planning.
        event_time: Build exactly the batches of this stretch of time; None to find them out.
        batches: Batches of microbatch models to build, rendered.
        invocation: What the command was asked; kept in the plan.
        as_of: ISO 8601 time up to which batches are built; empty for the time of planning.
        takes_part: Inputs are read in part or without rows (``--sample``, ``--empty``).
        threads: How many nodes run at once.
        upkeep: What becomes of upkeep that pays.
    """

    selected: frozenset[NodeId] | None = None
    resource_types: frozenset[ResourceType] = BUILT_TYPES
    full_refresh: bool = False
    force: bool = False
    tests: TestMode = "gate"
    store_failures: bool = False
    warnings_fail: bool = False
    fail_fast: bool = False
    needs_start: bool = True
    limits: Limits = field(default_factory=Limits)
    budgets: tuple[Budget, ...] = ()
    severities: Mapping[str, Severity | Literal["off"]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    project_root: str = ""
    seed_bytes: Mapping[NodeId, int] = field(default_factory=lambda: MappingProxyType({}))
    created_at: str = ""
    event_time: Window | None = None
    batches: Mapping[NodeId, tuple[Batch, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    invocation: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    takes_part: bool = False
    as_of: str = ""
    threads: int = 1
    upkeep: UpkeepMode = "propose"
