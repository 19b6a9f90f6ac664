"""Checkpoints say what the entries before them said, however large they are."""

import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lake.test_deletion_vectors import hidden
from tests.lake.writing import append, create, make_commit, open_table, write_files

from headwater.lake import checkpoint as module
from headwater.lake.checkpoint import parts_or_none, read_parts_or_none
from headwater.lake.commit import RemoveFile, SetTransaction, commit
from headwater.lake.delta import write_checkpoint
from headwater.lake.files import ActiveFiles
from headwater.lake.replay import entry_name
from headwater.lake.snapshot import Snapshot
from headwater.lake.storage import LocalStorage
from headwater.lake.table import Table

NEVER = "_delta_log/00000000000000000003.checkpoint.parquet"


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table with partitions, hidden rows, a transaction and odd names in four versions."""
    made = open_table(tmp_path / "t")
    rows = "select i as a, 1.25::decimal(9,2) as d, 'x%y z' as p from range(100) r(i)"
    create(made, rows, partition_by=("p",), transaction=7)
    append(made, "select 2 as a, null::decimal(9,2) as d, null as p", partition_by=("p",))
    path = next(file.path for file in made.snapshot().files if file.rows == 100)
    commit(made, hidden(made, path, [1, 50, 99]))
    commit(made, make_commit(SetTransaction(app_id="b/c", version=3)))
    return made


def from_checkpoint(table: Table) -> Table:
    """Leave only the checkpoint of the newest version."""
    version = table.version_or_none() or 0
    write_checkpoint(table.root, {}, version)
    for number in range(version + 1):
        Path(table.root, entry_name(number)).unlink()
    return open_table(table.root)


def says(snapshot: Snapshot) -> object:
    return (
        snapshot.version,
        snapshot.columns,
        snapshot.partition_columns,
        dict(snapshot.transactions),
        dict(snapshot.properties),
        snapshot.features,
        snapshot.table_id,
        sorted(map(str, snapshot.files)),
        snapshot.rows,
        snapshot.size_bytes,
        len(snapshot.files),
    )


@pytest.mark.parametrize("kept_max", [0, 20_000], ids=["large", "small"])
def test_a_checkpoint_says_what_the_entries_say(
    table: Table, kept_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_ADDS_MAX", kept_max)
    expected, vectors = says(table.snapshot()), dict(table.vectors(3))

    fresh = from_checkpoint(table)

    assert says(fresh.snapshot()) == expected
    assert dict(fresh.vectors(3)) == vectors
    assert (fresh.transaction_or_none("app"), fresh.transaction_or_none("none")) == (7, None)


@pytest.mark.parametrize("kept_max", [0, 20_000], ids=["large", "small"])
def test_entries_after_a_checkpoint_change_what_it_says(
    table: Table, kept_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_ADDS_MAX", kept_max)
    fresh = from_checkpoint(table)
    small, large = sorted(fresh.snapshot().files, key=lambda file: file.rows or 0)

    commit(fresh, make_commit(RemoveFile(path=small.path)))
    commit(fresh, hidden(fresh, large.path, list(range(1, 100))))
    append(fresh, "select 5 as a, 2.5::decimal(9,2) as d, 'z' as p", partition_by=("p",))

    snapshot = open_table(fresh.root).snapshot()
    assert says(fresh.snapshot()) == says(snapshot)
    assert (snapshot.rows, len(snapshot.files)) == (2, 2)
    assert snapshot.size_bytes == sum(file.size_bytes for file in snapshot.files)
    assert [file.path for file in snapshot.files[:9]] == [file.path for file in snapshot.files]
    assert snapshot.files[-1] == tuple(snapshot.files)[1]


def test_a_checkpoint_in_parts_is_one(table: Table) -> None:
    expected = says(table.snapshot())
    fresh = from_checkpoint(table)
    log = Path(table.root, "_delta_log")
    whole = Path(table.root, NEVER)
    for number in (1, 2):
        name = f"{3:020d}.checkpoint.{number:010d}.{2:010d}.parquet"
        duckdb.sql(
            f"copy (select * from read_parquet('{whole}', file_row_number=true)"
            f" where file_row_number % 2 = {number - 1}) to '{log / name}' (format parquet)"
        )
    whole.unlink()

    assert says(fresh.snapshot()) == expected


@pytest.mark.parametrize(
    ("paths", "is_ours"),
    [
        (["_delta_log/00000000000000000003.checkpoint.parquet"], True),
        (["_delta_log/00000000000000000003.checkpoint.0000000001.0000000001.parquet"], True),
        (["_delta_log/00000000000000000003.checkpoint.0000000001.0000000002.parquet"], False),
        (["_delta_log/00000000000000000003.checkpoint.80a083e8-7026.parquet"], False),
        (["_delta_log/00000000000000000003.checkpoint.80a083e8-7026.json"], False),
    ],
)
def test_checkpoints_that_hold_their_actions_are_known(paths: list[str], is_ours: bool) -> None:
    assert (parts_or_none(paths) is not None) == is_ours


def test_a_checkpoint_whose_actions_are_elsewhere_is_left_to_others(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    name = "_delta_log/00000000000000000000.checkpoint.parquet"
    duckdb.sql(
        "copy (select {'path': 'x.parquet', 'sizeInBytes': 3} as sidecar,"
        " null::struct(path varchar) as add)"
        f" to '{tmp_path / name}' (format parquet)"
    )

    assert read_parts_or_none(LocalStorage(str(tmp_path)), [name], 0) is None


def test_statistics_of_a_large_table_that_cannot_be_read_are_none(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_ADDS_MAX", 0)
    columns, (file,) = write_files(table.root, "select 1 as a, 1.0 as d", partition_by=())
    entry = Path(table.root, entry_name(4))
    add = {
        "path": file.path,
        "partitionValues": {"p": "q"},
        "size": 9,
        "modificationTime": 1,
        "dataChange": True,
        "stats": "{broken",
    }
    entry.write_text(json.dumps({"add": add}), "utf-8")

    snapshot = from_checkpoint(table).snapshot()

    assert (len(columns), snapshot.rows, len(snapshot.files)) == (2, None, 3)


class Numbers:
    """Files of a checkpoint that are numbers."""

    def __init__(self, listed: dict[str, int]) -> None:
        self.listed = listed
        self.places = {path: place for place, path in enumerate(listed)}

    def __len__(self) -> int:
        return len(self.listed)

    def at(self, place: int) -> int:
        return list(self.listed.values())[place]

    def pairs(self) -> object:
        return iter(self.listed.items())

    def sizes(self) -> object:
        return iter(self.listed.values())

    def row_counts(self) -> object:
        return iter(self.listed.values())


CHANGES = st.lists(st.tuples(st.sampled_from(["put", "pop", "copy"]), st.sampled_from("abcdef")))


@given(start=st.dictionaries(st.sampled_from("abcd"), st.integers()), changes=CHANGES)
def test_active_files_are_as_a_dict(start: dict[str, int], changes: list[tuple[str, str]]) -> None:
    files: ActiveFiles[int] = ActiveFiles(Numbers(start))  # type: ignore[arg-type] # iterators as objects
    plain = dict(start)

    for number, (verb, path) in enumerate(changes):
        match verb:
            case "put":
                files[path] = plain[path] = number
            case "pop":
                assert files.pop(path, None) == plain.pop(path, None)
            case _:
                left = files
                files = files.copy()
                left["other"] = 1
        assert (path in files) == (path in plain)

    assert dict(files) == dict(files.pairs()) == plain
    assert len(files) == len(plain)
    assert all(files.get(path) == plain.get(path) for path in "abcdef")
