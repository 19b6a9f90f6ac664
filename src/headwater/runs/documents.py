"""Files that a command leaves: JSON documents and texts, each replaced in one step.

A reader never sees half of one.
"""

import os
from contextlib import suppress
from pathlib import Path

from headwater.base.codec import encode


def write_document(folder: Path, name: str, document: object) -> Path:
    """Write one JSON artifact and return its path."""
    path = folder / name
    replace_file(path, encode(document))
    return path


def replace_file(path: Path, data: bytes) -> None:
    """Write a file in one step, with its folders; one that has these bytes is left alone."""
    with suppress(OSError):
        # Replacing costs a disk ten times what reading does, and most SQL stays as it was.
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
    except FileNotFoundError:  # only the first file of a folder finds that there is none
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
    partial.replace(path)
