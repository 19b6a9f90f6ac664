"""``hw explain``: what a code means and how to mend it, offline."""

import sys

import click

from headwater.base.codes import CODES, find_code_or_none
from headwater.base.errors import NotFound
from headwater.cli.markdown import plain_text
from headwater.cli.output import (
    emit_document,
    emit_lines,
    output_option,
    text_width,
    wants_colour,
)


@click.command("explain")
@click.argument("code", required=False)
@click.option("--list", "list_all", is_flag=True, help="List every code.")
@output_option("text", "json")
def explain_command(code: str | None, *, list_all: bool, output: str) -> int:
    """Explain CODE, a number such as HW1203 or a name such as ref-not-found."""
    if list_all or code is None:
        _list(output)
        return 0
    found = find_code_or_none(code)
    if found is None:
        raise NotFound("code-unknown", f"no code is called `{code}`", fix="hw explain --list")
    if output == "json":
        emit_document({"schema": "headwater.code/1", "code": found})
    else:
        head = f"{found.number}  {found.name}"
        colour = wants_colour(sys.stdout)
        body = plain_text(found.explain, width=text_width(), colour=colour)
        emit_lines([click.style(head, bold=True) if colour else head, found.title, "", *body])
    return 0


def _list(output: str) -> None:
    codes = sorted(CODES, key=lambda code: code.number)
    if output == "json":
        emit_document({"schema": "headwater.codes/1", "codes": codes})
    else:
        emit_lines(f"{code.number}  {code.name:<32} {code.title}" for code in codes)
