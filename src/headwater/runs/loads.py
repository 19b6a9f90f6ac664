"""A load while it runs: its lease, its record, and the name of the table that it makes.

Files and rows come in by different ways, but whoever looks at a workspace shall see both alike, and
nobody may take a load that is at work for dead.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from headwater.base.errors import Conflict, HeadwaterError, Invalid
from headwater.base.ids import RunId, new_run_id
from headwater.base.relations import Column, TableName
from headwater.catalog.names import full_name_or_none
from headwater.catalog.records import TableRecord, ViewRecord
from headwater.engines.engine import TakenColumn
from headwater.lake.commit import Action, Requirement, SchemaIs, SetSchema, VersionIs
from headwater.lake.replay import entry_name
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.table import Table
from headwater.plan.plan import Plan, Totals
from headwater.runs.began import Stopwatch, keep_begin
from headwater.runs.builders import check_not_built
from headwater.runs.context import Context
from headwater.runs.leases import leased

Verb = Literal["ingest", "append"]

SMALL_FILES_MAX = 96
"""Small data files that a table may have before a load compacts it."""

TRIES_MAX = 20
"""How often a batch is written again because other writers changed the table's columns."""


@dataclass(slots=True, kw_only=True)
class Load:
    """A load that holds its lease.

    Attributes:
        context: The world.
        name: The table's name.
        table: The table.
        run_id: The load's id; the names of its data files begin with it.
        verb: How rows come in.
        has_begun: It has a record, because it had something to do.
        stopwatch: Runs since the load was opened.
    """

    context: Context
    name: TableName
    table: Table
    run_id: RunId
    verb: Verb
    has_begun: bool = False
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def begin(self) -> None:
        """Keep that the load has something to do, before it writes anything; once."""
        if self.has_begun:
            return
        self.has_begun = True
        started = self.context.now()
        plan = Plan(
            project=self.name.catalog,
            target=self.verb,
            checksum=self.verb,
            compared_with="",
            created_at=started,
            steps=(),
            totals=Totals(),
        )
        keep_begin(self.context, self.run_id, plan, self.verb)

    def name_table(self) -> None:
        """Keep the table's name, when the load has made it."""
        if self.context.metastore.find_relation_or_none(self.name) is None:
            made = TableRecord(
                name=self.name,
                location=self.table.root,
                run_id=self.run_id,
                updated_at=self.context.now(),
            )
            self.context.metastore.put_relation(made)

    def end(self, status: Literal["success", "failed"]) -> None:
        """Keep how it ended; a store that cannot be written does not hide the load."""
        if self.has_begun:
            with suppress(HeadwaterError):
                end = self.stopwatch.end(status, self.context.now())
                self.context.metastore.finish_run(self.run_id, end)


@contextmanager
def loading(context: Context, name: TableName, verb: Verb) -> Iterator[Load]:
    """Hold a lease and keep a record of what is loaded into a table.

    Raises:
        Denied: ``workspace-read-only``.
    """
    table = context.tables.table(name)
    run_id = new_run_id(context.clock)
    load = Load(context=context, name=name, table=table, run_id=run_id, verb=verb)
    status: Literal["success", "failed"] = "failed"
    with leased(context, run_id, verb, table.root):
        try:
            yield load
            status = "success"
        finally:
            load.end(status)


def fit_columns(
    snapshot: Snapshot | None, columns: tuple[Column, ...], wanted: Iterable[str]
) -> tuple[Requirement, tuple[Action, ...]]:
    """Return what a commit of a load requires of the table, and how it changes its columns.

    Rows for columns that the table has may follow any version with them; new columns follow the
    one version that was looked at.

    Args:
        snapshot: The table as the rows were written for it; None when it is made.
        columns: Its columns afterwards.
        wanted: Partition columns of a table that is made.

    Raises:
        Invalid: ``partition-column-missing``.
    """
    if snapshot is not None and columns == snapshot.columns:
        return SchemaIs(schema_string=snapshot.schema_string), ()
    by = _partition_names(columns, wanted) if snapshot is None else snapshot.partition_columns
    version = None if snapshot is None else snapshot.version
    return VersionIs(version=version), (SetSchema(columns=columns, partition_by=by),)


