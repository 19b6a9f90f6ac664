"""The plan on a terminal: the styled lines of ``plan.show``, coloured where the terminal can."""

import shutil
import sys
from collections.abc import Mapping
from types import MappingProxyType

import click

from headwater.cli.output import emit, wants_colour
from headwater.plan.plan import Plan
from headwater.plan.show import Style, StyledText, show_plan, style_plan

_COLOURS: Mapping[Style, str] = MappingProxyType(
    {"add": "green", "change": "cyan", "remove": "magenta", "error": "red", "warning": "yellow"}
)


def print_plan(plan: Plan) -> None:
    """Write a plan's lines to stdout."""
    width = shutil.get_terminal_size((100, 40)).columns
    if wants_colour(sys.stdout):
        lines = tuple("".join(map(coloured, line)).rstrip() for line in style_plan(plan, width))
    else:
        lines = show_plan(plan, width=width)
    emit("\n".join(lines))


def coloured(part: StyledText) -> str:
    """Return a piece of a line with the escape codes of its style."""
    if not part.text.strip() or part.style == "plain":
        return part.text
    return click.style(
        part.text,
        fg=_COLOURS.get(part.style),
        bold=True if part.style == "heading" else None,
        dim=True if part.style == "dim" else None,
    )
