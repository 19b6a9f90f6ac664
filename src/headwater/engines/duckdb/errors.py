"""DuckDB's exceptions as ours: nothing of the driver leaves this package.

Connections report errors as JSON (``errors_as_json``), which carries the kind and the byte
position in the statement; the prose of the message alone would have to be parsed.
"""

import errno
import re

import duckdb
import msgspec

from headwater.base.errors import (
    DataDamaged,
    Denied,
    HeadwaterError,
    InternalError,
    Unavailable,
    UserCodeError,
)
from headwater.base.spans import Span, span_at

SQL_FILE = "<sql>"
"""File of spans that point into a statement; whoever knows its file replaces it."""

DRIVER_ERRORS = (duckdb.Error, RuntimeError, ValueError, TypeError, OSError, MemoryError)
"""What a call into DuckDB can raise: its own tree, and pybind's translations."""


_LOST = re.compile(
    "No files found that match the pattern|Cannot open file|No magic bytes found at end of file"
    "|too small to be a Parquet file"
)
"""How the engine says that a Parquet file is not there or not whole."""
_DATA_FILE = re.compile(r"['\"]([^'\"]+\.parquet)['\"]")


_REFUSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_REFUSED_TEXT = re.compile(r"Read-only file system|Permission denied|Operation not permitted")


def error_of(error: BaseException, sql: str, *, skip: int = 0) -> HeadwaterError:
    """Turn an exception of the driver into the error to raise.

    Args:
        error: What the driver raised.
        sql: The user's part of the statement.
        skip: Bytes of ours before it.
    """
    message, position, number = _facts(error)
    if isinstance(error, HeadwaterError):
        return error
    if not _is_unicode(sql):
        return UserCodeError(
            "sql-failed",
            "the SQL text has characters that are no valid Unicode",
            fix="save the file as UTF-8, and look for half of a surrogate pair",
        )
    if is_interrupt(error):
        return Unavailable(
            "interrupted",
            "the statement was cancelled while it ran",
            fix="run the same command again; finished nodes are skipped",
        )
    of_files = _of_files(message, number, sql)
    if of_files is not None:
        return of_files
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        return Unavailable(
            "out-of-memory",
            "the statement needs more memory than the session may use",
            why=message,
            fix="raise `memory_limit` in the profile, or lower `threads`: "
            "each session gets the limit divided by the threads",
        )
    if isinstance(error, (duckdb.InternalException, duckdb.FatalException)):
        return InternalError(
            "engine-internal",
            "DuckDB failed with an internal error",
            why=message,
            fix="run again; when it repeats, report the message with the compiled SQL",
        )
    return UserCodeError(
        "sql-failed",
        message,
        fix="",  # the engine's message says what it wants
        where=_where(sql, position, skip),
    )


def _of_files(message: str, number: int, sql: str) -> HeadwaterError | None:
    """Return what to raise when the disk or the files are at fault and not the query."""
    if number == errno.ENOSPC or "No space left" in message or "max_temp_directory" in message:
        return Unavailable(
            "disk-full",
            "the disk is full: the engine could not write",
            why=message,
            fix="free some space, or set `temp_directory` in the profile to a larger disk",
        )
    if number in _REFUSED or _REFUSED_TEXT.search(message):
        return Denied(
            "lake-read-only",
            "the engine may not write or read a file of the lake",
            why=message,
            fix="give this user permission on the folder, mount it writable, or set another `lake` "
            "in the profile",
        )
    lost = _DATA_FILE.search(message) if _LOST.search(message) else None
    if lost and lost[1] not in sql:
        return DataDamaged(
            "data-file-unreadable",
            f"data file `{lost[1]}` of a table is missing or damaged",
            why=message,
            fix="restore it, read an older version, or rebuild: `hw build --full-refresh --select`",
        )
    return None


def is_interrupt(error: BaseException) -> bool:
    """Tell whether a statement was stopped: by us, or by Ctrl-C in the thread that runs it."""
    by_signal = type(error) is RuntimeError and str(error) == "Query interrupted"
    return by_signal or isinstance(error, duckdb.InterruptException)


def _facts(error: BaseException) -> tuple[str, int | None, int]:
    """Return message, byte position and errno; DuckDB puts a JSON object behind the kind."""
    text = str(error)
    prefix, brace, rest = text.partition("{")
    number = error.errno or 0 if isinstance(error, OSError) else 0
    if not brace:
        return text or type(error).__name__, None, number
    try:
        facts = msgspec.json.decode(brace + rest)
        message = f"{prefix}{facts['exception_message']}"
    except (msgspec.DecodeError, KeyError, TypeError):
        return text, None, number
    position = facts.get("position")
    return message, int(position) if position else None, int(facts.get("errno") or number)


def _is_unicode(sql: str) -> bool:
    try:
        sql.encode()
    except UnicodeEncodeError:
        return False
    return True


def _where(sql: str, position: int | None, skip: int) -> Span | None:
    encoded = sql.encode("utf-8", "surrogatepass")
    if position is None or not 0 <= position - skip <= len(encoded):
        return None
    before = encoded[: position - skip].decode("utf-8", "replace")
    return span_at(SQL_FILE, sql, len(before))
