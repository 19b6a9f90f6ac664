"""Upkeep: tables of a lake, and files that killed runs left behind.

A data file that no version of the table names is invisible to readers but takes space. Only files
that Headwater named are ever deleted: another tool may be writing its own into the same folder.
"""

import re
from collections.abc import Iterable
from contextlib import suppress

from headwater.base.errors import HeadwaterError
from headwater.base.relations import TableName
from headwater.lake.deletion_vectors import vector_path_or_none
from headwater.lake.replay import LOG_FOLDER, Entry, decoded_path
from headwater.lake.storage import TEMPORARY_PREFIX, Storage, StoredFile
from headwater.lake.table import Table

_OUR_FILE = re.compile(r"(tmp_)?\d{8}T\d{6}-[0-9a-f]{8}.*\.parquet")
_TEMPORARY = re.escape(TEMPORARY_PREFIX)
_OUR_VECTORS = re.compile(
    rf"\d{{8}}T\d{{6}}-[0-9a-f]{{8}}[\w.-]*/({_TEMPORARY})?deletion_vector_[0-9a-f-]{{36}}\.bin"
    r"(-[0-9a-f]+)?"
)
_OUR_ENTRY = re.compile(rf"{LOG_FOLDER}/{_TEMPORARY}(\d{{20}})\.json-[0-9a-f]+")
_OUR_CHECKPOINT = re.compile(
    rf"{LOG_FOLDER}/{_TEMPORARY}(\d{{20}}\.checkpoint\.[\w.-]+|_last_checkpoint)-[0-9a-f]+"
)


def find_orphans(table: Table, *, live_prefixes: Iterable[str] = ()) -> tuple[StoredFile, ...]:
    """Return files that Headwater left in a table's folder and that no version needs.

    They are data files and vectors whose name begins with a run id and that no version still in
    the log names, and entries and checkpoints that were never published.

    Args:
        table: The table; may have no log, when its first build was killed.
        live_prefixes: Beginnings of file names (run ids) that running builds may still commit.

    Raises:
        DataDamaged: ``log-damaged``: with a log that cannot be read nothing is an orphan.
    """
    live = tuple(live_prefixes)
    candidates = [found for found in table.storage.list() if _is_ours(found.path, live)]
    if not candidates:
        return ()
    # After the listing: what is new since is in it.
    needed, newest = _needed_paths(table, [found.path for found in candidates])
    return tuple(
        found
        for found in candidates
        if found.path not in needed and _unpublished_version(found.path) <= newest
    )


def remove_orphans(table: Table, orphans: Iterable[StoredFile]) -> int:
    """Delete what ``find_orphans`` found; return the bytes freed."""
    freed = 0
    for orphan in orphans:
        table.storage.delete(orphan.path)
        freed += orphan.size_bytes
    return freed


def discard_files(table: Table, prefix: str) -> None:
    """Delete a writer's files that no version of the table names.

    A file that the log names stays, so a commit that succeeded although it looked failed loses
    nothing. What cannot be deleted now is found by the next run.

    Args:
        table: The table.
        prefix: Beginning of the files' names, or of their folders' for vectors: a run id and more.
    """
    with suppress(HeadwaterError):
        orphans = (
            found
            for found in find_orphans(table)
            if any(part.removeprefix("tmp_").startswith(prefix) for part in found.path.split("/"))
        )
        remove_orphans(table, orphans)


def list_tables(lake: Storage) -> tuple[TableName, ...]:
    """Return the tables under a lake's root, sorted: folders with a Delta log."""
    return tuple(
        TableName(catalog, schema, name)
        for catalog in lake.list_folders()
        for schema in lake.list_folders(catalog)
        for name in lake.list_folders(f"{catalog}/{schema}")
        if LOG_FOLDER in lake.list_folders(f"{catalog}/{schema}/{name}")
    )


def _is_ours(path: str, live: tuple[str, ...]) -> bool:
    *folders, name = path.split("/")
    if _OUR_ENTRY.fullmatch(path) or _OUR_CHECKPOINT.fullmatch(path):
        return True
    if _OUR_VECTORS.fullmatch(path):
        return not (bool(live) and path.startswith(live))
    if any(part.startswith(("_", ".")) and "=" not in part for part in folders):
        return False
    if not _OUR_FILE.fullmatch(name):
        return False
    return not (bool(live) and name.removeprefix("tmp_").startswith(live))


def _unpublished_version(path: str) -> int:
    """Return the version that an unpublished entry was for; -1 for data files."""
    match = _OUR_ENTRY.fullmatch(path)
    return int(match.group(1)) if match else -1


def _needed_paths(table: Table, candidates: Iterable[str]) -> tuple[set[str], int]:
    listing = table.list_log()
    needed: set[str] = set()
    if listing.newest >= 0:
        table.snapshot()  # raises when the log cannot be trusted
    base = table.oldest_base_or_none(listing)
    if base is not None:
        needed |= set(base.state.files)
        needed |= {p for v in base.state.vectors.values() if (p := vector_path_or_none(v))}
        if not base.names_vectors:
            needed |= {path for path in candidates if _OUR_VECTORS.fullmatch(path)}
    for entry in table.entries(listing):
        needed |= _named_paths(entry)
    return needed, listing.newest


def _named_paths(entry: Entry) -> set[str]:
    actions = [
        action
        for line in entry.lines
        for action in (line.add, line.remove, line.cdc)
        if action is not None
    ]
    vectors = [action.deletion_vector for action in actions]
    named = {path for vector in vectors if vector and (path := vector_path_or_none(vector))}
    return named | {decoded_path(action.path, entry.version) for action in actions}
