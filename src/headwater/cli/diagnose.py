"""How commands show findings: on stderr for people, with the line of the file they point at."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from headwater.base.diagnostics import Diagnostic, render
from headwater.base.units import format_count
from headwater.cli.output import line_reader, tell, wants_colour

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_ORDER = {"info": 0, "warning": 1, "error": 2}

ALIKE_MAX = 20
"""How many findings of one code are shown that are no errors; a package may have thousands."""


def print_diagnostics(diagnostics: Iterable[Diagnostic], root: Path) -> None:
    """Write findings to stderr, errors last so that they are on screen when the list is long.

    Of many that are alike the first are shown and the others counted; errors are all shown.
    """
    read_line = line_reader(root)
    colour = wants_colour(sys.stderr)
    for shown in _shown(sorted(diagnostics, key=lambda each: _ORDER[each.severity])):
        if isinstance(shown, str):
            tell(shown + "\n")
            continue
        head, *rest = render(shown, read_line)
        if colour:
            head = click.style(head, fg=_COLOURS[shown.severity], bold=True)
        tell("\n".join([head, *rest]) + "\n")


def _shown(ordered: Iterable[Diagnostic]) -> Iterator[Diagnostic | str]:
    """Give findings to show, and at the end a line for each code that has more."""
    seen: Counter[tuple[str, str]] = Counter()
    errors: list[Diagnostic] = []
    for diagnostic in ordered:
        if diagnostic.severity == "error":
            errors.append(diagnostic)
            continue
        kind = (diagnostic.severity, f"[{diagnostic.name}] {diagnostic.code}")
        seen[kind] += 1
        if seen[kind] <= ALIKE_MAX:
            yield diagnostic
    for (severity, code), count in seen.items():
        if count > ALIKE_MAX:
            left = format_count(count - ALIKE_MAX)
            yield f"{severity}{code}: {left} more like these; `hw check --output json` has all"
    yield from errors
