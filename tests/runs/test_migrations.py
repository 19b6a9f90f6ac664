"""Plans of a change of a stored table, by its log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runs.world import build, opened

from headwater.plan import migration
from headwater.plan.migrate import Operation
from headwater.runs import migrations
from headwater.runs.context import Context
from headwater.runs.migrations import read_migration

RENAME = Operation(verb="rename", column="id", to="key")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    rows = "select i as id, i % 3 as day from range(9) as t(i)"
    yield from opened(tmp_path, build("t", rows, partition_by=("day",)))


@pytest.mark.parametrize(("most", "chunks"), [(3, ["0", "1", "2"]), (2, [])])
def test_a_table_is_rewritten_in_chunks_only_where_these_are_all_of_it(
    context: Context, monkeypatch: pytest.MonkeyPatch, most: int, chunks: list[str]
) -> None:
    monkeypatch.setattr(migration, "CHUNKED_FROM", 1)
    monkeypatch.setattr(migration, "CHUNK_BYTES", 1)
    monkeypatch.setattr(migrations, "PARTITIONS_MAX", most)

    [ours, _] = read_migration(context, "t", [RENAME]).engines

    assert [chunk.first for chunk in ours.chunks] == chunks
