"""State: what is out there, as a value. `runs.state` reads it; the planner sees only this."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.ids import NodeId, RunId
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName
from headwater.base.spans import Span
from headwater.plan.books import Rule
from headwater.plan.plan import Cost
from headwater.plan.proposed import Proposal
from headwater.sql.lineage import QueryLineage

HISTORY_RUNS_MAX = 20
"""How many earlier runs of a node State carries, newest first."""

EXPECTED_RUNS_MAX = 8
"""For how many of them what was expected comes along, newest first."""

NO_RUN = RunId("")
"""Stands for no run."""

CHANGES_MAX = 500
"""How many of a table's newest versions State describes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedNode:
    """A node as the last successful run left it.

    Attributes:
        node: unique_id.
        relation: Where it was built; None for tests.
        materialized: How it was built.
        fingerprint: The graph's fingerprint of it then.
        code: Compiled SQL then (full build).
        columns: Columns then.
        lineage: Trace then; None when it could not be traced.
        version: Delta version that the build committed; None for views and tests.
        inputs: Version of each input then, by the text of its TableName; a table's Delta version,
            or for files and views the fingerprint of what they were.
        run_id: The run that built it.
        built_at: ISO 8601 UTC time.
        status: For tests their last result; ``success`` for builds.
        incremental_code: Compiled SQL of an incremental run then; empty when there was none.
        config: Effective config then, so that the next plan can name the key that changed; empty
            when it was not kept.
        covered: Stretches of time that a microbatch table holds, as pairs of ISO 8601 times.
        checksum: SHA-256 of its file then; empty when it was not kept.
    """

    node: NodeId
    relation: TableName | None
    materialized: str
    fingerprint: str
    code: str = ""
    columns: tuple[Column, ...] | None = None
    lineage: QueryLineage | None = None
    version: int | None = None
    inputs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    run_id: RunId = NO_RUN
    built_at: str = ""
    status: str = "success"
    incremental_code: str = ""
    config: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))
    covered: tuple[tuple[str, str], ...] = ()
    checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChange:
    """What one commit of a table did, from its log entry.

    Attributes:
        version: Delta version.
        operation: The log's own word: WRITE, MERGE, OPTIMIZE ...
        at: ISO 8601 UTC commit time.
        rows_added: Rows in added files; None when the log has no counts.
        bytes_added: Bytes of added files.
        files_added: Number of added files.
        files_removed: Number of removed files.
        changes_data: False for maintenance that leaves the rows as they were.
        seconds: Elapsed time of writing, where the log says it.
        cpu_seconds: CPU time of writing, likewise.
    """

    version: int
    operation: str
    at: str
    rows_added: int | None
    bytes_added: int
    files_added: int
    files_removed: int
    changes_data: bool = True
    seconds: float | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """A table, view or set of files as it is now.

    Attributes:
        name: Its name in compiled SQL.
        kind: What it is.
        version: ``str`` of the Delta version; for files and views a fingerprint of their content.
        columns: Columns now.
        rows: Row count by statistics; None when unknown.
        size_bytes: Bytes of the active files; None when unknown.
        files: Number of active files.
        column_bytes: Compressed bytes by column, where known.
        partition_columns: Partition columns, in order.
        minimum: Smallest value by column, as text in the engine's notation, where known.
        maximum: Largest value by column, likewise.
        null_count: Nulls by column, where known.
        changes: Newest commits first, at most CHANGES_MAX.
        written_by: Run id in the newest commit, when it was ours; empty otherwise.
        features: Features that the table's log asks of readers and writers, sorted.
        has_mapping: Columns have names in the files of their own, so that a rename writes none.
        cluster_by: Columns by which its rows are kept near each other.
    """

    name: TableName
    kind: Literal["table", "view", "files"]
    version: str
    columns: tuple[Column, ...]
    rows: int | None = None
    size_bytes: int | None = None
    files: int = 0
    column_bytes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    partition_columns: tuple[str, ...] = ()
    minimum: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    maximum: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    null_count: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    changes: tuple[VersionChange, ...] = ()
    written_by: str = ""
    features: tuple[str, ...] = ()
    has_mapping: bool = False
    cluster_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededFiles:
    """The files of a table that a query's filters can touch.

    Attributes:
        size_bytes: Their bytes.
        column_bytes: Compressed bytes in them by column, where known.
    """

    size_bytes: int
    column_bytes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the table of a model with ``refresh`` has read of one of its inputs, and what not yet.

    Attributes:
        since: Version of the input that the table's own log says it holds; None when it says
            none, as for an input that was made anew.
        rows_added: Rows that came since; None when they are not counted.
        rows_removed: Rows that went since, likewise. A row that was written again is in both.
        why: Why it cannot be told what changed; empty when it can.
    """

    since: int | None
    rows_added: int | None = 0
    rows_removed: int | None = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """How late rows of a table arrived, measured commit by commit.

    A row's lateness is the largest event time of all earlier commits minus its own event time,
    or zero when that is negative.

    Attributes:
        table: The table.
        column: Its event-time column.
        rows: Rows measured.
        buckets: Pairs of (lateness in whole hours, rows), ascending; on-time rows are bucket 0.
    """

    table: TableName
    column: str
    rows: int
    buckets: tuple[tuple[int, int], ...]

    def share_later_than(self, hours: float) -> float:
        """Return the share of rows, 0 to 1, that arrived more than ``hours`` late."""
        if not self.rows:
            return 0.0
        return sum(rows for late, rows in self.buckets if late > hours) / self.rows

    @property
    def hours_max(self) -> int:
        """Return the lateness of the latest row in hours."""
        return max((late for late, rows in self.buckets if rows), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyShape:
    """How often the values of a column occur, nulls left out.

    Attributes:
        table: The table.
        column: Its column.
        rows: Rows counted, nulls among them.
        nulls: Rows without a value.
        keys: Different values.
        most: Rows of the value that occurs most often.
        squares: Sum of the squares of the rows of each value: what joining the column with itself
            gives.
        example: The value that occurs most often, as text.
        is_sample: Only a part of the table was counted.
    """

    table: TableName
    column: str
    rows: int
    nulls: int
    keys: int
    most: int
    squares: int
    example: str = ""
    is_sample: bool = False

    @property
    def is_key(self) -> bool:
        """True when no value was found twice."""
        return self.most <= 1

    @property
    def rows_per_key(self) -> float:
        """Rows of a value on average."""
        return (self.rows - self.nulls) / self.keys if self.keys else 0.0

    @property
    def top_share(self) -> float:
        """Share of the rows, 0 to 1, that have the value that occurs most often."""
        return self.most / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """Commits of a table whose values of a column began below what had been reached before.

    Attributes:
        table: The table.
        column: Its column.
        commits: Commits that added rows and were compared with those before them.
        back: How many of them began at or below the largest value of all before.
        rows: Rows of those.
        reached: The largest value before the one that went back furthest, as text.
        began: The value at which that one began.
    """

    table: TableName
    column: str
    commits: int
    back: int
    rows: int
    reached: str
    began: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """Files that a filter does not leave out because a function is around its column.

    Attributes:
        table: The table.
        written: The filter as it is written.
        plain: A filter that says the same of the column itself.
        files: Files that are read.
        files_needed: Files that would be read.
        bytes_read: Bytes of the files that are read.
        bytes_needed: Bytes of those that would be.
    """

    table: TableName
    written: str
    plain: str
    files: int
    files_needed: int
    bytes_read: int
    bytes_needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often a table gets a new version.

    Attributes:
        table: The table.
        commits: How many of its newest commits were looked at.
        hours: Usual time between two of them.
    """

    table: TableName
    commits: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRun:
    """One earlier run of a node.

    Attributes:
        run_id: The run.
        action: The plan's word for what was done (add, rebuild, incremental, test).
        fingerprint: The node's fingerprint then.
        meter: What it used.
        rows: Rows written, or failing rows of a test.
        input_bytes: Bytes of its inputs then; None when unknown.
        at: ISO 8601 UTC time.
        expected: What the plan of the run expected it to use; None when that was not kept.
    """

    run_id: RunId
    action: str
    fingerprint: str
    meter: Meter
    rows: int | None
    input_bytes: int | None
    at: str
    expected: Cost | None = None

    @property
    def rows_in(self) -> float | None:
        """Rows of its inputs by the statistics that its plan was made from."""
        return None if self.expected is None else self.expected.rows_in.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What quantities cost: a figure of the user's, or a machine of a price book.

    Attributes:
        name: Shown as the basis of every figure of money.
        cpu_hour: Price of one CPU-hour.
        source: Where the figure is from.
        runs_per_month: Declared number of runs in a month, for monthly totals; None undeclared.
        budget_month: Budget for a month; None when there is none.
        currency: ISO 4217.
        book: ``name@date`` of the price book; empty for a figure of the user's.
        digest: SHA-256 of the book's content; empty likewise.
        machine: Kind of machine of the book; empty likewise.
        region: Region of the book; may be empty.
        vcpus: Processors of the machine; 0 when there is none.
        cpu_hour_at_list: Price of one CPU-hour before any contract; None when it is the same.
        gb_month: Price of 10^9 bytes stored for a month; None when the book does not say.
        rule: How the machine's time is billed; None when only work is, and idle time is not.
    """

    name: str
    cpu_hour: float
    source: str = ""
    runs_per_month: float | None = None
    budget_month: float | None = None
    currency: str = "USD"
    book: str = ""
    digest: str = ""
    machine: str = ""
    region: str = ""
    vcpus: int = 0
    cpu_hour_at_list: float | None = None
    gb_month: float | None = None
    rule: Rule | None = None

    @property
    def list_cpu_hour(self) -> float:
        """Price of one CPU-hour at list."""
        return self.cpu_hour if self.cpu_hour_at_list is None else self.cpu_hour_at_list


ConsumerKind = Literal[
    "share",
    "recipient",
    "experiment_run",
    "registered_model",
    "endpoint",
    "dashboard",
    "notebook",
    "job",
    "application",
]
"""What uses tables without being a node, in the order in which they are counted for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a consumer reads of one table.

    Attributes:
        table: Name of the node that builds it, or of the table with its schema.
        columns: Types by name, empty for any type; without any, all columns count.
    """

    table: str
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Whoever uses tables without being a node of the project.

    Attributes:
        name: Its name, such as ``churn@7``.
        kind: What it is.
        reads: What it relies on.
        owner: Whom to ask; may be empty.
        live: What is known of its use, for people: ``31 req/s``; may be empty.
        where: Where that is written, if it is.
    """

    name: str
    kind: ConsumerKind
    reads: tuple[Expected, ...]
    owner: str = ""
    live: str = ""
    where: Span | None = None

    @property
    def node(self) -> NodeId:
        """Its id among those of nodes."""
        return NodeId(f"{self.kind}.consumer.{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that the planner may know about the world.

    Attributes:
        deployed: Nodes of the last successful runs.
        tables: Every relation that the graph reads or writes and that exists now, by the text of
            its TableName.
        history: Earlier runs by node, newest first, at most HISTORY_RUNS_MAX each.
        lateness: Measured arrival of rows for the event columns of incremental models.
        prices: None when the user declared none; dollars are then unknown.
        compared_with: Shown in the plan's first line; the newest run, empty before the first.
        today: ISO date of planning, for models that read the calendar.
        packages: Checksums of the packages at the last run, by name; None before the first.
        held: Of models with ``refresh`` that are built: what they have read of each input table,
            by the text of its TableName.
        needed: The files that the filters of a node's query can touch, by the text of
            the table's TableName; only tables of which there are others.
        needed_before: Likewise for the query that is deployed, where that is another one.
        keys: How often values occur of the stored columns that new and changed models join by.
        upkeep: Compaction of tables that would pay, as they are now.
        setbacks: Columns by which incremental models leave older rows out, and whose values went
            back from one commit to a later one.
        hidden: Files that filters of new and changed nodes could leave out and do not.
        cadences: How often the sources of incremental models get new versions; only where a
            schedule is declared.
    """

    deployed: Mapping[NodeId, DeployedNode] = field(default_factory=lambda: MappingProxyType({}))
    tables: Mapping[str, TableState] = field(default_factory=lambda: MappingProxyType({}))
    history: Mapping[NodeId, tuple[NodeRun, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    lateness: tuple[Lateness, ...] = ()
    prices: Prices | None = None
    compared_with: str = ""
    today: str = ""
    packages: Mapping[str, str] | None = None
    held: Mapping[NodeId, Mapping[str, Held]] = field(default_factory=lambda: MappingProxyType({}))
    needed: Mapping[NodeId, Mapping[str, NeededFiles]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    needed_before: Mapping[NodeId, Mapping[str, NeededFiles]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    consumers: tuple[Consumer, ...] = ()
    keys: tuple[KeyShape, ...] = ()
    upkeep: tuple[Proposal, ...] = ()
    setbacks: tuple[Setback, ...] = ()
    cadences: tuple[Cadence, ...] = ()
    hidden: Mapping[NodeId, tuple[Hidden, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
