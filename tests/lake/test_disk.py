"""When a lake in a folder flushes, and what is left when flushing or writing fails."""

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from tests.lake.writing import RUN, append, create, open_table

from headwater.base.errors import HeadwaterError
from headwater.lake.disk import Disk, FlushedNames, QuickDisk, disk_of
from headwater.lake.maintain import find_orphans
from headwater.lake.make_checkpoint import make_checkpoint
from headwater.lake.storage import LocalStorage, open_storage
from headwater.lake.table import Table


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    true = os.fsync

    def fsync(descriptor: int) -> None:
        found.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        true(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def opened(root: Path, disk: Disk) -> Table:
    return Table(str(root), open_storage(str(root), disk=disk))


def test_a_commit_flushes_data_entry_and_names(tmp_path: Path, flushed: list[str]) -> None:
    create(opened(tmp_path / "t", disk_of("power")), "select 1 as a")
    flushed.clear()

    append(opened(tmp_path / "t", disk_of("power")), "select 2 as a")

    kinds = [Path(name).suffix or name.split("-")[0] for name in flushed]
    assert [kind for kind in kinds if kind == ".parquet"] == [".parquet"]
    assert kinds[-1] == "_delta_log"
    assert len(flushed) == 4  # the data file, the table's folder, the entry, the log's folder


def test_durability_of_processes_flushes_nothing(tmp_path: Path, flushed: list[str]) -> None:
    table = opened(tmp_path / "t", disk_of("process"))

    create(table, "select 1 as a")
    append(table, "select 2 as a")
    make_checkpoint(table, 1)

    assert flushed == []
    assert sorted(pl.read_delta(table.root)["a"].to_list()) == [1, 2]


def test_a_missing_data_file_is_noticed_without_flushing(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path), disk=QuickDisk())

    with pytest.raises(HeadwaterError) as caught:
        storage.make_durable(["nothing.parquet"])

    assert caught.value.code == "file-not-found"


def test_a_log_folder_that_another_process_made_is_flushed_with_the_first_version(
    tmp_path: Path, flushed: list[str]
) -> None:
    root = tmp_path / "t"
    (root / "_delta_log").mkdir(parents=True)  # by a process that died before it flushed the name

    create(opened(root, Disk()), "select 1 as a")

    assert "t" in flushed[: next(i for i, name in enumerate(flushed) if name.startswith(".tmp-"))]


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Making:
    """Makes tables in one lake, each some seconds after the one before."""

    top: Path
    flushed: list[str]

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.lake = LocalStorage(str(self.top / "lake"), Disk(), FlushedNames(self.clock))

    def make(self, name: str, *, after: float) -> set[str]:
        """Return which of the folders above were flushed."""
        self.clock.now += after
        self.flushed.clear()
        create(Table(str(self.top / "lake/catalog/schema" / name), self.lake), "select 1 as a")
        return {*self.flushed} & {"catalog", "lake", self.top.name, "schema"}


def test_folders_above_tables_in_which_nothing_changes_are_flushed_no_more(
    tmp_path: Path, flushed: list[str]
) -> None:
    making = Making(top=tmp_path, flushed=flushed)
    above = {"catalog", "lake", tmp_path.name}

    made = [making.make(str(number), after=1) for number in range(6)]

    assert made == [{*above, "schema"}] * 4 + [{"schema"}] * 2


def test_a_folder_above_that_has_changed_is_flushed_again(
    tmp_path: Path, flushed: list[str]
) -> None:
    making = Making(top=tmp_path, flushed=flushed)
    for number in range(3):
        making.make(str(number), after=9)
    (tmp_path / "lake/other").mkdir()

    assert making.make("next", after=0) == {"lake", "schema"}
    assert making.make("last", after=9) == {"lake", "schema"}
    assert making.make("end", after=0) == {"schema"}


def test_folders_that_were_made_anew_are_flushed_anew(tmp_path: Path, flushed: list[str]) -> None:
    making = Making(top=tmp_path, flushed=flushed)
    for number in range(3):
        making.make(str(number), after=9)
    shutil.rmtree(tmp_path / "lake")

    assert making.make("next", after=9) == {"catalog", "lake", "schema", tmp_path.name}


def test_a_checkpoint_is_flushed_before_what_points_to_it(
    tmp_path: Path, flushed: list[str]
) -> None:
    table = opened(tmp_path / "t", Disk())
    create(table, "select 1 as a")
    append(table, "select 2 as a")
    flushed.clear()

    assert make_checkpoint(table, 1)

    names = [name.removeprefix(".tmp-").split("-")[0] for name in flushed]
    assert names == [
        "00000000000000000001.checkpoint.parquet",
        "_delta_log",
        "_last_checkpoint",
        "_delta_log",
    ]
    assert DeltaTable(table.root).version() == 1
    assert make_checkpoint(table, 1)


def test_readers_start_from_the_checkpoint_when_the_entries_are_gone(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    append(table, "select 2 as a")
    make_checkpoint(table, 1)
    append(table, "select 3 as a")
    make_checkpoint(table, 2)  # from the checkpoint before

    for version in (0, 1):
        (tmp_path / "t" / "_delta_log" / f"{version:020}.json").unlink()

    assert sorted(pl.read_delta(table.root)["a"].to_list()) == [1, 2, 3]
    assert open_table(tmp_path / "t").snapshot().rows == 3


class FullDisk(Disk):
    """A disk that is full when a name is to be replaced."""

    def replace(self, source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_upload_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"data")
    storage = open_storage(str(tmp_path / "lake"), disk=FullDisk())

    with pytest.raises(HeadwaterError) as caught:
        storage.upload(str(tmp_path / "source"), "a/x")

    assert caught.value.code == "disk-full"
    assert list(storage.list()) == []


@pytest.mark.parametrize(
    "name",
    [
        "_delta_log/.tmp-00000000000000000001.checkpoint.parquet-0011223344556677",
        "_delta_log/.tmp-_last_checkpoint-0011223344556677",
        f"{RUN}-1-vectors/.tmp-deletion_vector_64349ec0-744a-4da8-8047-80303bb35edd.bin-00112233",
    ],
)
def test_what_a_killed_writer_was_putting_is_an_orphan(tmp_path: Path, name: str) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    path = tmp_path / "t" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"half")

    assert [found.path for found in find_orphans(table)] == [name]
