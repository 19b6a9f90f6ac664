"""Logical bytes: what the columns and row groups that statements read take in their files.

What an engine fetches depends on caches, on what lies near, on which join was done first. So what
is read is measured by names: DuckDB's profile says which columns and how many row groups each scan
read, and the statistics of the files say how many bytes these are. A column of a file counts once
for an operation, however often it was read, and whether or not its rows were in memory.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.engines.duckdb.bind import absolute_path
from headwater.engines.duckdb.profile import ScanRead
from headwater.lake.files import FileList
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.lake.stats import COLUMN_BYTES_TAG

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r'"((?:[^"]|"")+)"|([^\W\d]\w*)')
_PLACE = re.compile(r"c(\d+)")
_COLUMNAR = frozenset({"READ_PARQUET", "PARQUET_SCAN"})
_WHOLE = "*"
"""Stands for all of a file whose rows are text, of which no column can be read alone."""

Sizes = Mapping[str, int]
"""Compressed bytes of a file by column, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the scans of a session may read.

    Attributes:
        snapshots: Tables that names stand for.
        kept: Finds the file whose rows a table in memory holds.
        footers: Reads the sizes of a file that no table tells of; None when they cannot be read.
        folder: Base of relative paths.
    """

    snapshots: Iterable[Snapshot]
    kept: Callable[[str], DataFile | None]
    footers: Callable[[str], Sizes | None]
    folder: str


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a table that a scan may have read."""

    path: str
    file: DataFile
    snapshot: Snapshot


class _UnknownError(Exception):
    """Nobody can say how large what was read is."""


def logical_bytes(scans: Iterable[ScanRead], inputs: Inputs) -> int | None:
    """Return the bytes of the columns and row groups that scans read; None when not known.

    Where only some row groups of a file were read, they count as their share of its row groups.
    """
    read: dict[tuple[str, str], float] = {}
    known: dict[str, _File] | None = None
    try:
        for scan in scans:
            if scan.files and known is None:
                known = {each.path: each for each in _files_of(inputs.snapshots)}
            for key, size in _parts(scan, inputs, known or {}):
                read[key] = max(read.get(key, 0.0), size * scan.share)
    except _UnknownError:
        return None
    return round(sum(read.values()))


def _files_of(snapshots: Iterable[Snapshot]) -> Iterator[_File]:
    for snapshot in snapshots:
        if isinstance(snapshot.files, FileList):
            continue  # a million files are not looked at for what one statement read
        for file in snapshot.files:
            yield _File(absolute_path(snapshot.root, file.path), file, snapshot)


def _parts(
    scan: ScanRead, inputs: Inputs, known: Mapping[str, _File]
) -> Iterator[tuple[tuple[str, str], float]]:
    """Return file and column of what a scan read, and the bytes of each."""
    if scan.table:
        kept = inputs.kept(scan.table)
        if kept is not None:
            sizes = _sizes_or_none(kept)
            yield from _columns(scan.table, sizes, _names(scan))
        return
    if not scan.files:
        return  # made of nothing that is stored
    if scan.function not in _COLUMNAR:
        yield from _whole_files(scan, inputs.folder)
    elif not known.keys() >= set(scan.files):
        yield from _other_files(scan, inputs)
    elif scan.files_read <= len(scan.files):
        for path in scan.files:
            yield from _of_table(known[path], scan, inputs)
    else:
        yield from _many_files(known[scan.files[0]].snapshot, scan, inputs)


def _many_files(
    snapshot: Snapshot, scan: ScanRead, inputs: Inputs
) -> Iterator[tuple[tuple[str, str], float]]:
    """Return what was read of a table when the profile names only some of the files.

    When these are not all, each counts for the part that was read.
    """
    files = list(_files_of([snapshot]))
    share = min(1.0, scan.files_read / len(files))
    for each in files:
        for key, size in _of_table(each, scan, inputs):
            yield key, size * share


def _of_table(
    each: _File, scan: ScanRead, inputs: Inputs
) -> Iterator[tuple[tuple[str, str], float]]:
    columns = _columns_of_table(each.snapshot, _names(scan))
    sizes = _sizes_or_none(each.file)
    if sizes is None:
        sizes = inputs.footers(each.path)
        columns = {each.snapshot.physical_names.get(name, name) for name in columns}
    yield from _columns(each.path, sizes, {name.lower() for name in columns})


def _columns_of_table(snapshot: Snapshot, names: frozenset[str]) -> set[str]:
    """Return the stored columns that names of a scan mean: their own, or ``c`` and their place."""
    found: set[str] = set()
    by_name = {column.name.lower(): column.name for column in snapshot.columns}
    for name in names:
        place = _PLACE.fullmatch(name)
        if name in by_name:
            found.add(by_name[name])
        elif place is not None and int(place.group(1)) < len(snapshot.columns):
            found.add(snapshot.columns[int(place.group(1))].name)
    return found - set(snapshot.partition_columns)


def _other_files(scan: ScanRead, inputs: Inputs) -> Iterator[tuple[tuple[str, str], float]]:
    """Return what was read of Parquet files of no table, by their own footers."""
    if scan.files_read > len(scan.files):
        raise _UnknownError
    for path in scan.files:
        if "://" in path:
            raise _UnknownError
        yield from _columns(path, inputs.footers(path), _names(scan))


def _whole_files(scan: ScanRead, folder: str) -> Iterator[tuple[tuple[str, str], float]]:
    if scan.files_read > len(scan.files):
        raise _UnknownError
    for path in scan.files:
        try:
            yield (path, _WHOLE), float((Path(folder) / path).stat().st_size)
        except OSError as error:
            raise _UnknownError from error


def _columns(
    path: str, sizes: Sizes | None, names: Iterable[str]
) -> Iterator[tuple[tuple[str, str], float]]:
    if sizes is None:
        raise _UnknownError
    for name in names:
        if name in sizes:
            yield (path, name), float(sizes[name])


def _sizes_or_none(file: DataFile) -> Sizes | None:
    if COLUMN_BYTES_TAG not in file.tags:
        return None
    return {name.lower(): stats.size_bytes or 0 for name, stats in file.stats.items()}


def _names(scan: ScanRead) -> frozenset[str]:
    """Return the names in a scan's projections and filters, in lower case; columns among them."""
    found: set[str] = set()
    for projection in scan.projections:
        name = projection.lower()
        found |= {name, name.partition(".")[0]}
    for text in scan.filters:
        for quoted, bare in _NAME.findall(_LITERAL.sub("''", text)):
            found.add((quoted.replace('""', '"') or bare).lower())
    return frozenset(found)
