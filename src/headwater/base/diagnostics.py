"""Findings about a user's project: collected, never raised, shown all at once with a code frame."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from headwater.base.codes import find_code
from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.spans import Span

Severity = Literal["error", "warning", "info"]

_FRAME_WIDTH = 160
"""Characters of a line that a code frame shows."""
# A tab, a NUL or an escape of the terminal takes one place, as it does in a column number.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Signs in a text of users that would move a terminal's cursor, colour it or turn it around."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: The code's number, such as ``HW1203``; may be given as the kebab name.
        severity: ``error`` stops what was asked for, ``warning`` does not, ``info`` only tells.
        what: One sentence, names in backticks, no full stop.
        why: What led to it or what it will cause, with numbers; may be empty.
        fix: What to do; shown as ``hint:``; may be empty.
        where: Place in the user's files, if there is one.
        related: Further places, each with a note (the other duplicate, the hops of a cycle).
        node: The unique_id of the node it is about; empty when it is about none.
        name: The code's kebab name; filled in.
    """

    code: str
    severity: Severity
    what: str
    why: str = ""
    fix: str = ""
    where: Span | None = None
    related: tuple[tuple[Span, str], ...] = ()
    node: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        known = find_code(self.code)
        object.__setattr__(self, "code", known.number)
        object.__setattr__(self, "name", known.name)


def diagnostic_of(error: HeadwaterError, *, node: str = "") -> Diagnostic:
    """Turn a raised error into the finding that reports it."""
    return Diagnostic(
        code=error.code,
        severity="error",
        what=error.what,
        why=error.why,
        fix=error.fix,
        where=error.where,
        node=node,
    )


def error_of(diagnostic: Diagnostic) -> Invalid:
    """Turn a finding into the error to raise where a command cannot go on without it."""
    return Invalid(
        diagnostic.name,
        diagnostic.what,
        why=diagnostic.why,
        fix=diagnostic.fix,
        where=diagnostic.where,
    )


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Say whether any finding stops the command."""
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def without_repeats(
    found: Iterable[Diagnostic], said: Iterable[Diagnostic]
) -> tuple[Diagnostic, ...]:
    """Leave out what was said before: reading and compiling meet the same fault in a text."""
    told = tuple(said)
    known = {(item.code, item.what, item.where) for item in told}
    # What is called and unknown while reading is undefined when compiling, on the same line.
    unknown = {
        (item.where.file, item.where.line)
        for item in told
        if item.name == "macro-not-found" and item.where
    }
    return tuple(
        item
        for item in found
        if (item.code, item.what, item.where) not in known
        and not (
            item.name == "jinja-undefined"
            and item.where is not None
            and (item.where.file, item.where.line) in unknown
        )
    )


def render(diagnostic: Diagnostic, read_line: Callable[[str, int], str | None]) -> list[str]:
    """Write a finding as the lines that a terminal shows.

    Args:
        diagnostic: What to show.
        read_line: Gives line ``n`` (from 1) of a file of the project, or None when there is none.
    """
    lines = [f"{diagnostic.severity}[{diagnostic.name}] {diagnostic.code}: {diagnostic.what}"]
    if diagnostic.where:
        lines += _frame(diagnostic.where, read_line)
    for span, note in diagnostic.related:
        lines.append(f"  ::: {span}  {note}")
    if diagnostic.why:
        lines.append(f"why: {diagnostic.why}")
    if diagnostic.fix:
        lines.append(f"hint: {diagnostic.fix}")
    return [_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in lines]


def _frame(span: Span, read_line: Callable[[str, int], str | None]) -> list[str]:
    lines = [f"  --> {span}"]
    text = read_line(span.file, span.line)
    if text is None:
        return lines
    number = str(span.line)
    margin = " " * len(number)
    shown, column = _window(_CONTROL.sub(" ", text), span.column)
    width = max(1, (span.end_column or span.column + 1) - span.column)
    caret = " " * (column - 1) + "^" * min(width, max(1, len(shown) - column + 1))
    return [*lines, f"  {number} | {shown}", f"  {margin} | {caret}"]


def _window(text: str, column: int) -> tuple[str, int]:
    """Cut the surroundings of a column out of a long line, such as one of generated SQL.

    Returns:
        The text to show, and the column in it.
    """
    if len(text) <= _FRAME_WIDTH:
        return text, column
    start = max(0, min(column - 1 - _FRAME_WIDTH // 2, len(text) - _FRAME_WIDTH))
    before = "..." if start else ""
    after = "..." if start + _FRAME_WIDTH < len(text) else ""
    shown = text[start : start + _FRAME_WIDTH]
    return before + shown + after, column - start + len(before)
