"""What commands print: one JSON document or text on stdout, everything else on stderr."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import ParamSpec, TextIO, TypeVar

import click

from headwater.base.errors import HeadwaterError

P = ParamSpec("P")
R = TypeVar("R")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


def output_option(*choices: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a command ``--output`` with the given choices; the first one is the default."""
    return click.option(
        "--output",
        type=click.Choice(choices or ("text", "json")),
        default=(choices or ("text",))[0],
        show_default=True,
        help="How the result is written to stdout.",
    )


def make_streams_safe() -> None:
    """Let stdout and stderr take every character, whatever the locale can show.

    A name with an accent, or a sign of ours, must never end a command in the C locale: what cannot
    be shown is written as an escape instead.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and stream.encoding.lower().replace("-", "") != "utf8":
            reconfigure(errors="backslashreplace")


def text_width() -> int:
    """Return the columns that text may take: the terminal's, at most 100; 100 when piped."""
    columns = shutil.get_terminal_size((100, 40)).columns
    return max(20, min(columns, 100))


def emit(text: str) -> None:
    """Write a result to stdout, with a newline at its end."""
    _write(sys.stdout, text if text.endswith("\n") else text + "\n")


def tell(text: str) -> None:
    """Write text for people to stderr, with a newline at its end."""
    _write(sys.stderr, text + "\n")


def _write(stream: TextIO, text: str) -> None:
    """Write; a reader that has gone (`hw build | head`) must not end what is being done."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """Send what is still written to a stream nowhere: its reader has gone."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def emit_json(text: str) -> None:
    """Write JSON to stdout; where the locale is not UTF-8, other characters as JSON escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    if encoding.lower().replace("-", "") != "utf8":
        text = _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
    emit(text)


def emit_document(document: object) -> None:
    """Write one JSON document to stdout."""
    from headwater.base.codec import encode_pretty

    emit_json(encode_pretty(document))


def emit_lines(lines: Iterable[str]) -> None:
    """Write lines of text to stdout."""
    emit("\n".join(lines))


def note(line: str) -> None:
    """Write a line for people to stderr, unless they asked for quiet."""
    if not is_quiet():
        tell(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a command shall speak.

    Attributes:
        quiet: Only results and errors.
    """

    quiet: bool = False


def is_quiet() -> bool:
    """Say whether only results and errors are wanted (``--quiet``)."""
    context = click.get_current_context(silent=True)
    manner = context.find_object(Manner) if context else None
    return manner is not None and manner.quiet


def emit_error(
    error: HeadwaterError, output: str, *, root: str = "", texts: Mapping[str, str] = _NO_TEXTS
) -> int:
    """Report an error: for people on stderr, and as a document on stdout when JSON was asked for.

    Args:
        error: What went wrong.
        output: ``--output`` of the command.
        root: Folder of the project, which places are relative to; the current one when empty.
        texts: Texts that places may point into and that are no files, by name.

    Returns:
        The exit code.
    """
    from headwater.base.diagnostics import diagnostic_of, render

    finding = diagnostic_of(error)
    head, *rest = render(finding, line_reader(Path(root), texts))
    if wants_colour(sys.stderr):
        head = click.style(head, fg="red", bold=True)
    tell("\n".join([head, *rest]))
    if output == "json":
        emit_faults([finding])
    return error.exit_code


def emit_faults(findings: Iterable[object]) -> None:
    """Write the document of a command that has no result because of faults."""
    emit_document({"schema": "headwater.error/1", "diagnostics": list(findings)})


def wants_colour(stream: object) -> bool:
    """Say whether a stream is a terminal that shows colour (NO_COLOR, FORCE_COLOR, TERM=dumb)."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    environment = os.environ  # noqa: TID251 - the shell is where the environment is read
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return bool(is_terminal) and environment.get("TERM") != "dumb"


class line_reader:  # noqa: N801 - called like a function; a class only to hold its small cache
    """Gives lines of the project's files; None where a file or line does not exist."""

    def __init__(self, root: Path, texts: Mapping[str, str] = _NO_TEXTS) -> None:
        def lines_of(file: str) -> tuple[str, ...]:
            known = texts.get(file)
            return _read_lines(root / file) if known is None else tuple(known.splitlines())

        self._lines = lru_cache(maxsize=64)(lines_of)

    def __call__(self, file: str, line: int) -> str | None:
        """Return line ``line``, counted from 1."""
        lines = self._lines(file)
        return lines[line - 1] if 0 < line <= len(lines) else None


def _read_lines(path: Path) -> tuple[str, ...]:
    if not path.is_file():  # nor a pipe, which would be waited for
        return ()
    try:
        return tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ()
