"""A plan: the ordered steps that would bring the lake to the project's state.

A plan is a value. Building one reads nothing and writes nothing; explaining, pricing and running
it are readers of the same steps. It holds everything that a run needs, so that a plan applied
from a file runs exactly what was shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.periods import Window
from headwater.base.relations import Column, TableName
from headwater.base.units import UNKNOWN, Estimate
from headwater.graph.graph import HookWrites, MacroOverride
from headwater.plan.proposed import PlannedUpkeep
from headwater.project.node import ResourceType
from headwater.sql.shape import Shape

Action = Literal["add", "rebuild", "incremental", "test", "skip", "hook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a step is expected to use.

    Attributes:
        bytes_read: Bytes read from storage.
        bytes_written: Bytes of the data files written.
        cpu_seconds: User and system CPU time.
        dollars: CPU time at the declared price; unknown when no price is declared.
        rows: Rows of the table once the step is done; unknown for tests and views.
        rows_in: Rows of its stored inputs, views followed, each table whole and once.
    """

    bytes_read: Estimate = UNKNOWN
    bytes_written: Estimate = UNKNOWN
    cpu_seconds: Estimate = UNKNOWN
    dollars: Estimate = UNKNOWN
    rows: Estimate = UNKNOWN
    rows_in: Estimate = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A relation that a step reads.

    Attributes:
        name: Its name in the step's SQL.
        version: Its version when planned (see TableState.version); None when a step of this
            same plan builds it first.
    """

    name: TableName
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """A constraint that every row of a table must meet before the table is published.

    Attributes:
        kind: ``not_null`` of a column, or ``check`` of an expression, which may be unknown (null).
        column: Column of a not_null.
        expression: SQL of a check.
        name: Name of a check; may be empty.
    """

    kind: Literal["not_null", "check"]
    column: str = ""
    expression: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comments:
    """What ``persist_docs`` writes into a table's metadata.

    Attributes:
        table: Description of the table; None to leave it as it is.
        columns: Descriptions by column; None to leave them as they are.
    """

    table: str | None = None
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonPart:
    """What makes a step's text a Python model instead of a query.

    Attributes:
        file: Its file, for messages.
        inputs: Relations by ``ref.NAME``, ``ref.PACKAGE.NAME`` and ``source.SOURCE.NAME``.
    """

    file: str
    inputs: Mapping[str, TableName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a building step makes.

    Attributes:
        relation: Where it is stored.
        fingerprint: The graph's fingerprint of the node.
        version: Version of the table when planned; None when it did not exist. The step refuses
            when the table has moved on.
        materialized: dbt's materialization.
        columns: Expected output columns; None when unknown.
        full_code: Compiled SQL of the full build, kept with the record for the next comparison.
        incremental_code: Compiled SQL of an incremental run, kept likewise; empty without one.
        depends_on: Direct inputs of the node in the graph, kept with the record.
        partition_by: Partition columns of the stored table.
        config: The node's effective config, for the record and for artifacts.
        pre_hooks: SQL to run before, in order.
        post_hooks: SQL to run after, in order.
        pre_writes: What the hooks before write, as far as it can be told.
        post_writes: What the hooks after write, likewise.
        macro: unique_id of the macro of the project that builds it, instead of the step's kind.
        row_checks: Constraints of its contract, checked on the files before they are published.
        comments: What is written into the table's metadata.
        python: Set when the step's text is a Python model.
    """

    relation: TableName
    fingerprint: str
    version: int | None
    materialized: str
    columns: tuple[Column, ...] | None
    full_code: str
    depends_on: tuple[NodeId, ...]
    incremental_code: str = ""
    partition_by: tuple[str, ...] = ()
    config: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    pre_hooks: tuple[str, ...] = ()
    post_hooks: tuple[str, ...] = ()
    pre_writes: HookWrites = field(default_factory=HookWrites)
    post_writes: HookWrites = field(default_factory=HookWrites)
    macro: str = ""
    row_checks: tuple[RowCheck, ...] = ()
    comments: Comments = field(default_factory=Comments)
    python: PythonPart | None = None


