"""Which files are written again: small ones together, those that hide rows, no others."""

from collections.abc import Sequence

import pytest

from headwater.base.relations import Column
from headwater.lake.compaction import choose_files, choose_newest, count_small
from headwater.lake.snapshot import DataFile, Snapshot


def chosen(*files: DataFile) -> list[list[str]]:
    found = choose_files(snapshot_of(files), file_bytes=100)
    return [[file.path for file in group] for group in found.groups]


def snapshot_of(files: Sequence[DataFile]) -> Snapshot:
    return Snapshot(
        root="/t",
        table_id="",
        version=0,
        columns=(Column("a", "INTEGER"),),
        partition_columns=(),
        files=tuple(files),
    )


def file(path: str, size: int, *, hidden: int = 0, part: str | None = None) -> DataFile:
    return DataFile(
        path=path,
        size_bytes=size,
        rows=1000,
        partition_values={} if part is None else {"p": part},
        deleted_rows=tuple(range(hidden)),
        modified_ms=int(path.strip("abcdefgh") or 0),
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), []),
        ((file("a", 100), file("b", 50)), []),
        ((file("a", 49),), []),
        ((file("a", 49), file("b", 49)), [["a", "b"]]),
        ((file("a", 49), file("b", 49), file("c", 49)), [["a", "b"]]),
        ((file("a", 100, hidden=1),), [["a"]]),
        ((file("a", 100, hidden=1), file("b", 10)), [["a"]]),
        ((file("a", 10, part="x"), file("b", 10, part="y")), []),
        ((file("a", 10, part="x"), file("b", 10, part="y"), file("c", 10, part="x")), [["a", "c"]]),
    ],
)
def test_files_are_chosen(files: tuple[DataFile, ...], expected: list[list[str]]) -> None:
    assert chosen(*files) == expected


def test_files_written_after_each_other_stay_together() -> None:
    files = [file(f"a{number}", 30) for number in (5, 1, 4, 2, 3, 6)]

    assert chosen(*files) == [["a1", "a2", "a3"], ["a4", "a5", "a6"]]


def test_choosing_again_what_was_written_chooses_nothing() -> None:
    packed = [file(f"a{number}", 90) for number in range(3)]

    assert chosen(*packed, file("b", 40)) == []
    assert count_small([*packed, file("b", 40)], file_bytes=100) == 1


def test_a_writer_that_compacts_as_it_goes_writes_rows_about_as_often_as_files_can_double() -> None:
    files: list[DataFile] = []
    written = most = 0

    for round_ in range(100):
        files += [file(f"a{round_ * 10 + number}", 10) for number in range(10)]
        most = max(most, len(files))
        for group in choose_newest(snapshot_of(files), file_bytes=100_000).groups:
            gone = {each.path for each in group}
            size = sum(each.size_bytes for each in group)
            written += size
            files = [each for each in files if each.path not in gone]
            files.append(file(f"b{round_ * 10}", size))

    assert sum(each.size_bytes for each in files) == 10_000
    assert most <= 20
    assert written <= 10_000 * 8  # doublings from 100 bytes to 10,000, and one more


def test_files_of_partitions_with_few_of_them_are_left_until_there_are_more() -> None:
    few = [file(f"a{number}", 1, part=str(number)) for number in range(50)]
    many = [file(f"b{number}", 1, part="x") for number in range(8)]

    found = choose_newest(snapshot_of([*few, *many]), file_bytes=100)

    assert [len(group) for group in found.groups] == [8]
