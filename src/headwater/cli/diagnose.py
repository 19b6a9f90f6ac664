"""How commands show findings: on stderr for people, with the line of the file they point at."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from headwater.base.diagnostics import Diagnostic, render
from headwater.cli.output import line_reader, tell, wants_colour

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
        tell("\n".join([head, *rest]) + "\n")
