"""Files and streams of Arrow's IPC format, opened by pyarrow where that is installed.

DuckDB reads Arrow from memory only. pyarrow is large and no dependency, so it is looked for when
such a file comes, and nothing else asks for it.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from headwater.base.errors import Invalid

FILE_MAGIC = b"ARROW1"
"""Beginning of a file; a stream has none."""


def open_arrow(path: str) -> tuple[tuple[str, ...], object]:
    """Return the names of a file's or stream's columns, and its rows, mapped into memory.

    A stream has its end inside: what follows it would be read by nobody.

    Raises:
        Invalid: ``ingest-unreadable``; ``extra-missing``, when pyarrow is not installed.
    """
    arrow, ipc = _module("pyarrow"), _module("pyarrow.ipc")
    with Path(path).open("rb") as file:
        is_file = file.read(len(FILE_MAGIC)) == FILE_MAGIC
    try:
        source = arrow.memory_map(path)
        reader = ipc.open_file(source) if is_file else ipc.open_stream(source)
        table: object = reader.read_all()
        names = tuple(reader.schema.names)
        unread = 0 if is_file else source.size() - source.tell()
    except (ValueError, OSError) as error:  # what pyarrow raises derives from these
        raise Invalid(
            "ingest-unreadable",
            f"`{path}` cannot be read as arrow",
            why=(str(error).splitlines() or [""])[0],
            fix="look at the file; pass --format when its name does not say what it is",
        ) from error
    if unread:
        raise Invalid(
            "ingest-unreadable",
            f"`{path}` holds more than one stream of Arrow",
            why=f"the stream ends {unread:,} bytes before the file does",
            fix="load each stream as a file of its own, or write their batches as one stream",
        )
    return names, table


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise Invalid(
            "extra-missing",
            "files of Arrow need pyarrow, which is not installed",
            fix="pip install 'headwater[arrow]', or hand over Parquet",
        ) from error
