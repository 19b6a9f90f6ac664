"""The plan on a terminal: the lines of ``plan.show`` with colour where the terminal has it."""

import re
import shutil
import sys

import click

from headwater.cli.output import emit, wants_colour
from headwater.plan.plan import Plan
from headwater.plan.show import show_plan

_MARKS = (
    (re.compile(r"^(\s*)(x )"), "red"),
    (re.compile(r"^(\s*)(! )"), "yellow"),
    (re.compile(r"^(\s*)(\+ )"), "green"),
    (re.compile(r"^(\s*)(~ )"), "cyan"),
    (re.compile(r"^(\s*)(- )"), "magenta"),
)


def print_plan(plan: Plan) -> None:
    """Write a plan's lines to stdout."""
    lines = show_plan(plan, width=shutil.get_terminal_size((100, 40)).columns)
    if wants_colour(sys.stdout):
        lines = tuple(_coloured(line) for line in lines)
    emit("\n".join(lines))


def _coloured(line: str) -> str:
    if line[:6] in {"BREAKS", "COST  "} or line.startswith(("SAFE", "Plan:", "COST")):
        return click.style(line, bold=True)
    for pattern, colour in _MARKS:
        if pattern.match(line):
            return click.style(line, fg=colour)
    return line
