"""Finds the blocks of a file (macro, test, docs, snapshot ...) without compiling it.

A macro file holds many macros and a run calls few, so files are cut into blocks by this scanner and
each block is compiled on its first call only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<comment>\{#.*?#\})"
    r"|(?P<raw>\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\})"
    r"|\{%[-+]?\s*(?P<tag>(?:end)?(?:macro|data_test|test|materialization|docs|snapshot))\b"
    r"(?P<rest>(?:[^'\"%]|%(?!\})|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")*?)[-+]?%\}",
    re.DOTALL,
)
_NAME = re.compile(r"\s*(\w+)")
_ADAPTER = re.compile(r"\badapter\s*=\s*['\"](\w+)['\"]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One top-level block.

    Attributes:
        kind: The opening tag: ``macro``, ``test`` (also for ``data_test``), ``materialization``,
            ``docs`` or ``snapshot``.
        name: Name as written after the tag.
        adapter: ``adapter='x'`` of a materialization; ``default`` when it names none.
        start: Offset of the opening tag in the file.
        text: The whole block, both tags included.
        body: What is between the tags.
        body_start: Offset of the body in the file.
    """

    kind: str
    name: str
    adapter: str
    start: int
    text: str
    body: str
    body_start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnclosedBlock:
    """A block without its closing tag, or a closing tag without its block."""

    kind: str
    name: str
    start: int


def scan_blocks(text: str) -> Iterator[Block | UnclosedBlock]:
    """Find the top-level blocks of a file, in order; text in comments and raw blocks is skipped."""
    if "{%" not in text:
        return
    opened: re.Match[str] | None = None
    for match in _TOKEN.finditer(text):
        tag = match["tag"]
        if tag is None:
            continue
        if opened is None:
            if tag.startswith("end"):
                yield UnclosedBlock(kind=tag, name="", start=match.start())
            else:
                opened = match
        elif tag == "end" + opened["tag"]:
            yield _block(text, opened, match)
            opened = None
    if opened is not None:
        yield UnclosedBlock(kind=opened["tag"], name=_name(opened["rest"]), start=opened.start())


def _block(text: str, opened: re.Match[str], closed: re.Match[str]) -> Block:
    adapter = _ADAPTER.search(opened["rest"])
    return Block(
        kind="test" if opened["tag"] == "data_test" else opened["tag"],
        name=_name(opened["rest"]),
        adapter=adapter[1] if adapter else "default",
        start=opened.start(),
        text=text[opened.start() : closed.end()],
        body=text[opened.end() : closed.start()],
        body_start=opened.end(),
    )


def _name(rest: str) -> str:
    match = _NAME.match(rest)
    return match[1] if match else ""
