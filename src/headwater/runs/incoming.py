"""Files from outside: which ones a source means, what they are, and what tells them apart.

A file is known by its content, so that one that was renamed, copied or sent twice is loaded once.
"""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Literal

from headwater.base.errors import Invalid, NotFound

Format = Literal["csv", "json", "parquet", "arrow"]
FORMATS: tuple[Format, ...] = ("csv", "json", "parquet", "arrow")

STDIN = "-"
APP_PREFIX = "headwater-ingest/"
"""Beginning of the application id under which a table remembers a file that it has."""

_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_ARROW_STARTS = (b"ARROW1", b"\xff\xff\xff\xff")
"""Beginnings of a file of Arrow and of a stream's first message."""

_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to load.

    Attributes:
        path: Absolute.
        name: As the user named it.
        format: What it is.
        app_id: Application id of its content.
        size_bytes: Its size.
    """

    path: Path
    name: str
    format: Format
    app_id: str
    size_bytes: int


@contextmanager
def spooled(names: tuple[str, ...], stream: BinaryIO) -> Iterator[tuple[Path, ...]]:
    """Give the paths of sources; what comes on stdin is kept in a file for as long as needed."""
    with TemporaryDirectory(prefix="headwater-ingest-") as folder:
        spool = Path(folder) / "stdin"
        if STDIN in names:
            with spool.open("wb") as out:
                shutil.copyfileobj(stream, out)
        yield tuple(spool if name == STDIN else Path(name).absolute() for name in names)


def find_files(sources: tuple[Path, ...], wanted: Format | None) -> tuple[SourceFile, ...]:
    """Return the files that sources mean, in their order; those in a folder by name.

    In a folder only files whose names say what they are count, and none that begin with a dot or
    an underscore.

    Raises:
        NotFound: ``file-not-found``.
        Invalid: ``file-format-unknown``.
    """
    return tuple(
        _source_file(path, name, wanted)
        for source in sources
        for path, name in _paths(source, wanted)
    )


def content_id(path: Path) -> str:
    """Return the application id of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return APP_PREFIX + digest.hexdigest()


def _paths(source: Path, wanted: Format | None) -> Iterator[tuple[Path, str]]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            inside = path.relative_to(source)
            is_hidden = any(part.startswith((".", "_")) for part in inside.parts)
            found = _format_or_none(path)
            if path.is_file() and not is_hidden and found and wanted in {None, found}:
                yield path, str(inside)
    elif source.is_file():
        yield source, source.name
    else:
        raise NotFound(
            "file-not-found",
            f"there is no file or folder `{source}`",
            fix="check the path; - reads from stdin",
        )


def _source_file(path: Path, name: str, wanted: Format | None) -> SourceFile:
    found = wanted or _format_or_none(path) or _guessed_or_none(path)
    if found is None:
        raise Invalid(
            "file-format-unknown",
            f"the format of `{name}` is not known",
            why="its name does not end in .csv, .tsv, .json, .jsonl, .ndjson, .parquet or .arrow",
            fix="pass --format csv, json, parquet or arrow",
        )
    return SourceFile(
        path=path,
        name=name,
        format=found,
        app_id=content_id(path),
        size_bytes=path.stat().st_size,
    )


def _format_or_none(path: Path) -> Format | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def _guessed_or_none(path: Path) -> Format | None:
    """Tell the format of a file without a suffix by its first bytes."""
    if path.suffix:
        return None
    with path.open("rb") as file:
        start = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(_ARROW_STARTS):
        return "arrow"
    if start.startswith((b"{", b"[")):
        return "json"
    return "csv" if start else None
