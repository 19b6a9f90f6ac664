"""Which files are written again: small ones together, those that hide rows, no others."""

import pytest

from headwater.base.relations import Column
from headwater.lake.compaction import choose_files, count_small
from headwater.lake.snapshot import DataFile, Snapshot


def chosen(*files: DataFile) -> list[list[str]]:
    snapshot = Snapshot(
        root="/t",
        table_id="",
        version=0,
        columns=(Column("a", "INTEGER"),),
        partition_columns=(),
        files=files,
    )
    found = choose_files(snapshot, file_bytes=100)
    return [[file.path for file in group] for group in found.groups]


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
