"""Markdown as plain lines for a terminal: paragraphs filled, code indented, marks taken away.

The pages of codes use a small part of Markdown (paragraphs, lists, fenced and indented code, bold,
code in backticks, tables), which needs no library: `hw explain` stays quick.
"""

import re
import textwrap
from collections.abc import Iterator

import click

_ITEM = re.compile(r"(\s*)([-*]|\d+\.)\s+")
_HEADING = re.compile(r"#{1,6}\s+")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_INDENT = "    "


def plain_text(markdown: str, *, width: int, colour: bool = False) -> list[str]:
    """Lay Markdown out as lines of at most ``width`` characters; code is never broken.

    Args:
        markdown: The text.
        width: Columns of the terminal.
        colour: Whether bold and code may be marked by escape codes.
    """
    lines: list[str] = []
    for kind, block in _blocks(markdown):
        if lines:
            lines.append("")
        match kind:
            case "code":
                lines += [f"{_INDENT}{line}".rstrip() for line in block]
            case "table":
                lines += [_inline(line, colour=False) for line in block]
            case _:
                for paragraph in _paragraphs(block):
                    lines += _filled(paragraph, width, colour=colour)
    return lines


def _blocks(markdown: str) -> Iterator[tuple[str, list[str]]]:
    """Split into blocks: code, table or text."""
    block: list[str] = []
    fence = False
    for line in textwrap.dedent(markdown).strip("\n").splitlines():
        if line.lstrip().startswith("```"):
            if block:
                yield ("code" if fence else _kind(block)), _outdented(block)
            block, fence = [], not fence
        elif fence or line.strip():
            block.append(line)
        elif block:
            yield _kind(block), _outdented(block)
            block = []
    if block:
        yield ("code" if fence else _kind(block)), _outdented(block)


def _kind(block: list[str]) -> str:
    if all(line.startswith(_INDENT) for line in block):
        return "code"
    return "table" if block[0].lstrip().startswith("|") else "text"


def _outdented(block: list[str]) -> list[str]:
    return textwrap.dedent("\n".join(block)).splitlines()


def _paragraphs(block: list[str]) -> Iterator[str]:
    """Join the lines of a paragraph; each item of a list is a paragraph of its own."""
    joined = ""
    for line in block:
        if joined and (_ITEM.match(line) or _HEADING.match(line)):
            yield joined
            joined = line
        else:
            joined = f"{joined} {line.strip()}" if joined else line
    if joined:
        yield joined


def _filled(paragraph: str, width: int, *, colour: bool) -> list[str]:
    heading = _HEADING.match(paragraph)
    text = paragraph[heading.end() :] if heading else paragraph
    item = _ITEM.match(text)
    hang = " " * len(item[0]) if item else ""
    plain = _LINK.sub(r"\1 (\2)", text)
    # Marks are taken away after filling, so that one that spans two lines is still found.
    filled = textwrap.fill(
        plain, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False
    )
    return _inline(filled, colour=colour).splitlines()


def _inline(text: str, *, colour: bool) -> str:
    text = _BOLD.sub(lambda m: click.style(m[1], bold=True) if colour else m[1], text)
    return _CODE.sub(lambda m: click.style(m[1], fg="cyan"), text) if colour else text
