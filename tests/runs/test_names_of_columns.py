"""Columns keep the spelling that the table's files have: other readers tell case apart."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.runs.world import (
    append,
    build,
    merge,
    opened,
    relation,
    run_steps,
    target,
)

from headwater.base.errors import InternalError
from headwater.engines.engine import Destination, WriteAll
from headwater.lake.commit import AddFile, Commit, commit
from headwater.plan.plan import OnSchemaChange
from headwater.runs.context import Context

OTHER_CASE = "select 2 as ID, 'b' as WORD"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", "select 1 as id, 'a' as Word"))


def by_polars(context: Context) -> list[tuple[object, ...]]:
    frame = pl.read_delta(context.tables.table(relation("t")).root)
    return sorted(frame.rows(), key=str)


@pytest.mark.parametrize("mode", ["ignore", "fail", "append_new_columns", "sync_all_columns"])
def test_rows_under_names_in_other_case_are_read_by_everybody(
    context: Context, mode: OnSchemaChange
) -> None:
    run = run_steps(context, append("t", OTHER_CASE, 0, on_schema_change=mode))

    columns = [each.name for each in context.tables.table(relation("t")).snapshot().columns]
    assert (run.status, columns) == ("success", ["id", "Word"])
    assert by_polars(context) == [(1, "a"), (2, "b")]


def test_merged_rows_are_too(context: Context) -> None:
    run_steps(context, merge("t", "select 1 as ID, 'b' as WORD union all select 3, 'c'", 0))

    assert by_polars(context) == [(1, "b"), (3, "c")]


def test_a_column_that_is_dropped_leaves_the_others_as_they_are_spelled(context: Context) -> None:
    step = append("t", "select 2 as ID", 0, on_schema_change="sync_all_columns")
    run_steps(context, replace(step, target=target("t", version=0, materialized="incremental")))

    assert by_polars(context) == [(1,), (2,)]


def test_a_file_in_other_spelling_is_not_committed(context: Context) -> None:
    table = context.tables.table(relation("t"))
    session = context.engine.open_session(catalog="shop", schema="main")
    destination = Destination(root=table.root, prefix="x")
    written = session.write(OTHER_CASE, WriteAll(), destination)
    session.close()
    entry = Commit(
        operation="WRITE",
        requirements=(),
        actions=tuple(AddFile(file=file) for file in written.added),
    )

    with pytest.raises(InternalError, match="contradicts itself"):
        commit(table, entry)