RefreshMode = Literal["auto", "incremental", "strict", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshNote:
    """How a model with ``refresh`` follows its inputs, and why not otherwise.

    Attributes:
        mode: What the model asks for.
        shape: What the planner saw in its query: ``filter, join, aggregate by customer_id``.
        by: ``new rows`` where only new rows are computed and added (and, where rows went, as the
            next); ``touched keys`` where everything with a key that a change touches is computed
            again; ``whole table`` where all of it is.
        key: Columns by which touched rows are told.
        why: Why it is built as a whole although a part was wanted; empty otherwise.
        leaves_open: What the query itself leaves open, such as ties of an order.
    """

    mode: RefreshMode
    shape: str = ""
    by: Literal["new rows", "touched keys", "whole table"] = "whole table"
    key: tuple[str, ...] = ()
    why: str = ""
    leaves_open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBase:
    """What every step has.

    Attributes:
        node: dbt's unique_id.
        name: Short name for people.
        resource_type: What kind of node it is.
        action: The plan's word: add, rebuild, incremental, test, skip.
        reason: One line: why this action.
        after: Nodes whose steps in this plan must be done first.
        reads: Relations read, with the versions planned on.
        cost: What it should use.
        refresh: Of a model with ``refresh``: how it follows its inputs.
    """

    node: NodeId
    name: str
    resource_type: ResourceType
    action: Action
    reason: str
    after: tuple[NodeId, ...] = ()
    reads: tuple[Read, ...] = ()
    cost: Cost = field(default_factory=Cost)
    refresh: RefreshNote | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Build(StepBase):
    """Write the whole table anew from ``sql`` and replace what was there in one commit."""

    target: Target
    sql: str
    kind: Literal["build"] = "build"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSeed(StepBase):
    """Read a CSV file of the project into a table, replacing it in one commit.

    Attributes:
        path: Absolute path of the file.
        delimiter: Field separator.
        column_types: Declared types by column; others are inferred as dbt infers them.
        checksum: SHA-256 of the file when planned.
    """

    target: Target
    path: str
    delimiter: str = ","
    column_types: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    checksum: str = ""
    kind: Literal["seed"] = "seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildView(StepBase):
    """Keep ``sql`` in the metastore under the view's name."""

    target: Target
    sql: str
    kind: Literal["view"] = "view"


OnSchemaChange = Literal["ignore", "fail", "append_new_columns", "sync_all_columns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Append(StepBase):
    """Add the rows of ``sql`` to the table."""

    target: Target
    sql: str
    on_schema_change: OnSchemaChange = "ignore"
    kind: Literal["append"] = "append"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(StepBase):
    """Update rows whose key is in ``sql``, insert the others.

    Attributes:
        unique_key: Key columns.
        update_columns: Columns to update; all when empty.
        exclude_columns: Columns that an update leaves alone.
        delete_matching: True for delete+insert: matching rows are removed and all rows inserted,
            so that a key may occur more than once in ``sql``.
        predicates: Conditions of the model's ``incremental_predicates``: rows of the table that do
            not meet them match nothing.
    """

    target: Target
    sql: str
    unique_key: tuple[str, ...]
    update_columns: tuple[str, ...] = ()
    exclude_columns: tuple[str, ...] = ()
    delete_matching: bool = False
    predicates: tuple[str, ...] = ()
    on_schema_change: OnSchemaChange = "ignore"
    kind: Literal["merge"] = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverwritePartitions(StepBase):
    """Replace the partitions that occur in ``sql`` (dbt's insert_overwrite)."""

    target: Target
    sql: str
    on_schema_change: OnSchemaChange = "ignore"
    kind: Literal["overwrite-partitions"] = "overwrite-partitions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh(StepBase):
    """Bring a table to what ``sql`` gives now, from what changed in its inputs since it was built.

    Which versions of its inputs it holds is in its own log. Where what changed cannot be told any
    more, or the shape does not allow it, it is built in full, or refused.

    Attributes:
        shape: What is proved of the query.
        key_wanted: Columns to tell touched rows by, when they are keys.
        is_strict: Refused instead of built in full.
    """

    target: Target
    sql: str
    shape: Shape
    key_wanted: tuple[str, ...] = ()
    is_strict: bool = False
    kind: Literal["refresh"] = "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch of a microbatch model.

    Attributes:
        id: dbt's name of it: ``20260101`` for a day.
        start: First moment of it.
        end: First moment after it.
        sql: Its query, inputs filtered by time.
    """

    id: str
    start: datetime
    end: datetime
    sql: str

    @property
    def window(self) -> Window:
        """Its stretch of time."""
        return Window(start=self.start, end=self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceBatches(StepBase):
    """Replace stretches of time of a table, each by the rows of its own query, in one commit.

    A batch whose query fails is left as it was; the others are published.

    Attributes:
        sql: The model's query without any filter by time.
        event_time: Column by which stored rows belong to a batch.
        batches: In order of time.
        is_full: The batches replace the whole table.
        covered: Stretches of time that the table holds before, as pairs of ISO 8601 times.
    """

    target: Target
    sql: str
    event_time: str
    batches: tuple[Batch, ...]
    is_full: bool = False
    covered: tuple[tuple[str, str], ...] = ()
    on_schema_change: OnSchemaChange = "ignore"
    kind: Literal["batches"] = "batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSnapshot(StepBase):
    """Bring a dbt snapshot table up to date: new versions of rows are added, old ones closed.

    Attributes:
        sql: The snapshot's query.
        unique_key: Key columns.
        strategy: dbt's strategy.
        updated_at: The column, or an expression over the query's, that says when a row changed;
            empty for the moment of the snapshot.
        check_columns: For ``check``, the columns compared; empty means all.
        hard_deletes: What becomes of rows that left the source.
        meta_columns: Names of dbt's own columns that are not stored under their usual names.
        valid_to_current: SQL of the end of current versions; empty for null.
        row_changed: Of a project's own strategy, the condition over ``stored`` and ``seen`` that a
            row has changed; empty for ours.
        scd_id: Likewise, the expression that identifies a version.
    """

    target: Target
    sql: str
    unique_key: tuple[str, ...]
    strategy: Literal["timestamp", "check"]
    updated_at: str = ""
    check_columns: tuple[str, ...] = ()
    row_changed: str = ""
    scd_id: str = ""
    hard_deletes: Literal["ignore", "invalidate", "new_record"] = "ignore"
    meta_columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    valid_to_current: str = ""
    kind: Literal["snapshot"] = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTest(StepBase):
    """Run a test's query; rows it returns are failures.

    Attributes:
        sql: The query of failing rows.
        gates: The node whose commit waits for this test; None when it runs on committed tables.
        severity: dbt's severity.
        warn_if: Condition on the number of failures, such as ``!= 0``.
        error_if: Likewise for errors.
        fail_calc: SQL expression over the failing rows that gives the number of failures.
        limit: At most so many failing rows are looked at; None for all.
        warning_fails: To warn is to fail (``--warn-error``).
        store_in: Where failing rows are kept; None when they are not.
        store_as: What they are kept as. A view reads the tables as they are published, so the
            failing rows of a test that stops a commit are kept as a table all the same.
        fingerprint: The graph's fingerprint of the test.
        macro: unique_id of the macro that renders and runs it while it runs, because its text asks
            for rows or writes; empty when ``sql`` is all there is to it.
    """

    sql: str
    fingerprint: str
    macro: str = ""
    gates: NodeId | None = None
    severity: Literal["error", "warn"] = "error"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"
    fail_calc: str = "count(*)"
    limit: int | None = None
    warning_fails: bool = False
    store_in: TableName | None = None
    store_as: Literal["table", "view"] = "table"
    kind: Literal["test"] = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip(StepBase):
    """Do nothing: nothing that the node reads has changed, and neither has the node."""

    kind: Literal["skip"] = "skip"


Step = (
    Build
    | LoadSeed
    | BuildView
    | Append
    | Merge
    | OverwritePartitions
    | Refresh
    | ReplaceBatches
    | TakeSnapshot
    | RunTest
    | Skip
)
BuildStep = (
    Build
    | LoadSeed
    | BuildView
    | Append
    | Merge
    | OverwritePartitions
    | Refresh
    | ReplaceBatches
    | TakeSnapshot
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHook:
    """Statements that dbt_project.yml asks for before the first or after the last step of a run.

    Attributes:
        node: unique_id of the operation.
        name: dbt's name of it, such as ``shop.on-run-end.0``.
        sql: What is run; an on-run-end hook is rendered again when the results are known.
        reads: Tables and views that it refers to.
        writes: What it writes, as far as it can be told.
    """

    node: NodeId
    name: str
    sql: str
    reads: tuple[TableName, ...] = ()
    writes: HookWrites = field(default_factory=HookWrites)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageHook:
    """SQL that a package runs besides its models.

    Attributes:
        kind: When: ``on-run-start``, ``on-run-end``, ``pre-hook`` or ``post-hook``.
        node: The operation, or the model that it belongs to.
        sql: As compiled.
    """

    kind: Literal["on-run-start", "on-run-end", "pre-hook", "post-hook"]
    node: NodeId
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEffect:
    """What an installed package does besides its models.

    Attributes:
        name: Its name.
        version: Version as its dbt_project.yml says.
        checksum: Hash of its files.
        state: Whether it is new, changed or the same since the last run.
        hooks: SQL that it runs, whether or not this plan builds what it belongs to.
        overrides: Its macros that stand in for others.
        materializations: Its materializations, as ``materialization_<name>_<adapter>``.
    """

    name: str
    version: str
    checksum: str
    state: Literal["new", "changed", "same"]
    hooks: tuple[PackageHook, ...] = ()
    overrides: tuple[MacroOverride, ...] = ()
    materializations: tuple[str, ...] = ()


Effect = Literal["breaks", "degrades", "safe"]
ChangeKind = Literal[
    "new",
    "removed",
    "added",
    "dropped",
    "renamed",
    "retyped",
    "nullability",
    "semantics",
    "rows",
    "config",
    "formatting",
]
"""What becomes of a node or a column; ``semantics`` is another computation, or one not traced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One node on the way from a change to a consumer."""

    node: NodeId
    column: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a change does to one consumer.

    Attributes:
        node: The consumer: a model, test, snapshot, exposure or metric, or one that is no node,
            such as ``endpoint.consumer.churn@7``.
        column: Its column that is touched; empty when the whole consumer is.
        change: One line: what changes for it, such as ``amount: DOUBLE -> DECIMAL(12,2)``.
        effect: breaks, degrades or safe.
        path: unique_ids from the changed node to the consumer, both included.
        hops: The same way with the column and the place in the files at each node.
        owner: Whom to ask, where that is known.
        kind: What became of the column or the rows at the beginning of the way.
    """

    node: NodeId
    column: str
    change: str
    effect: Effect
    path: tuple[NodeId, ...] = ()
    hops: tuple[Hop, ...] = ()
    owner: str = ""
    kind: ChangeKind = "semantics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """An input of which a changed node reads much more in every regular run.

    Attributes:
        relation: The stored table or files.
        before: Bytes of it that a run of the deployed version reads, by the same model.
        after: Bytes that a run of the new version reads.
        is_full_scan: True when a filter by time is lost, so that every run reads all of it.
    """

    relation: TableName
    before: Estimate
    after: Estimate
    is_full_scan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one node differs from what is deployed, for the plan's head lines.

    Attributes:
        node: unique_id.
        sign: ``+`` new, ``~`` changed, ``-`` no longer in the project.
        lines: What changed, one line each: ``column amount: DOUBLE -> DECIMAL(12,2)``.
        breaking: True when a consumer breaks by it.
        cost_before: What a run of the deployed version uses; unknown when it never ran.
        cost_after: What a regular run of the new version will use.
        drivers: Inputs of which the new version reads much more.
        kinds: What became of it, each once, in the order of ``ChangeKind``.
    """

    node: NodeId
    sign: Literal["+", "~", "-"]
    lines: tuple[str, ...]
    breaking: bool
    cost_before: Cost = field(default_factory=Cost)
    cost_after: Cost = field(default_factory=Cost)
    drivers: tuple[Driver, ...] = ()
    kinds: tuple[ChangeKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineBill:
    """What the machine of a run should be billed, in the currency of the prices.

    Attributes:
        billed: All of it.
        idle: Its processors without work.
        startup: Its start.
        minimum: What rounding up and the shortest billed time add.
    """

    billed: Estimate = UNKNOWN
    idle: Estimate = UNKNOWN
    startup: Estimate = UNKNOWN
    minimum: Estimate = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the plan.

    Attributes:
        add: Nodes to add.
        rebuild: Nodes to rebuild.
        incremental: Nodes to bring up to date.
        test: Tests to run.
        skip: Nodes that need nothing.
        errors: Diagnostics of severity error.
        warnings: Diagnostics of severity warning.
        not_estimated: Steps with an unknown cost.
        cost: Sum over the steps.
        month_before: Dollars per month of the deployed project at the declared schedule.
        month_after: Dollars per month once this plan is applied.
        month_budget: Declared budget in dollars per month; None when there is none.
        wall_seconds: From the first step's start to the last one's end.
        threads: On so many threads.
        machine: What the machine should be billed that is started for the run; None where only work
            is billed.
    """

    add: int = 0
    rebuild: int = 0
    incremental: int = 0
    test: int = 0
    skip: int = 0
    errors: int = 0
    warnings: int = 0
    not_estimated: int = 0
    cost: Cost = field(default_factory=Cost)
    month_before: Estimate = UNKNOWN
    month_after: Estimate = UNKNOWN
    month_budget: float | None = None
    wall_seconds: Estimate = UNKNOWN
    threads: int = 1
    machine: MachineBill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, what it costs, breaks and risks.

    Attributes:
        project: Root project.
        target: Profile target.
        checksum: The graph's checksum; applying refuses when the project has changed.
        compared_with: The run compared with; empty before the first run.
        created_at: ISO 8601 UTC time.
        steps: In an order that respects ``after``.
        changes: Nodes that differ from what is deployed.
        impact: Consumers touched by the changes, breaking ones first.
        diagnostics: Findings, errors first.
        totals: Sums.
        fail_fast: Stop the run at the first failure.
        on_run_start: Hooks before the first step, in order; none when there is nothing to do.
        on_run_end: Hooks after the last step, likewise.
        needs_start: No step starts when an on-run-start hook has failed.
        invocation: What the command was asked, for `hw retry`; empty when it is not known.
        packages: What the installed packages do besides their models.
        upkeep: Compaction of tables that costs less than it saves.
        base: Revision of the project that is compared with in place of what is deployed, such as
            ``origin/main @ 4f1c2ab``; empty otherwise. Such a plan is only looked at.
        schema: Name and version of this document.
    """

    project: str
    target: str
    checksum: str
    compared_with: str
    created_at: str
    steps: tuple[Step, ...]
    changes: tuple[Change, ...] = ()
    impact: tuple[Impact, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    totals: Totals = field(default_factory=Totals)
    fail_fast: bool = False
    on_run_start: tuple[RunHook, ...] = ()
    on_run_end: tuple[RunHook, ...] = ()
    needs_start: bool = True
    invocation: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    packages: tuple[PackageEffect, ...] = ()
    upkeep: PlannedUpkeep = field(default_factory=PlannedUpkeep)
    base: str = ""
    schema: Literal["headwater.plan/1"] = "headwater.plan/1"

    @property
    def is_compiled(self) -> bool:
        """False when the project has faults, so that there is nothing to plan."""
        return bool(self.checksum)

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to do."""
        return all(isinstance(step, Skip) for step in self.steps)

    @property
    def is_blocked(self) -> bool:
        """True when a finding of severity error forbids applying it."""
        return any(diagnostic.severity == "error" for diagnostic in self.diagnostics)
