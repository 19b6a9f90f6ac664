"""The write of every row, and of whole partitions."""

# ruff: noqa: S608 - names and literals are ours or quoted; users' SQL is a part of its own
from collections.abc import Sequence
from dataclasses import replace

from headwater.base.meters import Meter
from headwater.base.relations import Column
from headwater.engines.duckdb.bind import Lookup
from headwater.engines.duckdb.cluster import clustered
from headwater.engines.duckdb.connection import Connection, Statement
from headwater.engines.duckdb.copy import cast_columns, copy_to_files, stored_columns
from headwater.engines.duckdb.output import output_columns, project_by_name
from headwater.engines.engine import Destination, WritePartitions, Written
from headwater.lake.snapshot import DataFile


def write_all(
    connection: Connection,
    query: str,
    destination: Destination,
    cluster_by: Sequence[str] = (),
) -> Written:
    """Write every row of a query, near ones in the same files where that is asked for.

    Raises:
        Invalid: ``type-not-storable``, ``duplicate-column``.
    """
    columns = stored_columns(connection.describe(query))
    if cluster_by:
        query = clustered(query, [column.name for column in columns], cluster_by)
    selected = Statement(before=f"SELECT {cast_columns(columns)} FROM (\n", sql=query, after="\n)")
    added = copy_to_files(connection, selected, columns, destination, in_order=bool(cluster_by))
    return make_written(connection.meter, added, columns, inserted=rows_of(added))


def write_partitions(
    connection: Connection,
    query: str,
    mode: WritePartitions,
    destination: Destination,
    *,
    lookup_name: str,
) -> Written:
    """Write a query's rows in place of the target's partitions that they belong to.

    A table without partitions is one partition. Columns are matched by name.

    Raises:
        Invalid: ``type-not-storable``, ``duplicate-column``.
    """
    target = mode.target
    source = connection.describe(query)
    columns = output_columns(target.columns, source)
    selected = Statement(
        before=f"SELECT {project_by_name(columns, source)} FROM (\n", sql=query, after="\n)"
    )
    added = copy_to_files(connection, selected, columns, destination)
    removed = _files_in_partitions(connection, mode, columns, added, lookup_name)
    written = make_written(connection.meter, added, columns, inserted=rows_of(added))
    deleted = sum((file.rows or 0) - len(file.deleted_rows) for file in removed)
    return replace(written, removed=tuple(file.path for file in removed), rows_deleted=deleted)


def rows_of(files: Sequence[DataFile]) -> int:
    """Add up the rows of data files."""
    return sum(file.rows or 0 for file in files)


def make_written(
    meter: Meter, added: tuple[DataFile, ...], columns: tuple[Column, ...], *, inserted: int
) -> Written:
    """Say what a write left, its meter completed with what is in the files."""
    return Written(
        added=added,
        removed=(),
        columns=columns,
        rows_inserted=inserted,
        rows_updated=0,
        rows_deleted=0,
        meter=replace(
            meter,
            bytes_written=sum(file.size_bytes for file in added),
            rows_written=rows_of(added),
        ),
    )


def _files_in_partitions(
    connection: Connection,
    mode: WritePartitions,
    columns: tuple[Column, ...],
    added: tuple[DataFile, ...],
    lookup_name: str,
) -> tuple[DataFile, ...]:
    """Find the target's files in the same partitions, comparing values and not their spelling."""
    names = mode.target.partition_columns
    files = tuple(mode.target.files)
    if not added:
        return ()
    if not names:
        return files
    old = _partition_table(f"{lookup_name}_old", files, names)
    new = _partition_table(f"{lookup_name}_new", added, names)
    connection.make_lookups((old, new))
    kinds = {column.name: column.type for column in columns}
    same = " AND ".join(
        f"CAST(o.p{place} AS {kinds[name]}) IS NOT DISTINCT FROM CAST(n.p{place} AS {kinds[name]})"
        for place, name in enumerate(names)
    )
    found = connection.rows(f"SELECT o.file FROM {old.name} o SEMI JOIN {new.name} n ON {same}")
    touched = {str(row[0]) for row in found}
    return tuple(file for file in files if file.path in touched)


def _partition_table(
    name: str, files: Sequence[DataFile], partition_columns: Sequence[str]
) -> Lookup:
    return Lookup(
        name=name,
        columns=(
            ("file", "VARCHAR"),
            *((f"p{place}", "VARCHAR") for place in range(len(partition_columns))),
        ),
        values=(
            tuple(file.path for file in files),
            *(
                tuple(file.partition_values.get(column) for file in files)
                for column in partition_columns
            ),
        ),
    )
