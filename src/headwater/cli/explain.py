"""``hw explain``: what a code means and how to mend it, offline."""

import sys

import click

from headwater.base.codes import CODES, find_code_or_none
from headwater.base.errors import NotFound
from headwater.cli.output import emit, emit_document, emit_lines, output_option, wants_colour


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
        head, text = f"{found.number}  {found.name}\n{found.title}", found.explain.strip()
        if wants_colour(sys.stdout) and sys.stdout.isatty():
            _print_markdown(head, text)
        else:
            emit(f"{head}\n\n{text}")
    return 0


def _print_markdown(head: str, text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(head, style="bold", highlight=False)
    console.print()
    console.print(Markdown(text))


def _list(output: str) -> None:
    codes = sorted(CODES, key=lambda code: code.number)
    if output == "json":
        emit_document({"schema": "headwater.codes/1", "codes": codes})
    else:
        emit_lines(f"{code.number}  {code.name:<32} {code.title}" for code in codes)
