"""Which files a merge writes again, and which stay and hide the rows that matched.

Apart from the merge itself, because this is the decision that ADR 0025 measured: hiding rows saves
writing a file and costs every later reader a look at a list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from headwater.engines.duckdb.bind import absolute_path
from headwater.engines.engine import MergeMode
from headwater.lake.snapshot import DataFile

HIDDEN_SHARE_MAX = 0.1
"""Share of a file's rows that may be hidden; with more it is written again."""

SMALL_FILE_BYTES = 4 * 1024 * 1024
"""Files below this are written again: that costs less than hiding their rows from readers."""

REWRITE_BYTES_MAX = 32 * 1024 * 1024
"""Up to this much is written again before a table begins to hide rows: its readers stay free."""

_FEATURE = "deletionVectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """What becomes of the files that hold matching rows.

    Attributes:
        rewritten: Written again.
        hiding: They stay, and hide the rows that matched.
        emptied: Every visible row matched: nothing of them is kept, so none is read.
    """

    rewritten: tuple[DataFile, ...]
    hiding: tuple[DataFile, ...]
    emptied: tuple[DataFile, ...] = ()


def divide(
    files: Sequence[DataFile],
    matched: Mapping[str, int],
    mode: MergeMode,
    *,
    root: str,
    features: Sequence[str],
) -> Division:
    """Divide the files with matching rows.

    Args:
        files: Files of the target.
        matched: Visible rows that matched, by absolute path.
        mode: What the table's owner wants.
        root: The table's root.
        features: The table's protocol features.
    """
    touched = tuple(file for file in files if absolute_path(root, file.path) in matched)
    match mode:
        case "copy_on_write":
            return Division(rewritten=touched, hiding=())
        case "merge_on_read":
            small = 0
        case "auto":
            small = SMALL_FILE_BYTES
            is_new = _FEATURE not in features
            if is_new and sum(file.size_bytes for file in touched) <= REWRITE_BYTES_MAX:
                return Division(rewritten=touched, hiding=())
        case other:
            assert_never(other)
    rewritten, hiding, emptied = [], [], []
    for file in touched:
        hits = matched[absolute_path(root, file.path)] + len(file.deleted_rows)
        if hits == file.rows:
            emptied.append(file)
        elif file.rows is None or file.size_bytes < small or hits > HIDDEN_SHARE_MAX * file.rows:
            rewritten.append(file)
        else:
            hiding.append(file)
    return Division(rewritten=tuple(rewritten), hiding=tuple(hiding), emptied=tuple(emptied))
