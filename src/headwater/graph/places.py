"""From compiled SQL back to the sources: which line of a file became a faulty line of SQL.

Looked for only when there is a fault, by the text itself, so that compiling keeps no map: a line
that is written once is found as it stands, one with Jinja in it by its other parts, and one that a
macro wrote in the macro.
"""

import re
from collections.abc import Sequence

from headwater.base.spans import Span
from headwater.jinja.macros import Macro
from headwater.project.node import Node
from headwater.project.project import Project, file_of

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}")
_PLAIN_CHARACTERS_MIN = 3


def place_in_source(project: Project, node: Node, code: str, fault: Span) -> Span:
    """Return the place of a fault in a node's file.

    Args:
        project: The project.
        node: The node whose compiled SQL has the fault.
        code: The compiled SQL.
        fault: The place in it.
    """
    return place_and_call(project, node, code, fault)[0]


def place_and_call(
    project: Project, node: Node, code: str, fault: Span
) -> tuple[Span, tuple[tuple[Span, str], ...]]:
    """Return the place of a fault in the sources, and where the macro that wrote it is called."""
    file, lines = file_of(project, node), code.splitlines()
    first = node.where.line if node.where else 1
    raw = node.raw_code.splitlines()
    faulty = lines[fault.line - 1] if fault.line <= len(lines) else ""
    found = find_line(raw, faulty, fault)
    if found is not None:
        return _span(file, first, found), ()
    for macro in _macros_of(project, node):
        found = find_line(macro.text.splitlines(), faulty, fault)
        if found is not None:
            call = _call_of(project, node, file, first)
            return _span(macro.file, macro.line, found), call
    if len(raw) == len(lines):
        return Span(file=file, line=first + fault.line - 1), ()
    return Span(file=file, line=first), ()


def _span(file: str, first: int, found: tuple[int, int, int | None]) -> Span:
    index, column, end = found
    return Span(file=file, line=first + index, column=column, end_column=end)


def _macros_of(project: Project, node: Node) -> list[Macro]:
    return [project.macros[key] for key in node.macros if key in project.macros]


def _call_of(project: Project, node: Node, file: str, first: int) -> tuple[tuple[Span, str], ...]:
    """Return where the node calls the first of its macros that its own text names."""
    for macro in _macros_of(project, node):
        for index, line in enumerate(node.raw_code.splitlines()):
            match = re.search(rf"\b{re.escape(macro.name)}\s*\(", line)
            if match is not None:
                span = Span(file=file, line=first + index, column=match.start() + 1)
                return ((span, f"`{macro.name}` is called here"),)
    return ()


def find_line(
    source: Sequence[str], faulty: str, fault: Span
) -> tuple[int, int, int | None] | None:
    """Find the one line of a source that became a line of SQL.

    Returns:
        Its index, and first and last column of the fault in it; None when none or several fit.
    """
    wanted = faulty.strip()
    if not wanted:
        return None
    same = [index for index, line in enumerate(source) if line.strip() == wanted]
    if len(same) == 1:
        shift = _indent(source[same[0]]) - _indent(faulty)
        end = fault.end_column
        return same[0], fault.column + shift, end + shift if end else None
    fitting = [index for index, line in enumerate(source) if not same and _fits(line, faulty)]
    if len(fitting) != 1:
        return None
    line = source[fitting[0]]
    token = re.match(r"\w+|.", faulty[fault.column - 1 :])
    column = line.find(token[0]) if token and line.count(token[0]) == 1 else _indent(line)
    return fitting[0], column + 1, None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _fits(line: str, faulty: str) -> bool:
    """Say whether a line with Jinja in it can have become a line of SQL."""
    parts = _JINJA.split(line.strip())
    if len(parts) == 1 or sum(len(part.strip()) for part in parts) < _PLAIN_CHARACTERS_MIN:
        return False
    pattern = ".*".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, faulty.strip()) is not None
