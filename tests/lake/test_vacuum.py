"""A vacuum deletes what no reader can still want, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.lake.writing import RUN, adding, clock_at, make_commit, open_table, write_files

from headwater.base.errors import Invalid
from headwater.lake.commit import AddFile, RemoveFile, SetSchema, commit
from headwater.lake.deletion_vectors import write_vectors
from headwater.lake.delta import write_checkpoint
from headwater.lake.replay import entry_name
from headwater.lake.table import Table
from headwater.lake.vacuum import RETENTION, find_dead, retention_of

START = datetime(2026, 11, 1, tzinfo=UTC)


def at(day: float) -> int:
    return int((START + timedelta(days=day)).timestamp() * 1000)


def write(table: Table, sql: str, day: float, *, removes: tuple[str, ...] = ()) -> str:
    """Commit one new file on a day; return its path."""
    columns, files = write_files(table.root, sql)
    schema = () if table.version_or_none() is not None else (SetSchema(columns=columns),)
    gone = tuple(RemoveFile(path=path) for path in removes)
    entry = make_commit(*schema, *adding(*files), *gone)
    commit(table, entry, clock_at(START + timedelta(days=day)))
    return files[0].path


def dead(table: Table, day: float) -> list[str]:
    found = find_dead(table, before_ms=at(day))
    return sorted(file.path for file in found.removed)


def test_a_file_dies_when_the_last_version_with_it_is_old_enough(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    first = write(table, "select 1 as a", 0)
    second = write(table, "select 2 as a", 1, removes=(first,))
    write(table, "select 3 as a", 5, removes=(second,))

    assert [dead(table, day) for day in (0.5, 1, 4.9, 5)] == [
        [],
        [first],
        [first],
        sorted([first, second]),
    ]


def test_a_file_that_came_back_lives(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    first = write(table, "select 1 as a", 0)
    file = table.snapshot().files[0]
    second = write(table, "select 2 as a", 1, removes=(first,))
    commit(table, make_commit(RemoveFile(path=second), AddFile(file=file)), clock_at(START))

    assert dead(table, 9) == [second]


def test_files_that_vectors_share_live_while_one_of_them_is_needed(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    paths = [write(table, "select i as a from range(30000) t(i)", day) for day in (0, 0.1)]
    rows = {path: range(0, 30_000, 2) for path in paths}
    vectors = write_vectors(table.storage, rows, prefix=f"{RUN}-1-")
    files = {file.path: replace(file, deleted_rows=tuple(rows[file.path]))
             for file in table.snapshot().files}  # fmt: skip
    hide = [AddFile(file=files[path], vector=vectors[path]) for path in paths]
    gone = [RemoveFile(path=path) for path in paths]
    commit(table, make_commit(*gone, *hide), clock_at(START + timedelta(days=1)))
    commit(table, make_commit(gone[0]), clock_at(START + timedelta(days=2)))
    shared = str(next(tmp_path.rglob("*.bin")).relative_to(tmp_path))

    with_one = dead(table, 9)
    commit(table, make_commit(gone[1]), clock_at(START + timedelta(days=3)))

    assert with_one == [paths[0]]
    assert dead(table, 9) == sorted([*paths, shared])


def test_vectors_stay_where_the_log_begins_with_a_checkpoint(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    paths = [write(table, "select i as a from range(30000) t(i)", day) for day in (0, 0.1)]
    rows = {path: range(0, 30_000, 2) for path in paths}
    vectors = write_vectors(table.storage, rows, prefix=f"{RUN}-1-")
    for path in paths:
        file = next(file for file in table.snapshot().files if file.path == path)
        hidden = replace(file, deleted_rows=tuple(rows[path]))
        add = AddFile(file=hidden, vector=vectors[path])
        commit(table, make_commit(RemoveFile(path=path), add), clock_at(START))
    write_checkpoint(table.root, {}, 2)  # two files hide rows; entry 3 hides those of the second
    for version in range(3):
        (tmp_path / entry_name(version)).unlink()

    fresh = open_table(tmp_path)

    assert dead(fresh, 9) == []
    assert fresh.snapshot().rows == 30_000


def test_what_killed_writers_left_dies_when_it_is_old(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    write(table, "select 1 as a", 0)
    _, orphans = write_files(table.root, "select 2 as a")
    now = int(datetime.now(UTC).timestamp() * 1000)

    young = find_dead(table, before_ms=now - 60_000)
    old = find_dead(table, before_ms=now + 60_000)
    running = find_dead(table, before_ms=now + 60_000, live_prefixes=(RUN,))

    assert (young.orphans, running.orphans) == ((), ())
    assert [file.path for file in old.orphans] == [orphans[0].path]
    assert old.size_bytes == orphans[0].size_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, RETENTION),
        ("interval 1 day", timedelta(days=1)),
        ("interval 36 hours", timedelta(hours=36)),
        ("2 WEEKS", timedelta(days=14)),
    ],
)
def test_the_table_says_how_long_files_are_kept(
    tmp_path: Path, text: str | None, expected: timedelta
) -> None:
    table = open_table(tmp_path)
    columns, files = write_files(table.root, "select 1 as a")
    properties = {} if text is None else {"delta.deletedFileRetentionDuration": text}
    commit(table, make_commit(SetSchema(columns=columns, properties=properties), *adding(*files)))

    assert retention_of(table) == expected


def test_a_time_that_cannot_be_read_is_not_guessed(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    columns, _ = write_files(table.root, "select 1 as a")
    properties = {"delta.deletedFileRetentionDuration": "a while"}
    commit(table, make_commit(SetSchema(columns=columns, properties=properties)))

    with pytest.raises(Invalid) as caught:
        retention_of(table)

    assert caught.value.code == "retention-unreadable"
