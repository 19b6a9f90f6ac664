"""Writes tables as an engine would: DuckDB's COPY with statistics, then our commit."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

import duckdb

from headwater.base.clock import FixedClock
from headwater.base.relations import Column
from headwater.lake.commit import (
    CHECKPOINT_EVERY,
    Action,
    AddFile,
    Commit,
    RemoveFile,
    Requirement,
    SetSchema,
    SetTransaction,
    VersionIs,
    commit,
)
from headwater.lake.snapshot import DataFile
from headwater.lake.stats import data_file_from_copy
from headwater.lake.storage import open_storage
from headwater.lake.table import Table
from headwater.lake.types import storable_type

RUN = "20261121T060200-1f3a9c2e"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def open_table(root: Path | str) -> Table:
    return Table(str(root), open_storage(str(root)))


def clock_at(time: datetime = NOON) -> FixedClock:
    return FixedClock(time)


@cache
def shared_connection() -> duckdb.DuckDBPyConnection:
    """Return one connection for all tests: opening one costs more than a test's writing."""
    return duckdb.connect(config={"threads": 1})


def write_files(
    root: Path | str,
    sql: str,
    *,
    partition_by: tuple[str, ...] = (),
    prefix: str = f"{RUN}-1",
    connection: duckdb.DuckDBPyConnection | None = None,
) -> tuple[tuple[Column, ...], tuple[DataFile, ...]]:
    """Write the query's rows as data files; return its stored columns and the files."""
    database = connection or shared_connection()
    Path(root).mkdir(parents=True, exist_ok=True)
    described = database.execute(f"describe {sql}").fetchall()
    columns = tuple(Column(name=row[0], type=storable_type(row[1])) for row in described)
    casts = ", ".join(
        f"CAST({quoted(column.name)} AS {column.type}) AS {quoted(column.name)}"
        for column in columns
    )
    target, options = f"{root}/{prefix}-{uuid4()}.parquet", ""
    if partition_by:
        listed = ", ".join(quoted(name) for name in partition_by)
        options = (
            f", partition_by ({listed}), overwrite_or_ignore, filename_pattern '{prefix}-{{uuid}}'"
        )
        target = str(root)
    target = target.replace("'", "''")
    cursor = database.execute(
        f"copy (select {casts} from ({sql})) to '{target}' (format parquet, return_stats{options})"
    )
    names = [part[0] for part in cursor.description or ()]
    files = tuple(
        data_file_from_copy(
            dict(zip(names, row, strict=True)),
            root=str(root),
            columns=columns,
            partition_by=partition_by,
            modified_ms=1,
        )
        for row in cursor.fetchall()
    )
    return columns, files


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def adding(*files: DataFile) -> tuple[AddFile, ...]:
    return tuple(AddFile(file=file) for file in files)


def make_commit(
    *actions: Action,
    requirements: tuple[Requirement, ...] = (),
    headwater: Mapping[str, str] | None = None,
) -> Commit:
    return Commit(
        operation="WRITE",
        requirements=requirements,
        actions=actions,
        headwater=dict(headwater or {"run_id": RUN}),
    )


def create(
    table: Table, sql: str, *, partition_by: tuple[str, ...] = (), transaction: int | None = None
) -> int:
    """Create or replace the whole table with the query's rows."""
    columns, files = write_files(table.root, sql, partition_by=partition_by)
    old = table.snapshot_or_none()
    removes = () if old is None else tuple(RemoveFile(path=file.path) for file in old.files)
    done = () if transaction is None else (SetTransaction(app_id="app", version=transaction),)
    return commit(
        table,
        make_commit(
            SetSchema(columns=columns, partition_by=partition_by),
            *adding(*files),
            *removes,
            *done,
            requirements=(VersionIs(version=None if old is None else old.version),),
        ),
    )


def append(
    table: Table,
    sql: str,
    *,
    partition_by: tuple[str, ...] = (),
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> int:
    _, files = write_files(table.root, sql, partition_by=partition_by)
    return commit(table, make_commit(*adding(*files)), checkpoint_every=checkpoint_every)
