"""Which files to write again so that a table reads faster: small ones, those with hidden rows.

Only the choice; the engine writes and ``commit`` publishes. Rows stay in their partition, and files
that were written after each other stay together, because their statistics then exclude the most.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.lake.snapshot import DataFile, Snapshot

FILE_BYTES = 128 * 1024 * 1024
"""Aimed-at size of a data file."""

_SMALL_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to write again.

    Attributes:
        groups: Files whose rows are written together; each group is of one partition.
    """

    groups: tuple[tuple[DataFile, ...], ...]

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Every file to write again."""
        return tuple(file for group in self.groups for file in group)

    @property
    def hidden_rows(self) -> int:
        """Rows that are hidden now and gone afterwards."""
        return sum(len(file.deleted_rows) for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Bytes to read, and about as many to write."""
        return sum(file.size_bytes for file in self.files)


def choose_files(snapshot: Snapshot, *, file_bytes: int = FILE_BYTES) -> Choice:
    """Choose the files of a table that are to be written again.

    A file is small below half of ``file_bytes``; a single small file of a partition stays as it
    is, because writing it again would change nothing.
    """
    by_partition: dict[tuple[tuple[str, str | None], ...], list[DataFile]] = {}
    for file in snapshot.files:
        if file.deleted_rows or file.size_bytes < file_bytes * _SMALL_SHARE:
            key = tuple(sorted(file.partition_values.items()))
            by_partition.setdefault(key, []).append(file)
    groups = (group for files in by_partition.values() for group in _packed(files, file_bytes))
    return Choice(groups=tuple(group for group in groups if _is_worth(group)))


def count_small(files: Iterable[DataFile], *, file_bytes: int = FILE_BYTES) -> int:
    """Count the files below half of the aimed-at size."""
    return sum(file.size_bytes < file_bytes * _SMALL_SHARE for file in files)


def _packed(files: Sequence[DataFile], file_bytes: int) -> Iterable[tuple[DataFile, ...]]:
    """Fill groups up to about the aimed-at size, oldest files first."""
    group: list[DataFile] = []
    for file in sorted(files, key=lambda each: (each.modified_ms, each.path)):
        if group and sum(each.size_bytes for each in group) + file.size_bytes > file_bytes:
            yield tuple(group)
            group = []
        group.append(file)
    if group:
        yield tuple(group)


def _is_worth(group: Sequence[DataFile]) -> bool:
    return len(group) > 1 or any(file.deleted_rows for file in group)
