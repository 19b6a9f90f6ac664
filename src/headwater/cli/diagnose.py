"""How commands show findings: on stderr for people, with the line of the file they point at."""

import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import click

from headwater.base.diagnostics import Diagnostic, render
from headwater.cli.output import wants_colour

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def print_diagnostics(diagnostics: Iterable[Diagnostic], root: Path) -> None:
    """Write findings to stderr, errors last so that they are on screen when the list is long."""
    order = {"info": 0, "warning": 1, "error": 2}
    read_line = line_reader(root)
    colour = wants_colour(sys.stderr)
    for diagnostic in sorted(diagnostics, key=lambda each: order[each.severity]):
        head, *rest = render(diagnostic, read_line)
        if colour:
            head = click.style(head, fg=_COLOURS[diagnostic.severity], bold=True)
        print("\n".join([head, *rest]) + "\n", file=sys.stderr)


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