def typed_columns(
    target: tuple[Column, ...] | None, columns: Sequence[TakenColumn]
) -> tuple[Column, ...]:
    """Return a table's columns with the types that an intake gives them, and those that it adds."""
    nullable = {column.name: column.nullable for column in target or ()}
    return tuple(
        Column(each.name, each.type, nullable=nullable.get(each.name, True)) for each in columns
    )


def output_metrics(files: Sequence[DataFile]) -> dict[str, str]:
    """Return what a commit tells of the files that it adds, by Delta's names for it."""
    return {
        "numFiles": str(len(files)),
        "numOutputRows": str(sum(file.rows or 0 for file in files)),
        "numOutputBytes": str(sum(file.size_bytes for file in files)),
    }


def check_still_there(
    table: Table, version: int | None, error: HeadwaterError | None = None
) -> None:
    """Refuse to go on with a table that was taken away: a version that was seen is not in its log.

    Args:
        table: The table.
        version: The version; None when there was no table yet.
        error: What went wrong, if anything did.

    Raises:
        Conflict: ``load-table-gone``.
    """
    if version is None or _is_there(table, version):
        return
    then = "" if error is None else f"; what then went wrong: {error.what}"
    raise Conflict(
        "load-table-gone",
        f"the table at `{table.root}` was removed while rows were loaded into it",
        why=f"its version {version} is not there any more{then}",
        fix="put its folder back, or remove what is left of it and load all rows again",
    ) from error


def _is_there(table: Table, version: int) -> bool:
    """Tell whether a version is in a table's log; one that cannot be looked for counts as there."""
    with suppress(HeadwaterError):
        return table.storage.exists(entry_name(version))
    return True


def check_partitions(table: Table, wanted: tuple[str, ...]) -> None:
    """Refuse another partitioning than a table has.

    Raises:
        Invalid: ``ingest-partitions``.
    """
    snapshot = table.snapshot_or_none()
    if snapshot is None or not wanted:
        return
    has = [name.lower() for name in snapshot.partition_columns]
    if [name.lower() for name in wanted] != has:
        shown = ", ".join(snapshot.partition_columns) or "nothing"
        raise Invalid(
            "ingest-partitions",
            f"the table is partitioned by {shown}, not by {', '.join(wanted)}",
            why="a load adds rows; how they lie was decided when the table was made",
            fix="leave the partitioning out, or load into another table",
        )


def target_name(context: Context, text: str, *, is_forced: bool = False) -> TableName:
    """Return the full name of a table that can be loaded.

    Args:
        context: The world.
        text: The name as it was written.
        is_forced: The table may be what a node of the project builds.

    Raises:
        Invalid: ``ingest-target``; ``load-into-model``.
    """
    name = full_name_or_none(text, context.catalog, context.schema)
    if name is None:
        raise Invalid(
            "ingest-target",
            f"`{text}` is not the name of a table",
            fix="write name, schema.name or catalog.schema.name; a part with a dot or a quote in "
            'quotes: schema."a ""quoted"" name"',
        )
    record = context.metastore.find_relation_or_none(name)
    if name in context.sources or isinstance(record, ViewRecord):
        raise Invalid(
            "ingest-target",
            f"`{name}` is a view or a source of files, into which nothing can be loaded",
            fix="load into another table",
        )
    if not is_forced:
        check_not_built(context, name)
    return name


def _partition_names(columns: Iterable[Column], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return names of partition columns as the columns are spelled.

    Raises:
        Invalid: ``partition-column-missing``.
    """
    known = {column.name.lower(): column.name for column in columns}
    missing = [name for name in wanted if name.lower() not in known]
    if missing:
        raise Invalid(
            "partition-column-missing",
            f"partition column `{missing[0]}` is not among the columns",
            why=f"there are {', '.join(known.values())}",
            fix="partition by a column that the rows have",
        )
    return tuple(known[name.lower()] for name in wanted)
