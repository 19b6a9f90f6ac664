"""What commands print: one JSON document or text on stdout, everything else on stderr."""

import os
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from headwater.base.errors import HeadwaterError

P = ParamSpec("P")
R = TypeVar("R")


def output_option(*choices: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a command ``--output`` with the given choices; the first one is the default."""
    return click.option(
        "--output",
        type=click.Choice(choices or ("text", "json")),
        default=(choices or ("text",))[0],
        show_default=True,
        help="How the result is written to stdout.",
    )


def emit(text: str) -> None:
    """Write a result to stdout, with a newline at its end."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def emit_document(document: object) -> None:
    """Write one JSON document to stdout."""
    from headwater.base.codec import encode_pretty

    emit(encode_pretty(document))


def emit_lines(lines: Iterable[str]) -> None:
    """Write lines of text to stdout."""
    emit("\n".join(lines))


def note(line: str) -> None:
    """Write a line for people to stderr."""
    print(line, file=sys.stderr, flush=True)


def emit_error(error: HeadwaterError, output: str, *, sql: str = "") -> int:
    """Report an error: for people on stderr, and as a document on stdout when JSON was asked for.

    Args:
        error: What went wrong.
        output: The form asked for.
        sql: The query that places in ``<sql>`` point into.

    Returns:
        The exit code.
    """
    from headwater.base.diagnostics import diagnostic_of, render

    finding = diagnostic_of(error)
    files, lines = line_reader(Path()), sql.splitlines()

    def read_line(file: str, line: int) -> str | None:
        if file != "<sql>":
            return files(file, line)
        return lines[line - 1] if 0 < line <= len(lines) else None

    note("\n".join(render(finding, read_line)))
    if output == "json":
        emit_document({"schema": "headwater.error/1", "diagnostics": [finding]})
    return error.exit_code


def wants_colour(stream: object) -> bool:
    """Say whether a stream is a terminal that shows colour (NO_COLOR, FORCE_COLOR, TERM=dumb)."""
    environment = os.environ  # noqa: TID251 - the shell is where the environment is read
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return bool(is_terminal) and environment.get("TERM") != "dumb"


class line_reader:  # noqa: N801 - called like a function; a class only to hold its small cache
    """Gives lines of the project's files; None where a file or line does not exist."""

    def __init__(self, root: Path) -> None:
        self._lines = lru_cache(maxsize=64)(lambda file: _read_lines(root / file))

    def __call__(self, file: str, line: int) -> str | None:
        """Return line ``line``, counted from 1."""
        lines = self._lines(file)
        return lines[line - 1] if 0 < line <= len(lines) else None


def _read_lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ()
