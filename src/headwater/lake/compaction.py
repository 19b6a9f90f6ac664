"""Which files to write again so that a table reads faster: small ones, those with hidden rows.

Only the choice; the engine writes and ``commit`` publishes. Rows stay in their partition, and files
that were written after each other stay together, because their statistics then exclude the most.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.lake.snapshot import DataFile, Snapshot

FILE_BYTES = 128 * 1024 * 1024
"""Aimed-at size of a data file."""

TOGETHER_MIN = 8
"""Small files of a partition below which a writer that compacts as it goes leaves them."""

CLUSTER_TAG = "headwater.clusterBy"
"""Tag of data files whose rows were put near each other, and property of tables that want it:
the columns' names, separated by commas."""

CLUSTERED_BY_MODEL = "headwater.clusterByModel"
"""Property of a table whose model says by which columns it is clustered: when the model says so no
more, the table does not either. Who asks for it by hand is not forgotten by a build."""

_SMALL_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to write again.

    Attributes:
        groups: Files whose rows are written together; each group is of one partition.
        file_bytes: Aimed-at size of the files in their place.
        cluster_by: Columns by which rows are put near each other; their order stays when empty.
    """

    groups: tuple[tuple[DataFile, ...], ...]
    file_bytes: int = FILE_BYTES
    cluster_by: tuple[str, ...] = ()

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
    chosen = (
        file
        for file in snapshot.files
        if file.deleted_rows or file.size_bytes < file_bytes * _SMALL_SHARE
    )
    parts = _by_partition(chosen)
    groups = (group for files in parts for group in _packed(files, file_bytes))
    kept = tuple(group for group in groups if _is_worth(group))
    return Choice(groups=kept, file_bytes=file_bytes)


def choose_kept(snapshot: Snapshot, *, file_bytes: int = FILE_BYTES) -> Choice:
    """Choose what a table's upkeep writes again, in the order that the table keeps in mind."""
    exact = {column.name.lower(): column.name for column in snapshot.columns}
    names = [exact.get(name.lower(), "") for name in cluster_columns(snapshot)]
    # A column that has gone since, or by which the table is partitioned now, orders nothing.
    if not names or "" in names or set(names) & set(snapshot.partition_columns):
        return choose_files(snapshot, file_bytes=file_bytes)
    return choose_unclustered(snapshot, names, file_bytes=file_bytes)


def cluster_columns(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the columns by which a table says that it is clustered; they may have gone since."""
    kept = snapshot.properties.get(CLUSTER_TAG)
    return tuple(kept.split(",")) if kept else ()


def cluster_properties(properties: Mapping[str, str], cluster_by: Sequence[str]) -> dict[str, str]:
    """Return the properties to set when a model's rows are all written.

    Args:
        properties: The table's; none of a new one.
        cluster_by: Columns by which the model has its rows near each other.
    """
    if cluster_by:
        return {CLUSTER_TAG: ",".join(cluster_by), CLUSTERED_BY_MODEL: "true"}
    if properties.get(CLUSTERED_BY_MODEL) == "true":
        return {CLUSTER_TAG: "", CLUSTERED_BY_MODEL: ""}
    return {}


def tagged(file: DataFile, cluster_by: Sequence[str]) -> DataFile:
    """Say in a file's tags by which columns its rows are near each other."""
    if not cluster_by:
        return file
    return replace(file, tags={**file.tags, CLUSTER_TAG: ",".join(cluster_by)})


def choose_unclustered(
    snapshot: Snapshot, cluster_by: Sequence[str], *, file_bytes: int = FILE_BYTES
) -> Choice:
    """Choose the files whose rows are not yet near each other, those that hide rows among them.

    Files of a partition are written together, so that what was written since the last time becomes
    a layer beside the first: files with a tag that names the same columns stay. Only where small
    ones of them have become many they are written together, too, or each time would leave one more.

    Args:
        snapshot: The table.
        cluster_by: Columns by whose values rows are to be near each other.
        file_bytes: Aimed-at size of a file.
    """
    wanted = ",".join(cluster_by)
    groups: list[tuple[DataFile, ...]] = []
    for files in _by_partition(snapshot.files):
        new = [one for one in files if one.tags.get(CLUSTER_TAG) != wanted or one.deleted_rows]
        small = _alike([one for one in files if one.size_bytes < file_bytes * _SMALL_SHARE])
        group = {one.path: one for one in (*new, *small)}
        if group:
            groups.append(tuple(group.values()))
    return Choice(groups=tuple(groups), file_bytes=file_bytes, cluster_by=tuple(cluster_by))


def choose_newest(snapshot: Snapshot, *, file_bytes: int = FILE_BYTES) -> Choice:
    """Choose small files for a writer that compacts again and again while it appends.

    A file is written again only together with smaller ones that have at least as many bytes, so
    that a row is written about as often as the file can double: not once for every compaction.
    """
    small = (file for file in snapshot.files if file.size_bytes < file_bytes * _SMALL_SHARE)
    parts = (_alike(files) for files in _by_partition(small))
    groups = (group for files in parts for group in _packed(files, file_bytes))
    return Choice(groups=tuple(group for group in groups if _is_worth(group)))


def count_small(files: Iterable[DataFile], *, file_bytes: int = FILE_BYTES) -> int:
    """Count the files below half of the aimed-at size."""
    return sum(file.size_bytes < file_bytes * _SMALL_SHARE for file in files)


def _by_partition(files: Iterable[DataFile]) -> Iterable[list[DataFile]]:
    found: dict[tuple[tuple[str, str | None], ...], list[DataFile]] = {}
    for file in files:
        found.setdefault(tuple(sorted(file.partition_values.items())), []).append(file)
    return found.values()


def _alike(files: Sequence[DataFile]) -> Sequence[DataFile]:
    """Return the smallest files, up to one that is larger than all before it together."""
    taken: list[DataFile] = []
    total = 0
    for file in sorted(files, key=lambda each: each.size_bytes):
        if len(taken) >= TOGETHER_MIN and file.size_bytes > total:
            break
        taken.append(file)
        total += file.size_bytes
    return taken if len(taken) >= TOGETHER_MIN else ()


def _packed(files: Sequence[DataFile], file_bytes: int) -> Iterable[tuple[DataFile, ...]]:
    """Fill groups up to about the aimed-at size, oldest files first."""
    group: list[DataFile] = []
    total = 0
    for file in sorted(files, key=lambda each: (each.modified_ms, each.path)):
        if group and total + file.size_bytes > file_bytes:
            yield tuple(group)
            group, total = [], 0
        group.append(file)
        total += file.size_bytes
    if group:
        yield tuple(group)


def _is_worth(group: Sequence[DataFile]) -> bool:
    return len(group) > 1 or any(file.deleted_rows for file in group)
