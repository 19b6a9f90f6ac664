"""Plans a change of a stored table's columns from its log, with whom in the project it touches.

No data file is opened: a table whose files are gone is planned like any other.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from headwater.base.errors import Invalid, NotFound
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.graph.around import edges_around
from headwater.graph.graph import Graph
from headwater.lake.snapshot import Snapshot
from headwater.lake.vacuum import retention_of
from headwater.plan.impact import DECLARED, retype_effect
from headwater.plan.migrate import Operation
from headwater.plan.migration import Affected, Migration, PartitionSize, plan_migration
from headwater.plan.plan import Effect
from headwater.plan.state import Prices, TableState
from headwater.runs.context import Context
from headwater.runs.query import find_table, table_of
from headwater.runs.state import stored_state

COMMITS_MAX = 200
"""Of how many of the newest commits the pace and the rate of writers are taken."""

PARTITIONS_MAX = 100_000
"""Of tables with more partitions no chunks are told."""

SECONDS_PER_DAY = 86_400


def read_migration(
    context: Context,
    name: str,
    operations: Sequence[Operation],
    *,
    prices: Prices | None = None,
    graph: Graph | None = None,
) -> Migration:
    """Say what a change of a table takes, costs and risks.

    Args:
        context: The world.
        name: The table.
        operations: What is to be done, together.
        prices: What quantities cost; None when that is not declared.
        graph: The project, to say whom it touches; None when there is none.

    Raises:
        NotFound: ``relation-not-found``.
        Invalid: ``migration-empty``.
        DataDamaged: ``log-damaged``.
    """
    if not operations:
        raise Invalid(
            "migration-empty",
            "no change of the table was asked for",
            fix="say what: --add 'note VARCHAR', --drop note, --rename note=remark, "
            "--retype id=BIGINT, --not-null id, --partition-by day",
        )
    found = find_table(context, name)
    table = table_of(context, found)
    snapshot = table.snapshot()
    entries = table.history(limit=COMMITS_MAX)
    state = stored_state(found, snapshot, entries)
    return plan_migration(
        state,
        operations,
        prices=prices,
        partitions=tuple(_partitions(snapshot)),
        retention_days=retention_of(table).total_seconds() / SECONDS_PER_DAY,
        affected=() if graph is None else tuple(_affected(graph, found, state, operations)),
    )


def _partitions(snapshot: Snapshot) -> Iterator[PartitionSize]:
    """Give the partitions in the order of their values, with what their files take."""
    if not snapshot.partition_columns:
        return
    sizes, files = Counter[str](), Counter[str]()
    for file in snapshot.files:
        values = (file.partition_values.get(name) for name in snapshot.partition_columns)
        value = "/".join("null" if each is None else each for each in values)
        sizes[value] += file.size_bytes
        files[value] += 1
    if len(sizes) > PARTITIONS_MAX:
        return  # some of them would look like all of the table
    for value in sorted(sizes):
        yield PartitionSize(value=value, files=files[value], size_bytes=sizes[value])


def _affected(
    graph: Graph, name: TableName, table: TableState, operations: Sequence[Operation]
) -> Iterator[Affected]:
    """Give the nodes downstream of changed columns, the worst effect of each."""
    producer = next(
        (node for node, compiled in graph.nodes.items() if compiled.node.relation == name), None
    )
    if producer is None:
        return
    reached: dict[NodeId, dict[str, Effect]] = {}
    for operation in operations:
        effect = _effect(operation, table)
        if effect == "safe":
            continue
        for node in _readers(graph, producer, operation.column):
            reached.setdefault(node, {})[operation.column] = effect
    for node in graph.nodes:
        columns = reached.get(node)
        if columns:
            place = graph.nodes[node].node.where
            yield Affected(
                node=node,
                columns=tuple(columns),
                effect="breaks" if "breaks" in columns.values() else "degrades",
                where="" if place is None else str(place),
            )


def _effect(operation: Operation, table: TableState) -> Effect:
    """Say what an operation does to whoever reads the column."""
    if operation.verb in {"drop", "rename"}:
        return "breaks"
    if operation.verb != "retype":
        return "safe"
    types = {column.name.lower(): column.type for column in table.columns}
    return retype_effect(types.get(operation.column.lower(), ""), operation.to)


def _readers(graph: Graph, producer: NodeId, column: str) -> set[NodeId]:
    """Return the nodes that a column reaches, and the consumers that are declared of them."""
    try:
        edges = edges_around(graph, f"{producer}.{column}", direction="down")
    except NotFound:
        return set()  # the project's text does not make that column: only the table has it
    found = {edge.target.node for edge in edges} - {producer}
    for node, compiled in graph.nodes.items():
        if compiled.node.resource_type in DECLARED and {producer, *found} & {*compiled.depends_on}:
            found.add(node)
    return found
