"""What commands print: one JSON document or text on stdout, everything else on stderr."""

import os
import sys
from collections.abc import Callable, Iterable
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


def emit_error(error: HeadwaterError, output: str) -> int:
    """Report an error: for people on stderr, and as a document on stdout when JSON was asked for.

    Returns:
        The exit code.
    """
    from headwater.base.codes import find_code

    code = find_code(error.code)
    note(f"error[{code.name}] {code.number}: {error.what}")
    if error.where:
        note(f"  --> {error.where}")
    if error.why:
        note(f"why: {error.why}")
    if error.fix:
        note(f"hint: {error.fix}")
    if output == "json":
        from headwater.base.diagnostics import diagnostic_of

        emit_document({"schema": "headwater.error/1", "diagnostics": [diagnostic_of(error)]})
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
