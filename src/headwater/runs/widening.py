"""Writes the rows of a table again because columns of it are widened, as a part of a commit.

Delta has a feature by which files keep the narrower type (``typeWidening``), which neither delta-rs
nor Polars reads; rows that are written again are read by everybody.
"""

# ruff: noqa: S608 - names are quoted

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName, quote_identifier
from headwater.engines.engine import Destination, WriteAll
from headwater.lake.commit import Action, AddFile, RemoveFile
from headwater.lake.compaction import cluster_columns, tagged
from headwater.lake.mapping import mapped_or_none
from headwater.lake.snapshot import Snapshot
from headwater.runs.context import Context

_OWN = "__headwater_widened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Widened:
    """A table's rows, written again.

    Attributes:
        actions: New files in the place of the old ones.
        files: How many were written again.
        meter: What that used.
    """

    actions: tuple[Action, ...]
    files: int
    meter: Meter


def widened_columns(before: Sequence[Column], after: Sequence[Column]) -> tuple[str, ...]:
    """Say which columns have another type, as ``name: old -> new``."""
    new = {column.name: column.type for column in after}
    return tuple(
        f"{column.name}: {column.type} -> {new[column.name]}"
        for column in before
        if new.get(column.name, column.type) != column.type
    )


def write_widened(
    context: Context, snapshot: Snapshot, columns: Sequence[Column], prefix: str
) -> Widened:
    """Write a table's rows again with the types of some columns.

    Args:
        context: The world.
        snapshot: The table.
        columns: All columns that the table will have; those that it has not are left out.
        prefix: Beginning of the new files' names.

    Raises:
        HeadwaterError: As ``Session.write`` does.
    """
    kinds = {column.name: column.type for column in columns}
    parts = ", ".join(
        f"CAST({name} AS {kinds[column.name]}) AS {name}"
        for column in snapshot.columns
        for name in [quote_identifier(column.name)]
    )
    own = TableName(context.catalog, context.schema, _OWN)
    clustered = cluster_columns(snapshot)
    destination = Destination(
        root=snapshot.root,
        prefix=prefix,
        partition_by=snapshot.partition_columns,
        mapped=mapped_or_none(snapshot),
    )
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    try:
        session.bind(own, snapshot)
        mode = WriteAll(cluster_by=clustered)
        written = session.write(f"SELECT {parts} FROM {own.quoted()}", mode, destination)
    finally:
        session.close()
    return Widened(
        actions=(
            *(RemoveFile(path=file.path, changes_data=False) for file in snapshot.files),
            *(AddFile(file=tagged(file, clustered), changes_data=False) for file in written.added),
        ),
        files=len(snapshot.files),
        meter=written.meter,
    )
